use super::*;
use crate::kubernetes::fixtures::World;

fn ask(status: &str) -> Opinion {
    let body = format!(
        r#"{{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":{status}}}"#
    );
    let status = TokenReviewVersion::V1.answer(body.as_bytes()).unwrap();
    let world = World { review: Some(Ok(status)), ..World::default() };
    Webhook { audiences: vec!["api".to_owned()] }.authenticate(&Secret::new("t"), &world)
}

#[test]
fn an_answer_is_the_user_or_why_not() {
    let who = ask(
        r#"{"authenticated":true,"user":{"username":"a","uid":"","groups":null,"extra":{"k":["v"]}}}"#,
    )
    .unwrap();
    assert_eq!((who.user.as_str(), who.uid.as_deref()), ("a", None));
    assert_eq!(who.extra["k"], ["v"]);
    // `null` is nothing, as in Go; a user without a name is one all the same.
    assert_eq!(ask(r#"{"authenticated":true,"user":null,"error":null}"#).unwrap().user, "");
    assert_eq!(ask(r#"{"authenticated":null}"#), ask("{}"));
    assert_eq!(ask("null"), ask("{}"));
    assert_eq!(ask("{}"), Err(Objection::None(Reason::ReviewNotAuthenticated)));
    let error = Reason::ReviewError { error: "ldap is down".to_owned() };
    assert_eq!(ask(r#"{"error":"ldap is down"}"#), Err(Objection::Refused(error)));
    let other = ask(r#"{"authenticated":true,"user":{"username":"a"},"audiences":["other"]}"#);
    assert!(matches!(other, Err(Objection::None(Reason::AudienceMismatch { .. }))));
    assert!(ask(r#"{"authenticated":true,"audiences":["other","api"]}"#).is_ok());
}

#[test]
fn what_is_no_answer_is_refused() {
    let read = |body: &str| TokenReviewVersion::V1Beta1.answer(body.as_bytes());
    for body in [
        "",
        "{}",
        "[]",
        "<html>",
        r#"{"kind":"Status","apiVersion":"v1"}"#,
        r#"{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":{"authenticated":true}}"#,
        r#"{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1beta1","status":{"authenticated":"yes"}}"#,
    ] {
        assert!(matches!(read(body), Err(InvalidAnswer::Form { .. })), "{body}");
    }
    assert_eq!(read(&" ".repeat(ANSWER_BYTES_MAX + 1)), Err(InvalidAnswer::TooLong));
    let down = World { review: Some(Err("timed out".to_owned())), ..World::default() };
    let webhook = Webhook { audiences: vec![] };
    assert!(matches!(
        webhook.authenticate(&Secret::new("t"), &down),
        Err(Objection::Refused(Reason::ReviewFailed { .. }))
    ));
}

#[test]
fn the_question_names_version_and_audiences() {
    let question = TokenReviewVersion::V1.question(&Secret::new("t\"k"), &["api".to_owned()]);
    assert_eq!(
        question.expose(),
        r#"{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","metadata":{},"spec":{"token":"t\"k","audiences":["api"]}}"#
    );
    assert!(
        !TokenReviewVersion::V1Beta1
            .question(&Secret::new("t"), &[])
            .expose()
            .contains("audiences")
    );
}
