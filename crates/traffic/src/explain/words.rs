//! Causes and evidence in English, for the command line. The console's words, in its languages, are its own.

use super::{Cause, EvidenceName};

impl Cause {
    /// What happened, in one line.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::NoCredential => "no token was sent, and no client certificate was accepted",
            Self::TokenRefused => "no authenticator of the API server accepts the token",
            Self::BasicRefused => "the API server knows no basic authentication",
            Self::Unauthorized => "the API server does not know who asks, and does not say why",
            Self::AnonymousDenied => "nobody was signed in: anonymous may not do this",
            Self::RbacDenied => "no role gives this user this right",
            Self::PathDenied => "no role gives this user this path",
            Self::ImpersonationDenied => "no role lets this user act as another",
            Self::NodeDenied => "a kubelet may reach only what belongs to its node",
            Self::KubeletDenied => "the user may not reach this part of the node",
            Self::RbacEscalation => "the role would give more than its writer holds",
            Self::QuotaExceeded => "a ResourceQuota refuses it",
            Self::PodSecurity => "the Pod does not meet the namespace's Pod Security level",
            Self::LimitRange => "requests or limits are outside a LimitRange",
            Self::NamespaceTerminating => "the namespace is being deleted",
            Self::ServiceAccountMissing => "the Pod's service account does not exist",
            Self::WebhookDenied => "an admission webhook said no",
            Self::PolicyDenied => "a ValidatingAdmissionPolicy said no",
            Self::AdmissionDenied => "refused behind RBAC, for the reason below",
            Self::Forbidden => "forbidden; the answer does not say by what",
            Self::ObjectNotFound => "there is no object of this name",
            Self::NamespaceNotFound => "the namespace does not exist",
            Self::ApiNotFound => "the API server does not serve this resource in this version",
            Self::NotFound => "there is nothing at this address",
            Self::VersionConflict => "somebody wrote the object after this client had read it",
            Self::AlreadyExists => "an object of this name exists already",
            Self::BeingDeleted => "the object exists and is being deleted",
            Self::FieldManagerConflict => "another manager owns these fields",
            Self::PreconditionFailed => "the object is not the one that was meant",
            Self::Conflict => "it conflicts with the present state",
            Self::VersionExpired => "the resource version is forgotten: list anew",
            Self::ContinueExpired => "the list's continuation is forgotten: list anew",
            Self::Gone => "what was asked for is no longer kept",
            Self::ImmutableField => "a field that cannot be changed was changed",
            Self::Invalid => "the object is not valid",
            Self::UnknownField => "the object has fields that its kind does not know",
            Self::BadRequest => "the API server does not understand the request",
            Self::MethodNotAllowed => "this resource cannot do that",
            Self::TooLarge => "the request or the object is too large",
            Self::UnsupportedMediaType => "the content's type is not taken here",
            Self::DisruptionBudget => "a PodDisruptionBudget forbids the eviction now",
            Self::FlowControl => "API Priority and Fairness had no seat for it",
            Self::StorageInitializing => "the API server is filling its cache",
            Self::TooManyRequests => "too many requests; the answer does not say of what",
            Self::WebhookTimeout => "a webhook did not answer in its time",
            Self::WebhookUnreachable => "a webhook could not be reached",
            Self::WebhookCertificate => "a webhook's TLS was not accepted",
            Self::WebhookFailed => "calling a webhook failed",
            Self::EtcdSlow => "etcd did not answer in time, or had no leader",
            Self::EtcdFull => "etcd's database is full",
            Self::KubeletUnreachable => "the kubelet could not be reached",
            Self::UpstreamUnreachable => "the server behind the API server could not be reached",
            Self::ShuttingDown => "the API server is being stopped",
            Self::VersionTooLarge => "the resource version is newer than what the server knows",
            Self::TimedOut => "it was not done in its time",
            Self::Unanswered => "the connection ended before an answer",
            Self::AnswerMissing => "the answer may be among what the capture misses",
            Self::Unavailable => "the server, or one behind it, does not answer now",
            Self::ServerError => "the server failed",
            Self::Other => "it was refused",
        }
    }
}

impl EvidenceName {
    /// As the JSON names it, in words.
    pub(crate) fn words(self) -> String {
        let name = serde_json::to_value(self).unwrap_or_default();
        name.as_str().unwrap_or_default().replace('_', " ")
    }
}
