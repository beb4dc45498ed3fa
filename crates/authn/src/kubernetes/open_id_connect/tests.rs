use super::*;
use crate::kubernetes::fixtures::{NOW, NOW_S, RSA, World, ec_public, es256, rs256, rsa_public};
use crate::kubernetes::jose::{KeySet, PublicKey};
use serde_json::{Value, json};

const URL: &str = "https://idp.example";

fn issuer() -> JwtIssuer {
    JwtIssuer {
        url: URL.to_owned(),
        discovery_url: None,
        certificate_authority: String::new(),
        audiences: vec!["hub".to_owned()],
        algorithms: vec!["ES256".to_owned()],
        username: Mapping { claim: "email".to_owned(), prefix: "oidc:".to_owned() },
        groups: Some(Mapping { claim: "roles".to_owned(), prefix: "r:".to_owned() }),
        uid_claim: Some("sub".to_owned()),
        required_claims: vec![("tenant".to_owned(), "acme".to_owned())],
    }
}

fn world() -> World {
    let PublicKey::Ec { point, .. } = ec_public() else { panic!("not EC") };
    let PublicKey::Rsa { modulus, exponent } = rsa_public(&RSA) else { panic!("not RSA") };
    let encode = crate::kubernetes::base64url::encode;
    let (x, y) = point[1..].split_at(32);
    let set = json!({"keys": [
        {"kty": "EC", "crv": "P-256", "kid": "ec", "x": encode(x), "y": encode(y)},
        {"kty": "RSA", "kid": "rsa", "n": encode(&modulus), "e": encode(&exponent)},
    ]});
    let mut world = World::default();
    world.keys.insert(URL.to_owned(), KeySet::from_json(set.to_string().as_bytes()).unwrap());
    world
}

fn claims() -> Value {
    json!({
        "iss": URL, "sub": "42", "aud": ["other", "hub"], "exp": NOW_S + 60, "jti": "t1",
        "email": "a@x.example", "email_verified": true, "roles": ["dev", "ops"], "tenant": "acme",
    })
}

fn verdict_of(text: &str) -> Opinion {
    issuer().authenticate(&es256(r#"{"alg":"ES256","kid":"ec"}"#, text), &world(), NOW)
}

fn verdict(change: impl FnOnce(&mut Value)) -> Opinion {
    let mut claims = claims();
    change(&mut claims);
    verdict_of(&claims.to_string())
}

fn refused(opinion: Opinion) -> Reason {
    match opinion {
        Err(Objection::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn claims_become_a_user() {
    let who = verdict(|_| {}).unwrap();
    assert_eq!((who.user.as_str(), who.uid.as_deref()), ("oidc:a@x.example", Some("42")));
    assert_eq!(who.groups, ["r:dev", "r:ops"]);
    assert_eq!(who.extra["authentication.kubernetes.io/credential-id"], ["JTI=t1"]);
    assert_eq!(verdict(|c| c["roles"] = json!("one")).unwrap().groups, ["r:one"]);
    for none in [Value::Null, json!([])] {
        assert!(verdict(|c| c["roles"] = none).unwrap().groups.is_empty());
    }
}

#[test]
fn each_claim_is_checked() {
    let absent = |claim: &str| Reason::ClaimAbsent { claim: claim.to_owned() };
    let unusable = |claim: &str| Reason::ClaimUnusable { claim: claim.to_owned() };
    for (claim, value, reason) in [
        ("email", json!(1), unusable("email")),
        ("email_verified", json!(false), Reason::EmailNotVerified),
        ("email_verified", Value::Null, Reason::EmailNotVerified),
        ("email_verified", json!("true"), unusable("email_verified")),
        ("roles", json!([1]), unusable("roles")),
        ("roles", json!({}), unusable("roles")),
        ("tenant", json!("evil"), Reason::RequiredClaimDiffers { claim: "tenant".to_owned() }),
        ("sub", json!(1), Reason::ClaimsUnreadable),
        ("exp", json!(true), Reason::ClaimsUnreadable),
        ("exp", Value::Null, Reason::ClaimsUnreadable),
        ("iat", json!("x"), Reason::ClaimsUnreadable),
    ] {
        assert_eq!(refused(verdict(|c| c[claim] = value.clone())), reason, "{claim}={value}");
    }
    for claim in ["email", "tenant", "exp"] {
        let opinion = verdict(|c| drop(c.as_object_mut().unwrap().remove(claim)));
        assert_eq!(refused(opinion), absent(claim));
    }
    let verified = verdict(|c| drop(c.as_object_mut().unwrap().remove("email_verified")));
    assert!(verified.is_ok());
    // Go takes a date in quotes, and one with a fraction.
    for date in [json!((NOW_S + 60).to_string()), json!(NOW_S as f64 + 0.5)] {
        assert!(verdict(|c| c["exp"] = date.clone()).is_ok(), "{date}");
    }
}

#[test]
fn times_have_go_oidc_s_edges() {
    assert!(verdict(|c| c["exp"] = json!(NOW_S)).is_ok());
    assert!(matches!(refused(verdict(|c| c["exp"] = json!(NOW_S - 1))), Reason::Expired { .. }));
    assert!(verdict(|c| c["nbf"] = json!(NOW_S + 60)).is_ok());
    let early = verdict(|c| c["nbf"] = json!(NOW_S + 61));
    assert!(matches!(refused(early), Reason::NotYetValid { .. }));
}

#[test]
fn algorithms_keys_and_issuers_are_the_operators_choice() {
    let ask = |token: &Secret| issuer().authenticate(token, &world(), NOW);
    let rsa = rs256(r#"{"alg":"RS256","kid":"rsa"}"#, &claims().to_string());
    assert_eq!(refused(ask(&rsa)), Reason::AlgorithmRefused { algorithm: "RS256".to_owned() });
    // Confusion of keys: the algorithm is allowed, the key of that id is of another type.
    let confused = es256(r#"{"alg":"ES256","kid":"rsa"}"#, &claims().to_string());
    assert!(matches!(refused(ask(&confused)), Reason::AlgorithmRefused { .. }));
    let unknown = es256(r#"{"alg":"ES256","kid":"x"}"#, &claims().to_string());
    assert_eq!(refused(ask(&unknown)), Reason::KeyUnknown { key_id: "x".to_owned() });
    let none = es256(r#"{"alg":"none"}"#, &claims().to_string());
    assert!(matches!(refused(ask(&none)), Reason::AlgorithmRefused { .. }));
    let other = verdict(|c| c["iss"] = json!("https://evil.example"));
    assert!(matches!(other, Err(Objection::None(Reason::OtherIssuer { .. }))));
    let wrong = verdict(|c| c["aud"] = json!("hub2"));
    assert!(matches!(refused(wrong), Reason::AudienceMismatch { .. }));
    // Until the issuer was reached, its tokens are refused.
    let token = es256(r#"{"alg":"ES256"}"#, &claims().to_string());
    let opinion = issuer().authenticate(&token, &World::default(), NOW);
    assert!(matches!(refused(opinion), Reason::IssuerKeysUnknown { .. }));
    let unasked = World { unasked: true, ..World::default() };
    let opinion = issuer().authenticate(&token, &unasked, NOW);
    assert!(matches!(opinion, Err(Objection::Unknown(Question::IssuerKeys { .. }))));
}

#[test]
fn of_doubled_claims_the_last_holds_as_in_go() {
    let text = claims().to_string().replacen('{', r#"{"email":"admin@x.example","#, 1);
    assert_eq!(verdict_of(&text).unwrap().user, "oidc:a@x.example");
    let distributed = verdict(|c| {
        c.as_object_mut().unwrap().remove("roles");
        c["_claim_names"] = json!({"roles": "src"});
        c["_claim_sources"] = json!({"src": {"endpoint": "https://elsewhere"}});
    });
    assert!(matches!(refused(distributed), Reason::DistributedClaimsUnsupported { .. }));
}

const FILE: &str = r#"
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer:
    url: https://idp.example
    audiences: [a, b]
    audienceMatchPolicy: MatchAny
  claimValidationRules:
  - claim: tenant
    requiredValue: acme
  claimMappings:
    username: {claim: sub, prefix: "x:"}
    groups: {claim: roles, prefix: ""}
    uid: {claim: sub}
anonymous:
  enabled: true
  conditions:
  - path: /livez
"#;

fn parse(text: &str) -> Result<AuthenticationConfiguration, InvalidConfiguration> {
    AuthenticationConfiguration::parse(text, &["https://cluster".to_owned()])
}

#[test]
fn a_configuration_is_read_and_each_fault_named() {
    let config = parse(FILE).unwrap();
    assert_eq!(config.anonymous, Some(AnonymousAccess::Paths(vec!["/livez".to_owned()])));
    let issuer = &config.issuers[0];
    assert_eq!(issuer.username, Mapping { claim: "sub".to_owned(), prefix: "x:".to_owned() });
    assert_eq!(issuer.algorithms, ALGORITHMS);
    for (from, to, field) in [
        ("https://idp.example", "http://idp.example", "jwt[0].issuer.url: must be an https URL"),
        (
            "https://idp.example",
            "https://u@idp.example",
            "jwt[0].issuer.url: must not contain a user",
        ),
        (
            "https://idp.example",
            "https://idp.example?x=1",
            "jwt[0].issuer.url: must not contain a query",
        ),
        ("https://idp.example", "https://cluster", "jwt[0].issuer.url: is the issuer of service"),
        ("[a, b]", "[]", "jwt[0].issuer.audiences: at least one"),
        ("[a, b]", "[a, a]", "jwt[0].issuer.audiences: one occurs twice"),
        ("MatchAny", "MatchAll", "jwt[0].issuer.audienceMatchPolicy: must be MatchAny"),
        (r#", prefix: "x:""#, "", "jwt[0].claimMappings.username.prefix: is required"),
        ("{claim: sub}", "{expression: claims.sub}", "jwt[0].claimMappings.uid.expression: CEL"),
        ("claim: tenant", "expression: \"true\"", "jwt[0].claimValidationRules[0].expression: CEL"),
        ("enabled: true", "enabled: false", "anonymous.conditions: need"),
        ("kind: Auth", "kind: auth", "kind: must be"),
    ] {
        let refusal = parse(&FILE.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(refusal.starts_with(field), "{from} → {to}: {refusal}");
    }
    assert!(matches!(parse("jwt: [").unwrap_err(), InvalidConfiguration::Form(_)));
    assert!(matches!(
        parse(&FILE.replacen("jwt:", "jtw: []\njwt:", 1)).unwrap_err(),
        InvalidConfiguration::Form(_)
    ));
}

#[test]
fn flags_prefix_names_by_their_issuer() {
    let flags = |claim: &str, prefix: &str| {
        let flags = OidcFlags {
            issuer_url: URL.to_owned(),
            client_id: "hub".to_owned(),
            username_claim: claim.to_owned(),
            username_prefix: prefix.to_owned(),
            ..OidcFlags::default()
        };
        let Mapping { claim, prefix } = flags.issuer(&[]).unwrap().username;
        (claim, prefix)
    };
    let pair = |claim: &str, prefix: &str| (claim.to_owned(), prefix.to_owned());
    assert_eq!(flags("", ""), pair("sub", "https://idp.example#"));
    assert_eq!(flags("email", ""), pair("email", ""));
    assert_eq!(flags("sub", "-"), pair("sub", ""));
    assert_eq!(flags("sub", "p:"), pair("sub", "p:"));
    let none = OidcFlags { issuer_url: URL.to_owned(), ..OidcFlags::default() };
    assert!(none.issuer(&[]).is_err());
}
