//! Facts for `auth explain` from files: objects as `kubectl get -o json` prints them, and key sets.
//! Whether they are fresh is the reader's to judge.
//!
//! Hostile input: the operator's own files; what is not an object of a known kind is an error.

use anyhow::{Context, bail};
use authn::kubernetes::{
    IssuerKeys, KeySet, Known, ObjectFacts, Objects, SecretFacts, SignIns, TokenReviewStatus,
    TokenReviews,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Secret, SecretBytes};
use serde_json::Value;
use std::collections::BTreeMap;

/// What the files tell.
#[derive(Default)]
pub(super) struct Files {
    objects: BTreeMap<(String, String, String), ObjectFacts>,
    secrets: BTreeMap<(String, String), SecretFacts>,
    keys: BTreeMap<String, KeySet>,
}

impl Files {
    /// Adds an object, or a list of them.
    pub(super) fn take_objects(&mut self, text: &str) -> anyhow::Result<()> {
        let value: Value = serde_json::from_str(text).context("not JSON")?;
        match value["items"].as_array() {
            Some(items) => items.iter().try_for_each(|item| self.take_object(item)),
            None => self.take_object(&value),
        }
    }

    fn take_object(&mut self, object: &Value) -> anyhow::Result<()> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let meta = &object["metadata"];
        let (kind, name) = (text(&object["kind"]), text(&meta["name"]));
        let namespace = text(&meta["namespace"]);
        let deleted_at = meta["deletionTimestamp"].as_str().map(str::parse).transpose()?;
        let facts = ObjectFacts { uid: text(&meta["uid"]), deleted_at };
        match kind.as_str() {
            "ServiceAccount" | "Pod" | "Node" => {
                self.objects.insert((kind, namespace, name), facts);
            }
            "Secret" => {
                let entries = |value: &Value| value.as_object().cloned().unwrap_or_default();
                let mut data = BTreeMap::new();
                for (key, value) in entries(&object["data"]) {
                    let value = STANDARD.decode(text(&value)).context("a Secret's data")?;
                    data.insert(key, SecretBytes::new(value));
                }
                let labels = entries(&meta["labels"]);
                let labels = labels.iter().map(|(key, value)| (key.clone(), text(value))).collect();
                let secret =
                    SecretFacts { object: facts, kind: text(&object["type"]), labels, data };
                self.secrets.insert((namespace, name), secret);
            }
            other => bail!("`{other}` is not a ServiceAccount, Secret, Pod or Node"),
        }
        Ok(())
    }

    /// Adds the keys of an issuer.
    pub(super) fn take_keys(&mut self, issuer: &str, text: &[u8]) -> anyhow::Result<()> {
        self.keys.insert(issuer.to_owned(), KeySet::from_json(text)?);
        Ok(())
    }

    fn object(&self, kind: &str, namespace: &str, name: &str) -> Known<ObjectFacts> {
        let key = (kind.to_owned(), namespace.to_owned(), name.to_owned());
        self.objects.get(&key).cloned().map_or(Known::NotAsked, Known::Found)
    }
}

impl Objects for Files {
    fn service_account(&self, namespace: &str, name: &str) -> Known<ObjectFacts> {
        self.object("ServiceAccount", namespace, name)
    }
    fn pod(&self, namespace: &str, name: &str) -> Known<ObjectFacts> {
        self.object("Pod", namespace, name)
    }
    fn node(&self, name: &str) -> Known<ObjectFacts> {
        self.object("Node", "", name)
    }
    fn secret(&self, namespace: &str, name: &str) -> Known<SecretFacts> {
        let secret = self.secrets.get(&(namespace.to_owned(), name.to_owned()));
        secret.cloned().map_or(Known::NotAsked, Known::Found)
    }
}

impl IssuerKeys for Files {
    fn keys(&self, issuer: &str) -> Known<&KeySet> {
        self.keys.get(issuer).map_or(Known::NotAsked, Known::Found)
    }
}

impl SignIns for Files {}

impl TokenReviews for Files {
    fn review(&self, _: &Secret) -> Known<Result<TokenReviewStatus, String>> {
        Known::NotAsked
    }
}
