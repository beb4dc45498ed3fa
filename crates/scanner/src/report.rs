//! The report of a scan: everything that was read, what was found in it, and what could not be read or known.
//! How it looks is its modules'; which number a process ends with is the binary's, from [`Told`].

mod html;
mod json;
mod junit;
mod paths;
mod sarif;
mod terminal;

use crate::clean::clean;
use crate::material::{Material, Origin};
use crate::sources::Sources;
use crate::waivers::{BASELINE_SCHEMA, Baseline, Standing, Waivers, fingerprint};
use posture::check::{Check, Severity};
use posture::kccss::{self, Kccss};
use posture::kubesec::{self, Kubesec};
use posture::object::Object;
use posture::scan::{self, Findings, Verdict};
use posture::snapshot::{Scope, Snapshot};
use posture::words::{Language, Words};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

pub use paths::{Hop, Path, Proof, UnknownStart};

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Terminal {
        /// With colours.
        colour: bool,
    },
    /// For programs; its form is `sallyport.scan/v1`.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit's XML.
    Junit,
    /// One page of HTML that needs nothing else.
    Html,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Name of the source.
    pub source: String,
    /// Line and column, if it is a place in a text.
    pub place: Option<(u32, u32)>,
    /// Why.
    pub reason: String,
}

/// A document that is no Kubernetes object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Name of the source.
    pub source: String,
    /// Line.
    pub line: u32,
    /// Why.
    pub reason: &'static str,
}

/// Why a verdict is what it is, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    en: Cow<'static, str>,
    ko: Cow<'static, str>,
}

impl Reason {
    /// The text in a language.
    pub fn say(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Ko => &self.ko,
        }
    }
}

impl From<Words> for Reason {
    fn from(words: Words) -> Self {
        Self { en: words.en.into(), ko: words.ko.into() }
    }
}

/// A finding as it is told.
#[derive(Debug)]
pub struct Line {
    /// The check.
    pub check: &'static Check,
    /// Index of the object.
    pub object: usize,
    /// What is said.
    pub verdict: Verdict,
    /// The field, made harmless.
    pub path: String,
    /// Its value, made harmless.
    pub value: Option<String>,
    /// Where, in its source.
    pub line: u32,
    /// Where, in its line.
    pub column: u32,
    /// Why it is unknown or not applicable.
    pub reason: Option<Reason>,
    /// Whether it counts.
    pub standing: Standing,
}

/// A scan's report.
#[derive(Debug)]
pub struct Report {
    /// Where all of it was found.
    pub origin: Origin,
    /// Names of the sources, made harmless.
    pub sources: Vec<String>,
    /// The objects.
    pub objects: Vec<Object>,
    /// Objects that were looked at and of which nothing is told here.
    pub quiet: usize,
    /// Reference of each object, made harmless.
    pub references: Vec<String>,
    /// All findings.
    pub lines: Vec<Line>,
    /// What could not be read.
    pub failures: Vec<Failure>,
    /// Documents that are no objects.
    pub left_out: Vec<LeftOut>,
    /// Objects of kinds that no check looks at.
    pub unexamined: Vec<usize>,
    /// kubesec's score of each object that has one.
    pub kubesec: Vec<Option<Kubesec>>,
    /// How much of a cluster the objects are.
    pub scope: Scope,
    /// Paths through it, if they were asked for.
    pub paths: Option<Vec<Path>>,
    /// KCCSS of each workload; given only if all checks ran, for it is made of their findings.
    pub kccss: Vec<Option<Kccss>>,
}

/// What a report comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Findings that count.
    pub open: usize,
    /// Of them, at each severity, from info to critical.
    pub by_severity: [usize; 5],
    /// What could not be known.
    pub unknown: usize,
    /// What could not be read.
    pub failures: usize,
    /// Findings that are known or excepted.
    pub waived: usize,
    /// Objects that were looked at.
    pub objects: usize,
}

impl Report {
    /// Has the manifests of these sources scanned.
    pub fn make(sources: &Sources, checks: &[&'static Check], waivers: &Waivers) -> Self {
        Self::of(Material::of_files(sources), checks, waivers)
    }

    /// Has the material scanned.
    pub fn of(material: Material, checks: &[&'static Check], waivers: &Waivers) -> Self {
        let Material { origin, sources, objects, scope, failures, left_out } = material;
        let found = scan::scan_in(&objects, &scope, checks);
        let is_whole = checks.len() == posture::checks::all().count();
        let mut report = Self {
            origin,
            references: objects.iter().map(|object| clean(&object.reference())).collect(),
            kubesec: objects.iter().map(kubesec::score).collect(),
            kccss: Vec::new(),
            scope,
            paths: None,
            sources,
            objects,
            quiet: 0,
            lines: Vec::new(),
            failures,
            left_out,
            unexamined: Vec::new(),
        };
        report.kccss = report.scores(&found, is_whole);
        report.take(found, waivers);
        report
    }

    /// Finds paths from the internet, or from the workload of this reference.
    pub fn find_paths(&mut self, from: Option<&str>) -> Result<(), UnknownStart> {
        self.paths = Some(paths::find(&self.objects, &self.sources, &self.scope, from)?);
        Ok(())
    }

    /// Finds the paths from each workload, of the first `most` of them; those from which none leads on are left out.
    /// Beside them the number of workloads that were not looked at.
    pub fn paths_of_workloads(&self, most: usize) -> (Vec<(String, Vec<Path>)>, usize) {
        let snapshot = Snapshot::new(&self.objects, &self.scope);
        let workloads: Vec<String> =
            snapshot.pods.iter().flatten().map(|pod| pod.object.reference()).collect();
        let found = workloads.iter().take(most).filter_map(|name| {
            let paths = paths::find_in(&snapshot, &self.sources, Some(name)).ok()?;
            paths.iter().any(|path| !path.hops.is_empty()).then(|| (clean(name), paths))
        });
        (found.collect(), workloads.len().saturating_sub(most))
    }

    fn scores(&self, found: &Findings, is_whole: bool) -> Vec<Option<Kccss>> {
        (0..self.objects.len())
            .map(|index| {
                let makes_pods = posture::workload::pod(&self.objects[index]).is_some();
                (is_whole && makes_pods).then(|| kccss::score(found.of(index)))
            })
            .collect()
    }

    fn take(&mut self, found: Findings, waivers: &Waivers) {
        for malformed in &found.malformed {
            let object = &self.objects[malformed.object];
            let reason = format!(
                "{}: `{}` should be a {}; the API server would refuse the object",
                self.references[malformed.object],
                clean(&malformed.evidence.path),
                malformed.expected
            );
            let place = Some((malformed.evidence.span.line, malformed.evidence.span.column));
            self.failures.push(Failure {
                source: self.sources[object.source].clone(),
                place,
                reason,
            });
        }
        self.unexamined = found.unexamined;
        self.lines = found
            .findings
            .into_iter()
            .map(|finding| {
                let path = clean(&finding.evidence.path);
                let standing = match finding.verdict {
                    Verdict::Fail => {
                        waivers.standing(finding.check.id, &self.references[finding.object], &path)
                    }
                    _ => Standing::Open,
                };
                Line {
                    check: finding.check,
                    object: finding.object,
                    verdict: finding.verdict,
                    value: finding.evidence.value.as_deref().map(clean),
                    line: finding.evidence.span.line,
                    column: finding.evidence.span.column,
                    reason: finding.reason.map(Reason::from),
                    path,
                    standing,
                }
            })
            .collect();
    }

    /// What it comes to.
    pub fn told(&self) -> Told {
        let mut told = Told {
            open: 0,
            by_severity: [0; 5],
            unknown: 0,
            failures: self.failures.len(),
            waived: 0,
            objects: self.quiet + self.objects.iter().filter(|object| object.seen).count(),
        };
        for line in &self.lines {
            match line.verdict {
                Verdict::Fail if line.standing.counts() => {
                    told.open += 1;
                    told.by_severity[line.check.severity as usize] += 1;
                }
                Verdict::Fail => told.waived += 1,
                Verdict::Unknown => told.unknown += 1,
                Verdict::Pass | Verdict::NotApplicable => {}
            }
        }
        told
    }

    /// The findings of today, to be compared with later ones.
    pub fn baseline(&self) -> Baseline {
        let failing = self.lines.iter().filter(|line| line.verdict == Verdict::Fail);
        Baseline {
            schema: BASELINE_SCHEMA.to_owned(),
            findings: failing
                .map(|line| fingerprint(line.check.id, &self.references[line.object], &line.path))
                .collect(),
        }
    }

    /// The report in a form.
    pub fn written(&self, format: Format, language: Language, with_passes: bool) -> String {
        match format {
            Format::Terminal { colour } => terminal::write(self, language, colour, with_passes),
            Format::Json => json::write(self, language, with_passes),
            Format::Sarif => sarif::write(self, language),
            Format::Junit => junit::write(self, language),
            Format::Html => html::write(self, language),
        }
    }

    /// What was found in one object.
    fn lines_of(&self, object: usize) -> &[Line] {
        let start = self.lines.partition_point(|line| line.object < object);
        let end = self.lines.partition_point(|line| line.object <= object);
        &self.lines[start..end]
    }

    fn source_of(&self, line: &Line) -> &str {
        &self.sources[self.objects[line.object].source_of(&line.path)]
    }

    /// Where a finding is, for people: source, line and column; the source alone, if it is no text.
    fn place_of(&self, line: &Line) -> String {
        place(self.source_of(line), Some((line.line, line.column)))
    }

    /// Where an object is, for people.
    fn place_of_object(&self, index: usize) -> String {
        let object = &self.objects[index];
        match object.root.span.line {
            0 => self.sources[object.source].clone(),
            line => format!("{}:{line}", self.sources[object.source]),
        }
    }
}

/// A place in a text, or the source alone: what an API server or a process says stands on no line.
fn place(source: &str, place: Option<(u32, u32)>) -> String {
    match place {
        Some((0, _)) | None => source.to_owned(),
        Some((line, column)) => format!("{source}:{line}:{column}"),
    }
}

/// The severity's word in outputs for programs.
pub(crate) fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}
