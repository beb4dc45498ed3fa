//! The page of a check, for terminals: what, why, how to fix, whose rule, and manifests that prove it.
//! The words are the check's own.

use posture::check::{Check, Example};
use posture::words::{Language, Words, words};
use std::fmt::Write;

/// The page of a check.
pub fn explain(check: &Check, language: Language) -> String {
    let mut page = String::new();
    let say = |words: Words| words.say(language);
    let _ = writeln!(page, "{} · {:?}\n{}\n", check.id, check.severity, say(check.title));
    let _ = writeln!(page, "{}\n  {}\n", say(WHY), say(check.why));
    let _ = writeln!(page, "{}\n  {}", say(FIX), say(check.fix));
    if let Some(remedy) = check.remedy {
        let note = if remedy.needs_decision { BY_NAME } else { BY_FIX };
        let _ = writeln!(page, "  {}", say(note));
    }
    let _ = writeln!(page, "\n{}", say(RULES));
    for mapping in check.mappings {
        let framework = mapping.framework;
        let _ =
            writeln!(page, "  {} {}: {}", framework.name(), framework.version(), mapping.control);
    }
    for (title, examples) in [(FAILS, check.fails), (PASSES, check.passes)] {
        let _ = writeln!(page, "\n{}", say(title));
        let shown: Vec<String> = examples.iter().map(|example| indented(*example)).collect();
        page.push_str(&shown.join("  ---\n"));
    }
    page
}

fn indented(example: Example) -> String {
    example.manifest().lines().map(|line| format!("  {line}\n")).collect()
}

const WHY: Words = words("Why it matters", "왜 중요합니까");
const FIX: Words = words("How to fix it", "고치는 방법");
const RULES: Words = words("The same in guides and other tools", "지침과 다른 도구의 같은 규칙");
const FAILS: Words = words("This fails", "실패하는 예");
const PASSES: Words = words("This passes", "통과하는 예");
const BY_FIX: Words = words("`--fix` does it.", "`--fix`가 이 일을 합니다.");
const BY_NAME: Words = words(
    "A program may need what it takes away: `--fix` does it only if the check is named by --check.",
    "프로그램에 필요한 것을 없앨 수 있으므로 --check로 이 검사를 지정한 때에만 `--fix`가 고칩니다.",
);
