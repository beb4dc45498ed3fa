//! An OpenID Connect provider and a token webhook in one small HTTPS server, which the API server of a cluster reaches
//! at the host's end of its link, and the configuration by which it believes them.
//! The provider signs whatever it is given, the webhook answers what the token itself says; which tokens are made is
//! [`crate::issuer`]'s.

use anyhow::Context;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use x509_parser::prelude::FromDer as _;

pub(crate) const WEBHOOK_PREFIX: &str = "webhook.";

/// The issuers by their paths below the provider, each with its audiences and what its claims mean. The first is
/// mapped by claims, the second without prefixes, the others by CEL expressions.
pub(crate) const ISSUERS: &[(&str, &str, &str)] = &[
    (
        "",
        "audiences: [hub]",
        r#"
  claimValidationRules:
  - {claim: tenant, requiredValue: acme}
  claimMappings:
    username: {claim: email, prefix: "oidc:"}
    groups: {claim: roles, prefix: "r:"}
    uid: {claim: sub}
"#,
    ),
    (
        "/second",
        "audiences: [a, b]\n    audienceMatchPolicy: MatchAny",
        r#"
  claimMappings:
    username: {claim: sub, prefix: ""}
    groups: {claim: roles, prefix: ""}
"#,
    ),
    (
        "/address",
        "audiences: [hub]",
        r#"
  claimValidationRules:
  - {claim: tenant, requiredValue: acme}
  - expression: claims.?email_verified.orValue(true) == true
    message: the address is not verified
  - expression: '!has(claims.age) || claims.age >= 18 || claims.age in [3, 5]'
  claimMappings:
    username: {expression: '"cel:" + claims.email'}
    groups: {expression: claims.roles}
    uid: {expression: claims.sub}
    extra:
    - {key: example.org/tenant, valueExpression: claims.tenant}
    - {key: example.org/profile, valueExpression: 'claims.?profile.name.orValue("none")'}
  userValidationRules:
  - expression: "!user.username.startsWith('system:')"
    message: a name of the system's
  - expression: user.groups.all(group, group != 'ops') || user.uid == '42'
"#,
    ),
    (
        "/chosen",
        "audiences: [hub]",
        r#"
  claimMappings:
    username: {expression: 'has(claims.profile.name) ? claims.profile.name : claims.sub.lowerAscii()'}
    groups: {expression: 'dyn(claims.?roles.orValue([])).filter(role, role != "").map(role, "r:" + role) + ["all"]'}
    uid: {expression: 'claims.?example__dot__org__slash__id.orValue("")'}
    extra:
    - {key: example.org/age, valueExpression: 'claims.?age.hasValue() ? string(claims.age) : ""'}
    - {key: example.org/first, valueExpression: '[?claims.?nick, ?claims.?tenant, ?claims.?none]'}
"#,
    ),
    (
        "/split",
        "audiences: [hub]",
        r#"
  claimValidationRules:
  - expression: claims.roles == claims.roles && claims.?email_verified.orValue(null) != false
  - expression: dyn(claims.?roles.orValue([])).exists(role, role == 'dev' || role.startsWith('x')) || claims.n < claims.age
  claimMappings:
    username: {expression: 'claims.email.split("@")[0].trim().replace("a", "aa")'}
    groups: {expression: 'claims.roles + claims.email.split("@")'}
    uid: {expression: 'claims.?roles[0].orValue("no role")'}
    extra:
    - {key: example.org/names, valueExpression: 'claims.profile.names.join(",").substring(1)'}
    - {key: example.org/size, valueExpression: 'size(claims.email) > 3 && claims.tenant in claims.roles ? "x" : ""'}
  userValidationRules:
  - expression: user.extra.all(key, user.extra[key].size() == 1) || user.extra.example__dot__org__slash__size == ['x']
"#,
    ),
];

/// The provider, its webhook and their address.
#[derive(Debug)]
pub struct Provider {
    /// The provider's URL; the other issuers are below it, see [`ISSUERS`].
    pub url: String,
    authority_pem: String,
    pub(crate) keys: Arc<SigningKeys>,
}

pub(crate) struct SigningKeys {
    pub(crate) rsa: RsaKeyPair,
    pub(crate) ec: [(&'static str, EcdsaKeyPair); 3],
    pub(crate) set: String,
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKeys(…)")
    }
}

impl SigningKeys {
    fn generate() -> anyhow::Result<Self> {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let ec = [
            ("P-256", EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)?),
            ("P-384", EcdsaKeyPair::generate(&signature::ECDSA_P384_SHA384_FIXED_SIGNING)?),
            ("P-521", EcdsaKeyPair::generate(&signature::ECDSA_P521_SHA512_FIXED_SIGNING)?),
        ];
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let pkcs1 = rsa.public_key().as_ref();
        let (_, public) = x509_parser::public_key::RSAPublicKey::from_der(pkcs1)
            .map_err(|_| anyhow::anyhow!("an RSA key"))?;
        let strip = |number: &[u8]| {
            let zeros = number.iter().take_while(|byte| **byte == 0).count();
            encode(&number[zeros..])
        };
        let (n, e) = (strip(public.modulus), strip(public.exponent));
        let mut keys = vec![format!(r#"{{"kty":"RSA","kid":"rsa","n":"{n}","e":"{e}"}}"#)];
        for (curve, pair) in &ec {
            let point = &pair.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            let (x, y) = (encode(x), encode(y));
            keys.push(format!(
                r#"{{"kty":"EC","kid":"{curve}","crv":"{curve}","x":"{x}","y":"{y}"}}"#
            ));
        }
        Ok(Self { rsa, ec, set: format!(r#"{{"keys":[{}]}}"#, keys.join(",")) })
    }
}

/// What the webhook says to a token: what the token says, if it is made for it.
pub(crate) fn reviewed(token: &str) -> String {
    let status = token
        .strip_prefix(WEBHOOK_PREFIX)
        .and_then(|encoded| URL_SAFE_NO_PAD.decode(encoded).ok())
        .and_then(|status| String::from_utf8(status).ok())
        .unwrap_or_else(|| "{}".to_owned());
    format!(r#"{{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","status":{status}}}"#)
}

impl Provider {
    /// Serves at an address until the process ends.
    pub fn serve(address: &str) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let host = address.rsplit_once(':').context("no port")?.0.to_owned();
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec![host])?.signed_by(&key, &authority)?;
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )?;
        let provider = Self {
            url: format!("https://{address}"),
            authority_pem: authority.pem(),
            keys: Arc::new(SigningKeys::generate()?),
        };
        let listener = TcpListener::bind(address).with_context(|| address.to_owned())?;
        let (config, url, keys) =
            (Arc::new(config), provider.url.clone(), Arc::clone(&provider.keys));
        std::thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let (config, url, keys) = (Arc::clone(&config), url.clone(), Arc::clone(&keys));
                std::thread::spawn(move || {
                    // A client that goes away ends its own thread and nothing else.
                    let _ = answer_all(tcp, config, &url, &keys);
                });
            }
        });
        Ok(provider)
    }

    /// The `AuthenticationConfiguration` of the API server.
    pub fn configuration(&self) -> String {
        let authority: String =
            self.authority_pem.lines().map(|line| format!("      {line}\n")).collect();
        let mut text =
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n"
                .to_owned();
        for (path, audiences, mappings) in ISSUERS {
            let url = &self.url;
            let mappings = mappings.trim_start_matches('\n');
            text.push_str(&format!(
                "- issuer:\n    url: {url}{path}\n    {audiences}\n    certificateAuthority: |\n{authority}{mappings}"
            ));
        }
        text
    }

    /// A token of the provider's with these claims, signed with its RSA key (RS256).
    pub fn token(&self, claims: &serde_json::Value) -> anyhow::Result<String> {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"rsa"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; self.keys.rsa.public_modulus_len()];
        let random = SystemRandom::new();
        let padding = &signature::RSA_PKCS1_SHA256;
        self.keys.rsa.sign(padding, &random, signed.as_bytes(), &mut signature)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The kubeconfig-shaped file of the webhook.
    pub fn webhook_file(&self) -> String {
        let authority = base64::engine::general_purpose::STANDARD.encode(&self.authority_pem);
        let url = &self.url;
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- {{name: c, context: {{cluster: c, \
             user: u}}}}\nusers:\n- {{name: u}}\nclusters:\n- {{name: c, cluster: {{server: \"{url}/review\", \
             certificate-authority-data: {authority}}}}}\n"
        )
    }
}

fn answer_all(
    tcp: TcpStream,
    config: Arc<ServerConfig>,
    url: &str,
    keys: &SigningKeys,
) -> anyhow::Result<()> {
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config)?, tcp));
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse()?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        let path = path.split('?').next().unwrap_or_default();
        let discovery =
            |issuer: String| format!(r#"{{"issuer":"{issuer}","jwks_uri":"{url}/keys"}}"#);
        let (status, answer) = match path {
            "/keys" => ("200 OK", keys.set.clone()),
            "/review" => {
                let review: serde_json::Value = serde_json::from_slice(&body)?;
                ("200 OK", reviewed(review["spec"]["token"].as_str().unwrap_or_default()))
            }
            path => match path.strip_suffix("/.well-known/openid-configuration") {
                Some(issuer) => ("200 OK", discovery(format!("{url}{issuer}"))),
                None => ("404 Not Found", String::new()),
            },
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nCache-Control: max-age=3600\r\n\
             Content-Length: {}\r\n\r\n",
            answer.len()
        );
        stream.get_mut().write_all(head.as_bytes())?;
        stream.get_mut().write_all(answer.as_bytes())?;
        stream.get_mut().flush()?;
    }
}
