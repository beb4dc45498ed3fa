use super::*;
use crate::redact::Content;
use crate::scene::units;

/// Header blocks as zlib wrote them, one stream with the dictionary: `streamtype` of error, stdin and stdout, and
/// of data with a port and a request's id.
const BLOCKS: [&[u8]; 4] = [
    b"\x78\xf9\xe3\xc6\xa7\xc2\x02\xa6\x23\x46\x70\x3a\x2b\x29\x4a\x4d\xcc\x85\x16\x25\xac\xa9\xa0\x80\x06\x00\x00\x00\xff\xff",
    b"\xc2\x2e\x55\x5c\x02\xcc\x2e\x00\x00\x00\x00\xff\xff",
    b"\xc2\x2a\x05\x4c\xe7\x29\xf9\xa5\x25\x00\x00\x00\x00\xff\xff",
    b"\x02\x25\x63\x0c\x39\x50\xe1\x94\x08\x29\xe7\x8b\xc0\x59\xca\xc2\xc0\xc2\x00\x48\x73\x16\x41\xd2\x45\x26\x28\xbf\x30\x1a\x00\x00\x00\x00\xff\xff",
];

fn frame(first: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    [&first.to_be_bytes()[..], &length.to_be_bytes(), payload].concat()
}

fn open(number: u32, block: &[u8]) -> Vec<u8> {
    let payload = [&number.to_be_bytes()[..], &[0; 6], block].concat();
    frame(0x8003_0001, &payload)
}

fn said(sent: &[(Side, Vec<u8>)], lost_before: Option<usize>) -> Vec<(String, String)> {
    let (units, accounts) = units(|scene| {
        let mut spdy = Spdy::new(None);
        for (place, (side, bytes)) in sent.iter().enumerate() {
            if lost_before == Some(place) {
                spdy.gap(*side);
            }
            for piece in bytes.chunks(5) {
                spdy.data(*side, piece, scene);
            }
        }
    });
    let bytes: usize = sent.iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!(accounts.content.total(), bytes as u64, "every byte is accounted for");
    let text = |data: &Shown| match &data.content {
        Content::Text(text) | Content::Json(text) => text.clone(),
        Content::Omitted { reason, .. } => format!("[{}]", reason.code()),
    };
    units
        .iter()
        .map(|unit| (unit.info.clone(), unit.data.as_ref().map(text).unwrap_or_default()))
        .collect()
}

fn exec() -> Vec<(Side, Vec<u8>)> {
    vec![
        (Side::Client, open(1, BLOCKS[0])),
        (Side::Client, open(3, BLOCKS[1])),
        (Side::Client, open(5, BLOCKS[2])),
        (Side::Client, open(7, BLOCKS[3])),
        (Side::Client, frame(3, b"canary")),
        (Side::Client, frame(7, b"canary")),
        (Side::Server, frame(5, "안녕".as_bytes())),
        (Side::Server, frame(1, b"{\"status\":\"Success\"}")),
        (Side::Server, frame(9, b"canary")),
        (Side::Client, frame(0x8003_0003, &[0, 0, 0, 3, 0, 0, 0, 5])),
    ]
}

#[test]
fn streams_are_what_their_headers_say_and_what_is_typed_is_not_shown() {
    let expected = [
        ("SYN_STREAM[1] status", ""),
        ("SYN_STREAM[3] stdin", ""),
        ("SYN_STREAM[5] stdout", ""),
        ("SYN_STREAM[7] port data 8080", ""),
        ("stdin", "[input]"),
        ("port data 8080", "[undecoded]"),
        ("stdout", "안녕"),
        ("status", "{\"status\":\"Success\"}"),
        ("unknown stream", "[undecoded]"),
        ("RST_STREAM[3]", ""),
    ];
    let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(said(&exec(), None), expected);
}

#[test]
fn after_a_gap_nothing_is_taken_for_what_it_may_not_be() {
    for place in 0..exec().len() {
        let said = said(&exec(), Some(place));
        assert!(!format!("{said:?}").contains("canary"), "{said:?}");
        let shown = said.iter().filter(|(name, _)| name == "stdout").count();
        // Once its stream was opened, what a program says is still that.
        assert_eq!(shown, usize::from(place > 2 && place != 6), "{place}: {said:?}");
    }
}

#[test]
fn a_block_that_cannot_be_read_ends_the_reading_of_headers() {
    let broken = [
        (Side::Client, open(1, b"\x78\xf9\xe3\xc6\xa7\xc2\xff\xff")),
        (Side::Client, open(3, BLOCKS[1])),
    ];
    let unknown = |number| (format!("SYN_STREAM[{number}] unknown stream"), String::new());
    assert_eq!(said(&broken, None), [unknown(1), unknown(3)]);
    let endless = [(Side::Client, b"\x80\x03\0\x01\0\xff\xff\xff".to_vec()), exec().remove(4)];
    assert_eq!(said(&endless, None), []);
    assert_eq!(fields(b"\xff\xff\xff\xff"), None, "a count costs nothing");
}

#[test]
fn a_stream_that_is_opened_again_stays_what_it_is_and_a_client_says_no_output() {
    let again = [
        (Side::Client, open(1, BLOCKS[0])),
        (Side::Client, open(3, BLOCKS[1])),
        // Of stdout.
        (Side::Client, open(3, BLOCKS[2])),
        (Side::Client, frame(3, b"canary")),
        (Side::Server, frame(3, b"canary")),
    ];
    let said_again = said(&again, None);
    let expected = [
        ("SYN_STREAM[1] status", ""),
        ("SYN_STREAM[3] stdin", ""),
        ("SYN_STREAM[3] stdin", ""),
        ("stdin", "[input]"),
        ("stdin", "[input]"),
    ];
    assert_eq!(said_again, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    let mut typed = exec();
    typed.truncate(3);
    typed.push((Side::Client, frame(5, b"canary")));
    assert_eq!(said(&typed, None).pop(), Some(("stdout".to_owned(), "[input]".to_owned())));
}

#[test]
fn a_frame_in_many_small_pieces_is_not_copied_with_each() {
    let large = frame(9, &vec![0; FRAME_BYTES_MAX - 1]);
    let began = std::time::Instant::now();
    let (units, _) = units(|scene| {
        let mut spdy = Spdy::new(None);
        large.chunks(4).for_each(|piece| spdy.data(Side::Server, piece, scene));
    });
    assert_eq!(units.len(), 1);
    // Copied with each piece it were 128 GiB.
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}
