use super::*;
use crate::kubernetes::fixtures::{NOW, NOW_S, RSA, World, ec_public, es256, rs256, rsa_public};
use crate::kubernetes::jose::{KeySet, PublicKey};
use serde_json::{Value, json};

const URL: &str = "https://idp.example";

fn claim(claim: &str, prefix: &str) -> MappedFrom {
    MappedFrom::Claim(Mapping { claim: claim.to_owned(), prefix: prefix.to_owned() })
}

fn issuer() -> JwtIssuer {
    JwtIssuer {
        url: URL.to_owned(),
        discovery_url: None,
        certificate_authority: String::new(),
        audiences: vec!["hub".to_owned()],
        algorithms: vec!["ES256".to_owned()],
        username: claim("email", "oidc:"),
        groups: Some(claim("roles", "r:")),
        uid: Some(claim("sub", "")),
        extra: Vec::new(),
        required_claims: vec![("tenant".to_owned(), "acme".to_owned())],
        claim_rules: Vec::new(),
        user_rules: Vec::new(),
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
    assert_eq!(issuer.username, claim("sub", "x:"));
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
        (
            "uid: {claim: sub}",
            "uid: {expression: int(claims.sub)}",
            "jwt[0].claimMappings.uid.expression: int() ",
        ),
        (
            "claim: tenant",
            "expression: \"true\"",
            "jwt[0].claimValidationRules[0].requiredValue: may not",
        ),
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
        flags.issuer(&[]).unwrap().username
    };
    assert_eq!(flags("", ""), claim("sub", "https://idp.example#"));
    assert_eq!(flags("email", ""), claim("email", ""));
    assert_eq!(flags("sub", "-"), claim("sub", ""));
    assert_eq!(flags("sub", "p:"), claim("sub", "p:"));
    let none = OidcFlags { issuer_url: URL.to_owned(), ..OidcFlags::default() };
    assert!(none.issuer(&[]).is_err());
}

const WITH_EXPRESSIONS: &str = r#"
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer: {url: https://idp.example, audiences: [hub]}
  claimValidationRules:
  - expression: claims.?tenant.orValue("") == "acme"
    message: not of acme
  claimMappings:
    username: {expression: 'claims.?email_verified.orValue(true) == true ? claims.email : ""'}
    groups: {expression: 'claims.?roles.orValue([])'}
    uid: {expression: claims.sub}
    extra:
    - {key: example.org/roles, valueExpression: 'claims.?roles.orValue(null)'}
  userValidationRules:
  - expression: "!user.username.startsWith('system:')"
    message: reserved name
  - expression: user.groups.all(group, !group.startsWith('system:'))
"#;

fn mapped(change: impl FnOnce(&mut Value)) -> Opinion {
    let mut claims = claims();
    change(&mut claims);
    let token = es256(r#"{"alg":"ES256","kid":"ec"}"#, &claims.to_string());
    parse(WITH_EXPRESSIONS).unwrap().issuers[0].authenticate(&token, &world(), NOW)
}

#[test]
fn expressions_make_a_user_of_claims() {
    let who = mapped(|_| {}).unwrap();
    assert_eq!((who.user.as_str(), who.uid.as_deref()), ("a@x.example", Some("42")));
    assert_eq!(who.groups, ["dev", "ops"]);
    assert_eq!(who.extra["example.org/roles"], ["dev", "ops"]);
    assert_eq!(who.extra["authentication.kubernetes.io/credential-id"], ["JTI=t1"]);
    // No value, no key.
    for none in [Value::Null, json!([]), json!([""]), json!("")] {
        let who = mapped(|c| c["roles"] = none).unwrap();
        assert_eq!((who.groups.len(), who.extra.len()), (0, 1));
    }
    let field = |field: &str| field.to_owned();
    let username = || field("claimMappings.username.expression");
    let rule =
        |at: &str, message: &str| Reason::RuleNotMet { field: field(at), message: field(message) };
    for (claim, value, reason) in [
        ("email", json!(1), Reason::ExpressionUnusable { field: username() }),
        ("email", Value::Null, Reason::ExpressionUnusable { field: username() }),
        ("email", json!(""), Reason::ExpressionUnusable { field: username() }),
        ("email_verified", json!(false), Reason::ExpressionUnusable { field: username() }),
        ("email_verified", json!("true"), Reason::ExpressionUnusable { field: username() }),
        (
            "roles",
            json!([1]),
            Reason::ExpressionUnusable { field: field("claimMappings.groups.expression") },
        ),
        (
            "roles",
            json!({}),
            Reason::ExpressionUnusable { field: field("claimMappings.groups.expression") },
        ),
        ("tenant", json!("evil"), rule("claimValidationRules, expression 1", "not of acme")),
        (
            "email",
            json!("system:admin"),
            rule("userValidationRules, expression 1", "reserved name"),
        ),
        ("roles", json!(["system:masters"]), rule("userValidationRules, expression 2", "")),
    ] {
        assert_eq!(refused(mapped(|c| c[claim] = value.clone())), reason, "{claim}={value}");
    }
    let absent = mapped(|c| drop(c.as_object_mut().unwrap().remove("email")));
    assert_eq!(refused(absent), Reason::ExpressionFailed { field: username() });
    assert!(mapped(|c| drop(c.as_object_mut().unwrap().remove("email_verified"))).is_ok());
}

#[test]
fn a_configuration_with_expressions_is_read_and_each_fault_named() {
    let username =
        r#"{expression: 'claims.?email_verified.orValue(true) == true ? claims.email : ""'}"#;
    for (from, to, refusal) in [
        (
            username,
            "{expression: claims.email}",
            "username.expression: claims.email_verified must be used",
        ),
        (
            username,
            "{expression: 'claims.?email.orValue(\"\")'}",
            "username.expression: claims.email_verified must",
        ),
        (
            username,
            "{expression: claims.sub, claim: sub}",
            "username: claim and expression can't both be set",
        ),
        (username, "{expression: claims.sub, prefix: ''}", "username.prefix: may not be specified"),
        (
            username,
            "{expression: claims.sub +}",
            "username.expression: the expression ends too early",
        ),
        (username, "{}", "username: claim or expression is required"),
        (
            "claims.sub}",
            "claims.sub.matches('a')}",
            "uid.expression: matches() with 1 argument(s) is not supported",
        ),
        ("example.org/roles", "roles", "extra[0].key: must be a domain-prefixed path"),
        ("example.org/roles", "example.org/Roles", "extra[0].key: must be lowercase"),
        (
            "example.org/roles",
            "Example.org/roles",
            "extra[0].key: must begin with a domain in lower case",
        ),
        ("example.org/roles", "kubernetes.io/roles", "extra[0].key: k8s.io, kubernetes.io and"),
        ("example.org/roles", "a.k8s.io/roles", "extra[0].key: k8s.io, kubernetes.io and"),
        ("'claims.?roles.orValue(null)'", "''", "extra[0].valueExpression: is required"),
    ] {
        let changed = WITH_EXPRESSIONS.replacen(from, to, 1);
        let found = parse(&changed).unwrap_err().to_string();
        assert!(
            found.starts_with(&format!("jwt[0].claimMappings.{refusal}")),
            "{from} → {to}: {found}"
        );
    }
    for (from, to, refusal) in [
        (
            "claims.?tenant.orValue(\"\") == \"acme\"",
            "claims.tenant",
            "claimValidationRules[0].expression: must evaluate to bool",
        ),
        (
            "    message: not of acme\n",
            "    requiredValue: x\n",
            "claimValidationRules[0].requiredValue: may not be",
        ),
        (
            "    message: not of acme\n",
            "    claim: x\n",
            "claimValidationRules[0]: claim and expression can't",
        ),
        (
            "\"!user.username.startsWith('system:')\"",
            "user.uid",
            "userValidationRules[0].expression: must evaluate",
        ),
        (
            "\"!user.username.startsWith('system:')\"",
            "\"\"",
            "userValidationRules[0].expression: is required",
        ),
        (
            "\"!user.username.startsWith('system:')\"",
            "user.groups.all(group, !group.startsWith('system:'))",
            "userValidationRules[1].expression: occurs twice",
        ),
    ] {
        let changed = WITH_EXPRESSIONS.replacen(from, to, 1);
        assert_ne!(changed, WITH_EXPRESSIONS, "{from}");
        let found = parse(&changed).unwrap_err().to_string();
        assert!(found.starts_with(&format!("jwt[0].{refusal}")), "{from} → {to}: {found}");
    }
    // What proves the address may stand anywhere where claims are read.
    let proved = WITH_EXPRESSIONS.replacen(username, "{expression: claims.email}", 1);
    for (from, to) in [
        ("claims.?tenant.orValue(\"\") == \"acme\"", "claims.email_verified == true"),
        ("'claims.?roles.orValue(null)'", "'string(claims.?email_verified.orValue(false))'"),
    ] {
        assert!(parse(&proved.replacen(from, to, 1)).is_ok(), "{to}");
    }
}
