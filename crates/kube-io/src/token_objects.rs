//! The objects that a token hangs on: the ServiceAccount, Pod, Node or Secret that it names.
//! Read as the hub, because the token's owner is not known before; what they mean for the token is `authn`'s.
//!
//! Hostile input: names come from tokens. Those of service accounts are read only after a key of the cluster
//! verified them, those of bootstrap tokens have one fixed form; and a name that is none is not asked for.

use crate::{Cluster, KubeIoError};
use authn::kubernetes::{Known, ObjectFacts, SecretFacts};
use k8s_openapi::api::core::v1::{Node, Pod, Secret, ServiceAccount};
use kube::api::{Api, ObjectMeta};
use model::{Namespace, PodName, SecretBytes, Timestamp};

impl Cluster {
    /// A ServiceAccount.
    pub async fn service_account_facts(&self, namespace: &str, name: &str) -> Known<ObjectFacts> {
        let Some(namespace) = checked(namespace, name) else { return Known::Absent };
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        self.known("ServiceAccount", api.get_metadata_opt(name).await, |it| facts(&it.metadata))
    }

    /// A Pod.
    pub async fn pod_object_facts(&self, namespace: &str, name: &str) -> Known<ObjectFacts> {
        let Some(namespace) = checked(namespace, name) else { return Known::Absent };
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        self.known("Pod", api.get_metadata_opt(name).await, |it| facts(&it.metadata))
    }

    /// A Node.
    pub async fn node_facts(&self, name: &str) -> Known<ObjectFacts> {
        if name.parse::<PodName>().is_err() {
            return Known::Absent;
        }
        let api: Api<Node> = Api::all(self.client.clone());
        self.known("Node", api.get_metadata_opt(name).await, |it| facts(&it.metadata))
    }

    /// A Secret, with its data: the token itself is compared with what it keeps.
    pub async fn secret_facts(&self, namespace: &str, name: &str) -> Known<SecretFacts> {
        let Some(namespace) = checked(namespace, name) else { return Known::Absent };
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        self.known("Secret", api.get_opt(name).await, |secret| SecretFacts {
            object: facts(&secret.metadata),
            kind: secret.type_.unwrap_or_default(),
            labels: secret.metadata.labels.unwrap_or_default().into_iter().collect(),
            data: secret
                .data
                .unwrap_or_default()
                .into_iter()
                .map(|(key, value)| (key, SecretBytes::new(value.0)))
                .collect(),
        })
    }

    fn known<T, F>(
        &self,
        kind: &'static str,
        answer: Result<Option<T>, kube::Error>,
        read: impl FnOnce(T) -> F,
    ) -> Known<F> {
        match answer {
            Ok(Some(object)) => Known::Found(read(object)),
            Ok(None) => Known::Absent,
            Err(error) => {
                let error = KubeIoError::from_kube(&self.name, error);
                tracing::warn!(kind, %error, "an object that a token hangs on cannot be read");
                Known::Failed
            }
        }
    }
}

/// The namespace, if both are names that an object can have.
fn checked<'a>(namespace: &'a str, name: &str) -> Option<&'a str> {
    let sound = namespace.parse::<Namespace>().is_ok() && name.parse::<PodName>().is_ok();
    sound.then_some(namespace)
}

fn facts(meta: &ObjectMeta) -> ObjectFacts {
    ObjectFacts {
        uid: meta.uid.clone().unwrap_or_default(),
        deleted_at: meta
            .deletion_timestamp
            .as_ref()
            .map(|time| Timestamp::from_micros(time.0.as_microsecond())),
    }
}
