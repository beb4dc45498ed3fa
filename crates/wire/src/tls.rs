//! TLS 1.2 and 1.3 seen from the side: records in, content out.
//! [`framing`] cuts the stream into records and finds the next one after a gap, [`half`] opens them,
//! [`negotiation`] follows the handshake, [`schedule`] makes keys of secrets. What the content means is
//! [`crate::app`]'s.
//!
//! Specifications: RFC 5246, RFC 8446, RFC 5288, RFC 7905, RFC 5077, RFC 9850.
//! Cold start: without a ClientHello no key can be matched; the bytes are counted as joined late.
//! Limits: [`PARKED_BYTES_MAX`] of each side wait for a key; what comes after is skipped but counted, so
//! that decryption goes on with the right sequence number when the key comes.
//!
//! Hostile input: nothing is believed of a record under a key before its tag verifies.

mod framing;
mod half;
mod handshake;
mod negotiation;
mod opener;
mod schedule;
mod suite;

use crate::app::App;
use crate::keys::{ClientRandom, Label};
use crate::scene::Scene;
use crate::skip::Skip;
use crate::unit::{Protocol, Side, TlsFacts};
use half::{Epoch, Half, Parked};
use handshake::{ClientHello, ServerHello};
use model::SecretBytes;
use suite::Suite;

pub(crate) use framing::looks_like_tls;

/// A key that is read from a log a moment later must find the start of the conversation; secrets that come
/// by eBPF arrive within milliseconds.
const PARKED_BYTES_MAX: usize = 512 * 1024;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;

/// One TLS connection.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    client_hello: Option<ClientHello>,
    server_hello: Option<ServerHello>,
    /// The ticket that a TLS 1.2 server gave.
    ticket: Vec<u8>,
    protocol: Option<String>,
    halves: [Half; 2],
    app: App,
    scratch: Vec<u8>,
    /// Why records could not be opened, the last reason.
    trouble: Option<Skip>,
}

impl Tls {
    /// A connection of which the beginning was seen, or not.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The random by which secrets of this connection are found.
    pub(crate) fn client_random(&self) -> Option<ClientRandom> {
        self.client_hello.as_ref().map(|hello| hello.random)
    }

    /// What the handshake said.
    pub(crate) fn facts(&self) -> TlsFacts {
        let server = self.server_hello.as_ref();
        let client = self.client_hello.as_ref();
        let resumed = |server: &ServerHello| match server.is_1_3() {
            true => server.pre_shared_key,
            false => client.is_some_and(|client| {
                !client.session_id.is_empty() && client.session_id == server.session_id
            }),
        };
        TlsFacts {
            version: server.and_then(|server| match server.version {
                0x0304 => Some("TLS 1.3"),
                0x0303 => Some("TLS 1.2"),
                0x0302 => Some("TLS 1.1"),
                0x0301 => Some("TLS 1.0"),
                _ => None,
            }),
            suite: server.map(|server| match Suite::of_number(server.suite) {
                Some(suite) => suite.name.to_owned(),
                None => format!("{:#06x}", server.suite),
            }),
            server_name: client.and_then(|client| client.server_name.clone()),
            protocol: self.protocol.clone(),
            resumed: server.is_some_and(resumed),
            early_data: client.is_some_and(|client| client.early_data),
        }
    }

    /// Why records could not be opened, if some could not, and how many could.
    pub(crate) fn outcome(&self) -> (Option<Skip>, u64) {
        (self.trouble, self.halves.iter().map(|half| half.opened).sum())
    }

    /// Whether a ClientHello was seen.
    pub(crate) fn is_known(&self) -> bool {
        self.client_hello.is_some()
    }

    /// Bytes held for it.
    pub(crate) fn held_bytes(&self) -> usize {
        self.halves.iter().map(Half::held_bytes).sum::<usize>() + self.app.held_bytes()
    }

    /// Drops what is held, because the sum over all connections is over its bound.
    pub(crate) fn shed(&mut self, scene: &mut Scene<'_>) {
        for side in Side::BOTH {
            self.skip_parked(side, Skip::OverBound, scene);
        }
        self.app.shed(scene);
    }

    /// Tries again what waits for a key, because new ones have come.
    pub(crate) fn retry(&mut self, scene: &mut Scene<'_>) {
        for side in Side::BOTH {
            self.halves[side.index()].asked = false;
            self.drain(side, scene);
        }
    }

    /// Accounts for what is left at the end of the connection.
    pub(crate) fn finish(&mut self, scene: &mut Scene<'_>) {
        self.retry(scene);
        for side in Side::BOTH {
            let reason = self.reason_without_key(scene);
            if !self.halves[side.index()].parked.is_empty() {
                self.trouble = Some(reason);
            }
            self.skip_parked(side, reason, scene);
            let rest = std::mem::take(&mut self.halves[side.index()].partial);
            // A record that was cut off by the end of the capture, or what is left of a search.
            scene.wire_skipped(Skip::Gap, rest.len());
        }
        self.app.finish(scene);
    }

    fn half(&mut self, side: Side) -> &mut Half {
        &mut self.halves[side.index()]
    }

    fn is_1_3(&self) -> bool {
        self.server_hello.as_ref().is_some_and(ServerHello::is_1_3)
    }

    /// Takes a whole record.
    fn record(&mut self, side: Side, record: &[u8], scene: &mut Scene<'_>) {
        let kind = record.first().copied().unwrap_or(0);
        // After a HelloRetryRequest hellos follow a ChangeCipherSpec that means nothing.
        if self.half(side).epoch == Epoch::Clear && handshake::is_hello(record) {
            return self.clear_record(side, kind, record, scene);
        }
        if !self.half(side).parked.is_empty() {
            return self.park(side, record, scene);
        }
        if self.half(side).epoch != Epoch::Clear {
            let is_clear = self.is_1_3()
                && (kind == CHANGE_CIPHER_SPEC || (kind == ALERT && record.len() == 7));
            return match is_clear {
                true => self.clear_record(side, kind, record, scene),
                false => self.sealed_record(side, record, scene),
            };
        }
        // An encrypted record before it is known how: the other side's hello has not been seen (yet).
        if self.half(side).change_seen || kind == APPLICATION_DATA {
            return self.park(side, record, scene);
        }
        self.clear_record(side, kind, record, scene);
    }

    fn clear_record(&mut self, side: Side, kind: u8, record: &[u8], scene: &mut Scene<'_>) {
        scene.wire_decoded(record.len());
        let content = record.get(opener::HEADER_BYTES..).unwrap_or_default();
        match kind {
            HANDSHAKE => self.handshake(side, content, scene),
            ALERT => Self::alert(side, content, scene),
            CHANGE_CIPHER_SPEC if self.half(side).epoch == Epoch::Clear => {
                match &self.server_hello {
                    Some(hello) if hello.is_1_3() => {}
                    Some(_) => self.half(side).enter(Epoch::Application),
                    None => self.half(side).change_seen = true,
                }
            }
            _ => {}
        }
    }

    fn sealed_record(&mut self, side: Side, record: &[u8], scene: &mut Scene<'_>) {
        self.ask_for_keys(side, scene);
        let half = &mut self.halves[side.index()];
        if half.opener.is_none() && half.next_opener.is_none() {
            return self.park(side, record, scene);
        }
        let has_present_key = half.opener.is_some();
        let mut plain = std::mem::take(&mut self.scratch);
        match half.open(record, &mut plain) {
            Some(opened) => {
                scene.wire_decoded(record.len());
                if opened.advanced {
                    half.secret = None;
                    half.handshake.clear();
                }
                if opened.skipped > 0 && half.epoch == Epoch::Application {
                    self.app.gap(side, None, scene);
                }
                let content = plain.get(..opened.length).unwrap_or_default();
                self.content(side, opened.kind, content, scene);
            }
            None if has_present_key => {
                half.lose(1);
                let reason = if half.opened == 0 { Skip::KeyMismatch } else { Skip::Gap };
                self.trouble = Some(reason);
                scene.wire_skipped(reason, record.len());
            }
            // A record of the handshake, whose secret is not in the log.
            None => scene.wire_skipped(Skip::NoKey, record.len()),
        }
        self.scratch = plain;
    }

    fn content(&mut self, side: Side, kind: u8, content: &[u8], scene: &mut Scene<'_>) {
        match kind {
            APPLICATION_DATA => {
                self.app.data(side, content, scene);
            }
            HANDSHAKE => self.handshake(side, content, scene),
            ALERT => Self::alert(side, content, scene),
            // A renegotiation in TLS 1.2: the next record is under new keys.
            CHANGE_CIPHER_SPEC if !self.is_1_3() => self.half(side).enter(Epoch::Application),
            _ => {}
        }
    }

    fn alert(side: Side, content: &[u8], scene: &mut Scene<'_>) {
        let [level, description] = *content else { return };
        let level = if level == 2 { "fatal" } else { "warning" };
        let info = format!("Alert: {} ({level})", handshake::alert_name(description));
        let unit = scene.unit(side, Protocol::Tls, content.len() as u64, info);
        scene.tell(unit);
    }

    /// Makes openers of the secrets that are known by now.
    fn ask_for_keys(&mut self, side: Side, scene: &mut Scene<'_>) {
        let half = &self.halves[side.index()];
        if half.opener.is_some() || half.asked {
            return;
        }
        let epoch = half.epoch;
        self.half(side).asked = true;
        let (Some(client), Some(server)) = (&self.client_hello, &self.server_hello) else { return };
        let Some(suite) = Suite::of_number(server.suite) else { return };
        if !server.is_1_3() {
            let master = scene
                .keys
                .secret(&client.random, Label::Master)
                .or_else(|| scene.keys.session(&client.ticket))
                .or_else(|| scene.keys.session(&server.session_id))
                .cloned();
            if let Some(master) = master {
                scene.keys.remember_session(&server.session_id, &master);
                scene.keys.remember_session(&self.ticket, &master);
                let (ours, theirs) = (&client.random, &server.random);
                self.halves[side.index()].opener =
                    schedule::opener_1_2(suite, &master, ours, theirs, side);
            }
            return;
        }
        let secret = |epoch| scene.keys.secret(&client.random, label(side, epoch)?).cloned();
        let present = secret(epoch);
        let next = match epoch {
            Epoch::Early => secret(Epoch::Handshake),
            Epoch::Handshake => secret(Epoch::Application),
            Epoch::Clear | Epoch::Application => None,
        };
        let opener = |secret: &Option<SecretBytes>| schedule::opener_1_3(suite, secret.as_ref()?);
        let half = &mut self.halves[side.index()];
        half.opener = opener(&present);
        half.next_opener = opener(&next);
        half.secret = present;
    }

    fn park(&mut self, side: Side, record: &[u8], scene: &mut Scene<'_>) {
        let half = &mut self.halves[side.index()];
        if half.parked_bytes + record.len() <= PARKED_BYTES_MAX {
            half.parked_bytes += record.len();
            let (record, time_ns) = (record.to_vec(), scene.time_ns);
            return half.parked.push_back(Parked::Record { record, time_ns });
        }
        half.park_loss(Some(1));
        let reason = self.reason_without_key(scene);
        self.trouble = Some(reason);
        scene.wire_skipped(reason, record.len());
    }

    /// Takes parked records up again, until one must wait once more.
    fn drain(&mut self, side: Side, scene: &mut Scene<'_>) {
        if self.halves[side.index()].parked.is_empty() {
            return;
        }
        if self.half(side).epoch != Epoch::Clear {
            self.ask_for_keys(side, scene);
            let half = &self.halves[side.index()];
            if half.opener.is_none() && half.next_opener.is_none() {
                return;
            }
        } else if self.half(side).change_seen || self.server_hello.is_none() {
            return;
        }
        let mut waiting = std::mem::take(&mut self.half(side).parked);
        self.half(side).parked_bytes = 0;
        let now = scene.time_ns;
        while let Some(parked) = waiting.pop_front() {
            match parked {
                Parked::Record { record, time_ns } => {
                    scene.time_ns = time_ns;
                    self.record(side, &record, scene);
                }
                Parked::Lost { records } => {
                    let half = self.half(side);
                    half.sequence += records;
                    self.app.gap(side, None, scene);
                }
                Parked::Unknown => {
                    self.half(side).lose(half::SLACK_UNKNOWN);
                    self.app.gap(side, None, scene);
                }
            }
        }
        scene.time_ns = now;
    }

    fn skip_parked(&mut self, side: Side, reason: Skip, scene: &mut Scene<'_>) {
        let half = self.half(side);
        let mut records = 0;
        let mut unknown = false;
        for parked in half.parked.drain(..) {
            match parked {
                Parked::Record { record, .. } => {
                    records += 1;
                    scene.wire_skipped(reason, record.len());
                }
                Parked::Lost { records: lost } => records += lost,
                Parked::Unknown => unknown = true,
            }
        }
        half.parked_bytes = 0;
        if records > 0 || unknown {
            half.park_loss((!unknown).then_some(records));
        }
    }

    fn reason_without_key(&self, scene: &Scene<'_>) -> Skip {
        match (&self.client_hello, &self.server_hello) {
            (None, _) => Skip::JoinedLate,
            (_, Some(server)) if Suite::of_number(server.suite).is_none() => Skip::SuiteUnsupported,
            (Some(client), None) if scene.keys.knows(&client.random) => Skip::Gap,
            _ => Skip::NoKey,
        }
    }
}

impl Side {
    /// 0 for the client, 1 for the server.
    pub(crate) fn index(self) -> usize {
        usize::from(self == Self::Server)
    }
}

fn label(side: Side, epoch: Epoch) -> Option<Label> {
    Some(match (side, epoch) {
        (Side::Client, Epoch::Early) => Label::ClientEarly,
        (Side::Client, Epoch::Handshake) => Label::ClientHandshake,
        (Side::Client, Epoch::Application) => Label::ClientTraffic,
        (Side::Server, Epoch::Handshake) => Label::ServerHandshake,
        (Side::Server, Epoch::Application) => Label::ServerTraffic,
        (_, Epoch::Clear) | (Side::Server, Epoch::Early) => return None,
    })
}
