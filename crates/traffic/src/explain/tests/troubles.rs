//! What failed behind the API server, and who said no in its place.

use super::*;

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
