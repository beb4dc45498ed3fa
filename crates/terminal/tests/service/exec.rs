//! A terminal before API servers of other ages: one that speaks the older version of exec alone, and one that
//! knows exec by SPDY alone. What a current one does is tested on a real cluster.

use crate::hub::{Browser, Hub};
use kube_io::{Cluster, ClusterSource};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use store::{AuditFilter, TerminalRow};
use testkit::exec_server::TokenUser;
use testkit::exec_server::record::EndSeen;
use testkit::{ExecAnswer, ExecServer, ExecServerOptions, HubTerminal, Program, TerminalEvent};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Far above what anything here takes.
const SOON: Duration = Duration::from_secs(30);

async fn before(answer: ExecAnswer) -> (ExecServer, Hub, Browser) {
    before_at(answer, async |address| address).await
}

/// Where the hub reaches the server is what `door` makes of its address.
async fn before_at(
    answer: ExecAnswer,
    door: impl AsyncFnOnce(SocketAddr) -> SocketAddr,
) -> (ExecServer, Hub, Browser) {
    let server = ExecServer::start_with(&ExecServerOptions { tls: false, port: 0 }).await.unwrap();
    server.set_answer(answer);
    server.set_token_policy(|_| {
        Some(TokenUser { user: "bob".to_owned(), groups: vec!["dev".to_owned()] })
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kubeconfig");
    let door = door(server.address()).await;
    let kubeconfig = server.kubeconfig().replace(&server.address().to_string(), &door.to_string());
    std::fs::write(&path, kubeconfig).unwrap();
    let source = ClusterSource::Kubeconfig { path, context: Some("double".to_owned()) };
    let cluster = Cluster::open("home".parse().unwrap(), &source).await.unwrap();
    let hub = Hub::before(vec![cluster]).await;
    let browser = hub.by_token("bob", &["dev"], "home").await;
    (server, hub, browser)
}

async fn enter(hub: &Hub, browser: &Browser, tty: bool, command: &[&str]) -> HubTerminal {
    let wish = json!({ "namespace": "default", "pod": "shell", "tty": tty, "command": command });
    let ticket = hub.ticket(browser, wish).await;
    hub.connect(browser, &ticket).await
}

/// The text messages and the close of a terminal.
async fn end_of(terminal: &mut HubTerminal) -> (Vec<Value>, u16, String) {
    let mut said = Vec::new();
    loop {
        let event = tokio::time::timeout(SOON, terminal.next()).await.unwrap();
        match event.unwrap() {
            TerminalEvent::Message(message) => said.push(message),
            TerminalEvent::Closed(code, reason) => return (said, code, reason),
            TerminalEvent::Cut => panic!("cut after {said:?}"),
            _ => {}
        }
    }
}

/// The one row that was written, once it is ended.
async fn ended_row(hub: &Hub) -> TerminalRow {
    let filter = AuditFilter {
        limit: 10,
        action: Some("terminal.leave".to_owned()),
        ..AuditFilter::default()
    };
    let ended = async {
        loop {
            let left = hub.api.store.audit_page(&filter).await.unwrap();
            if let [record] = left.as_slice() {
                let id = record.entry.detail["terminal"].as_str().unwrap().parse().unwrap();
                let row = hub.api.store.terminal(&id).await.unwrap().unwrap();
                assert!(row.ended_at.is_some());
                return row;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, ended).await.unwrap()
}

#[tokio::test]
async fn version_4_of_exec_carries_a_shell_with_its_exit_code_and_leaves_nothing_behind() {
    let (server, hub, browser) = before(ExecAnswer::V4).await;
    let mut terminal = enter(&hub, &browser, true, &[]).await;
    terminal.until("$ ").await.unwrap();
    terminal.resize(100, 30).await.unwrap();
    terminal.input(b"size\r").await.unwrap();
    terminal.until("30 100").await.unwrap();
    terminal.input(b"exit 42\r").await.unwrap();
    let (said, code, reason) = end_of(&mut terminal).await;
    let exit = said.iter().find(|message| message["type"] == "exit").unwrap();
    assert_eq!((&exit["code"], code, reason.as_str()), (&json!(42), 1000, "exit"));
    assert_eq!(ended_row(&hub).await.end_reason.as_deref(), Some("exit"));

    // The guardian's input cannot be ended alone either: it is cut, which has the same effect.
    let all_ended = |server: &ExecServer| server.live() == 0 && server.guardians().len() == 1;
    server.until(all_ended).await.unwrap();
    let (shells, guardians) = (server.shells(), server.guardians());
    let protocols: Vec<_> =
        shells.iter().chain(&guardians).map(|exec| exec.protocol.as_str()).collect();
    assert_eq!(protocols, ["v4.channel.k8s.io"; 2]);
    assert_eq!(shells[0].end, Some(EndSeen::Exited(42)));
    let guardian = guardians[0].guardian.as_ref().unwrap();
    assert!(guardian.ended && !guardian.lines.iter().any(|line| line.starts_with("finish")));
}

#[tokio::test]
async fn the_end_of_input_alone_is_carried_by_version_5_and_told_impossible_by_version_4() {
    for (answer, ends) in [(ExecAnswer::Newest, true), (ExecAnswer::V4, false)] {
        let (server, hub, browser) = before(answer).await;
        server.set_program(Program::Cat);
        let mut terminal = enter(&hub, &browser, false, &["cat"]).await;
        terminal.input(b"all of it\n").await.unwrap();
        terminal.until("all of it\n").await.unwrap();
        terminal.end_input().await.unwrap();
        let (said, code, reason) = end_of(&mut terminal).await;
        let row = ended_row(&hub).await;
        let all_ended = |server: &ExecServer| server.live() == 0 && server.guardians().len() == 1;
        server.until(all_ended).await.unwrap();
        assert_eq!(server.shells()[0].input_closed, ends);
        if ends {
            let exit = said.iter().find(|message| message["type"] == "exit").unwrap();
            assert_eq!((&exit["code"], code), (&json!(0), 1000));
            continue;
        }
        assert_eq!((code, reason.as_str()), (4500, "exec_unsupported"));
        assert_eq!(row.end_reason.as_deref(), Some("exec_unsupported"));
        let problem = &said.iter().find(|message| message["type"] == "denied").unwrap()["problem"];
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("`home`") && detail.contains("version 4"), "{detail}");
        assert!(problem["fix"].as_str().unwrap().contains("Kubernetes 1.30"), "{problem}");
        // The program that waits is not left waiting.
        let finished = server.guardians()[0].guardian.clone().unwrap().lines;
        assert!(finished.iter().any(|line| line.starts_with("finish ")), "{finished:?}");
    }
}

#[tokio::test]
async fn an_api_server_that_knows_spdy_alone_is_named_with_the_remedy_and_the_row_is_ended() {
    let (server, hub, browser) = before(ExecAnswer::SpdyOnly).await;
    let mut terminal = enter(&hub, &browser, true, &[]).await;
    let (said, code, reason) = end_of(&mut terminal).await;
    assert_eq!((code, reason.as_str()), (4500, "exec_unsupported"));
    let [denied] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!((&denied["type"], &denied["problem"]["code"]), (&json!("denied"), &json!(reason)));
    let problem = &denied["problem"];
    assert_eq!(problem["decided_by"], "kubernetes");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("cluster `home`") && detail.contains("SPDY/3.1"), "{detail}");
    let fix = problem["fix"].as_str().unwrap();
    assert!(fix.contains("Kubernetes 1.30") && fix.contains("WebSocket"), "{fix}");

    assert_eq!(ended_row(&hub).await.end_reason.as_deref(), Some("exec_unsupported"));
    assert!(hub.listed(&browser, "/api/v1/terminals").await.is_empty());
    assert!(server.execs().is_empty(), "nothing was opened");
}

#[tokio::test]
async fn a_hub_that_stops_says_so_in_the_socket_and_lets_nobody_in() {
    let (server, hub, browser) = before(ExecAnswer::Newest).await;
    let ticket = hub.ticket(&browser, json!({ "namespace": "default", "pod": "shell" })).await;
    hub.live.drain(Duration::ZERO).await;
    let (said, code, reason) = end_of(&mut hub.connect(&browser, &ticket).await).await;
    assert_eq!((code, reason.as_str()), (4503, "hub_draining"));
    let [denied] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!((&denied["type"], &denied["problem"]["code"]), (&json!("denied"), &json!(reason)));
    assert_eq!(denied["problem"]["decided_by"], "hub");
    assert!(server.execs().is_empty(), "nothing was opened");
}

/// A load balancer that forgets the connections it has when it is told to: it says nothing on them any more, to neither
/// side. What comes later is passed on, so that the API server is well.
async fn forgetful(to: SocketAddr, told: watch::Receiver<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut told = told.clone();
            told.mark_unchanged();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(to).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = told.changed() => std::future::pending().await,
                }
            });
        }
    });
    address
}

/// As long as three pings take, and one to notice; the clock is the machine's, because sockets go by it.
#[tokio::test]
async fn a_path_to_the_cluster_that_falls_silent_ends_the_terminal() {
    let (forget, told) = watch::channel(());
    let (_server, hub, browser) =
        before_at(ExecAnswer::Newest, async |address| forgetful(address, told).await).await;
    let mut terminal = enter(&hub, &browser, true, &[]).await;
    terminal.until("$ ").await.unwrap();
    // One ping at least is answered.
    tokio::time::sleep(Duration::from_secs(2)).await;
    forget.send(()).unwrap();
    let ends = async {
        loop {
            match terminal.next().await.unwrap() {
                TerminalEvent::Closed(code, reason) => return (code, reason),
                TerminalEvent::Cut => panic!("cut without a word"),
                _ => {}
            }
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(120), ends).await.unwrap();
    assert_eq!(ended, (4500, "cluster_unreachable".to_owned()));
    assert_eq!(ended_row(&hub).await.end_reason.as_deref(), Some("cluster_unreachable"));
}
