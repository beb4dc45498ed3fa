//! A picture redraws the same screen; skipping plain text changes nothing; hostile bytes break nothing.

use super::*;
use proptest::prelude::*;

fn size(cols: u16, rows: u16) -> Size {
    Size::new(cols, rows).unwrap()
}

fn plenty() -> Arc<Fuel> {
    Arc::new(Fuel::endless())
}

/// What a terminal shows after `output`, fed to `avt` directly.
fn shown(size: Size, output: &str) -> (Vec<String>, String) {
    let mut terminal =
        Terminal::with_scrollback(size.cols.into(), size.rows.into(), Some(SCROLLBACK_LINES))
            .unwrap();
    terminal.feed(output);
    let lines = terminal.primary_screen().text().iter().map(|l| l.trim_end().to_owned()).collect();
    (lines, terminal.dump())
}

fn screen_of(size: Size, output: &[u8]) -> Screen {
    let mut screen = Screen::new(size, plenty());
    for piece in output.chunks(1000) {
        screen.feed(Bytes::copy_from_slice(piece));
    }
    screen
}

#[test]
fn a_quiet_terminal_is_kept_as_its_bytes() {
    let mut screen = screen_of(Size::default(), b"\x1b[32m$\x1b[m ls\r\n");
    assert_eq!(screen.picture(0).unwrap(), "\x1b[32m$\x1b[m ls\r\n");
}

#[test]
fn a_picture_draws_screen_scrollback_colours_and_modes() {
    let size = size(20, 5);
    let mut output = String::from("\x1b[?2004h");
    for n in 0..2000 {
        output.push_str(&format!("\x1b[3{}mline {n}\x1b[m 한글 😀\r\n", n % 8));
    }
    output.push_str("\x1b[1;4munder\x1b[m $ ");
    let mut screen = screen_of(size, output.as_bytes());
    let picture = screen.picture(usize::MAX).unwrap();
    assert!(picture.starts_with("\x1b[?2004h"));
    assert_eq!(shown(size, &picture), shown(size, &output));
    let short = screen.picture(200).unwrap();
    assert!(short.len() < picture.len() / 10);
    assert_eq!(shown(size, &short).1, shown(size, &output).1);
}

#[test]
fn a_full_screen_program_is_drawn_with_what_lies_below_it() {
    let size = size(30, 6);
    let mut output = "history\r\n".repeat(1200);
    output.push_str("$ vim\x1b[?1049h\x1b[H~ 파일\x1b[6;1H-- INSERT --");
    let picture = screen_of(size, output.as_bytes()).picture(usize::MAX).unwrap();
    assert_eq!(shown(size, &picture), shown(size, &output));
}

#[test]
fn a_scrollback_above_a_cleared_screen_stays_above_it() {
    let size = size(10, 6);
    let mut output = "old\r\n".repeat(3000);
    output.push_str("\x1b[H\x1b[2Jnew");
    let picture = screen_of(size, output.as_bytes()).picture(usize::MAX).unwrap();
    assert_eq!(shown(size, &picture).1, shown(size, &output).1);
}

#[test]
fn characters_cut_in_two_are_whole_again() {
    let size = Size::default();
    let text = "한글 😀 ".repeat(3000);
    let mut screen = Screen::new(size, plenty());
    for byte in text.as_bytes().chunks(7) {
        screen.feed(Bytes::copy_from_slice(byte));
    }
    let picture = screen.picture(0).unwrap();
    assert!(!picture.contains('\u{fffd}'));
    assert_eq!(shown(size, &picture).1, shown(size, &text).1);
}

#[test]
fn a_program_that_asks_for_another_size_does_not_get_it() {
    let mut screen = screen_of(size(20, 5), &b"x".repeat(QUIET_MAX + 1));
    screen.feed(Bytes::from_static(b"\x1b[8;500;500t"));
    screen.settle();
    assert_eq!(screen.draw().terminal.size(), (20, 5));
}

#[test]
fn of_a_flood_of_plain_text_only_the_end_is_interpreted() {
    let lines = b"some words\r\n".repeat(40_000);
    let skip = plain_text_to_skip(&lines, 80, 524);
    assert!(lines.len() - skip.to < 530 * 12, "{skip:?}");
    let run = vec![b'x'; 1_000_000];
    let skip = plain_text_to_skip(&run, 80, 524);
    assert!(run.len() - (skip.to - skip.from) < 527 * 80, "{skip:?}");
    assert_eq!((skip.to - skip.from) % 80, 0);
}

#[test]
fn what_asks_for_endless_work_is_not_done() {
    for burden in ["x\x1b[65535b", "\x1b[2J", "\x1bc", "\x1b[?1049h\x1b[?1049l", "\x1b[H\x1b[100L"]
    {
        let mut screen = Screen::new(size(1000, 200), Arc::new(Fuel::new()));
        let began = Instant::now();
        let flood = Bytes::from(burden.repeat(32 * 1024 / burden.len()));
        for _ in 0..32 {
            screen.feed(flood.clone());
        }
        let _ = screen.picture(10_000);
        // Not a measurement: done in full, it is minutes or hours of work.
        let took = began.elapsed();
        assert!(took < Duration::from_secs(10), "{burden:?}: {took:?}");
        // And it is a terminal as before when the fuel is back.
        // What waited is passed over, as by a flood, rather than interpreted.
        screen.gathered.clear();
        screen.fuel = plenty();
        screen.feed(Bytes::from(format!("\x1b\\\x1bc{}still here", "\r\n".repeat(5000))));
        assert!(screen.picture(usize::MAX).unwrap().contains("still here"), "{burden:?}");
    }
}

/// Somebody with many terminals: one of them spent what there was.
#[test]
fn a_picture_waits_for_fuel_and_is_right_when_it_comes() {
    let size = size(20, 5);
    let output = format!("{}$ ", "\x1b[31mwords\x1b[m\r\n".repeat(3000));
    let fuel = Arc::new(Fuel::new());
    let mut screen = Screen::new(size, Arc::clone(&fuel));
    fuel.spend(Duration::from_secs(3600));
    for piece in output.as_bytes().chunks(1000) {
        screen.feed(Bytes::copy_from_slice(piece));
    }
    assert_eq!(screen.picture(usize::MAX), None);
    assert!(!screen.rest());
    screen.fuel = plenty();
    assert_eq!(shown(size, &screen.picture(usize::MAX).unwrap()), shown(size, &output));
}

#[test]
fn what_waits_for_fuel_is_bounded_and_the_newest_is_kept() {
    let fuel = Arc::new(Fuel::new());
    let mut screen = Screen::new(size(20, 5), Arc::clone(&fuel));
    fuel.spend(Duration::from_secs(3600));
    for n in 0..2000 {
        screen.feed(Bytes::from(format!("{}line {n}\r\n", "\x1b[mx".repeat(300))));
        assert!(screen.gathered_bytes <= GATHERED_MAX);
        assert!(screen.gathered.iter().map(Bytes::len).sum::<usize>() <= GATHERED_MAX);
    }
    screen.fuel = plenty();
    assert!(screen.picture(usize::MAX).unwrap().contains("line 1999"));
}

#[test]
fn a_picture_in_a_hurry_has_the_newest_and_the_modes() {
    let fuel = Arc::new(Fuel::new());
    let mut screen = Screen::new(size(80, 24), Arc::clone(&fuel));
    screen.feed(Bytes::from("\x1b[?1000hx".repeat(2000)));
    fuel.spend(Duration::from_millis(80));
    screen.feed(Bytes::from(format!("{}\x1b[?2004h\x1b[3", "\x1bc".repeat(20_000))));
    screen.feed(Bytes::from(format!("{}$ ", "words\r\n".repeat(100))));
    assert_eq!(screen.picture(0), None);
    assert!(screen.hurry());
    let picture = screen.picture(0).unwrap();
    assert!(picture.contains("words") && picture.contains("$ "), "{picture:?}");
    assert!(picture.contains("\x1b[?2004h"), "{picture:?}");
    assert!(screen.gathered.is_empty() && screen.gathered_bytes == 0);
    // Nothing is left to take on credit.
    fuel.spend(Duration::from_secs(3600));
    screen.feed(Bytes::from("y".repeat(100)));
    assert!(!screen.hurry());
}

#[test]
fn a_hurry_is_paid_for_slice_by_slice() {
    let fuel = Arc::new(Fuel::new());
    let mut screen = Screen::new(size(500, 200), Arc::clone(&fuel));
    screen.feed(Bytes::from("words\r\n".repeat(2000)));
    screen.fuel = plenty();
    assert!(screen.picture(0).is_some());
    screen.fuel = Arc::clone(&fuel);
    // On a slow machine that alone makes it a hungry one.
    screen.meter = Meter::new();
    screen.feed(Bytes::from("\x1bc".repeat(NEWEST_BYTES / 2)));
    // A millisecond may still be owed, and each slice takes longer.
    fuel.spend(
        Duration::from_nanos(2 * fuel::SAVED_MAX_NS.unsigned_abs()) - Duration::from_millis(1),
    );
    assert!(!screen.hurry());
    let left: usize = screen.gathered.iter().map(Bytes::len).sum();
    assert!(0 < left && left < NEWEST_BYTES, "{left}");
    screen.fuel = plenty();
    assert!(screen.hurry() && screen.gathered.is_empty());
}

#[test]
fn a_size_that_is_not_paid_for_waits_and_the_picture_with_it() {
    let fuel = Arc::new(Fuel::new());
    let mut screen = Screen::new(size(20, 5), Arc::clone(&fuel));
    screen.feed(Bytes::from("words\r\n".repeat(2000)));
    screen.fuel = plenty();
    assert!(screen.picture(0).is_some());
    screen.fuel = Arc::clone(&fuel);
    fuel.spend(Duration::from_secs(3600));
    screen.resize(size(40, 10));
    assert_eq!(screen.picture(0), None);
    assert_eq!(screen.size, size(20, 5));
    screen.fuel = plenty();
    let output = format!("{}last", "words\r\n".repeat(20));
    screen.feed(Bytes::from(output.clone()));
    assert_eq!(shown(size(40, 10), &screen.picture(0).unwrap()).1, shown(size(40, 10), &output).1);
}

#[test]
fn what_is_cut_is_taken_up_where_a_line_or_a_sequence_begins() {
    for (rest, at) in [
        (&b"8;5mred\x1b[mplain"[..], 7),
        (b"half a line\r\nwhole", 11),
        (b"\x80\x80plain", 2),
        (b"plain", 0),
        (b"", 0),
    ] {
        assert_eq!(resumes_at(rest), at, "{}", String::from_utf8_lossy(rest));
    }
}

#[test]
fn lines_of_a_picture_end_where_their_text_does() {
    let size = size(60, 8);
    let output = format!("{}\x1b[41mred   \x1b[m\r\nlast", "words\r\n".repeat(3000));
    let picture = screen_of(size, output.as_bytes()).picture(0).unwrap();
    assert!(picture.contains("words\r\n"), "{picture:?}");
    assert_eq!(shown(size, &picture).1, shown(size, &output).1);
}

#[test]
fn text_is_skipped_only_where_the_emulation_prints_it_plainly() {
    for (output, plainly) in [
        ("\x1b[31mred", true),
        ("\x1b[2;10r", false),
        ("\x1b[2;10r\x1b[r", true),
        ("\x1b[1;24r", true),
        ("\x1b[1;23r", false),
        // Refused margins leave those there are.
        ("\x1b[2;10r\x1b[9;3r", false),
        ("\x1b[4h", false),
        ("\u{9b}4h", false),
        ("\x1b[4\x18h", true),
        ("\x1b[4h\x1b[4l", true),
        ("\x1b[?7l", false),
        ("\x1b[?6h", false),
        // A restored cursor brings its wrap mode back.
        ("\x1b[?7l\x1b7\x1b[?7h\x1b8", false),
        ("\x1b(0", false),
        ("\x1b(0\x1b(B", true),
        ("\x1b)0\x0e", false),
        ("\x1b", false),
        ("\x1b(", false),
        ("\x1b[", false),
        ("\x1b[3", false),
        ("\x1b]0;title", false),
        ("\x1bP", false),
        ("\x1b]0;title\x1b\\", true),
        ("\x1b[?1049h", false),
    ] {
        let mut drawn = Drawn::new(size(80, 24));
        drawn.interpret_all(output.as_bytes(), &plenty(), &mut Meter::new());
        assert_eq!(prints_plainly(&drawn.terminal), plainly, "{output:?}");
    }
}

#[test]
fn text_is_skipped_only_once_it_has_pushed_out_a_full_screen_below_the_cursor() {
    let size = size(20, 6);
    // DECALN fills the screen and leaves the cursor at its top.
    let output = format!("\x1b#8{}", "words\r\n".repeat(4000));
    let mut skipping = Drawn::new(size);
    skipping.interpret(output.as_bytes(), &plenty(), &mut Meter::new());
    let text = skipping.terminal.primary_screen().text();
    assert!(text.iter().all(|line| !line.contains('E')), "{text:?}");
}

#[test]
fn a_sequence_that_has_begun_is_ended_by_what_follows_a_picture() {
    let size = size(20, 5);
    let output = format!("\x1b[?1000h{}\x1b[38;5", "words\r\n".repeat(2000));
    let picture = screen_of(size, output.as_bytes()).picture(usize::MAX).unwrap();
    assert_eq!(shown(size, &format!("{picture};9mred")), shown(size, &format!("{output};9mred")));
}

#[test]
fn a_screen_whose_bytes_would_take_more_than_its_grid_stays_one() {
    for (colourful, rests) in [(false, true), (true, false)] {
        let cell = |at: usize| match colourful {
            true => format!("\x1b[38;2;{};7;1;48;2;9;{};9mx", at % 251, at % 241),
            false => "x".to_owned(),
        };
        let output: String = (0..50_000).map(cell).collect();
        let mut screen = screen_of(size(500, 100), output.as_bytes());
        let before = screen.picture(usize::MAX).unwrap();
        assert!(screen.rest());
        assert_eq!(matches!(screen.stage, Stage::Quiet(_)), rests, "{} bytes", before.len());
        assert_eq!(screen.picture(usize::MAX).unwrap(), before);
    }
}

#[test]
fn a_character_that_has_begun_survives_a_rest() {
    let (size, words) = (size(20, 5), "words\r\n".repeat(2000));
    let (begun, ended) = "한".as_bytes().split_at(2);
    let mut screen = screen_of(size, &[words.as_bytes(), begun].concat());
    assert!(screen.rest());
    screen.feed(Bytes::copy_from_slice(ended));
    assert_eq!(shown(size, &screen.picture(0).unwrap()).1, shown(size, &format!("{words}한")).1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// The same screen whether text is skipped or not, from any state that plain text can leave.
    #[test]
    fn skipping_is_exact(
        prefix in "(\x1b\\[[1-9];[1-9]H|\x1b\\[3[0-7]m|[a-z]{0,30}|\r\n|\x1b\\[2;3r|\x1b\\[r|\x1b\\[4h|\x1b\\[4l){0,8}",
        pieces in proptest::collection::vec(("[ -~]{0,40}", prop_oneof![Just("\r\n"), Just("\n"), Just("\r"), Just("")], 1usize..700), 1..6),
        cols in 2u16..40, rows in 2u16..12,
    ) {
        let size = size(cols, rows);
        let mut output = prefix;
        for (text, end, times) in pieces {
            output.push_str(&format!("{text}{end}").repeat(times));
        }
        let mut direct = Drawn::new(size);
        direct.interpret_all(output.as_bytes(), &plenty(), &mut Meter::new());
        let mut skipping = Drawn::new(size);
        skipping.interpret(output.as_bytes(), &plenty(), &mut Meter::new());
        prop_assert_eq!(direct.terminal.dump(), skipping.terminal.dump());
        prop_assert_eq!(direct.terminal.primary_screen().text(), skipping.terminal.primary_screen().text());
    }

    #[test]
    fn no_output_breaks_it(pieces in proptest::collection::vec(
        proptest::collection::vec(any::<u8>(), 0..3000), 0..8), cols in 1u16..100, rows in 1u16..50) {
        let mut screen = Screen::new(size(cols, rows), plenty());
        for piece in pieces {
            screen.feed(Bytes::from(piece));
            screen.resize(size(rows.max(1), cols.max(1)));
        }
        let _ = screen.picture(10_000);
    }
}
