//! Redaction: what must not be shown is replaced before a unit leaves the decoder.
//! [`json`] knows the bodies; here are header fields, URLs and free text. Nobody downstream sees what was
//! replaced, and nobody upstream prints.
//!
//! A replacement is a keyed hash (HMAC-SHA256, cut to 64 bits) of what stood there, so that two equal
//! tokens are seen to be equal, and nobody without the key can test a guess.
//!
//! Hostile input: what cannot be parsed is not shown at all, and a field whose name is unknown is taken for
//! a secret.

mod json;

use crate::cbor;
use crate::http2::hpack::Text;
use crate::objects;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use memchr::memmem;

/// A subject longer than this is no Kubernetes user's.
const SUBJECT_BYTES_MAX: usize = 256;

/// Content as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The media type, as its sender said.
    pub media_type: Option<String>,
    /// Bytes of the content as it was carried, before any decompression.
    pub length: u64,
    /// What may be seen.
    pub content: Content,
}

/// What may be seen of content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// JSON, redacted.
    Json(String),
    /// Text, redacted.
    Text(String),
    /// Nothing but this.
    Omitted {
        /// Why.
        reason: Omission,
        /// A keyed hash of the content, by which equal contents are seen to be equal. None if not all of
        /// it was there.
        fingerprint: Option<String>,
    },
}

/// Why content is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Omission {
    /// A type that is not decoded here, of which it cannot be told what in it is secret.
    Undecoded,
    /// It may be a Secret, and is not JSON.
    Secret,
    /// Parts of it are missing from the capture.
    Gap,
    /// It is larger than the bound.
    OverBound,
    /// It says that it is JSON, or compressed, and is not.
    Malformed,
    /// What a person types is not shown.
    Input,
}

impl Omission {
    /// The reason as a word for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Undecoded => "undecoded",
            Self::Secret => "secret",
            Self::Gap => "gap",
            Self::OverBound => "over_bound",
            Self::Malformed => "malformed",
            Self::Input => "input",
        }
    }
}

/// Replaces what must not be shown.
pub struct Redactor {
    key: hmac::Key,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(…)")
    }
}

impl Redactor {
    /// A redactor whose replacements are comparable with those of all others of the same key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// 16 hexadecimal digits that stand for these bytes.
    pub(crate) fn fingerprint(&self, bytes: &[u8]) -> String {
        let tag = hmac::sign(&self.key, bytes);
        tag.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// What is shown instead.
    pub(crate) fn placeholder(&self, secret: &str) -> String {
        format!("[redacted:{}]", self.fingerprint(secret.as_bytes()))
    }

    /// JSON with what is secret replaced; none if it is not JSON.
    pub fn json(&self, text: &str, may_be_secret: bool) -> Option<String> {
        json::redact(self, text, may_be_secret)
    }

    /// An object in Kubernetes' protobuf as the JSON that the API server would have sent of it, redacted; none if it is
    /// none, or would be longer than the bound.
    pub fn protobuf(
        &self,
        bytes: &[u8],
        may_be_secret: bool,
        json_bytes_max: usize,
    ) -> Option<String> {
        self.json(&objects::object(bytes, self, json_bytes_max).ok()?, may_be_secret)
    }

    /// The same of CBOR.
    pub fn cbor(&self, bytes: &[u8], may_be_secret: bool, json_bytes_max: usize) -> Option<String> {
        self.json(&cbor::json(bytes, json_bytes_max).ok()?, may_be_secret)
    }

    /// Whether a text is one JSON document, which may stand within another.
    pub(crate) fn is_one_document(text: &str) -> bool {
        json::is_one_document(text)
    }

    /// A header field as it may be shown.
    pub(crate) fn field(&self, name: &Text, value: &Text) -> Option<String> {
        let value = value.as_deref()?;
        let Some(name) = name.as_deref() else { return Some(self.placeholder(value)) };
        Some(match name.to_ascii_lowercase().as_str() {
            "authorization" | "proxy-authorization" => self.credential(value),
            "cookie" => self.pairs(value, ';'),
            "set-cookie" => match value.split_once('=') {
                Some((name, rest)) => {
                    let secret = rest.split(';').next().unwrap_or(rest);
                    let attributes = rest.get(secret.len()..).unwrap_or_default();
                    format!("{name}={}{attributes}", self.placeholder(secret))
                }
                None => self.placeholder(value),
            },
            "sec-websocket-protocol" => self.subprotocols(value),
            ":path" | "location" | "referer" | "content-location" => self.path(value),
            // etcd's clients send theirs as `token`.
            "x-csrf-token" | "x-api-key" | "x-auth-token" | "x-vault-token" | "token" => {
                self.placeholder(value)
            }
            _ => self.text(value),
        })
    }

    /// A path or URL as it may be shown: without the values of parameters that carry credentials.
    pub(crate) fn path(&self, path: &str) -> String {
        let Some((before, query)) = path.split_once('?') else { return self.text(path) };
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) if is_credential(name) && !value.is_empty() => {
                    format!("{name}={}", self.placeholder(value))
                }
                _ => self.text(pair),
            })
            .collect();
        format!("{}?{}", self.text(before), pairs.join("&"))
    }

    /// Free text as it may be shown: tokens and private keys are found by their form.
    pub fn text(&self, text: &str) -> String {
        if text.contains("PRIVATE KEY-----") {
            return self.placeholder(text);
        }
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((start, length)) = next_token(rest) {
            let (before, token) = rest.split_at(start);
            let (token, after) = token.split_at(length);
            shown.push_str(before);
            shown.push_str(&self.token(token));
            rest = after;
        }
        shown.push_str(rest);
        shown
    }

    /// An `Authorization` value: the scheme may be seen.
    fn credential(&self, value: &str) -> String {
        match value.trim().split_once(' ') {
            Some((scheme, secret)) if scheme.len() <= 16 => {
                format!("{scheme} {}", self.token(secret.trim()))
            }
            _ => self.placeholder(value),
        }
    }

    /// A token; of a JWT the subject it claims may be seen, because it tells who asks.
    fn token(&self, token: &str) -> String {
        match subject(token) {
            Some(subject) => {
                format!("[redacted:{} sub={subject}]", self.fingerprint(token.as_bytes()))
            }
            None => self.placeholder(token),
        }
    }

    fn pairs(&self, value: &str, separator: char) -> String {
        let pairs: Vec<String> = value
            .split(separator)
            .map(|pair| match pair.trim().split_once('=') {
                Some((name, secret)) => format!("{name}={}", self.placeholder(secret)),
                None => self.placeholder(pair.trim()),
            })
            .collect();
        pairs.join("; ")
    }

    /// Kubernetes lets browsers send their token as a subprotocol.
    fn subprotocols(&self, value: &str) -> String {
        const BEARER: &str = "base64url.bearer.authorization.k8s.io.";
        let protocols: Vec<String> = value
            .split(',')
            .map(|protocol| match protocol.trim().strip_prefix(BEARER) {
                Some(token) => format!("{BEARER}{}", self.placeholder(token)),
                None => self.text(protocol.trim()),
            })
            .collect();
        protocols.join(", ")
    }
}

/// Whether text holds a Secret or a private key, as far as its words tell: of YAML, of JSON, and of JSON in a string.
pub(crate) fn holds_secret(text: &str) -> bool {
    const WORDS: [&str; 7] = [
        "kind: Secret",
        "kind: 'Secret",
        "\"Secret\"",
        "\"SecretList\"",
        "\"Secret\\\"",
        "\"SecretList\\\"",
        "PRIVATE KEY-----",
    ];
    WORDS.iter().any(|word| memmem::find(text.as_bytes(), word.as_bytes()).is_some())
}

/// Whether a parameter of this name carries a credential.
fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "password", "secret", "signature", "credential", "apikey", "api_key", "assertion"]
        .iter()
        .any(|word| name.contains(word))
        || matches!(name.as_str(), "code" | "sig" | "key" | "state" | "ticket" | "session")
}

/// Where in a text the next token is: a JWT, or what follows `Bearer`.
fn next_token(text: &str) -> Option<(usize, usize)> {
    let of_token = |c: char| c.is_ascii_alphanumeric() || "-_.=+/~".contains(c);
    let length = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        rest.find(|c| !of_token(c)).unwrap_or(rest.len())
    };
    let jwt = text.match_indices("eyJ").map(|(start, _)| (start, length(start))).find(|found| {
        let token = text.get(found.0..found.0 + found.1).unwrap_or_default();
        token.len() > 20 && token.contains('.')
    });
    let bearer = ["Bearer ", "bearer "].iter().filter_map(|word| {
        let start = text.find(word)? + word.len();
        Some((start, length(start))).filter(|(_, length)| *length >= 6)
    });
    bearer.chain(jwt).min()
}

/// The subject that a JWT claims, if it is written as names are.
fn subject(token: &str) -> Option<String> {
    let claims = token.strip_prefix("eyJ").and(token.split('.').nth(1))?;
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let rest = claims.split_once("\"sub\":\"")?.1;
    let subject = rest.split_once('"')?.0;
    let plain = |c: char| c.is_ascii_alphanumeric() || ":._@-/".contains(c);
    (subject.len() <= SUBJECT_BYTES_MAX && subject.chars().all(plain)).then(|| subject.to_owned())
}

#[cfg(test)]
mod tests;
