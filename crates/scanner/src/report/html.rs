//! The report as one page of HTML: no script, nothing fetched, readable in both themes and on paper.
//! Where it is written or downloaded is the caller's knowledge.
//!
//! Hostile input: names and values of manifests. Every text is escaped, and all of them went through `clean` before.

use super::{Line, Report, severity_name};
use crate::waivers::Standing;
use posture::check::{Check, Framework, Severity};
use posture::scan::Verdict;
use posture::words::{Language, Words, words};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Findings of one check that are written out; the rest is counted. A page of more does not open in a browser.
const SHOWN_MAX: usize = 500;

pub(super) fn write(report: &Report, language: Language) -> String {
    let say = |words: Words| escaped(words.say(language));
    let told = report.told();
    let mut page = String::new();
    let code = match language {
        Language::En => "en",
        Language::Ko => "ko",
    };
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
        title = say(TITLE)
    );
    let _ = writeln!(page, "<table><tbody>");
    for (name, number) in [
        (OBJECTS, told.objects),
        (OPEN, told.open),
        (UNKNOWN, told.unknown),
        (WAIVED, told.waived),
        (UNREADABLE, told.failures),
    ] {
        let _ = writeln!(page, "<tr><th scope=\"row\">{}</th><td>{number}</td></tr>", say(name));
    }
    for severity in SEVERITIES {
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
            badge(severity, language),
            told.by_severity[severity as usize]
        );
    }
    let _ = writeln!(page, "</tbody></table>");
    unreadable(&mut page, report, language);
    paths(&mut page, report, language);
    let mut by_check: BTreeMap<(std::cmp::Reverse<Severity>, &str), Vec<&Line>> = BTreeMap::new();
    for line in &report.lines {
        if matches!(line.verdict, Verdict::Fail | Verdict::Unknown) {
            let key = (std::cmp::Reverse(line.check.severity), line.check.id);
            by_check.entry(key).or_default().push(line);
        }
    }
    if by_check.is_empty() {
        let _ = writeln!(page, "<p>{}</p>", say(NOTHING));
    }
    for lines in by_check.values() {
        if let Some(first) = lines.first() {
            of_check(&mut page, report, first.check, lines, language);
        }
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn of_check(
    page: &mut String,
    report: &Report,
    check: &Check,
    lines: &[&Line],
    language: Language,
) {
    let say = |words: Words| escaped(words.say(language));
    let _ = writeln!(
        page,
        "<section>\n<h2>{} {} <code>{}</code></h2>\n<p>{}</p>\n<p><strong>{}:</strong> {}</p>",
        badge(check.severity, language),
        say(check.title),
        escaped(check.id),
        say(check.why),
        say(FIX),
        say(check.fix),
    );
    let guides: Vec<String> = Framework::ALL
        .iter()
        .filter_map(|framework| {
            let controls: Vec<&str> = check
                .mappings
                .iter()
                .filter(|mapping| mapping.framework == *framework)
                .map(|mapping| mapping.control)
                .collect();
            (!controls.is_empty()).then(|| {
                let name = framework.name();
                escaped(&format!("{name} {}: {}", framework.version(), controls.join(", ")))
            })
        })
        .collect();
    if !guides.is_empty() {
        let _ = writeln!(page, "<p class=\"faint\">{}</p>", guides.join(" · "));
    }
    let _ = writeln!(
        page,
        "<table><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th></tr></thead><tbody>",
        say(OBJECT),
        say(FIELD),
        say(VALUE),
        say(STATE)
    );
    for line in lines.iter().take(SHOWN_MAX) {
        let place = report.place_of(line);
        let reference = &report.references[line.object];
        let place = if place == *reference {
            String::new()
        } else {
            format!("<br><span class=\"faint\">{}</span>", escaped(&place))
        };
        let value = match line.verdict {
            Verdict::Fail => escaped(line.value.as_deref().unwrap_or(UNSET.say(language))),
            _ => line.reason.as_ref().map_or_else(String::new, |r| escaped(r.say(language))),
        };
        let _ = writeln!(
            page,
            "<tr><td><code>{}</code>{place}</td><td><code>{}</code></td><td>{value}</td><td>{}</td></tr>",
            escaped(reference),
            escaped(&line.path),
            standing(line, language)
        );
    }
    page.push_str("</tbody></table>\n");
    if let Some(more) = lines.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        let _ = writeln!(page, "<p class=\"faint\">+ {more}</p>");
    }
    page.push_str("</section>\n");
}

fn standing(line: &Line, language: Language) -> String {
    if line.verdict == Verdict::Unknown {
        return escaped(UNKNOWN.say(language));
    }
    match &line.standing {
        Standing::Open => escaped(OPEN.say(language)),
        Standing::Known => escaped(KNOWN.say(language)),
        Standing::Excepted { reason, owner, expires } => escaped(&format!(
            "{} {expires} · {} · {}",
            EXCEPTED.say(language),
            crate::clean::clean(owner),
            crate::clean::clean(reason)
        )),
        Standing::Expired { owner, expires } => escaped(&format!(
            "{} {expires} · {}",
            EXPIRED.say(language),
            crate::clean::clean(owner)
        )),
    }
}

fn unreadable(page: &mut String, report: &Report, language: Language) {
    if report.failures.is_empty() {
        return;
    }
    let _ = writeln!(page, "<section>\n<h2>{}</h2>\n<ul>", escaped(UNREADABLE.say(language)));
    for failure in &report.failures {
        let place = super::place(&failure.source, failure.place);
        let (place, reason) = (escaped(&place), escaped(&failure.reason));
        let _ = writeln!(page, "<li><code>{place}</code> {reason}</li>");
    }
    page.push_str("</ul>\n</section>\n");
}

fn paths(page: &mut String, report: &Report, language: Language) {
    let Some(paths) = &report.paths else { return };
    let _ = writeln!(page, "<section>\n<h2>{}</h2>", escaped(PATHS.say(language)));
    for path in paths {
        let (from, to) = (escaped(&path.from), escaped(&path.to));
        let _ = writeln!(page, "<h3><code>{from}</code> → <code>{to}</code></h3>");
        if path.hops.is_empty() {
            let _ = writeln!(page, "<p>{}</p>", escaped(NO_PATH.say(language)));
            continue;
        }
        page.push_str("<ol>\n");
        for hop in &path.hops {
            let sure = if hop.certain { "" } else { POSSIBLE.say(language) };
            let _ = writeln!(
                page,
                "<li><code>{}</code> → <code>{}</code>: {}{}<ul>",
                escaped(&hop.from),
                escaped(&hop.to),
                escaped(hop.way.words().say(language)),
                escaped(sure)
            );
            for proof in &hop.proofs {
                let value = proof.value.as_deref().unwrap_or(UNSET.say(language));
                let _ = writeln!(
                    page,
                    "<li class=\"faint\"><code>{}: {} = {}</code></li>",
                    escaped(&proof.object),
                    escaped(&proof.path),
                    escaped(value)
                );
            }
            page.push_str("</ul></li>\n");
        }
        page.push_str("</ol>\n");
    }
    page.push_str("</section>\n");
}

fn badge(severity: Severity, language: Language) -> String {
    let word = match severity {
        Severity::Critical => words("critical", "치명적"),
        Severity::High => words("high", "높음"),
        Severity::Medium => words("medium", "보통"),
        Severity::Low => words("low", "낮음"),
        Severity::Info => words("info", "정보"),
    };
    let name = severity_name(severity);
    format!("<span class=\"badge {name}\">{}</span>", escaped(word.say(language)))
}

/// Text for HTML, also within an attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

const SEVERITIES: [Severity; 5] =
    [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

const STYLE: &str = ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:0}\
main{max-width:76rem;margin:0 auto;padding:1rem}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}\
h3{font-size:1rem}table{border-collapse:collapse;width:100%}th,td{text-align:start;vertical-align:top;\
padding:.25rem .5rem;border-bottom:1px solid #8886;overflow-wrap:anywhere}main>table{width:auto}\
code{font-family:ui-monospace,monospace;font-size:.9em}.faint{opacity:.75}.badge{border:1px solid currentColor;\
border-radius:.25rem;padding:0 .4em;font-size:.85em;font-weight:600}.critical,.high{color:light-dark(#a3170f,#ff8a80)}\
.medium{color:light-dark(#7a4b00,#ffcf70)}.low,.info{color:light-dark(#33506b,#a9c7e8)}";

const TITLE: Words = words("Sallyport scan report", "Sallyport 스캔 보고서");
const OBJECTS: Words = words("Objects", "객체");
const OPEN: Words = words("Open", "열림");
const UNKNOWN: Words = words("Unknown", "알 수 없음");
const WAIVED: Words = words("Known or excepted", "이미 알려졌거나 예외");
const UNREADABLE: Words = words("Could not be read", "읽을 수 없는 것");
const NOTHING: Words = words("Nothing was found.", "발견된 것이 없습니다.");
const FIX: Words = words("What to do", "조치");
const OBJECT: Words = words("Object", "객체");
const FIELD: Words = words("Field", "필드");
const VALUE: Words = words("Value", "값");
const STATE: Words = words("State", "상태");
const UNSET: Words = words("(not set)", "(설정 안 됨)");
const KNOWN: Words = words("In the baseline", "기준선에 있음");
const EXCEPTED: Words = words("Excepted until", "예외 기한");
const EXPIRED: Words = words("The exception ran out on", "예외가 만료된 날");
const PATHS: Words = words("Paths", "경로");
const NO_PATH: Words = words("No path was found.", "경로를 찾지 못했습니다.");
const POSSIBLE: Words = words(" (possible)", " (가능성 있음)");

#[cfg(test)]
mod tests {
    use crate::sources::Source;
    use crate::{Format, Report, Sources, Waivers};
    use posture::words::Language;

    fn page(text: &str, language: Language) -> String {
        let mut sources = Sources::default();
        sources.read.push(Source {
            name: "<b>a.yaml</b>".to_owned(),
            path: None,
            bytes: text.as_bytes().to_vec(),
        });
        let checks: Vec<_> = posture::checks::all().collect();
        let mut report = Report::make(&sources, &checks, &Waivers::default());
        report.find_paths(None).unwrap();
        report.written(Format::Html, language, false)
    }

    #[test]
    fn the_page_tells_findings_and_no_name_becomes_markup() {
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: \"<script>alert(1)</script>\"}\n\
                    spec: {hostPID: true, containers: [{name: a, image: \"x\\\"onload=y\"}]}\n---\nkind: [\n";
        let english = page(text, Language::En);
        assert!(english.contains("host-pid") && english.contains("spec.hostPID"));
        assert!(english.contains("Could not be read"));
        assert!(!english.contains("<script") && !english.contains("<b>"), "{english}");
        assert!(english.contains("&lt;script&gt;"));
        let korean = page(text, Language::Ko);
        assert!(korean.contains("lang=\"ko\"") && korean.contains("읽을 수 없는 것"));
    }
}
