//! Links that are refused for what they say, before any cluster is asked.

use crate::hub::Hub;
use http::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn a_command_holds_no_nul() {
    // Without a cluster, what is well said ends there.
    let hub = Hub::before(Vec::new()).await;
    let browser = hub.by_token("bob", &["dev"], "home").await;
    for (command, status, code) in [
        (json!(["id\0"]), StatusCode::BAD_REQUEST, "bad_request"),
        (json!(["sh", "-c", "\0"]), StatusCode::BAD_REQUEST, "bad_request"),
        (json!(["printf", "a\tb\n"]), StatusCode::NOT_FOUND, "cluster_unknown"),
    ] {
        let wish = json!({ "namespace": "team", "pod": "web-0", "command": command });
        let answer = hub.call(&browser, Method::POST, "/api/v1/links", Some(wish)).await;
        assert_eq!((answer.0, &answer.1["code"]), (status, &json!(code)), "{command}: {answer:?}");
        if status == StatusCode::BAD_REQUEST {
            assert!(answer.1["detail"].as_str().unwrap().contains("NUL"), "{answer:?}");
        }
    }
}
