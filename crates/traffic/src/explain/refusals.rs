//! Statuses from 400 to 429: who refused a request, and for what.
//! The sentences are those of kube-apiserver 1.29 to 1.36, its admission plugins and the kubelet.

use super::evidence::{EvidenceName as Name, Found, argument};
use super::message::{Denial, between, denial, quoted_after};
use super::{Cause, Content, Facts, field};
use serde_json::Value;

const ANONYMOUS: &str = "system:anonymous";
const NODE: &str = "system:node:";

impl Facts<'_> {
    /// A webhook that answered no, with whatever status.
    pub(super) fn webhook(&self, found: &mut Found) -> Option<Cause> {
        let (name, rest) = quoted_after(&self.status.message, "admission webhook ")?;
        if !rest.starts_with(" denied the request") {
            return None;
        }
        found.add(Name::Webhook, &name);
        found.command(&[
            "kubectl",
            "get",
            "validatingwebhookconfigurations,mutatingwebhookconfigurations",
            "-o=yaml",
        ]);
        Some(Cause::WebhookDenied)
    }

    /// A ValidatingAdmissionPolicy that answered no.
    pub(super) fn policy(&self, found: &mut Found) -> Option<Cause> {
        let message = &self.status.message;
        let policy = between(message, "ValidatingAdmissionPolicy '", "'")?;
        if !message.contains("' denied request: ") {
            return None;
        }
        found.add(Name::Policy, policy);
        if let Some(binding) = between(message, "with binding '", "'") {
            found.add(Name::Binding, binding);
        }
        if let Some(policy) = argument(policy) {
            found.command(&["kubectl", "get", "validatingadmissionpolicy", policy, "-o=yaml"]);
        }
        Some(Cause::PolicyDenied)
    }

    pub(super) fn bad_request(&self, found: &mut Found) -> Cause {
        let message = self.text();
        let is_unknown = message.contains("strict decoding error:")
            && (message.contains("unknown field") || message.contains("duplicate field"));
        if !is_unknown {
            return Cause::BadRequest;
        }
        let said = message.split_once("strict decoding error: ").map_or(message, |(_, said)| said);
        for part in said.split(", ") {
            if let Some((path, _)) = quoted_after(part, "field ") {
                let what = part.split(" field ").next().unwrap_or_default();
                found.add_of(Name::Field, &path, &format!("{what} field"));
            }
        }
        Cause::UnknownField
    }

    pub(super) fn unauthorized(&self, found: &mut Found) -> Cause {
        let headers = self.exchange.request.headers;
        if let Some(user) = self.exchange.user {
            found.add(Name::ClaimedUser, user);
        }
        let credential = field(headers, "authorization");
        let in_protocol = field(headers, "sec-websocket-protocol")
            .is_some_and(|value| value.contains("bearer.authorization.k8s.io"));
        // A field whose name is not known may be the one.
        let knows_all = !headers.is_empty() && headers.iter().all(|(name, _)| name.is_some());
        let scheme = credential.and_then(|value| value.split_whitespace().next());
        match scheme {
            Some(scheme) if scheme.eq_ignore_ascii_case("bearer") => {
                found.add(Name::Credential, "Bearer");
                Cause::TokenRefused
            }
            Some(scheme) if scheme.eq_ignore_ascii_case("basic") => {
                found.add(Name::Credential, "Basic");
                Cause::BasicRefused
            }
            None if in_protocol => {
                found.add(Name::Credential, "Sec-WebSocket-Protocol");
                Cause::TokenRefused
            }
            None if knows_all => Cause::NoCredential,
            _ => Cause::Unauthorized,
        }
    }

    pub(super) fn forbidden(&self, found: &mut Found) -> Cause {
        let message = self.text();
        if let Some(denial) = denial(message) {
            // Who sent a credential and is anonymous all the same sent one of which nothing is known.
            if denial.user == ANONYMOUS
                && let Some(credential) = field(self.exchange.request.headers, "authorization")
            {
                found.add(
                    Name::Credential,
                    credential.split_whitespace().next().unwrap_or_default(),
                );
            }
            return denied(&denial, found, &self.status.name);
        }
        if let Some(cause) = kubelet_denied(message, found) {
            return cause;
        }
        if self.status.causes.iter().any(|cause| cause.reason == "NamespaceTerminating")
            || message.contains("because it is being terminated")
        {
            return self.terminating(found);
        }
        let Some((_, said)) = message.split_once(" is forbidden: ") else {
            return Cause::Forbidden;
        };
        if let Some((name, _)) =
            said.strip_prefix("exceeded quota: ").and_then(|rest| rest.split_once(','))
        {
            found.add(Name::Quota, name);
            let rest = said.split_once(", ").map_or("", |(_, rest)| rest);
            found
                .add(Name::Requested, between(rest, "requested: ", ", used: ").unwrap_or_default());
            found.add(Name::Used, between(rest, "used: ", ", limited: ").unwrap_or_default());
            found.add(
                Name::Limited,
                rest.split_once("limited: ").map_or("", |(_, limited)| limited),
            );
            self.describe("resourcequota", Some(name), found);
            return Cause::QuotaExceeded;
        }
        if said.starts_with("failed quota: ") {
            found.add(Name::Quota, between(said, "failed quota: ", ":").unwrap_or_default());
            return Cause::QuotaExceeded;
        }
        if let Some((level, rest)) = quoted_after(said, "violates PodSecurity ") {
            found.add(Name::Level, level);
            for part in rest.trim_start_matches([':', ' ']).split("), ").take(8) {
                if let Some((control, why)) = part.split_once(" (") {
                    found.add_of(Name::Field, control, why.trim_end_matches(')'));
                }
            }
            let label = "-L=pod-security.kubernetes.io/enforce";
            if let Some(namespace) = self.namespace() {
                found.command(&["kubectl", "get", "namespace", namespace, label]);
            }
            return Cause::PodSecurity;
        }
        if let Some(account) = said.strip_prefix("error looking up service account ") {
            found.add(Name::Object, account.split(':').next().unwrap_or_default());
            return Cause::ServiceAccountMissing;
        }
        if said.contains("is attempting to grant RBAC permissions not currently held")
            || message.contains("is attempting to grant RBAC permissions not currently held")
        {
            return Cause::RbacEscalation;
        }
        let of_limits = ["minimum ", "maximum "].iter().any(|word| {
            said.trim_start_matches('[').starts_with(word) && said.contains(" usage per ")
        });
        if of_limits || said.contains(" max limit to request ratio per ") {
            self.describe("limitrange", None, found);
            return Cause::LimitRange;
        }
        found.add(Name::Authorizer, said);
        Cause::AdmissionDenied
    }

    fn terminating(&self, found: &mut Found) -> Cause {
        let namespace = between(self.text(), "in namespace ", " because").or(self.namespace());
        if let Some(namespace) = namespace {
            found.add(Name::Namespace, namespace);
            if let Some(namespace) = argument(namespace) {
                found.command(&["kubectl", "get", "namespace", namespace, "-o=yaml"]);
            }
        }
        Cause::NamespaceTerminating
    }

    pub(super) fn not_found(&self, found: &mut Found) -> Cause {
        let status = &self.status;
        if status.reason == "NotFound" && !status.name.is_empty() {
            found.add(Name::Resource, &status.kind);
            found.add(Name::ApiGroup, &status.group);
            found.add(Name::Object, &status.name);
            let of_namespace = status.kind == "namespaces"
                && self.call().resource.as_deref() != Some("namespaces");
            if of_namespace {
                found.command(&["kubectl", "get", "namespaces"]);
                return Cause::NamespaceNotFound;
            }
            if let Some(namespace) = self.namespace() {
                found.add(Name::Namespace, namespace);
            }
            if let (Some(kind), Some(namespace)) = (argument(&status.kind), self.namespace()) {
                found.command(&["kubectl", "get", kind, "-n", namespace]);
            }
            return Cause::ObjectNotFound;
        }
        let text = self.text();
        let is_api = text.starts_with("the server could not find the requested resource")
            || (text == "404 page not found" && self.call().resource.is_some());
        if !is_api {
            return Cause::NotFound;
        }
        let call = self.call();
        found.add(Name::Resource, call.resource.as_deref().unwrap_or_default());
        let version = [call.group.as_deref(), call.version.as_deref()];
        let version: Vec<&str> =
            version.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        found.add(Name::ApiGroup, version.join("/"));
        match call.group.as_deref().filter(|group| !group.is_empty()).and_then(argument) {
            Some(group) => found.command(&["kubectl", "api-resources", "--api-group", group]),
            None => found.command(&["kubectl", "api-resources"]),
        }
        Cause::ApiNotFound
    }

    pub(super) fn conflict(&self, found: &mut Found) -> Cause {
        let status = &self.status;
        let message = &status.message;
        found.add(Name::Resource, &status.kind);
        found.add(Name::Object, &status.name);
        if status.causes.iter().any(|cause| cause.reason == "FieldManagerConflict") {
            for cause in status.causes.iter().filter(|cause| cause.reason == "FieldManagerConflict")
            {
                if let Some((manager, _)) = quoted_after(&cause.message, "conflict with ") {
                    found.add_of(Name::Manager, &cause.field, &manager);
                }
            }
            return Cause::FieldManagerConflict;
        }
        if message.contains("the object has been modified") {
            if let Some(version) = self.sent_version() {
                found.add(Name::ResourceVersion, version);
            }
            return Cause::VersionConflict;
        }
        if status.reason == "AlreadyExists" {
            return match message.starts_with("object is being deleted:") {
                true => Cause::BeingDeleted,
                false => Cause::AlreadyExists,
            };
        }
        if message.contains("Precondition failed:") || message.contains(" in the precondition (") {
            return Cause::PreconditionFailed;
        }
        Cause::Conflict
    }

    pub(super) fn gone(&self, found: &mut Found) -> Cause {
        let message = &self.status.message;
        if message.contains("continue parameter is too old") || message.contains("continue token") {
            return Cause::ContinueExpired;
        }
        if message.contains("too old resource version")
            || message.contains("resourceVersion for the provided")
        {
            let path = self.call().path.as_deref().unwrap_or_default();
            let query = path.split_once('?').map_or("", |(_, query)| query);
            let sent = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
            found.add(Name::ResourceVersion, sent.unwrap_or_default());
            return Cause::VersionExpired;
        }
        Cause::Gone
    }

    pub(super) fn invalid(&self, found: &mut Found) -> Cause {
        found.add(Name::Resource, &self.status.kind);
        found.add(Name::Object, &self.status.name);
        let mut immutable = false;
        for cause in &self.status.causes {
            found.add_of(Name::Field, &cause.field, &cause.message);
            immutable |= cause.message.contains("field is immutable");
        }
        if immutable { Cause::ImmutableField } else { Cause::Invalid }
    }

    pub(super) fn too_many(&self, found: &mut Found) -> Cause {
        let status = &self.status;
        if let Some(cause) = status.causes.iter().find(|cause| cause.reason == "DisruptionBudget") {
            found.add(Name::StatusCause, &cause.message);
            if let Some(namespace) = self.namespace() {
                found.command(&["kubectl", "get", "poddisruptionbudgets", "-n", namespace]);
            }
            return Cause::DisruptionBudget;
        }
        if status.message.contains("storage is (re)initializing") {
            return Cause::StorageInitializing;
        }
        let schema = self.header("x-kubernetes-pf-flowschema-uid");
        let level = self.header("x-kubernetes-pf-prioritylevel-uid");
        if let Some(user) = self.exchange.user {
            found.add(Name::ClaimedUser, user);
        }
        found.add(Name::FlowSchema, schema.unwrap_or_default());
        found.add(Name::PriorityLevel, level.unwrap_or_default());
        // Every answer names its flow schema and level; only these words come from being sent away there.
        let is_flow = schema.is_some() || level.is_some();
        if is_flow && self.text().starts_with("Too many requests, please try again later") {
            found.command(&[
                "kubectl",
                "get",
                "flowschemas,prioritylevelconfigurations",
                "-o=custom-columns=KIND:.kind,NAME:.metadata.name,UID:.metadata.uid",
            ]);
            found.command(&[
                "kubectl",
                "get",
                "--raw=/debug/api_priority_and_fairness/dump_priority_levels",
            ]);
            return Cause::FlowControl;
        }
        Cause::TooManyRequests
    }

    /// The namespace, if it may stand in a command.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.call().namespace.as_deref().and_then(argument)
    }

    fn describe(&self, kind: &str, name: Option<&str>, found: &mut Found) {
        let Some(namespace) = self.namespace() else { return };
        match name.map(argument) {
            None => found.command(&["kubectl", "describe", kind, "-n", namespace]),
            Some(Some(name)) => {
                found.command(&["kubectl", "describe", kind, name, "-n", namespace])
            }
            Some(None) => {}
        }
    }

    /// The version of the object that the request sent.
    fn sent_version(&self) -> Option<String> {
        let Content::Json(text) = self.exchange.request.content else { return None };
        let value: Value = serde_json::from_str(text).ok()?;
        let version = value.get("metadata")?.get("resourceVersion")?.as_str()?;
        Some(version.to_owned())
    }
}

/// What an authoriser of the API server refused.
fn denied(denial: &Denial, found: &mut Found, name: &str) -> Cause {
    let Denial { user, verb, resource, group, namespace, path, more } = denial;
    found.add(Name::User, user);
    found.add(Name::Verb, verb);
    // `impersonate users`, and from 1.36 also `impersonate:user-info users` and `impersonate-on:user-info:list pods`.
    let acts_as = verb.starts_with("impersonate");
    if acts_as && !verb.starts_with("impersonate-on:") {
        let what = match group.as_str() {
            "" => resource.clone(),
            group => format!("{resource}.{group}"),
        };
        found.add_of(Name::ActAs, &what, if name.is_empty() { "*" } else { name });
        found.add(Name::Authorizer, more);
        return Cause::ImpersonationDenied;
    }
    found.add(Name::Resource, resource);
    found.add(Name::ApiGroup, group);
    found.add(Name::Namespace, namespace);
    found.add(Name::Object, name);
    found.add(Name::Path, path);
    found.add(Name::Authorizer, more);
    if user == ANONYMOUS {
        return Cause::AnonymousDenied;
    }
    can_i(denial, name, found);
    match () {
        () if acts_as => Cause::ImpersonationDenied,
        () if user.starts_with(NODE) => Cause::NodeDenied,
        () if !path.is_empty() => Cause::PathDenied,
        () => Cause::RbacDenied,
    }
}

/// The question whose answer is this refusal, to be asked again after it is mended.
fn can_i(denial: &Denial, name: &str, found: &mut Found) {
    let Denial { user, verb, resource, group, namespace, path, .. } = denial;
    let (Some(user), Some(verb)) = (argument(user), argument(verb)) else { return };
    if !path.is_empty() {
        if path.starts_with('/') {
            found.command(&["kubectl", "auth", "can-i", verb, path, "--as", user]);
        }
        return;
    }
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let mut what = resource.to_owned();
    if !group.is_empty() {
        what = format!("{what}.{group}");
    }
    if !name.is_empty() {
        what = format!("{what}/{name}");
    }
    let mut words = vec!["kubectl", "auth", "can-i", verb];
    let Some(what) = argument(&what) else { return };
    words.push(what);
    let subresource = format!("--subresource={subresource}");
    if !subresource.ends_with('=') {
        words.push(&subresource);
    }
    if let Some(namespace) = argument(namespace) {
        words.extend(["-n", namespace]);
    }
    words.extend(["--as", user]);
    found.command(&words);
}

/// `Forbidden (user=kube-apiserver, verb=get, resource=nodes, subresource(s)=[proxy])`
fn kubelet_denied(message: &str, found: &mut Found) -> Option<Cause> {
    let said = message.strip_prefix("Forbidden (user=")?.strip_suffix(')')?;
    let (user, rest) = said.split_once(", verb=")?;
    let (verb, rest) = rest.split_once(", resource=")?;
    let (resource, subresource) = rest.split_once(", subresource")?;
    let of_many = subresource.strip_prefix("(s)=[").and_then(|many| many.strip_suffix(']'));
    let subresource = of_many.or_else(|| subresource.strip_prefix('='))?;
    found.add(Name::User, user);
    found.add(Name::Verb, verb);
    found.add(Name::Resource, format!("{resource}/{subresource}"));
    Some(Cause::KubeletDenied)
}
