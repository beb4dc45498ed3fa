use super::*;
use crate::kubernetes::fixtures::NOW;
use model::Timestamp;
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName,
    DnType, DnValue, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose,
    NameConstraints, SanType,
};
use std::slice::from_ref;
use std::sync::LazyLock;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2028, 1, 1);
    params
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn root_of(params: CertificateParams) -> Authority {
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

static ROOT: LazyLock<Authority> = LazyLock::new(|| root_of(authority_params("root")));

fn client(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = params("alice");
    params.distinguished_name.push(DnType::OrganizationName, "devs");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    params
}

fn read(der: &[u8]) -> Certificate {
    Certificate::from_der(der).unwrap()
}

fn signed(params: CertificateParams, by: &Authority) -> Certificate {
    read(params.signed_by(&KeyPair::generate().unwrap(), by).unwrap().der())
}

fn judge(presented: &[Certificate], root: &Authority) -> Opinion {
    authenticate(presented, &[read(root.der())], NOW)
}

fn verdict(change: impl FnOnce(&mut CertificateParams)) -> Opinion {
    judge(&[signed(client(change), &ROOT)], &ROOT)
}

fn refused(opinion: Opinion) -> Reason {
    match opinion {
        Err(Objection::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

fn uid(value: &str) -> (DnType, DnValue) {
    let oid = vec![1, 3, 6, 1, 4, 1, 57683, 2];
    (DnType::CustomDnType(oid), DnValue::Utf8String(value.to_owned()))
}

#[test]
fn the_subject_is_the_user() {
    let who = verdict(|params| {
        let (oid, value) = uid("u-1");
        params.distinguished_name.push(oid, value);
    })
    .unwrap();
    assert_eq!((who.user.as_str(), who.uid.as_deref()), ("alice", Some("u-1")));
    assert_eq!(who.groups, ["devs"]);
    let id = &who.extra["authentication.kubernetes.io/credential-id"][0];
    assert!(id.starts_with("X509SHA256=") && id.len() == 11 + 64, "{id}");
}

#[test]
fn a_subject_without_a_name_or_with_an_odd_uid_is_nobody() {
    let nameless = verdict(|params| params.distinguished_name = DistinguishedName::new());
    assert_eq!(nameless, Err(Objection::None(Reason::CommonNameEmpty)));
    let empty = verdict(|params| {
        let (oid, value) = uid("");
        params.distinguished_name.push(oid, value);
    });
    assert_eq!(refused(empty), Reason::UidEmpty);
    // A NUL in a name is a character like any other to Go; it does not cut the name.
    let nul = verdict(|params| params.distinguished_name.push(DnType::CommonName, "admin\0.evil"));
    assert_eq!(nul.unwrap().user, "admin\0.evil");
}

#[test]
fn usages_must_allow_clients_all_along_the_chain() {
    assert!(verdict(|params| params.extended_key_usages.clear()).is_ok());
    assert!(verdict(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]).is_ok());
    let server = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let usages = server.clone();
    assert_eq!(
        refused(verdict(|params| params.extended_key_usages = usages)),
        Reason::NotForClients
    );
    let mut params = authority_params("for servers");
    params.extended_key_usages = server;
    let root = root_of(params);
    assert_eq!(refused(judge(&[signed(client(|_| {}), &root)], &root)), Reason::NotForClients);
}

#[test]
fn time_signature_and_trust_are_checked() {
    let expired = verdict(|params| params.not_after = rcgen::date_time_ymd(2027, 1, 1));
    assert!(matches!(refused(expired), Reason::CertificateExpired { .. }));
    let early = verdict(|params| params.not_before = rcgen::date_time_ymd(2027, 6, 1));
    assert!(matches!(refused(early), Reason::CertificateNotYetValid { .. }));
    let leaf = signed(client(|_| {}), &ROOT);
    // The same name on another key.
    let impostor = root_of(authority_params("root"));
    assert!(matches!(refused(judge(from_ref(&leaf), &impostor)), Reason::NoTrustedChain { .. }));
    // Bounds belong to the time in which it holds.
    let roots = [read(ROOT.der())];
    assert!(authenticate(from_ref(&leaf), &roots, leaf.not_after()).is_ok());
    let after = Timestamp::from_micros(leaf.not_after().as_micros() + 1);
    assert!(authenticate(&[leaf], &roots, after).is_err());
    assert_eq!(judge(&[], &ROOT), Err(Objection::None(Reason::NotPresented)));
}

#[test]
fn intermediates_must_be_authorities_and_are_counted() {
    let intermediate = |change: &dyn Fn(&mut CertificateParams), root: &Authority| {
        let mut params = authority_params("between");
        change(&mut params);
        CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), root).unwrap()
    };
    let chain = |between: &Authority| [signed(client(|_| {}), between), read(between.der())];
    let good = intermediate(&|_| {}, &ROOT);
    assert!(judge(&chain(&good), &ROOT).is_ok());
    // Without it there is no way to the root.
    assert!(judge(&chain(&good)[..1], &ROOT).is_err());
    for change in [
        (&|p: &mut CertificateParams| p.is_ca = IsCa::NoCa) as &dyn Fn(&mut CertificateParams),
        &|p| p.is_ca = IsCa::ExplicitNoCa,
        &|p| p.key_usages = vec![KeyUsagePurpose::DigitalSignature],
    ] {
        assert!(judge(&chain(&intermediate(change, &ROOT)), &ROOT).is_err());
    }
    let mut params = authority_params("short");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let short = root_of(params);
    let between = intermediate(&|_| {}, &short);
    assert!(judge(&chain(&between), &short).is_err());
    assert!(judge(&[signed(client(|_| {}), &short)], &short).is_ok());
}

#[test]
fn name_constraints_bind_the_names_of_clients() {
    let mut params = authority_params("narrow");
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("corp.example".to_owned())],
        excluded_subtrees: vec![],
    });
    let narrow = root_of(params);
    let of = |name: &str| {
        let leaf = client(|params| {
            params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
        });
        judge(&[signed(leaf, &narrow)], &narrow)
    };
    assert!(of("a.corp.example").is_ok());
    assert!(matches!(refused(of("a.evil.example")), Reason::NameConstrained { .. }));
    // The common name is no name of a host, so it is not constrained.
    assert!(judge(&[signed(client(|_| {}), &narrow)], &narrow).is_ok());
}

#[test]
fn unknown_critical_extensions_are_refused() {
    let with = |critical: bool| {
        verdict(|params| {
            let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
            extension.set_criticality(critical);
            params.custom_extensions = vec![extension];
        })
    };
    assert!(with(false).is_ok());
    let reason = Reason::CriticalExtensionUnknown { oid: "1.2.3.4".to_owned() };
    assert_eq!(refused(with(true)), reason);
}

#[test]
fn what_is_not_a_certificate_is_said_so() {
    assert!(Certificate::from_der(b"").is_err());
    assert!(Certificate::from_der(&vec![0x30; 70_000]).is_err());
    let mut der = ROOT.der().to_vec();
    der.push(0);
    assert!(Certificate::from_der(&der).is_err());
    assert!(Certificate::from_pem_bundle(b"nothing").is_err());
    assert_eq!(Certificate::from_pem_bundle(ROOT.pem().as_bytes()).unwrap().len(), 1);
}

#[test]
fn the_count_of_unused_bits_belongs_to_the_signature() {
    let der = signed(client(|_| {}), &ROOT).der;
    // The last BIT STRING: `03 length 00 30 …`, the signature's SEQUENCE after no unused bits.
    let at = der.len()
        - 1
        - der[..]
            .iter()
            .rev()
            .zip(der.iter().rev().skip(1))
            .position(|(sequence, unused)| *sequence == 0x30 && *unused == 0)
            .unwrap()
        - 1;
    for unused in 1..=8 {
        let mut changed = der.clone();
        changed[at] = unused;
        let verdict = Certificate::from_der(&changed).map(|leaf| judge(&[leaf], &ROOT));
        assert!(!matches!(verdict, Ok(Ok(_))), "{unused}");
    }
}

proptest! {
    #[test]
    fn a_changed_byte_never_authenticates(at in 0_usize..2000, flip in 1_u8..255) {
        static LEAF: LazyLock<Vec<u8>> = LazyLock::new(|| signed(client(|_| {}), &ROOT).der);
        let mut der = LEAF.clone();
        let place = at % der.len();
        der[place] ^= flip;
        if let Ok(changed) = Certificate::from_der(&der) {
            prop_assert!(judge(&[changed], &ROOT).is_err(), "byte {place}");
        }
    }
}
