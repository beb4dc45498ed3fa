//! A block of the ring: its packets one after the other.
//! Which blocks there are, and whose they are at the moment, the ring knows.
//!
//! Format: `tpacket_block_desc`, `tpacket_hdr_v1` and `tpacket3_hdr` of linux/if_packet.h.
//!
//! Hostile input: the kernel writes the headers and is believed; what would lead out of the block ends it all the same.

/// Where in a block its owner stands, and how many bytes of it are filled.
pub(crate) const STATUS_AT: usize = 8;
pub(crate) const LENGTH_AT: usize = 20;
const COUNT_AT: usize = 12;
const FIRST_AT: usize = 16;
/// The shortest frame has 48 bytes of header, so that a block of a MiB has no more.
pub(crate) const FRAMES_MAX: usize = 32 * 1024;

/// A packet in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) time_ns: u64,
    /// Bytes that it had; `data` may be cut.
    pub(crate) length: u32,
    pub(crate) data: &'a [u8],
}

fn word(bytes: &[u8], place: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(place..)?.first_chunk()?))
}

fn place(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(word(bytes, at)?).ok()
}

/// The packets of a block.
pub(crate) fn frames(block: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    let count = place(block, COUNT_AT).unwrap_or(0).min(FRAMES_MAX);
    let mut next = place(block, FIRST_AT);
    (0..count).map_while(move |_| {
        let at = next?;
        let (frame, distance) = frame(block, at)?;
        next = at.checked_add(distance).filter(|_| distance > 0);
        Some(frame)
    })
}

fn frame(block: &[u8], at: usize) -> Option<(Frame<'_>, usize)> {
    let header = block.get(at..)?;
    let distance = place(header, 0)?;
    let time_ns = u64::from(word(header, 4)?) * 1_000_000_000 + u64::from(word(header, 8)?);
    let (kept, length) = (place(header, 12)?, word(header, 16)?);
    let start = usize::from(u16::from_ne_bytes(*header.get(24..)?.first_chunk()?));
    let data = header.get(start..start.checked_add(kept)?)?;
    Some((Frame { time_ns, length, data }, distance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(packets: &[&[u8]]) -> Vec<u8> {
        let mut block = vec![0; 48];
        let mut put = |place: usize, value: usize| {
            block[place..place + 4].copy_from_slice(&u32::try_from(value).unwrap().to_ne_bytes());
        };
        put(COUNT_AT, packets.len());
        put(FIRST_AT, 48);
        for (number, packet) in packets.iter().enumerate() {
            let at = block.len();
            let is_last = number + 1 == packets.len();
            let distance = if is_last { 0 } else { (80 + packet.len()).next_multiple_of(8) };
            block.resize(at + 80, 0);
            for (place, value) in [
                (0, distance),
                (4, 2),
                (8, number),
                (12, packet.len()),
                (16, packet.len() + 1),
                (24, 80),
            ] {
                let value = u32::try_from(value).unwrap().to_ne_bytes();
                block[at + place..at + place + 4].copy_from_slice(&value);
            }
            block.extend_from_slice(packet);
            block.resize(block.len().next_multiple_of(8), 0);
        }
        block
    }

    #[test]
    fn packets_come_in_order_with_their_times_and_lengths() {
        let block = block(&[b"first", b"", b"the third"]);
        let found: Vec<_> = frames(&block).collect();
        let expected: [&[u8]; 3] = [b"first", b"", b"the third"];
        assert_eq!(found.iter().map(|it| it.data).collect::<Vec<_>>(), expected);
        assert_eq!((found[2].time_ns, found[2].length), (2_000_000_002, 10));
    }

    #[test]
    fn a_block_that_says_more_than_it_has_ends() {
        let mut lying = block(&[b"first", b"second"]);
        lying[COUNT_AT] = 200;
        assert_eq!(frames(&lying).count(), 2);
        lying[48 + 12] = 255;
        assert_eq!(frames(&lying).count(), 0, "a packet beyond the end");
        assert_eq!(frames(&[]).count(), 0);
    }

    proptest! {
        #[test]
        fn any_block_has_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            crate::fuzz::records(&bytes);
        }
    }
}
