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

/// Flags that are followed by `user:password`.
const USER_FLAGS: &[&str] = &["-u", "-U", "--user", "--proxy-user"];
/// Flags that hold a word for a secret and say that there is none, or where it comes from.
const SWITCHES: &[&str] = &["DISABLE", "NO_", "WITHOUT_", "EMPTY_", "SKIP_", "ENABLE"];

/// Whether a step of a build, or a command, holds a secret: a setting, a flag with its value, a header that authorises,
/// or a token by itself.
pub fn is_secret_step(step: &str) -> bool {
    let words: Vec<&str> = step
        .split(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | ';' | '|'))
        // What stands between the words of a list in JSON.
        .filter(|word| !matches!(*word, "" | "," | "[" | "]" | "\\"))
        .collect();
    let is_user_flag = |word: &str, name: &str| {
        word.starts_with("--") && USER_FLAGS.contains(&format!("--{name}").as_str())
    };
    words.iter().enumerate().any(|(at, word)| {
        let next = |count: usize| words.get(at + count).copied().unwrap_or_default();
        let alone = match word.trim_start_matches('-').split_once('=') {
            Some((name, value)) if is_user_flag(word, name) => {
                is_user_password(value) || is_secret_value(value)
            }
            Some((name, value)) => is_secret_setting(name, value),
            None => is_secret_value(word.trim_start_matches('-')),
        };
        alone || is_secret_flag(word, next(1)) || authorises(word, next(1), next(2))
    })
}

/// A flag whose value is the next word: `--password value`, `-u user:password`. Curl also takes the latter as one word.
fn is_secret_flag(flag: &str, next: &str) -> bool {
    if !flag.starts_with('-') || flag.contains('=') {
        return false;
    }
    if USER_FLAGS.contains(&flag) {
        return is_user_password(next);
    }
    if let Some(glued) = flag.strip_prefix("-u").filter(|glued| glued.contains(':')) {
        return is_user_password(glued);
    }
    let name = flag.trim_start_matches('-').to_ascii_uppercase().replace(['-', '.'], "_");
    let is_switch =
        SWITCHES.iter().any(|switch| name.starts_with(switch)) || name.ends_with("_STDIN");
    // What a shell fetches is in no text of the image.
    !is_switch && !next.starts_with(['-', '`']) && is_secret_setting(&name, next)
}

/// `user:password`. Of one word twice it is a user and a group, as those take who change to another user.
fn is_user_password(value: &str) -> bool {
    value.split_once(':').is_some_and(|(user, password)| {
        !user.is_empty() && user != password && !is_harmless(password)
    })
}

/// `Authorization: SCHEME value`, and `Bearer value` wherever it stands.
fn authorises(word: &str, next: &str, behind: &str) -> bool {
    /// Shorter ones are words that stand for a value.
    const CREDENTIAL_LENGTH_MIN: usize = 8;
    let is_credential = |value: &str| {
        value.len() >= CREDENTIAL_LENGTH_MIN && !value.starts_with('-') && !is_harmless(value)
    };
    let word = word.trim_end_matches('\\').to_ascii_lowercase();
    word.ends_with("bearer") && is_credential(next)
        || word.ends_with("authorization:") && (is_credential(next) || is_credential(behind))
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
        for step in [
            "RUN curl --password hunter22 https://x",
            "RUN mysql --user app --password \"hunter22\"",
            r#"CMD ["server", "--password", "hunter22"]"#,
            r#"CMD ["server","--api-token","hunter22"]"#,
            "RUN curl -u app:hunter22 https://x",
            "RUN curl -uapp:hunter22 https://x",
            "RUN curl --user app:hunter22 https://x",
            "RUN curl --user=app:hunter22 https://x",
            "RUN curl -H 'Authorization: Bearer abcdef0123' https://x",
            "RUN curl -H \"authorization: Basic YXBwOmh1bnRlcjIy\" https://x",
            "RUN curl -H Authorization:Bearer\\ abcdef0123 https://x",
        ] {
            assert!(is_secret_step(step), "{step}");
        }
        for step in [
            "RUN curl --password $PASSWORD https://x",
            "RUN curl --password-file secret https://x",
            "RUN docker login --password-stdin registry.example.com",
            "RUN adduser --disabled-password appuser",
            "RUN adduser --disabled-password --gecos '' appuser",
            "RUN server --password `cat /run/secrets/db`",
            "RUN install -o app -u 1000:1000 x",
            "CMD chpst -u nginx:nginx server",
            "RUN curl -u app:$PASSWORD https://x",
            "RUN curl -H \"Authorization: Bearer ${TOKEN}\" https://x",
            "RUN echo the bearer token",
        ] {
            assert!(!is_secret_step(step), "{step}");
        }
        assert!(!is_secret_step("RUN apt-get install -y openssl"));
        assert!(!is_secret_step("COPY token.go /src/token.go"));
    }
}
