//! The report for programs. Its form is named in it, `sallyport.scan/v1`: fields may be added under that
//! name, none is removed or changes its meaning. `docs/posture.md` describes it.
//!
//! Findings are written one by one: a scan of ten thousand objects has a million of them.

use super::{Line, Report, severity_name};
use crate::waivers::fingerprint;
use posture::check::Check;
use posture::scan::Verdict;
use posture::words::Language;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Document<'r> {
    schema: &'static str,
    tool: Value,
    summary: Value,
    checks: Vec<Value>,
    objects: Vec<Value>,
    findings: Shown<'r>,
    unreadable: Vec<Value>,
    not_objects: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paths: Option<Value>,
}

pub(super) fn write(report: &Report, language: Language, with_passes: bool) -> String {
    let told = report.told();
    let [info, low, medium, high, critical] = told.by_severity;
    let shown = Shown { report, language, with_passes };
    let checks: BTreeMap<&str, &Check> =
        shown.lines().map(|line| (line.check.id, line.check)).collect();
    let document = Document {
        schema: "sallyport.scan/v1",
        tool: json!({"name": "sallyport", "version": env!("CARGO_PKG_VERSION")}),
        summary: json!({
            "sources": report.sources.len(),
            "objects": told.objects,
            "open": told.open,
            "by_severity": {"critical": critical, "high": high, "medium": medium, "low": low, "info": info},
            "unknown": told.unknown,
            "unreadable": told.failures,
            "waived": told.waived,
        }),
        checks: checks.values().map(|check| described(check, language)).collect(),
        objects: (0..report.objects.len()).map(|index| object(report, index)).collect(),
        unreadable: report
            .failures
            .iter()
            .map(|failure| {
                json!({
                    "source": failure.source,
                    "line": failure.place.map(|place| place.0),
                    "column": failure.place.map(|place| place.1),
                    "reason": failure.reason,
                })
            })
            .collect(),
        not_objects: report
            .left_out
            .iter()
            .map(|none| json!({"source": none.source, "line": none.line, "reason": none.reason}))
            .collect(),
        findings: shown,
        paths: report.paths.as_deref().map(|paths| super::paths::json(paths, language)),
    };
    // Only a map with keys that are not text, or a failing `Serialize`, could fail here.
    let mut text = serde_json::to_string(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// The findings, made into JSON as they are written.
struct Shown<'r> {
    report: &'r Report,
    language: Language,
    with_passes: bool,
}

impl<'r> Shown<'r> {
    fn lines(&self) -> impl Iterator<Item = &'r Line> + use<'r> {
        let with_passes = self.with_passes;
        self.report.lines.iter().filter(move |line| {
            with_passes || matches!(line.verdict, Verdict::Fail | Verdict::Unknown)
        })
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for line in self.lines() {
            list.serialize_element(&finding(self.report, line, self.language))?;
        }
        list.end()
    }
}

fn described(check: &Check, language: Language) -> Value {
    let mappings: Vec<_> = check
        .mappings
        .iter()
        .map(|mapping| {
            json!({
                "framework": mapping.framework,
                "version": mapping.framework.version(),
                "control": mapping.control,
            })
        })
        .collect();
    json!({
        "id": check.id,
        "severity": severity_name(check.severity),
        "title": check.title.say(language),
        "why": check.why.say(language),
        "fix": check.fix.say(language),
        "mappings": mappings,
    })
}

fn object(report: &Report, index: usize) -> Value {
    let object = &report.objects[index];
    json!({
        "reference": report.references[index],
        "api_version": crate::clean::clean(&object.api_version),
        "kind": crate::clean::clean(&object.kind),
        "namespace": object.namespace.as_deref().map(crate::clean::clean),
        "name": crate::clean::clean(&object.name),
        "source": report.sources[object.source],
        "line": object.root.span.line,
        "seen": object.seen,
        "examined": report.unexamined.binary_search(&index).is_err(),
        "kubesec": report.kubesec[index],
        "kccss": report.kccss[index],
    })
}

fn finding(report: &Report, line: &Line, language: Language) -> Value {
    let reference = &report.references[line.object];
    let mut finding = json!({
        "check": line.check.id,
        "severity": severity_name(line.check.severity),
        "verdict": line.verdict,
        "object": reference,
        "source": report.source_of(line),
        "line": line.line,
        "column": line.column,
    });
    if line.verdict == Verdict::Fail {
        finding["path"] = json!(line.path);
        finding["value"] = json!(line.value);
        finding["standing"] = json!(line.standing);
        finding["fingerprint"] = json!(fingerprint(line.check.id, reference, &line.path));
    }
    if let Some(reason) = &line.reason {
        finding["reason"] = json!(reason.say(language));
    }
    finding
}
