//! Whether somebody is the ServiceAccount of a namespace that belongs to a person, and so no person of their own.
//! How such namespaces are made and marked is known to `workspaces`, what follows for a sign-in to the services.

use crate::{Cluster, KubeIoError};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::Api;
use model::Identity;

/// Label (hash) and annotation (full name) of a workspace namespace: whose it is. People cannot change it.
pub const WORKSPACE_OWNER: &str = "sallyport.dev/owner";

impl Cluster {
    /// Asks the API server, as the hub, whether `identity` is a ServiceAccount of a workspace namespace. Its token
    /// is whoever's that may make a Pod there: the owner's, once more under another name.
    pub async fn is_workspace_account(&self, identity: &Identity) -> Result<bool, KubeIoError> {
        let Some((namespace, _)) = identity.service_account() else { return Ok(false) };
        let api: Api<Namespace> = Api::all(self.client.clone());
        let found = api
            .get(namespace.as_str())
            .await
            .map_err(|error| KubeIoError::from_kube(&self.name, error))?;
        Ok(found.metadata.labels.is_some_and(|labels| labels.contains_key(WORKSPACE_OWNER)))
    }
}
