//! What the person's terminal shows, kept on the hub, so that a browser that fell behind gets the picture
//! instead of minutes of stale bytes; later also for joining and reconnecting.
//! It knows nothing of browsers or clusters. The emulation is `avt`'s; kept here is what `avt` leaves out:
//! the modes of `modes`, bytes that are not whole characters yet, and when to do the work at all.
//!
//! Three stages keep it cheap. A terminal that has said little is kept as those very bytes. Output is
//! gathered and interpreted in batches. And of a flood of plain text only the end is interpreted, as
//! far back as it can still be seen ([`plain_text_to_skip`] says when that is exact).
//!
//! Hostile input: output is a container's. What interpreting it costs is bounded by the person's [`Fuel`]; what
//! that does not pay for yet waits, and with it the picture, but not for ever ([`Screen::hurry`]): then, and beyond
//! the bound, the oldest is passed over, so that only the picture of a screen that was meant as a burden is wrong.
//! `avt` bounds the grid by the size given, here at most [`CELLS_MAX`] cells, and above it [`SCROLLBACK_LINES`] lines
//! or as many as have so many cells; what is gathered is bounded by [`GATHERED_MAX`].

mod draw;
mod fuel;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod modes;

pub(crate) use fuel::Fuel;
use fuel::Meter;

use crate::protocol::{CELLS_MAX, Size};
use avt::{ScreenKind, Terminal};
use bytes::{Bytes, BytesMut};
use modes::Modes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Lines above the screen that a picture can bring back.
const SCROLLBACK_LINES: usize = 500;
/// A prompt, a command and its answer: below this the bytes are smaller than the grid they draw.
const QUIET_MAX: usize = 8 * 1024;
/// How much is gathered before it is interpreted: a few times what the scrollback shows, so that a flood
/// is mostly skipped; small enough that it is done within a millisecond or so.
const GATHERED_MAX: usize = 512 * 1024;
/// What is left of it when there was no fuel to interpret it: more than a screen of plain text needs, and so little that
/// the next attempt comes only after as much output as when there is fuel. An attempt for each piece would interpret
/// the end again and again, and so never have fuel again.
const LEFT_WITHOUT_FUEL: usize = GATHERED_MAX / 8;
/// What a piece of output costs beside its bytes.
const PIECE_COSTS: usize = 64;
/// Fuel is asked for in slices of so many bytes. The worst that is known, resets of the largest screen, take
/// some milliseconds each.
const SLICE_BYTES: usize = 64;
/// What of output that cannot wait is interpreted all the same: the prompt, and a little before it.
const NEWEST_BYTES: usize = 256;
/// How far behind a cut the next line or sequence is looked for.
const RESUMES_WITHIN: usize = 256;
/// A screen and scrollback of 80 columns in one colour take about 50 KiB; a grid of that size takes 700 KiB.
const RESTING_BYTES_MAX: usize = 256 * 1024;
/// Aborts a sequence that has begun (ECMA-48, CAN).
const CANCEL: &str = "\x18";

/// The terminal's state.
pub(crate) struct Screen {
    size: Size,
    /// The size that the next output finds; resizes without output between them cost nothing.
    next_size: Size,
    stage: Stage,
    /// Output not yet interpreted, oldest first.
    gathered: VecDeque<Bytes>,
    gathered_bytes: usize,
    fuel: Arc<Fuel>,
    meter: Meter,
}

enum Stage {
    /// All bytes so far.
    Quiet(Vec<u8>),
    Drawn(Box<Drawn>),
}

struct Drawn {
    terminal: Terminal,
    modes: Modes,
    /// The beginning of a character whose end has not come.
    partial: Vec<u8>,
}

impl Screen {
    pub(crate) fn new(size: Size, fuel: Arc<Fuel>) -> Self {
        Self {
            size,
            next_size: size,
            stage: Stage::Quiet(Vec::new()),
            gathered: VecDeque::new(),
            gathered_bytes: 0,
            fuel,
            meter: Meter::new(),
        }
    }

    /// Takes output in, without its channel byte. Cheap; the work is done in batches.
    pub(crate) fn feed(&mut self, output: Bytes) {
        self.take_size();
        if let Stage::Quiet(bytes) = &mut self.stage {
            if bytes.len() + output.len() <= QUIET_MAX {
                // Copied, because a `Bytes` keeps the whole read buffer alive that it was cut from.
                bytes.extend_from_slice(&output);
                return;
            }
            self.draw();
        }
        self.gather(output);
        if self.gathered_bytes > GATHERED_MAX {
            self.settle();
            if self.gathered_bytes > GATHERED_MAX {
                self.pass_over(LEFT_WITHOUT_FUEL);
            }
        }
    }

    /// Passes over the oldest of what waits until at most so much is left.
    fn pass_over(&mut self, left: usize) {
        while self.gathered_bytes > left
            && let Some(mut oldest) = self.gathered.pop_front()
        {
            self.gathered_bytes -= oldest.len() + PIECE_COSTS;
            let cut = match left.checked_sub(self.gathered_bytes + PIECE_COSTS) {
                Some(room) => oldest.len() - room.min(oldest.len()),
                None => oldest.len(),
            };
            let cut = cut + resumes_at(&oldest[cut..]);
            let passed_over = oldest.split_to(cut);
            if let Stage::Drawn(drawn) = &mut self.stage {
                // The modes are cheap to keep, and a mouse or a paste would go wrong for long without them.
                let text = || String::from_utf8_lossy(&passed_over);
                self.fuel.burn_on_credit(&mut self.meter, || drawn.modes.feed(&text()));
                drawn.partial.clear();
                drawn.terminal.feed(CANCEL);
            }
            if !oldest.is_empty() {
                self.gathered_bytes += oldest.len() + PIECE_COSTS;
                self.gathered.push_front(oldest);
                break;
            }
        }
    }

    /// Whether this terminal takes more of the fuel than most do.
    pub(crate) fn is_hungry(&self) -> bool {
        self.meter.is_hungry()
    }

    /// The picture cannot wait for fuel any longer: all but the newest output is passed over. `false` if even that
    /// has to wait.
    pub(crate) fn hurry(&mut self) -> bool {
        self.pass_over(NEWEST_BYTES + PIECE_COSTS);
        let Stage::Drawn(drawn) = &mut self.stage else { return true };
        let newest: Vec<u8> = self.gathered.iter().flatten().copied().collect();
        let mut done = 0;
        // Asked for each, so that what is owed is at most one of them more than may be.
        for slice in newest.chunks(SLICE_BYTES) {
            let paid = self.fuel.burn_on_credit(&mut self.meter, || drawn.interpret_slice(slice));
            if paid.is_none() {
                break;
            }
            done += slice.len();
        }
        self.gathered.clear();
        self.gathered_bytes = 0;
        if done < newest.len() {
            self.gather(Bytes::from(newest).slice(done..));
            return false;
        }
        true
    }

    fn gather(&mut self, output: Bytes) {
        self.gathered_bytes += output.len() + PIECE_COSTS;
        self.gathered.push_back(output);
    }

    pub(crate) fn resize(&mut self, size: Size) {
        self.next_size = size;
    }

    /// A size overtakes output for whose interpretation the fuel is lacking. Changing the grid costs fuel too;
    /// without any it stays as it is, and there is no picture of it.
    fn take_size(&mut self) {
        let size = self.next_size;
        if size == self.size {
            return;
        }
        match &self.stage {
            Stage::Quiet(bytes) if bytes.is_empty() => {}
            _ => {
                self.draw();
                self.settle();
                let Stage::Drawn(drawn) = &mut self.stage else { return };
                let (cols, rows) = (size.cols.into(), size.rows.into());
                if self
                    .fuel
                    .burn_on_credit(&mut self.meter, || drawn.terminal.resize(cols, rows))
                    .is_none()
                {
                    return;
                }
            }
        }
        self.size = size;
    }

    /// The bytes which draw the screen on a terminal of the same size that was just reset, with as many
    /// lines of scrollback before it as fit `budget` bytes. `None` while output or a new size waits for fuel.
    pub(crate) fn picture(&mut self, budget: usize) -> Option<String> {
        self.take_size();
        self.settle();
        if !self.gathered.is_empty() || self.size != self.next_size {
            return None;
        }
        Some(match &self.stage {
            Stage::Quiet(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Stage::Drawn(drawn) => draw::picture(&drawn.terminal, &drawn.modes, budget),
        })
    }

    /// An idle terminal is put back into the bytes which draw it, where they take a fraction of its grid. `false` while
    /// output waits for fuel.
    pub(crate) fn rest(&mut self) -> bool {
        if matches!(self.stage, Stage::Drawn(_)) {
            let Some(picture) = self.picture(usize::MAX) else { return false };
            let mut bytes = picture.into_bytes();
            // Another colour in each cell takes more bytes than the grid.
            if bytes.len() > RESTING_BYTES_MAX {
                return true;
            }
            bytes.shrink_to_fit();
            if let Stage::Drawn(drawn) = &mut self.stage {
                // What began a character is no part of the picture, and the rest of it is still to come.
                bytes.append(&mut drawn.partial);
            }
            self.stage = Stage::Quiet(bytes);
        }
        self.gathered.shrink_to_fit();
        true
    }

    /// From here on there is a grid. What came before waits to be drawn on it.
    fn draw(&mut self) -> &mut Drawn {
        if let Stage::Quiet(bytes) = &mut self.stage {
            let bytes = std::mem::take(bytes);
            self.stage = Stage::Drawn(Box::new(Drawn::new(self.size)));
            if !bytes.is_empty() {
                self.gather(bytes.into());
            }
        }
        match &mut self.stage {
            Stage::Drawn(drawn) => drawn,
            Stage::Quiet(_) => unreachable!("it was drawn above"),
        }
    }

    /// Interprets what was gathered, as far as the fuel goes.
    fn settle(&mut self) {
        let Stage::Drawn(drawn) = &mut self.stage else { return };
        if self.gathered.is_empty() || !self.fuel.is_left(&self.meter) {
            return;
        }
        let whole = match self.gathered.pop_front() {
            Some(only) if self.gathered.is_empty() => only,
            first => {
                let all = first.into_iter().chain(self.gathered.drain(..));
                let mut whole = BytesMut::with_capacity(self.gathered_bytes);
                for piece in all {
                    whole.extend_from_slice(&piece);
                }
                whole.freeze()
            }
        };
        self.gathered_bytes = 0;
        let done = drawn.interpret(&whole, &self.fuel, &mut self.meter);
        if done < whole.len() {
            self.gather(whole.slice(done..));
        }
    }
}

impl Drawn {
    fn new(size: Size) -> Self {
        let (cols, rows) = (usize::from(size.cols.max(1)), usize::from(size.rows.max(1)));
        let scrollback = SCROLLBACK_LINES.min(CELLS_MAX / cols);
        let terminal = Terminal::with_scrollback(cols, rows, Some(scrollback))
            .unwrap_or_else(|_| unreachable!("both are at least one"));
        Self { terminal, modes: Modes::default(), partial: Vec::new() }
    }

    /// Returns how many bytes were interpreted, or need not be.
    fn interpret(&mut self, output: &[u8], fuel: &Fuel, meter: &mut Meter) -> usize {
        let before = output.len() - plain_tail(output);
        let done = self.interpret_all(&output[..before], fuel, meter);
        if done < before {
            return done;
        }
        let tail = &output[before..];
        let (cols, rows) = self.terminal.size();
        // The screen twice: the cursor may stand at the top of a full one, and goes down before anything scrolls.
        let skip = plain_text_to_skip(tail, cols, 2 * rows + SCROLLBACK_LINES);
        if skip.from < skip.to && self.partial.is_empty() && prints_plainly(&self.terminal) {
            let done = self.interpret_all(&tail[..skip.from], fuel, meter);
            if done < skip.from {
                return before + done;
            }
            before + skip.to + self.interpret_all(&tail[skip.to..], fuel, meter)
        } else {
            before + self.interpret_all(tail, fuel, meter)
        }
    }

    /// Returns how many bytes the fuel was enough for.
    fn interpret_all(&mut self, output: &[u8], fuel: &Fuel, meter: &mut Meter) -> usize {
        let (began, ran) = (Instant::now(), thread_time());
        let mut done = 0;
        for slice in output.chunks(SLICE_BYTES) {
            if fuel.burn(meter, || self.interpret_slice(slice)).is_none() {
                break;
            }
            done += slice.len();
        }
        // On a busy machine the worker stood still meanwhile, and nobody need pay for that.
        fuel.refund(meter, began.elapsed().saturating_sub(thread_time().saturating_sub(ran)));
        done
    }

    fn feed(&mut self, text: &str) {
        self.modes.feed(text);
        self.terminal.feed(text);
    }

    fn interpret_slice(&mut self, output: &[u8]) {
        let size = self.terminal.size();
        let joined;
        let mut rest = if self.partial.is_empty() {
            output
        } else {
            self.partial.extend_from_slice(output);
            joined = std::mem::take(&mut self.partial);
            &joined
        };
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.feed(text);
                    break;
                }
                Err(error) => {
                    let (valid, broken) = rest.split_at(error.valid_up_to());
                    if let Ok(text) = std::str::from_utf8(valid) {
                        self.feed(text);
                    }
                    match error.error_len() {
                        Some(length) => {
                            self.feed("\u{fffd}");
                            rest = &broken[length..];
                        }
                        None => {
                            self.partial = broken.to_vec();
                            break;
                        }
                    }
                }
            }
        }
        // A program may ask for another size (XTWINOPS); browsers refuse, so the model does too.
        if self.terminal.size() != size {
            self.terminal.resize(size.0, size.1);
        }
    }
}

/// Whether plain text does nothing but print and scroll the whole screen: no sequence has begun, no mode, margin or
/// charset changes what text does. Read off the dump, which is `avt`'s own account of its state and the only one
/// that also knows what a restored cursor or a reset brought back. Saying no too often only costs time.
fn prints_plainly(terminal: &Terminal) -> bool {
    if terminal.active_screen_kind() != ScreenKind::Primary {
        return false;
    }
    let dump = terminal.dump();
    // A drawing charset in use, or a sequence that began with a C1 control; cells never hold such characters.
    if dump.contains(|c: char| c == '\x0e' || ('\u{80}'..='\u{9f}').contains(&c)) {
        return false;
    }
    dump.split('\x1b').skip(1).all(|sequence| {
        let Some(parameters) = sequence.strip_prefix('[') else {
            // ESC alone, ESC with what has no end yet, and the drawing charset.
            let unfinished = sequence.bytes().all(|byte| (0x20..0x30).contains(&byte));
            return !unfinished && !sequence.starts_with("(0") && !sequence.starts_with(")0");
        };
        match parameters.split_once(|c: char| ('@'..='~').contains(&c)) {
            None => false,
            Some((numbers, _)) => !matches!(
                (numbers, parameters.as_bytes().get(numbers.len())),
                (_, Some(b'r')) | ("4" | "?6", Some(b'h')) | ("?7", Some(b'l'))
            ),
        }
    })
}

/// How long this thread has run so far.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Where after a cut interpreting is taken up again: at a line's end or a sequence's beginning if one is near, so that
/// no half sequence is printed.
fn resumes_at(rest: &[u8]) -> usize {
    let near = &rest[..rest.len().min(RESUMES_WITHIN)];
    let is_beginning = |byte: &u8| matches!(byte, 0x1b | b'\r' | b'\n');
    near.iter()
        .position(is_beginning)
        .unwrap_or_else(|| near.iter().position(|byte| byte & 0xc0 != 0x80).unwrap_or_default())
}

/// How many bytes at the end are printable ASCII, carriage returns and line feeds.
fn plain_tail(output: &[u8]) -> usize {
    let is_plain = |byte: &u8| (0x20..0x7f).contains(byte) || matches!(byte, b'\r' | b'\n');
    output.iter().rev().take_while(|byte| is_plain(byte)).count()
}

/// A range of plain text without which the screen becomes the same.
#[derive(Debug, PartialEq, Eq)]
struct Skip {
    from: usize,
    to: usize,
}

/// Which part of plain text need not be interpreted, because `lines` lines (screens and scrollback)
/// follow it and push everything out that it drew. Exact where the cursor is in the same column before
/// and after the skipped part, which holds in two cases: what is kept begins behind a `\r\n`; or the
/// text is one run without line ends, of which whole lines of `cols` cells are skipped. Needs a terminal
/// on its primary screen with full margins, automatic wrap and no insert mode.
fn plain_text_to_skip(text: &[u8], cols: usize, lines: usize) -> Skip {
    let nothing = Skip { from: 0, to: 0 };
    let run = text.iter().rev().take_while(|byte| **byte >= 0x20).count();
    let needed = (lines + 1) * cols;
    if run > needed + cols {
        let from = text.len() - run;
        return Skip { from, to: from + (run - needed) / cols * cols };
    }
    let mut line_feeds = 0;
    for (at, byte) in text.iter().enumerate().rev() {
        if *byte == b'\n' {
            // The line feed which ends the skipped part is itself skipped: the column is 0 only if a
            // carriage return came right before it, and interpreting both again costs nothing.
            if line_feeds >= lines && at > 0 && text[at - 1] == b'\r' {
                return Skip { from: 0, to: at - 1 };
            }
            line_feeds += 1;
        }
    }
    nothing
}

#[cfg(test)]
mod tests;
