//! Tokens of OpenID Connect issuers and of a webhook, valid and broken, and what `authn` makes of them.
//! Who serves the keys and answers the webhook is [`crate::provider`].

use crate::case::{Case, configured, judge};
use crate::cluster::Cluster;
use crate::comparison::Source;
use crate::provider::{ISSUERS, Provider, SigningKeys, WEBHOOK_PREFIX, reviewed};
use crate::random::Random;
use crate::tokens::{
    Members, change_claims, change_header, changes, members, object, odd_payload, odd_text, quoted,
};
use crate::wire::Verdict;
use anyhow::Context;
use authn::kubernetes::{
    AuthenticationConfiguration, Authenticator, Explanation, IssuerKeys, KeySet, Known,
    ObjectFacts, Objects, SecretFacts, SignIns, TokenReviewStatus, TokenReviewVersion,
    TokenReviews, Webhook,
};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Secret, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Values for the claims that expressions look into.
const CLAIM_VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "3",
    "17.5",
    "18",
    "1e21",
    "1e400",
    "\"\"",
    "\"dev\"",
    "\"three\"",
    "\"É @x\"",
    "[]",
    "[\"\"]",
    "[\"dev\",\"\"]",
    "[\"dev\",1]",
    "[\"xa\",null]",
    "[\"acme\"]",
    "{}",
    "{\"name\":\"N\"}",
    "{\"name\":null,\"names\":[\"n\",\"m\"]}",
    "{\"name\":\"\",\"name\":[\"a\",\"b\"],\"names\":[]}",
    "[{\"a.b\":1,\"a__dot__b\":2}]",
    "[[\"dev\"]]",
];

/// Makes cases of OpenID Connect and webhook tokens.
pub struct IssuerMaker {
    seed: u64,
    url: String,
    keys: Arc<SigningKeys>,
    authenticator: Authenticator,
    facts: Facts,
}

impl std::fmt::Debug for IssuerMaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuerMaker").field("seed", &self.seed).finish_non_exhaustive()
    }
}

struct Facts(BTreeMap<String, KeySet>);

impl Objects for Facts {
    fn service_account(&self, _: &str, _: &str) -> Known<ObjectFacts> {
        Known::Absent
    }
    fn pod(&self, _: &str, _: &str) -> Known<ObjectFacts> {
        Known::Absent
    }
    fn node(&self, _: &str) -> Known<ObjectFacts> {
        Known::Absent
    }
    fn secret(&self, _: &str, _: &str) -> Known<SecretFacts> {
        Known::Absent
    }
}

impl IssuerKeys for Facts {
    fn keys(&self, issuer: &str) -> Known<&KeySet> {
        self.0.get(issuer).map_or(Known::Absent, Known::Found)
    }
}

impl SignIns for Facts {}

impl TokenReviews for Facts {
    fn review(&self, token: &Secret) -> Known<Result<TokenReviewStatus, String>> {
        let answer = TokenReviewVersion::V1.answer(reviewed(token.expose()).as_bytes());
        Known::Found(answer.map_err(|fault| fault.to_string()))
    }
}

impl IssuerMaker {
    /// Reads the cluster's configuration, and the provider's.
    pub fn new(cluster: &Cluster, provider: &Provider, seed: u64) -> anyhow::Result<Self> {
        let mut authenticator = configured(cluster)?;
        let accounts = authenticator.service_accounts.as_ref().context("no service accounts")?;
        let (issuers, audiences) = (accounts.issuers.clone(), accounts.audiences.clone());
        let config = AuthenticationConfiguration::parse(&provider.configuration(), &issuers)?;
        authenticator.issuers = config.issuers;
        authenticator.webhook = Some(Webhook { audiences });
        let set = KeySet::from_json(provider.keys.set.as_bytes())?;
        let url = provider.url.clone();
        let facts = ISSUERS.iter().map(|(path, ..)| (format!("{url}{path}"), set.clone()));
        let facts = Facts(facts.collect());
        Ok(Self { seed, url, keys: Arc::clone(&provider.keys), authenticator, facts })
    }

    /// The issuers, by their paths, and how many of the cases are tokens of theirs that hold in our eyes.
    pub fn accepted(
        &self,
        numbers: std::ops::Range<u64>,
    ) -> anyhow::Result<BTreeMap<&'static str, u64>> {
        let mut accepted: BTreeMap<_, _> = ISSUERS.iter().map(|(path, ..)| (*path, 0)).collect();
        for number in numbers {
            let now = Timestamp::now();
            let case = self.case(number, now)?;
            if !matches!(self.judge(&case, now).0, Verdict::User(_)) {
                continue;
            }
            let header = case.headers.first().map(|(_, value)| String::from_utf8_lossy(value));
            let payload =
                header.as_deref().and_then(|header| header.split('.').nth(1)).unwrap_or_default();
            let payload = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
            let payload = String::from_utf8_lossy(&payload);
            for (path, count) in &mut accepted {
                *count += u64::from(payload.contains(&quoted(&format!("{}{path}", self.url))));
            }
        }
        Ok(accepted)
    }

    fn token(&self, random: &mut Random, now_s: i64) -> String {
        if random.once_in(5) {
            return webhook_token(random);
        }
        let path = random.pick(ISSUERS).0;
        let issuer = format!("{}{path}", self.url);
        let audience = if path == "/second" { "[\"x\",\"b\"]" } else { "\"hub\"" };
        let mut claims = members(&[
            ("iss", quoted(&issuer)),
            ("sub", quoted("42")),
            ("aud", audience.to_owned()),
            ("exp", (now_s + 3600).to_string()),
            ("email", quoted("a@x.example")),
            ("roles", (*random.pick(&["[\"dev\",\"ops\"]", "\"one\"", "[]", "null"])).to_owned()),
            ("tenant", quoted("acme")),
        ]);
        if random.once_in(3) {
            let verified = *random.pick(&["true", "true", "false", "null", "\"true\""]);
            claims.push(("email_verified".to_owned(), verified.to_owned()));
        }
        if random.once_in(4) {
            claims.push(("jti".to_owned(), (*random.pick(&["\"t1\"", "\"\"", "1"])).to_owned()));
        }
        if random.once_in(12) {
            distributed(random, &mut claims);
        }
        if !matches!(path, "" | "/second") || random.once_in(9) {
            looked_into(random, &mut claims);
        }
        for _ in 0..changes(random) {
            change_claims(random, &mut claims, &issuer, now_s);
        }
        let mut payload = object(&claims);
        if random.once_in(14) {
            payload = odd_payload(random, &payload);
        }
        self.sign(random, &payload)
    }

    fn sign(&self, random: &mut Random, payload: &str) -> String {
        let rsa: [(&str, &'static dyn signature::RsaEncoding); 6] = [
            ("RS256", &signature::RSA_PKCS1_SHA256),
            ("RS384", &signature::RSA_PKCS1_SHA384),
            ("RS512", &signature::RSA_PKCS1_SHA512),
            ("PS256", &signature::RSA_PSS_SHA256),
            ("PS384", &signature::RSA_PSS_SHA384),
            ("PS512", &signature::RSA_PSS_SHA512),
        ];
        let by_rsa = random.once_in(2);
        let (algorithm, key_id) = if by_rsa {
            (random.pick(&rsa).0, "rsa")
        } else {
            *random.pick(&[("ES256", "P-256"), ("ES384", "P-384"), ("ES512", "P-521")])
        };
        let mut header = members(&[("alg", quoted(algorithm)), ("kid", quoted(key_id))]);
        match random.below(12) {
            0 => drop(header.remove(1)),
            // Another algorithm or another key than what signs.
            1 => header[0].1 = quoted(random.word(&["RS256", "PS256", "ES256", "ES384", "none"])),
            2 => header[1].1 = quoted(random.word(&["rsa", "P-256", "P-384", "unknown"])),
            _ => {}
        }
        for _ in 0..changes(random) {
            change_header(random, &mut header);
        }
        let header = URL_SAFE_NO_PAD.encode(object(&header));
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
        let system = SystemRandom::new();
        let mut signature = if by_rsa {
            let mut signature = vec![0; self.keys.rsa.public_modulus_len()];
            let encoding =
                rsa.iter().find(|(name, _)| *name == algorithm).map_or(rsa[0].1, |(_, e)| *e);
            match self.keys.rsa.sign(encoding, &system, signed.as_bytes(), &mut signature) {
                Ok(()) => signature,
                Err(_) => Vec::new(),
            }
        } else {
            let pair = self.keys.ec.iter().find(|(curve, _)| *curve == key_id);
            let signature = pair.map(|(_, pair)| pair.sign(&system, signed.as_bytes()));
            signature.and_then(Result::ok).map_or_else(Vec::new, |s| s.as_ref().to_vec())
        };
        if random.once_in(25) && !signature.is_empty() {
            let at = random.below(signature.len());
            signature[at] ^= 1 << random.below(8);
        }
        let mut token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        if random.once_in(20) {
            odd_text(random, &mut token);
        }
        token
    }
}

/// Gives claims that expressions look into, and other values to those that are there.
fn looked_into(random: &mut Random, claims: &mut Members) {
    let given = [
        ("age", "18"),
        ("n", "3"),
        ("nick", "\"nick\""),
        ("profile", "{\"name\":\"Ann\",\"names\":[\"Ann\",\"B\"]}"),
        ("example.org/id", "\"7\""),
    ];
    for (name, value) in given {
        if !random.once_in(4) {
            claims.push((name.to_owned(), value.to_owned()));
        }
    }
    for _ in 0..random.below(3) {
        let name = random.word(&[
            "roles",
            "email",
            "tenant",
            "age",
            "n",
            "nick",
            "profile",
            "example.org/id",
        ]);
        let value = *random.pick(CLAIM_VALUES);
        // A macro goes over a map of Go's in no order, another one with each request.
        let unordered = value.starts_with('{') && value.contains(',');
        let name = if unordered { "profile" } else { name };
        claims.retain(|(given, _)| given != name);
        claims.push((name.to_owned(), value.to_owned()));
    }
}

fn distributed(random: &mut Random, claims: &mut Members) {
    claims.retain(|(name, _)| name != "roles");
    let names = *random.pick(&[
        "{}",
        "null",
        "{\"roles\":\"s\"}",
        "{\"x\":\"s\"}",
        "{\"x\":\"\"}",
        "{\"x\":null}",
        "[]",
    ]);
    claims.push(("_claim_names".to_owned(), names.to_owned()));
    let sources = *random.pick(&[
        "{}",
        "null",
        "{\"s\":{}}",
        "{\"s\":{\"JWT\":\"x\"}}",
        "{\"s\":1}",
        "{\"s\":{\"endpoint\":\"\"}}",
    ]);
    if !random.once_in(4) {
        claims.push(("_claim_sources".to_owned(), sources.to_owned()));
    }
}

fn webhook_token(random: &mut Random) -> String {
    let user = [
        r#"{"username":"w","uid":"9","groups":["g"],"extra":{"k":["v","v2"]}}"#,
        r#"{"username":"w"}"#,
        r#"{"username":"w","groups":null,"extra":null}"#,
        r#"{"username":"w","groups":["system:authenticated"]}"#,
        r#"{"Username":"w"}"#,
        r#"{"username":1}"#,
        "null",
    ];
    let audiences = [
        "[]",
        "null",
        "[\"x\"]",
        "[\"https://kubernetes.default.svc.cluster.local\",\"x\"]",
        "\"x\"",
    ];
    let mut status = members(&[(
        "authenticated",
        (*random.pick(&["true", "true", "true", "false", "\"true\"", "null"])).to_owned(),
    )]);
    if !random.once_in(8) {
        status.push(("user".to_owned(), (*random.pick(&user)).to_owned()));
    }
    if random.once_in(3) {
        status.push(("audiences".to_owned(), (*random.pick(&audiences)).to_owned()));
    }
    if random.once_in(6) {
        status.push((
            "error".to_owned(),
            (*random.pick(&["\"down\"", "\"\"", "null", "1"])).to_owned(),
        ));
    }
    // What the token says of itself must be asked anew each time, so each is another one.
    status.push(("x".to_owned(), random.below(1_000_000_000).to_string()));
    format!("{WEBHOOK_PREFIX}{}", URL_SAFE_NO_PAD.encode(object(&status)))
}

impl Source for IssuerMaker {
    fn case(&self, number: u64, now: Timestamp) -> anyhow::Result<Case> {
        let mut random = Random::new(self.seed, number);
        let token = self.token(&mut random, now.as_micros() / 1_000_000);
        let value = format!("Bearer {token}").into_bytes();
        Ok(Case { headers: vec![("Authorization".to_owned(), value)], ..Case::default() })
    }

    fn judge(&self, case: &Case, now: Timestamp) -> (Verdict, Option<Explanation>) {
        judge(&self.authenticator, case, &self.facts, now)
    }
}
