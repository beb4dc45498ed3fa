//! The modes of a terminal that `avt` does not keep, read off the output: mouse, bracketed paste, focus
//! and the like, which a picture must restore.
//! Where a control sequence begins and ends is asked of `avt`'s own parser, so that both always agree.
//!
//! Hostile input: a control sequence is looked at up to 64 bytes; a longer one is let go.

use avt::parser::{Function, Parser, State};

/// Private modes (CSI ? n h) that a picture restores; the rest of them `avt` keeps or nobody uses.
/// 9, 1000 to 1003: mouse; 1004: focus; 1005, 1006, 1015, 1016: its encodings; 2004: bracketed paste;
/// 12: blinking cursor; 66: keypad.
const RESTORED: [u16; 12] = [9, 12, 66, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1016, 2004];
const SEQUENCE_BYTES_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Modes {
    on: u16,
    parser: Parser,
    sequence: String,
}

impl Modes {
    /// The sequences that set the modes on a terminal that was just reset.
    pub(super) fn restore(&self) -> String {
        RESTORED
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.on & (1 << bit) != 0)
            .map(|(_, mode)| format!("\x1b[?{mode}h"))
            .collect()
    }

    pub(super) fn feed(&mut self, mut text: &str) {
        loop {
            if self.parser.state == State::Ground {
                // Nearly all output is text: leap over it, to ESC or to what may be one of the controls U+0080
                // to U+009F, all of which begin with the byte C2.
                let Some(at) = text.bytes().position(|byte| matches!(byte, 0x1b | 0xc2)) else {
                    return;
                };
                text = &text[at..];
            }
            let mut characters = text.chars();
            let Some(character) = characters.next() else { return };
            text = characters.as_str();
            self.step(character);
        }
    }

    fn step(&mut self, character: char) {
        let before = self.parser.state;
        let function = self.parser.feed(character);
        match (before, self.parser.state) {
            (State::CsiEntry | State::CsiParam, State::Ground) => match character {
                'h' => self.set(true),
                'l' => self.set(false),
                _ => {}
            },
            // The second CSI of two in a row begins anew.
            (_, State::CsiEntry) if !character.is_ascii_control() => self.sequence.clear(),
            (State::CsiEntry | State::CsiParam, State::CsiParam)
                if matches!(character, '0'..='?') && self.sequence.len() <= SEQUENCE_BYTES_MAX =>
            {
                self.sequence.push(character);
            }
            _ => {}
        }
        if matches!(function, Some(Function::Ris)) {
            self.on = 0;
        }
    }

    fn set(&mut self, on: bool) {
        if self.sequence.len() > SEQUENCE_BYTES_MAX {
            return;
        }
        let Some(numbers) = self.sequence.strip_prefix('?') else { return };
        for mode in numbers.split(';').filter_map(|number| number.parse::<u16>().ok()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn after(output: &str) -> Modes {
        let mut modes = Modes::default();
        let mut rest = output;
        while let Some(character) = rest.chars().next() {
            let (piece, after) = rest.split_at(character.len_utf8());
            modes.feed(piece);
            rest = after;
        }
        let mut whole = Modes::default();
        whole.feed(output);
        assert_eq!(modes.restore(), whole.restore(), "{output:?}");
        modes
    }

    #[test]
    fn modes_are_set_and_cleared_wherever_the_output_is_cut() {
        let modes = after("\x1b[?2004h\x1b[?1002;1006hx\x1b[?1002l\x1b]0;[?1004h\x07");
        assert_eq!(modes.restore(), "\x1b[?1006h\x1b[?2004h");
        assert_eq!(after("\x1b[?2004h\x1bc").restore(), "");
    }

    #[test]
    fn a_sequence_is_one_where_the_emulation_takes_it_for_one() {
        for (output, restored) in [
            // C1 in place of ESC [, which xterm.js takes too.
            ("\u{9b}?2004h", "\x1b[?2004h"),
            ("\u{9b}\u{9b}?2004h", "\x1b[?2004h"),
            // A line feed in the middle is a line feed; CAN and ESC give the sequence up.
            ("\x1b[?20\n04h", "\x1b[?2004h"),
            ("\x1b[?20\x1804h", ""),
            ("\x1b[?2004\x1b[h", ""),
            ("\x1b[?2004$h", ""),
            ("\x1b[2004h", ""),
            ("\x1bP\x1b[?2004h", "\x1b[?2004h"),
            ("\x1bP[?2004h\x07", ""),
        ] {
            assert_eq!(after(output).restore(), restored, "{output:?}");
        }
        let long = format!("\x1b[?{}2004h", "1;".repeat(40));
        assert_eq!(after(&long).restore(), "");
    }
}
