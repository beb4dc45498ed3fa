//! Attacks on the gateway before a real cluster, byte by byte: each refused, and none of it reaches the cluster
//! as somebody else's request.

use crate::double::raw;
use crate::gate::{Gate, Real};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const WHO: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const REVIEW: &str = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#;

fn gate(real: &Real) -> Gate {
    let settings = format!(
        "token_file = \"{{dir}}/tokens.csv\"\nfront_proxy_ca = \"{}\"\nfront_proxy_allowed_names = [\"front-proxy-client\"]",
        real.file("pki/front-proxy-ca.crt")
    );
    Gate::start(&real.kubeconfig, &settings, &[("tokens.csv", "hunter2,alice,1,dev\n")])
}

fn who_am_i(more: &str) -> String {
    format!(
        "POST /clusters/demo{WHO} HTTP/1.1\nHost: localhost\nContent-Type: application/json\n\
         Content-Length: {}\nConnection: close\n{more}\n{REVIEW}",
        REVIEW.len()
    )
}

fn body(answer: &str) -> Value {
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body = &body[body.find('{').unwrap_or(0)..=body.rfind('}').unwrap_or(0)];
    serde_json::from_str(body).unwrap_or_default()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_told_what_the_api_server_tells_and_no_more() {
    let real = Real::of_tests();
    let gate = gate(&real);
    let unknown = raw(&gate, &who_am_i("Authorization: Bearer nobody-knows-this\n")).await;
    assert_eq!(status(&unknown), "401", "{unknown}");
    let (server, ca) = real.server();
    let arguments = ["get", "--raw", WHO, "--token", "nobody-knows-this", "--server", &server];
    let mut direct = real.command(&arguments);
    direct.args(["--certificate-authority", &ca, "-v", "8"]);
    let direct = direct.output().unwrap();
    let direct = String::from_utf8_lossy(&direct.stderr).into_owned();
    for (key, value) in body(&unknown).as_object().unwrap() {
        assert!(direct.contains(&format!("\"{key}\":{value}")), "{key}: {direct}");
    }
    // Nor which clusters there are.
    for path in ["/clusters/demo/api", "/clusters/other/api"] {
        let answer =
            raw(&gate, &format!("GET {path} HTTP/1.1\nHost: localhost\nConnection: close\n\n"))
                .await;
        assert_eq!(status(&answer), "401", "{answer}");
    }
    let known = "GET /clusters/other/api HTTP/1.1\nHost: localhost\nConnection: close\nAuthorization: Bearer hunter2\n\n";
    assert_eq!(status(&raw(&gate, known).await), "404");
    gate.recorded(|row| row["status"] == 401 && row["user_name"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_header_makes_somebody_another() {
    let real = Real::of_tests();
    let gate = gate(&real);
    let token = "Authorization: Bearer hunter2\n";
    for claim in [
        "X-Remote-User: root\nX-Remote-Group: system:masters\n",
        "Impersonate_User: root\n",
        "Impersonate-Foo: root\n",
        "X-Forwarded-User: root\n",
    ] {
        let answer = raw(&gate, &who_am_i(&format!("{token}{claim}"))).await;
        assert_eq!(body(&answer)["status"]["userInfo"]["username"], "alice", "{answer}");
    }
    for (claim, expected) in [
        ("Impersonate-User: root\n", "403"),
        ("Impersonate-User: alice\nImpersonate-Group: system:masters\n", "403"),
        ("Impersonate-User: system:serviceaccount:kube-system:default\n", "403"),
        ("Impersonate-Group: system:masters\n", "400"),
        ("Impersonate-User: bob\nImpersonate-User: root\n", "400"),
        ("Connection: Impersonate-User\nImpersonate-User: root\n", "400"),
        ("Connection: Authorization\n", "400"),
        ("Authorization: Bearer other\n", "400"),
        ("Connection: upgrade\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__\n", "400"),
    ] {
        let answer = raw(&gate, &who_am_i(&format!("{token}{claim}"))).await;
        assert_eq!(status(&answer), expected, "{claim}: {answer}");
    }
    // Two blanks make it no credential, as at the API server.
    let spaced = raw(&gate, &who_am_i("Authorization: Bearer  hunter2\n")).await;
    assert_eq!(status(&spaced), "401", "{spaced}");
    // Without a token the headers of a front proxy are nothing.
    let bare = raw(&gate, &who_am_i("X-Remote-User: root\n")).await;
    assert_eq!(status(&bare), "401", "{bare}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_front_proxy_is_believed_what_it_says_of_others() {
    let real = Real::of_tests();
    let gate = gate(&real);
    let read = |name: &str| std::fs::read_to_string(real.file(name)).unwrap();
    for (certificate, user) in [("pki/front-proxy-client", Some("carol")), ("pki/kubelet", None)] {
        let (chain, key) =
            (read(&format!("{certificate}.crt")), read(&format!("{certificate}.key")));
        let mut stream = gate.endpoint(Some((&chain, &key))).connect().await.unwrap();
        let request =
            who_am_i("X-Remote-User: carol\nX-Remote-Group: staff\nX-Remote-Extra-Team: a\n");
        stream.write_all(request.replace('\n', "\r\n").as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        match user {
            Some(user) => {
                let info = body(&answer)["status"]["userInfo"].clone();
                assert_eq!(info["username"], user, "{answer}");
                assert!(info["groups"].as_array().unwrap().contains(&"staff".into()), "{answer}");
                assert_eq!(info["extra"]["team"][0], "a", "{answer}");
            }
            None => assert_eq!(status(&answer), "401", "{answer}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_too_long_or_ambiguous_end_where_they_begin() {
    let real = Real::of_tests();
    let gate = gate(&real);
    let token = "Authorization: Bearer hunter2\n";
    let long = format!("{token}X-Long: {}\n", "x".repeat(70_000));
    assert_eq!(status(&raw(&gate, &who_am_i(&long)).await), "431");
    let fits = format!("{token}X-Long: {}\n", "x".repeat(40_000));
    assert_eq!(status(&raw(&gate, &who_am_i(&fits)).await), "201");
    // One request or a refusal: never a second one hidden in the body of the first.
    let hidden = "0\r\n\r\nGET /clusters/demo/api/v1/secrets HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for framing in [
        format!("Content-Length: {}\nTransfer-Encoding: chunked\n", hidden.len()),
        "Transfer-Encoding: chunked, identity\n".to_owned(),
        "Transfer-Encoding: xchunked\n".to_owned(),
        "Content-Length: 5\nContent-Length: 6\n".to_owned(),
        "Content-Length: +5\n".to_owned(),
    ] {
        let request = format!(
            "POST /clusters/demo{WHO} HTTP/1.1\nHost: localhost\n{token}{framing}\n{hidden}"
        );
        raw_to_end(&gate, &request).await;
    }
    let rows = gate.recorded(|row| row["verb"] == "create");
    assert!(
        !rows.iter().any(|row| row["resource"] == "secrets" && row["user_name"] == "alice"),
        "{rows:#?}"
    );
    for dots in
        ["/clusters/demo/../demo/api", "/clusters/demo/%2e%2e/api", "/clusters/demo/a%2F..%5capi"]
    {
        let request = format!("GET {dots} HTTP/1.1\nHost: localhost\nConnection: close\n{token}\n");
        assert_eq!(status(&raw(&gate, &request).await), "400");
    }
}

/// Sends it and says that it is all, so that whoever waits for more does not.
async fn raw_to_end(gate: &Gate, request: &str) {
    let mut stream = gate.endpoint(None).connect().await.unwrap();
    let (head, body) = request.split_once("\n\n").unwrap();
    let bytes = format!("{}\r\n\r\n{body}", head.replace('\n', "\r\n"));
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    stream.shutdown().await.ok();
    let mut answer = Vec::new();
    tokio::time::timeout(crate::gate::SOON, stream.read_to_end(&mut answer)).await.unwrap().ok();
}
