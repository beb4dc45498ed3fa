//! A hub of the real binary: which address answers what, and how it ends.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be made fails its test")]

mod support;

use http::{HeaderMap, Method};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use testkit::web_socket::Stream;
use testkit::{Endpoint, HttpClient, HttpReply, Trust};
use tokio::io::AsyncWriteExt as _;

/// Far above what anything here takes.
const SOON: Duration = Duration::from_secs(30);

struct Hub {
    child: Child,
    lines: mpsc::Receiver<serde_json::Value>,
    address: String,
    metrics: String,
    directory: tempfile::TempDir,
}

impl Hub {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().to_str().unwrap().to_owned();
        let mut child = support::sallyport(&["--data-dir", &data, "serve", "--self-signed"])
            .args(["--listen", "127.0.0.1:0", "--origin", "https://localhost"])
            .args(["--set", "server.metrics_listen=127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(serde_json::Value::String(line));
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut hub =
            Self { child, lines, address: String::new(), metrics: String::new(), directory };
        hub.metrics = hub.told("metrics are served")["address"].as_str().unwrap().to_owned();
        hub.address = hub.told("the hub serves")["address"].as_str().unwrap().to_owned();
        hub
    }

    /// Waits for a line of the log.
    fn told(&self, message: &str) -> serde_json::Value {
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

    fn endpoint(&self) -> Endpoint {
        let ca = std::fs::read_to_string(self.directory.path().join("demo-cert.pem")).unwrap();
        Endpoint::new(&format!("https://{}", self.address), &Trust::Pem(ca)).unwrap()
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    async fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + within;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

async fn got(endpoint: Endpoint, path: &str) -> HttpReply {
    HttpClient::new(endpoint).send(Method::GET, path, &HeaderMap::new(), None).await.unwrap()
}

#[tokio::test]
async fn figures_are_told_on_their_own_address_alone() {
    let mut hub = Hub::start();
    let plain = Endpoint::new(&format!("http://{}", hub.metrics), &Trust::Plain).unwrap();
    assert_eq!(got(hub.endpoint(), "/livez").await.status, 200);
    let figures = got(plain.clone(), "/metrics").await;
    let text = String::from_utf8_lossy(&figures.body).into_owned();
    assert_eq!(figures.status, 200);
    assert!(text.contains("sallyport_http_requests_total{"), "{text}");
    assert_eq!(got(plain.clone(), "/readyz").await.status, 200);

    let console = got(hub.endpoint(), "/metrics").await;
    assert!(!String::from_utf8_lossy(&console.body).contains("sallyport_http_requests_total"));
    for path in ["/", "/api/v1/me", "/api/v1/sign-in/password", "/presigned/connect"] {
        assert_eq!(got(plain.clone(), path).await.status, 404, "{path}");
    }
    hub.signal("-TERM");
    assert_eq!(hub.ended(SOON).await.unwrap().code(), Some(0));
    hub.told("stopped");
}

/// Every figure in `docs/operating.md` is there before anything has happened, with its words and its kind; but those of
/// a cluster's posture, which come with its first scan.
#[tokio::test]
async fn a_fresh_hub_tells_all_its_figures_at_nothing() {
    let hub = Hub::start();
    let plain = Endpoint::new(&format!("http://{}", hub.metrics), &Trust::Plain).unwrap();
    let text = String::from_utf8(got(plain, "/metrics").await.body.to_vec()).unwrap();
    let documented: Vec<&str> = include_str!("../../../docs/operating.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next())
        .filter(|name| {
            !name.starts_with("sallyport_posture_")
                && ["_total", "_seconds", "_live"].iter().any(|it| name.ends_with(it))
        })
        .collect();
    assert!(documented.len() >= 10, "{documented:?}");
    let told: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next()).collect();
    for name in &documented {
        assert!(told.contains(name), "{name} has no words: {text}");
        assert!(text.contains(&format!("# TYPE {name} ")), "{name}: {text}");
        let series = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        assert!(series.ends_with(" 0"), "{name}: {series}");
    }
    for name in told {
        assert!(documented.contains(&name), "{name} is not in docs/operating.md");
    }
}

#[tokio::test]
async fn files_of_the_page_share_one_label_and_are_logged_for_those_who_debug() {
    let hub = Hub::start();
    let plain = Endpoint::new(&format!("http://{}", hub.metrics), &Trust::Plain).unwrap();
    for path in ["/favicon.svg", "/nothing.js", "/livez"] {
        got(hub.endpoint(), path).await;
    }
    let text = String::from_utf8(got(plain, "/metrics").await.body.to_vec()).unwrap();
    for (path, status) in [("static", 200), ("unmatched", 404), ("/livez", 200)] {
        let line = format!(
            "sallyport_http_requests_total{{method=\"GET\",path=\"{path}\",status=\"{status}\"}} 1"
        );
        assert!(text.contains(&line), "{line}: {text}");
    }
    hub.signal("-TERM");
    let (mut seen, until) = (Vec::new(), Instant::now() + SOON);
    while let Ok(line) = hub.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
        if line["message"] == "request answered" {
            seen.push(line["span"]["path"].as_str().unwrap_or_default().to_owned());
        }
    }
    assert_eq!(seen, ["unmatched", "/livez"]);
}

/// A request whose body does not come keeps a hub from ending for some seconds.
async fn dawdle(hub: &Hub) -> Box<dyn Stream> {
    let mut stream = hub.endpoint().connect().await.unwrap();
    let head = "POST /api/v1/sign-in/password HTTP/1.1\r\nhost: localhost\r\norigin: https://localhost\r\n\
                content-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    // Answered after what was sent before, so the hub has the request by then.
    assert_eq!(got(hub.endpoint(), "/livez").await.status, 200);
    stream
}

#[tokio::test]
async fn a_second_signal_ends_the_hub_at_once() {
    for (first, second, code) in [("-TERM", "-TERM", 143), ("-TERM", "-INT", 130)] {
        let mut hub = Hub::start();
        let _dawdling = dawdle(&hub).await;
        hub.signal(first);
        hub.told("stopping");
        assert!(hub.ended(Duration::from_millis(700)).await.is_none(), "one signal waits");
        hub.signal(second);
        let ended = hub.ended(Duration::from_secs(3)).await;
        assert_eq!(ended.expect("the second does not").code(), Some(code));
        hub.told("a second signal");
        // And its store opens again.
        support::in_directory(hub.directory.path(), &["admin", "audit", "verify"], "");
    }
}
