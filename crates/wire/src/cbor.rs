//! CBOR as the JSON that the API server would have sent of the same object, and where an item of a sequence ends.
//! What of the result may be seen is [`crate::redact`]'s.
//!
//! Specification: RFC 8949 and 8742, and k8s.io/apimachinery `pkg/runtime/serializer/cbor`: strings of bytes are text
//! unless a tag says that they are to become base64; all other tags are passed over.
//! Limits: [`DEPTH_MAX`] items within each other; JSON of the caller's bound.
//!
//! Hostile input: counts are never allocated for; an item that says it has 2^64 elements ends where the bytes end.

mod scan;

pub(crate) use scan::{Scan, Scanned};

use crate::bytes::Cursor;
use crate::objects::Writer;
use crate::redact::Omission;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Objects have 30 levels, schemas of custom resources 60.
const DEPTH_MAX: usize = 256;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

const TO_BASE64URL: u64 = 21;
const TO_BASE64: u64 = 22;
const TO_BASE16: u64 = 23;

/// The head of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    major: u8,
    /// The value, length or count; none if the end is marked instead.
    argument: Option<u64>,
    /// The five bits beside the major type.
    short: u8,
}

enum NoHead {
    /// More bytes are needed.
    Cut,
    /// No such head exists.
    Broken,
}

impl Head {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, NoHead> {
        let mut ahead = *cursor;
        let first = ahead.u8().ok_or(NoHead::Cut)?;
        let (major, short) = (first >> 5, first & 0x1f);
        let argument = match short {
            0..24 => Some(u64::from(short)),
            24 => Some(ahead.u8().ok_or(NoHead::Cut)?.into()),
            25 => Some(ahead.u16().ok_or(NoHead::Cut)?.into()),
            26 => Some(ahead.u32().ok_or(NoHead::Cut)?.into()),
            27 => Some(u64::from_be_bytes(ahead.array().ok_or(NoHead::Cut)?)),
            31 if matches!(major, BYTES..=MAP | 7) => None,
            _ => return Err(NoHead::Broken),
        };
        *cursor = ahead;
        Ok(Self { major, argument, short })
    }

    /// The end of what has its end marked.
    fn is_break(self) -> bool {
        self.major == 7 && self.argument.is_none()
    }
}

/// One item as JSON that is not redacted yet.
pub(crate) fn json(bytes: &[u8], json_bytes_max: usize) -> Result<String, Omission> {
    let mut decoding = Decoding { cursor: Cursor::new(bytes), output: Writer::new(json_bytes_max) };
    decoding.item(0, 0)?;
    match decoding.cursor.rest().is_empty() {
        true => decoding.output.finish(),
        false => Err(Omission::Malformed),
    }
}

struct Decoding<'a> {
    cursor: Cursor<'a>,
    output: Writer,
}

impl Decoding<'_> {
    fn head(&mut self) -> Result<Head, Omission> {
        Head::parse(&mut self.cursor).map_err(|_| Omission::Malformed)
    }

    /// An item under a tag, or under none.
    fn item(&mut self, depth: usize, tag: u64) -> Result<(), Omission> {
        let head = self.head()?;
        self.of_head(head, depth, tag)
    }

    fn of_head(&mut self, head: Head, depth: usize, tag: u64) -> Result<(), Omission> {
        if depth > DEPTH_MAX {
            return Err(Omission::OverBound);
        }
        match (head.major, head.argument) {
            (UNSIGNED, Some(value)) => self.output.raw(&value.to_string()),
            (NEGATIVE, Some(value)) => self.output.raw(&(-1 - i128::from(value)).to_string()),
            (BYTES, _) => {
                let bytes = self.run(head)?;
                match tag {
                    TO_BASE64 => self.output.text(&STANDARD.encode(bytes)),
                    TO_BASE64URL => self.output.text(&URL_SAFE_NO_PAD.encode(bytes)),
                    TO_BASE16 => {
                        let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
                        self.output.text(&hex)
                    }
                    _ => self.output.text(utf8(&bytes)?),
                }
            }
            (TEXT, _) => {
                let bytes = self.run(head)?;
                self.output.text(utf8(&bytes)?)
            }
            (ARRAY, count) => {
                self.output.begin('[')?;
                let mut left = count;
                while let Some(head) = self.next(&mut left)? {
                    self.output.element()?;
                    self.of_head(head, depth + 1, 0)?;
                }
                self.output.end(']')
            }
            (MAP, count) => {
                self.output.begin('{')?;
                let mut left = count;
                while let Some(head) = self.next(&mut left)? {
                    if !matches!(head.major, BYTES | TEXT) {
                        return Err(Omission::Malformed);
                    }
                    let key = self.run(head)?;
                    self.output.key(utf8(&key)?)?;
                    self.item(depth + 1, 0)?;
                }
                self.output.end('}')
            }
            (TAG, Some(tag)) => self.item(depth + 1, tag),
            _ => self.simple(head),
        }
    }

    /// The head of the next element, if there is another.
    fn next(&mut self, left: &mut Option<u64>) -> Result<Option<Head>, Omission> {
        if let Some(left) = left {
            if *left == 0 {
                return Ok(None);
            }
            *left -= 1;
            return self.head().map(Some);
        }
        Ok(Some(self.head()?).filter(|head| !head.is_break()))
    }

    /// The content of a string, in one piece or in several.
    fn run(&mut self, head: Head) -> Result<Vec<u8>, Omission> {
        let Some(length) = head.argument else {
            let mut whole = Vec::new();
            loop {
                let piece = self.head()?;
                if piece.is_break() {
                    return Ok(whole);
                }
                let length = piece.argument.filter(|_| piece.major == head.major);
                whole.extend_from_slice(self.take(length.ok_or(Omission::Malformed)?)?);
            }
        };
        self.take(length).map(<[u8]>::to_vec)
    }

    fn take(&mut self, length: u64) -> Result<&[u8], Omission> {
        let length = usize::try_from(length).map_err(|_| Omission::Malformed)?;
        self.cursor.take(length).ok_or(Omission::Malformed)
    }

    fn simple(&mut self, head: Head) -> Result<(), Omission> {
        let fraction = match (head.short, head.argument) {
            (20, _) => return self.output.raw("false"),
            (21, _) => return self.output.raw("true"),
            (22 | 23, _) => return self.output.raw("null"),
            (25, Some(bits)) => half(u16::try_from(bits).map_err(|_| Omission::Malformed)?),
            (26, Some(bits)) => {
                f32::from_bits(u32::try_from(bits).map_err(|_| Omission::Malformed)?).into()
            }
            (27, Some(bits)) => f64::from_bits(bits),
            _ => return Err(Omission::Malformed),
        };
        match fraction.is_finite() {
            true => self.output.raw(&fraction.to_string()),
            false => self.output.raw("null"),
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Omission> {
    std::str::from_utf8(bytes).map_err(|_| Omission::Malformed)
}

/// A number of 16 bits (IEEE 754 binary16).
fn half(bits: u16) -> f64 {
    let exponent = i32::from((bits >> 10) & 0x1f);
    let fraction = f64::from(bits & 0x3ff);
    let size = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction + 1_024.0) * 2_f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests;
