//! An API server that accepts, reads, and answers nothing, half an answer, or in its own time.

use super::*;
use crate::{Cluster, GetPod, KubeIoError};
use model::{Identity, Secret};
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_millis(300);
/// Far above the patience, far below for ever.
const SOON: Duration = Duration::from_secs(8);
const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";

async fn request_of(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut byte = [0; 1];
    while !read.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.unwrap_or(0) == 1 {
        read.push(byte[0]);
    }
    String::from_utf8_lossy(&read).into_owned()
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// Watches begin at once and tell something late; Pods come by half; nothing else comes at all.
async fn answer(mut stream: TcpStream) {
    let asked = request_of(&mut stream).await;
    let line = asked.lines().next().unwrap_or_default();
    let told = r#"{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"7"}}}"#;
    if line.contains("watch=true") {
        stream.write_all(HEAD.as_bytes()).await.ok();
        tokio::time::sleep(PATIENCE * 3).await;
        stream.write_all(chunk(&format!("{told}\n")).as_bytes()).await.ok();
    } else if line.contains("/pods/halved") {
        stream.write_all(HEAD.as_bytes()).await.ok();
        stream.write_all(chunk(r#"{"kind":"Pod","#).as_bytes()).await.ok();
    }
    // Held open until the client gives up.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.ok();
}

async fn silent_cluster() -> Cluster {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    let config = kube::Config::new(format!("http://{address}").parse().unwrap());
    let client = kube::Client::try_from(config).unwrap();
    let mut cluster = Cluster::from_client("silent".parse().unwrap(), client.clone());
    cluster.client = patient(client, PATIENCE);
    cluster
}

fn alice() -> Identity {
    Identity { user: "alice".to_owned(), uid: None, groups: Vec::new(), extra: BTreeMap::new() }
}

async fn unreachable<T: std::fmt::Debug>(
    what: &str,
    asking: impl Future<Output = Result<T, KubeIoError>>,
) {
    let answered = tokio::time::timeout(SOON, asking).await;
    let error = answered.unwrap_or_else(|_| panic!("{what} waits for ever")).unwrap_err();
    assert!(
        matches!(&error, KubeIoError::Unreachable { detail, .. } if detail.contains("no answer")),
        "{what}: {error}"
    );
}

#[tokio::test]
async fn whoever_asks_a_silent_api_server_is_told_so_in_time() {
    let cluster = silent_cluster().await;
    let (namespace, pod) = ("default".parse().unwrap(), "halved".parse().unwrap());
    let action = GetPod { namespace: "default".parse().unwrap(), pod: "web".parse().unwrap() };
    unreachable("a review", cluster.authorize(&alice(), action)).await;
    unreachable("a token review", cluster.token_review(&Secret::new("token"))).await;
    unreachable("the version", cluster.version()).await;
    let other = "web".parse().unwrap();
    unreachable("a read", cluster.pod_facts(&alice(), &namespace, &other)).await;
    unreachable("half an answer", cluster.pod_facts(&alice(), &namespace, &pod)).await;
}

#[tokio::test]
async fn a_watch_may_be_silent_once_it_has_begun() {
    use futures_util::StreamExt as _;
    use k8s_openapi::api::core::v1::Pod;
    use kube::api::{Api, WatchParams};
    let cluster = silent_cluster().await;
    let pods: Api<Pod> = Api::namespaced(cluster.as_hub(), "default");
    let watch = pods.watch(&WatchParams::default(), "1").await.unwrap();
    let told = tokio::time::timeout(SOON, std::pin::pin!(watch).next()).await.unwrap();
    assert!(matches!(told, Some(Ok(kube::api::WatchEvent::Bookmark(_)))), "{told:?}");
}

#[test]
fn what_is_waited_for_is_known_by_the_request() {
    let kind = |uri: &str| Kind::of(&http::Request::get(uri).body(()).unwrap());
    assert_eq!(kind("/api/v1/pods"), Kind::Plain);
    assert_eq!(kind("/api/v1/pods?labelSelector=watch%3Dtrue"), Kind::Plain);
    assert_eq!(kind("/api/v1/pods?watch=false"), Kind::Plain);
    assert_eq!(kind("/api/v1/pods?limit=5&watch=true"), Kind::Followed);
    assert_eq!(kind("/api/v1/namespaces/a/pods/b/log?follow=true"), Kind::Followed);
    let upgrade = http::Request::get("/exec").header("upgrade", "websocket").body(()).unwrap();
    assert_eq!(Kind::of(&upgrade), Kind::Upgrade);
}
