//! Finds the end of an item, however its bytes are cut.
//! It looks at each byte of structure once and never at what strings hold.
//!
//! Hostile input: depth is bounded by the parent's number; a count costs its eight bytes.

use super::{BYTES, DEPTH_MAX, Head, MAP, NoHead, TAG, TEXT};
use crate::bytes::Cursor;

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// The item ends before this place.
    End(usize),
    More,
    Broken,
}

/// How far an item was looked at.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    place: usize,
    /// How many items are to come in what is open; none if its end is marked.
    open: Vec<Option<u64>>,
}

impl Scan {
    /// Goes on with the item that begins at the beginning of these bytes, which are the same as before and more.
    pub(crate) fn look(&mut self, bytes: &[u8]) -> Scanned {
        loop {
            let rest = bytes.get(self.place..).unwrap_or_default();
            let mut cursor = Cursor::new(rest);
            let head = match Head::parse(&mut cursor) {
                Ok(head) => head,
                Err(NoHead::Cut) => return Scanned::More,
                Err(NoHead::Broken) => return Scanned::Broken,
            };
            let mut length = rest.len() - cursor.rest().len();
            let opens = match (head.major, head.argument) {
                (BYTES | TEXT, Some(content)) => {
                    let Ok(content) = usize::try_from(content) else { return Scanned::Broken };
                    if cursor.rest().len() < content {
                        return Scanned::More;
                    }
                    length += content;
                    false
                }
                (MAP, Some(pairs)) => {
                    let Some(items) = pairs.checked_mul(2) else { return Scanned::Broken };
                    self.open.push(Some(items));
                    true
                }
                (TAG, Some(_)) => {
                    self.open.push(Some(1));
                    true
                }
                (4, count) => {
                    self.open.push(count);
                    true
                }
                (BYTES | TEXT | MAP, None) => {
                    self.open.push(None);
                    true
                }
                (7, None) => {
                    if self.open.pop() != Some(None) {
                        return Scanned::Broken;
                    }
                    false
                }
                _ => false,
            };
            if self.open.len() > DEPTH_MAX {
                return Scanned::Broken;
            }
            self.place += length;
            if !opens {
                self.ended();
            }
            while self.open.last() == Some(&Some(0)) {
                self.open.pop();
                self.ended();
            }
            if self.open.is_empty() {
                return Scanned::End(std::mem::take(&mut self.place));
            }
        }
    }

    /// An item has ended within what is open.
    fn ended(&mut self) {
        if let Some(Some(left)) = self.open.last_mut() {
            *left = left.saturating_sub(1);
        }
    }
}
