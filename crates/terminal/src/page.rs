//! Where a list goes on: after the last row of the page before, by its time and id, as one opaque text.
//! Which rows a list has, and in which order, is known to the store.
//!
//! Hostile input: a cursor is text of a query. Whatever does not read as a time and an id of the right kind is
//! refused; one that somebody made up names a place in the list, and the list is the asker's own anyway.

use http_api::Problem;
use model::{Id, IdKind, Timestamp};
use std::fmt;

/// The last row of a page.
pub(crate) struct Cursor<K> {
    at: Timestamp,
    id: Id<K>,
}

impl<K: IdKind> Cursor<K> {
    /// Reads the query's.
    pub(crate) fn asked(text: Option<&str>) -> Result<Option<(Timestamp, Id<K>)>, Problem> {
        let read = |text: &str| {
            let cursor = Self::read(text).ok_or_else(|| {
                Problem::bad_request(
                    "`after` is no place in this list: use `next` of the page before",
                )
            })?;
            Ok((cursor.at, cursor.id))
        };
        text.map(read).transpose()
    }

    fn read(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('.')?;
        Some(Self { at: at.parse().map(Timestamp::from_micros).ok()?, id: id.parse().ok()? })
    }
}

/// What goes on after a page that was asked for with one row more than it shows: the page without that row, and
/// the cursor if there was one.
pub(crate) fn cut<R, K: IdKind>(
    mut rows: Vec<R>,
    shown: usize,
    place: impl Fn(&R) -> (Timestamp, &Id<K>),
) -> (Vec<R>, Option<String>) {
    if rows.len() <= shown {
        return (rows, None);
    }
    rows.truncate(shown);
    let next = rows.last().map(|last| {
        let (at, id) = place(last);
        Cursor { at, id: id.clone() }.to_string()
    });
    (rows, next)
}

impl<K: IdKind> fmt::Display for Cursor<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.as_micros(), self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::LinkId;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    type Row = (Timestamp, LinkId);

    fn read(text: &str) -> Option<Row> {
        Cursor::asked(Some(text)).ok().flatten()
    }

    fn rows(count: u8) -> Vec<Row> {
        (0..count)
            .map(|nth| {
                (Timestamp::from_micros(1000 - i64::from(nth)), LinkId::from_random([nth; 16]))
            })
            .collect()
    }

    #[test]
    fn only_a_page_with_more_behind_it_goes_on() {
        for (count, shown, goes_on) in [(0, 3, false), (3, 3, false), (4, 3, true)] {
            let (page, next) = cut(rows(count), shown, |row: &Row| (row.0, &row.1));
            assert_eq!(page.len(), usize::from(count).min(shown));
            assert_eq!(next.is_some(), goes_on, "{count}");
            assert_eq!(next.and_then(|next| read(&next)), page.last().filter(|_| goes_on).cloned());
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let link = LinkId::from_random([7; 16]);
        let terminal = model::TerminalId::from_random([7; 16]);
        for bad in [
            "",
            ".",
            "5",
            "5.",
            &format!("x.{link}"),
            &format!("5.{terminal}"),
            &format!("5.{link}.5"),
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_cursor_reads_back(at in any::<i64>(), random in any::<[u8; 16]>()) {
            let row = (Timestamp::from_micros(at), LinkId::from_random(random));
            let text = Cursor { at: row.0, id: row.1.clone() }.to_string();
            prop_assert_eq!(read(&text), Some(row));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            prop_assert!(read(&text).is_none() || text.contains('.'));
        }
    }
}
