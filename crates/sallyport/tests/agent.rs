//! `sallyport agent` beside an unmodified API server, and hubs and agents that are killed: each request is stored once.
//! Needs root, as `make test` does. `SALLYPORT_TEST_KUBECONFIG` names the administrator's kubeconfig of a cluster for
//! tests whose API server runs on this machine (`cluster/cluster`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a fixture that cannot be made fails its test"
)]

mod support;

use kube_io::{Cluster, ClusterSource};
use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use std::io::{BufRead as _, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const SUITE: &str = "an agent beside a real API server";
/// Far above what anything here takes.
const SOON: Duration = Duration::from_secs(60);

fn kubeconfig() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("SALLYPORT_TEST_KUBECONFIG") {
        return Some(path.into());
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{SUITE}: SALLYPORT_TEST_KUBECONFIG is not set, and in CI this suite must run"
    );
    eprintln!(
        "\n=== {SUITE}: NOT RUN. Set SALLYPORT_TEST_KUBECONFIG to a test cluster's kubeconfig \
         (cluster/cluster kubeconfig) ===\n"
    );
    None
}

/// A process whose log is read, and that is killed when it is dropped.
struct Running {
    child: Child,
    lines: mpsc::Receiver<Value>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Waits for a line of the log.
    fn told(&self, message: &str) -> Value {
        let mut seen = Vec::new();
        let until = Instant::now() + SOON;
        while let Ok(line) =
            self.lines.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            if line["message"].as_str().is_some_and(|it| it.contains(message)) {
                return line;
            }
            seen.push(line);
        }
        panic!("`{message}` was not told: {seen:?}");
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end.
    fn end(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

struct Bench {
    directory: tempfile::TempDir,
    kubeconfig: PathBuf,
    agents: String,
    run: String,
}

impl Bench {
    fn data(&self) -> PathBuf {
        self.directory.path().join("hub")
    }

    fn spool(&self) -> PathBuf {
        self.directory.path().join("agent/spool")
    }

    /// Starts the hub, and again where agents know it.
    fn hub(&mut self) -> Running {
        let data = self.data();
        let mut command =
            support::sallyport(&["--data-dir", data.to_str().unwrap(), "serve", "--self-signed"]);
        command
            .args(["--listen", "127.0.0.1:0", "--origin", "https://localhost"])
            .args(["--cluster-name", "one", "--kubeconfig", self.kubeconfig.to_str().unwrap()])
            .args(["--set", &format!("traffic.agents_listen={}", self.agents)]);
        let hub = Running::start(command);
        self.agents = hub.told("agents are listened to")["address"].as_str().unwrap().to_owned();
        hub.told("the hub serves");
        hub
    }

    fn agent(&self) -> Running {
        let port = self.agents.rsplit_once(':').unwrap().1;
        let place = |name: &str| self.directory.path().join(name).to_str().unwrap().to_owned();
        let mut command = support::sallyport(&["agent", "--process", "kube-apiserver"]);
        command
            .args(["--hub", &format!("https://localhost:{port}")])
            .args(["--hub-ca", &place("hub/demo-ca.pem"), "--spool", &place("agent")])
            .args(["--certificate", &place("cert/agent.pem"), "--key", &place("cert/agent.key")]);
        let agent = Running::start(command);
        agent.told("keys from every process");
        agent
    }

    async fn client(&self) -> Asking {
        let source = ClusterSource::Kubeconfig { path: self.kubeconfig.clone(), context: None };
        let cluster = Cluster::open("one".parse().unwrap(), &source).await.unwrap();
        Asking { cluster, run: self.run.clone() }
    }

    async fn rows(&self, sql: &'static str) -> Vec<sqlx::sqlite::SqliteRow> {
        let options =
            SqliteConnectOptions::new().filename(self.data().join("sallyport.db")).read_only(true);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        let like = format!("%{}%", self.run);
        let rows = sqlx::query(sql).bind(like).fetch_all(&pool).await.unwrap();
        pool.close().await;
        rows
    }

    /// Waits until so many requests of this run are answered in the store.
    async fn stored(&self, count: usize) {
        let until = Instant::now() + SOON;
        loop {
            let answers = self
                .rows("SELECT number FROM traffic_units WHERE path LIKE $1 AND status = 404")
                .await;
            if answers.len() >= count {
                return;
            }
            assert!(Instant::now() < until, "{} of {count} answers came", answers.len());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the agent has spooled what it heard of this request.
    async fn spooled(&self, nth: usize) {
        let wanted = format!("{}-{nth}", self.run);
        let until = Instant::now() + SOON;
        let holds = |path: &Path| {
            std::fs::read_to_string(path)
                .is_ok_and(|text| text.match_indices(&wanted).count() >= 2 && text.contains("404"))
        };
        while !std::fs::read_dir(self.spool()).unwrap().any(|entry| holds(&entry.unwrap().path())) {
            assert!(Instant::now() < until, "{wanted} was not spooled");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A client with connections of its own: those that are older than an agent cannot be read.
struct Asking {
    cluster: Cluster,
    run: String,
}

impl Asking {
    /// Asks for things that are not there.
    async fn ask(&self, nths: Range<usize>) {
        let client = self.cluster.as_hub();
        for nth in nths {
            let path = format!("/api/v1/namespaces/default/configmaps/{}-{nth}", self.run);
            let asked = http::Request::get(path)
                .header("authorization", format!("Bearer {}", self.canary()))
                .body(Vec::new())
                .unwrap();
            client.request_text(asked).await.expect_err("there is none");
        }
    }

    fn canary(&self) -> String {
        format!("canary.{}", self.run.replace('-', "."))
    }
}

fn contains(directory: &Path, text: &str) -> bool {
    std::fs::read_dir(directory).unwrap().map(Result::unwrap).any(|entry| {
        if entry.file_type().unwrap().is_dir() {
            return contains(&entry.path(), text);
        }
        std::fs::read(entry.path())
            .unwrap()
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn hubs_and_agents_that_are_killed_lose_nothing_and_double_nothing() {
    let Some(kubeconfig) = kubeconfig() else { return };
    let mut bench = Bench {
        directory: tempfile::tempdir().unwrap(),
        kubeconfig,
        agents: "127.0.0.1:0".to_owned(),
        run: format!("agent-test-{}", std::process::id()),
    };
    let hub = bench.hub();
    let out = bench.directory.path().join("cert");
    let issue = ["admin", "agent", "issue", "node-1", "--cluster", "one", "--out"];
    let issue = [&issue[..], &[out.to_str().unwrap()]].concat();
    support::in_directory(&bench.data(), &issue, "");
    let agent = bench.agent();
    let client = bench.client().await;
    client.ask(0..100).await;
    bench.stored(100).await;

    // The hub is away, and comes back.
    hub.kill();
    client.ask(100..200).await;
    bench.spooled(199).await;
    let hub = bench.hub();
    bench.stored(200).await;

    // Both are killed with something in the spool.
    hub.kill();
    client.ask(200..250).await;
    bench.spooled(249).await;
    agent.kill();
    let hub = bench.hub();
    let agent = bench.agent();
    bench.stored(250).await;
    let client = bench.client().await;
    client.ask(250..300).await;
    bench.stored(300).await;
    assert_eq!(agent.end(), Some(0));

    // Each request is there once, and each answer knows its own.
    let requests = bench
        .rows("SELECT path, COUNT(*) AS count FROM traffic_units WHERE path LIKE $1 AND side = 'client' AND request IS NULL GROUP BY path")
        .await;
    assert_eq!(requests.len(), 300);
    assert!(requests.iter().all(|row| row.get::<i64, _>("count") == 1));
    let answers = bench
        .rows(
            "SELECT COUNT(*) AS count FROM traffic_units AS answer JOIN traffic_units AS request
             ON request.number = answer.request AND request.path = answer.path
               AND request.connection = answer.connection
             WHERE answer.path LIKE $1 AND answer.status = 404",
        )
        .await;
    assert_eq!(answers[0].get::<i64, _>("count"), 300);

    let list = ["admin", "agent", "list", "--json"];
    let listed: Value =
        serde_json::from_str(&support::in_directory(&bench.data(), &list, "")).unwrap();
    assert_eq!(listed[0]["node"], "node-1");
    assert_eq!(hub.end(), Some(0));
    for directory in ["hub", "agent"] {
        let found = contains(&bench.directory.path().join(directory), &client.canary());
        assert!(!found, "a token is in clear in {directory}");
    }
}
