//! The hub's API as a machine calls it: JSON over TLS, with the hub's own words where it refuses.
//! What is asked and what the answers mean is known to whoever calls.
//!
//! Hostile input: whoever answers at the hub's address has shown a certificate that is trusted; its answers are bounded
//! by [`ANSWER_BYTES_MAX`] and [`ANSWER_TAKES`], no redirect is followed, and its words are shown without
//! what cannot be seen.

use anyhow::{Context, bail};
use http_body_util::{BodyExt as _, Limited};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// A credential has some kilobytes, a hundred clusters with it ten more.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
const ANSWER_TAKES: Duration = Duration::from_secs(20);
const WORDS_CHARACTERS_MAX: usize = 500;
/// How long a hub that is asked too often is left alone; it says so itself, within these bounds.
const WAIT_S: std::ops::RangeInclusive<u64> = 1..=60;

/// A hub.
pub(super) struct HubClient {
    client: kube::Client,
    hub: String,
}

/// What it answered.
pub(super) struct Answer {
    status: u16,
    retry_after_s: Option<u64>,
    body: Vec<u8>,
    hub: String,
}

impl HubClient {
    /// A hub whose certificate an authority signed that the machine trusts, or the given one alone.
    pub(super) fn new(hub: &str, authority: Option<&str>) -> anyhow::Result<Self> {
        // The Kubernetes client is an HTTPS client with the machine's trust or a given authority; nothing else of it
        // is used.
        let mut config = kube::Config::new(hub.parse().context("the hub's address")?);
        config.default_retry = false;
        config.connect_timeout = Some(ANSWER_TAKES);
        if let Some(pem) = authority {
            let roots = CertificateDer::pem_slice_iter(pem.as_bytes())
                .map(|der| der.map(|der| der.to_vec()))
                .collect::<Result<Vec<_>, _>>()
                .context("the hub's authority is not PEM")?;
            if roots.is_empty() {
                bail!("there is no certificate in the file of the hub's authority");
            }
            config.root_cert = Some(roots);
        }
        let client = kube::Client::try_from(config).context("no client for the hub can be made")?;
        Ok(Self { client, hub: hub.to_owned() })
    }

    /// Posts JSON.
    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let unreached = || format!("the hub at {} cannot be reached", self.hub);
        let request = http::Request::post(path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(http::header::USER_AGENT, concat!("sallyport/", env!("CARGO_PKG_VERSION")))
            .body(kube::client::Body::from(body.to_string().into_bytes()))?;
        let asking = async {
            let answer = self.client.send(request).await?;
            let status = answer.status().as_u16();
            let retry_after = answer.headers().get(http::header::RETRY_AFTER);
            let retry_after_s = retry_after.and_then(|wait| wait.to_str().ok()?.parse().ok());
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes().to_vec();
            anyhow::Ok(Answer { status, retry_after_s, body, hub: self.hub.clone() })
        };
        let asked = tokio::time::timeout(ANSWER_TAKES, asking).await;
        asked.context("it did not answer in time").flatten().with_context(unreached)
    }
}

impl Answer {
    /// Whether the hub says that this machine is not signed in any more.
    pub(super) fn is_session_ended(&self) -> bool {
        self.status == 401 && self.problem()["code"] == "session_ended"
    }

    /// How long to wait before it is asked again, if it says that it is asked too often.
    pub(super) fn asks_to_wait(&self) -> Option<Duration> {
        let wait_s = self.retry_after_s.unwrap_or(*WAIT_S.start());
        (self.status == 429)
            .then(|| Duration::from_secs(wait_s.clamp(*WAIT_S.start(), *WAIT_S.end())))
    }

    /// Whatever it is, as long as it is no refusal.
    pub(super) fn done(&self) -> anyhow::Result<()> {
        if (200..300).contains(&self.status) {
            return Ok(());
        }
        let problem = self.problem();
        let words = |key: &str| {
            let text = problem[key].as_str().unwrap_or_default();
            text.chars()
                .filter(|c| !model::is_unseen(*c))
                .take(WORDS_CHARACTERS_MAX)
                .collect::<String>()
        };
        match (words("detail"), words("fix")) {
            (detail, _) if detail.is_empty() => bail!("{} answered {}", self.hub, self.status),
            (detail, fix) if fix.is_empty() => bail!("the hub refuses: {detail}"),
            (detail, fix) => bail!("the hub refuses: {detail}; {fix}"),
        }
    }

    /// The answer in the form that it should have.
    pub(super) fn expected<T: DeserializeOwned>(self) -> anyhow::Result<T> {
        self.done()?;
        let why = || format!("{} does not answer as a hub of this version does", self.hub);
        serde_json::from_slice(&self.body).with_context(why)
    }

    fn problem(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
