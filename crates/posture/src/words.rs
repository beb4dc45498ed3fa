//! Texts in English and Korean.
//! Which of the two a person reads is the caller's to say.

use serde::{Deserialize, Serialize};

/// A language of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

/// A text in both languages; one without the other does not compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// In English.
    pub en: &'static str,
    /// In Korean.
    pub ko: &'static str,
}

impl Words {
    /// The text in a language.
    pub fn say(self, language: Language) -> &'static str {
        match language {
            Language::En => self.en,
            Language::Ko => self.ko,
        }
    }
}

/// A text in both languages.
pub const fn words(en: &'static str, ko: &'static str) -> Words {
    Words { en, ko }
}
