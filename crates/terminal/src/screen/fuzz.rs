//! A container's output against the screen kept on the hub, with `avt` fed directly as the measure.

use super::{Drawn, Fuel, Meter, SCROLLBACK_LINES, Screen, Size, Stage};
use avt::Terminal;
use bytes::Bytes;
use std::sync::Arc;

/// Two bytes of size, then output; bytes that no UTF-8 has are commands.
const CUT: u8 = 0xf8;
const RESIZE: u8 = 0xf9;
const REST: u8 = 0xfa;
/// The piece before it, again and again: floods are what is skipped.
const AGAIN: u8 = 0xfb;
const FLOOD_BYTES_MAX: usize = 48 * 1024;

/// Skipping text changes nothing; a picture draws the screen; putting it to rest loses nothing.
pub(crate) fn screen(data: &[u8]) {
    let Some((&[cols, rows], mut rest)) = data.split_first_chunk::<2>() else { return };
    let mut size = Size { cols: u16::from(cols % 48) + 1, rows: u16::from(rows % 12) + 1 };
    let (mut screen, mut direct) = (Screen::new(size, Arc::new(Fuel::endless())), Drawn::new(size));
    let mut skipping = Drawn::new(size);
    let mut piece: &[u8] = &[];
    let mut rested = false;
    for _ in 0..64 {
        let end = rest.iter().position(|byte| (CUT..=AGAIN).contains(byte)).unwrap_or(rest.len());
        let command;
        (piece, command) = if end > 0 {
            (&rest[..end], CUT)
        } else {
            (piece, rest.first().copied().unwrap_or(CUT))
        };
        if end > 0 {
            rest = &rest[end..];
            feed(piece, [&mut direct, &mut skipping], &mut screen);
            assert_same(&direct, &skipping, &mut screen);
            continue;
        }
        if rest.is_empty() {
            break;
        }
        rest = &rest[1..];
        match command {
            RESIZE => {
                let Some((&[cols, rows], after)) = rest.split_first_chunk::<2>() else { break };
                rest = after;
                size = Size { cols: u16::from(cols % 48) + 1, rows: u16::from(rows % 12) + 1 };
                for drawn in [&mut direct, &mut skipping] {
                    drawn.terminal.resize(size.cols.into(), size.rows.into());
                }
                screen.resize(size);
                // A line that was broken between scrollback and screen is two lines in a picture, so only a screen
                // that was never put to rest flows anew as the original does.
                if rested {
                    assert!(screen.picture(usize::MAX).is_some());
                    return;
                }
            }
            REST => {
                assert!(screen.rest());
                rested = true;
            }
            AGAIN if !piece.is_empty() => {
                let flood = piece.repeat(FLOOD_BYTES_MAX / piece.len());
                feed(&flood, [&mut direct, &mut skipping], &mut screen);
            }
            _ => {}
        }
        assert_same(&direct, &skipping, &mut screen);
    }
}

fn feed(output: &[u8], [direct, skipping]: [&mut Drawn; 2], screen: &mut Screen) {
    let fuel = Fuel::endless();
    direct.interpret_all(output, &fuel, &mut Meter::new());
    skipping.interpret(output, &fuel, &mut Meter::new());
    screen.feed(Bytes::copy_from_slice(output));
}

fn assert_same(direct: &Drawn, skipping: &Drawn, screen: &mut Screen) {
    let dump = direct.terminal.dump();
    assert_eq!(skipping.terminal.dump(), dump, "skipping changed the screen");
    let text = |drawn: &Drawn| drawn.terminal.primary_screen().text();
    assert_eq!(text(skipping), text(direct), "skipping changed the scrollback");
    assert_eq!(skipping.modes.restore(), direct.modes.restore());
    // The beginning of a character cannot be drawn; it is kept for what follows.
    if !direct.partial.is_empty() {
        return;
    }
    for budget in [0, 200, usize::MAX] {
        let Some(picture) = screen.picture(budget) else {
            panic!("endless fuel was not enough");
        };
        let (cols, rows) = direct.terminal.size();
        let Ok(mut fresh) = Terminal::with_scrollback(cols, rows, Some(SCROLLBACK_LINES)) else {
            return;
        };
        fresh.feed(&*picture);
        assert_eq!(fresh.dump(), dump, "{picture:?} draws another screen");
        if let Stage::Drawn(drawn) = &screen.stage {
            assert_eq!(drawn.modes.restore(), direct.modes.restore());
        }
    }
}
