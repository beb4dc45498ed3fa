//! The decoder: packets and secrets in, events out.
//! It keeps the table of connections within its bounds; what a connection says is [`crate::flows`]'.
//!
//! Limits: [`Limits`]. Over the number of connections the ones that were silent longest are ended; over the
//! bytes held in all, the connection that wants more gives up what it holds. Both are told.
//! Cold start: a connection whose beginning was not captured is followed from where it is seen.
//!
//! Hostile input: a connection without content costs its place in the table and nothing else, so that half
//! open ones in any number do no harm.

use crate::capture::Packet;
use crate::flows::{Conversation, signed, speaks_as_client};
use crate::ip::fragments::Fragments;
use crate::ip::{self, Datagram};
use crate::keys::{ClientRandom, KeyCounts, KeyStore};
use crate::redact::Redactor;
use crate::scene::{Output, Scene};
use crate::skip::{Skip, Tally};
use crate::tcp::Segment;
use crate::unit::{Event, Side};
use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;

/// How much may be held. The defaults keep a decoder within 256 MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections in the table: an API server of 5,000 nodes has 20,000.
    pub connections_max: usize,
    /// Bytes held for all connections: out of order, waiting for keys, and content that is not whole yet.
    pub held_bytes_max: usize,
    /// Bytes of one message's content that are shown. Lists of thousands of Pods have tens of MiB; nobody
    /// reads them in a table.
    pub body_bytes_max: usize,
    /// What one message may inflate to.
    pub inflated_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 65_536,
            held_bytes_max: 96 * 1024 * 1024,
            body_bytes_max: 4 * 1024 * 1024,
            inflated_bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// Both ends of a connection, the lower first.
type Ends = (SocketAddr, SocketAddr);

#[derive(Debug)]
struct Flow {
    client: SocketAddr,
    seen_ns: u64,
    /// Sequence numbers of the SYNs of client and server.
    syns: [Option<u32>; 2],
    state: FlowState,
}

#[derive(Debug)]
enum FlowState {
    /// No content yet.
    Opening,
    Open(Box<Conversation>),
    Closed,
}

/// See the module.
pub struct Decoder {
    limits: Limits,
    redactor: Redactor,
    keys: KeyStore,
    flows: HashMap<Ends, Flow>,
    /// Connections by the random that a key log names.
    by_random: HashMap<ClientRandom, Ends>,
    fragments: Fragments,
    output: Output,
    tally: Tally,
    connections: u64,
    packets: u64,
    dropped: u64,
    held_bytes: usize,
    /// Bytes taken in since all connections were measured.
    taken_in: usize,
    time_ns: u64,
}

/// What is held is content that was not redacted yet; it is never shown.
impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("packets", &self.packets)
            .field("connections", &self.connections)
            .field("held_bytes", &self.held_bytes)
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// A decoder that redacts with this key.
    pub fn new(redactor: Redactor, limits: Limits) -> Self {
        Self {
            limits,
            redactor,
            keys: KeyStore::default(),
            flows: HashMap::new(),
            by_random: HashMap::new(),
            fragments: Fragments::default(),
            output: Output::default(),
            tally: Tally::default(),
            connections: 0,
            packets: 0,
            dropped: 0,
            held_bytes: 0,
            taken_in: 0,
            time_ns: 0,
        }
    }

    /// Takes a piece of a key log. What waited for a secret in it is decoded now.
    pub fn keys(&mut self, text: &[u8]) {
        self.keys.push(text);
        self.use_fresh_keys();
    }

    /// Says that a key log (or a block of one) is at its end, with or without a last newline.
    pub fn end_of_keys(&mut self) {
        self.keys.end();
        self.use_fresh_keys();
    }

    /// What was read of key logs.
    pub fn key_counts(&self) -> KeyCounts {
        self.keys.counts()
    }

    /// Packets taken so far.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Says that packets were dropped before they reached the capture.
    pub fn dropped(&mut self, packets: u64) {
        self.dropped += packets;
    }

    /// Packets that were dropped before they reached the capture.
    pub fn packets_dropped(&self) -> u64 {
        self.dropped
    }

    /// Bytes held for connections: no less, and for each at most 64 KiB more.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Every captured byte of connections that are over, by what became of it: headers count as decoded.
    /// After [`Decoder::finish`] it is every byte of every packet.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The next event, if there is one.
    pub fn event(&mut self) -> Option<Event> {
        self.output.events.pop_front()
    }

    /// Takes a packet.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        self.packets += 1;
        self.time_ns = packet.time_ns;
        let datagram = match packet.link.strip(packet.data).and_then(ip::parse) {
            Ok(datagram) => datagram,
            Err(reason) => return self.tally.skip(reason, packet.data.len() as u64),
        };
        if datagram.protocol != ip::TCP {
            return self.tally.skip(Skip::NotTcp, packet.data.len() as u64);
        }
        self.tally.decode((packet.data.len() - datagram.payload.len()) as u64);
        match datagram.fragment {
            None => self.datagram(&datagram, datagram.payload),
            Some(fragment) => {
                if let Some(whole) = self.fragments.push(&datagram, fragment, &mut self.tally) {
                    self.datagram(&datagram, &whole);
                }
            }
        }
    }

    /// Ends all connections, because nothing more will come.
    pub fn finish(&mut self) {
        self.end_of_keys();
        self.fragments.finish(&mut self.tally);
        let mut open: Vec<(u64, Ends)> = self
            .flows
            .iter()
            .filter_map(|(ends, flow)| match &flow.state {
                FlowState::Open(conversation) => Some((conversation.number, *ends)),
                FlowState::Opening | FlowState::Closed => None,
            })
            .collect();
        open.sort_unstable();
        for (_, ends) in open {
            self.close(&ends);
        }
        self.flows.clear();
    }

    fn datagram(&mut self, datagram: &Datagram<'_>, payload: &[u8]) {
        let Some(segment) = Segment::parse(payload) else {
            return self.tally.skip(Skip::Malformed, payload.len() as u64);
        };
        self.tally.decode((payload.len() - segment.payload.len()) as u64);
        let source = SocketAddr::new(datagram.source, segment.source_port);
        let destination = SocketAddr::new(datagram.destination, segment.destination_port);
        let ends = match source <= destination {
            true => (source, destination),
            false => (destination, source),
        };
        if segment.syn && self.is_another(&ends, source, &segment) {
            self.close(&ends);
            self.flows.remove(&ends);
        }
        self.make_room(&ends);
        let Self { flows, time_ns, .. } = self;
        if !flows.contains_key(&ends) && segment.payload.is_empty() && !segment.syn {
            return;
        }
        let flow = flows.entry(ends).or_insert_with(|| Flow {
            client: client_of(&segment, source, destination),
            seen_ns: *time_ns,
            syns: [None, None],
            state: FlowState::Opening,
        });
        flow.seen_ns = *time_ns;
        let side = if flow.client == source { Side::Client } else { Side::Server };
        if segment.syn {
            flow.syns[side.index()] = Some(segment.sequence);
            if let FlowState::Open(conversation) = &mut flow.state {
                conversation.open(side, segment.sequence);
            }
        }
        match &flow.state {
            FlowState::Closed => self.tally.skip(Skip::AfterClose, segment.payload.len() as u64),
            FlowState::Opening if segment.payload.is_empty() => {
                if segment.rst {
                    flow.state = FlowState::Closed;
                }
            }
            FlowState::Opening => {
                self.connections += 1;
                let server = if flow.client == source { destination } else { source };
                let mut conversation =
                    Conversation::new(self.connections, flow.client, server, self.time_ns);
                for side in Side::BOTH {
                    if let Some(sequence) = flow.syns[side.index()] {
                        conversation.open(side, sequence);
                    }
                }
                flow.state = FlowState::Open(Box::new(conversation));
                self.segment(&ends, side, &segment);
            }
            FlowState::Open(_) => self.segment(&ends, side, &segment),
        }
    }

    fn segment(&mut self, ends: &Ends, side: Side, segment: &Segment<'_>) {
        let mut registers = None;
        let mut is_over = false;
        let taken = segment.payload.len();
        let grown = self.with(ends, |conversation, scene| {
            conversation.ended_ns = scene.time_ns;
            conversation.segment(side, segment, scene);
            let random = conversation.client_random();
            if random != conversation.registered {
                // A client that says hello again leaves its old random behind.
                registers = Some((conversation.registered, random));
                conversation.registered = random;
            }
            let sequence = segment.sequence;
            is_over = (segment.rst && conversation.believes_reset(side, sequence))
                || conversation.is_finished();
            conversation.unmeasured += taken;
            match conversation.unmeasured < UNMEASURED_BYTES_MAX {
                true => {
                    conversation.counted += taken;
                    signed(taken)
                }
                false => conversation.measure(),
            }
        });
        self.held_bytes = self.held_bytes.saturating_add_signed(grown.unwrap_or(0));
        self.taken_in += taken;
        if self.held_bytes > self.limits.held_bytes_max {
            self.relieve(ends);
        }
        if let Some((before, random)) = registers {
            self.register(ends, before, random);
        }
        if is_over {
            self.close(ends);
        }
    }

    /// Comes back under the bound: by measuring what is held instead of counting what was taken in, and if
    /// that is too much, by dropping what this connection holds.
    fn relieve(&mut self, ends: &Ends) {
        let limit = self.limits.held_bytes_max;
        // All are measured only after an eighth of the bound was taken in, so that it costs little a byte.
        if self.taken_in >= limit / 8 {
            self.taken_in = 0;
            self.held_bytes = 0;
            for flow in self.flows.values_mut() {
                if let FlowState::Open(conversation) = &mut flow.state {
                    conversation.measure();
                    self.held_bytes += conversation.counted;
                }
            }
        }
        if self.held_bytes <= limit {
            return;
        }
        let grown = self.with(ends, |conversation, scene| {
            conversation.shed(scene);
            conversation.measure()
        });
        self.held_bytes = self.held_bytes.saturating_add_signed(grown.unwrap_or(0));
    }

    /// Notes under which random a connection waits for keys. The first of two that claim the same keeps it.
    fn register(
        &mut self,
        ends: &Ends,
        before: Option<ClientRandom>,
        random: Option<ClientRandom>,
    ) {
        if let Some(before) = before
            && self.by_random.get(&before) == Some(ends)
        {
            self.by_random.remove(&before);
        }
        if let Some(random) = random {
            self.by_random.entry(random).or_insert(*ends);
        }
    }

    fn use_fresh_keys(&mut self) {
        for random in self.keys.take_fresh() {
            if let Some(ends) = self.by_random.get(&random).copied() {
                self.with(&ends, |conversation, scene| conversation.retry(scene));
            }
        }
    }

    fn close(&mut self, ends: &Ends) {
        let closed = self.with(ends, |conversation, scene| {
            conversation.finish(scene);
            (conversation.registered, conversation.counted)
        });
        let Some((random, counted)) = closed else { return };
        self.held_bytes = self.held_bytes.saturating_sub(counted);
        self.register(ends, random, None);
        if let Some(flow) = self.flows.get_mut(ends)
            && let FlowState::Open(conversation) =
                std::mem::replace(&mut flow.state, FlowState::Closed)
        {
            let report = conversation.report();
            self.tally.merge(&report.wire);
            self.output.events.push_back(Event::Closed(Box::new(report)));
        }
    }

    /// Does something with an open conversation and all that its parsers share.
    fn with<T>(
        &mut self,
        ends: &Ends,
        act: impl FnOnce(&mut Conversation, &mut Scene<'_>) -> T,
    ) -> Option<T> {
        let flow = self.flows.get_mut(ends)?;
        let FlowState::Open(conversation) = &mut flow.state else { return None };
        let mut accounts = std::mem::take(&mut conversation.accounts);
        let mut scene = Scene {
            output: &mut self.output,
            keys: &mut self.keys,
            redactor: &self.redactor,
            limits: &self.limits,
            accounts: &mut accounts,
            connection: conversation.number,
            client: conversation.client,
            server: conversation.server,
            time_ns: self.time_ns,
        };
        let done = act(conversation, &mut scene);
        conversation.accounts = accounts;
        Some(done)
    }

    /// Whether a SYN begins another connection between the same ends.
    fn is_another(&self, ends: &Ends, source: SocketAddr, segment: &Segment<'_>) -> bool {
        let Some(flow) = self.flows.get(ends) else { return false };
        let side = if flow.client == source { Side::Client } else { Side::Server };
        let known = flow.syns[side.index()];
        match flow.state {
            FlowState::Closed => true,
            _ => known.is_some_and(|known| known != segment.sequence),
        }
    }

    /// Ends the connections that were silent longest when the table is full: an eighth of them at once, so
    /// that the search for them costs little for each.
    fn make_room(&mut self, ends: &Ends) {
        if self.flows.len() < self.limits.connections_max || self.flows.contains_key(ends) {
            return;
        }
        let mut seen: Vec<(u64, Ends)> =
            self.flows.iter().map(|(ends, flow)| (flow.seen_ns, *ends)).collect();
        seen.sort_unstable();
        for (_, ends) in seen.iter().take(self.limits.connections_max / 8 + 1) {
            self.close(ends);
            self.flows.remove(ends);
        }
    }
}

/// How much a connection may take in before what it holds is measured again: the sum over its streams is too
/// dear for every packet.
const UNMEASURED_BYTES_MAX: usize = 64 * 1024;

fn client_of(segment: &Segment<'_>, source: SocketAddr, destination: SocketAddr) -> SocketAddr {
    let source_is_client = match (segment.syn, segment.acknowledged) {
        (true, None) => true,
        (true, Some(_)) => false,
        (false, _) => speaks_as_client(segment.payload)
            .unwrap_or(segment.source_port >= segment.destination_port),
    };
    if source_is_client { source } else { destination }
}
