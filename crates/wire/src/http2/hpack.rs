//! HPACK (RFC 7541) decoded from the side: header blocks in the order of the capture.
//! Frames are [`super`]'s; what a header means is [`crate::http`]'s.
//!
//! Cold start and gaps: indices count from the newest entry, so that what was inserted since resolves
//! exactly, and what lies below is a field whose name or value is unknown. Nothing is guessed.
//! Limits: a table of [`TABLE_BYTES_MAX`], a list of [`LIST_BYTES_MAX`] and [`FIELDS_MAX`] fields.
//!
//! Hostile input: integers of more than 32 bits, strings longer than their block, indices beyond a table
//! that is wholly known, and table sizes over the bound are faults; after one, the table is unknown.

use super::fields::STATIC_FIELDS;
use super::huffman;
use std::collections::VecDeque;
use std::sync::Arc;

/// The default is 4 KiB; Go and nghttp2 never ask for more than 64 KiB.
pub const TABLE_BYTES_MAX: usize = 64 * 1024;
const TABLE_BYTES_DEFAULT: usize = 4096;
/// Go refuses lists of more than 1 MiB by default; what is kept for showing is less.
pub const LIST_BYTES_MAX: usize = 256 * 1024;
/// Fields of one list that are kept.
pub const FIELDS_MAX: usize = 1024;
/// What RFC 7541 section 4.1 counts beside the text of an entry.
const ENTRY_OVERHEAD_BYTES: usize = 32;

/// A header's name or value; `None` when the capture does not hold it.
pub type Text = Option<Arc<str>>;

/// A header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name, in lower case.
    pub name: Text,
    /// The value; bytes that are not UTF-8 are written as `\xNN`.
    pub value: Text,
}

/// Why a header block is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HpackFault {
    /// It ends in the middle of a field.
    #[error("a header block is cut off")]
    CutOff,
    /// A number, string or table size that no encoder makes.
    #[error("a header block is malformed")]
    Malformed,
    /// An index that nothing stands at.
    #[error("a header block refers to a field that does not exist")]
    IndexUnknown,
}

/// The fields of one direction of a connection.
#[derive(Debug)]
pub struct Decoder {
    /// Newest first.
    entries: VecDeque<Field>,
    bytes: usize,
    bytes_max: usize,
    /// Entries may exist below those that are known.
    unknown_below: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            bytes_max: TABLE_BYTES_DEFAULT,
            unknown_below: false,
        }
    }
}

impl Decoder {
    /// Forgets the table: blocks are missing, or the connection was joined late.
    pub fn lose(&mut self) {
        self.entries.clear();
        self.bytes = 0;
        self.unknown_below = true;
        // How large the table is allowed to be is unknown, too. An encoder refers to no evicted entry, so
        // keeping more than it does resolves the same.
        self.bytes_max = TABLE_BYTES_MAX;
    }

    /// Decodes a whole block.
    pub fn decode(&mut self, block: &[u8]) -> Result<Vec<Field>, HpackFault> {
        let decoded = self.fields(block);
        if decoded.is_err() {
            self.lose();
        }
        decoded
    }

    fn fields(&mut self, mut rest: &[u8]) -> Result<Vec<Field>, HpackFault> {
        let mut list = Vec::new();
        let mut list_bytes = 0;
        while let Some(first) = rest.first().copied() {
            let field = match first {
                0x80.. => {
                    let index = integer(&mut rest, 7)?;
                    self.field(index)?
                }
                0x40..=0x7f => {
                    let field = self.literal(&mut rest, 6)?;
                    self.insert(field.clone());
                    field
                }
                0x20..=0x3f => {
                    let size = integer(&mut rest, 5)?;
                    if size > TABLE_BYTES_MAX {
                        return Err(HpackFault::Malformed);
                    }
                    self.bytes_max = size;
                    self.evict();
                    continue;
                }
                _ => self.literal(&mut rest, 4)?,
            };
            list_bytes += size(&field);
            if list_bytes <= LIST_BYTES_MAX && list.len() < FIELDS_MAX {
                list.push(field);
            }
        }
        Ok(list)
    }

    fn literal(&mut self, rest: &mut &[u8], prefix_bits: u8) -> Result<Field, HpackFault> {
        let index = integer(rest, prefix_bits)?;
        let name = match index {
            0 => Some(text(string(rest)?)),
            _ => self.field(index)?.name,
        };
        Ok(Field { name, value: Some(text(string(rest)?)) })
    }

    fn field(&self, index: usize) -> Result<Field, HpackFault> {
        let place = index.checked_sub(1).ok_or(HpackFault::IndexUnknown)?;
        if let Some((name, value)) = STATIC_FIELDS.get(place) {
            return Ok(Field { name: Some(Arc::from(*name)), value: Some(Arc::from(*value)) });
        }
        match self.entries.get(place - STATIC_FIELDS.len()) {
            Some(field) => Ok(field.clone()),
            None if self.unknown_below => Ok(Field { name: None, value: None }),
            None => Err(HpackFault::IndexUnknown),
        }
    }

    fn insert(&mut self, field: Field) {
        self.bytes += size(&field);
        self.entries.push_front(field);
        self.evict();
    }

    fn evict(&mut self) {
        while self.bytes > self.bytes_max
            && let Some(oldest) = self.entries.pop_back()
        {
            self.bytes -= size(&oldest);
        }
    }
}

fn size(field: &Field) -> usize {
    let length = |text: &Text| text.as_ref().map_or(0, |text| text.len());
    length(&field.name) + length(&field.value) + ENTRY_OVERHEAD_BYTES
}

fn integer(rest: &mut &[u8], prefix_bits: u8) -> Result<usize, HpackFault> {
    let (first, mut after) = rest.split_first().ok_or(HpackFault::CutOff)?;
    let mask = (1_u32 << prefix_bits) - 1;
    let mut value = u64::from(u32::from(*first) & mask);
    if value == u64::from(mask) {
        let mut shift = 0;
        loop {
            let (byte, next) = after.split_first().ok_or(HpackFault::CutOff)?;
            after = next;
            value += u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            if shift > 28 {
                return Err(HpackFault::Malformed);
            }
        }
    }
    *rest = after;
    usize::try_from(value).map_err(|_| HpackFault::Malformed)
}

fn string(rest: &mut &[u8]) -> Result<Vec<u8>, HpackFault> {
    let coded = rest.first().ok_or(HpackFault::CutOff)? & 0x80 != 0;
    let length = integer(rest, 7)?;
    let (bytes, after) = rest.split_at_checked(length).ok_or(HpackFault::CutOff)?;
    *rest = after;
    match coded {
        true => huffman::decode(bytes).ok_or(HpackFault::Malformed),
        false => Ok(bytes.to_vec()),
    }
}

/// Text of bytes, with what is not UTF-8 written out.
pub(crate) fn text(bytes: Vec<u8>) -> Arc<str> {
    match String::from_utf8(bytes) {
        Ok(text) => Arc::from(text),
        Err(error) => {
            let mut text = String::new();
            for chunk in error.as_bytes().utf8_chunks() {
                text.push_str(chunk.valid());
                for byte in chunk.invalid() {
                    text.push_str(&format!("\\x{byte:02x}"));
                }
            }
            Arc::from(text)
        }
    }
}

#[cfg(test)]
mod tests;
