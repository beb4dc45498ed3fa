use super::*;
use crate::kubernetes::fixtures::{NOW, World, secret};
use crate::kubernetes::request::HeaderValue;

fn authenticator() -> Authenticator {
    Authenticator {
        client_roots: Some(vec![]),
        token_file: Some(
            TokenFile::parse(b"filed,alice,1,devs\nnone,system:anonymous,,\n").unwrap(),
        ),
        bootstrap_tokens: true,
        webhook: Some(Webhook { audiences: vec![] }),
        ..Authenticator::default()
    }
}

fn request(headers: &[(&str, &str)]) -> Request {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), HeaderValue::new(*v))).collect();
    Request { headers, path: "/api".to_owned(), ..Request::default() }
}

fn explain(headers: &[(&str, &str)]) -> Explanation {
    authenticator().authenticate(&request(headers), &World::default(), NOW).unwrap()
}

fn methods(explanation: &Explanation) -> Vec<(Method, Answer)> {
    explanation.steps.iter().map(|step| (step.method, step.answer)).collect()
}

#[test]
fn methods_are_asked_in_order_until_one_accepts() {
    use {Answer::*, Method::*};
    let filed = explain(&[("Authorization", "Bearer filed")]);
    assert_eq!(methods(&filed), [(ClientCertificate, NoOpinion), (TokenFile, Accepted)]);
    let Outcome::Authenticated { identity, method } = filed.outcome else { panic!("{filed:?}") };
    assert_eq!((identity.user.as_str(), method), ("alice", TokenFile));
    assert_eq!(identity.groups, ["devs", "system:authenticated"]);

    let unknown = explain(&[("Authorization", "Bearer unknown")]);
    assert_eq!(
        methods(&unknown),
        [
            (ClientCertificate, NoOpinion),
            (TokenFile, NoOpinion),
            (BootstrapToken, NoOpinion),
            (Webhook, Refused),
            (BearerToken, Refused),
            // The WebSocket form is looked at as well.
            (BearerToken, NoOpinion),
            (Anonymous, NoOpinion),
        ]
    );
    assert_eq!(unknown.outcome, Outcome::Unauthorized);
}

#[test]
fn the_cluster_is_asked_after_the_webhook_and_decides_for_itself() {
    use {Answer::*, Method::*};
    let both = Authenticator {
        cluster_review: Some(super::Webhook { audiences: vec![] }),
        ..authenticator()
    };
    let unknown = request(&[("Authorization", "Bearer unknown")]);
    let answered = |status: &str| {
        let body = format!(
            r#"{{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":{status}}}"#
        );
        Some(crate::kubernetes::TokenReviewVersion::V1.answer(body.as_bytes()))
            .map(|status| status.map_err(|error| error.to_string()))
    };
    let known = answered(r#"{"authenticated":true,"user":{"username":"zoe"}}"#);
    let world = World { review: answered("{}"), cluster_review: known, ..World::default() };
    let explained = both.authenticate(&unknown, &world, NOW).unwrap();
    assert_eq!(methods(&explained)[3..], [(Webhook, NoOpinion), (ClusterReview, Accepted)]);
    // Without a cluster to ask, nobody is let in for it.
    let world = World { review: answered("{}"), ..World::default() };
    let explained = both.authenticate(&unknown, &world, NOW).unwrap();
    assert_eq!(explained.outcome, Outcome::Unauthorized);
    let unasked = World { review: answered("{}"), unasked: true, ..World::default() };
    let only = Authenticator { bootstrap_tokens: false, ..both };
    assert_eq!(only.authenticate(&unknown, &unasked, NOW), Err(Question::ClusterReview));
}

#[test]
fn a_later_success_wins_over_an_earlier_refusal() {
    let protocols = "base64url.bearer.authorization.k8s.io.ZmlsZWQ, v5.channel.k8s.io";
    let both = explain(&[
        ("Authorization", "Bearer unknown"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Protocol", protocols),
    ]);
    let Outcome::Authenticated { identity, .. } = &both.outcome else { panic!("{both:?}") };
    assert_eq!(identity.user, "alice");
    assert!(both.steps.iter().any(|step| step.answer == Answer::Refused));
}

#[test]
fn no_credential_is_anonymous_and_a_bad_one_is_not() {
    for nothing in ["", "Basic YTpi", "Bearer", "Bearer  filed"] {
        let outcome = explain(&[("Authorization", nothing)]).outcome;
        assert!(matches!(outcome, Outcome::Anonymous { .. }), "{nothing:?}");
    }
    assert_eq!(explain(&[("Authorization", "Bearer x")]).outcome, Outcome::Unauthorized);
    let closed = Authenticator {
        anonymous: AnonymousAccess::Paths(vec!["/livez".to_owned()]),
        ..authenticator()
    };
    let ask = |path: &str| {
        let request = Request { path: path.to_owned(), ..Request::default() };
        closed.authenticate(&request, &World::default(), NOW).unwrap().outcome
    };
    assert!(matches!(ask("/livez"), Outcome::Anonymous { .. }));
    assert_eq!(ask("/livez/"), Outcome::Unauthorized);
}

#[test]
fn the_group_of_all_is_added_as_kubernetes_adds_it() {
    let outcome = explain(&[("Authorization", "Bearer none")]).outcome;
    let Outcome::Authenticated { identity, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(identity.groups, [""]);
    for group in ["system:authenticated", "system:unauthenticated"] {
        let text = format!("t,a,,{group}\n");
        let file = Some(TokenFile::parse(text.as_bytes()).unwrap());
        let explanation = Authenticator { token_file: file, ..Authenticator::default() }
            .authenticate(&Request::bearer(&Secret::new("t")), &World::default(), NOW)
            .unwrap();
        let Outcome::Authenticated { identity, .. } = explanation.outcome else { panic!() };
        assert_eq!(identity.groups, [group]);
    }
}

#[test]
fn without_a_method_for_tokens_none_is_looked_at() {
    let bare = Authenticator { client_roots: Some(vec![]), ..Authenticator::default() };
    let explanation =
        bare.authenticate(&request(&[("Authorization", "Bearer x")]), &World::default(), NOW);
    assert!(matches!(explanation.unwrap().outcome, Outcome::Anonymous { .. }));
}

#[test]
fn a_missing_fact_is_asked_for_and_an_explanation_holds_no_secret() {
    let unasked = World { unasked: true, ..World::default() };
    let token = "abcdef.0123456789abcdef";
    let request = Request::bearer(&Secret::new(token));
    let question = authenticator().authenticate(&request, &unasked, NOW).unwrap_err();
    let name = "bootstrap-token-abcdef".to_owned();
    assert_eq!(question, Question::Secret { namespace: "kube-system".to_owned(), name });

    let mut world = World::default();
    let kept = secret("u", "bootstrap.kubernetes.io/token", &[("token-secret", "another")]);
    world.secrets.insert("kube-system/bootstrap-token-abcdef".to_owned(), kept);
    let explanation = authenticator().authenticate(&request, &world, NOW).unwrap();
    let shown = format!("{explanation:?}{}", serde_json::to_string(&explanation).unwrap());
    assert!(shown.contains("secret_differs"));
    assert!(!shown.contains("0123456789abcdef") && !shown.contains("another"), "{shown}");
}
