//! Clusters the hub stands before: found by a kubeconfig's named context or from inside a Pod.
//! A context that nobody named is never used; who may do what there is asked in `review`.

use crate::KubeIoError;
use crate::error::chain;
use crate::forward::{Transport, transport};
use crate::patience::{ANSWER_TAKES, patient};
use model::ClusterName;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How to reach a cluster.
#[derive(Debug, Clone)]
pub enum ClusterSource {
    /// A kubeconfig file and the context to use in it.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The context's name. `None` is accepted only when the file holds one context and calls it the current
        /// one: then it is what any other program would take, and nobody else's.
        context: Option<String>,
    },
    /// The service account of the Pod that the hub runs in.
    InCluster,
}

/// One cluster, reached with the hub's own credentials. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) name: ClusterName,
    pub(crate) client: kube::Client,
    pub(crate) server: Arc<str>,
    context: Option<Arc<str>>,
    /// `None` for a client of a test.
    pub(crate) transport: Option<Transport>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cluster({} at {})", self.name, self.server)
    }
}

impl Cluster {
    /// Reads the credentials and prepares a client. Nothing is sent yet.
    pub async fn open(name: ClusterName, source: &ClusterSource) -> Result<Self, KubeIoError> {
        let wrong =
            |detail: String| KubeIoError::OperatorMisconfigured { cluster: name.clone(), detail };
        let (mut config, context) = match source {
            ClusterSource::InCluster => {
                let config = kube::Config::incluster()
                    .map_err(|error| wrong(format!("not inside a cluster: {}", chain(&error))))?;
                (config, None)
            }
            ClusterSource::Kubeconfig { path, context } => {
                let kubeconfig = kube::config::Kubeconfig::read_from(path).map_err(|error| {
                    wrong(format!("kubeconfig {}: {}", path.display(), chain(&error)))
                })?;
                let context = choose(&kubeconfig, context.as_deref())
                    .map_err(|why| wrong(format!("kubeconfig {} {why}", path.display())))?;
                let options = kube::config::KubeConfigOptions {
                    context: Some(context.clone()),
                    ..Default::default()
                };
                let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options);
                let config = config.await.map_err(|error| {
                    wrong(format!("kubeconfig {}: {}", path.display(), chain(&error)))
                })?;
                (config, Some(context.into()))
            }
        };
        // A cluster that is away must not hold a person's request for half a minute.
        config.connect_timeout = Some(Duration::from_secs(5));
        let server = config.cluster_url.to_string();
        let client = kube::Client::try_from(config.clone());
        let client = patient(client.map_err(|error| wrong(chain(&error)))?, ANSWER_TAKES);
        let transport = transport(&config).map_err(|error| wrong(chain(&error)))?;
        Ok(Self { name, client, server: server.into(), context, transport: Some(transport) })
    }

    /// A cluster behind an existing client, for tests against doubles.
    pub fn from_client(name: ClusterName, client: kube::Client) -> Self {
        let client = patient(client, ANSWER_TAKES);
        Self { name, client, server: "".into(), context: None, transport: None }
    }

    /// The name by which the hub's configuration knows it.
    pub fn name(&self) -> &ClusterName {
        &self.name
    }

    /// The API server's address.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The kubeconfig's context by which it is reached; `None` from inside a Pod.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// The client that acts as the hub itself: for the names of namespaces, for the namespaces of
    /// workspaces, which the hub owns, and for the lists of a scan. It reaches into no Pod, for the hub's own role
    /// (`deploy/hub-role.yaml`) holds no right to any, and that of a scan only lists; what a person does goes through
    /// [`Cluster::as_person`].
    pub fn as_hub(&self) -> kube::Client {
        self.client.clone()
    }

    /// Whether the API server answers, and its version.
    pub async fn version(&self) -> Result<String, KubeIoError> {
        self.client
            .apiserver_version()
            .await
            .map(|info| info.git_version)
            .map_err(|error| KubeIoError::from_kube(&self.name, error))
    }
}

/// The context to use: the named one, or the one that there is no choice about.
fn choose(kubeconfig: &kube::config::Kubeconfig, named: Option<&str>) -> Result<String, String> {
    let names: Vec<&str> = kubeconfig.contexts.iter().map(|named| named.name.as_str()).collect();
    let all = names.join(", ");
    let current = kubeconfig.current_context.as_deref().filter(|current| !current.is_empty());
    match (named, names.as_slice()) {
        (Some(named), names) if names.contains(&named) => Ok(named.to_owned()),
        (Some(named), _) => Err(format!("has no context `{named}`; it has: {all}")),
        (None, []) => Err("has no context".to_owned()),
        (None, [only]) if current == Some(*only) => Ok((*only).to_owned()),
        (None, [only]) => Err(format!(
            "does not call its context `{only}` the current one; name it if it is meant"
        )),
        (None, names) => Err(format!("has {} contexts; name one of: {all}", names.len())),
    }
}

/// All clusters of the hub, in the configuration's order. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Clusters(Arc<[Cluster]>);

impl Clusters {
    /// Takes the clusters over; names must be unique, which the configuration checks.
    pub fn new(clusters: Vec<Cluster>) -> Self {
        Self(clusters.into())
    }

    /// The cluster of that name.
    pub fn get(&self, name: &ClusterName) -> Option<&Cluster> {
        self.0.iter().find(|cluster| cluster.name == *name)
    }

    /// The first one, used where a person names none.
    pub fn first(&self) -> Option<&Cluster> {
        self.0.first()
    }

    /// Every cluster.
    pub fn iter(&self) -> impl Iterator<Item = &Cluster> {
        self.0.iter()
    }

    /// Every name.
    pub fn names(&self) -> Vec<ClusterName> {
        self.0.iter().map(|cluster| cluster.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(
        contexts: &[&str],
        current: Option<&str>,
        named: Option<&str>,
    ) -> Result<String, String> {
        let contexts: Vec<_> =
            contexts.iter().map(|name| serde_json::json!({ "name": name })).collect();
        let config = serde_json::json!({ "contexts": contexts, "current-context": current });
        choose(&serde_json::from_value(config).unwrap(), named)
    }

    #[test]
    fn no_context_is_used_that_nobody_named() {
        let two = ["staging", "production"];
        assert_eq!(chosen(&two, Some("production"), Some("staging")).unwrap(), "staging");
        assert_eq!(chosen(&["only"], Some("only"), None).unwrap(), "only");
        for (contexts, current, named, why) in [
            (&two[..], Some("production"), None, "name one of: staging, production"),
            (&two, Some("production"), Some("testing"), "no context `testing`; it has: staging"),
            (&["only"], None, None, "`only` the current one"),
            (&["only"], Some(""), None, "`only` the current one"),
            (&["only"], Some("other"), None, "`only` the current one"),
            (&["only"], Some("only"), Some(""), "no context ``"),
            (&[], None, None, "has no context"),
        ] {
            let refused = chosen(contexts, current, named).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
