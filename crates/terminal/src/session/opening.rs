//! Starts the process of a session and reads on until it has told its pid.
//! What flows afterwards is `session`'s; how the process is started, `launch`'s.
//!
//! It is a task of its own, so that nobody who gives up meanwhile leaves a process behind: a browser that
//! left, a link that was revoked, a hub that drains. Whoever started the task drops the receiver, the task
//! goes on until the pid is known, and the [`Watch`] that nobody takes ends the process.
//!
//! Bounds: [`OPENS_WITHIN`] for the person who waits, [`KNOWN_WITHIN`] for the task, and
//! [`BEFORE_MARKER_MAX`] bytes of output that come before the pid.

use super::Start;
use crate::gates::exec_refused;
use crate::guardian::{Guardians, Watch};
use crate::launch::{self, Filtered, MarkerFilter};
use crate::protocol::Size;
use bytes::{BufMut, Bytes, BytesMut};
use http_api::{DecidedBy, Problem, ProblemCode};
use kube_io::{
    Authorized, Cluster, EnterPod, ExecEnd, ExecFrame, ExecSink, ExecSource, ExecStart, KubeIoError,
};
use model::{ContainerPlace, Process};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a person waits for a process.
pub(super) const OPENS_WITHIN: Duration = Duration::from_secs(20);
/// How long its pid is waited for when nobody waits for the process any more.
const KNOWN_WITHIN: Duration = Duration::from_secs(120);
/// The script tells the pid before anything else; whatever says more first is no script of ours.
const BEFORE_MARKER_MAX: usize = 4 * 1024;

/// A process that runs.
pub(super) struct Opened {
    pub(super) exec: (ExecSink, ExecSource),
    /// Ends the process when dropped; `None` where the pid is not known.
    pub(super) watch: Option<Watch>,
    /// What it has said so far.
    pub(super) said: Vec<ExecFrame>,
}

/// What the task needs; it may outlive the session.
struct Plan {
    cluster: Cluster,
    right: Arc<Authorized<EnterPod>>,
    place: ContainerPlace,
    process: Process,
    size: Option<Size>,
    guardians: Guardians,
}

/// Begins; the answer comes by the receiver.
pub(super) fn begin(start: &Start<'_>) -> oneshot::Receiver<Result<Opened, Problem>> {
    let process = start.terminal.process.clone();
    let plan = Plan {
        cluster: start.cluster.clone(),
        right: Arc::clone(&start.right),
        place: start.terminal.place.clone(),
        size: process.tty.then_some(start.size),
        process,
        guardians: start.terminals.live.guardians().clone(),
    };
    let (answer, answered) = oneshot::channel();
    start.terminals.live.tasks().spawn(async move {
        let opened = tokio::time::timeout(KNOWN_WITHIN, plan.open()).await;
        // Whoever asked may be gone; what was opened ends when it is dropped here.
        answer.send(opened.unwrap_or_else(|_| Err(too_slow(&plan.place)))).ok();
    });
    answered
}

/// What a person is told whose process did not start in time.
pub(super) fn too_slow(place: &ContainerPlace) -> Problem {
    Problem::new(
        ProblemCode::ClusterUnreachable,
        format!(
            "the cluster did not start a process in `{place}` within {} s",
            OPENS_WITHIN.as_secs()
        ),
    )
    .decided_by(DecidedBy::Kubernetes)
    .fix("try again in a moment; if it stays so, tell the hub's operator")
}

impl Plan {
    async fn open(&self) -> Result<Opened, Problem> {
        let mut exec = self.exec(&launch::wrapped(&self.process)).await?;
        let mut marker = MarkerFilter::default();
        let mut said = Vec::new();
        let mut said_bytes = 0;
        loop {
            let lost = |error: Option<KubeIoError>| cluster_lost(&self.place, error);
            match exec.1.next().await {
                Some(Ok(ExecFrame::Output(frame))) if frame[0] == 1 => {
                    match marker.push(&frame[1..]) {
                        Filtered::More => continue,
                        Filtered::Leader(pid, output) => {
                            said.extend(output_frame(&output));
                            let (cluster, right) = (&self.cluster, &self.right);
                            let watch = self.guardians.watch(cluster, right, &self.place, pid);
                            return Ok(Opened { exec, watch: Some(watch), said });
                        }
                        Filtered::Plain(output) => {
                            said.extend(output_frame(&output));
                            return Ok(Opened { exec, watch: None, said });
                        }
                    }
                }
                Some(Ok(ExecFrame::Output(frame))) => {
                    said_bytes += frame.len();
                    said.push(ExecFrame::Output(frame));
                    if said_bytes > BEFORE_MARKER_MAX {
                        return Ok(Opened { exec, watch: None, said });
                    }
                }
                Some(Ok(ExecFrame::End(ExecEnd::Failed(words))))
                    if said.is_empty() && launch::is_missing_shell(&words) =>
                {
                    return self.open_without_shell().await;
                }
                Some(Ok(ExecFrame::End(end))) => {
                    said.push(ExecFrame::End(end));
                    return Ok(Opened { exec, watch: None, said });
                }
                Some(Err(error)) => return Err(lost(Some(error))),
                None => return Err(lost(None)),
            }
        }
    }

    /// The container has no `sh`: a command that the link names is started as it is.
    async fn open_without_shell(&self) -> Result<Opened, Problem> {
        if self.process.command.is_empty() {
            return Err(Problem::new(
                ProblemCode::NoShell,
                format!("container `{}` has no shell", self.place),
            )
            .decided_by(DecidedBy::Kubernetes)
            .fix(
                "make a link with a command that the container has, or use an ephemeral container",
            ));
        }
        let exec = self.exec(&self.process).await?;
        Ok(Opened { exec, watch: None, said: Vec::new() })
    }

    async fn exec(&self, process: &Process) -> Result<(ExecSink, ExecSource), Problem> {
        let start = ExecStart { container: &self.place.container, process };
        let opened = self.cluster.exec(&self.right, &start).await;
        let (mut sink, source) = opened.map_err(|error| exec_refused(error, &self.place))?;
        if let Some(size) = self.size {
            let lost = |error| cluster_lost(&self.place, Some(error));
            sink.start_resize(size.cols, size.rows).map_err(lost)?;
            std::future::poll_fn(|cx| sink.poll_flush(cx)).await.map_err(lost)?;
        }
        Ok((sink, source))
    }
}

/// What is said when the connection to the Pod ends without the process having ended.
pub(super) fn cluster_lost(place: &ContainerPlace, error: Option<KubeIoError>) -> Problem {
    if let Some(KubeIoError::ExecUnsupported { cluster, .. }) = &error {
        return Problem::new(
            ProblemCode::ExecUnsupported,
            format!(
                "cluster `{cluster}` speaks version 4 of the exec protocol, which cannot end the input of a \
                 program; the program would wait for the end for ever"
            ),
        )
        .decided_by(DecidedBy::Kubernetes)
        .fix(format!(
            "run a command that does not read to the end of its input, or have `{cluster}` updated to \
             Kubernetes 1.30 or newer"
        ));
    }
    let problem = Problem::new(
        ProblemCode::ClusterUnreachable,
        format!(
            "the cluster closed the connection to `{place}`: the Pod ended, or the API server restarted"
        ),
    )
    .decided_by(DecidedBy::Kubernetes)
    .fix("open it again; if the Pod is gone, the list of Pods shows it");
    match error {
        Some(error) => problem.caused_by(error),
        None => problem,
    }
}

fn output_frame(output: &[u8]) -> Option<ExecFrame> {
    if output.is_empty() {
        return None;
    }
    let mut frame = BytesMut::with_capacity(output.len() + 1);
    frame.put_u8(1);
    frame.put_slice(output);
    Some(ExecFrame::Output(Bytes::from(frame)))
}
