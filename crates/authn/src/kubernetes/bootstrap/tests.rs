use super::*;
use crate::kubernetes::fixtures::{NOW, World, secret};

const GOOD: [(&str, &str); 3] = [
    ("token-id", "abcdef"),
    ("token-secret", "0123456789abcdef"),
    ("usage-bootstrap-authentication", "true"),
];

fn verdict(changes: &[(&str, &str)]) -> Opinion {
    let mut data: BTreeMap<&str, &str> = GOOD.into();
    data.extend(changes.iter().copied());
    let data: Vec<_> = data.into_iter().collect();
    of(secret("u", "bootstrap.kubernetes.io/token", &data))
}

fn of(kept: SecretFacts) -> Opinion {
    let mut world = World::default();
    world.secrets.insert("kube-system/bootstrap-token-abcdef".to_owned(), kept);
    authenticate(&Secret::new("abcdef.0123456789abcdef"), &world, NOW)
}

fn refused(opinion: Opinion) -> Reason {
    match opinion {
        Err(Objection::None(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_is_a_bootstrapper_with_its_groups() {
    let who = verdict(&[]).unwrap();
    assert_eq!(who.user, "system:bootstrap:abcdef");
    assert_eq!(who.groups, ["system:bootstrappers"]);
    let groups = "system:bootstrappers:z,system:bootstrappers:a:b-1,system:bootstrappers:z";
    let who = verdict(&[("auth-extra-groups", groups)]).unwrap();
    assert_eq!(
        who.groups,
        ["system:bootstrappers", "system:bootstrappers:a:b-1", "system:bootstrappers:z"]
    );
    assert!(verdict(&[("expiration", "2027-01-15T08:00:01Z")]).is_ok());
}

#[test]
fn each_fault_has_its_reason() {
    let at = "2027-01-15T08:00:00Z".to_owned();
    for (key, value, reason) in [
        ("token-secret", "0123456789abcdeg", Reason::SecretDiffers),
        ("token-secret", "", Reason::SecretDiffers),
        ("token-id", "abcdeg", Reason::IdDiffers),
        ("expiration", "2027-01-15T08:00:00Z", Reason::Expired { at }),
        ("expiration", "tomorrow", Reason::ExpiryUnreadable),
        ("usage-bootstrap-authentication", "True", Reason::UsageNotAllowed),
    ] {
        assert_eq!(refused(verdict(&[(key, value)])), reason, "{key}={value}");
    }
    for group in [
        "system:masters",
        "system:bootstrappers:",
        "system:bootstrappers:A",
        "",
        "system:bootstrappers:a-",
    ] {
        let groups = format!("system:bootstrappers:ok,{group}");
        let reason = refused(verdict(&[("auth-extra-groups", &groups)]));
        assert_eq!(reason, Reason::GroupInvalid { group: group.to_owned() });
    }
    assert_eq!(refused(of(secret("u", "Opaque", &GOOD))), Reason::SecretOfOtherType);
    let mut deleted = secret("u", "bootstrap.kubernetes.io/token", &GOOD);
    deleted.object.deleted_at = Some(NOW);
    assert!(matches!(refused(of(deleted)), Reason::ObjectBeingDeleted { .. }));
}

#[test]
fn only_the_form_of_a_token_asks_for_a_secret() {
    let unasked = World { unasked: true, ..World::default() };
    let ask = |token: &str| authenticate(&Secret::new(token), &unasked, NOW);
    assert!(matches!(
        ask("abcdef.0123456789abcdef"),
        Err(Objection::Unknown(Question::Secret { .. }))
    ));
    for other in [
        "",
        "abcdef",
        "abcdef.0123456789abcde",
        "abcdef.0123456789abcdef0",
        "ABCDEF.0123456789abcdef",
        "abcdef.0123456789abcdef\n",
        "abcdef..123456789abcdef",
        "../../.0123456789abcdef",
    ] {
        assert_eq!(refused(ask(other)), Reason::NotBootstrapForm, "{other:?}");
    }
}
