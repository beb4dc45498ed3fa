//! Each mode of the double, over real sockets, as a client of the API would meet it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use testkit::exec_server::record::EndSeen;
use testkit::exec_server::{PodDouble, TokenUser};
use testkit::web_socket::{Socket, UpgradeRefused};
use testkit::{
    Endpoint, ExecAnswer, ExecServer, ExecServerOptions, HttpClient, Marker, Program, ScriptStep,
};
use tokio_tungstenite::tungstenite::{Error, Message};

const V5: &str = "v5.channel.k8s.io";
const V4: &str = "v4.channel.k8s.io";
const SHELL: &str = "container=shell&stdin=true&stdout=true&tty=true&command=bash";
const WRAPPED: &str = "container=shell&stdin=true&tty=true&command=sh&command=-c&command=exec%20x";
const GUARDIAN: &str =
    "container=shell&stdin=true&tty=false&command=sh&command=-c&command=echo%20guardian";

fn endpoint(server: &ExecServer) -> Endpoint {
    Endpoint::new(&server.url(), &server.trust()).unwrap()
}

async fn try_exec(server: &ExecServer, query: &str, protocols: &[&str]) -> anyhow::Result<Socket> {
    let path = format!("/api/v1/namespaces/default/pods/shell/exec?{query}");
    let mut headers = HeaderMap::new();
    headers.insert("impersonate-user", "alice".parse()?);
    Ok(endpoint(server).web_socket(&path, &headers, protocols).await?.0)
}

async fn exec(server: &ExecServer, query: &str) -> Socket {
    try_exec(server, query, &[V5, V4]).await.unwrap()
}

async fn frame(socket: &mut Socket) -> Vec<u8> {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Binary(frame) => return frame.to_vec(),
            Message::Close(_) => panic!("closed"),
            _ => {}
        }
    }
}

/// Reads channel 1 until it ends with `end`.
async fn until(socket: &mut Socket, end: &str) -> Vec<u8> {
    let mut seen = Vec::new();
    while !seen.ends_with(end.as_bytes()) {
        let frame = frame(socket).await;
        assert_eq!(frame[0], 1);
        seen.extend_from_slice(&frame[1..]);
    }
    seen
}

async fn types(socket: &mut Socket, text: &str) {
    let mut frame = vec![0];
    frame.extend_from_slice(text.as_bytes());
    socket.send(Message::binary(frame)).await.unwrap();
}

#[tokio::test]
async fn a_shell_prompts_echoes_and_exits_with_its_code() {
    let server = ExecServer::start().await.unwrap();
    let mut socket = exec(&server, SHELL).await;
    assert_eq!(frame(&mut socket).await, [1], "the opening frame");
    assert_eq!(until(&mut socket, "$ ").await, b"$ ");
    let resize = br#".{"Width":80,"Height":24}"#.map(|b| if b == b'.' { 4 } else { b });
    socket.send(Message::binary(resize.to_vec())).await.unwrap();
    types(&mut socket, "size\r").await;
    assert_eq!(until(&mut socket, "$ ").await, b"size\r\n24 80\r\n$ ");
    types(&mut socket, "exit 42\r").await;
    until(&mut socket, "\r\n").await;
    let end = frame(&mut socket).await;
    let status: Value = serde_json::from_slice(&end[1..]).unwrap();
    assert_eq!((end[0], &status["reason"]), (3, &json!("NonZeroExitCode")));
    assert_eq!(status["details"]["causes"][0]["message"], "42");
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    drop(socket);
    server.until(|server| server.live() == 0).await.unwrap();
    let seen = server.execs().remove(0);
    assert_eq!((seen.end, seen.protocol.as_str()), (Some(EndSeen::Exited(42)), V5));
    assert_eq!((seen.resizes, seen.input), (vec![(80, 24)], b"size\rexit 42\r".to_vec()));
    assert_eq!(seen.impersonation, [("impersonate-user".to_owned(), "alice".to_owned())]);
    assert_eq!((seen.command, seen.container.as_str()), (vec!["bash".to_owned()], "shell"));
}

#[tokio::test]
async fn a_wrapper_tells_its_process_first_and_each_has_another() {
    let server = ExecServer::start().await.unwrap();
    let (mut one, mut two) = (exec(&server, WRAPPED).await, exec(&server, WRAPPED).await);
    let first = String::from_utf8(until(&mut one, "$ ").await).unwrap();
    let second = String::from_utf8(until(&mut two, "$ ").await).unwrap();
    assert!(first.starts_with("\x1b_sallyport;") && first.ends_with("\x1b\\$ "), "{first:?}");
    assert_ne!(first, second);
    assert!(first.contains(&server.execs()[0].process_id.to_string()));

    server.set_marker(Marker::Missing);
    assert_eq!(until(&mut exec(&server, WRAPPED).await, "$ ").await, b"$ ");
    server.set_marker(Marker::Bytes(vec![Bytes::from_static(b"\x1b_sally"), Bytes::new()]));
    assert_eq!(until(&mut exec(&server, WRAPPED).await, "$ ").await, b"\x1b_sally$ ");
}

#[tokio::test]
async fn a_guardian_keeps_its_lines_and_the_end_of_its_input() {
    let server = ExecServer::start().await.unwrap();
    let mut socket = exec(&server, GUARDIAN).await;
    assert_eq!(until(&mut socket, "ready\n").await, b"ready\n");
    types(&mut socket, "kill 1").await;
    types(&mut socket, "7\nkill 18\n").await;
    let lines = |server: &ExecServer| server.guardians()[0].guardian.clone().unwrap();
    server.until(|server| lines(server).lines == ["kill 17", "kill 18"]).await.unwrap();
    assert!(!lines(&server).ended && server.shells().is_empty());
    socket.send(Message::binary(vec![255, 0])).await.unwrap();
    assert!(String::from_utf8(frame(&mut socket).await).unwrap().contains("Success"));
    drop(socket);
    server.until(|server| lines(server).ended).await.unwrap();

    drop(exec(&server, GUARDIAN).await);
    server.until(|server| server.live() == 0).await.unwrap();
    assert!(server.guardians()[1].guardian.as_ref().unwrap().ended);
    assert_eq!(server.guardians()[1].end, Some(EndSeen::Cut));
}

#[tokio::test]
async fn versions_are_negotiated_and_refusals_are_as_kubernetes_writes_them() {
    let server = ExecServer::start().await.unwrap();
    server.set_answer(ExecAnswer::V4);
    drop(exec(&server, SHELL).await);
    assert_eq!(server.execs()[0].protocol, V4);
    let refusals = [
        (ExecAnswer::SpdyOnly, 400, "Upgrade request required"),
        (ExecAnswer::Unauthorized, 401, "Unauthorized"),
        (ExecAnswer::Forbidden, 403, "is forbidden"),
        (ExecAnswer::NotFound, 404, "not found"),
        (ExecAnswer::Redirect, 302, ""),
        (ExecAnswer::NoUpgrade, 200, ""),
    ];
    for (answer, status, message) in refusals {
        server.set_answer(answer);
        let error = try_exec(&server, SHELL, &[V5]).await.err().unwrap();
        let refused = error.downcast::<UpgradeRefused>().unwrap();
        assert_eq!(refused.status, status, "{answer:?}");
        assert!(refused.body.contains(message), "{answer:?}: {}", refused.body);
    }
    for answer in [ExecAnswer::WrongAccept, ExecAnswer::WrongProtocol] {
        server.set_answer(answer);
        assert!(try_exec(&server, SHELL, &[V5]).await.is_err(), "{answer:?}");
    }
    server.set_answer(ExecAnswer::Newest);
    assert!(try_exec(&server, SHELL, &["v1.channel.k8s.io"]).await.is_err());
    server.set_answer(ExecAnswer::Stall);
    let stalled = try_exec(&server, SHELL, &[V5]);
    let waited = tokio::time::timeout(std::time::Duration::from_millis(50), stalled).await;
    assert!(waited.is_err(), "it answered");
}

#[tokio::test]
async fn a_flood_keeps_its_frames_and_its_rate_and_hears_ctrl_c() {
    let server = ExecServer::start().await.unwrap();
    server.set_program(Program::Flood { frame_bytes: 1000, bytes_per_s: None });
    let mut socket = exec(&server, SHELL).await;
    for _ in 0..2000 {
        let frame = frame(&mut socket).await;
        assert!(frame.len() == 1001 || frame == [1], "{}", frame.len());
    }
    types(&mut socket, "\x03").await;
    assert!(until(&mut socket, "$ ").await.ends_with(b"^C\r\n$ "));

    types(&mut socket, "flood 10000 200000\r").await;
    until(&mut socket, "\n").await;
    let begun = std::time::Instant::now();
    for _ in 0..5 {
        assert_eq!(frame(&mut socket).await.len(), 10_001);
    }
    assert!(begun.elapsed().as_millis() >= 190, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_sink_is_silent_a_cat_repeats_and_a_cut_is_sudden() {
    let server = ExecServer::start().await.unwrap();
    server.set_program(Program::Cat);
    let mut cat = exec(&server, "container=shell&stdin=true&tty=false&command=cat").await;
    types(&mut cat, "한글\n").await;
    assert_eq!(until(&mut cat, "\n").await, "한글\n".as_bytes());
    cat.send(Message::binary(vec![255, 0])).await.unwrap();
    assert_eq!(frame(&mut cat).await[0], 3);

    server.set_program_of("shell", Program::Sink);
    let mut sink = exec(&server, SHELL).await;
    types(&mut sink, &"x".repeat(100_000)).await;
    server.until(|server| server.execs()[1].input_bytes == 100_000).await.unwrap();
    assert!(server.execs()[1].input.len() < 100_000, "the record is bounded");

    server.set_program_of("shell", Program::Shell);
    let mut shell = exec(&server, SHELL).await;
    types(&mut shell, "cut\r").await;
    while let Some(message) = shell.next().await {
        assert!(!matches!(message, Ok(Message::Close(_))), "a cut is no close");
    }
    let mut shell = exec(&server, SHELL).await;
    frame(&mut shell).await;
    server.cut_sessions();
    while let Some(message) = shell.next().await {
        assert!(!matches!(message, Ok(Message::Close(_))), "a cut is no close");
    }
    server.until(|server| server.execs()[3].end == Some(EndSeen::Cut)).await.unwrap();
}

#[tokio::test]
async fn scripts_send_what_no_api_server_should() {
    let server = ExecServer::start().await.unwrap();
    server.set_opening_frame(false);
    server.set_program(Program::Script(vec![
        ScriptStep::Binary(Bytes::from_static(b"\x09unknown channel")),
        ScriptStep::Text("text".to_owned()),
        ScriptStep::AwaitInput,
        ScriptStep::Binary(Bytes::from(vec![1; 300_000])),
        ScriptStep::Close,
    ]));
    let mut socket = exec(&server, SHELL).await;
    assert_eq!(frame(&mut socket).await[0], 9);
    types(&mut socket, "go").await;
    assert_eq!(frame(&mut socket).await.len(), 300_000);
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));

    // A frame with reserved bits set (RFC 6455 section 5.2).
    let raw = ScriptStep::Raw(Bytes::from_static(&[0xf2, 0x01, 0x01]));
    server.set_program(Program::Script(vec![raw]));
    let message = exec(&server, SHELL).await.next().await;
    assert!(matches!(message, Some(Err(Error::Protocol(_)))), "{message:?}");
}

#[tokio::test]
async fn reviews_follow_the_policy_and_are_remembered() {
    let options = ExecServerOptions { tls: false, port: 0 };
    let server = ExecServer::start_with(&options).await.unwrap();
    let mut client = HttpClient::new(endpoint(&server));
    let review = json!({ "kind": "SubjectAccessReview", "spec": { "user": "bob", "groups": ["a"],
        "resourceAttributes": { "verb": "create", "resource": "pods", "subresource": "exec", "namespace": "n" } } });
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let ask = async |client: &mut HttpClient, path: &str, review: &Value| {
        client.send(Method::POST, path, &HeaderMap::new(), Some(review)).await.unwrap().json()
    };
    assert_eq!(ask(&mut client, path, &review).await["status"]["allowed"], true);
    server.set_access_policy(|asked| match asked.resource.as_str() {
        "pods/exec" => Err(format!("{} may not", asked.user)),
        _ => Ok(()),
    });
    let denied = ask(&mut client, path, &review).await;
    assert_eq!(denied["status"], json!({ "allowed": false, "reason": "bob may not" }));
    assert_eq!(denied["kind"], "SubjectAccessReview");
    assert_eq!((server.accesses_asked().len(), &*server.accesses_asked()[1].verb), (2, "create"));

    server.set_token_policy(|token| {
        (token == "good").then(|| TokenUser { user: "carol".to_owned(), groups: Vec::new() })
    });
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let good = ask(&mut client, path, &json!({ "spec": { "token": "good" } })).await;
    assert_eq!(good["status"]["user"]["username"], "carol");
    let bad = ask(&mut client, path, &json!({ "spec": { "token": "bad" } })).await;
    assert_eq!(bad["status"]["authenticated"], false);
}

#[tokio::test]
async fn pods_come_and_go_and_nobody_is_let_into_a_missing_one() {
    let server = ExecServer::start().await.unwrap();
    let mut client = HttpClient::new(endpoint(&server));
    let path = "/api/v1/namespaces/default/pods/shell";
    let mut get =
        async |path: &str| client.send(Method::GET, path, &HeaderMap::new(), None).await.unwrap();
    assert_eq!(get("/version").await.json()["minor"], "36");
    assert_eq!(get(path).await.json()["metadata"]["uid"], "uid-of-default-shell");
    server.put_pod(PodDouble::running("default", "shell").with_uid("another"));
    assert_eq!(get(path).await.json()["metadata"]["uid"], "another");
    assert_eq!(get("/api/v1/pods").await.json()["items"].as_array().unwrap().len(), 1);
    server.remove_pod("default", "shell");
    assert_eq!(get(path).await.json()["reason"], "NotFound");
    assert!(try_exec(&server, SHELL, &[V5]).await.is_err());
    assert_eq!(server.requests().last().unwrap().query, SHELL);
}

#[tokio::test]
async fn the_kubeconfig_names_the_double_and_its_authority() {
    let server = ExecServer::start().await.unwrap();
    let kubeconfig: Value = serde_json::from_str(&server.kubeconfig()).unwrap();
    let cluster = &kubeconfig["clusters"][0]["cluster"];
    assert_eq!(cluster["server"], server.url());
    assert!(cluster["certificate-authority-data"].as_str().unwrap().len() > 100);
}
