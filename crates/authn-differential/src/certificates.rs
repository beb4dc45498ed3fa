//! Client certificates, valid and broken, and the certificates of the front proxy.
//! Whether one should be believed is not known here.

use crate::cluster::Cluster;
use crate::random::Random;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName,
    DnType, DnValue, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints, SanType,
};
use std::time::Duration;

/// What signs certificates, and keys for those who hold them.
pub(crate) struct Authorities {
    clients: Issuer<'static, KeyPair>,
    proxies: Issuer<'static, KeyPair>,
    other: KeyPair,
    holders: Vec<KeyPair>,
}

/// A chain, the holder's first, with the key in PKCS#8.
pub(crate) struct Presented {
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) key: Vec<u8>,
}

const YEAR_S: i64 = 365 * 24 * 3600;

impl Authorities {
    pub(crate) fn new(cluster: &Cluster) -> anyhow::Result<Self> {
        let issuer = |name: &str| -> anyhow::Result<Issuer<'static, KeyPair>> {
            let key = KeyPair::from_pem(&cluster.file(&format!("pki/{name}.key"))?)?;
            Ok(Issuer::from_ca_cert_pem(&cluster.file(&format!("pki/{name}.crt"))?, key)?)
        };
        let algorithms =
            [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519];
        let mut holders = Vec::new();
        for algorithm in algorithms {
            holders.push(KeyPair::generate_for(algorithm)?);
        }
        Ok(Self {
            clients: issuer("ca")?,
            proxies: issuer("front-proxy-ca")?,
            other: KeyPair::generate()?,
            holders,
        })
    }

    /// A client's certificate, changed or not.
    pub(crate) fn client(&self, random: &mut Random, now_s: i64) -> anyhow::Result<Presented> {
        let mut params = leaf(random, now_s);
        for _ in 0..*random.pick(&[0, 0, 0, 1, 1, 2]) {
            change(random, &mut params, now_s);
        }
        let through_intermediate = random.once_in(4);
        self.present(random, params, through_intermediate, &self.clients, now_s)
    }

    /// A front proxy's certificate, mostly good.
    pub(crate) fn proxy(&self, random: &mut Random, now_s: i64) -> anyhow::Result<Presented> {
        let name = random.pick(&["front-proxy-client", "front-proxy-client", "someone-else"]);
        let mut params = base(name, now_s);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if random.once_in(8) {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        }
        let issuer = if random.once_in(8) { &self.clients } else { &self.proxies };
        self.present(random, params, false, issuer, now_s)
    }

    fn present(
        &self,
        random: &mut Random,
        params: CertificateParams,
        through_intermediate: bool,
        issuer: &Issuer<'static, KeyPair>,
        now_s: i64,
    ) -> anyhow::Result<Presented> {
        let holder = random.pick(&self.holders);
        let mut chain = Vec::new();
        if random.once_in(20) {
            // The right name on another key.
            let mut impostor = base("impostor", now_s);
            impostor.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            impostor.distinguished_name = DistinguishedName::new();
            impostor.distinguished_name.push(DnType::CommonName, "sallyport-test");
            let impostor = Issuer::new(impostor, KeyPair::generate()?);
            chain.push(params.signed_by(holder, &impostor)?.der().to_vec());
        } else if through_intermediate {
            let between = intermediate(random, now_s);
            let between = CertifiedIssuer::signed_by(between, KeyPair::generate()?, issuer)?;
            chain.push(params.signed_by(holder, &between)?.der().to_vec());
            if !random.once_in(8) {
                chain.push(between.der().to_vec());
            }
        } else {
            chain.push(params.signed_by(holder, issuer)?.der().to_vec());
        }
        if random.once_in(10) {
            chain.push(base("bystander", now_s).self_signed(&self.other)?.der().to_vec());
        }
        Ok(Presented { chain, key: holder.serialize_der() })
    }
}

/// A point in time; rcgen has no constructor of seconds.
macro_rules! time {
    ($seconds:expr) => {
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from($seconds).unwrap_or(0))
    };
}

fn base(name: &str, now_s: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = time!(now_s - 3600);
    params.not_after = time!(now_s + YEAR_S);
    params
}

fn intermediate(random: &mut Random, now_s: i64) -> CertificateParams {
    let mut params = base("between", now_s);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    match random.below(10) {
        0 => params.is_ca = IsCa::ExplicitNoCa,
        1 => params.is_ca = IsCa::NoCa,
        2 => params.key_usages = vec![KeyUsagePurpose::DigitalSignature],
        3 => params.not_after = time!(now_s - 600),
        4 => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
        5 => {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName("corp.example".to_owned())],
                excluded_subtrees: vec![GeneralSubtree::Rfc822Name("evil.example".to_owned())],
            });
        }
        6 => params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
        _ => {}
    }
    params
}

fn leaf(random: &mut Random, now_s: i64) -> CertificateParams {
    let mut params =
        base(random.word(&["alice", "bob", "système", "a\0b", " a ", "사용자"]), now_s);
    if random.once_in(2) {
        let group =
            random.pick(&["devs", "", "system:authenticated", "system:unauthenticated", "그룹"]);
        params.distinguished_name.push(DnType::OrganizationName, *group);
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn change(random: &mut Random, params: &mut CertificateParams, now_s: i64) {
    let uid = DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 57683, 2]);
    match random.below(14) {
        0 => params.extended_key_usages.clear(),
        1 => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
        2 => params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth),
        3 => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any],
        4 => params.not_after = time!(now_s - 600),
        5 => params.not_before = time!(now_s + 600),
        6 => params.distinguished_name = DistinguishedName::new(),
        7 => params.distinguished_name.push(uid, DnValue::Utf8String("u-1".to_owned())),
        8 => params.distinguished_name.push(uid, DnValue::Utf8String(String::new())),
        9 => params.distinguished_name.push(DnType::CommonName, ""),
        10 | 11 => {
            let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
            extension.set_criticality(random.once_in(2));
            params.custom_extensions = vec![extension];
        }
        12 => {
            let names = ["a.corp.example", "evil.example", "*.corp.example"];
            let names =
                names.iter().filter_map(|name| rcgen::string::Ia5String::try_from(*name).ok());
            params.subject_alt_names = names.map(SanType::DnsName).collect();
            params.subject_alt_names.truncate(1 + random.below(3));
        }
        _ => params.key_usages = vec![KeyUsagePurpose::KeyAgreement],
    }
}
