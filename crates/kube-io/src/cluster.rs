//! Clusters the hub stands before: found by a kubeconfig's named context or from inside a Pod.
//! A context that nobody named is never used; who may do what there is asked in `review`.

use crate::KubeIoError;
use crate::error::chain;
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
        /// The context's name. `None` is accepted only when the file holds exactly one context.
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
        let mut config = match source {
            ClusterSource::InCluster => kube::Config::incluster()
                .map_err(|error| wrong(format!("not inside a cluster: {}", chain(&error))))?,
            ClusterSource::Kubeconfig { path, context } => {
                let kubeconfig = kube::config::Kubeconfig::read_from(path).map_err(|error| {
                    wrong(format!("kubeconfig {}: {}", path.display(), chain(&error)))
                })?;
                let names: Vec<&str> =
                    kubeconfig.contexts.iter().map(|named| named.name.as_str()).collect();
                let context = match context {
                    Some(context) if names.contains(&context.as_str()) => context.clone(),
                    Some(context) => {
                        return Err(wrong(format!(
                            "kubeconfig {} has no context `{context}`; it has: {}",
                            path.display(),
                            names.join(", ")
                        )));
                    }
                    None => match names.as_slice() {
                        [only] => (*only).to_owned(),
                        _ => {
                            return Err(wrong(format!(
                                "kubeconfig {} has {} contexts; name one of: {}",
                                path.display(),
                                names.len(),
                                names.join(", ")
                            )));
                        }
                    },
                };
                let options = kube::config::KubeConfigOptions {
                    context: Some(context),
                    ..Default::default()
                };
                kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(
                    |error| wrong(format!("kubeconfig {}: {}", path.display(), chain(&error))),
                )?
            }
        };
        // A cluster that is away must not hold a person's request for half a minute.
        config.connect_timeout = Some(Duration::from_secs(5));
        let server = config.cluster_url.to_string();
        let client = kube::Client::try_from(config).map_err(|error| wrong(chain(&error)))?;
        Ok(Self { name, client: patient(client, ANSWER_TAKES), server: server.into() })
    }

    /// A cluster behind an existing client, for tests against doubles.
    pub fn from_client(name: ClusterName, client: kube::Client) -> Self {
        Self { name, client: patient(client, ANSWER_TAKES), server: "".into() }
    }

    /// The name by which the hub's configuration knows it.
    pub fn name(&self) -> &ClusterName {
        &self.name
    }

    /// The API server's address.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The client that acts as the hub itself: for the names of namespaces, and for the namespaces of
    /// workspaces, which the hub owns. It reaches into no Pod, for the hub's own role
    /// (`deploy/hub-role.yaml`) holds no right to any; what a person does goes through
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
