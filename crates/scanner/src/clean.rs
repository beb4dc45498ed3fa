//! Makes text of strangers harmless to terminals and logs.
//!
//! Hostile input: names and values of manifests can hold escape sequences that rewrite a terminal, line
//! breaks that forge findings, and marks that turn the reading direction; each becomes its code, visibly.

/// The text with every control or direction character replaced by its code.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_harmful(letter) {
            cleaned.push_str(&format!("\\u{{{:x}}}", u32::from(letter)));
        } else {
            cleaned.push(letter);
        }
    }
    cleaned
}

fn is_harmful(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            // Direction marks and isolates, zero-width characters, line and paragraph separators.
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn escapes_become_visible_and_other_text_stays() {
        assert_eq!(clean("\u{1b}[31mred\u{7}\n"), "\\u{1b}[31mred\\u{7}\\u{a}");
        assert_eq!(clean("\u{202e}gnp.exe\u{9b}2J"), "\\u{202e}gnp.exe\\u{9b}2J");
        assert_eq!(clean("이름 é 😀"), "이름 é 😀");
    }
}
