//! The peer: a terminal server that runs a `kubectl exec` for each browser. gotty as in webkubectl, or
//! ttyd as in cloudtty. It listens on loopback and is ended with its children when it is dropped.

use crate::cluster::Place;
use crate::line::{Dialect, Line};
use crate::process::ProcessTree;
use anyhow::Context;
use futures_util::SinkExt;
use http::{HeaderMap, HeaderValue, header};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use testkit::{Endpoint, Trust};
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::Message;

/// A running peer.
pub(crate) struct Peer {
    child: Child,
    endpoint: Endpoint,
    dialect: Dialect,
}

/// What a peer needs to know.
pub(crate) struct PeerPlan<'a> {
    /// The gotty program, if there is one.
    pub gotty: Option<&'a Path>,
    /// The kubectl program.
    pub kubectl: &'a Path,
    /// The kubeconfig for it.
    pub kubeconfig: &'a Path,
    /// Where to exec.
    pub place: &'a Place,
    /// What to exec.
    pub shell: &'a str,
}

impl Peer {
    /// Starts the gotty that was named, else the ttyd on PATH; `None` if there is neither.
    pub(crate) async fn start(plan: &PeerPlan<'_>) -> anyhow::Result<Option<Self>> {
        let (program, dialect) = match (plan.gotty, on_path("ttyd")) {
            (Some(gotty), _) => (gotty.to_owned(), Dialect::Gotty),
            (None, Some(ttyd)) => (ttyd, Dialect::Ttyd),
            (None, None) => return Ok(None),
        };
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(&program);
        match dialect {
            Dialect::Gotty => {
                command.args(["--permit-write", "--quiet", "--address", "127.0.0.1", "--port"]);
                command.arg(port.to_string());
            }
            _ => {
                command.args(["--writable", "--interface", "127.0.0.1", "--port"]);
                command.arg(port.to_string());
            }
        }
        command
            .arg(plan.kubectl)
            .arg("--kubeconfig")
            .arg(plan.kubeconfig)
            .args(["exec", "-it", "-n", &plan.place.namespace, &plan.place.pod, "--"])
            .args(plan.shell.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let child =
            command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let endpoint = Endpoint::new(&format!("http://127.0.0.1:{port}"), &Trust::Plain)?;
        let peer = Self { child, endpoint, dialect };
        let listening = async {
            while peer.endpoint.connect().await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let started = tokio::time::timeout(Duration::from_secs(10), listening).await;
        started.with_context(|| format!("{} does not listen", program.display()))?;
        Ok(Some(peer))
    }

    /// What it is called in the table.
    pub(crate) fn name(&self) -> &'static str {
        if self.dialect == Dialect::Gotty { "gotty" } else { "ttyd" }
    }

    /// Its process, with the kubectl of every session.
    pub(crate) fn process(&self) -> anyhow::Result<ProcessTree> {
        Ok(ProcessTree::of(self.child.id().context("the peer has ended")?))
    }

    /// Opens a terminal of 80 by 24 as its page does.
    pub(crate) async fn terminal(&self) -> anyhow::Result<Line> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_str(&self.endpoint.origin())?);
        let protocol = if self.dialect == Dialect::Gotty { "webtty" } else { "tty" };
        let (mut socket, _) = self.endpoint.web_socket("/ws", &headers, &[protocol]).await?;
        match self.dialect {
            Dialect::Gotty => {
                socket.send(Message::text(r#"{"Arguments":"","AuthToken":""}"#)).await?;
                socket.send(Message::text(r#"3{"columns":80,"rows":24}"#)).await?;
            }
            _ => {
                let hello = br#"{"AuthToken":"","columns":80,"rows":24}"#.as_slice();
                socket.send(Message::Binary(hello.into())).await?;
            }
        }
        Ok(Line::other(socket, self.dialect))
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
