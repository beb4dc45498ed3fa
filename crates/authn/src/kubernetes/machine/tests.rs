use super::*;
use crate::kubernetes::SignInFacts;
use crate::kubernetes::fixtures::{NOW, World};
use model::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use std::collections::BTreeMap;
use std::time::Duration;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn named(attributes: &[(DnType, &str)]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in attributes {
        params.distinguished_name.push(kind.clone(), *value);
    }
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2028, 1, 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn authority(name: &str) -> Authority {
    let mut params = named(&[(DnType::CommonName, name)]);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn serial() -> DnType {
    DnType::CustomDnType(vec![2, 5, 4, 5])
}

fn id() -> SignInId {
    SignInId::from_random([7; 16])
}

fn signed(params: CertificateParams, by: &Authority) -> Certificate {
    let certificate = params.signed_by(&KeyPair::generate().unwrap(), by).unwrap();
    Certificate::from_der(certificate.der()).unwrap()
}

fn world(ends_at: Timestamp) -> World {
    let identity = Identity {
        user: "sallyport:alice".to_owned(),
        uid: None,
        groups: vec!["devs".to_owned()],
        extra: BTreeMap::new(),
    };
    let sign_ins = BTreeMap::from([(id().to_string(), SignInFacts { identity, ends_at })]);
    World { sign_ins, ..World::default() }
}

fn judge(presented: &Certificate, root: &Authority, world: &World) -> Opinion {
    let root = Certificate::from_der(root.der()).unwrap();
    authenticate(std::slice::from_ref(presented), &[root], world, NOW)
}

#[test]
fn a_machine_is_whom_its_sign_in_names_and_not_its_certificate() {
    let ours = authority("machines");
    let text = id().to_string();
    let of_alice = signed(named(&[(DnType::CommonName, "root"), (serial(), &text)]), &ours);
    let live = world(NOW.after(Duration::from_secs(1)));
    assert_eq!(judge(&of_alice, &ours, &live).unwrap().user, "sallyport:alice");
    let gone = Err(Objection::Refused(Reason::SignInEnded { id: text.clone() }));
    assert_eq!(judge(&of_alice, &ours, &world(NOW)), gone);
    assert_eq!(judge(&of_alice, &ours, &World::default()), gone);
    let unasked = World { unasked: true, ..World::default() };
    assert_eq!(
        judge(&of_alice, &ours, &unasked),
        Err(Objection::Unknown(Question::SignIn { id: text }))
    );
}

#[test]
fn certificates_of_others_are_no_machines_and_forged_ones_are_refused() {
    let (ours, live) = (authority("machines"), world(NOW.after(Duration::from_secs(60))));
    let text = id().to_string();
    let claims = [(DnType::CommonName, "alice"), (serial(), text.as_str())];
    let foreign = signed(named(&claims), &authority("the cluster"));
    assert_eq!(judge(&foreign, &ours, &live), Err(Objection::None(Reason::NotOfMachine)));
    // By the right name and another key.
    let forged = signed(named(&claims), &authority("machines"));
    assert!(matches!(judge(&forged, &ours, &live), Err(Objection::Refused(_))));
    let mut old = named(&claims);
    old.not_after = rcgen::date_time_ymd(2026, 2, 1);
    assert!(matches!(
        judge(&signed(old, &ours), &ours, &live),
        Err(Objection::Refused(Reason::CertificateExpired { .. }))
    ));
    for odd in
        [vec![(DnType::CommonName, "alice")], vec![(serial(), "lnk_00000000000000000000000000")]]
    {
        let odd = signed(named(&odd), &ours);
        assert_eq!(judge(&odd, &ours, &live), Err(Objection::Refused(Reason::NotOfMachine)));
    }
    assert_eq!(authenticate(&[], &[], &live, NOW), Err(Objection::None(Reason::NotPresented)));
}
