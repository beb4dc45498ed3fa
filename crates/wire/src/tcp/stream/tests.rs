use super::*;
use proptest::prelude::*;

#[derive(Debug, Default)]
struct Heard {
    bytes: Vec<u8>,
    gaps: u64,
    skipped: Tally,
}

impl Heard {
    fn push(&mut self, stream: &mut Stream, sequence: u32, payload: &[u8]) {
        let Self { bytes, gaps, skipped } = self;
        stream.push(sequence, payload, false, 0, skipped, &mut |delivery| match delivery {
            Delivery::Data(data, _) => bytes.extend_from_slice(data),
            Delivery::Gap(lost) => {
                *gaps += lost;
                bytes.resize(bytes.len() + usize::try_from(lost).unwrap(), b'?');
            }
        });
    }

    fn finish(&mut self, stream: &mut Stream) {
        let Self { bytes, gaps, .. } = self;
        stream.finish(&mut |delivery| match delivery {
            Delivery::Data(data, _) => bytes.extend_from_slice(data),
            Delivery::Gap(lost) => {
                *gaps += lost;
                bytes.resize(bytes.len() + usize::try_from(lost).unwrap(), b'?');
            }
        });
    }
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|place| b'a' + u8::try_from(place % 26).unwrap()).collect()
}

#[test]
fn a_hole_that_the_peer_has_got_is_given_up_after_some_patience() {
    let mut stream = Stream::default();
    stream.open(99);
    let mut heard = Heard::default();
    heard.push(&mut stream, 100, b"abc");
    heard.push(&mut stream, 106, b"ghi");
    for _ in 1..PATIENCE_SEGMENTS {
        stream.acknowledge(109, &mut |_| panic!("too early"));
    }
    let mut delivered = Vec::new();
    stream.acknowledge(109, &mut |delivery| delivered.push(format!("{delivery:?}")));
    assert_eq!(delivered, ["Gap(3)", "Data([103, 104, 105], 0)"]);
}

#[test]
fn a_segment_forged_far_ahead_is_not_held_for_long() {
    let mut stream = Stream::default();
    stream.open(0);
    let mut heard = Heard::default();
    heard.push(&mut stream, 0x7000_0000, b"forged");
    assert_eq!(heard.skipped.skipped(Skip::OutsideWindow), 6);
    heard.push(&mut stream, 1, b"real");
    assert_eq!(heard.bytes, b"real");
}

#[test]
fn a_reset_is_believed_at_the_next_byte_and_known_behind_a_fin() {
    let mut stream = Stream::default();
    stream.open(99);
    let mut tally = Tally::default();
    stream.push(100, b"abc", false, 0, &mut tally, &mut |_| {});
    for (sequence, believed) in [(102, false), (103, true), (104, false), (50_000, false)] {
        assert_eq!(stream.believes_reset(sequence), believed, "{sequence}");
        assert!(!stream.is_behind_fin(sequence), "there was none");
    }
    stream.push(103, b"", true, 0, &mut tally, &mut |_| {});
    for (sequence, behind) in [(102, false), (103, false), (104, true), (105, false)] {
        assert_eq!(stream.is_behind_fin(sequence), behind, "{sequence}");
    }
}

#[test]
fn bytes_before_a_late_join_are_counted_as_such() {
    let mut stream = Stream::default();
    let mut heard = Heard::default();
    heard.push(&mut stream, 1000, b"def");
    heard.push(&mut stream, 997, b"abcdef");
    assert!(stream.is_late());
    assert_eq!(heard.bytes, b"def");
    assert_eq!(heard.skipped.skipped(Skip::JoinedLate), 3);
    assert_eq!(heard.skipped.skipped(Skip::Repeated), 3);
}

proptest! {
    #[test]
    fn any_cut_order_overlap_and_wrap_gives_the_content_once(
        start in any::<u32>(),
        cuts in prop::collection::vec((0_usize..2000, 1_usize..300), 1..60),
    ) {
        let whole = content(2000);
        let mut stream = Stream::default();
        stream.open(start);
        let mut heard = Heard::default();
        let mut sent = 0;
        let first = start.wrapping_add(1);
        let cover = (0..2000).step_by(250).map(|from| (from, 250));
        for (from, length) in cuts.into_iter().chain(cover) {
            let part = &whole[from..(from + length).min(2000)];
            sent += part.len() as u64;
            heard.push(&mut stream, first.wrapping_add(u32::try_from(from).unwrap()), part);
        }
        heard.finish(&mut stream);
        prop_assert_eq!(&heard.bytes, &whole);
        prop_assert_eq!(heard.gaps, 0);
        prop_assert_eq!(heard.skipped.total() + 2000, sent);
        prop_assert_eq!(stream.held_bytes(), 0);
    }

    #[test]
    fn what_never_came_is_a_gap_of_its_length(
        start in any::<u32>(),
        lost in prop::collection::btree_set(1_usize..20, 0..10),
    ) {
        let whole = content(2000);
        let mut stream = Stream::default();
        stream.open(start);
        let mut heard = Heard::default();
        let first = start.wrapping_add(1);
        let mut expected = whole.clone();
        for nth in 0..20 {
            let from = nth * 100;
            if lost.contains(&nth) {
                expected[from..from + 100].fill(b'?');
            } else {
                heard.push(&mut stream, first.wrapping_add(u32::try_from(from).unwrap()), &whole[from..from + 100]);
            }
        }
        heard.finish(&mut stream);
        // What is lost at the very end leaves no trace.
        prop_assert_eq!(&heard.bytes[..], &expected[..heard.bytes.len()]);
        prop_assert!(heard.gaps <= lost.len() as u64 * 100);
    }
}
