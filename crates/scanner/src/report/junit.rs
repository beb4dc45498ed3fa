//! The report as JUnit's XML: a suite for each object, a case for each check that looked at it.
//! What could not be read is a suite of errors, so that no reader takes the run for whole.

use super::{Line, Report};
use posture::scan::Verdict;
use posture::words::Language;
use std::collections::BTreeMap;

pub(super) fn write(report: &Report, language: Language) -> String {
    let mut suites = String::new();
    let (mut tests, mut failures, mut errors) = (0, 0, 0);
    for (index, reference) in report.references.iter().enumerate() {
        let mut cases: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
        for line in report.lines_of(index) {
            cases.entry(line.check.id).or_default().push(line);
        }
        let (mut body, mut failed, mut unknown) = (String::new(), 0, 0);
        for (id, lines) in &cases {
            let source = report.sources[report.objects[index].source].as_str();
            body.push_str(&format!(
                "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\">",
                xml(id),
                xml(reference),
                xml(source)
            ));
            let open: Vec<_> = lines
                .iter()
                .filter(|line| line.verdict == Verdict::Fail && line.standing.counts())
                .collect();
            if let Some(first) = open.first() {
                failed += 1;
                let places: Vec<String> = open.iter().map(|line| place(report, line)).collect();
                body.push_str(&format!(
                    "<failure message=\"{}\">{}</failure>",
                    xml(first.check.title.say(language)),
                    xml(&places.join("\n"))
                ));
            } else if let Some(line) = lines.iter().find(|line| line.verdict == Verdict::Unknown) {
                unknown += 1;
                let reason = line.reason.as_ref().map_or("", |reason| reason.say(language));
                body.push_str(&format!("<error message=\"{}\"/>", xml(reason)));
            } else if !lines.iter().any(|line| line.verdict == Verdict::Pass) {
                body.push_str("<skipped/>");
            }
            body.push_str("</testcase>\n");
        }
        suites.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"{unknown}\">\n{body}  </testsuite>\n",
            xml(reference), cases.len()
        ));
        (tests, failures, errors) = (tests + cases.len(), failures + failed, errors + unknown);
    }
    if !report.failures.is_empty() {
        let count = report.failures.len();
        suites.push_str(&format!("  <testsuite name=\"(unreadable)\" tests=\"{count}\" failures=\"0\" errors=\"{count}\">\n"));
        for failure in &report.failures {
            let at =
                failure.place.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default();
            suites.push_str(&format!(
                "    <testcase name=\"{}{at}\" classname=\"(unreadable)\"><error message=\"{}\"/></testcase>\n",
                xml(&failure.source), xml(&failure.reason)
            ));
        }
        suites.push_str("  </testsuite>\n");
        (tests, errors) = (tests + count, errors + count);
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"sallyport scan\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">\n{suites}</testsuites>\n"
    )
}

fn place(report: &Report, line: &Line) -> String {
    let value = line.value.as_deref().unwrap_or("(not set)");
    format!("{}: {} = {value}", report.place_of(line), line.path)
}

/// Text for XML. Control characters, which XML cannot hold at all, were made harmless before.
fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}
