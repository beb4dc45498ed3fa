use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn redactor() -> Redactor {
    Redactor::new(&[7; 32])
}

/// A field of bytes, as protobuf has it.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        field.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    field.push(u8::try_from(length).unwrap());
    field.extend_from_slice(content);
    field
}

fn enveloped(version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let type_meta = [field(1, version.as_bytes()), field(2, kind.as_bytes())].concat();
    [MAGIC.to_vec(), field(1, &type_meta), field(2, raw)].concat()
}

fn entry(key: &str, value: &[u8]) -> Vec<u8> {
    [field(1, key.as_bytes()), field(2, value)].concat()
}

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A Secret with a canary everywhere one can be.
fn secret() -> Vec<u8> {
    let annotation = field(12, &entry(LAST_APPLIED, b"{\"canary\":1}"));
    let metadata = [field(1, b"mine"), annotation].concat();
    let data = field(2, &entry("password", b"canary"));
    let string_data = field(4, &entry("other", b"canary"));
    enveloped(
        "v1",
        "Secret",
        &[field(1, &metadata), data, string_data, field(3, b"Opaque")].concat(),
    )
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn a_secret_is_redacted_as_in_json() {
    let shown = redactor().protobuf(&secret(), false, 10_000).unwrap();
    // `canary`, and what base64 makes of it.
    for canary in ["canary", "Y2FuYXJ5"] {
        assert!(!shown.contains(canary), "{shown}");
    }
    let shown = value(&shown);
    assert_eq!(shown["metadata"]["name"], "mine");
    assert_eq!(shown["type"], "Opaque");
    let in_json = redactor().json(r#"{"kind":"Secret","data":{"password":"Y2FuYXJ5"}}"#, false);
    let in_json = value(&in_json.unwrap());
    assert_eq!(shown["data"]["password"], in_json["data"]["password"], "and equality shows");
}

#[test]
fn a_secret_stays_one_wherever_it_is() {
    let raw = field(1, &secret());
    let event = [field(1, b"ADDED"), field(2, &raw)].concat();
    let key_value = [field(1, b"/registry/secrets/default/mine"), field(5, &secret())].concat();
    let range = field(2, &key_value);
    for (name, message) in [("meta/v1.WatchEvent", event), ("etcdserverpb.RangeResponse", range)] {
        let json = named(name, &message, &redactor(), 10_000).unwrap();
        let shown = redactor().json(&json, false).unwrap();
        assert!(!shown.contains("canary") && !shown.contains("Y2FuYXJ5"), "{name}: {shown}");
        assert!(shown.contains("\"name\":\"mine\""), "{name}: {shown}");
    }
}

#[test]
fn an_object_under_another_name_is_hidden_where_secrets_are_asked_for() {
    let disguised = enveloped("v1", "ConfigMap", &field(2, &entry("a", b"canary")));
    assert!(redactor().protobuf(&disguised, false, 10_000).unwrap().contains("canary"));
    assert!(!redactor().protobuf(&disguised, true, 10_000).unwrap().contains("canary"));
}

#[test]
fn a_token_is_redacted_in_its_review_and_its_request() {
    let review =
        enveloped("authentication.k8s.io/v1", "TokenReview", &field(2, &field(1, b"canary")));
    let request =
        enveloped("authentication.k8s.io/v1", "TokenRequest", &field(3, &field(1, b"canary")));
    for bytes in [review, request] {
        let shown = redactor().protobuf(&bytes, false, 10_000).unwrap();
        assert!(!shown.contains("canary") && shown.contains("[redacted:"), "{shown}");
    }
}

#[test]
fn what_is_not_known_is_named_and_not_shown() {
    let kind = enveloped("example.com/v1", "Thing", b"canary");
    let shown = value(&redactor().protobuf(&kind, false, 10_000).unwrap());
    assert_eq!((&shown["kind"], &shown["apiVersion"]), (&json!("Thing"), &json!("example.com/v1")));
    assert!(shown["?"].as_str().unwrap().ends_with(" 6 bytes]"), "{shown}");

    let later = enveloped("v1", "ConfigMap", &field(15, b"canary"));
    let shown = redactor().protobuf(&later, false, 10_000).unwrap();
    assert!(!shown.contains("canary") && shown.contains("\"?15\":\"[not known:"), "{shown}");

    let stored = |bytes: &[u8]| {
        let pair = field(2, &[field(1, b"/registry/x"), field(5, bytes)].concat());
        value(&named("etcdserverpb.RangeResponse", &pair, &redactor(), 10_000).unwrap())
    };
    let encrypted = stored(b"k8s:enc:aescbc:v1:key1:canary");
    let said = encrypted["kvs"][0]["stored"].as_str().unwrap().to_owned();
    assert!(said.starts_with("[encrypted at rest:") && !said.contains("canary"), "{said}");
    assert!(stored(b"canary")["kvs"][0]["stored"].as_str().unwrap().starts_with("[not known:"));
    let custom = stored(br#"{"kind":"Widget","spec":{"a":1}}"#);
    assert_eq!(custom["kvs"][0]["object"]["spec"]["a"], 1);
    // What is no document by itself cannot become part of one.
    let broken = stored(br#"{"a":1},"b":{}"#);
    assert!(broken["kvs"][0]["object"].as_str().unwrap().starts_with("[not known:"), "{broken}");
}

#[test]
fn what_is_broken_endless_or_too_large_is_not_shown() {
    for bytes in [
        &b""[..],
        b"k8s",
        b"{}",
        b"k8s\0\x0a\xff",
        b"k8s\0\x0b",
        &enveloped("v1", "Pod", b"\x08\x01"),
        &enveloped("v1", "Pod", b"\x0a\x05a"),
    ] {
        assert_eq!(object(bytes, &redactor(), 10_000), Err(Omission::Malformed), "{bytes:x?}");
    }
    // A list of empty Pods is small, and what it stands for is not.
    let pods = enveloped("v1", "PodList", &field(2, b"").repeat(10_000));
    assert!(pods.len() < 30_000);
    assert_eq!(object(&pods, &redactor(), 100_000), Err(Omission::OverBound));
    let fields = enveloped("v1", "ConfigMap", &[0x78, 1].repeat(FIELDS_MAX + 1));
    assert_eq!(object(&fields, &redactor(), usize::MAX), Err(Omission::OverBound));
    // A transaction within a transaction within…
    let mut deep = Vec::new();
    for _ in 0..200 {
        deep = field(2, &field(4, &deep));
    }
    let deep = named("etcdserverpb.TxnRequest", &deep, &redactor(), usize::MAX);
    assert_eq!(deep, Err(Omission::OverBound));
}

#[test]
fn a_message_in_parts_is_the_parts_together() {
    let whole = enveloped("v1", "ConfigMap", &field(1, &[field(1, b"a"), field(3, b"b")].concat()));
    let parts = enveloped(
        "v1",
        "ConfigMap",
        &[field(1, &field(1, b"a")), field(1, &field(3, b"b"))].concat(),
    );
    let shown = |bytes: &[u8]| value(&object(bytes, &redactor(), 10_000).unwrap());
    assert_eq!(shown(&whole), shown(&parts));
    assert_eq!(shown(&whole)["metadata"], json!({ "name": "a", "namespace": "b" }));
}

proptest! {
    #[test]
    fn any_bytes_are_json_or_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for kind in ["Pod", "CustomResourceDefinition", "Event", "HorizontalPodAutoscaler"] {
            for version in ["v1", "apiextensions.k8s.io/v1", "autoscaling/v2"] {
                let bytes = enveloped(version, kind, &bytes);
                if let Ok(json) = object(&bytes, &redactor(), 100_000) {
                    prop_assert!(serde_json::from_str::<Value>(&json).is_ok(), "{}", json);
                }
            }
        }
    }

    #[test]
    fn a_secret_that_was_damaged_shows_nothing_of_itself(place in 20_usize..150, byte in any::<u8>()) {
        let mut damaged = secret();
        // The kind itself stays: an API server would take another kind for another object.
        if let Some(found) = damaged.get_mut(place) {
            *found = byte;
        }
        if let Some(shown) = redactor().protobuf(&damaged, true, 10_000) {
            prop_assert!(!shown.contains("Y2FuYXJ5"), "{}", shown);
        }
    }
}
