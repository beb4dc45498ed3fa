//! [`ExecServer`], a double of a Kubernetes API server: as much of it as a terminal's way into a Pod
//! touches. Version, reviews, one Pod, and exec over WebSocket in `v5.channel.k8s.io` or `v4`.
//! Programs do not run here; they are played by `shell` and `session`.
//!
//! One process holds thousands of sessions: an idle one keeps a task, a WebSocket with a buffer of 4 KiB
//! and what TLS keeps. What is recorded for assertions is bounded (see [`record`]).

mod api;
mod kubeconfig;
mod pods;
mod program;
pub mod record;
mod reviews;
mod session;
mod shell;
mod upgrade;

pub use pods::{ContainerDouble, PodDouble};
pub use program::{ExecAnswer, Marker, Program, ScriptStep};
pub use record::{ExecSeen, RequestSeen};
pub use reviews::{AccessAsked, TokenUser};

use crate::tls::TestTls;
use anyhow::Context;
use hyper_util::rt::TokioIo;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A test that waits longer has failed.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Connections that the kernel holds until they are accepted: a benchmark opens hundreds at once.
const BACKLOG: u32 = 4096;

/// How a double begins. The rest is set while it runs.
#[derive(Debug, Clone)]
pub struct ExecServerOptions {
    /// Whether it speaks TLS with a certificate authority of its own.
    pub tls: bool,
    /// The port on 127.0.0.1; 0 for a free one.
    pub port: u16,
}

impl Default for ExecServerOptions {
    fn default() -> Self {
        Self { tls: true, port: 0 }
    }
}

/// The double. It begins with one running Pod `default/shell` and the program [`Program::Shell`], allows
/// everything, and stops with all its sessions when it is dropped.
pub struct ExecServer {
    address: SocketAddr,
    ca_pem: Option<String>,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

/// What every connection sees.
struct Shared {
    settings: Mutex<Settings>,
    pods: Mutex<Vec<PodDouble>>,
    policy: Mutex<reviews::Policy>,
    records: record::Records,
    /// Sessions after their upgrade; before, they belong to the accept loop.
    sessions: Mutex<JoinSet<()>>,
    process_ids: AtomicU64,
}

/// How exec behaves.
#[derive(Clone)]
struct Settings {
    answer: ExecAnswer,
    marker: Marker,
    opening_frame: bool,
    program: Program,
    program_by_pod: Vec<(String, Program)>,
}

/// A test that panicked while it held a lock has failed already.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ExecServer {
    /// Starts with TLS on a free port.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(&ExecServerOptions::default()).await
    }

    /// Starts as told.
    pub async fn start_with(options: &ExecServerOptions) -> anyhow::Result<Self> {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, options.port).into())?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let tls = if options.tls { Some(TestTls::new()?) } else { None };
        let shared = Arc::new(Shared {
            settings: Mutex::new(Settings {
                answer: ExecAnswer::Newest,
                marker: Marker::ProcessId,
                opening_frame: true,
                program: Program::Shell,
                program_by_pod: Vec::new(),
            }),
            pods: Mutex::new(vec![PodDouble::running("default", "shell")]),
            policy: Mutex::new(reviews::Policy::default()),
            records: record::Records::default(),
            sessions: Mutex::new(JoinSet::new()),
            process_ids: AtomicU64::new(100),
        });
        let acceptor = tls.as_ref().map(|tls| tokio_rustls::TlsAcceptor::from(tls.server.clone()));
        let accepting = tokio::spawn(accept(listener, acceptor, Arc::clone(&shared)));
        Ok(Self { address, ca_pem: tls.map(|tls| tls.ca_pem), shared, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a URL.
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// What a client of it trusts.
    pub fn trust(&self) -> crate::Trust {
        self.ca_pem.clone().map_or(crate::Trust::Plain, crate::Trust::Pem)
    }

    /// A kubeconfig with one context, `double`. It is written as JSON, which is YAML too.
    pub fn kubeconfig(&self) -> String {
        kubeconfig::text(&self.url(), self.ca_pem.as_deref())
    }

    /// Writes [`Self::kubeconfig`] to a file.
    pub fn write_kubeconfig(&self, path: &std::path::Path) -> anyhow::Result<()> {
        std::fs::write(path, self.kubeconfig())
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// How the next upgrades are answered.
    pub fn set_answer(&self, answer: ExecAnswer) {
        lock(&self.shared.settings).answer = answer;
    }

    /// What runs in the next sessions of Pods that have no program of their own.
    pub fn set_program(&self, program: Program) {
        lock(&self.shared.settings).program = program;
    }

    /// What runs in the next sessions of the Pods of that name, in every namespace.
    pub fn set_program_of(&self, pod: &str, program: Program) {
        let mut settings = lock(&self.shared.settings);
        settings.program_by_pod.retain(|(name, _)| name != pod);
        settings.program_by_pod.push((pod.to_owned(), program));
    }

    /// What a wrapper (`sh …`) says first.
    pub fn set_marker(&self, marker: Marker) {
        lock(&self.shared.settings).marker = marker;
    }

    /// Whether the empty frame that API servers open with is sent.
    pub fn set_opening_frame(&self, sent: bool) {
        lock(&self.shared.settings).opening_frame = sent;
    }

    /// Adds a Pod, or puts it in place of the one of that namespace and name.
    pub fn put_pod(&self, pod: PodDouble) {
        let mut pods = lock(&self.shared.pods);
        pods.retain(|old| (&old.namespace, &old.name) != (&pod.namespace, &pod.name));
        pods.push(pod);
    }

    /// Takes a Pod away; sessions in it go on, as they do for a moment in a cluster.
    pub fn remove_pod(&self, namespace: &str, name: &str) {
        lock(&self.shared.pods).retain(|pod| (&*pod.namespace, &*pod.name) != (namespace, name));
    }

    /// How `SubjectAccessReview`s are answered: `Ok` allows, `Err` denies with that reason.
    pub fn set_access_policy(
        &self,
        policy: impl Fn(&AccessAsked) -> Result<(), String> + Send + Sync + 'static,
    ) {
        lock(&self.shared.policy).access = Arc::new(policy);
    }

    /// How `TokenReview`s are answered; `None` refuses the token.
    pub fn set_token_policy(
        &self,
        policy: impl Fn(&str) -> Option<TokenUser> + Send + Sync + 'static,
    ) {
        lock(&self.shared.policy).token = Arc::new(policy);
    }

    /// The accesses that were asked for, oldest first.
    pub fn accesses_asked(&self) -> Vec<AccessAsked> {
        self.shared.records.accesses()
    }

    /// The requests that came, oldest first.
    pub fn requests(&self) -> Vec<RequestSeen> {
        self.shared.records.requests()
    }

    /// The exec sessions that were opened, oldest first, guardians among them.
    pub fn execs(&self) -> Vec<ExecSeen> {
        self.shared.records.execs()
    }

    /// The sessions that are no guardians.
    pub fn shells(&self) -> Vec<ExecSeen> {
        self.execs().into_iter().filter(|exec| exec.guardian.is_none()).collect()
    }

    /// The guardians.
    pub fn guardians(&self) -> Vec<ExecSeen> {
        self.execs().into_iter().filter(|exec| exec.guardian.is_some()).collect()
    }

    /// How many sessions are open now.
    pub fn live(&self) -> usize {
        self.shared.records.live()
    }

    /// Cuts every open session without a word, as an API server does that dies.
    pub fn cut_sessions(&self) {
        lock(&self.shared.sessions).abort_all();
    }

    /// Waits until `condition` holds. It is looked at again whenever something was recorded.
    pub async fn until(&self, condition: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let mut changes = self.shared.records.changes();
        let wait = async {
            while !condition(self) {
                changes.borrow_and_update();
                // A change between the look and the mark is seen by this second look.
                if condition(self) || changes.changed().await.is_err() {
                    break;
                }
            }
        };
        tokio::time::timeout(WAIT_MAX, wait)
            .await
            .map_err(|_| anyhow::anyhow!("the double waited {WAIT_MAX:?} in vain"))
    }
}

impl Drop for ExecServer {
    fn drop(&mut self) {
        self.accepting.abort();
        lock(&self.shared.sessions).abort_all();
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<tokio_rustls::TlsAcceptor>,
    shared: Arc<Shared>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => {
                    connections.spawn(connection(tcp, tls.clone(), Arc::clone(&shared)));
                }
                // Out of file descriptors: the next ones come back when sessions end.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(tcp: TcpStream, tls: Option<tokio_rustls::TlsAcceptor>, shared: Arc<Shared>) {
    let _best_effort = tcp.set_nodelay(true);
    match tls {
        Some(tls) => {
            if let Ok(stream) = tls.accept(tcp).await {
                serve(stream, shared).await;
            }
        }
        None => serve(tcp, shared).await,
    }
}

async fn serve<S>(stream: S, shared: Arc<Shared>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let service = hyper::service::service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, std::convert::Infallible>(api::answer(&shared, request).await) }
    });
    // A client that breaks off is the test's business, not the double's.
    let _ended = hyper::server::conn::http1::Builder::new()
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}
