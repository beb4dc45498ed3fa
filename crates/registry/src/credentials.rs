//! Credentials of registries, as `docker login` keeps them in `config.json`.
//! Where that file is, and how a program is asked that keeps them, is the binary's.
//!
//! Hostile input: the file is its owner's own, but may be damaged; a message about it holds nothing of it but the
//! names of hosts and programs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Secret;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Why the file tells nothing.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFault {
    /// It is not the JSON that it should be. The parser's own words may quote a password, and are not told.
    #[error("it is no `config.json` of Docker (line {0})")]
    Form(usize),
    /// An entry cannot be read.
    #[error("the entry for `{0}` under `auths` is damaged; sign in again with `docker login {0}`")]
    Entry(String),
    /// The entry holds a kind of token that is not understood.
    #[error(
        "the entry for `{0}` holds an identity token, which is not understood; name a file with a user and password by --registry-config"
    )]
    IdentityToken(String),
    /// The name of a helper would lead out of its place.
    #[error("`{0}` is no name of a credential helper")]
    Helper(String),
}

/// A user with a password.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Who.
    pub user: String,
    /// The password, or a token in its place.
    pub password: Secret,
}

/// Where the credentials for a registry are.
#[derive(Debug)]
pub enum Kept {
    /// Here.
    Here(Credential),
    /// A program `docker-credential-NAME` keeps them, under this address.
    Helper {
        /// The name, which is one and no path.
        name: String,
        /// What the program knows the registry by.
        address: String,
    },
    /// There are none.
    Nowhere,
}

/// Docker's `config.json`, as far as it tells of credentials.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DockerConfig {
    auths: BTreeMap<String, Entry>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    identitytoken: Option<Secret>,
}

impl Credential {
    /// As HTTP has it, without the word before it.
    pub(crate) fn basic(&self) -> Secret {
        let text = Secret::new(format!("{}:{}", self.user, self.password.expose()));
        Secret::new(STANDARD.encode(text.expose()))
    }
}

impl DockerConfig {
    /// Reads the file's text.
    pub fn read(text: &[u8]) -> Result<Self, ConfigFault> {
        serde_json::from_slice(text).map_err(|error| ConfigFault::Form(error.line()))
    }

    /// Where the credentials for a registry are; a helper of its own comes before what stands in the file.
    pub fn find(&self, registry: &str) -> Result<Kept, ConfigFault> {
        let address =
            if registry == "docker.io" { "https://index.docker.io/v1/" } else { registry };
        let is_here = |key: &&String| host(key) == registry;
        let helper = |name: &String| {
            let is_name = !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            if !is_name {
                return Err(ConfigFault::Helper(name.clone()));
            }
            Ok(Kept::Helper { name: name.clone(), address: address.to_owned() })
        };
        if let Some(name) = self.cred_helpers.keys().find(is_here) {
            return helper(&self.cred_helpers[name]);
        }
        if let Some(key) = self.auths.keys().find(is_here) {
            let entry = &self.auths[key];
            let damaged = || ConfigFault::Entry(registry.to_owned());
            if entry.identitytoken.as_ref().is_some_and(|token| !token.expose().is_empty()) {
                return Err(ConfigFault::IdentityToken(registry.to_owned()));
            }
            if let (Some(user), Some(password)) = (&entry.username, &entry.password) {
                let (user, password) = (user.clone(), password.clone());
                return Ok(Kept::Here(Credential { user, password }));
            }
            if let Some(auth) = entry.auth.as_ref().filter(|auth| !auth.expose().is_empty()) {
                let bytes = STANDARD.decode(auth.expose()).map_err(|_| damaged())?;
                let text = Secret::new(String::from_utf8(bytes).map_err(|_| damaged())?);
                let (user, password) = text.expose().split_once(':').ok_or_else(damaged)?;
                // Docker pads what it writes with zeros.
                let password = Secret::new(password.trim_end_matches('\0'));
                return Ok(Kept::Here(Credential { user: user.to_owned(), password }));
            }
        }
        self.creds_store.as_ref().filter(|name| !name.is_empty()).map_or(Ok(Kept::Nowhere), helper)
    }
}

/// The registry that a key names: without scheme and path, and Docker Hub under one name.
fn host(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let host = key.split('/').next().unwrap_or_default();
    if matches!(host, "index.docker.io" | "registry-1.docker.io") { "docker.io" } else { host }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, registry: &str) -> String {
        match DockerConfig::read(text.as_bytes()).and_then(|config| config.find(registry)) {
            Ok(Kept::Here(Credential { user, password })) => {
                format!("{user}:{}", password.expose())
            }
            Ok(Kept::Helper { name, address }) => format!("{name} {address}"),
            Ok(Kept::Nowhere) => "nowhere".to_owned(),
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn what_docker_login_writes_is_found() {
        let auth = STANDARD.encode("ann:se:cret");
        let text = format!(
            r#"{{"auths": {{"https://index.docker.io/v1/": {{"auth": "{auth}"}}, "a.example:5000": {{"username": "bo", "password": "x"}},
                "kept.example": {{}}}}, "credsStore": "desktop", "credHelpers": {{"gcr.example": "gcloud"}}, "HttpHeaders": {{}}}}"#
        );
        assert_eq!(found(&text, "docker.io"), "ann:se:cret");
        assert_eq!(found(&text, "a.example:5000"), "bo:x");
        assert_eq!(found(&text, "gcr.example"), "gcloud gcr.example");
        assert_eq!(found(&text, "kept.example"), "desktop kept.example");
        assert_eq!(found("{}", "docker.io"), "nowhere");
    }

    #[test]
    fn another_hosts_credentials_are_not_found() {
        let text = r#"{"auths": {"a.example": {"username": "bo", "password": "x"}}}"#;
        for registry in
            ["b.example", "a.example:5000", "a.example.com", "sub.a.example", "example", ""]
        {
            assert_eq!(found(text, registry), "nowhere", "{registry}");
        }
    }

    #[test]
    fn no_message_quotes_a_secret() {
        for text in [
            r#"{"auths": {"a.example": {"auth": "hunter2!"}}}"#,
            r#"{"auths": {"a.example": {"auth": "aHVudGVyMg=="}}}"#,
            r#"{"auths": {"a.example": {"auth": 12, "password": "hunter2"}}}"#,
            r#"{"auths": {"a.example": "hunter2"}}"#,
            r#"{"auths": {"a.example": {"identitytoken": "hunter2"}}}"#,
            r#"{"credHelpers": {"a.example": "../hunter"}}"#,
        ] {
            let told = found(text, "a.example");
            assert!(!told.contains("hunter2"), "{told}");
            assert!(
                told.contains("damaged") || told.contains(" no ") || told.contains("identity"),
                "{told}"
            );
        }
        let config =
            DockerConfig::read(br#"{"auths": {"a": {"username": "bo", "password": "hunter2"}}}"#)
                .unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
