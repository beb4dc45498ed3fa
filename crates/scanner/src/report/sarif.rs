//! The report as SARIF 2.1.0, for the code views of forges.
//! What could not be read stands in it as notifications of the run, which then was not successful.

use super::{Line, Report, severity_name};
use crate::waivers::{Standing, fingerprint};
use posture::check::{Check, Severity};
use posture::scan::Verdict;
use posture::words::Language;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn write(report: &Report, language: Language) -> String {
    let shown: Vec<_> = report
        .lines
        .iter()
        .filter(|line| matches!(line.verdict, Verdict::Fail | Verdict::Unknown))
        .collect();
    let rules: BTreeMap<&str, &Check> =
        shown.iter().map(|line| (line.check.id, line.check)).collect();
    let numbers: BTreeMap<&str, usize> =
        rules.keys().enumerate().map(|(number, id)| (*id, number)).collect();
    let notifications: Vec<Value> = report
        .failures
        .iter()
        .map(|failure| {
            json!({
                "level": "error",
                "message": {"text": failure.reason},
                "locations": [location(&failure.source, failure.place)],
            })
        })
        .collect();
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: json!({"driver": {
                "name": "sallyport",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.values().map(|check| rule(check, language)).collect::<Vec<_>>(),
            }}),
            column_kind: "unicodeCodePoints",
            invocations: json!([{
                "executionSuccessful": report.failures.is_empty(),
                "toolExecutionNotifications": notifications,
            }]),
            results: Results { report, shown, numbers, language },
        }],
    };
    // Only a map with keys that are not text, or a failing `Serialize`, could fail here.
    let mut text = serde_json::to_string(&log).unwrap_or_default();
    text.push('\n');
    text
}

#[derive(Serialize)]
struct Log<'r> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'r>; 1],
}

#[derive(Serialize)]
struct Run<'r> {
    tool: Value,
    #[serde(rename = "columnKind")]
    column_kind: &'static str,
    invocations: Value,
    results: Results<'r>,
}

/// The results, made into JSON as they are written: there can be very many.
struct Results<'r> {
    report: &'r Report,
    shown: Vec<&'r Line>,
    numbers: BTreeMap<&'r str, usize>,
    language: Language,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.shown.len()))?;
        for line in &self.shown {
            list.serialize_element(&self.result(line))?;
        }
        list.end()
    }
}

impl Results<'_> {
    fn result(&self, line: &Line) -> Value {
        let report = self.report;
        let is_known = line.verdict == Verdict::Fail;
        let title = line.check.title.say(self.language);
        let what = line.reason.as_ref().map_or(title, |reason| reason.say(self.language));
        let value = line.value.as_deref().unwrap_or("(not set)");
        let text =
            if is_known { format!("{what}: {} = {value}", line.path) } else { what.to_owned() };
        let reference = &report.references[line.object];
        let mut result = json!({
            "ruleId": line.check.id,
            "ruleIndex": self.numbers.get(line.check.id),
            "kind": if is_known { "fail" } else { "open" },
            "level": if is_known { level(line.check.severity) } else { "none" },
            "message": {"text": text},
            "locations": [location(report.source_of(line), Some((line.line, line.column)))],
            "partialFingerprints": {"sallyport/v1": fingerprint(line.check.id, reference, &line.path)},
        });
        match &line.standing {
            Standing::Excepted { reason, .. } => {
                let reason = crate::clean::clean(reason);
                result["suppressions"] = json!([{"kind": "external", "justification": reason}]);
            }
            Standing::Known => result["baselineState"] = json!("unchanged"),
            Standing::Open | Standing::Expired { .. } => {}
        }
        result
    }
}

fn rule(check: &Check, language: Language) -> Value {
    let tags: Vec<_> = check
        .mappings
        .iter()
        .map(|mapping| format!("{}: {}", mapping.framework.name(), mapping.control))
        .collect();
    // Forges order findings by this number; the bands are theirs.
    let number = match check.severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "0.0",
    };
    json!({
        "id": check.id,
        "shortDescription": {"text": check.title.say(language)},
        "fullDescription": {"text": check.why.say(language)},
        "help": {"text": check.fix.say(language)},
        "defaultConfiguration": {"level": level(check.severity)},
        "properties": {"tags": tags, "severity": severity_name(check.severity), "security-severity": number},
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

fn location(source: &str, place: Option<(u32, u32)>) -> Value {
    // A URI reference: spaces and the like would not be one.
    let uri: String = source
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect();
    let mut physical = json!({"artifactLocation": {"uri": uri}});
    // What stands in no text is on line 0, which is no line of SARIF's.
    if let Some((line, column)) = place.filter(|(line, _)| *line > 0) {
        physical["region"] = json!({"startLine": line, "startColumn": column});
    }
    json!({"physicalLocation": physical})
}
