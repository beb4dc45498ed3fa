//! What the hub says to a machine that signs in, as far as it is believed.
//! What is done with it is known to `login`.
//!
//! Hostile input: the hub may be another than the person thinks, or taken over. A code has the letters of codes; a page is
//! an `https` address of plain letters, for it is handed to a program that opens whatever it is given; and names and
//! addresses are taken without what cannot be seen, for they are printed and written into a kubeconfig.

use authn::UserCode;
use model::{Timestamp, is_unseen};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// What the hub hands out.
#[derive(Debug, Deserialize)]
pub(super) struct Credential {
    pub(super) certificate: String,
    #[serde(deserialize_with = "seen")]
    pub(super) user: String,
    pub(super) expires_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) clusters: Vec<Cluster>,
}

/// A cluster behind the hub's gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cluster {
    #[serde(deserialize_with = "seen")]
    pub(super) name: String,
    #[serde(deserialize_with = "seen")]
    pub(super) server: String,
}

/// A request that waits.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(deserialize_with = "code")]
    pub(super) code: UserCode,
    #[serde(deserialize_with = "page")]
    pub(super) page: String,
    pub(super) expires_in_s: u64,
    pub(super) poll_every_s: u64,
}

/// What became of it.
#[derive(Debug, Deserialize)]
pub(super) struct Collected {
    pub(super) state: String,
    pub(super) credential: Option<Credential>,
}

fn seen<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    Ok(text.chars().filter(|c| !is_unseen(*c)).collect())
}

fn code<'de, D: Deserializer<'de>>(from: D) -> Result<UserCode, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

fn page<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/[]".contains(&byte);
    let is_page = text.bytes().all(is_plain)
        && text.parse::<http::Uri>().is_ok_and(|uri| {
            uri.scheme_str() == Some("https") && uri.host().is_some_and(|host| !host.is_empty())
        });
    match is_page {
        true => Ok(text),
        false => Err(D::Error::custom("`page` is no https address of a console")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(code: &str, page: &str) -> Result<Asked, serde_json::Error> {
        let asked = json!({ "code": code, "page": page, "expires_in_s": 600, "poll_every_s": 2 });
        serde_json::from_value(asked)
    }

    #[test]
    fn a_code_and_a_page_are_of_one_form() {
        for page in
            ["https://hub.example/machine", "https://hub:8443/machine", "https://[2001:db8::1]/m"]
        {
            let asked = asked("BCDF-GHJK", page).unwrap();
            assert_eq!((asked.code.as_str(), asked.page.as_str()), ("BCDF-GHJK", page));
        }
        for page in [
            "http://hub.example/machine",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "/machine",
            "hub.example/machine",
            "--version",
            "",
            "https://",
            "https:///machine",
            "https://hub@elsewhere.example/machine",
            "https://hub.example/machine?code=ZZZZ-ZZZZ&x",
            "https://hub.example/machine#",
            "https://hub.example/\u{1b}]0;x\u{7}",
            "https://hub.example/\u{202e}enihcam",
            "https://hub.example/$(id)",
            "https://hub.example/a b",
        ] {
            assert!(asked("BCDF-GHJK", page).is_err(), "{page:?}");
        }
        for code in ["", "BCDF-GHJ\u{7}", "\u{1b}[2J", "AAAA-AAAA", "BCDF-GHJK&state=x"] {
            assert!(asked(code, "https://hub.example/machine").is_err(), "{code:?}");
        }
    }

    #[test]
    fn names_and_addresses_hide_nothing() {
        let credential: Credential = serde_json::from_value(json!({
            "certificate": "PEM", "user": "\u{1b}[31msallyport:\u{202e}alice\n",
            "expires_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z",
            "clusters": [{ "name": "de\u{200b}mo\r", "server": "https://gate\u{2066}way.example\n" }],
        }))
        .unwrap();
        let cluster = &credential.clusters[0];
        assert_eq!(
            (credential.user.as_str(), cluster.name.as_str(), cluster.server.as_str()),
            ("[31msallyport:alice", "demo", "https://gateway.example")
        );
    }
}
