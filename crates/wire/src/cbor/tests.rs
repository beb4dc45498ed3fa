use super::*;
use proptest::prelude::*;

fn shown(bytes: &[u8]) -> Result<String, Omission> {
    json(bytes, 10_000)
}

#[test]
fn items_become_the_json_that_they_stand_for() {
    // Of RFC 8949, appendix A.
    for (bytes, expected) in [
        (&b"\x18\x64"[..], "100"),
        (b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
        (b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", "-18446744073709551616"),
        (b"\xf9\x3e\x00", "1.5"),
        (b"\xf9\xc4\x00", "-4"),
        (b"\xf9\x00\x01", "0.00000005960464477539063"),
        (b"\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a", "1.1"),
        (b"\xf9\x7c\x00", "null"),
        (b"\xf6", "null"),
        (b"\x83\x01\x82\x02\x03\xf5", "[1,[2,3],true]"),
        (b"\x9f\x01\x82\x02\x03\x9f\x04\x05\xff\xff", "[1,[2,3],[4,5]]"),
        (b"\xa2\x61a\x01\x61b\x82\x02\x03", r#"{"a":1,"b":[2,3]}"#),
        (b"\xbf\x41a\x01\xff", r#"{"a":1}"#),
        (b"\x7f\x65strea\x64ming\xff", r#""streaming""#),
        (b"\xd9\xd9\xf7\xa1\x44kind\x43Pod", r#"{"kind":"Pod"}"#),
        (b"\xd6\x43\x00\x01\x02", r#""AAEC""#),
        (b"\xd7\x42\x0a\xff", r#""0AFF""#),
    ] {
        assert_eq!(shown(bytes).as_deref(), Ok(expected), "{bytes:x?}");
    }
}

#[test]
fn what_is_broken_or_too_deep_gives_nothing() {
    for bytes in [
        &b""[..],
        b"\x82\x01",
        b"\x01\x01",
        b"\xff",
        b"\xa1\x01\x02",
        b"\x62\xff\xff",
        b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x1c",
        b"\x7f\x41a\xff",
        b"\xf8\xff",
    ] {
        assert_eq!(shown(bytes), Err(Omission::Malformed), "{bytes:x?}");
    }
    assert_eq!(shown(&[0x81; 1_000]), Err(Omission::OverBound));
    assert_eq!(json(b"\x65hello", 5), Err(Omission::OverBound));
}

#[test]
fn a_sequence_is_cut_into_its_items_however_it_comes() {
    let items: [&[u8]; 5] = [
        b"\xd9\xd9\xf7\xa2\x41a\x9f\x01\x02\xff\x41b\xa0",
        b"\x80",
        b"\x01",
        b"\x7f\x61a\x61b\xff",
        b"\xa1\x41k\x82\x43abc\xf9\x3e\x00",
    ];
    let all = items.concat();
    for piece in 1..all.len() {
        let (mut scan, mut held, mut found) = (Scan::default(), Vec::new(), Vec::new());
        for bytes in all.chunks(piece) {
            held.extend_from_slice(bytes);
            while let Scanned::End(end) = scan.look(&held) {
                found.push(held.drain(..end).collect::<Vec<u8>>());
            }
        }
        assert_eq!(found, items, "in pieces of {piece}");
    }
    for broken in [&b"\x1c"[..], b"\xff", b"\x81\xff", &[0x81; 1_000]] {
        assert_eq!(Scan::default().look(broken), Scanned::Broken);
    }
}

proptest! {
    #[test]
    fn the_two_readers_agree_on_where_an_item_ends(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if shown(&bytes).is_ok() {
            prop_assert_eq!(Scan::default().look(&bytes), Scanned::End(bytes.len()));
        }
    }
}
