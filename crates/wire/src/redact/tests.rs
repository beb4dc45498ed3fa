use super::*;

fn redactor() -> Redactor {
    Redactor::new(&[7; 32])
}

fn field(name: &str, value: &str) -> String {
    redactor().field(&Some(name.into()), &Some(value.into())).unwrap()
}

const JWT: &str =
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6c2hvcDp3ZWIifQ.c2lnbmF0dXJl";

#[test]
fn credentials_in_fields_are_replaced_and_equal_ones_look_equal() {
    let bearer = field("authorization", "Bearer canary-token");
    assert!(bearer.starts_with("Bearer [redacted:"), "{bearer}");
    assert_eq!(bearer, field("Authorization", "Bearer canary-token"));
    assert_ne!(bearer, field("authorization", "Bearer canary-tokem"));
    for (name, value) in [
        ("authorization", "canary"),
        ("authorization", "Basic canary"),
        ("proxy-authorization", "Bearer canary"),
        ("token", "canary.7"),
        ("cookie", "a=canary; b=canary"),
        ("set-cookie", "session=canary; HttpOnly"),
        (
            "sec-websocket-protocol",
            "base64url.bearer.authorization.k8s.io.canary, v5.channel.k8s.io",
        ),
        (":path", "/api?token=canary&limit=5"),
        ("location", "https://h/cb?code=canary&access_token=canary"),
        ("x-custom", "Bearer canary-token"),
    ] {
        let shown = field(name, value);
        assert!(!shown.contains("canary"), "{name}: {shown}");
    }
    let unknown = redactor().field(&None, &Some("canary".into())).unwrap();
    assert!(!unknown.contains("canary"), "a field without a name may be any: {unknown}");
}

#[test]
fn what_is_no_secret_stays() {
    assert_eq!(field("user-agent", "kubectl/v1.36"), "kubectl/v1.36");
    assert_eq!(field(":path", "/api/v1/pods?limit=500"), "/api/v1/pods?limit=500");
    let protocol = "base64url.bearer.authorization.k8s.io.x, v5.channel.k8s.io";
    assert!(field("sec-websocket-protocol", protocol).ends_with("v5.channel.k8s.io"));
}

#[test]
fn of_a_jwt_the_subject_may_be_seen_and_nothing_else() {
    let shown = field("authorization", &format!("Bearer {JWT}"));
    assert!(shown.contains("sub=system:serviceaccount:shop:web"), "{shown}");
    assert!(!shown.contains("eyJ") && !shown.contains("c2lnbmF0dXJl"), "{shown}");
    let text = redactor().text(&format!("failed: {JWT}, again {JWT}"));
    assert!(text.starts_with("failed: [redacted:") && !text.contains("eyJ"), "{text}");
    let key = "-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----";
    assert!(!redactor().text(key).contains("canary"));
}

fn json(text: &str) -> String {
    redactor().json(text, false).unwrap()
}

#[test]
fn secrets_in_json_are_replaced_wherever_they_stand() {
    for text in [
        r#"{"apiVersion":"v1","data":{"a":"canary","b":"canary"},"kind":"Secret"}"#,
        r#"{"kind":"Secret","stringData":{"a":"canary"}}"#,
        r#"{"kind":"SecretList","items":[{"data":{"a":"canary"}},{"data":{"b":"canary"}}]}"#,
        r#"{"type":"ADDED","object":{"kind":"Secret","data":{"a":"canary"}}}"#,
        r#"{"kind":"Secret","data":{"deep":{"er":["canary",{"x":"canary"}]}}}"#,
        r#"{ "kind" : "Secret" , "data" : { "a" : "canary" } }"#,
        r#"{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"canary"}}}"#,
        r#"{"kind":"TokenReview","spec":{"token":"canary"}}"#,
        r#"{"status":{"token":"canary","expirationTimestamp":"x"}}"#,
        r#"{"message":"got Bearer canary-token"}"#,
        r#"{"key":"-----BEGIN PRIVATE KEY-----\ncanary\n"}"#,
    ] {
        let shown = json(text);
        assert!(!shown.contains("canary"), "{text} became {shown}");
        serde_json::from_str::<serde_json::Value>(&shown).expect("still JSON");
    }
    let patch = r#"[{"op":"replace","path":"/data/a","value":"canary"}]"#;
    assert!(!redactor().json(patch, true).unwrap().contains("canary"));
}

#[test]
fn everything_else_in_json_stays_to_the_letter() {
    for text in [
        r#"{"kind":"ConfigMap","data":{"a":"b"},"n":-1.5e3,"t":[true,false,null,[],{}]}"#,
        "{\"a\" : \"x\\\"y\\\\\" ,\n \"b\":\"\"}\n",
        "{\"type\":\"ADDED\"}\n{\"type\":\"DELETED\"}\n",
        r#"{"token":{"nested":"stays"},"한국어":"값"}"#,
    ] {
        assert_eq!(json(text), text);
    }
}

#[test]
fn what_is_not_json_gives_nothing() {
    for text in [
        "",
        "{",
        "}",
        "{\"a\"}",
        "{\"a\":}",
        "[1,]",
        "{,}",
        "nul",
        "{\"a\":1]",
        "\"open",
        "{\"a\":1,}",
    ] {
        assert_eq!(redactor().json(text, false), None, "{text}");
    }
    assert_eq!(redactor().json(&"[".repeat(100_000), false), None, "too deep");
    let disguised = r#"{"kind":"\u0053ecret","data":{"a":"canary"}}"#;
    assert_eq!(redactor().json(disguised, false), None, "letters behind escapes");
    let thrice = r#"{"kind":"\\\u0053ecret","data":{"a":"canary"}}"#;
    assert_eq!(redactor().json(thrice, false), None, "behind a backslash that is one");
    let script = r#"{"a":"printf '\\u0053'"}"#;
    assert_eq!(
        redactor().json(script, false).as_deref(),
        Some(script),
        "a backslash and no escape"
    );
    assert!(redactor().json(r#"{"a":"\u003cb\u003e"}"#, false).is_some(), "as Go escapes HTML");
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", redactor()), "Redactor(…)");
}
