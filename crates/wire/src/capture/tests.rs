use super::*;
use proptest::prelude::*;

type Order32 = fn(u32) -> [u8; 4];

fn pcap(order: Order32, magic: u32) -> Vec<u8> {
    let numbers = [magic, 0x0004_0002, 0, 0, 65_535, 1, 10, 500_000, 3, 60];
    let mut file: Vec<u8> = numbers.into_iter().flat_map(order).collect();
    file.extend_from_slice(b"abc");
    file
}

fn items(mut input: &[u8]) -> Result<Vec<String>, CaptureFault> {
    let mut reader = CaptureReader::new();
    let mut items = Vec::new();
    while let Progress::Item { consumed, item } = reader.read(input)? {
        items.push(format!("{item:?}"));
        input = &input[consumed..];
    }
    Ok(items)
}

#[test]
fn pcap_is_read_in_both_orders_and_resolutions() {
    for (order, magic, time_ns) in [
        (u32::to_le_bytes as Order32, 0xa1b2_c3d4, 10_500_000_000),
        (u32::to_be_bytes as Order32, 0xa1b2_c3d4, 10_500_000_000),
        (u32::to_le_bytes as Order32, 0xa1b2_3c4d, 10_000_500_000),
        (u32::to_be_bytes as Order32, 0xa1b2_3c4d, 10_000_500_000),
    ] {
        let packet = Packet { time_ns, link: LinkType::Ethernet, data: b"abc", length: 60 };
        let expected = ["Structure".to_owned(), format!("{:?}", Item::Packet(packet))];
        assert_eq!(items(&pcap(order, magic)).unwrap(), expected);
    }
}

#[test]
fn captures_that_lie_are_refused() {
    assert_eq!(
        items(b"GET / HTTP/1.1\r\nHost: x\r\n"),
        Err(CaptureFault::NotACapture(0x4745_5420))
    );
    let mut lying = pcap(u32::to_le_bytes, 0xa1b2_c3d4);
    lying[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(items(&lying), Err(CaptureFault::BlockOverBound(u64::from(u32::MAX))));
    let section = [0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a];
    let mut wrong = [section.as_slice(), &[0; 12], &[32, 0, 0, 0]].concat();
    assert_eq!(items(&wrong), Err(CaptureFault::BlockMalformed), "two lengths that differ");
    wrong[24] = 28;
    let packet = [6_u32, 32, 0, 0, 0, 0, 0, 32].into_iter().flat_map(u32::to_le_bytes);
    wrong.extend(packet);
    assert_eq!(items(&wrong), Err(CaptureFault::InterfaceUnknown(0)));
}

proptest! {
    #[test]
    fn nothing_panics_and_progress_is_made(mut input in prop::collection::vec(any::<u8>(), 0..600), kind in 0..3) {
        let heads: [&[u8]; 3] = [&[], &[0xd4, 0xc3, 0xb2, 0xa1], &[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a]];
        let head = heads[usize::try_from(kind).unwrap()];
        input.splice(..0, head.iter().copied());
        let mut reader = CaptureReader::new();
        let mut rest = input.as_slice();
        while let Ok(Progress::Item { consumed, .. }) = reader.read(rest) {
            prop_assert!(consumed > 0);
            rest = &rest[consumed..];
        }
    }
}
