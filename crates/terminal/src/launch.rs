//! How the person's process is started in the container, and how the hub learns its process id.
//! Nobody hangs up on a process whose exec was cut: it stays in the Pod for good. So a line of shell
//! starts it, tells its pid in an escape sequence that no terminal shows, and `guardian` ends it.
//!
//! Hostile input: the container may print what it likes. The marker is taken only as the very first
//! output and only in its exact form; what looks like it later is output like any other.

use model::Process;

/// APC (ECMA-48 8.3.2) with our name; terminals ignore it, and we take it out.
const MARKER_START: &[u8] = b"\x1b_sallyport;";
const MARKER_END: &[u8] = b"\x1b\\";
/// A pid has at most seven digits on Linux (PID_MAX_LIMIT is 2^22).
const PID_DIGITS_MAX: usize = 7;
const MARKER_BYTES_MAX: usize = MARKER_START.len() + PID_DIGITS_MAX + MARKER_END.len();

/// Tells the pid, sets what a terminal program looks for, and becomes the command, or the best shell.
const SCRIPT_TTY: &str = r#"printf '\033_sallyport;%s\033\\' "$$"
export TERM=xterm-256color COLORTERM=truecolor LANG="${LANG:-C.UTF-8}"
[ $# -gt 0 ] && exec "$@"
for shell in bash zsh ash; do command -v "$shell" >/dev/null 2>&1 && exec "$shell" -l; done
exec sh -l"#;
const SCRIPT_STREAM: &str = r#"printf '\033_sallyport;%s\033\\' "$$"
[ $# -gt 0 ] && exec "$@"
exec sh"#;

/// The process as it is started: `sh` with the script and the person's command as arguments.
pub(crate) fn wrapped(process: &Process) -> Process {
    let script = if process.tty { SCRIPT_TTY } else { SCRIPT_STREAM };
    let mut command: Vec<String> =
        ["sh", "-c", script, "sallyport"].map(str::to_owned).into_iter().collect();
    command.extend(process.command.iter().cloned());
    Process { tty: process.tty, command }
}

/// Whether the runtime's words mean that the container has no `sh`.
pub(crate) fn is_missing_shell(words: &str) -> bool {
    let program_is_sh = words.contains("\"sh\"") || words.contains("exec: sh");
    program_is_sh
        && (words.contains("executable file not found")
            || words.contains("no such file or directory"))
}

/// Takes the marker out of the first output. Done with once it has answered anything but [`Filtered::More`].
#[derive(Debug, Default)]
pub(crate) struct MarkerFilter {
    seen: Vec<u8>,
}

/// What the filter makes of a piece of output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Filtered {
    /// Nothing can be told yet; nothing is to be shown.
    More,
    /// The marker has been read: the pid, and the output that followed it.
    Leader(u32, Vec<u8>),
    /// There is no marker; everything so far is output.
    Plain(Vec<u8>),
}

impl MarkerFilter {
    /// Looks at the next piece of output, channel byte removed.
    pub(crate) fn push(&mut self, output: &[u8]) -> Filtered {
        let seen = &mut self.seen;
        seen.extend_from_slice(output);
        let begins_so = seen.iter().zip(MARKER_START).all(|(a, b)| a == b);
        if begins_so && seen.len() < MARKER_START.len() {
            return Filtered::More;
        }
        if begins_so {
            let rest = &seen[MARKER_START.len()..];
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let after = &rest[digits..];
            let is_whole = after.starts_with(MARKER_END);
            if (1..=PID_DIGITS_MAX).contains(&digits) && is_whole {
                let pid = std::str::from_utf8(&rest[..digits]).ok().and_then(|d| d.parse().ok());
                if let Some(pid) = pid.filter(|pid| *pid > 0) {
                    return Filtered::Leader(pid, after[MARKER_END.len()..].to_vec());
                }
            } else if (after.is_empty() || digits > 0)
                && MARKER_END.starts_with(after)
                && seen.len() < MARKER_BYTES_MAX
            {
                return Filtered::More;
            }
        }
        Filtered::Plain(std::mem::take(seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_marker_is_read_wherever_it_is_cut() {
        let whole = b"\x1b_sallyport;4711\x1b\\root@web:/# ";
        for cut in 0..whole.len() {
            let mut filter = MarkerFilter::default();
            let mut shown = Vec::new();
            let mut pid = None;
            for piece in [&whole[..cut], &whole[cut..]] {
                if pid.is_some() {
                    shown.extend_from_slice(piece);
                    continue;
                }
                match filter.push(piece) {
                    Filtered::More => {}
                    Filtered::Leader(leader, rest) => {
                        pid = Some(leader);
                        shown.extend(rest);
                    }
                    Filtered::Plain(output) => panic!("cut at {cut}: {output:?}"),
                }
            }
            assert_eq!((pid, shown.as_slice()), (Some(4711), &b"root@web:/# "[..]), "cut at {cut}");
        }
    }

    #[test]
    fn anything_else_is_output() {
        for plain in [
            &b"hello"[..],
            b"\x1b[31mred",
            b"\x1b_sallyport;\x1b\\",
            b"\x1b_sallyport;12x",
            b"\x1b_sallyport;0\x1b\\",
            b"\x1b_sallyport;99999999999\x1b\\",
            b"\x1b_sallyport;00000004711\x1b\\",
        ] {
            let mut filter = MarkerFilter::default();
            assert_eq!(filter.push(plain), Filtered::Plain(plain.to_vec()));
        }
    }

    #[test]
    fn the_command_is_handed_on_as_arguments_and_never_as_shell_text() {
        let command = vec!["ls".to_owned(), "; rm -rf $HOME".to_owned()];
        let wrapped = wrapped(&Process { tty: false, command: command.clone() });
        assert_eq!(wrapped.command[..2], ["sh", "-c"]);
        assert_eq!(wrapped.command[4..], command);
    }

    proptest! {
        #[test]
        fn no_byte_of_plain_output_is_lost(pieces in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..8), 0..6)) {
            let mut filter = MarkerFilter::default();
            let mut shown = Vec::new();
            let mut held = 0;
            let mut done = false;
            for piece in &pieces {
                if done {
                    shown.extend_from_slice(piece);
                    continue;
                }
                match filter.push(piece) {
                    Filtered::More => held += piece.len(),
                    Filtered::Plain(output) => { shown.extend(output); held = 0; done = true; }
                    Filtered::Leader(..) => return Ok(()),
                }
            }
            let all: Vec<u8> = pieces.concat();
            prop_assert_eq!(&all[..all.len() - held], &shown[..]);
        }
    }
}
