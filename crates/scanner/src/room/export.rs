//! The newest scan of a cluster as a file: the report of the command line, made anew from what is kept.
//! How each form looks is `report`'s. Of objects only those of which something is told are in it.
//!
//! Bounds: one file is written at a time; who asks meanwhile is told so.

use super::scan::{KeptPaths, Outcome};
use super::summary::outcome;
use super::{Posture, catalogue};
use crate::material::Origin;
use crate::report::{Failure, Format, Line, Reason, Report};
use crate::waivers::Standing;
use http_api::{DecidedBy, Problem, ProblemCode};
use jiff::civil::Date;
use model::Timestamp;
use posture::node::{Node, Span, Value};
use posture::object::Object;
use posture::scan::Verdict;
use posture::snapshot::Scope;
use posture::words::Language;
use std::collections::HashMap;
use std::sync::Arc;
use store::{PostureFinding, PostureNewException, PostureQuery, PostureScan, PostureVerdict};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Findings that are read with one statement.
const PAGE: u32 = 5000;

/// The right to write a file.
#[derive(Debug)]
pub(super) struct Desk {
    _permit: OwnedSemaphorePermit,
}

impl Desk {
    fn of(desk: &Arc<Semaphore>) -> Result<Self, Problem> {
        let permit = Arc::clone(desk).try_acquire_owned().map_err(|_| {
            Problem::new(ProblemCode::Conflict, "a report is being written")
                .decided_by(DecidedBy::Hub)
                .fix("wait a moment and ask again")
        })?;
        Ok(Self { _permit: permit })
    }
}

impl Posture {
    /// A place to write a file at, unless one is being written.
    pub(super) fn desk(&self) -> Result<Desk, Problem> {
        Desk::of(&self.inner.desk)
    }

    /// The report of a scan that is done, with the exceptions that hold now, in a form and a language.
    pub(super) async fn file(
        &self,
        scan: &PostureScan,
        format: Format,
        language: Language,
        desk: Desk,
    ) -> Result<String, Problem> {
        let store = &self.inner.api.store;
        let now = self.inner.api.clock.now();
        let exceptions = store.posture_exceptions(&scan.cluster).await?;
        let exceptions: HashMap<i64, PostureNewException> =
            exceptions.into_iter().map(|each| (each.number, each.says)).collect();
        let mut query = PostureQuery {
            cluster: scan.cluster.clone(),
            scan: scan.number,
            now,
            change: None,
            checks: None,
            severities: Vec::new(),
            verdict: None,
            excepted: None,
            namespace: None,
            kind: None,
            object: None,
            text: None,
            after: None,
            limit: PAGE,
        };
        let mut findings = Vec::new();
        loop {
            let page = store.posture_findings(&query).await?;
            findings.extend(page.items);
            match page.next_after {
                Some(after) => query.after = Some(after),
                None => break,
            }
        }
        let kept = store.posture_paths(scan.number).await?;
        let outcome = outcome(scan);
        // Whoever asked may have gone: until it is written, the desk is taken.
        let written = tokio::task::spawn_blocking(move || {
            let report = report(findings, &exceptions, outcome, kept.as_deref(), now);
            (report.written(format, language, false), desk)
        });
        let (file, _desk) = written.await.map_err(Problem::internal)?;
        Ok(file)
    }
}

fn report(
    findings: Vec<PostureFinding>,
    exceptions: &HashMap<i64, PostureNewException>,
    outcome: Outcome,
    kept: Option<&str>,
    now: Timestamp,
) -> Report {
    let mut report = of_findings(findings, exceptions, now);
    let seen = report.objects.iter().filter(|object| object.seen).count();
    report.quiet = usize::try_from(outcome.objects).unwrap_or_default().saturating_sub(seen);
    report.scope = Scope::Cluster {
        unseen: crate::cluster::KINDS
            .iter()
            .map(|kind| kind.kind)
            .filter(|kind| outcome.unseen.iter().any(|unseen| unseen == kind))
            .collect(),
    };
    report.failures = outcome
        .failures
        .into_iter()
        .map(|(source, reason)| Failure { source, place: None, reason })
        .collect();
    report.paths = kept
        .and_then(|text| serde_json::from_str::<KeptPaths>(text).ok())
        .map(|kept| kept.internet);
    report
}

fn of_findings(
    mut findings: Vec<PostureFinding>,
    exceptions: &HashMap<i64, PostureNewException>,
    now: Timestamp,
) -> Report {
    findings.sort_by(|a, b| {
        (&a.found.object, &a.found.check, &a.found.path).cmp(&(
            &b.found.object,
            &b.found.check,
            &b.found.path,
        ))
    });
    let mut report = Report {
        origin: Origin::Cluster,
        sources: Vec::new(),
        objects: Vec::new(),
        quiet: 0,
        references: Vec::new(),
        lines: Vec::new(),
        failures: Vec::new(),
        left_out: Vec::new(),
        unexamined: Vec::new(),
        kubesec: Vec::new(),
        scope: Scope::Part,
        paths: None,
        kccss: Vec::new(),
    };
    for finding in findings {
        let found = finding.found;
        // A check of another release has no words here.
        let Some(check) = catalogue::check(&found.check) else { continue };
        if report.references.last() != Some(&found.object) {
            report.objects.push(Object {
                source: report.objects.len(),
                document: 0,
                api_version: found.api_version,
                kind: found.kind,
                seen: found.name != "*",
                name: found.name,
                namespace: found.namespace,
                root: Node { value: Value::Null, span: Span::default(), flow: false },
                within: String::new(),
                parts: Vec::new(),
            });
            report.sources.push(found.object.clone());
            report.references.push(found.object);
            report.kubesec.push(None);
            report.kccss.push(None);
        }
        let standing = match found.excuse.filter(|(_, until)| *until > now) {
            Some((number, _)) => excepted(exceptions.get(&number)),
            None => Standing::Open,
        };
        let reason: Option<Reason> =
            found.reason.as_deref().and_then(|text| serde_json::from_str(text).ok());
        report.lines.push(Line {
            check,
            object: report.objects.len() - 1,
            verdict: match found.verdict {
                PostureVerdict::Fail => Verdict::Fail,
                PostureVerdict::Unknown => Verdict::Unknown,
            },
            path: found.path,
            value: found.value,
            line: 0,
            column: 0,
            reason,
            standing,
        });
    }
    report
}

fn excepted(says: Option<&PostureNewException>) -> Standing {
    // It was taken back while this was read.
    let Some(says) = says else { return Standing::Open };
    match says.expires.parse::<Date>() {
        Ok(expires) => {
            Standing::Excepted { reason: says.reason.clone(), owner: says.owner.clone(), expires }
        }
        Err(_) => Standing::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_is_written_at_a_time() {
        let desk = Arc::new(Semaphore::new(1));
        let first = Desk::of(&desk).unwrap();
        let second = Desk::of(&desk).unwrap_err();
        assert_eq!(
            (second.code(), second.detail()),
            (ProblemCode::Conflict, "a report is being written")
        );
        drop(first);
        assert!(Desk::of(&desk).is_ok());
    }
}
