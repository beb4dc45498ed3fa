use super::*;
use proptest::prelude::*;

fn known(name: &str, value: &str) -> Field {
    Field { name: Some(Arc::from(name)), value: Some(Arc::from(value)) }
}

/// `custom: VALUE` as a literal with incremental indexing.
fn literal(value: &str) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap();
    [&[0x40, 6], b"custom".as_slice(), &[length], value.as_bytes()].concat()
}

#[test]
fn the_requests_of_rfc_7541_appendix_c_4_decode() {
    let mut decoder = Decoder::default();
    let first = [
        0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90,
        0xf4, 0xff,
    ];
    let expected = vec![
        known(":method", "GET"),
        known(":scheme", "http"),
        known(":path", "/"),
        known(":authority", "www.example.com"),
    ];
    assert_eq!(decoder.decode(&first).unwrap(), expected);
    let second = [0x82, 0x86, 0x84, 0xbe, 0x58, 0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf];
    let fields = decoder.decode(&second).unwrap();
    assert_eq!(fields[3], known(":authority", "www.example.com"));
    assert_eq!(fields[4], known("cache-control", "no-cache"));
}

#[test]
fn after_a_loss_new_entries_are_exact_and_old_ones_unknown() {
    let mut decoder = Decoder::default();
    decoder.decode(&literal("old")).unwrap();
    decoder.lose();
    decoder.decode(&literal("new")).unwrap();
    assert_eq!(decoder.decode(&[0xbe]).unwrap(), [known("custom", "new")]);
    assert_eq!(decoder.decode(&[0xbf]).unwrap(), [Field { name: None, value: None }]);
}

#[test]
fn blocks_that_no_encoder_makes_are_faults_and_forget_the_table() {
    for (block, fault) in [
        (vec![0x80], HpackFault::IndexUnknown),
        (vec![0xbe], HpackFault::IndexUnknown),
        (vec![0x40, 0x06, b'c'], HpackFault::CutOff),
        (vec![0xff], HpackFault::CutOff),
        (vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], HpackFault::Malformed),
        (vec![0x3f, 0xff, 0xff, 0x7f], HpackFault::Malformed),
    ] {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(&block), Err(fault), "{block:x?}");
        assert_eq!(decoder.decode(&[0xbe]).unwrap(), [Field { name: None, value: None }]);
    }
}

#[test]
fn a_bomb_of_references_is_cut() {
    let mut decoder = Decoder::default();
    decoder.decode(&literal(&"x".repeat(120))).unwrap();
    let fields = decoder.decode(&vec![0xbe; 1_000_000]).unwrap();
    assert!(fields.len() <= FIELDS_MAX);
}

proptest! {
    #[test]
    fn no_block_panics_and_the_table_stays_bounded(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let mut decoder = Decoder::default();
        for block in blocks {
            decoder.decode(&block).ok();
            prop_assert!(decoder.bytes <= TABLE_BYTES_MAX);
        }
    }
}
