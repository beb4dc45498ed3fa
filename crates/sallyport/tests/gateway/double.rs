//! What an API server could do to the gateway, and what reaches one: a double that writes bytes as they are.

use crate::gate::Gate;
use crate::support;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// An API server that answers by the path, and keeps the heads that it got.
struct Double {
    kubeconfig: tempfile::NamedTempFile,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Double {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&kept)));
            }
        });
        let kubeconfig = tempfile::NamedTempFile::new().unwrap();
        let text = format!(
            r#"{{"apiVersion":"v1","kind":"Config","current-context":"c",
                "clusters":[{{"name":"c","cluster":{{"server":"http://{address}"}}}}],
                "users":[{{"name":"hub","user":{{"token":"of-the-hub"}}}}],
                "contexts":[{{"name":"c","context":{{"cluster":"c","user":"hub"}}}}]}}"#
        );
        std::fs::write(kubeconfig.path(), text).unwrap();
        Self { kubeconfig, heads }
    }

    fn gate(&self) -> Gate {
        Gate::start(
            self.kubeconfig.path(),
            "token_review = false\ntoken_file = \"{dir}/tokens.csv\"",
            &[("tokens.csv", "hunter2,alice,1,\"dev,ops\"\n")],
        )
    }

    fn last_head(&self) -> String {
        self.heads.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

async fn head_of(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

async fn answer(mut stream: TcpStream, heads: Arc<Mutex<Vec<String>>>) {
    while let Some(head) = head_of(&mut stream).await {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        heads.lock().unwrap().push(head);
        let answer = match path.as_str() {
            "/moved" => {
                "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/elsewhere\r\ncontent-length: 0\r\n\r\n"
            }
            "/refused" => {
                "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: x-hop\r\nx-hop: 1\r\n\r\nno"
            }
            "/unasked" | "/echo" => {
                "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: test\r\n\r\n"
            }
            "/cut" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart",
            _ => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        };
        if stream.write_all(answer.as_bytes()).await.is_err() || path == "/cut" {
            return;
        }
        if path == "/echo" {
            let (mut read, mut write) = stream.split();
            tokio::io::copy(&mut read, &mut write).await.ok();
            return;
        }
    }
}

/// Sends bytes as they are and reads until the gateway has answered and has no more to say.
pub(crate) async fn raw(gate: &Gate, request: &str) -> String {
    let mut stream = gate.endpoint(None).connect().await.unwrap();
    stream.write_all(request.replace('\n', "\r\n").as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(crate::gate::SOON, stream.read_to_end(&mut answer)).await.unwrap().ok();
    String::from_utf8_lossy(&answer).into_owned()
}

fn asking(path: &str, more: &str) -> String {
    format!(
        "GET /clusters/demo{path} HTTP/1.1\nHost: localhost\nAuthorization: Bearer hunter2\n{more}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reaches_an_api_server_is_the_gateways_word_alone() {
    let double = Double::start().await;
    let gate = double.gate();
    let more = "Connection: close, X-Hop\nX-Hop: 1\nX-Remote-User: root\nX-Remote-Group: system:masters\n\
                X-Forwarded-For: 10.0.0.1\nCookie: a=b\nX-Own: kept\nAudit-ID: mine\n";
    let answer = raw(&gate, &asking("/api?watch=true", more)).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let head = double.last_head().to_ascii_lowercase();
    let lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines[0], "get /api?watch=true http/1.1");
    for expected in [
        "impersonate-user: alice",
        "impersonate-uid: 1",
        "impersonate-group: dev",
        "impersonate-group: ops",
        "impersonate-group: system:authenticated",
        "authorization: bearer of-the-hub",
        "x-forwarded-for: 127.0.0.1",
        "cookie: a=b",
        "x-own: kept",
    ] {
        assert_eq!(lines.iter().filter(|line| **line == expected).count(), 1, "{expected}: {head}");
    }
    for gone in ["x-remote", "x-hop", "hunter2", "10.0.0.1", "root", "masters", "audit-id: mine"] {
        assert!(!head.contains(gone), "{gone}: {head}");
    }
    // By the host as well, and then the path is the API server's.
    let by_host = "GET /api HTTP/1.1\nHost: demo.gate.test\nAuthorization: Bearer hunter2\nConnection: close\n\n";
    assert!(raw(&gate, by_host).await.starts_with("HTTP/1.1 200 "));
    assert!(double.last_head().starts_with("GET /api HTTP/1.1"));
    let rows = gate.recorded(|row| row["path"] == "/api");
    assert!(rows.iter().all(|row| row["user_name"] == "alice" && row["method"] == "token_file"));
    assert!(
        double.last_head().contains(rows[0]["id"].as_str().unwrap()),
        "the audit id joins both"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_no_upgrade_is_an_answer() {
    let double = Double::start().await;
    let gate = double.gate();
    let upgrade = "Connection: Upgrade\nUpgrade: test\n";
    for (path, more, expected) in [
        // CVE-2018-1002105: no raw connection is left after a refusal; the second request is the gateway's.
        ("/refused", upgrade, "403"),
        // CVE-2020-8559, CVE-2022-3172: not followed.
        ("/moved", upgrade, "302"),
        ("/moved", "", "302"),
        ("/unasked", "", "502"),
    ] {
        let second = "GET /clusters/demo/api HTTP/1.1\nHost: localhost\nConnection: close\n\n";
        let answer = raw(&gate, &format!("{}{second}", asking(path, more))).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{path}: {answer}");
        assert!(answer.contains("HTTP/1.1 401 "), "{path}: {answer}");
        assert!(!answer.contains("x-hop"), "{answer}");
        if expected == "302" {
            assert!(answer.contains("location: http://127.0.0.1:1/elsewhere"), "{answer}");
        }
    }
    let heads = double.heads.lock().unwrap().clone();
    assert_eq!(heads.iter().filter(|head| head.starts_with("GET /api")).count(), 0, "{heads:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_is_a_tunnel_of_bytes() {
    let double = Double::start().await;
    let gate = double.gate();
    let mut stream = gate.endpoint(None).connect().await.unwrap();
    let ask = asking("/echo", "Connection: Upgrade\nUpgrade: test\n").replace('\n', "\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101 ") && head.contains("upgrade: test"), "{head}");
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let mut got = vec![0; sent.len()];
    let (mut read, mut write) = tokio::io::split(stream);
    let writing = async {
        write.write_all(&sent).await.unwrap();
        write.flush().await.unwrap();
    };
    tokio::join!(writing, async { read.read_exact(&mut got).await.unwrap() });
    assert!(got == sent, "every byte comes back");
    gate.recorded(|row| row["path"] == "/clusters/demo/echo" && row["status"] == 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    let double = Double::start().await;
    let gate = double.gate();
    let answer = raw(&gate, &asking("/cut", "")).await;
    assert!(answer.contains("content-length: 100") && answer.ends_with("part"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_away_is_told_and_recorded() {
    let double = Double::start().await;
    let text = std::fs::read_to_string(double.kubeconfig.path()).unwrap();
    let (before, rest) = text.split_once("http://127.0.0.1:").unwrap();
    let after = rest.split_once('"').unwrap().1;
    std::fs::write(double.kubeconfig.path(), format!("{before}http://127.0.0.1:1\"{after}"))
        .unwrap();
    let gate = double.gate();
    let answer = raw(&gate, &asking("/api", "Connection: close\n")).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(answer.contains(r#""kind":"Status""#) && !answer.contains("127.0.0.1:1"), "{answer}");
    gate.recorded(|row| row["status"] == 502 && row["user_name"] == "alice");
}

/// What `config check` says about a gateway.
fn checked(settings: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sallyport.toml");
    let data = directory.path().join("data");
    let text = format!(
        "[tls]\nself_signed = true\n[store]\ndirectory = \"{}\"\n{settings}\n",
        data.display()
    );
    std::fs::write(&file, text).unwrap();
    let said = support::run(&["--config", file.to_str().unwrap(), "config", "check"]);
    format!("{}{}", said.out, said.error)
}

#[test]
fn a_configuration_that_would_let_nobody_in_or_pretends_is_refused() {
    let listen = "[gateway]\nlisten = \"127.0.0.1:6443\"";
    for (settings, told) in [
        (listen.to_owned(), "no cluster to stand before"),
        (format!("{listen}\ntoken_review = false\nlogin = false"), "no method is"),
        (format!("{listen}\nwebhook_config = \"x\""), "webhook_config"),
        (format!("{listen}\ntoken_file = \"/nowhere/t\""), "`gateway.token_file` /nowhere/t"),
        (format!("{listen}\ntoken_webhook = \"/nowhere/w\""), "`gateway.token_webhook` /nowhere/w"),
        (format!("{listen}\nclient_ca = \"/nowhere/c\""), "`gateway.client_ca` /nowhere/c"),
        (format!("{listen}\nbase_domain = \"Not A Domain\""), "gateway.base_domain"),
        ("[gateway]\nlisten = \"0.0.0.0:8443\"".to_owned(), "another listener takes"),
        (format!("{listen}\nkeep_requests_days = 0"), "gateway.keep_requests_days"),
    ] {
        let said = checked(&settings);
        assert!(said.contains(told), "{settings}: {said}");
    }
}
