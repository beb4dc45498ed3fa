//! What a connection becomes after an upgrade: WebSocket or SPDY, or nothing that is known here.
//! It only hands on; the protocols are elsewhere.

use super::head::Head;
use crate::http::{self, Request};
use crate::scene::Scene;
use crate::spdy::Spdy;
use crate::unit::Side;
use crate::websocket::WebSocket;

/// The protocol after an upgrade.
#[derive(Debug)]
pub(super) enum Upgraded {
    WebSocket(Box<WebSocket>),
    Spdy(Box<Spdy>),
}

impl Upgraded {
    /// By the answer that agreed to it.
    pub(super) fn new(answer: &Head, request: Option<Request>) -> Option<Self> {
        let field = |name| http::field(&answer.fields, name);
        let protocol = field("upgrade").unwrap_or_default();
        if protocol.eq_ignore_ascii_case("websocket") {
            let channels = field("sec-websocket-protocol");
            let extensions = field("sec-websocket-extensions");
            return Some(Self::WebSocket(Box::new(WebSocket::new(request, channels, extensions))));
        }
        let is_spdy = protocol.eq_ignore_ascii_case("SPDY/3.1");
        is_spdy.then(|| Self::Spdy(Box::new(Spdy::new(request))))
    }

    pub(super) fn data(&mut self, side: Side, data: &[u8], scene: &mut Scene<'_>) {
        match self {
            Self::WebSocket(socket) => socket.data(side, data, scene),
            Self::Spdy(spdy) => spdy.data(side, data, scene),
        }
    }

    pub(super) fn gap(&mut self, side: Side, lost: Option<u64>, scene: &mut Scene<'_>) {
        match self {
            Self::WebSocket(socket) => socket.gap(side, lost, scene),
            Self::Spdy(spdy) => spdy.gap(side),
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::WebSocket(socket) => socket.held_bytes(),
            Self::Spdy(spdy) => spdy.held_bytes(),
        }
    }

    pub(super) fn shed(&mut self, scene: &mut Scene<'_>) {
        match self {
            Self::WebSocket(socket) => socket.shed(scene),
            Self::Spdy(spdy) => spdy.shed(),
        }
    }

    pub(super) fn finish(&mut self, scene: &mut Scene<'_>) {
        if let Self::WebSocket(socket) = self {
            socket.finish(scene);
        }
    }
}
