//! The report for programs. Its form is named in it, `sallyport.scan/v1`: fields may be added under that
//! name, none is removed or changes its meaning. `docs/posture.md` describes it.

use super::{Line, Report, severity_name};
use crate::waivers::fingerprint;
use posture::scan::Verdict;
use posture::words::Language;
use serde_json::{Value, json};

pub(super) fn write(report: &Report, language: Language, with_passes: bool) -> String {
    let told = report.told();
    let [info, low, medium, high, critical] = told.by_severity;
    let shown = report
        .lines
        .iter()
        .filter(|line| with_passes || matches!(line.verdict, Verdict::Fail | Verdict::Unknown));
    let document = json!({
        "schema": "sallyport.scan/v1",
        "tool": {"name": "sallyport", "version": env!("CARGO_PKG_VERSION")},
        "summary": {
            "sources": report.sources.len(),
            "objects": told.objects,
            "open": told.open,
            "by_severity": {"critical": critical, "high": high, "medium": medium, "low": low, "info": info},
            "unknown": told.unknown,
            "unreadable": told.failures,
            "waived": told.waived,
        },
        "objects": report.objects.iter().enumerate().map(|(index, object)| json!({
            "reference": report.references[index],
            "api_version": crate::clean::clean(&object.api_version),
            "kind": crate::clean::clean(&object.kind),
            "namespace": object.namespace.as_deref().map(crate::clean::clean),
            "name": crate::clean::clean(&object.name),
            "source": report.sources[object.source],
            "line": object.root.span.line,
            "examined": report.unexamined.binary_search(&index).is_err(),
            "kubesec": report.kubesec[index],
            "kccss": report.kccss[index],
        })).collect::<Vec<_>>(),
        "findings": shown.map(|line| finding(report, line, language)).collect::<Vec<_>>(),
        "unreadable": report.failures.iter().map(|failure| json!({
            "source": failure.source,
            "line": failure.place.map(|place| place.0),
            "column": failure.place.map(|place| place.1),
            "reason": failure.reason,
        })).collect::<Vec<_>>(),
        "not_objects": report.left_out.iter().map(|none| json!({
            "source": none.source, "line": none.line, "reason": none.reason,
        })).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn finding(report: &Report, line: &Line, language: Language) -> Value {
    let mappings: Vec<_> = line
        .check
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
        "check": line.check.id,
        "severity": severity_name(line.check.severity),
        "verdict": line.verdict,
        "standing": line.standing,
        "object": report.references[line.object],
        "title": line.check.title.say(language),
        "reason": line.reason.map(|reason| reason.say(language)),
        "evidence": {
            "path": line.path,
            "value": line.value,
            "source": report.source_of(line),
            "line": line.line,
            "column": line.column,
        },
        "fix": line.check.fix.say(language),
        "mappings": mappings,
        "fingerprint": fingerprint(line.check.id, &report.references[line.object], &line.path),
    })
}
