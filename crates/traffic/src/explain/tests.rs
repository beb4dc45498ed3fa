//! One exchange a case, with the words that API servers answer; the goldens beside are answers of a real one.

use super::*;

/// A request and its answer in short.
struct Case<'a> {
    method: &'a str,
    path: &'a str,
    request: &'a [(&'a str, &'a str)],
    sent: &'a str,
    status: u16,
    headers: &'a [(&'a str, &'a str)],
    body: &'a str,
}

impl Default for Case<'_> {
    fn default() -> Self {
        Self {
            method: "GET",
            path: "/api/v1/namespaces/shop/pods/web",
            request: &[("user-agent", "kubectl")],
            sent: "",
            status: 403,
            headers: &[],
            body: "",
        }
    }
}

fn fields(of: &[(&str, &str)]) -> Vec<(Option<String>, Option<String>)> {
    of.iter().map(|(name, value)| (Some((*name).to_owned()), Some((*value).to_owned()))).collect()
}

fn content(text: &str) -> Content<'_> {
    match text {
        "" => Content::None,
        text if text.starts_with('{') => Content::Json(text),
        text => Content::Text(text),
    }
}

fn explained(case: &Case<'_>) -> Option<Explanation> {
    let call = Call::parse(Some(case.method), Some(case.path));
    let (request, answer) = (fields(case.request), fields(case.headers));
    let said = Said { headers: &answer, content: content(case.body) };
    explain(&Exchange {
        call: &call,
        user: None,
        request: Said { headers: &request, content: content(case.sent) },
        answer: Some(Answer { status: case.status, latency_us: Some(1_234_567), said }),
        over: None,
    })
}

/// The cause, and pieces that stand in the evidence as `name[of]=value`.
fn check(case: &Case<'_>, cause: Cause, pieces: &[&str]) -> Explanation {
    let found = explained(case).unwrap_or_else(|| panic!("nothing is explained of {}", case.body));
    assert_eq!(found.cause, cause, "{}: {found:#?}", case.body);
    let all = told(&found);
    for piece in pieces {
        assert!(all.iter().any(|one| one == piece), "{piece} is not in {all:#?}");
    }
    found
}

fn told(found: &Explanation) -> Vec<String> {
    let piece = |Evidence { name, of, value }: &Evidence| {
        let name = serde_json::to_value(name).unwrap();
        let name = name.as_str().unwrap();
        match of {
            Some(of) => format!("{name}[{of}]={value}"),
            None => format!("{name}={value}"),
        }
    };
    found.evidence.iter().map(piece).collect()
}

/// A Status as the API server writes it.
fn status(code: u16, reason: &str, message: &str, details: Value) -> String {
    serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "details": details, "code": code,
    })
    .to_string()
}

fn plain(code: u16, reason: &str, message: &str) -> String {
    status(code, reason, message, Value::Null)
}

#[test]
fn what_succeeded_or_goes_on_is_not_explained() {
    let call = Call::parse(Some("GET"), Some("/api/v1/pods"));
    let exchange = |answer, over| Exchange {
        call: &call,
        user: Some("alice"),
        request: Said::default(),
        answer,
        over,
    };
    for status in [101, 200, 201, 304] {
        let answer = Answer { status, latency_us: None, said: Said::default() };
        assert_eq!(explain(&exchange(Some(answer), Some(0))), None, "{status}");
    }
    assert_eq!(explain(&exchange(None, None)), None, "its connection goes on");
    // A Pod that carries a Status in an annotation is no failure.
    let pod = r#"{"kind":"Pod","metadata":{"annotations":{"x":"\"ERROR\""}},"type":"ERROR"}"#;
    let said = Said { headers: &[], content: Content::Json(pod) };
    let answer = Answer { status: 200, latency_us: None, said };
    assert_eq!(explain(&exchange(Some(answer), None)), None);

    let unanswered = explain(&exchange(None, Some(0))).unwrap();
    assert_eq!(
        (unanswered.cause, &told(&unanswered)[..]),
        (Cause::Unanswered, &["claimed_user=alice".to_owned()][..])
    );
    let missing = explain(&exchange(None, Some(7))).unwrap();
    assert_eq!(missing.cause, Cause::AnswerMissing);
    assert_eq!(told(&missing)[0], "missing_bytes=7");
}

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
fn webhooks_and_policies_are_named_whatever_status_they_chose() {
    for code in [400, 403, 422, 429, 500] {
        let body = plain(
            code,
            "",
            r#"admission webhook "x.example.com" denied the request: no Pods on Friday"#,
        );
        check(
            &Case { status: code, body: &body, ..Case::default() },
            Cause::WebhookDenied,
            &["webhook=x.example.com"],
        );
        let body = plain(
            code,
            "Invalid",
            "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'replicas' with binding 'replicas-shop' denied request: failed expression: object.spec.replicas <= 5",
        );
        check(
            &Case { status: code, body: &body, ..Case::default() },
            Cause::PolicyDenied,
            &["policy=replicas", "binding=replicas-shop"],
        );
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

#[test]
fn a_5xx_tells_who_failed_behind_the_api_server() {
    let hook = |why: &str| {
        format!(
            "Internal error occurred: failed calling webhook \"x.example.com\": failed to call webhook: Post \"https://hook.shop.svc:443/v?timeout=1s\": {why}"
        )
    };
    for (code, reason, message, cause, pieces) in [
        (
            500,
            "InternalError",
            hook("context deadline exceeded"),
            Cause::WebhookTimeout,
            &["webhook=x.example.com", "address=https://hook.shop.svc:443/v?timeout=1s", "latency_ms=1234"][..],
        ),
        (500, "InternalError", hook("dial tcp 10.0.0.1:443: connect: connection refused"), Cause::WebhookUnreachable, &[]),
        (500, "InternalError", hook("dial tcp 10.0.0.1:443: i/o timeout"), Cause::WebhookUnreachable, &[]),
        (500, "InternalError", hook("service \"hook\" not found"), Cause::WebhookUnreachable, &[]),
        (
            500,
            "InternalError",
            hook("tls: failed to verify certificate: x509: certificate signed by unknown authority"),
            Cause::WebhookCertificate,
            &[],
        ),
        (500, "InternalError", hook("the server could not find the requested resource"), Cause::WebhookFailed, &[]),
        (
            500,
            "",
            "conversion webhook for example.com/v1, Kind=Thing failed: Post \"https://c.shop.svc:443/\": EOF".to_owned(),
            Cause::WebhookFailed,
            &["webhook=example.com/v1, Kind=Thing"],
        ),
        (500, "", "etcdserver: request timed out".to_owned(), Cause::EtcdSlow, &[]),
        (500, "", "etcdserver: leader changed".to_owned(), Cause::EtcdSlow, &[]),
        (500, "", "etcdserver: mvcc: database space exceeded".to_owned(), Cause::EtcdFull, &[]),
        (500, "", "etcdserver: request is too large".to_owned(), Cause::TooLarge, &[]),
        (500, "", "etcdserver: something new".to_owned(), Cause::ServerError, &["message=etcdserver: something new"]),
        (
            500,
            "",
            "error dialing backend: dial tcp 10.0.0.9:10250: connect: connection refused".to_owned(),
            Cause::KubeletUnreachable,
            &["address=10.0.0.9:10250"],
        ),
        (
            503,
            "ServiceUnavailable",
            "error trying to reach service: dial tcp 10.1.0.4:443: connect: connection refused".to_owned(),
            Cause::UpstreamUnreachable,
            &["address=10.1.0.4:443"],
        ),
        (
            503,
            "ServiceUnavailable",
            "no endpoints available for service \"web\"".to_owned(),
            Cause::UpstreamUnreachable,
            &["object=web"],
        ),
        (503, "ServiceUnavailable", "apiserver is shutting down".to_owned(), Cause::ShuttingDown, &[]),
        (503, "ServiceUnavailable", "the server is currently unable to handle the request".to_owned(), Cause::Unavailable, &[]),
        (504, "Timeout", "Too large resource version: 99, current: 7".to_owned(), Cause::VersionTooLarge, &[]),
        (
            504,
            "Timeout",
            "Timeout: request did not complete within requested timeout - context deadline exceeded".to_owned(),
            Cause::TimedOut,
            &["reason=Timeout"],
        ),
        (500, "InternalError", "Internal error occurred: else".to_owned(), Cause::ServerError, &["reason=InternalError"]),
    ] {
        check(&Case { status: code, body: &plain(code, reason, &message), ..Case::default() }, cause, pieces);
    }
}

#[test]
fn what_cannot_be_seen_is_said_and_the_status_alone_is_named() {
    let call = Call::parse(Some("GET"), Some("/api/v1/pods"));
    for (status, cause) in
        [(403, Cause::Forbidden), (409, Cause::Conflict), (500, Cause::ServerError)]
    {
        let said = Said { headers: &[], content: Content::Unseen("removed") };
        let found = explain(&Exchange {
            call: &call,
            user: None,
            request: Said::default(),
            answer: Some(Answer { status, latency_us: None, said }),
            over: None,
        })
        .unwrap();
        assert_eq!((found.cause, &told(&found)[..]), (cause, &["unseen=removed".to_owned()][..]));
    }
}

#[test]
fn nobody_puts_a_command_into_an_explanation() {
    for user in ["a; rm -rf /", "$(id)", "-o", "a\u{1b}[2J", "a\\\" b", "한글", "`id`"] {
        let quoted = Value::from(user).to_string();
        let message = format!(
            "pods is forbidden: User {quoted} cannot list resource \"pods\" in API group \"\" in the namespace \"shop\""
        );
        let found =
            explained(&Case { body: &plain(403, "Forbidden", &message), ..Case::default() })
                .unwrap();
        assert_eq!(
            (found.cause, found.commands.len()),
            (Cause::RbacDenied, 0),
            "{user}: {found:?}"
        );
        assert!(found.evidence.iter().all(|piece| !piece.value.chars().any(char::is_control)));
    }
    // A namespace that would be a flag.
    let path = "/api/v1/namespaces/--all/pods/web";
    let body = plain(
        403,
        "Forbidden",
        "pods \"web\" is forbidden: exceeded quota: q, requested: a, used: b, limited: c",
    );
    let found =
        check(&Case { path, body: &body, ..Case::default() }, Cause::QuotaExceeded, &["quota=q"]);
    assert_eq!(found.commands.len(), 0);
}

#[test]
fn evidence_is_bounded() {
    let causes: Vec<Value> = (0..500)
        .map(|n| serde_json::json!({ "reason": "FieldValueInvalid", "message": "x".repeat(5000), "field": format!("f{n}") }))
        .collect();
    let body =
        status(422, "Invalid", &"m".repeat(100_000), serde_json::json!({ "causes": causes }));
    let found = explained(&Case { status: 422, body: &body, ..Case::default() }).unwrap();
    assert!((CAUSES_MAX..=EVIDENCE_MAX).contains(&found.evidence.len()));
    assert!(found.evidence.iter().any(|piece| piece.name == EvidenceName::Message));
    assert!(found.evidence.iter().all(|piece| piece.value.chars().count() <= VALUE_CHARS_MAX + 1));
}

/// What a real API server answered, as `scripts/failures` wrote it down.
#[test]
fn answers_of_a_real_api_server_have_the_cause_they_were_provoked_by() {
    let lines = include_str!("../../tests/failures.jsonl");
    let mut causes = std::collections::BTreeSet::new();
    for line in lines.lines() {
        let of: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| of[key].as_str().unwrap();
        let pairs = |key: &str| {
            let pairs = of[key].as_array().unwrap().iter();
            let text = |value: &Value| Some(value.as_str().unwrap().to_owned());
            pairs.map(|pair| (text(&pair[0]), text(&pair[1]))).collect::<Vec<_>>()
        };
        let (request, answer) = (pairs("request"), pairs("headers"));
        let call = Call::parse(Some(text("method")), Some(text("path")));
        let status = u16::try_from(of["status"].as_u64().unwrap()).unwrap();
        // The last event of a watch, which is stored event by event.
        let body = text("body").trim();
        let said = Said { headers: &answer, content: content(body) };
        let found = explain(&Exchange {
            call: &call,
            user: None,
            request: Said { headers: &request, content: content(text("sent")) },
            answer: Some(Answer { status, latency_us: Some(1000), said }),
            over: None,
        })
        .unwrap_or_else(|| panic!("nothing is explained: {line}"));
        let cause = serde_json::to_value(found.cause).unwrap();
        assert_eq!(cause, of["cause"], "{line}\n{found:#?}");
        assert!(found.evidence.iter().any(|piece| piece.name == EvidenceName::Message), "{line}");
        causes.insert(cause.to_string());
    }
    assert!(causes.len() >= 35, "{} causes: {causes:?}", causes.len());
}
