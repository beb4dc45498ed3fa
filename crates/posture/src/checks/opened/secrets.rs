//! What in a setting or in a step of a build is a secret.
//! It is asked before the value is put anywhere; what a secret opens is not known here.

/// Words in names of secrets.
const NAMES: &[&str] = &[
    "PASSWORD",
    "PASSWD",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "CREDENTIAL",
];
/// Ends of names that hold the place of a secret, or something about it, and not the secret.
const NOT_NAMES: &[&str] = &[
    "_FILE",
    "_PATH",
    "_DIR",
    "_URL",
    "_URI",
    "_NAME",
    "_LENGTH",
    "_TTL",
    "_EXPIRY",
    "_TYPE",
    "_ID",
    "_ALGORITHM",
    "_ENABLED",
];
/// What tokens of well-known services begin with, and how long they are at least.
const BEGINNINGS: &[(&str, usize)] = &[
    ("AKIA", 20),
    ("ASIA", 20),
    ("ghp_", 36),
    ("gho_", 36),
    ("ghs_", 36),
    ("github_pat_", 36),
    ("glpat-", 20),
    ("xoxb-", 24),
    ("xoxp-", 24),
    ("sk_live_", 24),
    ("npm_", 36),
    ("-----BEGIN", 20),
];

/// Whether a setting of this name and value is a secret.
pub fn is_secret_setting(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase().replace(['-', '.'], "_");
    let is_named = NAMES.iter().any(|word| name.contains(word))
        && !NOT_NAMES.iter().any(|end| name.ends_with(end));
    is_named && !is_harmless(value) || is_secret_value(value)
}

/// Whether a step of a build holds a secret: a setting, a flag, or a token by itself.
pub fn is_secret_step(step: &str) -> bool {
    let words = step
        .split(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | ';' | '|'));
    words.map(|word| word.trim_start_matches('-')).any(|word| match word.split_once('=') {
        Some((name, value)) => is_secret_setting(name, value),
        None => is_secret_value(word),
    })
}

/// Nothing, the place of a file, a reference to another setting, a switch, or a word that stands for a value.
fn is_harmless(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'', ' ']);
    value.len() < 4
        || value.starts_with(['/', '$', '<', '{'])
        || ["true", "false", "none", "null"].iter().any(|word| value.eq_ignore_ascii_case(word))
        || value.chars().all(|letter| letter.is_ascii_digit() && value.len() < 6)
        || value.chars().all(|letter| matches!(letter, '*' | 'x' | 'X'))
}

fn is_secret_value(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'', ' ']);
    let begins = |(beginning, length): &(&str, usize)| {
        value.starts_with(beginning) && value.len() >= *length
    };
    BEGINNINGS.iter().any(begins) && !value.contains("PUBLIC KEY") && !value.contains("CERTIFICATE")
        || has_password(value)
}

/// An address with a password: `scheme://user:password@host`.
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((user, _)) = authority.rsplit_once('@') else { return false };
    user.split_once(':').is_some_and(|(_, password)| !is_harmless(password))
}

#[cfg(test)]
mod tests {
    use super::{is_secret_setting, is_secret_step};

    #[test]
    fn secrets_are_seen_and_their_neighbours_are_not() {
        for (name, value) in [
            ("DB_PASSWORD", "hunter22"),
            ("api-key", "0123456789"),
            ("DATABASE", "postgres://app:hunter22@db/shop"),
            ("X", "AKIAIOSFODNN7EXAMPLE"),
            ("X", "-----BEGIN RSA PRIVATE KEY-----"),
        ] {
            assert!(is_secret_setting(name, value), "{name}={value}");
        }
        for (name, value) in [
            ("DB_PASSWORD", ""),
            ("DB_PASSWORD_FILE", "/run/secrets/db"),
            ("DB_PASSWORD", "/run/secrets/db"),
            ("TOKEN_TTL", "3600s and more"),
            ("USE_TOKEN", "true"),
            ("GPG_KEY", "A035C8C19219BA821ECEA86B64E628F8D684696D"),
            ("DATABASE", "postgres://app@db/shop"),
            ("DATABASE", "postgres://app:$PASSWORD@db/shop"),
            ("X", "-----BEGIN PUBLIC KEY-----"),
        ] {
            assert!(!is_secret_setting(name, value), "{name}={value}");
        }
        assert!(is_secret_step("|1 API_TOKEN=abcdef0123 /bin/sh -c make"));
        assert!(is_secret_step("RUN curl --password=hunter22 https://x"));
        assert!(!is_secret_step("RUN apt-get install -y openssl"));
        assert!(!is_secret_step("COPY token.go /src/token.go"));
    }
}
