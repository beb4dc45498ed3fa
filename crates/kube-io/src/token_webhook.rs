//! A token webhook: the kubeconfig-shaped file that names the service, and one `TokenReview` put to it.
//! What its answer means, and when a failed call is tried again, is known to `authn`; how long answers are kept, to
//! whoever asks.
//!
//! The file is the one of `--authentication-token-webhook-config-file`: its current context's cluster is the
//! service, its user the credential shown to it. As the API server does, the whole address is posted to, with
//! `?timeout=30s`.
//!
//! Hostile input: the service's answer may lie, hang or never end: it has [`REVIEW_TAKES`] with all tries, and no more
//! of it is read than `authn` takes. No redirect is followed: the token is for the named service alone.

use crate::error::chain;
use authn::kubernetes::{
    ANSWER_BYTES_MAX, InvalidAnswer, TokenReviewStatus, TokenReviewVersion, WebhookBackOff,
};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::uri::PathAndQuery;
use http_body_util::{BodyExt as _, Limited};
use kube::config::{KubeConfigOptions, Kubeconfig};
use model::Secret;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The API server's patience with one call; here with all tries of one, because a person waits.
const REVIEW_TAKES: Duration = Duration::from_secs(30);
/// A service that cannot even be connected to is tried again instead.
const CONNECT_TAKES: Duration = Duration::from_secs(5);

/// The file of a webhook cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct InvalidWebhookFile {
    detail: String,
}

/// Why the service gave no answer. What it says may repeat the token, so only its own status is here.
#[derive(Debug, thiserror::Error)]
pub enum WebhookFault {
    /// The connection failed or broke.
    #[error("the webhook cannot be reached: {detail}")]
    Unreachable {
        /// The transport's words.
        detail: String,
    },
    /// Neither 200 nor 201.
    #[error("the webhook answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// Its answer cannot be used.
    #[error(transparent)]
    Answer(#[from] InvalidAnswer),
    /// It took too long.
    #[error("the webhook did not answer in time")]
    TimedOut,
}

impl WebhookFault {
    /// Whether another try may go better: as the API server, for broken connections, 429 and 500.
    fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Status { status: 429 | 500 })
    }
}

/// A service that reviews tokens.
#[derive(Clone)]
pub struct TokenWebhook {
    client: kube::Client,
    target: PathAndQuery,
    version: TokenReviewVersion,
}

impl std::fmt::Debug for TokenWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenWebhook({:?})", self.version)
    }
}

impl TokenWebhook {
    /// Reads the file and prepares a client. Nothing is sent yet.
    pub async fn open(
        path: &Path,
        version: TokenReviewVersion,
    ) -> Result<Self, InvalidWebhookFile> {
        let wrong = |detail: String| InvalidWebhookFile { detail };
        let file = Kubeconfig::read_from(path).map_err(|error| wrong(chain(&error)))?;
        if file.current_context.as_deref().unwrap_or_default().is_empty() {
            return Err(wrong("it has no current-context, which names the service".to_owned()));
        }
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(file, &options);
        let mut config = config.await.map_err(|error| wrong(chain(&error)))?;
        config.connect_timeout = Some(CONNECT_TAKES);
        config.default_retry = false;
        let (root, target) = address(&config.cluster_url).map_err(wrong)?;
        config.cluster_url = root;
        let client = kube::Client::try_from(config).map_err(|error| wrong(chain(&error)))?;
        Ok(Self { client, target, version })
    }

    /// The file and the files that it names, to be looked at for changes. Of a file that cannot be read, itself.
    pub fn files(path: &Path) -> Vec<PathBuf> {
        let mut files = vec![path.to_owned()];
        let Ok(file) = Kubeconfig::read_from(path) else { return files };
        let of_clusters = file.clusters.into_iter().filter_map(|named| named.cluster);
        files.extend(of_clusters.filter_map(|it| it.certificate_authority).map(PathBuf::from));
        for user in file.auth_infos.into_iter().filter_map(|named| named.auth_info) {
            let named = [user.client_certificate, user.client_key, user.token_file];
            files.extend(named.into_iter().flatten().map(PathBuf::from));
        }
        files
    }

    /// Puts a token to the service. `random` draws from 0.0 up to 1.0 for the pauses between tries.
    pub async fn review(
        &self,
        token: &Secret,
        audiences: &[String],
        random: impl Fn() -> f64,
    ) -> Result<TokenReviewStatus, WebhookFault> {
        let question = self.version.question(token, audiences);
        let tries = async {
            let (back_off, mut failed) = (WebhookBackOff::default(), 0);
            loop {
                let fault = match self.ask(&question).await {
                    Err(fault) if fault.is_passing() => fault,
                    decided => return decided,
                };
                failed += 1;
                let Some(pause) = back_off.pause(failed, random()) else { return Err(fault) };
                tokio::time::sleep(pause).await;
            }
        };
        tokio::time::timeout(REVIEW_TAKES, tries).await.unwrap_or(Err(WebhookFault::TimedOut))
    }

    async fn ask(&self, question: &Secret) -> Result<TokenReviewStatus, WebhookFault> {
        let unreachable = |detail: String| WebhookFault::Unreachable { detail };
        let request = http::Request::post(http::Uri::from(self.target.clone()))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(kube::client::Body::from(question.expose().as_bytes().to_vec()))
            .map_err(|error| unreachable(error.to_string()))?;
        let answer = self.client.send(request).await.map_err(|error| unreachable(chain(&error)))?;
        let status = answer.status().as_u16();
        if !matches!(status, 200 | 201) {
            return Err(WebhookFault::Status { status });
        }
        match Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await {
            Ok(body) => Ok(self.version.answer(&body.to_bytes())?),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                Err(InvalidAnswer::TooLong.into())
            }
            Err(error) => Err(unreachable(error.to_string())),
        }
    }
}

/// The server's root, and what is posted to there.
fn address(server: &http::Uri) -> Result<(http::Uri, PathAndQuery), String> {
    let no_address = || format!("`{server}` is no address to post to");
    let (Some(scheme), Some(authority)) = (server.scheme(), server.authority()) else {
        return Err(no_address());
    };
    let separator = if server.query().is_some() { '&' } else { '?' };
    let target = format!(
        "{}{separator}timeout={}s",
        server.path_and_query().map_or("/", PathAndQuery::as_str),
        REVIEW_TAKES.as_secs()
    );
    let root = http::Uri::builder()
        .scheme(scheme.clone())
        .authority(authority.clone())
        .path_and_query("/")
        .build()
        .map_err(|_| no_address())?;
    Ok((root, target.parse().map_err(|_| no_address())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_address_is_posted_to() {
        let asked = |server: &str| {
            let (root, target) = address(&server.parse().unwrap()).unwrap();
            (root.to_string(), target.to_string())
        };
        let (root, target) = asked("https://authn.example.com:8443/authenticate");
        assert_eq!(root, "https://authn.example.com:8443/");
        assert_eq!(target, "/authenticate?timeout=30s");
        assert_eq!(asked("https://a.example/x?y=1").1, "/x?y=1&timeout=30s");
        assert_eq!(asked("https://a.example").1, "/?timeout=30s");
        assert!(address(&"/authenticate".parse().unwrap()).is_err());
    }

    #[tokio::test]
    async fn a_file_without_a_current_context_names_no_service() {
        let directory =
            std::env::temp_dir().join(format!("sallyport-webhook-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("webhook.yaml");
        let file = |more: &str| {
            format!(
                "{{\"apiVersion\": \"v1\", \"kind\": \"Config\", {more}
                \"clusters\": [{{\"name\": \"s\", \"cluster\": {{\"server\": \"https://a.example/x\",
                    \"certificate-authority\": \"ca.pem\"}}}}],
                \"users\": [{{\"name\": \"u\", \"user\": {{}}}}],
                \"contexts\": [{{\"name\": \"w\", \"context\": {{\"cluster\": \"s\", \"user\": \"u\"}}}}]}}"
            )
        };
        std::fs::write(&path, file("")).unwrap();
        let refused = TokenWebhook::open(&path, TokenReviewVersion::V1).await.unwrap_err();
        assert!(refused.to_string().contains("current-context"), "{refused}");
        // The file that it names is looked at, and missed.
        std::fs::write(&path, file("\"current-context\": \"w\",")).unwrap();
        assert!(TokenWebhook::open(&path, TokenReviewVersion::V1).await.is_err());
        assert_eq!(TokenWebhook::files(&path), [path.clone(), directory.join("ca.pem")]);
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
