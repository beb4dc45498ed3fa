//! Which checks run: all, or those that were named, by our ids or by those of guides and other tools.
//! What the ids mean is `posture`'s.

use posture::check::{Check, Severity};
use posture::checks;

/// What was asked for.
#[derive(Debug, Default)]
pub struct Selection {
    /// Only these; all if empty.
    pub only: Vec<String>,
    /// Not these.
    pub skip: Vec<String>,
    /// Nothing below.
    pub severity_min: Option<Severity>,
}

/// An id that is nobody's.
#[derive(Debug, thiserror::Error)]
#[error("there is no check `{0}`; `sallyport scan checks` lists them")]
pub struct UnknownCheck(pub String);

impl Selection {
    /// The checks that run. A check that is named runs whatever its severity is.
    pub fn checks(&self) -> Result<Vec<&'static Check>, UnknownCheck> {
        let named = |ids: &[String]| -> Result<Vec<&'static str>, UnknownCheck> {
            let mut found = Vec::new();
            for id in ids {
                let checks = checks::named(id);
                if checks.is_empty() {
                    return Err(UnknownCheck(id.clone()));
                }
                found.extend(checks.iter().map(|check| check.id));
            }
            Ok(found)
        };
        let (only, skip) = (named(&self.only)?, named(&self.skip)?);
        let severe = |check: &Check| self.severity_min.is_none_or(|least| check.severity >= least);
        Ok(checks::all()
            .filter(|check| !skip.contains(&check.id))
            .filter(|check| only.contains(&check.id) || (only.is_empty() && severe(check)))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Selection;
    use posture::check::Severity;

    #[test]
    fn checks_are_chosen_by_our_ids_and_by_others() {
        let only = |ids: &[&str]| {
            let only = ids.iter().map(|id| (*id).to_owned()).collect();
            Selection { only, ..Selection::default() }.checks()
        };
        assert_eq!(only(&["host-pid"]).unwrap().len(), 1);
        assert_eq!(only(&["CKV_K8S_17"]).unwrap()[0].id, "host-pid");
        assert!(only(&["no-such"]).is_err());
        let skip = Selection { skip: vec!["host-pid".to_owned()], ..Selection::default() };
        assert!(skip.checks().unwrap().iter().all(|check| check.id != "host-pid"));
        let severe = Selection { severity_min: Some(Severity::Critical), ..Selection::default() };
        assert!(severe.checks().unwrap().iter().all(|check| check.severity == Severity::Critical));
    }
}
