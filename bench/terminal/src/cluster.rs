//! The cluster itself: the Pod to measure in, and exec without anybody between.
//! It uses one kubeconfig's current context and removes what it made.

use crate::line::{Dialect, Line};
use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use testkit::web_socket::Socket;
use testkit::{Endpoint, HttpClient, Trust};
use tokio_tungstenite::tungstenite::Message;

/// The Pod that is made, and its container.
const POD: &str = "bench-terminal";
/// The group that the measured account is in; it may enter the Pod and nothing else.
pub(crate) const GROUP: &str = "bench-terminal";
/// An image that is on the node starts in a second or two.
const POD_STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A cluster, with the credentials of its kubeconfig.
pub(crate) struct Cluster {
    endpoint: Endpoint,
    headers: HeaderMap,
    made_namespace: Option<String>,
}

/// A Pod to enter.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub pod: String,
}

impl Cluster {
    /// Reads the kubeconfig. Credentials from plugins are not known here.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {file}"))?;
        let config: Value = serde_saphyr::from_str(&text)
            .map_err(|error| anyhow::anyhow!("kubeconfig {file}: {error}"))?;
        let named = |list: &str, name: &Value, what: &str| {
            let entries = config[list].as_array().into_iter().flatten();
            let found = entries.into_iter().find(|entry| entry["name"] == *name);
            found.map(|entry| entry[what].clone()).with_context(|| {
                format!("kubeconfig {file} has no entry {name} in its list `{list}`")
            })
        };
        let context = named("contexts", &config["current-context"], "context")?;
        let cluster = named("clusters", &context["cluster"], "cluster")?;
        let user = named("users", &context["user"], "user")?;

        let authority = pem(&cluster, "certificate-authority")?;
        let trust = Trust::Pem(authority.context("the cluster has no certificate authority")?);
        let (chain, key) = (pem(&user, "client-certificate")?, pem(&user, "client-key")?);
        let identity = chain.as_deref().zip(key.as_deref());
        let server = cluster["server"].as_str().context("the cluster has no address")?;
        let endpoint = Endpoint::with_client_config(server, trust.client_config_as(identity)?)?;
        let mut headers = HeaderMap::new();
        if let Some(token) = user["token"].as_str() {
            let bearer = format!("Bearer {token}");
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&bearer)?);
        }
        Ok(Self { endpoint, headers, made_namespace: None })
    }

    /// Makes a namespace with a running Pod, which the group [`GROUP`] may enter.
    pub(crate) async fn make_pod(&mut self, namespace: &str, image: &str) -> anyhow::Result<Place> {
        self.delete_namespace(namespace).await?;
        let named = json!({ "metadata": { "name": namespace } });
        self.send(Method::POST, "/api/v1/namespaces", Some(&named)).await?;
        self.made_namespace = Some(namespace.to_owned());
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        let pod = json!({ "metadata": { "name": POD }, "spec": {
            "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false,
            "containers": [{ "name": "shell", "image": image, "imagePullPolicy": "IfNotPresent",
                "command": ["sleep", "86400"] }],
        } });
        let rules = json!({ "metadata": { "name": GROUP }, "rules": [
            { "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"] },
            { "apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get", "create"] },
        ] });
        let binding = json!({ "metadata": { "name": GROUP },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": GROUP },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": GROUP }],
        });
        let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
        self.send(Method::POST, &format!("{rbac}/roles"), Some(&rules)).await?;
        self.send(Method::POST, &format!("{rbac}/rolebindings"), Some(&binding)).await?;
        let waiting = async {
            // The namespace's default service account comes a moment later than the namespace.
            while self.send(Method::POST, &pods, Some(&pod)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            loop {
                let pod = self.send(Method::GET, &format!("{pods}/{POD}"), None).await?;
                if pod["status"]["phase"] == "Running" {
                    return Ok::<_, anyhow::Error>(());
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let started = tokio::time::timeout(POD_STARTS_WITHIN, waiting).await;
        started.with_context(|| format!("the Pod of image {image} does not start"))??;
        Ok(Place { namespace: namespace.to_owned(), pod: POD.to_owned() })
    }

    /// The same cluster, without the duty to clean up.
    pub(crate) fn again(&self) -> Self {
        let (endpoint, headers) = (self.endpoint.clone(), self.headers.clone());
        Self { endpoint, headers, made_namespace: None }
    }

    /// Removes what was made. Deletion goes on by itself.
    pub(crate) async fn clean_up(&mut self) -> anyhow::Result<()> {
        match self.made_namespace.take() {
            Some(namespace) => {
                let path = format!("/api/v1/namespaces/{namespace}");
                self.send(Method::DELETE, &path, None).await.map(|_| ())
            }
            None => Ok(()),
        }
    }

    /// Removes the namespace of a run that was interrupted, and waits until it is gone.
    async fn delete_namespace(&self, namespace: &str) -> anyhow::Result<()> {
        let path = format!("/api/v1/namespaces/{namespace}");
        let deleting = async {
            while self.send(Method::GET, &path, None).await.is_ok() {
                let _deleting_already = self.send(Method::DELETE, &path, None).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        };
        tokio::time::timeout(POD_STARTS_WITHIN, deleting)
            .await
            .with_context(|| format!("the namespace {namespace} of an earlier run does not go"))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let mut client = HttpClient::new(self.endpoint.clone());
        let reply = client.send(method, path, &self.headers, body).await?.success();
        Ok(reply.with_context(|| format!("the API server, asked for {path},"))?.json())
    }

    /// Opens exec with a terminal of 80 by 24.
    pub(crate) async fn terminal(&self, place: &Place, command: &str) -> anyhow::Result<Line> {
        let words: Vec<&str> = command.split_whitespace().collect();
        let mut socket = self.exec(place, &words, true).await?;
        let size = b"\x04{\"Width\":80,\"Height\":24}".as_slice();
        socket.send(Message::Binary(size.into())).await?;
        Ok(Line::other(socket, Dialect::Kubernetes))
    }

    /// Runs a line of shell in the Pod and returns what it printed.
    pub(crate) async fn run(&self, place: &Place, script: &str) -> anyhow::Result<String> {
        let mut socket = self.exec(place, &["sh", "-c", script], false).await?;
        let mut printed = Vec::new();
        let reading = async {
            while let Some(Ok(message)) = socket.next().await {
                match message {
                    Message::Binary(frame) if frame.first() == Some(&1) => {
                        printed.extend_from_slice(&frame[1..]);
                    }
                    Message::Binary(frame) if frame.first() == Some(&3) => break,
                    Message::Close(_) => break,
                    _ => {}
                }
            }
        };
        let read = tokio::time::timeout(Duration::from_secs(20), reading).await;
        read.context("a command in the Pod does not end")?;
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    async fn exec(&self, place: &Place, command: &[&str], tty: bool) -> anyhow::Result<Socket> {
        let Place { namespace, pod } = place;
        let mut path = format!(
            "/api/v1/namespaces/{namespace}/pods/{pod}/exec?stdin={tty}&stdout=true&stderr={}&tty={tty}",
            !tty
        );
        for word in command {
            path.push_str("&command=");
            for byte in word.bytes() {
                path.push_str(&format!("%{byte:02X}"));
            }
        }
        let opened = self.endpoint.web_socket(&path, &self.headers, &["v5.channel.k8s.io"]).await;
        Ok(opened.context("exec")?.0)
    }
}

/// PEM, written in base64 in the kubeconfig or in a file beside it.
fn pem(entry: &Value, name: &str) -> anyhow::Result<Option<String>> {
    if let Some(data) = entry[format!("{name}-data")].as_str() {
        return Ok(Some(String::from_utf8(STANDARD.decode(data)?)?));
    }
    let read = |file| std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"));
    entry[name].as_str().map(read).transpose()
}
