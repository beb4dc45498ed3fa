//! From the terminal's state to the bytes which draw it.

use super::modes::Modes;
use avt::{Color, Line, Pen, ScreenKind, Terminal};
use std::fmt::Write as _;

/// The modes, scrollback as far as `budget` bytes reach, then the screen.
pub(super) fn picture(terminal: &Terminal, modes: &Modes, budget: usize) -> String {
    let (_, rows) = terminal.size();
    // The modes come first: a sequence that has begun stands at the end of the dump, for what follows to end it.
    let mut picture = modes.restore();
    // While a full-screen program runs, what scrolled away before it is drawn below it all the same.
    let primary = terminal.primary_screen();
    let history: Vec<&Line> = primary.all_lines().collect();
    let history = &history[..history.len().saturating_sub(rows)];
    let lines = lines_within(history, budget);
    if !lines.is_empty() {
        for line in &lines {
            picture.push_str(line);
        }
        // Push the last of them out of the screen that is drawn next.
        for _ in 1..rows {
            picture.push('\n');
        }
        picture.push_str("\x1b[H");
    }
    push_without_blank_ends(&mut picture, &terminal.dump());
    if terminal.active_screen_kind() == ScreenKind::Alternate {
        // The dump enters with mode 1047; xterm.js takes it the same way.
        debug_assert!(picture.contains("1047"));
    }
    picture
}

/// The dump writes each line to its last column. Blanks that were never written would be text to the browser, which
/// breaks it into further lines when its window becomes narrower. Only behind a reset of the pen: other blanks may be
/// coloured.
fn push_without_blank_ends(picture: &mut String, dump: &str) {
    let mut is_plain = true;
    for line in dump.split_inclusive("\r\n") {
        let Some(mut text) = line.strip_suffix("\r\n") else {
            picture.push_str(line);
            continue;
        };
        for sequence in text.split("\x1b[").skip(1) {
            if let Some((parameters, _)) = sequence.split_once('m')
                && parameters
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':'))
            {
                is_plain = matches!(parameters, "" | "0");
            }
        }
        if is_plain {
            text = text.trim_end_matches(' ');
            // A longer run is one blank and how often to repeat it.
            if let Some((before, repeats)) = text.rsplit_once(" \x1b[")
                && let Some(count) = repeats.strip_suffix('b')
                && count.bytes().all(|byte| byte.is_ascii_digit())
            {
                text = before.trim_end_matches(' ');
            }
        }
        picture.push_str(text);
        picture.push_str("\r\n");
    }
}

fn lines_within(history: &[&Line], budget: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut bytes = 0;
    for line in history.iter().rev() {
        let drawn = draw_line(line);
        bytes += drawn.len();
        if bytes > budget {
            break;
        }
        lines.push(drawn);
    }
    lines.reverse();
    lines
}

fn draw_line(line: &Line) -> String {
    let mut drawn = String::new();
    let mut pen = Pen::default();
    let cells: Vec<_> = line.chunks(|one, other| one.pen() != other.pen()).collect();
    let count = cells.len();
    for (at, cells) in cells.into_iter().enumerate() {
        let Some(first) = cells.first() else { continue };
        let text: String = cells.iter().map(avt::Cell::char).collect();
        let is_blank_end = at + 1 == count && first.pen().is_default() && !line.is_wrapped();
        let text = if is_blank_end { text.trim_end_matches(' ') } else { &text };
        if text.is_empty() {
            continue;
        }
        if *first.pen() != pen {
            pen = *first.pen();
            select(&mut drawn, &pen);
        }
        drawn.push_str(text);
    }
    if !pen.is_default() {
        drawn.push_str("\x1b[m");
    }
    if !line.is_wrapped() {
        drawn.push_str("\r\n");
    }
    drawn
}

/// SGR (ECMA-48 8.3.117) from scratch: reset, then what the pen has.
fn select(out: &mut String, pen: &Pen) {
    out.push_str("\x1b[0");
    for (is_on, code) in [
        (pen.is_bold(), "1"),
        (pen.is_faint(), "2"),
        (pen.is_italic(), "3"),
        (pen.is_underline(), "4"),
        (pen.is_blink(), "5"),
        (pen.is_inverse(), "7"),
        (pen.is_strikethrough(), "9"),
    ] {
        if is_on {
            out.push(';');
            out.push_str(code);
        }
    }
    for (color, base) in [(pen.foreground(), 38), (pen.background(), 48)] {
        // Writing into a String cannot fail.
        let _ = match color {
            Some(Color::Indexed(index)) => write!(out, ";{base};5;{index}"),
            Some(Color::RGB(rgb)) => write!(out, ";{base};2;{};{};{}", rgb.r, rgb.g, rgb.b),
            None => Ok(()),
        };
    }
    out.push('m');
}
