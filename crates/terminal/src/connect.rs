//! The WebSocket upgrade: from an HTTP request to a socket, the second gate, and the denial that a
//! browser can read. What flows afterwards is `session`'s.
//!
//! A page cannot read why an upgrade was refused, so whoever is signed in and comes from our own page
//! gets the socket, one frame that says what was decided, and the close code. Everybody else gets a plain
//! 400, 401 or 403 and no socket. No byte reaches a container before the second gate has passed.
//!
//! Hostile input: frames must be masked and small (RFC 6455 section 5.1); the library refuses others.

use crate::gates::{self, second_gate};
use crate::live::{Belongs, NoRoom, Room};
use crate::protocol::{
    BROWSER_MESSAGE_BYTES_READ, CloseCode, SUBPROTOCOL, Size, TICKET_SUBPROTOCOL_PREFIX,
};
use crate::{Terminals, session};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_api::{DecidedBy, Problem, ProblemBody, ProblemCode, Query, SignedIn};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

const TOOK: &str = "sallyport_second_gate_seconds";
/// Keys are short; pastes make it grow.
const READ_BUFFER_BYTES: usize = 2 * 1024;

/// The browser's side of a terminal.
pub(crate) type BrowserSocket = WebSocketStream<TokioIo<Upgraded>>;

/// The first size, known before the first output.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstSize {
    /// Columns, 1 to 1,000; 80 if left out.
    cols: Option<u16>,
    /// Rows, 1 to 1,000; 24 if left out.
    rows: Option<u16>,
}

/// Second gate: the WebSocket of a terminal. Offers `sallyport.terminal.v1` and
/// `sallyport.ticket.<ticket>` as subprotocols; the protocol is described in `docs/terminal-protocol.md`.
#[utoipa::path(
    get, path = "/presigned/connect", operation_id = "connect_terminal", tag = "terminals", params(FirstSize),
    responses(
        (status = 101, description = "The terminal; a refusal is a `denied` message and a close code"),
        (status = 400, description = "`bad_request`: not a WebSocket upgrade", body = ProblemBody),
        (status = 403, description = "`origin_refused`", body = ProblemBody),
    )
)]
pub(crate) async fn connect(
    State(terminals): State<Terminals>,
    signed_in: SignedIn,
    Query(size): Query<FirstSize>,
    request: axum::extract::Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    // `SignedIn` checks the origin of upgrades; this one would be none without the header it looks for.
    terminals.api.origins.check(&parts.headers)?;
    let accept = accept_key(&parts.headers)?;
    let offered = offered(&parts.headers);
    if !offered.iter().any(|protocol| protocol == SUBPROTOCOL) {
        return Err(Problem::bad_request(format!(
            "the subprotocol `{SUBPROTOCOL}` is not offered"
        )));
    }
    let tickets: Vec<String> = offered
        .iter()
        .filter_map(|protocol| protocol.strip_prefix(TICKET_SUBPROTOCOL_PREFIX))
        .map(str::to_owned)
        .collect();
    let size = Size::new(size.cols.unwrap_or(80), size.rows.unwrap_or(24))
        .map_err(|fault| Problem::bad_request(fault.to_string()))?;
    let upgrade = parts
        .extensions
        .remove::<OnUpgrade>()
        .ok_or_else(|| Problem::bad_request("this connection cannot be upgraded (use HTTP/1.1)"))?;

    let tasks = terminals.live.tasks().clone();
    tasks.spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let socket = WebSocketStream::from_raw_socket(
                    TokioIo::new(upgraded),
                    Role::Server,
                    Some(browser_config()),
                )
                .await;
                // One ticket, no more: which of several was meant would be a guess.
                let ticket =
                    if let [ticket] = tickets.as_slice() { Some(ticket.as_str()) } else { None };
                enter(terminals, signed_in, ticket, size, socket).await;
            }
            Err(error) => tracing::debug!(%error, "a browser left before its upgrade"),
        }
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

pub(crate) fn describe_metrics() {
    metrics::describe_histogram!(
        TOOK,
        "How long the second gate took to let in, reviews included."
    );
    let _begun = metrics::histogram!(TOOK);
}

fn browser_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(16 * 1024 * 1024)
        .max_message_size(Some(BROWSER_MESSAGE_BYTES_READ))
        .max_frame_size(Some(BROWSER_MESSAGE_BYTES_READ))
}

/// The handshake of RFC 6455 section 4.2.1.
pub(crate) fn accept_key(headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    let has = |name, token: &str| {
        headers.get_all(name).iter().any(|value| {
            value.to_str().is_ok_and(|value| {
                value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token))
            })
        })
    };
    let refuse = |what: &str| Problem::bad_request(format!("not a WebSocket upgrade: {what}"));
    if !has(header::UPGRADE, "websocket") || !has(header::CONNECTION, "upgrade") {
        return Err(refuse("`Connection: Upgrade` and `Upgrade: websocket` are needed"));
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(refuse("`Sec-WebSocket-Version` must be 13"));
    }
    let key = headers
        .get(header::SEC_WEBSOCKET_KEY)
        .filter(|key| key.len() == 24)
        .ok_or_else(|| refuse("`Sec-WebSocket-Key` must be 16 bytes in base64"))?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(Problem::internal)
}

pub(crate) fn offered(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|protocol| protocol.trim().to_owned())
        // The protocol and a ticket; a list of a hundred is no browser's.
        .take(8)
        .collect()
}

async fn enter(
    terminals: Terminals,
    signed_in: SignedIn,
    ticket: Option<&str>,
    size: Size,
    socket: BrowserSocket,
) {
    let began = std::time::Instant::now();
    let passed = match room_for(&terminals, &signed_in) {
        Ok(room) => {
            second_gate(&terminals, &signed_in, ticket).await.map(|entered| (room, entered))
        }
        Err(problem) => Err(("a terminal".to_owned(), problem)),
    };
    let (room, entered) = match passed {
        Ok(passed) => passed,
        Err((object, problem)) => {
            let refused =
                gates::refuse(&terminals, &signed_in, "terminal.enter", &object, &problem).await;
            // A refusal that could not be written down is still a refusal, told as the store's trouble.
            let problem = refused.err().unwrap_or(problem);
            session::deny(socket, &signed_in, &problem).await;
            return;
        }
    };
    metrics::histogram!(TOOK).record(began.elapsed().as_secs_f64());
    let belongs = Belongs {
        user: entered.terminal.user.clone(),
        cluster: entered.terminal.place.pod.cluster.clone(),
        link: entered.terminal.link.clone(),
        sign_in: entered.terminal.sign_in.clone(),
    };
    let (place, orders, fuel) = terminals.live.enter(room, &entered.terminal.id, belongs);
    let right = Arc::new(entered.right);
    session::run(
        session::Start {
            terminals: &terminals,
            signed_in: &signed_in,
            cluster: entered.cluster,
            right,
            terminal: &entered.terminal,
            size,
            orders,
            fuel,
        },
        socket,
    )
    .await;
    drop(place);
}

fn room_for(terminals: &Terminals, signed_in: &SignedIn) -> Result<Room, Problem> {
    if terminals.live.is_draining() {
        return Err(Problem::new(ProblemCode::HubDraining, "the hub is being stopped")
            .decided_by(DecidedBy::Hub)
            .retry_after(Duration::from_secs(2)));
    }
    let (person_max, total_max) = (terminals.settings.per_person_max, terminals.settings.total_max);
    let room = terminals.live.room(signed_in.user(), signed_in.cluster(), person_max, total_max);
    room.map_err(|full| match full {
        NoRoom::ForPerson => too_many(&format!("`{}`", signed_in.user()), person_max),
        NoRoom::OnHub => too_many("this hub", total_max),
    })
}

fn too_many(whose: &str, limit: usize) -> Problem {
    Problem::new(
        ProblemCode::TooManyTerminals,
        format!("{whose} has {limit} live terminals, which is the limit"),
    )
    .decided_by(DecidedBy::Hub)
    .fix("close one that is not needed")
}

/// The close code of a problem; the codes are listed in `docs/terminal-protocol.md`.
pub(crate) fn close_code(code: ProblemCode) -> CloseCode {
    use ProblemCode as P;
    match code {
        P::NotSignedIn | P::SessionExpired | P::SessionEnded | P::AccountDisabled => {
            CloseCode::SignInEnded
        }
        P::PodGone | P::PodReplaced | P::PodNotRunning | P::ContainerUnknown | P::NoShell => {
            CloseCode::Gone
        }
        P::LinkExpired | P::TicketExpired => CloseCode::Expired,
        P::LinkUsed | P::TicketUsed => CloseCode::Used,
        P::LinkRevoked => CloseCode::Revoked,
        P::RightWithdrawn => CloseCode::RightWithdrawn,
        P::TerminalEnded => CloseCode::TerminalEnded,
        P::BadRequest => CloseCode::Malformed,
        P::BodyTooLarge => CloseCode::TooLarge,
        P::ClusterUnreachable | P::ExecUnsupported | P::StoreUnavailable | P::Internal => {
            CloseCode::ClusterTrouble
        }
        P::HubDraining => CloseCode::Draining,
        _ => CloseCode::Denied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_room_is_told_as_that_and_not_as_attempts_to_wait_for() {
        let problem = too_many("`mina`", 64);
        assert_eq!(problem.code().as_str(), "too_many_terminals");
        assert!(problem.detail().contains("`mina` has 64 live"), "{}", problem.detail());
        assert_eq!(close_code(problem.code()), CloseCode::Denied);
    }
}
