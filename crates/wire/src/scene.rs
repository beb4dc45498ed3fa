//! What all parsers of a connection share while a packet is decoded: where units go, which secrets there
//! are, how to redact, and the accounts.
//! It decides nothing.

use crate::Limits;
use crate::keys::KeyStore;
use crate::redact::Redactor;
use crate::skip::{Skip, Tally};
use crate::unit::{Event, Protocol, Side, Unit};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Units on their way out, and the number of the last.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) events: VecDeque<Event>,
    pub(crate) units: u64,
}

/// The accounts of a connection.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) wire: Tally,
    pub(crate) content: Tally,
    pub(crate) missing: u64,
    pub(crate) requests: u64,
}

/// See the module.
pub(crate) struct Scene<'a> {
    pub(crate) output: &'a mut Output,
    pub(crate) keys: &'a mut KeyStore,
    pub(crate) redactor: &'a Redactor,
    pub(crate) limits: &'a Limits,
    pub(crate) accounts: &'a mut Accounts,
    pub(crate) connection: u64,
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) time_ns: u64,
}

impl Scene<'_> {
    /// A unit without a number; [`Scene::tell`] gives it one.
    pub(crate) fn unit(&self, side: Side, protocol: Protocol, length: u64, info: String) -> Unit {
        let (source, destination) = match side {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        };
        Unit {
            number: 0,
            time_us: self.time_ns / 1_000,
            connection: self.connection,
            side,
            source,
            destination,
            protocol,
            length,
            info,
            stream: None,
            call: None,
            request: None,
            status: None,
            latency_us: None,
            headers: Vec::new(),
            data: None,
        }
    }

    /// Sends a unit out and gives its number.
    pub(crate) fn tell(&mut self, mut unit: Unit) -> u64 {
        self.output.units += 1;
        unit.number = self.output.units;
        self.output.events.push_back(Event::Unit(Box::new(unit)));
        self.output.units
    }

    pub(crate) fn wire_decoded(&mut self, bytes: usize) {
        self.accounts.wire.decode(bytes as u64);
    }

    pub(crate) fn wire_skipped(&mut self, reason: Skip, bytes: usize) {
        self.accounts.wire.skip(reason, bytes as u64);
    }

    pub(crate) fn content_decoded(&mut self, bytes: usize) {
        self.accounts.content.decode(bytes as u64);
    }

    pub(crate) fn content_skipped(&mut self, reason: Skip, bytes: usize) {
        self.accounts.content.skip(reason, bytes as u64);
    }
}

/// A scene of its own for the tests of one parser, and the units it told.
#[cfg(any(test, fuzzing))]
pub(crate) fn units(act: impl FnOnce(&mut Scene<'_>)) -> (Vec<Unit>, Accounts) {
    let (mut output, mut accounts) = (Output::default(), Accounts::default());
    act(&mut Scene {
        output: &mut output,
        keys: &mut KeyStore::default(),
        redactor: &Redactor::new(&[7; 32]),
        limits: &Limits::default(),
        accounts: &mut accounts,
        connection: 1,
        client: SocketAddr::from(([10, 0, 0, 1], 40_000)),
        server: SocketAddr::from(([10, 0, 0, 2], 6443)),
        time_ns: 0,
    });
    let units = output.events.into_iter().filter_map(|event| match event {
        Event::Unit(unit) => Some(*unit),
        Event::Closed(_) => None,
    });
    (units.collect(), accounts)
}
