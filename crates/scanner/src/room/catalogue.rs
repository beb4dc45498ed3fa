//! The checks as the room tells them, and which of them a guide, a threat or a text means.
//! What a check is, and its words, is `posture`'s.

use posture::check::{Check, Framework};
use posture::words::Language;

/// The word for a framework in addresses and JSON.
pub(super) fn framework_word(framework: Framework) -> String {
    // A unit variant is one text.
    match serde_json::to_value(framework) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The framework of this word.
pub(super) fn framework(word: &str) -> Option<Framework> {
    Framework::ALL.iter().copied().find(|framework| framework_word(*framework) == word)
}

/// What of the checks is wanted.
#[derive(Debug, Default)]
pub(super) struct Wanted<'q> {
    pub(super) check: Option<&'q str>,
    pub(super) threat: Option<&'q str>,
    pub(super) framework: Option<Framework>,
    pub(super) control: Option<&'q str>,
}

impl Wanted<'_> {
    /// The ids of the checks that are meant; none, if all are.
    pub(super) fn checks(&self) -> Option<Vec<String>> {
        let is_all = self.check.is_none()
            && self.threat.is_none()
            && self.framework.is_none()
            && self.control.is_none();
        (!is_all).then(|| {
            let means = |check: &&Check| {
                self.check.is_none_or(|id| check.id == id)
                    && self
                        .threat
                        .is_none_or(|threat| has(check, Some(Framework::Threat), Some(threat)))
                    && (self.framework.is_none() && self.control.is_none()
                        || has(check, self.framework, self.control))
            };
            posture::checks::all().filter(means).map(|check| check.id.to_owned()).collect()
        })
    }
}

fn has(check: &Check, framework: Option<Framework>, control: Option<&str>) -> bool {
    check.mappings.iter().any(|mapping| {
        framework.is_none_or(|framework| mapping.framework == framework)
            && control.is_none_or(|control| mapping.control.eq_ignore_ascii_case(control))
    })
}

/// The checks whose title has this text.
pub(super) fn titled(text: &str, language: Language) -> Vec<String> {
    let wanted = text.to_lowercase();
    posture::checks::all()
        .filter(|check| check.title.say(language).to_lowercase().contains(&wanted))
        .map(|check| check.id.to_owned())
        .collect()
}

/// The check of this id.
pub(super) fn check(id: &str) -> Option<&'static Check> {
    posture::checks::all().find(|check| check.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frameworks_have_words_and_choose_checks() {
        for each in Framework::ALL {
            assert_eq!(framework(&framework_word(*each)), Some(*each));
        }
        assert_eq!(framework("nobody"), None);
        assert_eq!(Wanted::default().checks(), None);
        let of = |wanted: Wanted<'_>| wanted.checks().unwrap();
        let escape = of(Wanted { threat: Some("E6"), ..Wanted::default() });
        assert!(escape.contains(&"privileged-container".to_owned()));
        let both =
            Wanted { threat: Some("E6"), framework: Some(Framework::Checkov), ..Wanted::default() };
        assert!(of(both).len() < escape.len());
        assert!(of(Wanted { threat: Some("E99"), ..Wanted::default() }).is_empty());
        assert!(of(Wanted { check: Some("no-such"), ..Wanted::default() }).is_empty());
        assert!(!titled("privileged", Language::En).is_empty());
        assert!(titled("특권", Language::Ko) != titled("특권", Language::En));
    }
}
