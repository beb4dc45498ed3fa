//! The tables of documents: every check of ours, and each rule of guides and other tools with ours beside it.
//! Written from the checks' own data, so that a table that is stale fails a test.

use crate::check::{Check, Framework, Severity};
use crate::checks;
use crate::words::{Language, Words, words};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Checkov's rules on admission plugins that no supported API server has, and on a version it did not name.
const CHECKOV_GONE: &[u16] = &[81, 84];
/// Checkov's rules on PodSecurityPolicy, a kind that no supported API server has.
const CHECKOV_PSP: &[u16] = &[1, 2, 3, 4, 5, 6, 7, 24, 32, 36];

/// The page of tables.
pub fn page(language: Language) -> String {
    let say = |words: Words| words.say(language);
    let mut page = format!("# {}\n\n{}\n\n## {}\n", say(TITLE), say(INTRODUCTION), say(OURS));
    for (family, checks) in checks::families() {
        let _ = write!(
            page,
            "\n### {}\n\n| {} | {} | {} | {} |\n| --- | --- | --- | --- |\n",
            say(*family),
            say(CHECK),
            say(SEVERITY),
            say(WHAT),
            say(FIX)
        );
        for check in *checks {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                check.id,
                severity(check.severity, language),
                check.title.say(language),
                fix(check, language)
            );
        }
    }
    let _ = write!(page, "\n## {}\n", say(THEIRS));
    for framework in Framework::ALL {
        let mut controls: BTreeMap<Vec<Part>, (&str, Vec<&str>)> = BTreeMap::new();
        for check in checks::all() {
            for mapping in check.mappings.iter().filter(|mapping| mapping.framework == *framework) {
                controls
                    .entry(natural(mapping.control))
                    .or_insert((mapping.control, Vec::new()))
                    .1
                    .push(check.id);
            }
        }
        let _ = write!(
            page,
            "\n### {} {}\n\n| {} | {} |\n| --- | --- |\n",
            framework.name(),
            framework.version(),
            say(RULE),
            say(CHECKS)
        );
        for (control, ids) in controls.values() {
            let ids: Vec<_> = ids.iter().map(|id| format!("`{id}`")).collect();
            let _ = writeln!(page, "| {control} | {} |", ids.join(", "));
        }
        if *framework == Framework::Checkov {
            let numbers =
                |numbers: &[u16]| numbers.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
            let _ = write!(
                page,
                "\n{} {}.\n\n{} {}.\n",
                say(PSP),
                numbers(CHECKOV_PSP),
                say(GONE),
                numbers(CHECKOV_GONE)
            );
        }
    }
    page
}

/// A part of an id: numbers are ordered as numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Text(String),
    Number(u64),
}

fn natural(control: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = control;
    while let Some(first) = rest.chars().next() {
        let digit = first.is_ascii_digit();
        let end = rest.find(|letter: char| letter.is_ascii_digit() != digit).unwrap_or(rest.len());
        let part = &rest[..end];
        parts.push(match part.parse() {
            Ok(number) if digit => Part::Number(number),
            _ => Part::Text(part.to_owned()),
        });
        rest = &rest[end..];
    }
    parts
}

fn severity(severity: Severity, language: Language) -> &'static str {
    let words = match severity {
        Severity::Info => words("info", "정보"),
        Severity::Low => words("low", "낮음"),
        Severity::Medium => words("medium", "보통"),
        Severity::High => words("high", "높음"),
        Severity::Critical => words("critical", "치명적"),
    };
    words.say(language)
}

fn fix(check: &Check, language: Language) -> &'static str {
    let words = match check.remedy {
        None => words("a person", "사람"),
        Some(remedy) if remedy.needs_decision => words("`--fix --check`", "`--fix --check`"),
        Some(_) => words("`--fix`", "`--fix`"),
    };
    words.say(language)
}

const TITLE: Words = words("Posture checks", "보안 상태 검사");
const INTRODUCTION: Words = words(
    "Written from the checks themselves. `sallyport scan explain ID` shows one whole, with examples; ID can be any of the rules below.",
    "검사 자체에서 만들어진 문서입니다. `sallyport scan explain ID`는 예와 함께 검사 하나를 보여 줍니다. ID에는 아래의 어떤 규칙이든 쓸 수 있습니다.",
);
const OURS: Words = words("Our checks", "검사 목록");
const THEIRS: Words = words("The rules of guides and other tools", "지침과 다른 도구의 규칙");
const CHECK: Words = words("check", "검사");
const SEVERITY: Words = words("severity", "심각도");
const WHAT: Words = words("what is wrong", "무엇이 잘못되었는지");
const FIX: Words = words("fixed by", "고치는 주체");
const RULE: Words = words("rule", "규칙");
const CHECKS: Words = words("checks", "검사");
const PSP: Words = words(
    "On PodSecurityPolicy, which Kubernetes removed in 1.25 (`api-removed` tells that): CKV_K8S",
    "Kubernetes 1.25에서 사라진 PodSecurityPolicy에 관한 규칙(`api-removed`가 알려 줍니다): CKV_K8S",
);
const GONE: Words = words(
    "On admission plugins that Kubernetes removed (SecurityContextDeny in 1.30, PodSecurityPolicy in 1.25): CKV_K8S",
    "Kubernetes에서 사라진 어드미션 플러그인에 관한 규칙(SecurityContextDeny는 1.30, PodSecurityPolicy는 1.25): CKV_K8S",
);
