//! Which exceptions answer for which findings: patterns against objects and fields.
//! How exceptions are kept, with their record, is the store's.

use super::Posture;
use crate::waivers::fits;
use model::{ClusterName, Timestamp};
use std::collections::BTreeSet;
use store::{
    PostureException, PostureExcuse, PostureFinding, PostureFound, PostureVerdict, StoreError,
};

impl Posture {
    /// Marks the findings of some checks by the exceptions there are; returns how many changed.
    pub(super) async fn excuse(
        &self,
        cluster: &ClusterName,
        checks: &[String],
    ) -> Result<u64, StoreError> {
        let store = &self.inner.api.store;
        let all = store.posture_exceptions(cluster).await?;
        let by = |finding: &PostureFinding| of(&all, &finding.found);
        store.excuse_posture_findings(cluster, checks, by).await
    }

    /// Marks findings anew after a scan that was stored with these exceptions: one that was made or taken back while
    /// that went on was written over.
    pub(super) async fn excuse_anew(
        &self,
        cluster: &ClusterName,
        before: &[PostureException],
    ) -> Result<(), StoreError> {
        let now = self.inner.api.store.posture_exceptions(cluster).await?;
        let checks = differing(before, &now);
        if !checks.is_empty() {
            self.excuse(cluster, &checks).await?;
        }
        Ok(())
    }
}

/// The checks of exceptions that stand in one of the lists alone.
fn differing(before: &[PostureException], now: &[PostureException]) -> Vec<String> {
    let lacks = |list: &[PostureException], number| list.iter().all(|each| each.number != number);
    let gone = before.iter().filter(|each| lacks(now, each.number));
    let new = now.iter().filter(|each| lacks(before, each.number));
    let checks: BTreeSet<&String> = gone.chain(new).map(|each| &each.says.check).collect();
    checks.into_iter().cloned().collect()
}

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
