//! Captures written as pcapng with the secrets among the packets, so that other programs open them decrypted.
//! It opens no file: what is to be written is appended to a buffer. Reading is [`super::CaptureReader`]'s.
//!
//! Format: draft-ietf-opsawg-pcapng, one section in little-endian order, times in nanoseconds. An interface is described
//! when the first packet of its link type comes, because a capture may hold several.
//! Limits: a block of secrets has at most [`KEYS_BYTES_MAX`], cut between lines; link types are told apart up to
//! [`INTERFACES_MAX`], and packets of further ones are left out and counted.

use super::pcapng::{
    BYTE_ORDER_MAGIC, DECRYPTION_SECRETS, ENHANCED_PACKET, INTERFACE_DESCRIPTION,
    OPTION_TIMESTAMP_RESOLUTION, SECTION_HEADER, TLS_KEY_LOG,
};
use super::{BLOCK_BYTES_MAX, INTERFACES_MAX, Packet};
use crate::link::LinkType;

/// Readers allocate a block at once; long key logs come as several.
const KEYS_BYTES_MAX: usize = 1024 * 1024;
/// 10^-9 seconds.
const NANOSECONDS: u8 = 9;

/// Writes a capture block by block.
#[derive(Debug, Default)]
pub struct CaptureWriter {
    interfaces: Vec<u16>,
    left_out: u64,
}

impl CaptureWriter {
    /// A writer whose file begins with what is appended now.
    pub fn begin(output: &mut Vec<u8>) -> Self {
        let mut body = Vec::with_capacity(16);
        body.extend(BYTE_ORDER_MAGIC.to_le_bytes());
        body.extend(1_u16.to_le_bytes());
        body.extend(0_u16.to_le_bytes());
        // The length of the section is not known.
        body.extend(u64::MAX.to_le_bytes());
        block(u32::from_le_bytes(SECTION_HEADER), &[&body], output);
        Self::default()
    }

    /// Appends lines of a key log (NSS format). They must come before the packets that they open.
    pub fn keys(&mut self, mut text: &[u8], output: &mut Vec<u8>) {
        while !text.is_empty() {
            let end = match text.get(..KEYS_BYTES_MAX) {
                None => text.len(),
                Some(most) => {
                    most.iter().rposition(|byte| *byte == b'\n').map_or(most.len(), |at| at + 1)
                }
            };
            let (piece, rest) = text.split_at(end);
            let mut head = TLS_KEY_LOG.to_le_bytes().to_vec();
            head.extend(number(piece.len()).to_le_bytes());
            block(DECRYPTION_SECRETS, &[&head, piece], output);
            text = rest;
        }
    }

    /// Appends a packet.
    pub fn packet(&mut self, packet: &Packet<'_>, output: &mut Vec<u8>) {
        let Some(interface) = self.interface(packet.link, output) else {
            self.left_out += 1;
            return;
        };
        let data = packet.data.get(..BLOCK_BYTES_MAX / 2).unwrap_or(packet.data);
        let (high, low) = (packet.time_ns >> 32, packet.time_ns & u64::from(u32::MAX));
        let fields = [
            interface,
            u32::try_from(high).unwrap_or(u32::MAX),
            u32::try_from(low).unwrap_or(u32::MAX),
            number(data.len()),
            packet.length,
        ];
        let head: Vec<u8> = fields.into_iter().flat_map(u32::to_le_bytes).collect();
        block(ENHANCED_PACKET, &[&head, data], output);
    }

    /// Packets that have no place in the file, because their link type has no number there.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    fn interface(&mut self, link: LinkType, output: &mut Vec<u8>) -> Option<u32> {
        let link = u16::try_from(link.number()).ok()?;
        if let Some(index) = self.interfaces.iter().position(|known| *known == link) {
            return u32::try_from(index).ok();
        }
        if self.interfaces.len() >= INTERFACES_MAX {
            return None;
        }
        let mut body = u32::from(link).to_le_bytes().to_vec();
        // No bound on a packet's length, then the options: the resolution, and their end.
        body.extend(0_u32.to_le_bytes());
        body.extend(OPTION_TIMESTAMP_RESOLUTION.to_le_bytes());
        body.extend(1_u16.to_le_bytes());
        body.extend([NANOSECONDS, 0, 0, 0]);
        body.extend(0_u32.to_le_bytes());
        block(INTERFACE_DESCRIPTION, &[&body], output);
        self.interfaces.push(link);
        u32::try_from(self.interfaces.len() - 1).ok()
    }
}

/// A block: its kind, its length, its body filled up to a multiple of four, its length again.
fn block(kind: u32, body: &[&[u8]], output: &mut Vec<u8>) {
    let length: usize = body.iter().map(|part| part.len()).sum();
    let filling = length.next_multiple_of(4) - length;
    let total = number(12 + length + filling).to_le_bytes();
    output.extend(kind.to_le_bytes());
    output.extend(total);
    for part in body {
        output.extend_from_slice(part);
    }
    output.extend(std::iter::repeat_n(0, filling));
    output.extend(total);
}

/// Lengths here are below [`BLOCK_BYTES_MAX`].
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{CaptureReader, Item, Progress};
    use proptest::prelude::*;

    #[derive(Debug, Clone, PartialEq)]
    enum Kept {
        Packet(u64, LinkType, Vec<u8>, u32),
        Keys(Vec<u8>),
    }

    fn read(mut input: &[u8]) -> Vec<Kept> {
        let (mut reader, mut kept) = (CaptureReader::new(), Vec::new());
        while !input.is_empty() {
            let Progress::Item { consumed, item } = reader.read(input).unwrap() else {
                panic!("the file is cut off at {} bytes before its end", input.len());
            };
            match item {
                Item::Packet(Packet { time_ns, link, data, length }) => {
                    kept.push(Kept::Packet(time_ns, link, data.to_vec(), length));
                }
                Item::Keys(text) => kept.push(Kept::Keys(text.to_vec())),
                Item::Structure => {}
                Item::Dropped(_) => panic!("nobody said that packets were dropped"),
            }
            input = &input[consumed..];
        }
        kept
    }

    fn write(items: &[Kept]) -> (CaptureWriter, Vec<u8>) {
        let mut output = Vec::new();
        let mut writer = CaptureWriter::begin(&mut output);
        for item in items {
            match item {
                Kept::Keys(text) => writer.keys(text, &mut output),
                Kept::Packet(time_ns, link, data, length) => {
                    let packet = Packet { time_ns: *time_ns, link: *link, data, length: *length };
                    writer.packet(&packet, &mut output);
                }
            }
        }
        (writer, output)
    }

    fn item() -> impl Strategy<Value = Kept> {
        let link = prop_oneof![
            Just(LinkType::Ethernet),
            Just(LinkType::Raw),
            Just(LinkType::LinuxSll2),
            Just(LinkType::Null),
            (300_u32..65_536).prop_map(LinkType::Other),
        ];
        let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
        prop_oneof![
            (0..u64::MAX / 4, link, bytes(), any::<u32>())
                .prop_map(|(time, link, data, length)| Kept::Packet(time, link, data, length)),
            proptest::collection::vec(any::<u8>(), 1..40).prop_map(Kept::Keys),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(items in proptest::collection::vec(item(), 0..30)) {
            prop_assert_eq!(read(&write(&items).1), items);
        }
    }

    #[test]
    fn a_long_key_log_is_cut_between_lines() {
        let line = [b"CLIENT_RANDOM ".as_slice(), &[b'a'; 1000], b"\n"].concat();
        let log = line.repeat(3000);
        let read = read(&write(&[Kept::Keys(log.clone())]).1);
        assert!(read.len() > 2, "{}", read.len());
        let mut whole = Vec::new();
        for kept in read {
            let Kept::Keys(text) = kept else { panic!("{kept:?}") };
            assert!(text.ends_with(b"\n") && text.len() <= KEYS_BYTES_MAX);
            whole.extend(text);
        }
        assert_eq!(whole, log);
    }

    #[test]
    fn a_packet_that_has_no_place_is_counted() {
        let odd = Kept::Packet(1, LinkType::Other(70_000), vec![1, 2, 3], 3);
        let (writer, output) = write(&[odd]);
        assert_eq!((writer.left_out(), read(&output)), (1, Vec::new()));
    }
}
