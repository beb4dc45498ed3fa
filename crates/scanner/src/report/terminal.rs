//! The report for people: by object, the worst first, then what could not be read or known, then the sum.
//! Colours only say again what the words say.

use super::{Line, Report, severity_name};
use crate::material::Origin;
use crate::waivers::Standing;
use posture::check::Severity;
use posture::scan::Verdict;
use posture::snapshot::Scope;
use posture::words::{Language, Words, words};
use std::collections::BTreeMap;
use std::fmt::Write;

pub(super) fn write(
    report: &Report,
    language: Language,
    colour: bool,
    with_passes: bool,
) -> String {
    let mut page = Page { text: String::new(), language, colour };
    for index in 0..report.objects.len() {
        let mut shown: Vec<&Line> = report
            .lines_of(index)
            .iter()
            .filter(|line| with_passes || matches!(line.verdict, Verdict::Fail | Verdict::Unknown))
            .collect();
        if shown.is_empty() {
            continue;
        }
        shown
            .sort_by_key(|line| (std::cmp::Reverse(line.check.severity), line.check.id, line.line));
        let (reference, place) = (&report.references[index], report.place_of_object(index));
        // A live object's place is its reference.
        let place =
            if place == *reference { String::new() } else { format!("  {}", page.faint(&place)) };
        page.line(&format!("{}{place}", page.bold(reference)));
        page.lines(report, &shown);
        page.scores(report, index);
        page.line("");
    }
    page.paths(report);
    page.rest(report);
    page.sum(report);
    page.text
}

struct Page {
    text: String,
    language: Language,
    colour: bool,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn say(&self, words: Words) -> &'static str {
        words.say(self.language)
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        self.painted("1", text)
    }

    fn faint(&self, text: &str) -> String {
        self.painted("2", text)
    }

    fn severity(&self, severity: Severity) -> String {
        let code = match severity {
            Severity::Critical => "1;31",
            Severity::High => "31",
            Severity::Medium => "33",
            Severity::Low => "36",
            Severity::Info => "2",
        };
        self.painted(code, &format!("{:<8}", severity_name(severity)))
    }

    fn lines(&mut self, report: &Report, shown: &[&Line]) {
        let mut previous = "";
        for line in shown {
            if line.check.id != previous || line.verdict != Verdict::Fail {
                let word = match line.verdict {
                    Verdict::Fail => self.severity(line.check.severity),
                    Verdict::Unknown => self.painted("35", &format!("{:<8}", self.say(UNKNOWN))),
                    Verdict::Pass => self.painted("32", &format!("{:<8}", self.say(PASS))),
                    Verdict::NotApplicable => {
                        self.faint(&format!("{:<8}", self.say(NOT_APPLICABLE)))
                    }
                };
                let title = match line.verdict {
                    Verdict::Fail => self.say(line.check.title),
                    _ => line.reason.as_ref().map_or("", |reason| reason.say(self.language)),
                };
                self.line(&format!("  {word} {:<28} {title}", line.check.id));
                previous = line.check.id;
            }
            if line.verdict == Verdict::Fail {
                let value = line.value.as_deref().unwrap_or_else(|| self.say(UNSET));
                let place = report.place_of(line);
                let is_told = place == report.references[line.object];
                let place =
                    if is_told { String::new() } else { format!("  {}", self.faint(&place)) };
                let standing = self.standing(&line.standing);
                self.line(&format!("           {} = {value}{place}{standing}", line.path));
            }
        }
    }

    fn standing(&self, standing: &Standing) -> String {
        match standing {
            Standing::Open => String::new(),
            Standing::Known => format!("  ({})", self.say(KNOWN)),
            Standing::Excepted { reason, owner, expires } => format!(
                "  ({} {expires}, {}: {})",
                self.say(EXCEPTED),
                crate::clean::clean(owner),
                crate::clean::clean(reason)
            ),
            Standing::Expired { owner, expires } => {
                format!("  ({} {expires}, {})", self.say(EXPIRED), crate::clean::clean(owner))
            }
        }
    }

    fn scores(&mut self, report: &Report, index: usize) {
        let mut scores = Vec::new();
        if let Some(kubesec) = &report.kubesec[index] {
            scores.push(format!("kubesec {}", kubesec.score));
        }
        if let Some(kccss) = &report.kccss[index] {
            scores.push(format!("KCCSS {:.1} ({})", kccss.score, kccss.band));
        }
        if !scores.is_empty() {
            let scores = self.faint(&scores.join(" · "));
            self.line(&format!("  {scores}"));
        }
    }

    fn paths(&mut self, report: &Report) {
        let Some(paths) = &report.paths else { return };
        let title = self.bold(self.say(PATHS));
        self.line(&title);
        let whole = matches!(&report.scope, Scope::Cluster { unseen } if unseen.is_empty());
        let text = super::paths::text(paths, whole, self.language);
        self.text.push_str(&text);
    }

    fn rest(&mut self, report: &Report) {
        if !report.failures.is_empty() {
            let title = self.painted("1;31", self.say(UNREADABLE));
            self.line(&title);
            for failure in &report.failures {
                let place = failure
                    .place
                    .map(|(line, column)| format!(":{line}:{column}"))
                    .unwrap_or_default();
                self.line(&format!("  {}{place}  {}", failure.source, failure.reason));
            }
            self.line("");
        }
        if !report.left_out.is_empty() {
            let title = self.bold(self.say(LEFT_OUT));
            self.line(&title);
            for none in &report.left_out {
                self.line(&format!("  {}:{}  {}", none.source, none.line, none.reason));
            }
            self.line("");
        }
        if !report.unexamined.is_empty() {
            let title = self.bold(self.say(UNEXAMINED));
            self.line(&title);
            if report.origin == Origin::Files {
                for index in &report.unexamined {
                    let place = report.place_of_object(*index);
                    self.line(&format!("  {}  {place}", report.references[*index]));
                }
            } else {
                // A cluster has many of a kind, and nobody is to blame for one.
                let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
                for index in &report.unexamined {
                    let kind = crate::clean::clean(&report.objects[*index].kind);
                    *kinds.entry(kind).or_default() += 1;
                }
                for (kind, count) in kinds {
                    self.line(&format!("  {kind} ({count})"));
                }
            }
            self.line("");
        }
    }

    fn sum(&mut self, report: &Report) {
        let told = report.told();
        let [info, low, medium, high, critical] = told.by_severity;
        let mut sum = String::new();
        let (files, objects) = (report.sources.len(), told.objects);
        let by_severity = match self.language {
            Language::En => {
                format!("{critical} critical, {high} high, {medium} medium, {low} low, {info} info")
            }
            Language::Ko => {
                format!("치명적 {critical}, 높음 {high}, 보통 {medium}, 낮음 {low}, 정보 {info}")
            }
        };
        let _ = match (self.language, report.origin) {
            (Language::En, Origin::Files) => write!(
                sum,
                "{} open findings in {objects} objects of {files} files: {by_severity}",
                told.open
            ),
            (Language::En, Origin::Cluster) => write!(
                sum,
                "{} open findings in {objects} objects of the cluster: {by_severity}",
                told.open
            ),
            (Language::En, Origin::Node) => write!(
                sum,
                "{} open findings in {objects} parts of the node: {by_severity}",
                told.open
            ),
            (Language::En, Origin::Image) => {
                write!(sum, "{} open findings in the image: {by_severity}", told.open)
            }
            (Language::Ko, Origin::Image) => {
                write!(sum, "이미지에서 열린 발견 {}건: {by_severity}", told.open)
            }
            (Language::Ko, Origin::Files) => write!(
                sum,
                "파일 {files}개의 객체 {objects}개에서 열린 발견 {}건: {by_severity}",
                told.open
            ),
            (Language::Ko, Origin::Cluster) => write!(
                sum,
                "클러스터의 객체 {objects}개에서 열린 발견 {}건: {by_severity}",
                told.open
            ),
            (Language::Ko, Origin::Node) => write!(
                sum,
                "노드의 구성 요소 {objects}개에서 열린 발견 {}건: {by_severity}",
                told.open
            ),
        };
        let sum = self.bold(&sum);
        self.line(&sum);
        for (count, label) in
            [(told.unknown, UNKNOWN_SUM), (told.failures, FAILURE_SUM), (told.waived, WAIVED_SUM)]
        {
            if count > 0 {
                let label = self.say(label);
                self.line(&format!("{count} {label}"));
            }
        }
    }
}

const UNKNOWN: Words = words("unknown", "알 수 없음");
const PASS: Words = words("pass", "통과");
const NOT_APPLICABLE: Words = words("n/a", "해당 없음");
const UNSET: Words = words("(not set)", "(설정 안 됨)");
const KNOWN: Words = words("in the baseline", "기준선에 있음");
const EXCEPTED: Words = words("excepted until", "예외 기한");
const EXPIRED: Words = words("the exception ran out on", "예외가 만료된 날");
const PATHS: Words = words("Paths", "경로");
const UNREADABLE: Words = words("Could not be read", "읽을 수 없는 것");
const LEFT_OUT: Words = words("Not Kubernetes objects", "Kubernetes 객체가 아닌 것");
const UNEXAMINED: Words =
    words("Kinds that none of these checks looks at", "이번 검사 가운데 살펴보는 것이 없는 종류");
const UNKNOWN_SUM: Words = words("could not be known", "건은 알 수 없었습니다");
const FAILURE_SUM: Words = words(
    "could not be read: the scan is not whole",
    "건은 읽을 수 없었습니다. 검사가 완전하지 않습니다",
);
const WAIVED_SUM: Words = words("are known or excepted", "건은 이미 알려졌거나 예외입니다");
