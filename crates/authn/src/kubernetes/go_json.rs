//! JSON as Go reads it: the API server's verdict on a token hangs on how Go treats doubled members, letter
//! case, `null` and broken Unicode, and two parsers of different habits look at each token.
//! What a member means is not known here; the token formats know.
//!
//! A value is a checked slice of the text, taken apart one level at a time, so nothing here recurses and
//! nothing but the wanted members is ever copied. Two readings exist: [`Reading::Standard`] is Go's
//! `encoding/json` (struct members matched without regard to case, the last of several wins, broken UTF-8
//! replaced), [`Reading::Jose`] is the fork inside go-jose (case matters, doubled members are an error).
//!
//! Hostile input: the text is anybody's. Its nesting is bounded by Go's own 10,000 in the standard reading,
//! by the length of the token in the other; time is linear for each level that is opened.

mod scan;

use scan::Scanner;
use std::collections::HashSet;

/// Go's bound on nesting; deeper texts are not JSON to it.
pub(super) const NESTING_MAX: usize = 10_000;

/// Which of Go's parsers is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// `encoding/json`.
    Standard,
    /// The fork in go-jose.
    Jose,
}

/// The text is not what was expected. It is not repeated: it may hold secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum JsonFault {
    /// Not JSON.
    #[error("is not JSON")]
    Syntax,
    /// Nested deeper than Go allows.
    #[error("is nested too deeply")]
    Nesting,
    /// A member occurs twice and the reading forbids it.
    #[error("has a member twice")]
    Doubled,
    /// The value has another type.
    #[error("has a value of the wrong type")]
    Type,
}

/// One JSON value in a text that has been checked as a whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Json<'a>(&'a [u8]);

impl<'a> Json<'a> {
    /// Checks the whole text.
    pub(super) fn parse(text: &'a [u8], reading: Reading) -> Result<Self, JsonFault> {
        let nesting_max = match reading {
            Reading::Standard => NESTING_MAX,
            Reading::Jose => usize::MAX,
        };
        let mut scanner = Scanner::new(text);
        let value = scanner.document(nesting_max)?;
        Ok(Self(value))
    }

    /// Whether it is the literal `null`.
    pub(super) fn is_null(self) -> bool {
        self.0 == b"null"
    }

    /// How long its text is: what opening it costs.
    pub(super) fn text_len(self) -> usize {
        self.0.len()
    }

    /// Whether it is an array.
    pub(super) fn is_array(self) -> bool {
        self.0.first() == Some(&b'[')
    }

    /// Whether a `float64` can hold each number in it; if not, Go decodes none of it into an `any`. One pass over
    /// the text, whatever its nesting.
    pub(super) fn numbers_are_finite(self) -> bool {
        let mut rest = self.0;
        while let Some((&first, after)) = rest.split_first() {
            rest = after;
            match first {
                b'"' => {
                    // To the closing quote; what stands after a backslash closes nothing.
                    let mut escaped = false;
                    let end = rest.iter().position(|&byte| {
                        let closes = byte == b'"' && !escaped;
                        escaped = byte == b'\\' && !escaped;
                        closes
                    });
                    rest = end.and_then(|end| rest.get(end + 1..)).unwrap_or_default();
                }
                b'-' | b'0'..=b'9' => {
                    let inside =
                        |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                    let more = rest.iter().take_while(|byte| inside(byte)).count();
                    let start = self.0.len() - rest.len() - 1;
                    let number = self.0.get(start..=start + more).unwrap_or_default();
                    let number =
                        std::str::from_utf8(number).ok().and_then(|text| text.parse::<f64>().ok());
                    if !number.is_some_and(f64::is_finite) {
                        return false;
                    }
                    rest = rest.get(more..).unwrap_or_default();
                }
                _ => {}
            }
        }
        true
    }

    /// A string, with what is not Unicode replaced as Go does.
    pub(super) fn string(self) -> Result<String, JsonFault> {
        match self.0 {
            [b'"', inner @ .., b'"'] => Ok(scan::unquote(inner)),
            _ => Err(JsonFault::Type),
        }
    }

    /// A string where Go leaves the field as it was for `null`.
    pub(super) fn string_or_null(self) -> Result<Option<String>, JsonFault> {
        if self.is_null() { Ok(None) } else { self.string().map(Some) }
    }

    /// `true` or `false`; `None` for `null`.
    pub(super) fn boolean_or_null(self) -> Result<Option<bool>, JsonFault> {
        match self.0 {
            b"true" => Ok(Some(true)),
            b"false" => Ok(Some(false)),
            b"null" => Ok(None),
            _ => Err(JsonFault::Type),
        }
    }

    /// The text of a number.
    pub(super) fn number(self) -> Result<&'a str, JsonFault> {
        match self.0.first() {
            Some(b'-' | b'0'..=b'9') => std::str::from_utf8(self.0).map_err(|_| JsonFault::Type),
            _ => Err(JsonFault::Type),
        }
    }

    /// The elements of an array.
    pub(super) fn elements(self) -> Result<Vec<Json<'a>>, JsonFault> {
        if self.0.first() != Some(&b'[') {
            return Err(JsonFault::Type);
        }
        let mut scanner = Scanner::new(self.0);
        let mut elements = Vec::new();
        scanner.open();
        while let Some(value) = scanner.element()? {
            elements.push(Json(value));
        }
        Ok(elements)
    }

    /// The members of an object in their order, doubled ones included.
    fn all_members(self) -> Result<Vec<(String, Json<'a>)>, JsonFault> {
        if self.0.first() != Some(&b'{') {
            return Err(JsonFault::Type);
        }
        let mut scanner = Scanner::new(self.0);
        let mut members = Vec::new();
        scanner.open();
        while let Some((name, value)) = scanner.member()? {
            members.push((name, Json(value)));
        }
        Ok(members)
    }

    /// An object as a Go map or struct gets it; `null` is an empty one, as both leave them.
    pub(super) fn object(self, reading: Reading) -> Result<Object<'a>, JsonFault> {
        if self.is_null() {
            return Ok(Object { members: Vec::new(), reading });
        }
        let members = self.all_members()?;
        if reading == Reading::Jose {
            let mut seen = HashSet::new();
            if !members.iter().all(|(name, _)| seen.insert(name.as_str())) {
                return Err(JsonFault::Doubled);
            }
        }
        Ok(Object { members, reading })
    }

    /// What go-jose makes of a value that it decodes whole: no object in it may double a member.
    pub(super) fn refuse_doubled_members(self) -> Result<(), JsonFault> {
        let mut open = vec![self];
        while let Some(value) = open.pop() {
            match value.0.first() {
                Some(b'{') => open.extend(value.object(Reading::Jose)?.members.iter().map(|m| m.1)),
                Some(b'[') => open.extend(value.elements()?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The members of an object.
#[derive(Debug)]
pub(super) struct Object<'a> {
    members: Vec<(String, Json<'a>)>,
    reading: Reading,
}

impl<'a> Object<'a> {
    /// The values that a Go struct assigns to the field of this name, in order: it assigns each, so that the
    /// last one stays and the type of each is checked.
    pub(super) fn field(&self, name: &str) -> impl Iterator<Item = Json<'a>> {
        let folded = (self.reading == Reading::Standard).then(|| fold(name));
        self.members
            .iter()
            .filter(move |(given, _)| match &folded {
                Some(folded) => given == name || fold(given) == *folded,
                None => given == name,
            })
            .map(|(_, value)| *value)
    }

    /// The value that a Go map holds under exactly this key.
    pub(super) fn entry(&self, key: &str) -> Option<Json<'a>> {
        self.members.iter().rev().find(|(given, _)| given == key).map(|(_, value)| *value)
    }

    /// All members.
    pub(super) fn members(&self) -> &[(String, Json<'a>)] {
        &self.members
    }

    /// A string field of a struct: empty unless given, `null` changes nothing.
    pub(super) fn string_field(&self, name: &str) -> Result<String, JsonFault> {
        let mut text = String::new();
        for value in self.field(name) {
            if let Some(given) = value.string_or_null()? {
                text = given;
            }
        }
        Ok(text)
    }
}

/// How `encoding/json` compares the names of struct fields: Unicode simple folding, of which only the
/// Kelvin sign and the long s reach the ASCII letters that our field names consist of.
fn fold(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            '\u{212a}' => 'k',
            '\u{17f}' => 's',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

#[cfg(test)]
mod tests;
