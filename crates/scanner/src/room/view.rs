//! What the API tells of posture: bodies as the console reads them, and here the words that they share.
//! What they are made of is the store's and `summary`'s; texts come in the language that was asked for.

mod exceptions;
mod findings;
mod overview;
mod paths;
mod scans;

pub(super) use exceptions::{ExceptionBody, ExceptionMadeBody, ExceptionsBody, NewExceptionBody};
pub(super) use findings::{CheckBody, ChecksBody, DetailBody, FindingBody, FindingsBody};
pub(super) use overview::OverviewBody;
pub(super) use paths::PathsBody;
pub(super) use scans::{BegunBody, ClusterBody, ClustersBody, ScanBody, ScansBody};

use super::summary::SEVERITIES;
use crate::report::severity_name;
use posture::check::Severity;
use posture::risk::Reach;
use posture::words::Language;
use serde::{Deserialize, Serialize};
use store::PostureVerdict;

/// In which language texts are told.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PostureLanguage)]
pub(super) enum Lang {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::En,
            Lang::Ko => Self::Ko,
        }
    }
}

/// How bad a failure is by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PostureSeverity)]
pub(super) enum SeverityWord {
    /// Worth knowing.
    Info,
    /// Hardening.
    Low,
    /// It helps who is already inside.
    Medium,
    /// A way to more than the workload should have.
    High,
    /// The node or the cluster.
    Critical,
}

impl From<Severity> for SeverityWord {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Low => Self::Low,
            Severity::Medium => Self::Medium,
            Severity::High => Self::High,
            Severity::Critical => Self::Critical,
        }
    }
}

impl SeverityWord {
    pub(super) fn of_number(number: u8) -> Self {
        SEVERITIES.get(usize::from(number)).copied().unwrap_or(Severity::Info).into()
    }

    /// The word's number.
    pub(super) fn numbered(word: &str) -> Option<u8> {
        let found = SEVERITIES.into_iter().find(|severity| severity_name(*severity) == word);
        found.map(|severity| severity as u8)
    }
}

/// How far outside an attacker may stand.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PostureReach)]
pub(super) enum ReachWord {
    /// Inside the cluster.
    Inside,
    /// Perhaps on the internet.
    MaybeInternet,
    /// On the internet.
    Internet,
}

impl From<Reach> for ReachWord {
    fn from(reach: Reach) -> Self {
        match reach {
            Reach::Inside => Self::Inside,
            Reach::MaybeInternet => Self::MaybeInternet,
            Reach::Internet => Self::Internet,
        }
    }
}

/// What a check said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PostureVerdict)]
pub(super) enum VerdictWord {
    /// Something is wrong.
    Fail,
    /// It cannot be known.
    Unknown,
}

impl From<VerdictWord> for PostureVerdict {
    fn from(word: VerdictWord) -> Self {
        match word {
            VerdictWord::Fail => Self::Fail,
            VerdictWord::Unknown => Self::Unknown,
        }
    }
}

impl From<PostureVerdict> for VerdictWord {
    fn from(verdict: PostureVerdict) -> Self {
        match verdict {
            PostureVerdict::Fail => Self::Fail,
            PostureVerdict::Unknown => Self::Unknown,
        }
    }
}
