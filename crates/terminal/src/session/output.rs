//! What is to go to the browser: the hub's notes, and the output as it came or, for a browser that fell behind,
//! the picture of it.
//! It knows nothing of the cluster or of why a session ends; `flow` decides when the browser is behind, `screen`
//! draws, `wire` writes.
//!
//! Bounds: [`NOTES_MAX`] notes. With a terminal what waits is bounded by `flow`, because a browser that is behind
//! gets a picture instead; without one [`Output::takes_more`] says when [`STREAM_BACKLOG_MAX`] is reached, and
//! nothing more is read.

use super::wire::{BrowserSide, Gone};
use crate::flow::Flow;
use crate::protocol::{self, HubMessage, Size};
use crate::screen::Screen;
use bytes::{BufMut, Bytes, BytesMut};
use std::collections::VecDeque;
use std::time::Duration;

/// Output that arrives in quick succession is sent together after this time…
const GATHER: Duration = Duration::from_millis(1);
/// …or as soon as it is this much.
const GATHER_BYTES: usize = 32 * 1024;
/// When a screen that waits for the person's fuel is asked for its picture again.
const PICTURE_RETRY: Duration = Duration::from_millis(20);
/// How long a picture waits for fuel before what it lacks is passed over: where the terminal itself took the fuel…
const PICTURE_WAITS: Duration = Duration::from_millis(50);
/// …and where the person's others did, because a picture that is whole is worth more.
const MODEST_PICTURE_WAITS: Duration = Duration::from_secs(1);
/// The largest output frame: a piece that xterm parses within a frame of 16 ms.
const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Without a terminal: output that may wait before the cluster is no longer read.
const STREAM_BACKLOG_MAX: usize = 1024 * 1024;
/// What a frame of output costs beside its bytes, so that tiny ones cannot fill the memory.
const FRAME_COSTS: usize = 64;
/// A terminal without output for so long is put back into the bytes which draw it.
const RESTS_AFTER: Duration = Duration::from_secs(10);
/// Pings come every few seconds; whoever sends more than can be answered gets no answer.
const NOTES_MAX: usize = 16;

const OUTPUT: &str = "sallyport_terminal_output_bytes_total";
const PASSED_OVER: &str = "sallyport_terminal_passed_over_bytes_total";

pub(crate) fn describe_metrics() {
    metrics::describe_counter!(OUTPUT, "Bytes of output that came from Pods.");
    metrics::describe_counter!(PASSED_OVER, "Bytes of output that slow browsers were spared.");
    metrics::counter!(OUTPUT).absolute(0);
    metrics::counter!(PASSED_OVER).absolute(0);
}

/// The way of the output. Times are since the session began.
pub(super) struct Output {
    /// `None` without a terminal: there is no picture then, and nothing is passed over.
    screen: Option<Screen>,
    flow: Flow,
    /// Output frames, channel byte first, not yet sent.
    backlog: VecDeque<Bytes>,
    backlog_bytes: usize,
    /// Bytes passed over since the browser fell behind; `None` while it keeps up.
    passed_over: Option<u64>,
    /// Since when a picture has waited for fuel.
    picture_waits_since: Option<Duration>,
    notes: VecDeque<String>,
    last_sent: Duration,
    last_arrived: Duration,
    resting: bool,
}

impl Output {
    /// Begins with notes that are said before anything else.
    pub(super) fn new(screen: Option<Screen>, notes: VecDeque<String>) -> Self {
        Self {
            screen,
            flow: Flow::new(),
            backlog: VecDeque::new(),
            backlog_bytes: 0,
            passed_over: None,
            picture_waits_since: None,
            notes,
            last_sent: Duration::ZERO,
            last_arrived: Duration::ZERO,
            resting: false,
        }
    }

    /// Whether the process has a terminal.
    pub(super) fn is_terminal(&self) -> bool {
        self.screen.is_some()
    }

    /// A message of the hub, sent before the output that waits.
    pub(super) fn note(&mut self, text: String) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push_back(text);
        }
    }

    /// The person has typed.
    pub(super) fn on_input(&mut self, now: Duration) {
        self.flow.on_input(now, self.waiting_bytes(), self.passed_over.is_some());
    }

    /// A ping came back.
    pub(super) fn on_round_trip(&mut self, took: Duration) {
        self.flow.on_round_trip(took);
    }

    /// The browser has finished with so many bytes in all; false if it never had as many.
    pub(super) fn on_ack(&mut self, now: Duration, total: u64) -> bool {
        self.flow.on_ack(now, total).is_ok()
    }

    /// The terminal has another size; false if there is no terminal.
    pub(super) fn resize(&mut self, size: Size) -> bool {
        match &mut self.screen {
            Some(screen) => {
                screen.resize(size);
                true
            }
            None => false,
        }
    }

    /// Takes a frame of the process, channel byte first.
    pub(super) fn push(&mut self, now: Duration, frame: Bytes) {
        self.last_arrived = now;
        self.resting = false;
        let output = frame.slice(1..);
        metrics::counter!(OUTPUT).increment(output.len() as u64);
        self.flow.on_arrival(output.len());
        if let Some(passed_over) = &mut self.passed_over {
            *passed_over += output.len() as u64;
        } else {
            self.backlog_bytes += output.len();
            self.backlog.push_back(frame);
        }
        let waiting = self.waiting_bytes();
        if let Some(screen) = &mut self.screen {
            screen.feed(output);
            if self.passed_over.is_none() && self.flow.is_behind(now, waiting) {
                // The picture will show what these bytes would have drawn.
                self.passed_over = Some(self.backlog_bytes as u64);
                self.backlog.clear();
                self.backlog_bytes = 0;
            }
        }
    }

    /// What the output that waits takes of the memory.
    fn waiting_bytes(&self) -> usize {
        self.backlog_bytes + self.backlog.len() * FRAME_COSTS
    }

    /// Whether the cluster is to be read. With a terminal always.
    pub(super) fn takes_more(&self) -> bool {
        self.screen.is_some() || self.waiting_bytes() < STREAM_BACKLOG_MAX
    }

    /// Whether enough waits to fill the largest frame, so that sending comes before reading on.
    pub(super) fn fills_a_frame(&self) -> bool {
        self.waiting_bytes() >= FRAME_BYTES_MAX
    }

    /// Starts the next message to the browser, if one is due. Returns when one will be, if only time lacks.
    pub(super) fn send(
        &mut self,
        browser: &mut BrowserSide,
        now: Duration,
    ) -> Result<Option<Duration>, Gone> {
        if browser.is_busy() {
            return Ok(None);
        }
        if let Some(note) = self.notes.pop_front() {
            browser.start_text(note)?;
            return Ok(None);
        }
        if let Some(passed_over) = self.passed_over {
            return match self.flow.next_picture() {
                Some(due) if due <= now => {
                    let sent = self.send_picture(browser, now, passed_over)?;
                    // The person's other terminals took the fuel; the picture comes when there is some again.
                    Ok((!sent).then(|| now + PICTURE_RETRY))
                }
                due => Ok(due),
            };
        }
        let room = self.flow.room();
        if self.backlog.is_empty() || room == 0 {
            return Ok(None);
        }
        let due = self.last_sent + GATHER;
        if self.backlog_bytes < GATHER_BYTES && now < due {
            return Ok(Some(due));
        }
        let frame = self.take_frame(room.min(FRAME_BYTES_MAX));
        self.flow.on_sent(now, frame.len() - 1);
        self.last_sent = now;
        browser.start_binary(frame)?;
        Ok(None)
    }

    /// `false` if the screen is not known yet.
    fn send_picture(
        &mut self,
        browser: &mut BrowserSide,
        now: Duration,
        passed_over: u64,
    ) -> Result<bool, Gone> {
        let Some(screen) = &mut self.screen else { return Ok(true) };
        let budget = self.flow.picture_budget(now);
        let mut picture = screen.picture(budget);
        if picture.is_none() {
            let since = *self.picture_waits_since.get_or_insert(now);
            let patience = if screen.is_hungry() { PICTURE_WAITS } else { MODEST_PICTURE_WAITS };
            if now.saturating_sub(since) >= patience && screen.hurry() {
                picture = screen.picture(budget);
            }
        }
        let Some(picture) = picture else { return Ok(false) };
        self.picture_waits_since = None;
        let caught_up = self.flow.has_caught_up(now);
        self.flow.on_picture(now);
        self.flow.on_sent(now, picture.len());
        self.last_sent = now;
        metrics::counter!(PASSED_OVER).increment(passed_over);
        let picture = protocol::snapshot_frame(&picture);
        if passed_over > 0 {
            browser.start_text(HubMessage::Skipped { bytes: passed_over }.to_text())?;
            browser.queue_binary(picture);
        } else {
            browser.start_binary(picture)?;
        }
        self.passed_over = if caught_up { None } else { Some(0) };
        Ok(true)
    }

    /// Takes up to `limit` bytes of one channel off the backlog, as one frame.
    fn take_frame(&mut self, limit: usize) -> Bytes {
        let Some(first) = self.backlog.pop_front() else { return Bytes::new() };
        let limit = limit.max(1);
        let first_bytes = first.len() - 1;
        if first_bytes > limit {
            let mut rest = BytesMut::with_capacity(first_bytes - limit + 1);
            rest.put_u8(first[0]);
            rest.put_slice(&first[1 + limit..]);
            self.backlog.push_front(rest.freeze());
            self.backlog_bytes -= limit;
            return first.slice(..=limit);
        }
        let joins =
            |next: &Bytes, bytes: usize| next[0] == first[0] && bytes + next.len() - 1 <= limit;
        if !self.backlog.front().is_some_and(|next| joins(next, first_bytes)) {
            self.backlog_bytes -= first_bytes;
            return first;
        }
        let mut frame = BytesMut::with_capacity(limit.min(self.backlog_bytes) + 1);
        frame.put_slice(&first);
        while let Some(next) = self.backlog.front() {
            if !joins(next, frame.len() - 1) {
                break;
            }
            frame.put_slice(&next[1..]);
            self.backlog.pop_front();
        }
        self.backlog_bytes -= frame.len() - 1;
        frame.freeze()
    }

    /// When [`Self::rest`] is due; `None` while it rests.
    pub(super) fn rests_at(&self) -> Option<Duration> {
        (!self.resting).then_some(self.last_arrived + RESTS_AFTER)
    }

    /// Gives back the memory of a terminal that has been silent long enough.
    pub(super) fn rest(&mut self, now: Duration) {
        if self.rests_at().is_none_or(|due| now < due) {
            return;
        }
        self.resting = self.screen.as_mut().is_none_or(Screen::rest);
        if !self.resting {
            self.last_arrived = now;
        }
        self.backlog.shrink_to_fit();
    }

    /// Brings the browser all that is left, as fast as it takes it.
    pub(super) async fn finish(
        &mut self,
        browser: &mut BrowserSide,
        now: Duration,
    ) -> Result<(), Gone> {
        browser.flush().await?;
        let began = tokio::time::Instant::now();
        while let Some(passed_over) = self.passed_over {
            if self.send_picture(browser, now + began.elapsed(), passed_over)? {
                self.passed_over = None;
                browser.flush().await?;
            } else {
                tokio::time::sleep(PICTURE_RETRY).await;
            }
        }
        while let Some(note) = self.notes.pop_front() {
            browser.start_text(note)?;
            browser.flush().await?;
        }
        while !self.backlog.is_empty() {
            let frame = self.take_frame(FRAME_BYTES_MAX);
            browser.start_binary(frame)?;
            browser.flush().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(frames: &[&'static [u8]]) -> Output {
        let mut output = Output::new(None, VecDeque::new());
        for frame in frames {
            output.push(Duration::ZERO, Bytes::from_static(frame));
        }
        output
    }

    #[test]
    fn frames_of_one_channel_are_sent_together_up_to_the_limit() {
        let mut output = output(&[b"\x01ab", b"\x01cd", b"\x01e", b"\x02x", b"\x01f"]);
        let taken: Vec<_> = std::iter::from_fn(|| Some(output.take_frame(4)))
            .take_while(|frame| !frame.is_empty())
            .collect();
        assert_eq!(taken, [&b"\x01abcd"[..], b"\x01e", b"\x02x", b"\x01f"]);
        assert_eq!(output.waiting_bytes(), 0);
    }

    #[test]
    fn a_frame_above_the_limit_is_cut_and_nothing_of_it_lost() {
        let mut output = output(&[b"\x02abcde"]);
        assert_eq!(output.take_frame(2), &b"\x02ab"[..]);
        assert_eq!(output.take_frame(0), &b"\x02c"[..]);
        assert_eq!(output.take_frame(9), &b"\x02de"[..]);
        assert_eq!((output.backlog_bytes, output.backlog.len()), (0, 0));
    }

    #[test]
    fn without_a_terminal_output_waits_for_its_reader_and_tiny_frames_count() {
        let mut output = output(&[]);
        assert!(output.takes_more() && !output.fills_a_frame());
        while output.takes_more() {
            output.push(Duration::ZERO, Bytes::from_static(b"\x01x"));
        }
        assert!(output.fills_a_frame());
        assert_eq!(output.backlog_bytes, STREAM_BACKLOG_MAX.div_ceil(FRAME_COSTS + 1));
        assert!(output.passed_over.is_none());
    }

    #[test]
    fn notes_above_the_bound_are_dropped() {
        let mut output = output(&[]);
        for n in 0..100 {
            output.note(HubMessage::Pong { n }.to_text());
        }
        assert_eq!(output.notes.len(), NOTES_MAX);
    }

    #[test]
    fn silence_is_waited_for_once() {
        let mut output = output(&[b"\x01x"]);
        output.rest(RESTS_AFTER - Duration::from_millis(1));
        assert_eq!(output.rests_at(), Some(RESTS_AFTER));
        output.rest(RESTS_AFTER);
        assert_eq!(output.rests_at(), None);
        output.push(RESTS_AFTER, Bytes::from_static(b"\x01y"));
        assert_eq!(output.rests_at(), Some(2 * RESTS_AFTER));
    }
}
