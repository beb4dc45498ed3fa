//! Handing a request on to the API server as the person who sent it, bodies and upgrades included.
//! Who the person is was decided by `authn`'s union; what they may do, the API server decides, request by
//! request, as for everybody.
//!
//! A gateway cannot ask a `SubjectAccessReview` first, as [`Cluster::as_person`] wants: only the API server
//! reads a request as it will be acted on, and its answer to the impersonated request is the authorisation.
//! So the value that is asked for here is [`Caller`]: made of an [`Authenticated`], which only the union makes,
//! and, for whoever acts as somebody else, of the API server's yes to `impersonate`.
//!
//! Hostile input: the request is a stranger's. Its body streams through; whatever it says of identities or
//! credentials is removed here again, after whoever cleaned it before, and ours put in its place.

use crate::error::chain;
use crate::review::{Access, Action, Authorized};
use crate::{Cluster, KubeIoError, impersonate};
use authn::kubernetes::Authenticated;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, PROXY_AUTHORIZATION};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::ConfigExt as _;
use model::Identity;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder, ServiceExt as _};

/// What is sent: it streams, and its reader sets the pace.
pub type ForwardBody = UnsyncBoxBody<Bytes, BoxError>;

pub(crate) type Transport = BoxCloneSyncService<Request<ForwardBody>, Response<Incoming>, BoxError>;

type Sending = Pin<Box<dyn Future<Output = Result<Response<Incoming>, BoxError>> + Send>>;

/// An API server closes idle connections after 90 s; ours go before, so that none is chosen while it dies.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// A cluster that is away must not hold a person's request for half a minute.
const CONNECT_TAKES: Duration = Duration::from_secs(5);

/// Acting as somebody else: every part of the other's identity needs the right to `impersonate` it.
#[derive(Debug, Clone)]
pub struct Impersonate {
    target: Identity,
}

impl Impersonate {
    /// Wishes to act as `target`.
    pub fn new(target: Identity) -> Self {
        Self { target }
    }

    /// As whom.
    pub fn target(&self) -> &Identity {
        &self.target
    }
}

const AUTHENTICATION: &str = "authentication.k8s.io";

impl Action for Impersonate {
    fn accesses(&self) -> Vec<Access> {
        let access = |group, resource, name: &str| Access {
            verb: "impersonate",
            group,
            resource,
            subresource: "".into(),
            namespace: None,
            name: Some(name.to_owned()),
        };
        let target = &self.target;
        let mut all = vec![match target.service_account() {
            Some((namespace, name)) => {
                Access { namespace: Some(namespace), ..access("", "serviceaccounts", name) }
            }
            None => access("", "users", &target.user),
        }];
        all.extend(target.groups.iter().map(|group| access("", "groups", group)));
        for (key, values) in &target.extra {
            all.extend(values.iter().map(|value| Access {
                subresource: key.clone().into(),
                ..access(AUTHENTICATION, "userextras", value)
            }));
        }
        all.extend(target.uid.iter().map(|uid| access(AUTHENTICATION, "uids", uid)));
        all
    }
}

/// As whom a request is sent.
#[derive(Debug, Clone)]
pub struct Caller {
    sender: Arc<Authenticated>,
    as_other: Option<Arc<Authorized<Impersonate>>>,
}

impl Caller {
    /// The sender, as themselves.
    pub fn themselves(sender: Arc<Authenticated>) -> Self {
        Self { sender, as_other: None }
    }

    /// The sender, as somebody else. `None` if the right is another person's.
    pub fn acting_as(sender: Arc<Authenticated>, right: Authorized<Impersonate>) -> Option<Self> {
        let is_theirs = right.identity() == sender.identity();
        is_theirs.then(|| Self { sender, as_other: Some(Arc::new(right)) })
    }

    /// The sender.
    pub fn sender(&self) -> &Authenticated {
        &self.sender
    }

    /// Whom the API server takes the request for.
    pub fn identity(&self) -> &Identity {
        match &self.as_other {
            Some(right) => right.action().target(),
            None => self.sender.identity(),
        }
    }

    /// The other, if there is one.
    pub fn as_other(&self) -> Option<&Identity> {
        self.as_other.as_ref().map(|right| right.action().target())
    }
}

impl Cluster {
    /// Sends a request as `caller`. The answer is the API server's, whatever it is: nothing is tried again
    /// and no redirect followed. It comes when its head is there; how long that may take, the asker bounds.
    pub async fn forward(
        &self,
        caller: &Caller,
        mut request: Request<ForwardBody>,
    ) -> Result<Response<Incoming>, KubeIoError> {
        let Some(transport) = self.transport.clone() else {
            return Err(KubeIoError::OperatorMisconfigured {
                cluster: self.name.clone(),
                detail: "it was opened without a way to forward requests".to_owned(),
            });
        };
        let ours = impersonate::headers(&self.name, caller.identity())?;
        let headers = request.headers_mut();
        for name in [AUTHORIZATION, PROXY_AUTHORIZATION, HOST] {
            headers.remove(name);
        }
        impersonate::impose(headers, ours);
        // Named, because the compiler does not see through the service's own type that it may be sent.
        let sending: Sending = Box::pin(transport.oneshot(request));
        sending.await.map_err(|error| KubeIoError::Unreachable {
            cluster: self.name.clone(),
            detail: chain(error.as_ref()),
        })
    }
}

/// The way to an API server for requests that are handed on: the cluster's TLS and the hub's own credential,
/// as its client has them, but nothing that would decide for the sender. `kube`'s client tries 429 and 503
/// again and takes no streaming body.
pub(crate) fn transport(config: &kube::Config) -> Result<Transport, kube::Error> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TAKES));
    // A peer that vanished without a word would hold a watch for ever.
    connector.set_keepalive(Some(Duration::from_secs(30)));
    let client: Client<_, ForwardBody> = Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_MAX)
        .pool_timer(TokioTimer::new())
        .build(config.rustls_https_connector_with_connector(connector)?);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .map_err(BoxError::from)
        .service(client);
    Ok(BoxCloneSyncService::new(service))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn target(user: &str) -> Identity {
        Identity { user: user.to_owned(), uid: None, groups: Vec::new(), extra: BTreeMap::new() }
    }

    fn asked(target: Identity) -> Vec<String> {
        let accesses = Impersonate::new(target).accesses();
        accesses.iter().map(|access| format!("{}: {access}", access.group)).collect()
    }

    #[test]
    fn every_part_of_the_other_is_asked_for() {
        let mut other = target("bob");
        other.uid = Some("7".to_owned());
        other.groups = vec!["dev".to_owned(), "ops".to_owned()];
        other.extra = BTreeMap::from([("scopes".to_owned(), vec!["a".to_owned(), "b".to_owned()])]);
        assert_eq!(
            asked(other),
            [
                ": impersonate users bob in all namespaces",
                ": impersonate groups dev in all namespaces",
                ": impersonate groups ops in all namespaces",
                "authentication.k8s.io: impersonate userextras/scopes a in all namespaces",
                "authentication.k8s.io: impersonate userextras/scopes b in all namespaces",
                "authentication.k8s.io: impersonate uids 7 in all namespaces",
            ]
        );
    }

    #[test]
    fn a_service_account_is_asked_for_as_one_and_a_name_like_it_is_not() {
        assert_eq!(
            asked(target("system:serviceaccount:web:builder")),
            [": impersonate serviceaccounts builder in namespace web"]
        );
        for user in [
            "system:serviceaccount:web",
            "system:serviceaccount:We b:x",
            "system:serviceaccount:a:b:c",
        ] {
            assert_eq!(
                asked(target(user)),
                [format!(": impersonate users {user} in all namespaces")]
            );
        }
    }
}
