//! The modes of a terminal that `avt` does not keep, read off the output: mouse, bracketed paste, focus
//! and the like, which a picture must restore; and those that make text other than plain.
//!
//! Hostile input: a control sequence is looked at up to 64 bytes; a longer one is let go.

/// Private modes (CSI ? n h) that a picture restores; the rest of them `avt` keeps or nobody uses.
/// 9, 1000 to 1003: mouse; 1004: focus; 1005, 1006, 1015, 1016: its encodings; 2004: bracketed paste;
/// 12: blinking cursor; 66: keypad.
const RESTORED: [u16; 12] = [9, 12, 66, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1016, 2004];
const SEQUENCE_BYTES_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Modes {
    on: u16,
    state: State,
    sequence: Vec<u8>,
    margins: Option<(usize, usize)>,
    /// Insert mode, origin mode, no wrap, a drawing charset: bits that must all be clear for plain text.
    odd: u8,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    Escape,
    Csi,
    /// OSC, DCS, APC, PM, SOS: until ST or BEL.
    Text,
    TextEscape,
    Charset,
}

const INSERT: u8 = 1;
const ORIGIN: u8 = 2;
const NO_WRAP: u8 = 4;
const CHARSET: u8 = 8;

impl Modes {
    /// Whether plain text does nothing but print and scroll the whole screen of `rows` rows.
    pub(super) fn is_plain(&self, rows: usize) -> bool {
        let full = self.margins.is_none_or(|(top, bottom)| top <= 1 && bottom >= rows);
        self.odd == 0 && full && self.state == State::Ground
    }

    /// The sequences that set the modes on a terminal that was just reset.
    pub(super) fn restore(&self) -> String {
        RESTORED
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.on & (1 << bit) != 0)
            .map(|(_, mode)| format!("\x1b[?{mode}h"))
            .collect()
    }

    pub(super) fn feed(&mut self, mut output: &[u8]) {
        loop {
            if self.state == State::Ground {
                // Nearly all output is text: leap over it.
                let Some(at) = output.iter().position(|byte| matches!(byte, 0x1b | 0x0e | 0x0f))
                else {
                    return;
                };
                output = &output[at..];
            }
            let Some((&byte, rest)) = output.split_first() else { return };
            output = rest;
            self.state = self.step(byte);
        }
    }

    fn step(&mut self, byte: u8) -> State {
        match (self.state, byte) {
            (State::TextEscape, b'\\') => State::Ground,
            (State::Text | State::TextEscape, 0x07 | 0x18 | 0x1a) => State::Ground,
            (State::Text, 0x1b) => State::TextEscape,
            (State::Text, _) => State::Text,
            (_, 0x1b) => State::Escape,
            (State::Ground, 0x0e) => {
                self.odd |= CHARSET;
                State::Ground
            }
            (State::Ground, 0x0f) => {
                self.odd &= !CHARSET;
                State::Ground
            }
            (State::Ground, _) => State::Ground,
            (State::Escape | State::TextEscape, b'[') => {
                self.sequence.clear();
                State::Csi
            }
            (State::Escape | State::TextEscape, b']' | b'P' | b'_' | b'^' | b'X') => State::Text,
            (State::Escape | State::TextEscape, b'(' | b')') => State::Charset,
            (State::Escape | State::TextEscape, b'c') => {
                *self = Self::default();
                State::Ground
            }
            (State::Escape | State::TextEscape, _) => State::Ground,
            (State::Charset, b'B') => {
                self.odd &= !CHARSET;
                State::Ground
            }
            (State::Charset, _) => {
                self.odd |= CHARSET;
                State::Ground
            }
            (State::Csi, 0x40..=0x7e) => {
                self.csi(byte);
                State::Ground
            }
            (State::Csi, _) if self.sequence.len() < SEQUENCE_BYTES_MAX => {
                self.sequence.push(byte);
                State::Csi
            }
            (State::Csi, _) => State::Csi,
        }
    }

    fn csi(&mut self, last: u8) {
        let sequence = std::mem::take(&mut self.sequence);
        let (is_private, numbers) = match sequence.split_first() {
            Some((b'?', numbers)) => (true, numbers),
            Some((b'!', _)) if last == b'p' => {
                // DECSTR: a soft reset.
                self.margins = None;
                self.odd = 0;
                return;
            }
            _ => (false, sequence.as_slice()),
        };
        let Ok(numbers) = std::str::from_utf8(numbers) else { return };
        let mut numbers = numbers.split(';').map(|number| number.parse::<u16>().unwrap_or(0));
        match (is_private, last) {
            (true, b'h' | b'l') => {
                for mode in numbers {
                    self.set_private(mode, last == b'h');
                }
            }
            (false, b'h' | b'l') => {
                for _ in numbers.filter(|mode| *mode == 4) {
                    self.set_odd(INSERT, last == b'h');
                }
            }
            (false, b'r') => {
                let top = usize::from(numbers.next().unwrap_or(0));
                let bottom = usize::from(numbers.next().unwrap_or(0));
                self.margins = (top > 1 || bottom > 0)
                    .then_some((top, if bottom == 0 { usize::MAX } else { bottom }));
            }
            _ => {}
        }
    }

    fn set_private(&mut self, mode: u16, on: bool) {
        match mode {
            6 => self.set_odd(ORIGIN, on),
            7 => self.set_odd(NO_WRAP, !on),
            _ => {
                if let Some(bit) = RESTORED.iter().position(|restored| *restored == mode) {
                    if on {
                        self.on |= 1 << bit;
                    } else {
                        self.on &= !(1 << bit);
                    }
                }
            }
        }
    }

    fn set_odd(&mut self, bit: u8, on: bool) {
        if on {
            self.odd |= bit;
        } else {
            self.odd &= !bit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(output: &str) -> Modes {
        let mut modes = Modes::default();
        for byte in output.as_bytes() {
            modes.feed(&[*byte]);
        }
        modes
    }

    #[test]
    fn modes_are_set_and_cleared_wherever_the_output_is_cut() {
        let modes = after("\x1b[?2004h\x1b[?1002;1006hx\x1b[?1002l\x1b]0;[?1004h\x07");
        assert_eq!(modes.restore(), "\x1b[?1006h\x1b[?2004h");
        assert_eq!(after("\x1b[?2004h\x1bc").restore(), "");
    }

    #[test]
    fn plain_means_nothing_but_text_and_scrolling() {
        for (output, plain) in [
            ("\x1b[31mred", true),
            ("\x1b[2;10r", false),
            ("\x1b[2;10r\x1b[r", true),
            ("\x1b[1;24r", true),
            ("\x1b[1;23r", false),
            ("\x1b[4h", false),
            ("\x1b[4h\x1b[4l", true),
            ("\x1b[?7l", false),
            ("\x1b(0", false),
            ("\x1b(0\x1b(B", true),
            ("\x0e", false),
            ("\x1b[3", false),
            ("\x1b]0;title", false),
            ("\x1b]0;title\x1b\\", true),
        ] {
            assert_eq!(after(output).is_plain(24), plain, "{output:?}");
        }
    }
}
