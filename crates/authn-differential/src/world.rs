//! The facts that both sides judge by: made in the cluster, read back, and handed to `authn` as evidence.

use crate::cluster::Cluster;
use anyhow::Context;
use authn::kubernetes::{
    IssuerKeys, KeySet, Known, ObjectFacts, Objects, SecretFacts, SignIns, TokenReviewStatus,
    TokenReviews,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Secret, SecretBytes};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Where the objects live.
pub(crate) const NAMESPACE: &str = "authn-differential";
/// Bootstrap tokens by the last letter of their id; what is odd about each stands in `bootstrap_secrets`.
pub(crate) const BOOTSTRAP_IDS: &[&str] =
    &["authn0", "authn1", "authn2", "authn3", "authn4", "authn5", "authn6", "authn7"];
pub(crate) const BOOTSTRAP_SECRET: &str = "0123456789abcdef";

/// The facts.
#[derive(Debug, Default)]
pub struct World {
    objects: BTreeMap<String, ObjectFacts>,
    secrets: BTreeMap<String, SecretFacts>,
    /// Legacy tokens, good and marked invalid.
    pub(crate) legacy: Vec<Secret>,
}

fn bootstrap_secrets() -> Vec<Value> {
    let changes: [(&str, Value); 8] = [
        ("bootstrap.kubernetes.io/token", json!({})),
        (
            "bootstrap.kubernetes.io/token",
            json!({"auth-extra-groups": "system:bootstrappers:z,system:bootstrappers:a:b"}),
        ),
        ("bootstrap.kubernetes.io/token", json!({"usage-bootstrap-authentication": "false"})),
        ("bootstrap.kubernetes.io/token", json!({"expiration": "2100-01-01T00:00:00+09:00"})),
        ("Opaque", json!({})),
        ("Opaque", json!({"expiration": "2020-01-01T00:00:00Z"})),
        ("Opaque", json!({"token-id": "other0"})),
        ("Opaque", json!({"auth-extra-groups": "system:masters"})),
    ];
    let secret = |(id, (kind, change)): (&&str, &(&str, Value))| {
        let mut data = json!({
            "token-id": id, "token-secret": BOOTSTRAP_SECRET, "usage-bootstrap-authentication": "true",
        });
        for (key, value) in change.as_object().into_iter().flatten() {
            data[key] = value.clone();
        }
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": kind, "stringData": data,
            "metadata": {"name": format!("bootstrap-token-{id}"), "namespace": "kube-system"},
        })
    };
    BOOTSTRAP_IDS.iter().zip(&changes).map(secret).collect()
}

fn legacy_secret(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {
            "name": name, "namespace": NAMESPACE,
            "annotations": {"kubernetes.io/service-account.name": "robot"},
        },
    })
}

impl World {
    /// Makes the objects, or finds them made, and reads them.
    pub fn prepare(cluster: &Cluster) -> anyhow::Result<Self> {
        let meta = |name: &str| json!({"name": name, "namespace": NAMESPACE});
        cluster.apply(&json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE},
        }))?;
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": meta("idle"),
            "spec": {
                // It never runs; tokens can be bound to it all the same.
                "nodeSelector": {"authn-differential": "nowhere"},
                "serviceAccountName": "robot",
                "containers": [{"name": "idle", "image": "sallyport.test/pause:1"}],
            },
        });
        let mut items = vec![
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("robot")}),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta("bound")}),
            legacy_secret("legacy"),
            legacy_secret("marked"),
        ];
        items.extend(bootstrap_secrets());
        cluster.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}))?;
        cluster.apply(&json!({"apiVersion": "v1", "kind": "List", "items": [pod]}))?;
        cluster.kubectl(
            &[
                "label",
                "--overwrite",
                "-n",
                NAMESPACE,
                "secret",
                "marked",
                "kubernetes.io/legacy-token-invalid-since=2026-01-01",
            ],
            "",
        )?;
        let mut world = Self::default();
        world.read(cluster)?;
        Ok(world)
    }

    fn read(&mut self, cluster: &Cluster) -> anyhow::Result<()> {
        let patience = Instant::now();
        let secrets = loop {
            let secrets = cluster.object(&["secrets", "-n", NAMESPACE])?;
            let filled = |secret: &&Value| secret["data"]["token"].is_string();
            if secrets["items"].as_array().into_iter().flatten().filter(filled).count() == 2 {
                break secrets;
            }
            anyhow::ensure!(
                patience.elapsed() < Duration::from_secs(30),
                "the controller manager filled no legacy token in 30 s"
            );
            std::thread::sleep(Duration::from_millis(100));
        };
        let bootstrap = cluster.object(&["secrets", "-n", "kube-system"])?;
        for list in [&secrets, &bootstrap] {
            for secret in list["items"].as_array().context("no list of Secrets")? {
                self.take_secret(secret)?;
            }
        }
        for (kind, list) in [
            ("sa", cluster.object(&["serviceaccounts", "-n", NAMESPACE])?),
            ("pod", cluster.object(&["pods", "-n", NAMESPACE])?),
            ("node", cluster.object(&["nodes"])?),
        ] {
            for object in list["items"].as_array().context("no list of objects")? {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                self.objects.insert(format!("{kind}/{name}"), facts(object));
            }
        }
        Ok(())
    }

    fn take_secret(&mut self, secret: &Value) -> anyhow::Result<()> {
        let meta = &secret["metadata"];
        let name = meta["name"].as_str().unwrap_or_default();
        let namespace = meta["namespace"].as_str().unwrap_or_default();
        let mut data = BTreeMap::new();
        for (key, value) in secret["data"].as_object().into_iter().flatten() {
            let value = STANDARD.decode(value.as_str().unwrap_or_default())?;
            if key == "token" && namespace == NAMESPACE {
                self.legacy.push(Secret::new(String::from_utf8(value.clone())?));
            }
            data.insert(key.clone(), SecretBytes::new(value));
        }
        let labels = meta["labels"].as_object().into_iter().flatten();
        let labels = labels
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect();
        let kind = secret["type"].as_str().unwrap_or_default().to_owned();
        let facts = SecretFacts { object: facts(secret), kind, labels, data };
        self.secrets.insert(format!("{namespace}/{name}"), facts);
        Ok(())
    }

    /// The UID of an object, as in `sa/robot`.
    pub(crate) fn uid(&self, path: &str) -> &str {
        self.objects.get(path).map_or("", |facts| &facts.uid)
    }

    /// The UID of the Secret that tokens are bound to.
    pub(crate) fn secret_uid(&self) -> &str {
        self.secrets.get(&format!("{NAMESPACE}/bound")).map_or("", |facts| &facts.object.uid)
    }

    /// The name of the one Node.
    pub(crate) fn node(&self) -> &str {
        self.objects.keys().find_map(|path| path.strip_prefix("node/")).unwrap_or_default()
    }

    fn object(&self, namespace: &str, path: &str) -> Known<ObjectFacts> {
        let ours = namespace == NAMESPACE;
        self.objects.get(path).filter(|_| ours).cloned().map_or(Known::Absent, Known::Found)
    }
}

fn facts(object: &Value) -> ObjectFacts {
    let meta = &object["metadata"];
    let deleted = meta["deletionTimestamp"].as_str().and_then(|at| at.parse().ok());
    ObjectFacts { uid: meta["uid"].as_str().unwrap_or_default().to_owned(), deleted_at: deleted }
}

impl Objects for World {
    fn service_account(&self, namespace: &str, name: &str) -> Known<ObjectFacts> {
        self.object(namespace, &format!("sa/{name}"))
    }
    fn pod(&self, namespace: &str, name: &str) -> Known<ObjectFacts> {
        self.object(namespace, &format!("pod/{name}"))
    }
    fn node(&self, name: &str) -> Known<ObjectFacts> {
        self.object(NAMESPACE, &format!("node/{name}"))
    }
    fn secret(&self, namespace: &str, name: &str) -> Known<SecretFacts> {
        let secret = self.secrets.get(&format!("{namespace}/{name}"));
        secret.cloned().map_or(Known::Absent, Known::Found)
    }
}

impl IssuerKeys for World {
    fn keys(&self, _: &str) -> Known<&KeySet> {
        Known::Absent
    }
}

impl SignIns for World {}

impl TokenReviews for World {
    fn review(&self, _: &Secret) -> Known<Result<TokenReviewStatus, String>> {
        Known::Absent
    }
}
