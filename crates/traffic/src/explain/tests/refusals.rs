//! Statuses from 400 to 429.

use super::*;

#[test]
fn a_401_tells_which_credential_was_refused_and_guesses_none() {
    let body = plain(401, "Unauthorized", "Unauthorized");
    for (request, cause, piece) in [
        (
            &[("authorization", "Bearer [redacted:0123456789abcdef]")][..],
            Cause::TokenRefused,
            "credential=Bearer",
        ),
        (
            &[("authorization", "Basic [redacted:0123456789abcdef]")],
            Cause::BasicRefused,
            "credential=Basic",
        ),
        (
            &[(
                "sec-websocket-protocol",
                "base64url.bearer.authorization.k8s.io.[redacted:0123456789abcdef]",
            )],
            Cause::TokenRefused,
            "credential=Sec-WebSocket-Protocol",
        ),
        (
            &[("authorization", "Negotiate [redacted:0123456789abcdef]")],
            Cause::Unauthorized,
            "reason=Unauthorized",
        ),
        (&[("accept", "*/*")], Cause::NoCredential, "reason=Unauthorized"),
        // The head was not stored: nothing is known of it.
        (&[], Cause::Unauthorized, "reason=Unauthorized"),
    ] {
        check(&Case { request, status: 401, body: &body, ..Case::default() }, cause, &[piece]);
    }
    // A field whose name the capture does not tell may have been the credential.
    let call = Call::parse(Some("GET"), Some("/api/v1/pods"));
    let headers = [(None, Some("[redacted:0123456789abcdef]".to_owned()))];
    let said = Said { headers: &[], content: Content::Json(&body) };
    let found = explain(&Exchange {
        call: &call,
        user: None,
        request: Said { headers: &headers, content: Content::None },
        answer: Some(Answer { status: 401, latency_us: None, said }),
        over: None,
    });
    assert_eq!(found.unwrap().cause, Cause::Unauthorized);
}

#[test]
fn a_403_tells_who_refused_it() {
    let named = |name: &str, kind: &str| serde_json::json!({ "name": name, "kind": kind });
    let mut found = check(
        &Case {
            body: &status(
                403,
                "Forbidden",
                r#"deployments.apps "web" is forbidden: User "alice" cannot patch resource "deployments/scale" in API group "apps" in the namespace "shop""#,
                named("web", "deployments"),
            ),
            ..Case::default()
        },
        Cause::RbacDenied,
        &[
            "user=alice",
            "verb=patch",
            "resource=deployments/scale",
            "api_group=apps",
            "namespace=shop",
            "object=web",
        ],
    );
    assert_eq!(
        found.commands,
        ["kubectl auth can-i patch deployments.apps/web --subresource=scale -n shop --as alice"]
    );
    found = check(
        &Case {
            body: &plain(
                403,
                "Forbidden",
                r#"nodes is forbidden: User "system:serviceaccount:shop:web" cannot list resource "nodes" in API group "" at the cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found"#,
            ),
            ..Case::default()
        },
        Cause::RbacDenied,
        &[
            "user=system:serviceaccount:shop:web",
            r#"authorizer=RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found"#,
        ],
    );
    assert_eq!(
        found.commands,
        ["kubectl auth can-i list nodes --as system:serviceaccount:shop:web"]
    );
    for (message, cause, pieces) in [
        (
            r#"pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope"#,
            Cause::AnonymousDenied,
            &["user=system:anonymous"][..],
        ),
        (
            r#"forbidden: User "bob" cannot get path "/metrics""#,
            Cause::PathDenied,
            &["path=/metrics", "verb=get"],
        ),
        (
            r#"users "alice" is forbidden: User "bob" cannot impersonate resource "users" in API group "" at the cluster scope"#,
            Cause::ImpersonationDenied,
            &["user=bob", "act_as[users]=*"],
        ),
        (
            r#"pods is forbidden: User "bob" cannot impersonate-on:user-info:list resource "pods" in API group "" in the namespace "shop""#,
            Cause::ImpersonationDenied,
            &["user=bob", "verb=impersonate-on:user-info:list"],
        ),
        (
            r#"secrets "x" is forbidden: User "system:node:n1" cannot get resource "secrets" in API group "" in the namespace "shop": no relationship found between node 'n1' and this object"#,
            Cause::NodeDenied,
            &["authorizer=no relationship found between node 'n1' and this object"],
        ),
        (
            "Forbidden (user=kube-apiserver-kubelet-client, verb=create, resource=nodes, subresource=proxy)",
            Cause::KubeletDenied,
            &["user=kube-apiserver-kubelet-client", "verb=create", "resource=nodes/proxy"],
        ),
        (
            "Forbidden (user=system:anonymous, verb=get, resource=nodes, subresource(s)=[pods proxy])",
            Cause::KubeletDenied,
            &["resource=nodes/pods proxy"],
        ),
        (
            r#"pods "web" is forbidden: exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3"#,
            Cause::QuotaExceeded,
            &["quota=small", "requested=pods=1", "used=pods=3", "limited=pods=3"],
        ),
        (
            r#"pods "web" is forbidden: failed quota: small: must specify limits.cpu for: c"#,
            Cause::QuotaExceeded,
            &["quota=small"],
        ),
        (
            r#"pods "web" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)"#,
            Cause::PodSecurity,
            &[
                "level=restricted:latest",
                r#"field[runAsNonRoot != true]=pod or container "c" must set securityContext.runAsNonRoot=true"#,
            ],
        ),
        (
            r#"pods "web" is forbidden: error looking up service account shop/robot: serviceaccount "robot" not found"#,
            Cause::ServiceAccountMissing,
            &["object=shop/robot"],
        ),
        (
            r#"pods "web" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi"#,
            Cause::LimitRange,
            &[],
        ),
        (
            r#"pods "web" is forbidden: [minimum cpu usage per Pod is 1, but request is 10m, maximum cpu usage per Pod is 2, but limit is 3]"#,
            Cause::LimitRange,
            &[],
        ),
        (
            r#"clusterroles.rbac.authorization.k8s.io "x" is forbidden: user "bob" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:"#,
            Cause::RbacEscalation,
            &[],
        ),
        (
            r#"pods "web" is forbidden: unable to create new content in namespace shop because it is being terminated"#,
            Cause::NamespaceTerminating,
            &["namespace=shop"],
        ),
        (
            r#"pods "web" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself"#,
            Cause::AdmissionDenied,
            &[r#"authorizer=node "n1" can only delete pods with spec.nodeName set to itself"#],
        ),
        ("no", Cause::Forbidden, &["message=no"]),
        ("", Cause::Forbidden, &[]),
    ] {
        check(&Case { body: &plain(403, "Forbidden", message), ..Case::default() }, cause, pieces);
        // The same in text, as kubelets and other servers answer.
        check(&Case { body: message, ..Case::default() }, cause, pieces);
    }
}

#[test]
fn a_404_tells_an_object_from_an_api_that_is_not_served() {
    let named = |name: &str, kind: &str| serde_json::json!({ "name": name, "kind": kind });
    for (path, body, cause, pieces) in [
        (
            "/api/v1/namespaces/shop/pods/web",
            status(404, "NotFound", "pods \"web\" not found", named("web", "pods")),
            Cause::ObjectNotFound,
            &["object=web", "resource=pods", "namespace=shop"][..],
        ),
        (
            "/api/v1/namespaces/shop/pods",
            status(404, "NotFound", "namespaces \"shop\" not found", named("shop", "namespaces")),
            Cause::NamespaceNotFound,
            &["object=shop"],
        ),
        (
            "/api/v1/namespaces/shop",
            status(404, "NotFound", "namespaces \"shop\" not found", named("shop", "namespaces")),
            Cause::ObjectNotFound,
            &["object=shop"],
        ),
        (
            "/apis/policy/v1beta1/podsecuritypolicies",
            status(
                404,
                "NotFound",
                "the server could not find the requested resource",
                serde_json::json!({}),
            ),
            Cause::ApiNotFound,
            &["resource=podsecuritypolicies", "api_group=policy/v1beta1"],
        ),
        (
            "/apis/example.com/v1/things",
            "404 page not found\n".to_owned(),
            Cause::ApiNotFound,
            &["resource=things"],
        ),
        (
            "/nowhere",
            "404 page not found\n".to_owned(),
            Cause::NotFound,
            &["message=404 page not found"],
        ),
    ] {
        check(&Case { path, status: 404, body: &body, ..Case::default() }, cause, pieces);
    }
}

#[test]
fn a_conflict_tells_with_what() {
    let details = serde_json::json!({ "name": "web", "group": "apps", "kind": "deployments" });
    let conflicts = serde_json::json!({ "causes": [
        { "reason": "FieldManagerConflict", "message": "conflict with \"kubectl-client-side-apply\" using apps/v1", "field": ".spec.replicas" },
    ] });
    for (reason, message, details, cause, pieces) in [
        (
            "Conflict",
            "Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified; please apply your changes to the latest version and try again",
            &details,
            Cause::VersionConflict,
            &["object=web", "resource_version=41"][..],
        ),
        (
            "AlreadyExists",
            "deployments.apps \"web\" already exists",
            &details,
            Cause::AlreadyExists,
            &["object=web"],
        ),
        (
            "AlreadyExists",
            "object is being deleted: deployments.apps \"web\" already exists",
            &details,
            Cause::BeingDeleted,
            &["object=web"],
        ),
        (
            "Conflict",
            "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using apps/v1: .spec.replicas",
            &conflicts,
            Cause::FieldManagerConflict,
            &["manager[.spec.replicas]=kubectl-client-side-apply"],
        ),
        (
            "Conflict",
            "Operation cannot be fulfilled on pods \"web\": Precondition failed: UID in precondition: a, UID in object meta: b",
            &details,
            Cause::PreconditionFailed,
            &[],
        ),
        ("Conflict", "else", &details, Cause::Conflict, &["message=else"]),
    ] {
        let body = status(409, reason, message, details.clone());
        let sent = r#"{"metadata":{"resourceVersion":"41"}}"#;
        check(&Case { status: 409, sent, body: &body, ..Case::default() }, cause, pieces);
    }
}

#[test]
fn a_410_tells_what_is_forgotten_also_at_the_end_of_a_watch() {
    let expired = plain(410, "Expired", "too old resource version: 1 (4711)");
    let path = "/api/v1/pods?resourceVersion=1&watch=true";
    check(
        &Case { path, status: 410, body: &expired, ..Case::default() },
        Cause::VersionExpired,
        &["resource_version=1"],
    );
    let event = format!(r#"{{"type":"ERROR","object":{expired}}}"#);
    check(
        &Case { path, status: 200, body: &event, ..Case::default() },
        Cause::VersionExpired,
        &["reason=Expired"],
    );
    let body = plain(
        410,
        "Expired",
        "The provided continue parameter is too old to display a consistent list result.",
    );
    check(&Case { status: 410, body: &body, ..Case::default() }, Cause::ContinueExpired, &[]);
    check(&Case { status: 410, body: "", ..Case::default() }, Cause::Gone, &[]);
}

#[test]
fn a_422_names_the_fields() {
    let causes = |message: &str| {
        serde_json::json!({ "name": "web", "kind": "Deployment", "causes": [
            { "reason": "FieldValueInvalid", "message": message, "field": "spec.replicas" },
        ] })
    };
    let invalid = "Invalid value: -1: must be greater than or equal to 0";
    let body = status(422, "Invalid", "Deployment.apps \"web\" is invalid", causes(invalid));
    check(
        &Case { status: 422, body: &body, ..Case::default() },
        Cause::Invalid,
        &[
            "field[spec.replicas]=Invalid value: -1: must be greater than or equal to 0",
            "object=web",
        ],
    );
    let body = status(422, "Invalid", "x", causes("Invalid value: {}: field is immutable"));
    check(&Case { status: 422, body: &body, ..Case::default() }, Cause::ImmutableField, &[]);
}

#[test]
fn other_refusals_are_what_they_say() {
    for (code, body, cause, pieces) in [
        (
            400,
            plain(
                400,
                "BadRequest",
                "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \"spec.foo\", duplicate field \"spec.bar\"",
            ),
            Cause::UnknownField,
            &["field[spec.foo]=unknown field", "field[spec.bar]=duplicate field"][..],
        ),
        (400, plain(400, "BadRequest", "no"), Cause::BadRequest, &["message=no"]),
        (
            405,
            plain(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            ),
            Cause::MethodNotAllowed,
            &[],
        ),
        (413, plain(413, "RequestEntityTooLarge", "limit is 3145728"), Cause::TooLarge, &[]),
        (
            415,
            plain(415, "UnsupportedMediaType", "the body of the request was in an unknown format"),
            Cause::UnsupportedMediaType,
            &[],
        ),
        (406, String::new(), Cause::Other, &[]),
    ] {
        check(&Case { status: code, body: &body, ..Case::default() }, cause, pieces);
    }
}

#[test]
fn a_429_tells_who_sent_it_away() {
    let text = "Too many requests, please try again later.\n";
    let priority = [
        ("retry-after", "1"),
        ("x-kubernetes-pf-flowschema-uid", "f-1"),
        ("x-kubernetes-pf-prioritylevel-uid", "p-1"),
    ];
    check(
        &Case { status: 429, headers: &priority, body: text, ..Case::default() },
        Cause::FlowControl,
        &["flow_schema=f-1", "priority_level=p-1", "retry_after_s=1"],
    );
    check(
        &Case { status: 429, headers: &priority[..1], body: text, ..Case::default() },
        Cause::TooManyRequests,
        &["retry_after_s=1"],
    );
    // Another server behind it may say so, too.
    let body = plain(429, "TooManyRequests", "slow down");
    check(
        &Case { status: 429, headers: &priority, body: &body, ..Case::default() },
        Cause::TooManyRequests,
        &[],
    );
    let budget = serde_json::json!({ "causes": [
        { "reason": "DisruptionBudget", "message": "The disruption budget web needs 2 healthy pods and has 2 currently" },
    ] });
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    // An eviction that is refused has passed by a priority level too.
    check(
        &Case {
            status: 429,
            headers: &priority,
            body: &status(429, "TooManyRequests", message, budget),
            ..Case::default()
        },
        Cause::DisruptionBudget,
        &["status_cause=The disruption budget web needs 2 healthy pods and has 2 currently"],
    );
    let body = status(
        429,
        "TooManyRequests",
        "storage is (re)initializing",
        serde_json::json!({ "retryAfterSeconds": 1 }),
    );
    check(
        &Case { status: 429, headers: &priority, body: &body, ..Case::default() },
        Cause::StorageInitializing,
        &[],
    );
}
