//! Follows the handshake: what was agreed, and when a side's next key begins.
//! It takes handshake bytes in order, in clear or decrypted; records are the parent's.
//!
//! Limits: a message of more than [`MESSAGE_BYTES_MAX`] is passed over together with what was joined so far.

use super::half::Epoch;
use super::handshake::{self, ClientHello, ServerHello};
use super::suite::Suite;
use super::{Tls, schedule};
use crate::bytes::Cursor;
use crate::keys::Label;
use crate::scene::Scene;
use crate::unit::{Protocol, Side};

/// Go and OpenSSL refuse certificate messages of more; 64 KiB is their usual limit.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

impl Tls {
    /// Takes handshake bytes; a message may span records, and a record hold several messages.
    pub(super) fn handshake(&mut self, side: Side, content: &[u8], scene: &mut Scene<'_>) {
        let mut joined = std::mem::take(&mut self.half(side).handshake);
        joined.extend_from_slice(content);
        let mut rest = Cursor::new(&joined);
        loop {
            let mut ahead = rest;
            let (Some(kind), Some(length)) = (ahead.u8(), ahead.u24()) else { break };
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > MESSAGE_BYTES_MAX {
                return;
            }
            let Some(body) = ahead.take(length) else { break };
            rest = ahead;
            self.message(side, kind, body, scene);
        }
        let left = rest.rest().len();
        joined.drain(..joined.len() - left);
        self.half(side).handshake = joined;
    }

    fn message(&mut self, side: Side, kind: u8, body: &[u8], scene: &mut Scene<'_>) {
        let mut info = handshake::name(kind).to_owned();
        let mut hello_seen = false;
        match (kind, side) {
            (handshake::CLIENT_HELLO, Side::Client) => {
                if let Some(hello) = ClientHello::parse(body) {
                    info = describe_client(&hello);
                    self.client_hello = Some(hello);
                }
            }
            (handshake::SERVER_HELLO, Side::Server) => match ServerHello::parse(body) {
                Some(hello) if hello.is_retry() => info = "HelloRetryRequest".to_owned(),
                Some(hello) => {
                    self.protocol.clone_from(&hello.protocol);
                    self.server_hello = Some(hello);
                    hello_seen = true;
                    info = self.describe_server();
                }
                None => {}
            },
            (handshake::ENCRYPTED_EXTENSIONS, Side::Server) => {
                self.protocol = handshake::encrypted_extensions_protocol(body);
                if let Some(protocol) = &self.protocol {
                    info = format!("EncryptedExtensions: {protocol}");
                }
            }
            (handshake::NEW_SESSION_TICKET, Side::Server) if !self.is_1_3() => {
                self.ticket = handshake::ticket_1_2(body).unwrap_or_default().to_vec();
                self.remember_ticket(scene);
            }
            _ => {}
        }
        let unit = scene.unit(side, Protocol::Tls, body.len() as u64 + 4, info);
        scene.tell(unit);
        if hello_seen {
            self.agree(scene);
        }
        if let Some(protocol) = &self.protocol {
            self.app.agree(protocol);
        }
        if self.is_1_3() {
            self.turn_keys(side, kind, scene);
        }
    }

    /// Both hellos are known: what waited for that can be looked at.
    fn agree(&mut self, scene: &mut Scene<'_>) {
        if self.is_1_3() {
            let early = self.client_hello.as_ref().is_some_and(|hello| hello.early_data);
            self.half(Side::Server).enter(Epoch::Handshake);
            self.half(Side::Client).enter(if early { Epoch::Early } else { Epoch::Handshake });
        } else {
            for side in Side::BOTH {
                if std::mem::take(&mut self.half(side).change_seen) {
                    self.half(side).enter(Epoch::Application);
                }
            }
        }
        self.drain(Side::Client, scene);
    }

    /// Some TLS 1.3 messages end the use of a key.
    fn turn_keys(&mut self, side: Side, kind: u8, scene: &mut Scene<'_>) {
        let epoch = self.half(side).epoch;
        match kind {
            handshake::END_OF_EARLY_DATA if epoch == Epoch::Early => {
                self.half(side).enter(Epoch::Handshake);
            }
            handshake::FINISHED if epoch != Epoch::Application => {
                self.half(side).enter(Epoch::Application);
            }
            handshake::KEY_UPDATE => self.update_key(side, scene),
            _ => {}
        }
    }

    fn update_key(&mut self, side: Side, scene: &Scene<'_>) {
        let Some(suite) =
            self.server_hello.as_ref().and_then(|hello| Suite::of_number(hello.suite))
        else {
            return;
        };
        let label = match side {
            Side::Client => Label::ClientTraffic,
            Side::Server => Label::ServerTraffic,
        };
        let random = self.client_random().unwrap_or_default();
        let half = self.half(side);
        let secret = half.secret.take().or_else(|| scene.keys.secret(&random, label).cloned());
        half.enter(Epoch::Application);
        if let Some(secret) = secret {
            let secret = schedule::updated(suite.hash, &secret);
            half.opener = schedule::opener_1_3(suite, &secret);
            half.secret = Some(secret);
            half.asked = true;
        }
    }

    /// A ticket may come after the master secret was used, when a session is resumed and renewed.
    fn remember_ticket(&self, scene: &mut Scene<'_>) {
        let Some(random) = self.client_random() else { return };
        if let Some(master) = scene.keys.secret(&random, Label::Master).cloned() {
            scene.keys.remember_session(&self.ticket, &master);
        }
    }

    fn describe_server(&self) -> String {
        let facts = self.facts();
        let mut info = "ServerHello:".to_owned();
        let resumed = facts.resumed.then_some("resumed");
        let words = [facts.version, facts.suite.as_deref(), facts.protocol.as_deref(), resumed];
        for word in words.into_iter().flatten() {
            info.push(' ');
            info.push_str(word);
        }
        info
    }
}

fn describe_client(hello: &ClientHello) -> String {
    let mut info = "ClientHello".to_owned();
    if let Some(name) = &hello.server_name {
        info.push_str(&format!(" for {name}"));
    }
    if !hello.protocols.is_empty() {
        info.push_str(&format!(" ({})", hello.protocols.join(", ")));
    }
    if hello.early_data {
        info.push_str(" with early data");
    }
    info
}
