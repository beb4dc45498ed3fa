//! What a registry asks for: the `WWW-Authenticate` header of a 401.
//! Whether it gets it is `client`'s.
//!
//! Format: RFC 9110, section 11.6.1: challenges of several schemes, and parameters that are tokens or quoted texts, all
//! parted by commas; Bearer's parameters as in Docker's token authentication.
//!
//! Hostile input: the header is a stranger's; it is bounded, a parameter counts once, and what does not parse is no
//! challenge. A realm is only text here: where it may lead, `client` decides.

/// Characters of the header: a realm, a service and a scope have some hundred.
const CHARACTERS_MAX: usize = 8 * 1024;
/// Schemes and their parameters; the longest that registries send have some ten.
const PARTS_MAX: usize = 64;

/// A challenge that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A user and password, with each request.
    Basic,
    /// A token of a service.
    Bearer {
        /// Where the service is.
        realm: String,
        /// What it calls the registry.
        service: Option<String>,
    },
}

/// A scheme with its parameters, in the order in which they stand.
#[derive(Debug, Default, PartialEq, Eq)]
struct Part {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The strongest of the challenges in these headers: a token before a password.
    pub(crate) fn of<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut parts: Vec<_> = headers.filter_map(read).flatten().collect();
        parts.sort_by_key(|part| part.scheme != "bearer");
        parts.into_iter().find_map(|part| match part.scheme.as_str() {
            "basic" => Some(Self::Basic),
            "bearer" => {
                let value = |key: &str| {
                    let found = part.parameters.iter().find(|(name, _)| name == key);
                    found.map(|(_, value)| value.clone())
                };
                Some(Self::Bearer { realm: value("realm")?, service: value("service") })
            }
            _ => None,
        })
    }
}

/// The challenges of one header; none, if it is not one.
fn read(header: &str) -> Option<Vec<Part>> {
    if header.len() > CHARACTERS_MAX {
        return None;
    }
    let mut rest = Rest(header);
    let (mut parts, mut count) = (Vec::<Part>::new(), 0);
    loop {
        rest.skip(|c| matches!(c, ' ' | '\t' | ','));
        if rest.0.is_empty() {
            return Some(parts);
        }
        count += 1;
        if count > PARTS_MAX {
            return None;
        }
        let word = rest.token()?;
        let spaces = rest.skip(|c| matches!(c, ' ' | '\t'));
        if rest.takes('=') && !parts.is_empty() {
            rest.skip(|c| matches!(c, ' ' | '\t'));
            let value =
                if rest.0.starts_with('"') { rest.quoted()? } else { rest.token()?.to_owned() };
            let name = word.to_ascii_lowercase();
            let part = parts.last_mut()?;
            if part.parameters.iter().any(|(known, _)| *known == name) {
                return None;
            }
            part.parameters.push((name, value));
            // Between two parameters stands a comma.
            rest.skip(|c| matches!(c, ' ' | '\t'));
            if !rest.0.is_empty() && !rest.0.starts_with(',') {
                return None;
            }
        } else if spaces > 0 || rest.0.is_empty() || rest.0.starts_with(',') {
            parts.push(Part { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
        } else {
            return None;
        }
    }
}

/// What is left of a header.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip(&mut self, is: impl Fn(char) -> bool) -> usize {
        let before = self.0.len();
        self.0 = self.0.trim_start_matches(is);
        before - self.0.len()
    }

    fn takes(&mut self, one: char) -> bool {
        match self.0.strip_prefix(one) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn token(&mut self) -> Option<&'a str> {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let end = self.0.find(|c| !is_token(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut characters = self.0.char_indices().skip(1);
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.0 = self.0.get(at + 1..)?;
                    return Some(text);
                }
                '\\' => text.push(characters.next()?.1),
                _ => text.push(c),
            }
        }
        None
    }
}

/// For fuzzing: whether a challenge was found, and its texts.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzzed(header: &str) -> Option<Vec<String>> {
    match Challenge::of(std::iter::once(header))? {
        Challenge::Basic => Some(Vec::new()),
        Challenge::Bearer { realm, service } => {
            Some(std::iter::once(realm).chain(service).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &str) -> Option<Challenge> {
        Challenge::of(std::iter::once(header))
    }

    fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
    }

    #[test]
    fn what_registries_send_is_read() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#;
        assert_eq!(of(hub), bearer("https://auth.docker.io/token", Some("registry.docker.io")));
        assert_eq!(of(r#"Basic realm="Registry Realm""#), Some(Challenge::Basic));
        assert_eq!(of("basic"), Some(Challenge::Basic));
        let both = r#"Basic realm="x, y", Bearer realm="https://a/\"t\"" , service = s"#;
        assert_eq!(of(both), bearer("https://a/\"t\"", Some("s")), "a token before a password");
        let two = ["Negotiate", "Bearer realm=https"];
        assert_eq!(Challenge::of(two.into_iter()), bearer("https", None));
    }

    #[test]
    fn what_is_none_is_refused() {
        for header in [
            "",
            "Negotiate",
            "Bearer",
            "Bearer service=\"x\"",
            "Bearer realm=\"https://a",
            "Bearer realm=\"a\" service=\"b\"",
            "Bearer realm=\"a\", realm=\"b\"",
            "realm=\"a\"",
            "Bearer realm=",
            "Bearer \u{e9}",
            "Bearer realm=\"\\",
        ] {
            assert_eq!(of(header), None, "{header}");
        }
        assert_eq!(of(&format!("Basic x=\"{}\"", "y".repeat(CHARACTERS_MAX))), None);
        assert_eq!(of(&"Basic,".repeat(PARTS_MAX + 1)), None);
    }
}
