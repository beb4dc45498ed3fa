//! The shell that the double plays: a line editor with five commands, without sockets and time.

/// What a terminal's line discipline takes at most.
const LINE_BYTES_MAX: usize = 4096;
const PROMPT: &[u8] = b"$ ";
const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;

/// What the session must do, after it has written what the shell said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Exit(i32),
    Flood { frame_bytes: usize, bytes_per_s: Option<u64> },
    Cut,
}

#[derive(Debug)]
pub(super) struct Shell {
    tty: bool,
    line: Vec<u8>,
    size: (u16, u16),
}

impl Shell {
    pub(super) fn new(tty: bool) -> Self {
        Self { tty, line: Vec::new(), size: (0, 0) }
    }

    /// The prompt, where somebody looks at it.
    pub(super) fn prompt(&self) -> &'static [u8] {
        if self.tty { PROMPT } else { b"" }
    }

    /// What a terminal shows when a program was interrupted.
    pub(super) fn interrupted(&mut self, out: &mut Vec<u8>) {
        self.line.clear();
        out.extend_from_slice(b"^C\r\n");
        out.extend_from_slice(self.prompt());
    }

    pub(super) fn resize(&mut self, cols: u16, rows: u16) {
        self.size = (cols, rows);
    }

    /// Takes input up to the first act; what follows it in the same frame is dropped, as type-ahead into
    /// a program that ends or reads nothing.
    pub(super) fn input(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Option<Act> {
        for &byte in bytes {
            let act = if self.tty { self.typed(byte, out) } else { self.read(byte, out) };
            if act.is_some() {
                return act;
            }
        }
        None
    }

    fn typed(&mut self, byte: u8, out: &mut Vec<u8>) -> Option<Act> {
        match byte {
            b'\r' | b'\n' => {
                out.extend_from_slice(b"\r\n");
                let act = self.command(out);
                if act.is_none() {
                    out.extend_from_slice(PROMPT);
                }
                return act;
            }
            CTRL_C => self.interrupted(out),
            CTRL_D if self.line.is_empty() => return Some(Act::Exit(0)),
            0x7f => {
                if self.line.pop().is_some() {
                    out.extend_from_slice(b"\x08 \x08");
                }
            }
            _ if self.line.len() < LINE_BYTES_MAX => {
                self.line.push(byte);
                out.push(byte);
            }
            _ => out.push(0x07),
        }
        None
    }

    fn read(&mut self, byte: u8, out: &mut Vec<u8>) -> Option<Act> {
        if byte == b'\n' {
            return self.command(out);
        }
        if self.line.len() < LINE_BYTES_MAX {
            self.line.push(byte);
        }
        None
    }

    fn command(&mut self, out: &mut Vec<u8>) -> Option<Act> {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        let mut words = line.split_whitespace();
        let end = if self.tty { "\r\n" } else { "\n" };
        let said = match words.next() {
            None => return None,
            Some("exit") => {
                return Some(Act::Exit(
                    words.next().and_then(|code| code.parse().ok()).unwrap_or(0),
                ));
            }
            Some("cut") => return Some(Act::Cut),
            Some("flood") => {
                let number = |word: Option<&str>| word.and_then(|word| word.parse::<u64>().ok());
                let frame_bytes = number(words.next()).unwrap_or(32 * 1024);
                return Some(Act::Flood {
                    frame_bytes: usize::try_from(frame_bytes).unwrap_or(usize::MAX),
                    bytes_per_s: number(words.next()),
                });
            }
            Some("echo") => line.trim_start().strip_prefix("echo").unwrap_or("").trim().to_owned(),
            Some("size") => format!("{} {}", self.size.1, self.size.0),
            Some(other) => format!("sh: {other}: not found"),
        };
        out.extend_from_slice(said.as_bytes());
        out.extend_from_slice(end.as_bytes());
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(shell: &mut Shell, input: &str) -> (String, Option<Act>) {
        let mut out = Vec::new();
        let act = shell.input(input.as_bytes(), &mut out);
        (String::from_utf8(out).unwrap(), act)
    }

    #[test]
    fn a_terminal_sees_its_typing_and_a_pipe_does_not() {
        let mut shell = Shell::new(true);
        assert_eq!(types(&mut shell, "echo 한글\r"), ("echo 한글\r\n한글\r\n$ ".to_owned(), None));
        assert_eq!(types(&mut shell, "x\x7f\x03"), ("x\x08 \x08^C\r\n$ ".to_owned(), None));
        shell.resize(80, 24);
        assert_eq!(types(&mut shell, "size\r").0, "size\r\n24 80\r\n$ ");
        assert_eq!(types(&mut shell, "exit 7\r"), ("exit 7\r\n".to_owned(), Some(Act::Exit(7))));
        assert_eq!(types(&mut shell, "\x04").1, Some(Act::Exit(0)));

        let mut pipe = Shell::new(false);
        assert_eq!(types(&mut pipe, "echo hi\nnope\n").0, "hi\nsh: nope: not found\n");
    }

    #[test]
    fn a_flood_is_told_its_size_and_rate() {
        let flood = |frame_bytes, bytes_per_s| Some(Act::Flood { frame_bytes, bytes_per_s });
        assert_eq!(types(&mut Shell::new(true), "flood\r").1, flood(32768, None));
        assert_eq!(types(&mut Shell::new(true), "flood 70 1000\r").1, flood(70, Some(1000)));
    }

    #[test]
    fn a_line_is_bounded() {
        let mut shell = Shell::new(true);
        types(&mut shell, &"x".repeat(LINE_BYTES_MAX));
        assert_eq!(types(&mut shell, "y").0, "\x07");
    }
}
