//! Asking the cluster: who is behind a token (`TokenReview`), may this person do that (`SubjectAccessReview`).
//! It hands out [`Authorized`] values and keeps no decisions: each act asks anew.

use crate::{Cluster, KubeIoError};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};
use model::{Identity, Namespace, PodName, PodPlace, Secret};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// One question to RBAC, as in `kubectl auth can-i VERB RESOURCE/SUBRESOURCE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The verb, such as `create`.
    pub verb: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The resource, such as `pods`.
    pub resource: &'static str,
    /// The subresource, such as `exec`; empty for none.
    pub subresource: Cow<'static, str>,
    /// The namespace; `None` asks for all of them.
    pub namespace: Option<Namespace>,
    /// The object's name; `None` asks for all of them.
    pub name: Option<String>,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.subresource.is_empty() {
            write!(f, "/{}", self.subresource)?;
        }
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " in namespace {namespace}"),
            None => f.write_str(" in all namespaces"),
        }
    }
}

/// An act in a cluster, and what RBAC must allow for it.
pub trait Action {
    /// Every access that must be allowed, in the order asked.
    fn accesses(&self) -> Vec<Access>;
}

/// Proof that the API server allowed `action` for `identity`, made only by [`Cluster::authorize`].
/// It is handed to what performs the act and cannot be copied: a later act needs a yes of its own.
///
/// ```
/// # use kube_io::{Action, Authorized};
/// fn perform<A: Action>(allowed: Authorized<A>) -> String {
///     format!("{:?} for {:?}", allowed.action().accesses(), allowed.identity())
/// }
/// ```
///
/// Nobody else makes one:
///
/// ```compile_fail,E0451
/// # use kube_io::{Action, Authorized};
/// # use model::Identity;
/// fn forge<A: Action>(identity: Identity, action: A) -> Authorized<A> {
///     Authorized { identity, action }
/// }
/// ```
///
/// nor two of one:
///
/// ```compile_fail,E0308
/// # use kube_io::{Action, Authorized};
/// fn twice<A: Action>(allowed: &Authorized<A>) -> Authorized<A> {
///     allowed.clone()
/// }
/// ```
///
/// nor one act of another's:
///
/// ```compile_fail,E0616
/// # use kube_io::{Action, Authorized};
/// fn swap<A: Action>(allowed: &mut Authorized<A>, other: A) {
///     allowed.action = other;
/// }
/// ```
#[derive(Debug)]
pub struct Authorized<A> {
    identity: Identity,
    action: A,
}

impl<A> Authorized<A> {
    /// Whom the act is done as.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The act.
    pub fn action(&self) -> &A {
        &self.action
    }
}

/// The API server's answer for an action.
#[derive(Debug)]
pub enum Verdict<A> {
    /// Allowed.
    Allowed(Authorized<A>),
    /// Refused; the access that was missing, and the authoriser's words.
    Denied {
        /// The missing access.
        access: Access,
        /// `status.reason` of the review, possibly empty.
        reason: String,
    },
}

/// What a `TokenReview` said.
#[derive(Debug)]
pub enum TokenVerdict {
    /// The cluster knows the token.
    Authenticated(Identity),
    /// The cluster does not accept it.
    Refused {
        /// The cluster's words; they do not hold the token.
        reason: String,
    },
}

/// Entering a Pod: exec with a WebSocket is a GET, and since Kubernetes 1.35 `create` is asked as well.
/// Both are asked here, so that older clusters get the stricter rule too.
#[derive(Debug, Clone)]
pub struct EnterPod {
    /// Which Pod.
    pub place: PodPlace,
}

impl EnterPod {
    /// What must be allowed for entering a Pod of that name.
    pub fn accesses_of(namespace: &Namespace, pod: &PodName) -> Vec<Access> {
        let access = |verb, subresource: &'static str| Access {
            verb,
            group: "",
            resource: "pods",
            subresource: subresource.into(),
            namespace: Some(namespace.clone()),
            name: Some(pod.as_str().to_owned()),
        };
        vec![access("create", "exec"), access("get", "exec"), access("get", "")]
    }
}

impl Action for EnterPod {
    fn accesses(&self) -> Vec<Access> {
        Self::accesses_of(&self.place.namespace, &self.place.pod)
    }
}

macro_rules! pod_actions {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* } => |$self:ident| $verb:literal, $namespace:expr, $object:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl Action for $name {
            fn accesses(&self) -> Vec<Access> {
                let $self = self;
                vec![Access {
                    verb: $verb,
                    group: "",
                    resource: "pods",
                    subresource: "".into(),
                    namespace: $namespace,
                    name: $object,
                }]
            }
        }
    )*};
}

pod_actions! {
    /// Reading one Pod.
    GetPod { /** Namespace. */ namespace: Namespace, /** Name. */ pod: PodName }
        => |a| "get", Some(a.namespace.clone()), Some(a.pod.as_str().to_owned());
    /// Listing the Pods of a namespace, or of all.
    ListPods { /** `None` for all namespaces. */ namespace: Option<Namespace> }
        => |a| "list", a.namespace.clone(), None;
    /// Watching the Pods of a namespace, or of all.
    WatchPods { /** `None` for all namespaces. */ namespace: Option<Namespace> }
        => |a| "watch", a.namespace.clone(), None;
    /// Creating a Pod.
    CreatePod { /** Namespace. */ namespace: Namespace, /** Name. */ pod: PodName }
        => |a| "create", Some(a.namespace.clone()), Some(a.pod.as_str().to_owned());
    /// Deleting a Pod.
    DeletePod { /** Namespace. */ namespace: Namespace, /** Name. */ pod: PodName }
        => |a| "delete", Some(a.namespace.clone()), Some(a.pod.as_str().to_owned());
}

impl Cluster {
    /// Asks the API server whether `identity` may do `action`, now.
    pub async fn authorize<A: Action>(
        &self,
        identity: &Identity,
        action: A,
    ) -> Result<Verdict<A>, KubeIoError> {
        let accesses = action.accesses();
        let answers = futures_util::future::join_all(
            accesses.iter().map(|access| self.review(identity, access)),
        )
        .await;
        for (access, answer) in accesses.into_iter().zip(answers) {
            let (allowed, reason) = answer?;
            if !allowed {
                return Ok(Verdict::Denied { access, reason });
            }
        }
        Ok(Verdict::Allowed(Authorized { identity: identity.clone(), action }))
    }

    async fn review(
        &self,
        identity: &Identity,
        access: &Access,
    ) -> Result<(bool, String), KubeIoError> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(identity.user.clone()),
                uid: identity.uid.clone(),
                groups: Some(identity.groups.clone()),
                extra: (!identity.extra.is_empty()).then(|| identity.extra.clone()),
                resource_attributes: Some(ResourceAttributes {
                    verb: text(access.verb),
                    group: text(access.group),
                    resource: text(access.resource),
                    subresource: text(&access.subresource),
                    namespace: access.namespace.as_ref().map(|name| name.as_str().to_owned()),
                    name: access.name.clone(),
                    ..Default::default()
                }),
                ..Default::default()
            },
            ..Default::default()
        };
        let api: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = api
            .create(&PostParams::default(), &review)
            .await
            .map_err(|error| KubeIoError::from_kube(&self.name, error))?;
        // No status is no answer, and no answer is no.
        let status = answer.status.unwrap_or_default();
        let allowed = status.allowed && !status.denied.unwrap_or(false);
        Ok((allowed, status.reason.or(status.evaluation_error).unwrap_or_default()))
    }

    /// Asks the API server who is behind a bearer token (`authentication.k8s.io/v1 TokenReview`).
    pub async fn token_review(&self, token: &Secret) -> Result<TokenVerdict, KubeIoError> {
        let review = TokenReview {
            spec: TokenReviewSpec { token: token.expose().to_owned(), audiences: None },
            ..Default::default()
        };
        let api: Api<TokenReview> = Api::all(self.client.clone());
        let answer = api
            .create(&PostParams::default(), &review)
            .await
            .map_err(|error| KubeIoError::from_kube(&self.name, error))?;
        let status = answer.status.unwrap_or_default();
        if !status.authenticated.unwrap_or(false) {
            let reason = status.error.unwrap_or_else(|| "the token is not valid".to_owned());
            let secret = token.expose();
            let reason =
                if secret.is_empty() { reason } else { reason.replace(secret, "[redacted]") };
            return Ok(TokenVerdict::Refused { reason });
        }
        let user = status.user.unwrap_or_default();
        let name = user.username.unwrap_or_default();
        if name.is_empty() || name == "system:anonymous" {
            return Ok(TokenVerdict::Refused { reason: "the token names nobody".to_owned() });
        }
        Ok(TokenVerdict::Authenticated(Identity {
            user: name,
            uid: user.uid.filter(|uid| !uid.is_empty()),
            groups: user.groups.unwrap_or_default(),
            extra: user.extra.unwrap_or_default().into_iter().collect::<BTreeMap<_, _>>(),
        }))
    }
}
