//! One connection from its first packet to its report: its two streams, what they carry, its accounts.
//! Which connections there are is [`crate::decoder`]'s; protocols are elsewhere.
//!
//! States: nothing carried yet; TLS; content in clear; not recognised. A connection joined late is looked at
//! again at each packet, because a new request or handshake may begin there.
//!
//! Hostile input: the client is whoever sent the SYN; without one, whoever says hello; else the higher port.

use crate::app::App;
use crate::http1;
use crate::http2;
use crate::keys::ClientRandom;
use crate::scene::{Accounts, Scene};
use crate::skip::Skip;
use crate::tcp::Segment;
use crate::tcp::stream::{Delivery, Stream};
use crate::tls::{Tls, looks_like_tls};
use crate::unit::{ConnectionReport, Decryption, Side};
use std::net::SocketAddr;

/// What a conversation says in.
#[derive(Debug, Default)]
enum Carried {
    #[default]
    Nothing,
    Tls(Box<Tls>),
    Clear(Box<App>),
    NotRecognised,
}

/// One connection with content.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) number: u64,
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) began_ns: u64,
    pub(crate) ended_ns: u64,
    pub(crate) accounts: Accounts,
    /// Bytes that count as held: what was measured last, and what was taken in since.
    pub(crate) counted: usize,
    pub(crate) unmeasured: usize,
    /// The random under which it is waiting for keys.
    pub(crate) registered: Option<ClientRandom>,
    streams: [Stream; 2],
    carried: Carried,
    /// The first bytes of a side, when they are too few to tell what they are.
    undecided: [Vec<u8>; 2],
}

impl Conversation {
    pub(crate) fn new(number: u64, client: SocketAddr, server: SocketAddr, time_ns: u64) -> Self {
        Self {
            number,
            client,
            server,
            began_ns: time_ns,
            ended_ns: time_ns,
            accounts: Accounts::default(),
            counted: 0,
            unmeasured: 0,
            registered: None,
            streams: Default::default(),
            carried: Carried::Nothing,
            undecided: Default::default(),
        }
    }

    /// Takes the sequence number of a side's SYN.
    pub(crate) fn open(&mut self, side: Side, sequence: u32) {
        self.streams[side.index()].open(sequence);
    }

    /// Takes a segment of a side.
    pub(crate) fn segment(&mut self, side: Side, segment: &Segment<'_>, scene: &mut Scene<'_>) {
        let Self { streams, carried, undecided, .. } = self;
        let now = scene.time_ns;
        if let Some(acknowledged) = segment.acknowledged {
            let other = side.other();
            let stream = &mut streams[other.index()];
            if stream.is_open() {
                stream.acknowledge(acknowledged, &mut |delivery| {
                    carried.deliver(other, delivery, undecided, false, scene);
                });
            }
        }
        let stream = &mut streams[side.index()];
        if segment.payload.is_empty() && !(segment.fin && stream.is_open()) {
            return;
        }
        let late = !stream.is_open() || stream.is_late();
        let sequence = segment.sequence.wrapping_add(u32::from(segment.syn));
        let mut skipped = crate::Tally::default();
        stream.push(sequence, segment.payload, segment.fin, now, &mut skipped, &mut |delivery| {
            carried.deliver(side, delivery, undecided, late, scene)
        });
        scene.accounts.wire.merge(&skipped);
        scene.time_ns = now;
    }

    /// Whether a RST of a side ends the connection. One behind a FIN does unless something waits for a key, which
    /// may come a moment later.
    pub(crate) fn believes_reset(&self, side: Side, sequence: u32) -> bool {
        let stream = &self.streams[side.index()];
        stream.believes_reset(sequence)
            || (stream.is_behind_fin(sequence) && self.held_bytes() == 0)
    }

    /// Whether both sides have said that they are done, and all of it was there.
    pub(crate) fn is_finished(&self) -> bool {
        self.streams.iter().all(Stream::is_finished)
    }

    /// The random by which its secrets are found.
    pub(crate) fn client_random(&self) -> Option<ClientRandom> {
        match &self.carried {
            Carried::Tls(tls) => tls.client_random(),
            _ => None,
        }
    }

    /// Tries again what waits for a key.
    pub(crate) fn retry(&mut self, scene: &mut Scene<'_>) {
        if let Carried::Tls(tls) = &mut self.carried {
            tls.retry(scene);
        }
    }

    /// Measures what is held, and gives the difference to what was counted.
    pub(crate) fn measure(&mut self) -> isize {
        let before = self.counted;
        self.counted = self.held_bytes();
        self.unmeasured = 0;
        signed(self.counted) - signed(before)
    }

    fn held_bytes(&self) -> usize {
        let streams: usize = self.streams.iter().map(Stream::held_bytes).sum();
        let carried = match &self.carried {
            Carried::Tls(tls) => tls.held_bytes(),
            Carried::Clear(app) => app.held_bytes(),
            Carried::Nothing | Carried::NotRecognised => 0,
        };
        streams + carried
    }

    /// Drops what is held.
    pub(crate) fn shed(&mut self, scene: &mut Scene<'_>) {
        self.deliver_rest(scene);
        match &mut self.carried {
            Carried::Tls(tls) => tls.shed(scene),
            Carried::Clear(app) => app.shed(scene),
            Carried::Nothing | Carried::NotRecognised => {}
        }
    }

    /// Ends it: what is held is decoded or accounted for.
    pub(crate) fn finish(&mut self, scene: &mut Scene<'_>) {
        self.deliver_rest(scene);
        match &mut self.carried {
            Carried::Tls(tls) => tls.finish(scene),
            Carried::Clear(app) => app.finish(scene),
            Carried::Nothing | Carried::NotRecognised => {}
        }
        for held in &mut self.undecided {
            scene.wire_skipped(Skip::NotRecognised, std::mem::take(held).len());
        }
    }

    fn deliver_rest(&mut self, scene: &mut Scene<'_>) {
        let Self { streams, carried, undecided, .. } = self;
        for side in Side::BOTH {
            let stream = &mut streams[side.index()];
            let late = stream.is_late();
            stream.finish(&mut |delivery| carried.deliver(side, delivery, undecided, late, scene));
        }
    }

    /// What became of it.
    pub(crate) fn report(&self) -> ConnectionReport {
        let (tls, decryption) = match &self.carried {
            Carried::Nothing if self.accounts.wire.skipped(Skip::JoinedLate) > 0 => {
                (None, Decryption::JoinedLate)
            }
            Carried::Nothing => (None, Decryption::Silent),
            Carried::Clear(_) => (None, Decryption::Clear),
            Carried::NotRecognised => (None, Decryption::NotRecognised),
            Carried::Tls(tls) => (tls.is_known().then(|| tls.facts()), decryption(tls.outcome())),
        };
        ConnectionReport {
            connection: self.number,
            client: self.client,
            server: self.server,
            began_us: self.began_ns / 1_000,
            ended_us: self.ended_ns / 1_000,
            tls,
            decryption,
            wire: self.accounts.wire.clone(),
            content: self.accounts.content.clone(),
            missing: self.accounts.missing,
            late: self.streams.iter().any(Stream::is_late),
            requests: self.accounts.requests,
        }
    }
}

fn decryption((trouble, opened): (Option<Skip>, u64)) -> Decryption {
    match (trouble, opened) {
        (None, _) => Decryption::Decrypted,
        (Some(_), 1..) => Decryption::Partly,
        (Some(Skip::NoKey), 0) => Decryption::NoKey,
        (Some(Skip::KeyMismatch), 0) => Decryption::KeyMismatch,
        (Some(Skip::JoinedLate), 0) => Decryption::JoinedLate,
        (Some(Skip::SuiteUnsupported), 0) => Decryption::SuiteUnsupported,
        (Some(_), 0) => Decryption::HandshakeIncomplete,
    }
}

impl Carried {
    fn deliver(
        &mut self,
        side: Side,
        delivery: Delivery<'_>,
        undecided: &mut [Vec<u8>; 2],
        late: bool,
        scene: &mut Scene<'_>,
    ) {
        match delivery {
            Delivery::Data(data, time_ns) => {
                scene.time_ns = time_ns;
                self.data(side, data, undecided, late, scene);
            }
            Delivery::Gap(lost) => {
                scene.accounts.missing += lost;
                let held = std::mem::take(&mut undecided[side.index()]);
                scene.wire_skipped(Skip::Gap, held.len());
                match self {
                    Self::Tls(tls) => tls.gap(side, lost, scene),
                    Self::Clear(app) => app.gap(side, Some(lost), scene),
                    Self::Nothing | Self::NotRecognised => {}
                }
            }
        }
    }

    fn data(
        &mut self,
        side: Side,
        data: &[u8],
        undecided: &mut [Vec<u8>; 2],
        late: bool,
        scene: &mut Scene<'_>,
    ) {
        match self {
            Self::Tls(tls) => tls.data(side, data, scene),
            Self::Clear(app) => {
                scene.wire_decoded(data.len());
                app.data(side, data, scene);
            }
            Self::NotRecognised => scene.wire_skipped(Skip::NotRecognised, data.len()),
            Self::Nothing => {
                let mut held = std::mem::take(&mut undecided[side.index()]);
                held.extend_from_slice(data);
                match begins(&held) {
                    None => undecided[side.index()] = held,
                    Some(Self::Nothing | Self::NotRecognised) if late => {
                        scene.wire_skipped(Skip::JoinedLate, held.len());
                    }
                    Some(carried) => {
                        *self = carried;
                        self.data(side, &held, undecided, late, scene);
                        // What the other side had said too little of is of the same kind.
                        let other = std::mem::take(&mut undecided[side.other().index()]);
                        if !other.is_empty() {
                            self.data(side.other(), &other, undecided, late, scene);
                        }
                    }
                }
            }
        }
    }
}

/// What a connection carries that begins so; none if it is too early to tell.
fn begins(data: &[u8]) -> Option<Carried> {
    if data.len() < 3 {
        return None;
    }
    if looks_like_tls(data) {
        return Some(Carried::Tls(Box::new(Tls::new())));
    }
    let preface = http2::PREFACE;
    let is_http2 = data.starts_with(preface) || preface.starts_with(data);
    match (is_http2, http1::could_begin(data)) {
        (true, _) | (_, Some(true)) => Some(Carried::Clear(Box::default())),
        (_, None) => None,
        _ => Some(Carried::NotRecognised),
    }
}

/// Whether whoever says this first is the client; none if it does not tell.
pub(crate) fn speaks_as_client(data: &[u8]) -> Option<bool> {
    match data {
        // A handshake record with a ClientHello or a ServerHello.
        [22, 3, _, _, _, 1, ..] => Some(true),
        [22, 3, _, _, _, 2, ..] => Some(false),
        _ if data.starts_with(b"HTTP/1.") => Some(false),
        _ if data.starts_with(http2::PREFACE) => Some(true),
        _ => http1::could_begin(data).filter(|begins| *begins),
    }
}

/// A number of bytes that can be subtracted.
pub(crate) fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}
