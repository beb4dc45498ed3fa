//! A case: what is sent, and what `authn` says to it.
//! What the API server says is known to `wire`.

use crate::certificates::Authorities;
use crate::cluster::Cluster;
use crate::comparison::Source;
use crate::random::Random;
use crate::tokens::Keys;
use crate::wire::Verdict;
use crate::world::{BOOTSTRAP_IDS, BOOTSTRAP_SECRET, World};
use anyhow::Context;
use authn::kubernetes::{
    Authenticator, Certificate, Evidence, Explanation, FrontProxy, HeaderValue, Outcome,
    PublicKeys, Request, ServiceAccounts, TokenFile,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Timestamp;

/// The issuer that `cluster/cluster` configures.
const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// One request.
#[derive(Debug, Clone, Default)]
pub struct Case {
    /// Its headers, besides those that every request has.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The client's certificates in DER, its own first.
    pub certificates: Vec<Vec<u8>>,
    /// The key of the first, in PKCS#8.
    pub key: Vec<u8>,
}

/// Makes cases for a cluster.
pub struct Maker {
    seed: u64,
    world: World,
    tokens: Vec<String>,
    keys: Keys,
    authorities: Authorities,
    authenticator: Authenticator,
}

impl std::fmt::Debug for Maker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Maker").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl Maker {
    /// Reads the cluster's configuration, as the API server did.
    pub fn new(cluster: &Cluster, world: World, seed: u64) -> anyhow::Result<Self> {
        let file = cluster.file("tokens.csv")?;
        let pem = cluster.file("pki/sa.key")?;
        let private = x509_parser::pem::Pem::iter_from_buffer(pem.as_bytes())
            .find_map(Result::ok)
            .context("sa.key is not PEM")?;
        let spki = cluster.file("pki/sa.pub")?;
        let spki = x509_parser::pem::Pem::iter_from_buffer(spki.as_bytes())
            .find_map(Result::ok)
            .context("sa.pub is not PEM")?;
        let key_id = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &spki.contents);
        let key_id = URL_SAFE_NO_PAD.encode(key_id);
        Ok(Self {
            seed,
            world,
            tokens: file.lines().filter_map(|l| l.split(',').next()).map(str::to_owned).collect(),
            keys: Keys::new(&private.contents, key_id, ISSUER)?,
            authorities: Authorities::new(cluster)?,
            authenticator: configured(cluster)?,
        })
    }

    fn make(&self, number: u64, now: Timestamp) -> anyhow::Result<Case> {
        let world = &self.world;
        let mut random = Random::new(self.seed, number);
        let random = &mut random;
        let now_s = now.as_micros() / 1_000_000;
        let mut case = Case::default();
        // Certificates cost a handshake each, so there are fewer of them.
        if random.once_in(6) {
            let presented = if random.once_in(3) {
                self.proxy_headers(random, &mut case);
                self.authorities.proxy(random, now_s)?
            } else {
                self.authorities.client(random, now_s)?
            };
            (case.certificates, case.key) = (presented.chain, presented.key);
            if !random.once_in(3) {
                return Ok(case);
            }
        }
        match random.below(8) {
            0 => {}
            1 => self.web_socket(random, world, now_s, &mut case),
            2 => {
                self.web_socket(random, world, now_s, &mut case);
                self.authorization(random, world, now_s, &mut case);
            }
            _ => self.authorization(random, world, now_s, &mut case),
        }
        if random.once_in(30) {
            self.proxy_headers(random, &mut case);
        }
        Ok(case)
    }

    fn token(&self, random: &mut Random, world: &World, now_s: i64) -> Vec<u8> {
        match random.below(12) {
            0 => random.pick(&self.tokens).clone().into_bytes(),
            1 => {
                let mut token = random.pick(&self.tokens).clone();
                match random.below(3) {
                    0 => drop(token.pop()),
                    1 => token.push('0'),
                    _ => token = token.to_uppercase(),
                }
                token.into_bytes()
            }
            2 | 3 => {
                let id = random.pick(BOOTSTRAP_IDS);
                match random.below(6) {
                    0 => format!("{id}.{}0", &BOOTSTRAP_SECRET[1..]),
                    1 => format!("{}.{BOOTSTRAP_SECRET}", id.to_uppercase()),
                    2 => format!("{id}.{BOOTSTRAP_SECRET}x"),
                    _ => format!("{id}.{BOOTSTRAP_SECRET}"),
                }
                .into_bytes()
            }
            4 if !world.legacy.is_empty() => {
                random.pick(&world.legacy).expose().as_bytes().to_vec()
            }
            5 => random
                .pick(&["x", "a.b.c", "..", "e30.e30.e30", "{}", "null", "Bearer", "=", "é"])
                .as_bytes()
                .to_vec(),
            _ => self.keys.token(random, world, now_s),
        }
    }

    fn authorization(&self, random: &mut Random, world: &World, now_s: i64, case: &mut Case) {
        let token = self.token(random, world, now_s);
        let (before, after) = match random.below(24) {
            0 => ("bearer ", ""),
            1 => ("BEARER ", ""),
            2 => ("Bearer  ", ""),
            3 => ("Bearer\t", ""),
            4 => ("Bearer ", " "),
            5 => ("Bearer ", " more"),
            6 => ("  Bearer ", ""),
            7 => ("Basic ", ""),
            8 => ("Bearer", ""),
            9 => ("", ""),
            10 => ("Bearer: ", ""),
            11 => ("Bearer ,", ""),
            _ => ("Bearer ", ""),
        };
        let value = [before.as_bytes(), &token, after.as_bytes()].concat();
        let name =
            *random.pick(&["Authorization", "Authorization", "authorization", "AUTHORIZATION"]);
        case.headers.push((name.to_owned(), value));
        if random.once_in(25) {
            let second = self.token(random, world, now_s);
            let second = [b"Bearer ".as_slice(), &second].concat();
            case.headers.insert(random.below(case.headers.len() + 1), (name.to_owned(), second));
        }
    }

    fn web_socket(&self, random: &mut Random, world: &World, now_s: i64, case: &mut Case) {
        const PREFIX: &str = "base64url.bearer.authorization.k8s.io.";
        let mut put = |name: &str, value: String| {
            case.headers.push((name.to_owned(), value.into_bytes()));
        };
        let upgrade = random.pick(&["websocket", "WebSocket", "websocket", "websocket", "h2c", ""]);
        put("Upgrade", (*upgrade).to_owned());
        let connection = random.pick(&["Upgrade", "upgrade", "keep-alive, Upgrade", "keep-alive"]);
        put("Connection", (*connection).to_owned());
        let mut token = self.token(random, world, now_s);
        if random.once_in(10) {
            // Line breaks and blanks, which a header could not carry.
            let at = random.below(token.len() + 1);
            let space = *random.pick(&["\n", "\r", " ", "\u{2003}", "\0"]);
            token.splice(at..at, space.bytes());
        }
        if random.once_in(30) {
            token.push(0xff);
        }
        let mut encoded = URL_SAFE_NO_PAD.encode(&token);
        match random.below(20) {
            0 => encoded.push('='),
            1 => encoded = encoded.replace('-', "+"),
            2 => drop(encoded.pop()),
            3 => encoded.clear(),
            _ => {}
        }
        let token = format!("{PREFIX}{encoded}");
        let other = "v5.channel.k8s.io";
        const HEADER: &str = "Sec-WebSocket-Protocol";
        match random.below(12) {
            0 => put(HEADER, token),
            1 => put(HEADER, format!("{token},{token},{other}")),
            2 => put(HEADER, format!("  {other} ,,  {token}  ")),
            3 => {
                put(HEADER, other.to_owned());
                put(HEADER, token);
            }
            4 => put(HEADER, format!("{token},")),
            5 => put(HEADER, other.to_owned()),
            _ => put(HEADER, format!("{other}, {token}")),
        }
    }

    fn proxy_headers(&self, random: &mut Random, case: &mut Case) {
        let mut put = |name: &str, value: &str| {
            case.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        };
        if !random.once_in(6) {
            put("X-Remote-User", random.word(&["carol", "system:anonymous", "", " d ", "é"]));
        }
        if random.once_in(8) {
            put("x-remote-user", "second");
        }
        for _ in 0..random.below(3) {
            put("X-Remote-Group", random.word(&["g1", "g2", "", "system:authenticated", "a,b"]));
        }
        if random.once_in(3) {
            put(random.word(&["X-Remote-Uid", "x-remote-uid"]), "uid-9");
        }
        for _ in 0..random.below(3) {
            let names = [
                "X-Remote-Extra-Scopes",
                "X-Remote-Extra-acme.com%2Fproject",
                "X-Remote-Extra-%zz",
                "X-Remote-Extra-scopes",
                "X-Remote-Extra-",
            ];
            put(random.word(&names), random.word(&["one", "two", ""]));
        }
    }
}

impl Source for Maker {
    fn case(&self, number: u64, now: Timestamp) -> anyhow::Result<Case> {
        self.make(number, now)
    }

    fn judge(&self, case: &Case, now: Timestamp) -> (Verdict, Option<Explanation>) {
        judge(&self.authenticator, case, &self.world, now)
    }
}

/// What `cluster/cluster` configures every API server with.
pub(crate) fn configured(cluster: &Cluster) -> anyhow::Result<Authenticator> {
    let file = cluster.file("tokens.csv")?;
    let public = PublicKeys::from_pem(cluster.file("pki/sa.pub")?.as_bytes())?;
    let roots = |name: &str| -> anyhow::Result<Vec<Certificate>> {
        Ok(Certificate::from_pem_bundle(cluster.file(name)?.as_bytes())?)
    };
    let header = |name: &str| vec![name.to_owned()];
    Ok(Authenticator {
        front_proxy: Some(FrontProxy {
            roots: roots("pki/front-proxy-ca.crt")?,
            allowed_names: header("front-proxy-client"),
            user_headers: header("X-Remote-User"),
            uid_headers: vec![],
            group_headers: header("X-Remote-Group"),
            extra_prefixes: header("X-Remote-Extra-"),
        }),
        client_roots: Some(roots("pki/ca.crt")?),
        token_file: Some(TokenFile::parse(file.as_bytes())?),
        service_accounts: Some(ServiceAccounts {
            issuers: vec![ISSUER.to_owned()],
            keys: public,
            audiences: vec![ISSUER.to_owned()],
            lookup: true,
        }),
        bootstrap_tokens: true,
        ..Authenticator::default()
    })
}

/// What `authn` says, with its reasons.
pub(crate) fn judge(
    authenticator: &Authenticator,
    case: &Case,
    evidence: &impl Evidence,
    now: Timestamp,
) -> (Verdict, Option<Explanation>) {
    let certificates: Result<Vec<_>, _> =
        case.certificates.iter().map(|der| Certificate::from_der(der)).collect();
    let Ok(certificates) = certificates else { return (Verdict::NoConnection, None) };
    let headers = case
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), HeaderValue::new(trimmed(value))))
        .collect();
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews".to_owned();
    let request = Request { headers, path, certificates };
    match authenticator.authenticate(&request, evidence, now) {
        Ok(explanation) => (verdict(&explanation.outcome), Some(explanation)),
        Err(question) => (Verdict::Other(format!("not known: {question:?}")), None),
    }
}

/// HTTP passes over blanks around a header's value.
fn trimmed(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().take_while(|byte| blank(byte)).count();
    let end = value.len() - value[start..].iter().rev().take_while(|byte| blank(byte)).count();
    &value[start..end]
}

/// What the API server would let be seen of an outcome: asking who one is needs a right that RBAC gives to
/// `system:authenticated` alone.
fn verdict(outcome: &Outcome) -> Verdict {
    match outcome {
        Outcome::Unauthorized => Verdict::Unauthorized,
        Outcome::Authenticated { identity, .. } if identity.is_in("system:authenticated") => {
            Verdict::User(identity.clone())
        }
        Outcome::Authenticated { identity, .. } | Outcome::Anonymous { identity } => {
            Verdict::Forbidden(identity.user.clone())
        }
    }
}
