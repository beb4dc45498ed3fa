//! One exchange a case, with the words that API servers answer; the goldens beside are answers of a real one.

mod refusals;
mod troubles;

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
