//! Redaction of JSON: the text is walked once and copied, with what is secret replaced by strings.
//! Spacing and order stay; nothing is parsed into values. Which words are secret in Kubernetes is known here
//! and nowhere else.
//!
//! Rules: in a document that is, holds or may be a Secret, everything under `data`, `stringData`, `value`
//! (JSON Patch, etcd), `patch` (admission) and `blob` (etcd's snapshots) goes. Everywhere the last-applied
//! annotation, string values of token-like keys, and JWTs, bearer tokens and private keys in any string go.
//!
//! Hostile input: no recursion; depth is bounded by [`DEPTH_MAX`]; what is not well-formed gives nothing. A
//! document that hides letters behind `\u` escapes, which no encoder does, gives nothing either.

use super::Redactor;
use memchr::{memchr2, memmem};

/// The API server refuses documents nested deeper than 10,000 and real ones reach 30; custom resource
/// definitions with schemas 60.
const DEPTH_MAX: usize = 512;

/// Under these everything is hidden in documents that may be Secrets.
const SECRET_TREES: [&str; 5] = ["data", "stringData", "value", "patch", "blob"];
/// The string under one of these is hidden in any document.
const SECRET_STRINGS: [&str; 15] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "token",
    "id_token",
    "access_token",
    "refresh_token",
    "id-token",
    "refresh-token",
    "bearerToken",
    "password",
    // Of etcd's users.
    "hashedPassword",
    "clientSecret",
    "client_secret",
    "client-key-data",
    "clientKeyData",
    "privateKey",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    CommaOrEnd,
}

/// What is copied, if anything is.
struct Output<'r> {
    redactor: Option<&'r Redactor>,
    text: String,
}

impl Output<'_> {
    fn push_str(&mut self, text: &str) {
        if self.redactor.is_some() {
            self.text.push_str(text);
        }
    }

    fn placeholder(&mut self, secret: &str) {
        if let Some(redactor) = self.redactor {
            self.text.push_str(&redactor.placeholder(secret));
        }
    }

    /// Text in which tokens may stand.
    fn redacted(&mut self, text: &str) {
        if let Some(redactor) = self.redactor {
            self.text.push_str(&redactor.text(text));
        }
    }
}

struct Level {
    is_object: bool,
    hidden: bool,
}

/// Copies JSON with what is secret replaced; none if it is not JSON (or several documents of it).
pub(super) fn redact(redactor: &Redactor, text: &str, may_be_secret: bool) -> Option<String> {
    let holds = |word: &str| memmem::find(text.as_bytes(), word.as_bytes()).is_some();
    let secret = may_be_secret || holds("\"Secret\"") || holds("\"SecretList\"");
    walk(Some(redactor), text, secret).map(|(output, _)| output)
}

/// Whether this is one document, and can be redacted.
pub(super) fn is_one_document(text: &str) -> bool {
    walk(None, text, false).is_some_and(|(_, documents)| documents == 1)
}

/// Walks documents and counts them; with a redactor they are copied.
fn walk(redactor: Option<&Redactor>, text: &str, secret: bool) -> Option<(String, usize)> {
    if hides_letters(text) {
        return None;
    }
    // Asked of the whole first: most documents hold none, and then no string need be asked.
    let holds_token = redactor.is_some() && may_hold_token(text);
    let mut output =
        Output { redactor, text: String::with_capacity(redactor.map_or(0, |_| text.len())) };
    let mut levels: Vec<Level> = Vec::new();
    let mut expect = Expect::Value;
    // What the last key says of its value.
    let (mut hide_tree, mut hide_string) = (false, false);
    let mut rest = text;
    let mut documents = 0;
    loop {
        let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        output.push_str(&rest[..rest.len() - trimmed.len()]);
        rest = trimmed;
        let Some(first) = rest.as_bytes().first().copied() else { break };
        let inherited = levels.last().is_some_and(|level| level.hidden);
        let wants_value = matches!(expect, Expect::Value | Expect::ValueOrEnd);
        match first {
            b'{' | b'[' if wants_value => {
                if levels.len() >= DEPTH_MAX {
                    return None;
                }
                let is_object = first == b'{';
                levels.push(Level { is_object, hidden: inherited || hide_tree });
                (hide_tree, hide_string) = (false, false);
                expect = if is_object { Expect::KeyOrEnd } else { Expect::ValueOrEnd };
                rest = copy(&mut output, rest, 1);
            }
            b'}' | b']' => {
                let level = levels.pop()?;
                let open = match expect {
                    Expect::CommaOrEnd => true,
                    Expect::KeyOrEnd => level.is_object,
                    Expect::ValueOrEnd => !level.is_object,
                    Expect::Value | Expect::Key => false,
                };
                if !open || level.is_object != (first == b'}') {
                    return None;
                }
                rest = copy(&mut output, rest, 1);
                expect = after_value(&levels, &mut documents);
            }
            b',' if expect == Expect::CommaOrEnd => {
                expect = match levels.last()?.is_object {
                    true => Expect::Key,
                    false => Expect::Value,
                };
                rest = copy(&mut output, rest, 1);
            }
            b'"' if matches!(expect, Expect::Key | Expect::KeyOrEnd) => {
                let length = string(rest)?;
                let key = rest.get(1..length - 1)?;
                hide_tree = secret && SECRET_TREES.contains(&key);
                hide_string = SECRET_STRINGS.contains(&key);
                rest = copy(&mut output, rest, length);
                let value = rest.trim_start_matches([' ', '\t', '\n', '\r']);
                if !value.starts_with(':') {
                    return None;
                }
                let colon = rest.len() - value.len() + 1;
                rest = copy(&mut output, rest, colon);
                expect = Expect::Value;
            }
            b'"' if wants_value => {
                let length = string(rest)?;
                let inner = rest.get(1..length - 1)?;
                output.push_str("\"");
                match inherited || hide_tree || hide_string {
                    true if inner.is_empty() => {}
                    true => output.placeholder(inner),
                    false => match holds_token && may_hold_token(inner) {
                        true => output.redacted(inner),
                        false => output.push_str(inner),
                    },
                }
                output.push_str("\"");
                rest = rest.get(length..)?;
                (hide_tree, hide_string) = (false, false);
                expect = after_value(&levels, &mut documents);
            }
            _ if wants_value => {
                let length = scalar(rest)?;
                let value = rest.get(..length)?;
                match (inherited || hide_tree) && value != "null" {
                    true => {
                        output.push_str("\"");
                        output.placeholder(value);
                        output.push_str("\"");
                    }
                    false => output.push_str(value),
                }
                rest = rest.get(length..)?;
                (hide_tree, hide_string) = (false, false);
                expect = after_value(&levels, &mut documents);
            }
            _ => return None,
        }
    }
    (levels.is_empty() && documents > 0).then_some((output.text, documents))
}

fn after_value(levels: &[Level], documents: &mut usize) -> Expect {
    match levels.is_empty() {
        true => {
            *documents += 1;
            Expect::Value
        }
        false => Expect::CommaOrEnd,
    }
}

fn copy<'a>(output: &mut Output<'_>, rest: &'a str, length: usize) -> &'a str {
    let (part, rest) = rest.split_at(length);
    output.push_str(part);
    rest
}

/// The length of the string that begins here, with its quotes.
fn string(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut place = 1;
    loop {
        place += memchr2(b'"', b'\\', bytes.get(place..)?)?;
        match bytes.get(place) {
            Some(b'"') => return Some(place + 1),
            // Whatever is escaped, it does not end the string.
            _ => place += 2,
        }
    }
}

/// The length of the number or word that begins here.
fn scalar(rest: &str) -> Option<usize> {
    let length = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)))
        .unwrap_or(rest.len());
    let value = rest.get(..length)?;
    let is_number = value.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && value.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    (is_number || matches!(value, "true" | "false" | "null")).then_some(length)
}

fn may_hold_token(text: &str) -> bool {
    ["eyJ", "earer ", "PRIVATE KEY-----"]
        .iter()
        .any(|word| memmem::find(text.as_bytes(), word.as_bytes()).is_some())
}

/// Whether an ASCII letter is written as an escape, by which a key could be disguised. A backslash that is itself
/// escaped begins none.
fn hides_letters(text: &str) -> bool {
    const ESCAPE: &str = "\\u00";
    memmem::find_iter(text.as_bytes(), ESCAPE.as_bytes()).any(|place| {
        let before = text.as_bytes().get(..place).unwrap_or_default();
        let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        let code = text.get(place + ESCAPE.len()..place + ESCAPE.len() + 2).unwrap_or_default();
        let is_letter = u8::from_str_radix(code, 16).is_ok_and(|byte| byte.is_ascii_alphabetic());
        is_letter && backslashes % 2 == 0
    })
}
