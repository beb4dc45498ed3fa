//! Why an image cannot be had from a registry, and whose fault that is.
//! How it is told to a person is the binary's; a stranger's words in it are bounded and show no control character.

use crate::stream::SLOW_BYTES_PER_S;

/// Characters of a registry's own words.
const WORDS_CHARACTERS_MAX: usize = 300;

/// Why an image cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegistryFault {
    /// Nobody answers, or not in the way of TLS or HTTP.
    #[error("`{host}` cannot be reached: {reason}")]
    Unreached {
        /// Host and port.
        host: String,
        /// Why.
        reason: String,
    },
    /// It does not answer in time.
    #[error("`{0}` did not answer within {1} s")]
    Silent(String, u64),
    /// It answers too slowly to come to an end.
    #[error("`{host}` sends less than {} KiB/s, and was given up", SLOW_BYTES_PER_S / 1024)]
    Slow {
        /// Host and port.
        host: String,
    },
    /// It breaks off.
    #[error("`{host}` broke off within `{name}`: {reason}")]
    BrokeOff {
        /// Host and port.
        host: String,
        /// What was sent.
        name: String,
        /// Why.
        reason: String,
    },
    /// It wants credentials that there are none of, or others.
    #[error(
        "`{host}` refuses `{name}` {}: {said}",
        if *.with_credentials {
            "with the credentials that were given"
        } else {
            "without credentials; sign in with `docker login`, or name a file by --registry-config"
        }
    )]
    Refused {
        /// Host and port.
        host: String,
        /// What was asked for.
        name: String,
        /// Whether credentials were sent.
        with_credentials: bool,
        /// Its own words.
        said: String,
    },
    /// It asks for what is not understood.
    #[error("`{0}` wants another authentication than a password (Basic) or a token (Bearer)")]
    Challenge(String),
    /// Credentials would go over the network in clear.
    #[error("`{0}` names `{1}` as its token service, which is not https; nothing was sent there")]
    TokenService(String, String),
    /// The token service sends no token.
    #[error("the token service `{0}` sends no token")]
    NoToken(String),
    /// There is no such image.
    #[error("`{host}` has no `{name}`: {said}")]
    Missing {
        /// Host and port.
        host: String,
        /// What was asked for.
        name: String,
        /// Its own words.
        said: String,
    },
    /// Any other refusal.
    #[error("`{host}` answers `{name}` with {status}: {said}")]
    Status {
        /// Host and port.
        host: String,
        /// What was asked for.
        name: String,
        /// HTTP's code.
        status: u16,
        /// Its own words.
        said: String,
    },
    /// It leads where one does not follow.
    #[error("`{host}` leads from `{name}` to `{to}`: {reason}")]
    Redirect {
        /// Host and port.
        host: String,
        /// What was asked for.
        name: String,
        /// Where to.
        to: String,
        /// Why not.
        reason: &'static str,
    },
    /// What it sends is not what its digest says.
    #[error("`{host}` sends something else than `{wanted}`: its digest is {found}")]
    Digest {
        /// Host and port.
        host: String,
        /// What was asked for.
        wanted: String,
        /// What came.
        found: String,
    },
    /// What it sends has another length than the manifest says.
    #[error("`{host}` sends `{name}` in another length than the manifest says ({wanted} bytes)")]
    Length {
        /// Host and port.
        host: String,
        /// What was asked for.
        name: String,
        /// As the manifest says.
        wanted: u64,
    },
    /// It is larger than is taken.
    #[error(
        "`{host}` sends `{name}` with more than {max} bytes, which is larger than any image needs"
    )]
    Size {
        /// Host and port.
        host: String,
        /// What was asked for.
        name: String,
        /// The bound.
        max: u64,
    },
    /// It is no image of a form that is known.
    #[error("`{name}` is no image: {reason}")]
    NoImage {
        /// What was asked for.
        name: String,
        /// Why.
        reason: String,
    },
}

/// A stranger's words, without what cannot be seen.
pub(crate) fn words(text: &str) -> String {
    text.chars().filter(|c| !model::is_unseen(*c)).take(WORDS_CHARACTERS_MAX).collect()
}

/// What a registry says of a refusal: `errors` of the distribution specification, or a line of text, as a server says
/// that it wants TLS; a page is for a browser.
pub(crate) fn said(body: &[u8]) -> String {
    let told: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| told["errors"][0][key].as_str().map(words).unwrap_or_default();
    match (text("code"), text("message")) {
        (code, message) if code.is_empty() && message.is_empty() => {
            let line = words(String::from_utf8_lossy(body).trim());
            if line.is_empty() || line.starts_with(['<', '{', '[']) {
                "it does not say why".to_owned()
            } else {
                line
            }
        }
        (code, message) if message.is_empty() => code,
        (code, message) if code.is_empty() => message,
        (code, message) => format!("{code} ({message})"),
    }
}
