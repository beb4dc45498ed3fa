//! The viewer against a hub of a few lines: what it acknowledges, and when.

use super::*;
use std::time::{Duration, Instant};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

type Hub = WebSocketStream<tokio::io::DuplexStream>;

async fn terminal() -> (HubTerminal, Hub) {
    let (ours, theirs) = tokio::io::duplex(8 * 1024 * 1024);
    let ours: Box<dyn crate::web_socket::Stream> = Box::new(ours);
    let terminal =
        HubTerminal::new(WebSocketStream::from_raw_socket(ours, Role::Client, None).await);
    (terminal, WebSocketStream::from_raw_socket(theirs, Role::Server, None).await)
}

async fn output(hub: &mut Hub, kind: u8, bytes: usize) {
    let mut frame = vec![kind];
    frame.resize(bytes + 1, b'x');
    hub.send(Message::binary(frame)).await.unwrap();
}

/// The newest acknowledgement that has arrived.
async fn acknowledged(hub: &mut Hub) -> u64 {
    let mut newest = 0;
    while let Some(Some(Ok(Message::Binary(frame)))) = hub.next().now_or_never() {
        assert_eq!((frame[0], frame.len()), (ACK, 9));
        newest = u64::from_be_bytes(frame[1..].try_into().unwrap());
    }
    newest
}

#[tokio::test]
async fn all_is_acknowledged_when_there_is_nothing_more_to_see() {
    let (mut terminal, mut hub) = terminal().await;
    output(&mut hub, STDOUT, 5).await;
    output(&mut hub, SNAPSHOT, 7).await;
    assert_eq!(terminal.next().await.unwrap(), TerminalEvent::Output(Bytes::from_static(b"xxxxx")));
    assert!(matches!(terminal.next().await.unwrap(), TerminalEvent::Snapshot(_)));
    assert_eq!(acknowledged(&mut hub).await, 0);
    assert!(terminal.next().now_or_never().is_none());
    assert_eq!(acknowledged(&mut hub).await, 12);
}

#[tokio::test]
async fn a_slow_viewer_acknowledges_what_it_consumed_and_not_what_arrived() {
    let (mut terminal, mut hub) = terminal().await;
    terminal.set_pace(Pace::bytes_per_s(2_000_000));
    for _ in 0..10 {
        output(&mut hub, STDOUT, 40_000).await;
    }
    let begun = Instant::now();
    let mut seen = 0u64;
    while seen < 200_000 {
        let TerminalEvent::Output(bytes) = terminal.next().await.unwrap() else { panic!() };
        seen += bytes.len() as u64;
    }
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(95), "{took:?}");
    let told = acknowledged(&mut hub).await;
    assert!(told <= seen && told + ACK_BYTES_MAX > seen, "{told} of {seen}");
    assert_eq!(terminal.received_bytes(), 400_000);
    assert!(terminal.queued_bytes_peak() > 300_000);
}

#[tokio::test]
async fn messages_and_ends_keep_their_place() {
    let (mut terminal, mut hub) = terminal().await;
    output(&mut hub, STDOUT, 1).await;
    hub.send(Message::text(r#"{"type":"exit","code":3}"#)).await.unwrap();
    hub.close(None).await.unwrap();
    assert!(matches!(terminal.next().await.unwrap(), TerminalEvent::Output(_)));
    assert_eq!(terminal.message("exit").await.unwrap()["code"], 3);
    assert!(matches!(terminal.next().await.unwrap(), TerminalEvent::Closed(1005, _)));
    assert!(terminal.next().await.is_err());
}

#[tokio::test]
async fn input_is_split_and_sizes_are_big_endian() {
    let (mut terminal, mut hub) = terminal().await;
    terminal.input(&[b'a'; 20_000]).await.unwrap();
    terminal.resize(300, 24).await.unwrap();
    terminal.end_input().await.unwrap();
    let mut frames = Vec::new();
    for _ in 0..4 {
        frames.push(hub.next().await.unwrap().unwrap().into_data());
    }
    assert_eq!((frames[0].len(), frames[1].len()), (16_385, 3_617));
    assert_eq!(&frames[2][..], [4, 1, 44, 0, 24]);
    assert_eq!(&frames[3][..], [255]);
}
