//! What is known and not counted: exceptions that somebody answers for, and a baseline of what was there.
//! Whether a finding is right is no question here; only whether it is new and unexcused.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An exception: which findings, why, whose, until when.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The check, by our id or another tool's.
    pub check: String,
    /// The object as reports name it, `Deployment/shop/web`; `*` stands for any text.
    pub object: String,
    /// The field, as reports name it; `*` stands for any text. All fields, if left out.
    pub path: Option<String>,
    /// Why it is accepted.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds.
    pub expires: Date,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExceptionFile {
    #[serde(default)]
    exception: Vec<Exception>,
}

/// What an earlier scan found, by fingerprint.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Which form this file has.
    pub schema: String,
    /// The findings: check, object and field, but not the line, which moves.
    pub findings: BTreeSet<String>,
}

/// The form of a baseline file.
pub const BASELINE_SCHEMA: &str = "sallyport.scan.baseline/v1";

/// Why waivers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WaiverFault {
    /// Not of the form.
    #[error("the exceptions cannot be read")]
    Exceptions(#[source] toml::de::Error),
    /// A part of an exception is missing.
    #[error("exception {number} for `{check}`: `{field}` is empty; write down who answers and why")]
    Unanswered {
        /// Which, from 1.
        number: usize,
        /// Its check.
        check: String,
        /// What is empty.
        field: &'static str,
    },
    /// The check is nobody's.
    #[error("exception {number}: there is no check `{check}`")]
    UnknownCheck {
        /// Which, from 1.
        number: usize,
        /// Its check.
        check: String,
    },
    /// Not of the form.
    #[error("the baseline cannot be read; write a new one with --write-baseline")]
    Baseline(#[source] serde_json::Error),
    /// Of another form.
    #[error("the baseline is of the form `{0}`, which this version does not know")]
    Schema(String),
}

/// What is known and not counted.
#[derive(Debug, Default)]
pub struct Waivers {
    /// Exceptions.
    pub exceptions: Vec<Exception>,
    /// What was there before.
    pub baseline: Option<Baseline>,
    /// The day of the scan.
    pub today: Date,
}

/// Whether a finding counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Standing {
    /// It does.
    Open,
    /// It was there before.
    Known,
    /// Somebody answers for it.
    Excepted {
        /// Why.
        reason: String,
        /// Who.
        owner: String,
        /// Until when.
        expires: Date,
    },
    /// An exception for it has run out: it counts again.
    Expired {
        /// Who answered.
        owner: String,
        /// Until when.
        expires: Date,
    },
}

impl Standing {
    /// Whether it counts.
    pub fn counts(&self) -> bool {
        matches!(self, Self::Open | Self::Expired { .. })
    }
}

impl Waivers {
    /// Reads exceptions from TOML.
    pub fn read_exceptions(&mut self, text: &str) -> Result<(), WaiverFault> {
        let file: ExceptionFile = toml::from_str(text).map_err(WaiverFault::Exceptions)?;
        for (index, exception) in file.exception.iter().enumerate() {
            let (number, check) = (index + 1, exception.check.clone());
            let empty = [("reason", &exception.reason), ("owner", &exception.owner)]
                .into_iter()
                .find(|(_, text)| text.trim().is_empty());
            if let Some((field, _)) = empty {
                return Err(WaiverFault::Unanswered { number, check, field });
            }
            if posture::checks::named(&check).is_empty() {
                return Err(WaiverFault::UnknownCheck { number, check });
            }
        }
        self.exceptions.extend(file.exception);
        Ok(())
    }

    /// Reads a baseline from JSON.
    pub fn read_baseline(&mut self, text: &str) -> Result<(), WaiverFault> {
        let baseline: Baseline = serde_json::from_str(text).map_err(WaiverFault::Baseline)?;
        if baseline.schema != BASELINE_SCHEMA {
            return Err(WaiverFault::Schema(baseline.schema));
        }
        self.baseline = Some(baseline);
        Ok(())
    }

    /// Whether a finding counts.
    pub fn standing(&self, check: &str, object: &str, path: &str) -> Standing {
        let mut expired = None;
        for exception in &self.exceptions {
            let is_meant =
                posture::checks::named(&exception.check).iter().any(|named| named.id == check)
                    && fits(&exception.object, object)
                    && exception.path.as_deref().is_none_or(|pattern| fits(pattern, path));
            if !is_meant {
                continue;
            }
            let Exception { reason, owner, expires, .. } = exception.clone();
            if expires >= self.today {
                return Standing::Excepted { reason, owner, expires };
            }
            expired = Some(Standing::Expired { owner, expires });
        }
        let is_known = self
            .baseline
            .as_ref()
            .is_some_and(|known| known.findings.contains(&fingerprint(check, object, path)));
        match expired {
            Some(expired) => expired,
            None if is_known => Standing::Known,
            None => Standing::Open,
        }
    }
}

/// What a finding is recognised by in a later scan.
pub fn fingerprint(check: &str, object: &str, path: &str) -> String {
    format!("{check} {object} {path}")
}

/// Whether the text fits a pattern in which `*` stands for any text.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(previous) = last.replace(part) {
            let Some(at) = rest.find(previous) else { return false };
            rest = &rest[at + previous.len()..];
        }
    }
    match last {
        Some(last) => rest.ends_with(last),
        None => rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Standing, WaiverFault, Waivers, fits};
    use jiff::civil::date;

    const TEXT: &str = "[[exception]]\ncheck = \"CKV_K8S_17\"\nobject = \"DaemonSet/monitoring/*\"\n\
        reason = \"reads the node's processes\"\nowner = \"ops@example.com\"\nexpires = \"2026-12-31\"\n";

    fn waivers(day: i8) -> Waivers {
        let mut waivers = Waivers { today: date(2026, 12, day), ..Waivers::default() };
        waivers.read_exceptions(TEXT).unwrap();
        waivers
    }

    #[test]
    fn an_exception_holds_for_what_it_names_and_as_long() {
        let standing = |object, day| waivers(day).standing("host-pid", object, "spec.hostPID");
        assert!(!standing("DaemonSet/monitoring/node", 31).counts());
        assert!(standing("DaemonSet/other/node", 31).counts());
        let late = Waivers { today: date(2027, 1, 1), ..waivers(1) };
        let standing = late.standing("host-pid", "DaemonSet/monitoring/node", "spec.hostPID");
        assert!(matches!(standing, Standing::Expired { .. }) && standing.counts());
        assert!(waivers(1).standing("host-ipc", "DaemonSet/monitoring/node", "").counts());
    }

    #[test]
    fn nobody_and_no_reason_is_no_exception() {
        let mut waivers = Waivers::default();
        let nobody = TEXT.replace("ops@example.com", " ");
        assert!(matches!(
            waivers.read_exceptions(&nobody),
            Err(WaiverFault::Unanswered { field: "owner", .. })
        ));
        let endless =
            TEXT.lines().filter(|line| !line.starts_with("expires")).collect::<Vec<_>>().join("\n");
        assert!(matches!(waivers.read_exceptions(&endless), Err(WaiverFault::Exceptions(_))));
        let unknown = TEXT.replace("CKV_K8S_17", "nothing");
        assert!(matches!(waivers.read_exceptions(&unknown), Err(WaiverFault::UnknownCheck { .. })));
    }

    #[test]
    fn patterns_fit_whole_texts() {
        for (pattern, text) in [
            ("a", "a"),
            ("*", ""),
            ("a*", "abc"),
            ("*c", "abc"),
            ("a*b*c", "a1b2c"),
            ("*b*", "abc"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*c", "ab"), ("a*b*c", "acb"), ("", "a")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }
}
