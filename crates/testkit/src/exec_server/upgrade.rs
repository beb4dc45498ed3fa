//! The upgrade of an exec request (RFC 6455 section 4.2.2), and the ways in which it is not one.

use super::api::{Reply, impersonation, status_reply, text_reply};
use super::record::{ExecSeen, GuardianSeen};
use super::session::{self, Session};
use super::{ExecAnswer, Marker, Shared, lock};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

const V5: &str = "v5.channel.k8s.io";
const V4: &str = "v4.channel.k8s.io";
/// Thousands of idle sessions keep a buffer of this size each.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// A hub splits pastes; the API server's own limit is of this order.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

pub(super) async fn exec(
    shared: &Arc<Shared>,
    mut request: Request<Incoming>,
    namespace: String,
    pod: String,
) -> Reply {
    let settings = lock(&shared.settings).clone();
    if let Some(refusal) = refusal(settings.answer, &pod) {
        return refusal;
    }
    if settings.answer == ExecAnswer::Stall {
        std::future::pending::<()>().await;
    }
    if !lock(&shared.pods).iter().any(|known| known.namespace == namespace && known.name == pod) {
        let message = format!("pods \"{pod}\" not found");
        return status_reply(StatusCode::NOT_FOUND, "NotFound", &message);
    }
    let Some((protocol, key)) = negotiate(request.headers(), settings.answer) else {
        return spdy_alone();
    };
    let mut seen = exec_seen(&request, namespace, pod, protocol);
    let wraps = matches!(seen.command.first().map(String::as_str), Some("sh" | "/bin/sh"));
    let marker = match settings.marker {
        Marker::ProcessId if wraps && seen.guardian.is_none() => {
            seen.process_id = shared.process_ids.fetch_add(1, Ordering::Relaxed);
            vec![Bytes::from(format!("\x1b_sallyport;{}\x1b\\", seen.process_id))]
        }
        Marker::Bytes(frames) if wraps && seen.guardian.is_none() => frames,
        _ => Vec::new(),
    };
    let program = settings
        .program_by_pod
        .iter()
        .find(|(name, _)| *name == seen.pod)
        .map_or(settings.program, |(_, program)| program.clone());

    let plan = session::Plan {
        program,
        marker,
        opening_frame: settings.opening_frame,
        tty: seen.tty,
        guardian: seen.guardian.is_some(),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let task_shared = Arc::clone(shared);
    let mut sessions = lock(&shared.sessions);
    while sessions.try_join_next().is_some() {}
    sessions.spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let io = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        Session::new(task_shared, seen).run(socket, plan).await;
    });
    drop(sessions);
    switching(settings.answer, protocol, &key)
}

fn refusal(answer: ExecAnswer, pod: &str) -> Option<Reply> {
    let reply = match answer {
        ExecAnswer::SpdyOnly => spdy_alone(),
        ExecAnswer::Unauthorized => {
            status_reply(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
        }
        ExecAnswer::Forbidden => {
            let message = format!("pods \"{pod}\" is forbidden: the double refuses exec");
            status_reply(StatusCode::FORBIDDEN, "Forbidden", &message)
        }
        ExecAnswer::NotFound => {
            let message = format!("pods \"{pod}\" not found");
            status_reply(StatusCode::NOT_FOUND, "NotFound", &message)
        }
        ExecAnswer::Redirect => {
            let mut reply = text_reply("");
            *reply.status_mut() = StatusCode::FOUND;
            let elsewhere = header::HeaderValue::from_static("https://elsewhere.example/exec");
            reply.headers_mut().insert(header::LOCATION, elsewhere);
            reply
        }
        ExecAnswer::NoUpgrade => text_reply("this is no upgrade"),
        _ => return None,
    };
    Some(reply)
}

fn spdy_alone() -> Reply {
    status_reply(StatusCode::BAD_REQUEST, "BadRequest", "Upgrade request required")
}

/// The protocol and the key; `None` if the request is no WebSocket upgrade to a protocol of ours.
fn negotiate(headers: &HeaderMap, answer: ExecAnswer) -> Option<(&'static str, String)> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let upgrade = text(header::UPGRADE)?;
    let key = text(header::SEC_WEBSOCKET_KEY)?.to_owned();
    if !upgrade.eq_ignore_ascii_case("websocket") {
        return None;
    }
    let offered: Vec<&str> =
        text(header::SEC_WEBSOCKET_PROTOCOL)?.split(',').map(str::trim).collect();
    let known: &[&'static str] = if answer == ExecAnswer::V4 { &[V4] } else { &[V5, V4] };
    let chosen = known.iter().find(|protocol| offered.contains(protocol))?;
    Some((chosen, key))
}

fn switching(answer: ExecAnswer, protocol: &'static str, key: &str) -> Reply {
    let accept = match answer {
        ExecAnswer::WrongAccept => "AAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned(),
        _ => derive_accept_key(key.as_bytes()),
    };
    let protocol = match answer {
        ExecAnswer::WrongProtocol => "v9.channel.k8s.io",
        _ => protocol,
    };
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .header(header::SEC_WEBSOCKET_PROTOCOL, protocol)
        .body(Full::default())
        .unwrap_or_default()
}

fn exec_seen(
    request: &Request<Incoming>,
    namespace: String,
    pod: String,
    protocol: &str,
) -> ExecSeen {
    let mut seen = ExecSeen {
        namespace,
        pod,
        protocol: protocol.to_owned(),
        impersonation: impersonation(request.headers()),
        ..ExecSeen::default()
    };
    for pair in request.uri().query().unwrap_or_default().split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "container" => seen.container = decode(value),
            "command" => seen.command.push(decode(value)),
            "tty" => seen.tty = value == "true" || value == "1",
            _ => {}
        }
    }
    let guards = !seen.tty && seen.command.iter().any(|word| word.contains("guardian"));
    seen.guardian = guards.then(GuardianSeen::default);
    seen
}

/// Decodes a query value as Go's `net/url` does: percent signs, and plus for a blank.
fn decode(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
                let (high, low) = (digit().unwrap_or_default(), digit().unwrap_or_default());
                decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
            }
            plain => decoded.push(plain),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_as_go_does() {
        assert_eq!(decode("a%20b+c%2Fd%ED%95%9C"), "a b c/d한");
    }
}
