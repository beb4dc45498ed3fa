//! Leaves no process behind: a small shell in the container that ends sessions when it is told to, and
//! all of its sessions when the connection to the hub breaks, whatever broke it.
//!
//! Nobody hangs up on an exec that was cut: the program stays in the Pod for good. A guardian runs
//! without a terminal, so the cut reaches it as the end of its standard input. That works when the hub
//! is killed, when the person's right is withdrawn (no new exec would be allowed then) and when the
//! API server restarts. One guardian serves all of a person's terminals in a container.
//!
//! Bounds: one exec stream per person and container; commands are queued up to [`QUEUED_MAX`]; a guardian is
//! tried [`STARTS_MAX`] times.

use crate::launch;
use kube_io::{Authorized, Cluster, EnterPod, ExecFrame, ExecSink, ExecSource, ExecStart};
use model::{ContainerPlace, Process};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// Commands that wait for a slow cluster: each terminal sends two in its life, and a person has 64 by default.
const QUEUED_MAX: usize = 256;
/// A guardian that has not said anything by then is tried again, for a node may be busy for a while.
const STARTS_WITHIN: Duration = Duration::from_secs(30);
const STARTS_MAX: u32 = 3;
const STARTS_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Intermediaries cut silent connections after a minute or more.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long after the last terminal's end its processes may take to be ended.
const LINGERS: Duration = Duration::from_secs(10);

/// Builtins of any POSIX shell, for there may be nothing else in the container; only the two seconds between
/// HUP and KILL need a `sleep`, and where there is none KILL follows at once. A session's members are
/// found by field 6 of /proc/PID/stat (proc_pid_stat(5)); they get HUP as if their terminal was closed.
const SCRIPT: &str = r#": guardian
tell() {
  told=1
  for stat in /proc/[0-9]*/stat; do
    line=; { read -r line < "$stat"; } 2>/dev/null
    rest=${line##*) }
    set -- "$1" "$2" $rest
    pid=${stat#/proc/}; pid=${pid%/stat}
    if [ "$6" = "$1" ] && [ "$3" != Z ]; then kill "$2" "$pid" 2>/dev/null && told=0; fi
  done
  return $told
}
finish() {
  tell "$1" -HUP; tell "$1" -CONT
  tries=0
  while [ $tries -lt 20 ]; do
    tell "$1" -0 || return 0
    sleep 0.1 2>/dev/null
    tries=$((tries + 1))
  done
  tell "$1" -KILL
}
watched=
echo ready
while read -r verb pid; do
  case "$verb" in
    watch) watched="$watched $pid" ;;
    finish|forget)
      left=
      for one in $watched; do [ "$one" = "$pid" ] || left="$left $one"; done
      watched=$left
      [ "$verb" = finish ] && finish "$pid" &
      ;;
  esac
done
for pid in $watched; do finish "$pid" & done
wait
"#;

/// The guardians of this hub.
#[derive(Clone, Default)]
pub(crate) struct Guardians {
    places: Arc<Mutex<HashMap<(ContainerPlace, String), Post>>>,
    tasks: TaskTracker,
}

struct Post {
    commands: mpsc::Sender<Command>,
    terminals: usize,
    generation: u64,
}

enum Command {
    Watch(u32),
    Finish(u32),
    Forget(u32),
}

/// A terminal's claim on its guardian; dropped, it ends the terminal's processes.
pub(crate) struct Watch {
    guardians: Guardians,
    key: (ContainerPlace, String),
    commands: mpsc::Sender<Command>,
    generation: u64,
    pid: u32,
    ended_by_itself: bool,
}

impl Guardians {
    /// Has the session of process `pid` ended when the terminal ends, however it ends.
    pub(crate) fn watch(
        &self,
        cluster: &Cluster,
        right: &Arc<Authorized<EnterPod>>,
        place: &ContainerPlace,
        pid: u32,
    ) -> Watch {
        let key = (place.clone(), right.identity().user.clone());
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.get(&key).is_some_and(|post| post.commands.is_closed()) {
            places.remove(&key);
        }
        let post = places.entry(key.clone()).or_insert_with(|| {
            let (commands, queue) = mpsc::channel(QUEUED_MAX);
            let (cluster, right, place) = (cluster.clone(), Arc::clone(right), place.clone());
            self.tasks.spawn(async move {
                if let Err(error) = stand(&cluster, &right, &place, queue).await {
                    tracing::warn!(%place, error, "a guardian was lost; if it stood, it ends what it watched");
                }
            });
            static GENERATIONS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
            let generation = GENERATIONS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Post { commands, terminals: 0, generation }
        });
        post.terminals += 1;
        let watch = Watch {
            guardians: self.clone(),
            key,
            commands: post.commands.clone(),
            generation: post.generation,
            pid,
            ended_by_itself: false,
        };
        drop(places);
        watch.say(Command::Watch(pid));
        watch
    }

    /// Waits until every guardian has done its work. For the drain.
    pub(crate) async fn closed(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Watch {
    /// The process ended by itself; what it left running in the background is the person's wish.
    pub(crate) fn ended_by_itself(&mut self) {
        self.ended_by_itself = true;
    }

    fn say(&self, command: Command) {
        if self.commands.try_send(command).is_err() {
            // A guardian that is gone has ended what it watched, unless it never stood; that was told then.
            tracing::warn!(place = %self.key.0, pid = self.pid, "a guardian takes no more commands");
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let pid = self.pid;
        self.say(if self.ended_by_itself { Command::Forget(pid) } else { Command::Finish(pid) });
        let mut places = self.guardians.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(post) = places.get_mut(&self.key)
            && post.generation == self.generation
        {
            post.terminals -= 1;
            if post.terminals == 0 {
                // The last sender is dropped with it, which the guardian takes as its relief.
                places.remove(&self.key);
            }
        }
    }
}

async fn stand(
    cluster: &Cluster,
    right: &Authorized<EnterPod>,
    place: &ContainerPlace,
    mut queue: mpsc::Receiver<Command>,
) -> Result<(), String> {
    let process = Process {
        tty: false,
        command: ["sh", "-c", SCRIPT, "guardian"].map(str::to_owned).to_vec(),
    };
    let start = ExecStart { container: &place.container, process: &process };
    let words = |error: kube_io::KubeIoError| error.to_string();
    let Some((mut sink, mut source)) = start_up(cluster, right, &start).await? else {
        return Ok(());
    };
    let mut pings = tokio::time::interval(PING_EVERY);
    loop {
        tokio::select! {
            command = queue.recv() => {
                let Some(command) = command else { break };
                let line = match command {
                    Command::Watch(pid) => format!("watch {pid}\n"),
                    Command::Finish(pid) => format!("finish {pid}\n"),
                    Command::Forget(pid) => format!("forget {pid}\n"),
                };
                sink.stdin(line.as_bytes()).await.map_err(words)?;
            }
            frame = source.next() => match frame {
                Some(Ok(ExecFrame::Output(_))) => {}
                Some(Ok(ExecFrame::End(end))) => return Err(format!("{end:?}")),
                Some(Err(error)) => return Err(words(error)),
                None => return Err("the cluster closed its connection".to_owned()),
            },
            _ = pings.tick() => {
                sink.start_ping().map_err(words)?;
                std::future::poll_fn(|cx| sink.poll_flush(cx)).await.map_err(words)?;
            }
        }
    }
    // Relieved: the end of its input makes it finish what is left and exit.
    if sink.start_stdin_close().map_err(words)? {
        std::future::poll_fn(|cx| sink.poll_flush(cx)).await.map_err(words)?;
        let until_exit = async {
            while let Some(Ok(frame)) = source.next().await {
                if matches!(frame, ExecFrame::End(_)) {
                    break;
                }
            }
        };
        // Where it takes longer, the cut below has the same effect.
        tokio::time::timeout(LINGERS, until_exit).await.ok();
    }
    Ok(())
}

/// Starts it and waits until it has said that it is ready: an end of input that overtakes the start of a
/// process can get lost in the runtime, and then it stays for good. `None` where there is no shell.
async fn start_up(
    cluster: &Cluster,
    right: &Authorized<EnterPod>,
    start: &ExecStart<'_>,
) -> Result<Option<(ExecSink, ExecSource)>, String> {
    let mut tries = 0;
    loop {
        tries += 1;
        let started = tokio::time::timeout(STARTS_WITHIN, async {
            let mut exec = cluster.exec(right, start).await.map_err(|error| error.to_string())?;
            match exec.1.next().await {
                Some(Ok(ExecFrame::Output(_))) => Ok(Some(exec)),
                Some(Ok(ExecFrame::End(end))) => {
                    let text = format!("{end:?}");
                    if launch::is_missing_shell(&text) { Ok(None) } else { Err(text) }
                }
                Some(Err(error)) => Err(error.to_string()),
                None => Err("the cluster closed its connection".to_owned()),
            }
        });
        match started.await.unwrap_or_else(|_| Err("it did not start in time".to_owned())) {
            Ok(exec) => return Ok(exec),
            Err(error) if tries == STARTS_MAX => return Err(error),
            Err(error) => tracing::warn!(error, "a guardian did not start; it is tried again"),
        }
        tokio::time::sleep(STARTS_AGAIN_AFTER).await;
    }
}
