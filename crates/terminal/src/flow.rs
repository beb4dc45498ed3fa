//! How much output may be on its way to the browser, and when to stop sending bytes and send the picture.
//! Pure: time is handed in as the duration since the terminal began; the queue itself is `session`'s.
//!
//! Two figures are kept. The *window* bounds bytes sent and not yet consumed by xterm: it follows the
//! measured consumption (a windowed maximum of delivery rates, as congestion control by BBR does, and
//! the path's shortest round trip from WebSocket pings), so that what is on the way takes about 25 ms to
//! draw whatever the browser's speed. A rate measured while the window was full is the browser's own, and
//! soon outweighs older ones: a browser that becomes slow must not live on its past. The *backlog bound*
//! limits what waits in the hub. Beyond it, bytes are passed over and the browser gets the screen as it now
//! is. After a key that was pressed into output the bound is tight, because the answer to that key waits
//! behind the backlog; a key at a prompt has nothing before it, and what it starts arrives whole.

use std::collections::VecDeque;
use std::time::Duration;

/// What may be on the way before the first acknowledgement has told the browser's speed.
const WINDOW_INITIAL: u64 = 64 * 1024;
/// A browser that draws 100 KiB a second still answers within 100 ms.
const WINDOW_MIN: u64 = 4 * 1024;
/// xterm.js drops data past 50 MB; a fiftieth of that saturates the fastest one measured (35 MB/s).
const WINDOW_MAX: u64 = 1024 * 1024;
/// How long the bytes on the way may take to draw.
const DRAW_TIME: Duration = Duration::from_millis(25);
/// Room for the measured rate to grow.
const GAIN: f64 = 1.5;
/// What may wait in the hub while nobody types: a burst of this size arrives whole.
const BACKLOG_MAX: u64 = 1024 * 1024;
/// The tight bound never falls below one full screen of text.
const BACKLOG_MIN: u64 = 8 * 1024;
/// How long after a key into output the tight bound holds.
const INTERACTIVE_TIME: Duration = Duration::from_secs(1);
/// Pictures a second while the browser is behind.
const PICTURE_INTERVAL: Duration = Duration::from_millis(33);
/// Delivery rates older than this no longer count…
const RATE_MEMORY: Duration = Duration::from_secs(2);
/// …nor those older than this, once the browser showed its speed under a full window. A pause of its garbage
/// collector is shorter.
const FULL_RATE_MEMORY: Duration = Duration::from_millis(200);
/// Round trips remembered: two minutes of pings. The shortest is the path; the others waited behind output.
const ROUND_TRIPS: usize = 8;
/// Frames on the way that are measured; beyond it frames share an entry.
const MEASURED_MAX: usize = 32;

/// The state of one terminal's output flow.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Flow {
    sent: u64,
    acked: u64,
    acked_at: Duration,
    on_the_way: VecDeque<Sent>,
    rates: VecDeque<(Duration, f64)>,
    round_trips: VecDeque<Duration>,
    interactive_until: Duration,
    last_picture: Duration,
    arrived_since_picture: u64,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
struct Sent {
    end: u64,
    acked_then: u64,
    acked_at_then: Duration,
    /// Nothing more fitted behind it.
    filled_window: bool,
}

/// An acknowledgement of bytes that were never sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AckBeyondSent;

impl Flow {
    pub(crate) fn new() -> Self {
        Self {
            sent: 0,
            acked: 0,
            acked_at: Duration::ZERO,
            on_the_way: VecDeque::new(),
            rates: VecDeque::new(),
            round_trips: VecDeque::new(),
            interactive_until: Duration::ZERO,
            last_picture: Duration::ZERO,
            arrived_since_picture: 0,
        }
    }

    /// Bytes sent and not yet consumed.
    pub(crate) fn in_flight(&self) -> u64 {
        self.sent - self.acked
    }

    /// Bytes that may be sent now.
    pub(crate) fn room(&self) -> usize {
        usize::try_from(self.window().saturating_sub(self.in_flight())).unwrap_or(0)
    }

    pub(crate) fn on_sent(&mut self, now: Duration, bytes: usize) {
        if self.in_flight() == 0 {
            // Nothing was asked of the browser for a while: that time says nothing of its speed.
            self.acked_at = now;
        }
        self.sent += bytes as u64;
        let filled_window = self.room() == 0;
        if self.on_the_way.len() == MEASURED_MAX
            && let Some(last) = self.on_the_way.back_mut()
        {
            last.end = self.sent;
            last.filled_window |= filled_window;
            return;
        }
        self.on_the_way.push_back(Sent {
            end: self.sent,
            acked_then: self.acked,
            acked_at_then: self.acked_at,
            filled_window,
        });
    }

    /// The browser has consumed `total` bytes since the beginning.
    pub(crate) fn on_ack(&mut self, now: Duration, total: u64) -> Result<(), AckBeyondSent> {
        if total > self.sent {
            return Err(AckBeyondSent);
        }
        if total <= self.acked {
            return Ok(());
        }
        self.acked = total;
        self.acked_at = now;
        let (mut newest, mut memory) = (None, RATE_MEMORY);
        while self.on_the_way.front().is_some_and(|sent| sent.end <= total) {
            newest = self.on_the_way.pop_front();
        }
        if let Some(sent) = newest {
            if sent.filled_window {
                memory = FULL_RATE_MEMORY;
            }
            // At least 100 µs, so that acknowledgements that come together do not divide by nothing.
            let took = now.saturating_sub(sent.acked_at_then).max(Duration::from_micros(100));
            #[allow(clippy::cast_precision_loss, reason = "a rate needs no 53 bits")]
            let rate = (total - sent.acked_then) as f64 / took.as_secs_f64();
            // What did not fill the window says how fast the browser is at least: an echo is a byte a second.
            let is_news = sent.filled_window
                || self.rates.front().map_or(rate > initial_rate(), |(_, best)| rate > *best);
            if !is_news {
                return Ok(());
            }
            while self.rates.back().is_some_and(|(_, older)| *older <= rate) {
                self.rates.pop_back();
            }
            self.rates.push_back((now, rate));
        }
        // The newest rate is kept even when it is old: it is the best that is known.
        while self.rates.len() > 1
            && self.rates.front().is_some_and(|(at, _)| now.saturating_sub(*at) > memory)
        {
            self.rates.pop_front();
        }
        Ok(())
    }

    /// A WebSocket ping came back after `round_trip`.
    pub(crate) fn on_round_trip(&mut self, round_trip: Duration) {
        if self.round_trips.len() == ROUND_TRIPS {
            self.round_trips.pop_front();
        }
        self.round_trips.push_back(round_trip.min(Duration::from_secs(1)));
    }

    /// The person pressed a key while a backlog of `bytes` waited, or while output `was_passed_over`: in a pause of the
    /// flood nothing waits, but what follows it would.
    pub(crate) fn on_input(&mut self, now: Duration, bytes: usize, was_passed_over: bool) {
        if was_passed_over || self.in_flight() + bytes as u64 > BACKLOG_MIN {
            self.interactive_until = now + INTERACTIVE_TIME;
        }
    }

    /// Output came from the cluster.
    pub(crate) fn on_arrival(&mut self, bytes: usize) {
        self.arrived_since_picture += bytes as u64;
    }

    /// Whether a backlog of `bytes` is too much, so that the browser must get the picture instead.
    pub(crate) fn is_behind(&self, now: Duration, bytes: usize) -> bool {
        let bound = if now < self.interactive_until {
            self.drawn_in(DRAW_TIME)
                .map_or(WINDOW_INITIAL, |bytes| bytes.clamp(BACKLOG_MIN, BACKLOG_MAX))
        } else {
            BACKLOG_MAX
        };
        bytes as u64 > bound
    }

    /// While behind: when the next picture may be sent. `None` as long as too much is on the way.
    pub(crate) fn next_picture(&self) -> Option<Duration> {
        (self.in_flight() * 4 <= self.window()).then_some(self.last_picture + PICTURE_INTERVAL)
    }

    /// While behind: whether output now comes slowly enough that bytes may follow the next picture. If not, the
    /// next thing the browser gets is another picture.
    pub(crate) fn has_caught_up(&self, now: Duration) -> bool {
        let interval = now.saturating_sub(self.last_picture);
        let calm = self.drawn_in(interval.min(Duration::from_secs(1))).unwrap_or(WINDOW_INITIAL);
        self.arrived_since_picture <= calm.max(BACKLOG_MIN)
    }

    /// A picture is being sent.
    pub(crate) fn on_picture(&mut self, now: Duration) {
        self.last_picture = now;
        self.arrived_since_picture = 0;
    }

    /// How many bytes of scrollback may go with the next picture: none with one that another soon replaces, because
    /// the answer to a key waits behind it.
    pub(crate) fn picture_budget(&self, now: Duration) -> usize {
        if self.has_caught_up(now) {
            usize::try_from(self.window()).unwrap_or(usize::MAX)
        } else {
            0
        }
    }

    fn window(&self) -> u64 {
        let path = self.round_trips.iter().min().copied().unwrap_or_default();
        self.drawn_in(DRAW_TIME + path)
            .map_or(WINDOW_INITIAL, |bytes| bytes.clamp(WINDOW_MIN, WINDOW_MAX))
    }

    /// What the browser consumes in `time`, with room to grow; `None` before anything is known.
    fn drawn_in(&self, time: Duration) -> Option<u64> {
        let (_, rate) = self.rates.front()?;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a product of positive figures; `as` saturates"
        )]
        Some((rate * GAIN * time.as_secs_f64()) as u64)
    }
}

/// The rate at which the initial window is what a known browser would get.
#[allow(clippy::cast_precision_loss, reason = "a rate needs no 53 bits")]
fn initial_rate() -> f64 {
    WINDOW_INITIAL as f64 / GAIN / DRAW_TIME.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Sends whatever fits and consumes `rate` bytes a second for `time`, in steps of a millisecond.
    fn run(flow: &mut Flow, from: Duration, time: Duration, rate: u64) -> Duration {
        let mut now = from;
        let mut consumed = flow.acked;
        while now < from + time {
            let room = flow.room();
            if room > 0 {
                flow.on_sent(now, room);
            }
            now += MS;
            consumed = (consumed + rate / 1000).min(flow.sent);
            flow.on_ack(now, consumed).unwrap();
        }
        now
    }

    #[test]
    fn what_is_on_the_way_takes_a_slow_browser_at_most_60_ms() {
        for rate in [200_000, 2_000_000, 10_000_000] {
            let mut flow = Flow::new();
            run(&mut flow, Duration::ZERO, Duration::from_secs(3), rate);
            assert!(flow.in_flight() <= rate * 60 / 1000, "{rate}: {}", flow.in_flight());
        }
    }

    #[test]
    fn a_fast_browser_gets_a_window_that_does_not_slow_it() {
        let mut flow = Flow::new();
        run(&mut flow, Duration::ZERO, Duration::from_secs(1), 40_000_000);
        assert!(flow.window() >= 40_000 * 20, "{}", flow.window());
    }

    #[test]
    fn a_browser_that_becomes_slow_gets_a_smaller_window_when_it_has_drawn_what_it_had() {
        let mut flow = Flow::new();
        let now = run(&mut flow, Duration::ZERO, Duration::from_secs(1), 20_000_000);
        let had = Duration::from_micros(flow.in_flight());
        run(&mut flow, now, had + Duration::from_millis(300), 1_000_000);
        assert!(flow.in_flight() <= 60_000, "{}", flow.in_flight());
    }

    #[test]
    fn a_browser_that_paused_is_soon_at_its_speed_again() {
        let mut flow = Flow::new();
        let now = run(&mut flow, Duration::ZERO, Duration::from_secs(1), 20_000_000);
        let before = flow.window();
        let paused = now + Duration::from_millis(400);
        run(&mut flow, paused, Duration::from_millis(500), 20_000_000);
        assert!(flow.window() * 10 >= before * 8, "{before} {}", flow.window());
    }

    #[test]
    fn a_ping_that_waited_behind_output_widens_nothing() {
        let mut flow = Flow::new();
        run(&mut flow, Duration::ZERO, Duration::from_secs(1), 2_000_000);
        flow.on_round_trip(MS);
        let before = flow.window();
        flow.on_round_trip(MS * 900);
        assert_eq!(flow.window(), before);
        // The path did become longer.
        for _ in 0..ROUND_TRIPS {
            flow.on_round_trip(MS * 100);
        }
        assert!(flow.window() > before);
    }

    #[test]
    fn an_ack_of_what_was_never_sent_is_refused_and_an_old_one_ignored() {
        let mut flow = Flow::new();
        flow.on_sent(Duration::ZERO, 10);
        assert_eq!(flow.on_ack(MS, 11), Err(AckBeyondSent));
        flow.on_ack(MS, 10).unwrap();
        flow.on_ack(MS * 2, 3).unwrap();
        assert_eq!(flow.in_flight(), 0);
    }

    #[test]
    fn the_backlog_bound_is_tight_only_after_a_key() {
        let mut flow = Flow::new();
        let now = run(&mut flow, Duration::ZERO, Duration::from_secs(2), 2_000_000);
        assert!(!flow.is_behind(now, 500_000));
        assert!(flow.is_behind(now, 1024 * 1024 + 1));
        let now = now + MS * 100;
        flow.on_ack(now, flow.sent).unwrap();
        flow.on_input(now, 0, false);
        assert!(!flow.is_behind(now, 500_000), "a key at a prompt");
        for (bytes, was_passed_over) in [(20_000, false), (0, true)] {
            let mut flow = flow.clone();
            flow.on_input(now, bytes, was_passed_over);
            assert!(flow.is_behind(now, 500_000));
            assert!(!flow.is_behind(now + Duration::from_secs(2), 500_000));
        }
    }

    #[test]
    fn an_echo_does_not_make_a_browser_slow() {
        let mut flow = Flow::new();
        let mut now = Duration::ZERO;
        for _ in 0..50 {
            flow.on_sent(now, 1);
            now += Duration::from_millis(100);
            flow.on_ack(now, flow.sent).unwrap();
        }
        assert_eq!(flow.window(), WINDOW_INITIAL);
        let now = run(&mut flow, now, Duration::from_secs(1), 20_000_000);
        assert!(flow.window() > WINDOW_INITIAL);
        flow.on_ack(now + MS * 40, flow.sent).unwrap();
        // A little output, after a silence.
        let before = flow.window();
        flow.on_sent(now + Duration::from_secs(60), 100);
        flow.on_ack(now + Duration::from_secs(61), flow.sent).unwrap();
        assert_eq!(flow.window(), before);
    }

    #[test]
    fn pictures_wait_for_the_browser_and_bytes_for_the_flood_to_end() {
        let mut flow = Flow::new();
        let now = run(&mut flow, Duration::ZERO, Duration::from_secs(1), 2_000_000);
        flow.on_arrival(40_000_000);
        assert!(flow.next_picture().is_none(), "the window is full");
        let now = now + Duration::from_millis(100);
        flow.on_ack(now, flow.sent).unwrap();
        assert!(flow.next_picture().is_some_and(|at| at <= now));
        assert!(!flow.has_caught_up(now), "the flood goes on");
        assert_eq!(flow.picture_budget(now), 0);
        flow.on_picture(now);
        flow.on_arrival(100);
        let now = now + PICTURE_INTERVAL;
        assert!(flow.has_caught_up(now), "it has ended");
        assert!(flow.picture_budget(now) > 0);
    }
}
