//! Protobuf's own framing: a message cut into its fields.
//! What the fields mean is not in the bytes; [`crate::messages`] has it.
//!
//! Specification: protobuf.dev/programming-guides/encoding. Groups, which nothing in Kubernetes or etcd uses, are
//! taken for damage.
//!
//! Hostile input: varints end after ten bytes, lengths are checked against what there is, and nothing is copied.

use crate::bytes::Cursor;

/// A field's value as it is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// The message is not protobuf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// The fields of a message in the order in which they stand.
pub(crate) struct Fields<'a>(Cursor<'a>);

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self(Cursor::new(message))
    }

    fn field(&mut self) -> Option<(u32, Carried<'a>)> {
        let tag = varint(&mut self.0)?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0)?;
        let carried = match tag & 7 {
            0 => Carried::Varint(varint(&mut self.0)?),
            1 => Carried::Fixed64(u64::from_le_bytes(self.0.array()?)),
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).ok()?;
                Carried::Bytes(self.0.take(length)?)
            }
            5 => Carried::Fixed32(u32::from_le_bytes(self.0.array()?)),
            _ => return None,
        };
        Some((number, carried))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Carried<'a>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.rest().is_empty() {
            return None;
        }
        let field = self.field().ok_or(Broken);
        if field.is_err() {
            self.0 = Cursor::new(&[]);
        }
        Some(field)
    }
}

/// A number of seven bits a byte, the lowest first.
pub(crate) fn varint(cursor: &mut Cursor<'_>) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = cursor.u8()?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(message: &[u8]) -> Result<Vec<(u32, Carried<'_>)>, Broken> {
        Fields::new(message).collect()
    }

    #[test]
    fn fields_come_in_order_whatever_their_type() {
        let message = b"\x08\x96\x01\x12\x02hi\x1d\x01\0\0\0\x21\x02\0\0\0\0\0\0\0";
        let expected = vec![
            (1, Carried::Varint(150)),
            (2, Carried::Bytes(b"hi")),
            (3, Carried::Fixed32(1)),
            (4, Carried::Fixed64(2)),
        ];
        assert_eq!(fields(message), Ok(expected));
        let minus_one = [&[8][..], &[0xff; 9], &[1]].concat();
        assert_eq!(fields(&minus_one), Ok(vec![(1, Carried::Varint(u64::MAX))]));
    }

    #[test]
    fn what_is_cut_endless_or_of_no_type_is_broken() {
        for message in [
            &b"\x08"[..],
            b"\x12\x05hi",
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x00\x01",
            b"\x0b",
            b"\x1d\0\0",
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
        ] {
            assert_eq!(fields(message), Err(Broken), "{message:x?}");
        }
    }
}
