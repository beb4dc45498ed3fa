use super::*;
use crate::kubernetes::SecretFacts;
use crate::kubernetes::fixtures::{NOW, NOW_S, World, ec_public, es256, secret};
use proptest::prelude::*;
use serde_json::{Value, json};

const ISSUER: &str = "https://kubernetes.default.svc";

fn accounts() -> ServiceAccounts {
    ServiceAccounts {
        issuers: vec![ISSUER.to_owned()],
        keys: PublicKeys::new([ec_public()]),
        audiences: vec![ISSUER.to_owned()],
        lookup: true,
    }
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "system:serviceaccount:shop:cart", "aud": [ISSUER],
        "exp": NOW_S + 600, "nbf": NOW_S, "iat": NOW_S, "jti": "7",
        "kubernetes.io": {
            "namespace": "shop",
            "serviceaccount": {"name": "cart", "uid": "sa-uid"},
            "pod": {"name": "cart-0", "uid": "pod-uid"},
            "node": {"name": "n1", "uid": "node-uid"},
        },
    })
}

fn world() -> World {
    World::default()
        .with("sa/shop/cart", "sa-uid")
        .with("pod/shop/cart-0", "pod-uid")
        .with("node/n1", "node-uid")
}

fn verdict_of(text: &str, world: &World) -> Opinion {
    accounts().authenticate_bound(&es256(r#"{"alg":"ES256"}"#, text), world, NOW)
}

fn verdict(change: impl FnOnce(&mut Value)) -> Opinion {
    let mut claims = claims();
    change(&mut claims);
    verdict_of(&claims.to_string(), &world())
}

fn refused(opinion: Opinion) -> Reason {
    match opinion {
        Err(Objection::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bound_token_is_its_account_with_pod_and_node() {
    let who = verdict(|_| {}).unwrap();
    assert_eq!(who.user, "system:serviceaccount:shop:cart");
    assert_eq!(who.uid.as_deref(), Some("sa-uid"));
    assert_eq!(who.groups, ["system:serviceaccounts", "system:serviceaccounts:shop"]);
    let extra: Vec<_> = who.extra.iter().map(|(k, v)| format!("{k}={}", v.join("+"))).collect();
    assert_eq!(
        extra,
        [
            "authentication.kubernetes.io/credential-id=JTI=7",
            "authentication.kubernetes.io/node-name=n1",
            "authentication.kubernetes.io/node-uid=node-uid",
            "authentication.kubernetes.io/pod-name=cart-0",
            "authentication.kubernetes.io/pod-uid=pod-uid",
        ]
    );
}

#[test]
fn times_have_a_minute_of_leeway() {
    for (claim, good, bad) in [
        ("exp", NOW_S - 60, NOW_S - 61),
        ("nbf", NOW_S + 60, NOW_S + 61),
        ("iat", NOW_S + 60, NOW_S + 61),
    ] {
        assert!(verdict(|c| c[claim] = json!(good)).is_ok(), "{claim}");
        assert!(verdict(|c| c[claim] = json!(bad)).is_err(), "{claim}");
    }
    // No end is no limit, and an end beyond Go's calendar has passed.
    assert!(verdict(|c| c["exp"] = Value::Null).is_ok());
    assert!(matches!(refused(verdict(|c| c["exp"] = json!(i64::MAX))), Reason::Expired { .. }));
    for unreadable in [json!("1800000600"), json!(true), json!({})] {
        assert_eq!(refused(verdict(|c| c["exp"] = unreadable)), Reason::ClaimsUnreadable);
    }
}

#[test]
fn audiences_must_meet_or_be_none() {
    for good in [json!(ISSUER), json!(["x", ISSUER]), json!([])] {
        assert!(verdict(|c| c["aud"] = good.clone()).is_ok(), "{good}");
    }
    for other in [json!("x"), json!([ISSUER.to_uppercase()]), json!([""])] {
        let reason = refused(verdict(|c| c["aud"] = other));
        assert!(matches!(reason, Reason::AudienceMismatch { .. }), "{reason:?}");
    }
    for unreadable in [Value::Null, json!(1), json!([1])] {
        assert_eq!(refused(verdict(|c| c["aud"] = unreadable)), Reason::ClaimsUnreadable);
    }
}

#[test]
fn what_a_token_hangs_on_must_still_be_there() {
    for (pointer, reason) in [
        ("/kubernetes.io/serviceaccount/uid", "object_replaced"),
        ("/kubernetes.io/pod/uid", "object_replaced"),
        ("/kubernetes.io/pod/name", "object_missing"),
        ("/kubernetes.io/serviceaccount/name", "object_missing"),
        ("/kubernetes.io/namespace", "object_missing"),
    ] {
        let opinion = verdict(|c| *c.pointer_mut(pointer).unwrap() = json!("other"));
        let code = serde_json::to_value(refused(opinion)).unwrap()["code"].clone();
        assert_eq!(code, reason, "{pointer}");
    }
    // The Node of a Pod's token is only told, that of a Node's token must exist.
    assert!(verdict(|c| c["kubernetes.io"]["node"]["uid"] = json!("other")).is_ok());
    let node_alone = |uid: &str| {
        verdict(|c| {
            c["kubernetes.io"]["pod"] = Value::Null;
            c["kubernetes.io"]["node"]["uid"] = json!(uid);
        })
    };
    assert!(node_alone("node-uid").is_ok());
    assert!(node_alone("other").is_err());
    // An object that is being deleted keeps its tokens for a minute.
    for (since, good) in [(60, true), (61, false)] {
        let mut world = world();
        let at = Timestamp::from_micros((NOW_S - since) * 1_000_000);
        world.objects.get_mut("pod/shop/cart-0").unwrap().deleted_at = Some(at);
        assert_eq!(verdict_of(&claims().to_string(), &world).is_ok(), good, "{since}");
    }
    let unasked = World { unasked: true, ..World::default() };
    assert!(matches!(
        verdict_of(&claims().to_string(), &unasked),
        Err(Objection::Unknown(Question::ServiceAccount { .. }))
    ));
}

#[test]
fn doubled_claims_and_other_issuers_are_refused() {
    let good = claims().to_string();
    let doubled = good.replacen('{', r#"{"sub":"x","#, 1);
    assert_eq!(refused(verdict_of(&doubled, &world())), Reason::ClaimsUnreadable);
    let inner = good.replace(r#""namespace""#, r#""namespace":"shop","namespace""#);
    assert_eq!(refused(verdict_of(&inner, &world())), Reason::ClaimsUnreadable);
    // The two parsers differ: chosen by `ISS`, but its own reading finds no issuer.
    let shouted = good.replace(r#""iss""#, r#""ISS""#);
    assert_eq!(
        refused(verdict_of(&shouted, &world())),
        Reason::OtherIssuer { issuer: String::new() }
    );
    let other = verdict(|c| c["iss"] = json!("https://elsewhere"));
    assert!(matches!(other, Err(Objection::None(Reason::OtherIssuer { .. }))));
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep = good.replacen('{', &format!(r#"{{"x":{deep},"#), 1);
    assert!(matches!(verdict_of(&deep, &world()), Err(Objection::None(Reason::NotAJwt))));
}

#[test]
fn a_legacy_token_must_be_the_one_in_its_secret() {
    let claim = |name: &str| format!("kubernetes.io/serviceaccount/{name}");
    let legacy = json!({
        "iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:shop:cart",
        claim("namespace"): "shop", claim("secret.name"): "cart-token",
        claim("service-account.name"): "cart", claim("service-account.uid"): "sa-uid",
    });
    let verdict = |claims: &Value, change: &dyn Fn(&mut SecretFacts)| {
        let token = es256(r#"{"alg":"ES256"}"#, &claims.to_string());
        let mut kept =
            secret("u", "kubernetes.io/service-account-token", &[("token", token.expose())]);
        change(&mut kept);
        let mut world = world();
        world.secrets.insert("shop/cart-token".to_owned(), kept);
        accounts().authenticate_legacy(&token, &world)
    };
    assert_eq!(verdict(&legacy, &|_| {}).unwrap().uid.as_deref(), Some("sa-uid"));
    // It has no end, whatever it says.
    let mut ended = legacy.clone();
    ended["exp"] = json!(1);
    assert!(verdict(&ended, &|_| {}).is_ok());
    let reason = refused(verdict(&legacy, &|kept| drop(kept.data.remove("token"))));
    assert_eq!(reason, Reason::DiffersFromSecret);
    let marked = |kept: &mut SecretFacts| {
        let label = "kubernetes.io/legacy-token-invalid-since".to_owned();
        kept.labels.insert(label, "2026-01-01".to_owned());
    };
    assert!(matches!(refused(verdict(&legacy, &marked)), Reason::MarkedInvalid { .. }));
    for (name, reason) in
        [("sub", Reason::SubjectInvalid), (&claim("namespace"), Reason::SubjectInvalid)]
    {
        let mut other = legacy.clone();
        other[name] = json!("system:serviceaccount:shop:other");
        assert_eq!(refused(verdict(&other, &|_| {})), reason, "{name}");
    }
    let mut without = legacy.clone();
    without.as_object_mut().unwrap().remove(&claim("secret.name"));
    assert_eq!(refused(verdict(&without, &|_| {})), Reason::ClaimMissing { claim: "secret.name" });
}

proptest! {
    #[test]
    fn no_payload_makes_it_panic(payload in "[ -~]{0,60}") {
        let _ = verdict_of(&payload, &world());
        let wrapped = format!(r#"{{"iss":"{ISSUER}","kubernetes.io":{payload}}}"#);
        let _ = verdict_of(&wrapped, &world());
    }
}
