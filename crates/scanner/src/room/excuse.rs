//! Which exceptions answer for which findings: patterns against objects and fields.
//! How exceptions are kept, with their record, is the store's.

use crate::waivers::fits;
use model::Timestamp;
use store::{PostureException, PostureExcuse, PostureFound, PostureVerdict};

/// The exception that answers for a finding for longest. One that has run out answers for nothing, but is not looked
/// at here: what is stored says until when it holds, and that is asked at every reading.
pub(super) fn of(exceptions: &[PostureException], found: &PostureFound) -> Option<PostureExcuse> {
    if found.verdict != PostureVerdict::Fail {
        return None;
    }
    exceptions
        .iter()
        .filter(|exception| {
            let says = &exception.says;
            says.check == found.check
                && fits(&says.object, &found.object)
                && says.path.as_deref().is_none_or(|path| fits(path, &found.path))
        })
        .map(|exception| (exception.number, exception.says.expires_at))
        .max_by_key(|(number, until)| (*until, *number))
}

/// Whether somebody answers for it now.
pub(super) fn holds(found: &PostureFound, now: Timestamp) -> bool {
    found.excuse.is_some_and(|(_, until)| until > now)
}
