//! HTTP/1.0 and HTTP/1.1 seen from the side: heads, content in its framings, upgrades.
//! [`head`] reads start lines and fields; what Kubernetes means by a request is [`crate::kubernetes`]'s.
//!
//! Specification: RFC 9112. States of a direction: a head is expected; content of a known length, in chunks,
//! or until the end; after an upgrade another protocol ([`upgraded`]); lost, until a head is found again.
//! Limits: a head of [`HEAD_BYTES_MAX`], [`REQUESTS_MAX`] requests waiting for answers; content by
//! [`crate::Limits`].
//! After a gap: content of a known length goes on behind it. Otherwise the next head is searched for, and
//! the first answer behind the gap is joined to no request, because it cannot be told to which.
//!
//! Hostile input: chunk sizes over 2^60 and heads over the bound end the understanding of their direction.

mod head;
mod upgraded;

use crate::body::{Body, BodyKind, Piece};
use crate::http::{self, Request};
use crate::kubernetes::Call;
use crate::scene::Scene;
use crate::skip::Skip;
use crate::unit::{Protocol, Side, Unit};
use head::{Head, Start};
use std::collections::VecDeque;
use std::sync::Arc;
use upgraded::Upgraded;

pub(crate) use head::could_begin;

/// Go's servers refuse heads of more than 1 MiB; nobody sends the half.
const HEAD_BYTES_MAX: usize = 1024 * 1024;
/// A chunk's size line with its extensions, or a trailer line.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// Pipelining clients are rare, and servers stop reading long before this.
const REQUESTS_MAX: usize = 1024;

/// One HTTP/1 connection.
#[derive(Debug, Default)]
pub(crate) struct Http1 {
    halves: [Half; 2],
    requests: VecDeque<Waiting>,
    /// Which request the next answer belongs to cannot be told.
    ambiguous: bool,
    /// The client sends requests before it has the answer to the last.
    pipelines: bool,
    /// Requests of a client that does so are missing.
    unpairable: bool,
    /// When the last answer was captured: requests that come out of order after it have been answered.
    answered_ns: u64,
    upgraded: Option<Upgraded>,
}

#[derive(Debug)]
struct Waiting {
    request: Request,
    is_head: bool,
    is_connect: bool,
}

#[derive(Debug, Default)]
struct Half {
    state: State,
    held: Vec<u8>,
    body: Body,
    /// The request that the present content belongs to.
    request: Option<Request>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    ExpectHead,
    /// So many bytes of content are to come.
    Length(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    UntilClose,
    Upgraded,
    Lost,
}

impl Http1 {
    pub(crate) fn held_bytes(&self) -> usize {
        let halves = self.halves.iter().map(|half| half.held.len() + half.body.held_bytes());
        halves.sum::<usize>() + self.upgraded.as_ref().map_or(0, |upgraded| upgraded.held_bytes())
    }

    pub(crate) fn shed(&mut self, scene: &mut Scene<'_>) {
        for half in &mut self.halves {
            half.body.shed();
        }
        if let Some(upgraded) = &mut self.upgraded {
            upgraded.shed(scene);
        }
    }

    /// Takes the next content of a side.
    pub(crate) fn data(&mut self, side: Side, mut data: &[u8], scene: &mut Scene<'_>) {
        while !data.is_empty() {
            data = self.step(side, data, scene);
        }
    }

    fn step<'a>(&mut self, side: Side, data: &'a [u8], scene: &mut Scene<'_>) -> &'a [u8] {
        match self.half(side).state {
            State::ExpectHead => self.expect_head(side, data, scene),
            State::Length(left) => {
                let (part, rest) = split(data, left);
                self.content(side, part, scene);
                match left - part.len() as u64 {
                    0 => self.end_message(side, scene),
                    left => self.half(side).state = State::Length(left),
                }
                rest
            }
            State::Chunk(left) => {
                let (part, rest) = split(data, left);
                self.content(side, part, scene);
                self.half(side).state = match left - part.len() as u64 {
                    0 => State::ChunkEnd,
                    left => State::Chunk(left),
                };
                rest
            }
            State::ChunkSize | State::ChunkEnd | State::Trailers => self.line(side, data, scene),
            State::UntilClose => {
                self.content(side, data, scene);
                &[]
            }
            State::Upgraded => {
                match &mut self.upgraded {
                    Some(upgraded) => upgraded.data(side, data, scene),
                    None => scene.content_skipped(Skip::NotUnderstood, data.len()),
                }
                &[]
            }
            State::Lost => match head::find(side, data) {
                Some(place) => {
                    scene.content_skipped(Skip::Gap, place);
                    self.half(side).state = State::ExpectHead;
                    data.get(place..).unwrap_or_default()
                }
                None => {
                    scene.content_skipped(Skip::Gap, data.len());
                    &[]
                }
            },
        }
    }

    fn half(&mut self, side: Side) -> &mut Half {
        &mut self.halves[side.index()]
    }

    fn expect_head<'a>(&mut self, side: Side, data: &'a [u8], scene: &mut Scene<'_>) -> &'a [u8] {
        let mut held = std::mem::take(&mut self.half(side).held);
        let before = held.len();
        // The end may lie across what is held and what comes.
        let from = before.saturating_sub(3);
        held.extend_from_slice(data);
        let found = head::end(held.get(from..).unwrap_or_default()).map(|end| from + end);
        let Some(end) = found else {
            if held.len() > HEAD_BYTES_MAX {
                scene.content_skipped(Skip::OverBound, held.len());
                self.lose(side, Skip::OverBound, scene);
            } else {
                self.half(side).held = held;
            }
            return &[];
        };
        held.truncate(end);
        match Head::parse(&held) {
            Some(head) => {
                scene.content_decoded(held.len());
                self.head(side, head, held.len(), scene);
            }
            None => {
                scene.content_skipped(Skip::NotUnderstood, held.len());
                self.lose(side, Skip::NotUnderstood, scene);
            }
        }
        data.get(end.saturating_sub(before)..).unwrap_or_default()
    }

    fn head(&mut self, side: Side, head: Head, length: usize, scene: &mut Scene<'_>) {
        let mut unit = scene.unit(side, Protocol::Http1, length as u64, String::new());
        unit.headers = http::shown(&head.fields, scene.redactor);
        match (&head.start, side) {
            (Start::Request { method, target }, Side::Client) => {
                scene.accounts.requests += 1;
                let target = scene.redactor.path(target);
                let call = Arc::new(Call::parse(Some(method), Some(&target)));
                unit.info = format!("{method} {target}");
                unit.call = Some(Arc::clone(&call));
                let time_ns = scene.time_ns;
                let request = Request { call, unit: scene.tell(unit), time_ns };
                let kind = http::body_kind(&head.fields, Some(&request.call), false);
                let framing = head.request_framing();
                self.half(side).request = Some(request.clone());
                self.begin(side, kind, framing, scene);
                if self.requests.len() >= REQUESTS_MAX {
                    self.requests.clear();
                    self.unpairable = true;
                }
                let (is_head, is_connect) = (method == "HEAD", method == "CONNECT");
                if time_ns >= self.answered_ns {
                    self.requests.push_back(Waiting { request, is_head, is_connect });
                }
            }
            (Start::Answer { status }, Side::Server) => self.answer(*status, &head, unit, scene),
            _ => {
                // The sides were taken for each other, which only a late join without ports can do.
                unit.info = "a head from the wrong side".to_owned();
                scene.tell(unit);
                self.half(side).state = State::Lost;
            }
        }
    }

    fn answer(&mut self, status: u16, head: &Head, mut unit: Unit, scene: &mut Scene<'_>) {
        let informational = (100..200).contains(&status) && status != 101;
        let waiting = match informational {
            true => None,
            false => self.answered(scene.time_ns),
        };
        unit.info = http::status_line(status);
        unit.status = Some(status);
        let request = waiting.as_ref().map(|waiting| &waiting.request);
        let front = self.requests.front().filter(|_| informational && !self.ambiguous);
        let known = request.or(front.map(|waiting| &waiting.request));
        if let Some(request) = known {
            request.mark(&mut unit);
            unit.latency_us = Some(request.latency_us(scene));
        }
        scene.tell(unit);
        if informational {
            return;
        }
        let request = request.cloned();
        let is_tunnel = waiting.as_ref().is_some_and(|waiting| waiting.is_connect) && status < 300;
        if status == 101 || is_tunnel {
            self.upgraded = Upgraded::new(head, request);
            for side in Side::BOTH {
                let half = self.half(side);
                half.state = State::Upgraded;
                let early = std::mem::take(&mut half.held);
                self.data(side, &early, scene);
            }
            return;
        }
        let has_no_content =
            waiting.as_ref().is_some_and(|waiting| waiting.is_head) || matches!(status, 204 | 304);
        let call = request.as_ref().map(|request| Arc::clone(&request.call));
        let kind = http::body_kind(&head.fields, call.as_deref(), true);
        let framing = match has_no_content {
            true => State::Length(0),
            false => head.answer_framing(),
        };
        self.half(Side::Server).request = request;
        self.begin(Side::Server, kind, framing, scene);
    }

    fn begin(&mut self, side: Side, kind: BodyKind, framing: State, scene: &mut Scene<'_>) {
        let half = self.half(side);
        half.body = Body::new(kind);
        half.state = framing;
        if framing == State::Length(0) {
            self.end_message(side, scene);
        }
    }

    fn content(&mut self, side: Side, part: &[u8], scene: &mut Scene<'_>) {
        scene.content_decoded(part.len());
        let (bytes_max, limit) = (scene.limits.body_bytes_max, scene.limits.inflated_bytes_max);
        let half = self.half(side);
        half.body.push(part, bytes_max);
        while let Some(piece) = half.body.event(scene.redactor, limit) {
            half.tell(side, piece, scene);
        }
    }

    fn end_message(&mut self, side: Side, scene: &mut Scene<'_>) {
        let half = self.half(side);
        half.state = State::ExpectHead;
        half.end_body(side, scene);
        half.request = None;
    }

    /// Takes a line of the framing of chunks.
    fn line<'a>(&mut self, side: Side, data: &'a [u8], scene: &mut Scene<'_>) -> &'a [u8] {
        let half = self.half(side);
        let (part, rest) = match data.iter().position(|byte| *byte == b'\n') {
            Some(end) => data.split_at(end + 1),
            None => (data, [].as_slice()),
        };
        half.held.extend_from_slice(part);
        if !half.held.ends_with(b"\n") {
            if half.held.len() > LINE_BYTES_MAX {
                self.lose(side, Skip::OverBound, scene);
            }
            return rest;
        }
        let line = std::mem::take(&mut half.held);
        let text = line.trim_ascii();
        let next = match half.state {
            State::ChunkSize => match head::chunk_size(text) {
                Some(0) => Some(State::Trailers),
                Some(size) => Some(State::Chunk(size)),
                None => None,
            },
            State::ChunkEnd => text.is_empty().then_some(State::ChunkSize),
            _ if text.is_empty() => Some(State::ExpectHead),
            _ => Some(State::Trailers),
        };
        match next {
            Some(State::ExpectHead) => {
                scene.content_decoded(line.len());
                self.end_message(side, scene);
            }
            Some(state) => {
                scene.content_decoded(line.len());
                half.state = state;
            }
            None => {
                scene.content_skipped(Skip::NotUnderstood, line.len());
                half.body.gap();
                self.lose(side, Skip::NotUnderstood, scene);
            }
        }
        rest
    }

    /// Says that content is missing.
    pub(crate) fn gap(&mut self, side: Side, lost: Option<u64>, scene: &mut Scene<'_>) {
        let half = self.half(side);
        match (half.state, lost) {
            (State::Length(left), Some(lost)) if lost <= left => {
                half.body.gap();
                match left - lost {
                    0 => self.end_message(side, scene),
                    left => half.state = State::Length(left),
                }
            }
            (State::Chunk(left), Some(lost)) if lost <= left => {
                half.body.gap();
                half.state = match left - lost {
                    0 => State::ChunkEnd,
                    left => State::Chunk(left),
                };
            }
            (State::UntilClose, _) => half.body.gap(),
            (State::Upgraded, _) => {
                if let Some(upgraded) = &mut self.upgraded {
                    upgraded.gap(side, lost, scene);
                }
            }
            _ => {
                if half.state != State::ExpectHead {
                    half.body.gap();
                }
                self.lose(side, Skip::Gap, scene);
            }
        }
    }

    fn lose(&mut self, side: Side, reason: Skip, scene: &mut Scene<'_>) {
        let half = self.half(side);
        let held = std::mem::take(&mut half.held);
        scene.content_skipped(reason, held.len());
        half.end_body(side, scene);
        half.request = None;
        half.state = State::Lost;
        match side {
            Side::Server => self.ambiguous = true,
            // What was sent at once cannot be counted any more.
            Side::Client => self.unpairable |= self.pipelines,
        }
    }

    /// The request that an answer captured now belongs to. Of the first answer after a loss it cannot be told:
    /// its request may be among what is missing, and so may the answers to those that were seen.
    fn answered(&mut self, time_ns: u64) -> Option<Waiting> {
        if self.unpairable {
            return None;
        }
        self.answered_ns = time_ns;
        let is_before = |waiting: &Waiting| waiting.request.time_ns <= time_ns;
        let is_certain = !std::mem::take(&mut self.ambiguous);
        if !is_certain || !self.requests.front().is_some_and(is_before) {
            self.requests.retain(|waiting| !is_before(waiting));
            return None;
        }
        let answered = self.requests.pop_front();
        self.pipelines |= self.requests.front().is_some_and(is_before);
        answered
    }

    pub(crate) fn finish(&mut self, scene: &mut Scene<'_>) {
        for side in Side::BOTH {
            let half = self.half(side);
            let held = std::mem::take(&mut half.held);
            scene.content_skipped(Skip::Gap, held.len());
            if matches!(half.state, State::Length(_) | State::ChunkSize | State::Chunk(_)) {
                half.body.gap();
            }
            half.end_body(side, scene);
        }
        if let Some(upgraded) = &mut self.upgraded {
            upgraded.finish(scene);
        }
    }
}

impl Half {
    fn end_body(&mut self, side: Side, scene: &mut Scene<'_>) {
        let body = std::mem::take(&mut self.body);
        if !body.is_empty() {
            let piece = body.finish(scene.redactor, scene.limits.inflated_bytes_max);
            self.tell(side, piece, scene);
        }
    }

    fn tell(&self, side: Side, piece: Piece, scene: &mut Scene<'_>) {
        let shown = piece.shown;
        let info = match &shown.media_type {
            Some(media_type) => {
                format!("content ({})", media_type.split(';').next().unwrap_or_default())
            }
            None => "content".to_owned(),
        };
        let mut unit = scene.unit(side, Protocol::Http1, shown.length, info);
        unit.data = Some(shown);
        if let Some(request) = &self.request {
            request.mark(&mut unit);
        }
        scene.tell(unit);
    }
}

fn split(data: &[u8], left: u64) -> (&[u8], &[u8]) {
    data.split_at(usize::try_from(left).unwrap_or(usize::MAX).min(data.len()))
}
