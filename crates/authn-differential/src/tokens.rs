//! Signed tokens, valid and broken: claims, header, signature and text are each left alone or changed.
//! Whether the result should hold is not known here; that is what both sides are asked.

use crate::random::Random;
use crate::world::{NAMESPACE, World};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What signs.
pub(crate) struct Keys {
    /// The cluster's own key for service accounts, and its id.
    cluster: EcdsaKeyPair,
    key_id: String,
    /// Somebody else's.
    other: EcdsaKeyPair,
    pub(crate) issuer: String,
}

pub(crate) type Members = Vec<(String, String)>;

pub(crate) fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> =
        members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

pub(crate) fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

pub(crate) fn members(pairs: &[(&str, String)]) -> Members {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

impl Keys {
    pub(crate) fn new(sec1_der: &[u8], key_id: String, issuer: &str) -> anyhow::Result<Self> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        Ok(Self {
            cluster: EcdsaKeyPair::from_private_key_der(algorithm, sec1_der)?,
            key_id,
            other: EcdsaKeyPair::generate(algorithm)?,
            issuer: issuer.to_owned(),
        })
    }

    /// A token of a service account, bound or of the legacy form, changed or not.
    pub(crate) fn token(&self, random: &mut Random, world: &World, now_s: i64) -> Vec<u8> {
        let mut claims = if random.once_in(6) {
            self.legacy_claims(world)
        } else {
            self.bound_claims(random, world, now_s)
        };
        for _ in 0..changes(random) {
            change_claims(random, &mut claims, &self.issuer, now_s);
        }
        let mut payload = object(&claims);
        if random.once_in(12) {
            payload = odd_payload(random, &payload);
        }
        let mut header = members(&[("alg", quoted("ES256")), ("kid", quoted(&self.key_id))]);
        if random.once_in(2) {
            header.remove(1);
        }
        for _ in 0..changes(random) {
            change_header(random, &mut header);
        }
        let header = if random.once_in(60) {
            (*random.pick(&["null", "", "[]", "{"])).to_owned()
        } else {
            object(&header)
        };
        self.sign(random, &header, payload.as_bytes())
    }

    fn bound_claims(&self, random: &mut Random, world: &World, now_s: i64) -> Members {
        let reference = |name: &str, uid: &str| format!(r#"{{"name":"{name}","uid":"{uid}"}}"#);
        let mut kubernetes = members(&[
            ("namespace", quoted(NAMESPACE)),
            ("serviceaccount", reference("robot", world.uid("sa/robot"))),
        ]);
        let node = world.node();
        let pod = ("pod".to_owned(), reference("idle", world.uid("pod/idle")));
        let secret = ("secret".to_owned(), reference("bound", world.secret_uid()));
        let bound_node = reference(node, world.uid(&format!("node/{node}")));
        let bound_node = ("node".to_owned(), bound_node);
        match random.below(6) {
            0 => kubernetes.push(pod),
            1 => kubernetes.extend([pod, bound_node]),
            2 => kubernetes.push(bound_node),
            3 => kubernetes.push(secret),
            _ => {}
        }
        if random.once_in(3) {
            change_reference(random, &mut kubernetes);
        }
        members(&[
            ("iss", quoted(&self.issuer)),
            ("sub", quoted(&format!("system:serviceaccount:{NAMESPACE}:robot"))),
            ("aud", format!("[\"{}\"]", self.issuer)),
            ("exp", (now_s + 3600).to_string()),
            ("nbf", (now_s - 10).to_string()),
            ("iat", (now_s - 10).to_string()),
            ("jti", quoted("6f1c")),
            ("kubernetes.io", object(&kubernetes)),
        ])
    }

    fn legacy_claims(&self, world: &World) -> Members {
        let name = |claim: &str| format!("kubernetes.io/serviceaccount/{claim}");
        let mut claims = members(&[
            ("iss", quoted("kubernetes/serviceaccount")),
            ("sub", quoted(&format!("system:serviceaccount:{NAMESPACE}:robot"))),
        ]);
        claims.extend([
            (name("namespace"), quoted(NAMESPACE)),
            (name("secret.name"), quoted("legacy")),
            (name("service-account.name"), quoted("robot")),
            (name("service-account.uid"), quoted(world.uid("sa/robot"))),
        ]);
        claims
    }

    fn sign(&self, random: &mut Random, header: &str, payload: &[u8]) -> Vec<u8> {
        let (header, payload) = (URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signed = format!("{header}.{payload}");
        let key = if random.once_in(15) { &self.other } else { &self.cluster };
        let mut signature = match key.sign(&SystemRandom::new(), signed.as_bytes()) {
            Ok(signature) => signature.as_ref().to_vec(),
            Err(_) => Vec::new(),
        };
        match random.below(40) {
            0 => signature.clear(),
            1 => signature.truncate(random.below(64)),
            2 => signature.push(0),
            3 => signature[random.below(64)] ^= 1 << random.below(8),
            4 => signature.fill(0),
            5 => {
                let secret = self.cluster.public_key().as_ref();
                let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
                signature = aws_lc_rs::hmac::sign(&secret, signed.as_bytes()).as_ref().to_vec();
            }
            _ => {}
        }
        let mut token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        if random.once_in(10) {
            odd_text(random, &mut token);
        }
        token.into_bytes()
    }
}

/// Changes of a header whose algorithm is ES256 or another.
pub(crate) fn change_header(random: &mut Random, header: &mut Members) {
    let algorithms =
        ["none", "HS256", "RS256", "PS256", "ES384", "ES512", "es256", "", "EdDSA", "ES256 "];
    let mut put = |name: &str, value: String| match header.iter_mut().find(|m| m.0 == name) {
        Some(member) => member.1 = value,
        None => header.push((name.to_owned(), value)),
    };
    match random.below(14) {
        0 => put("alg", quoted(random.word(&algorithms))),
        1 => put("alg", (*random.pick(&["null", "1", "[\"ES256\"]", "{}"])).to_owned()),
        2 => put("kid", quoted(random.word(&["", "unknown", "../../etc/passwd", "\\u0000"]))),
        3 => put("kid", (*random.pick(&["null", "1", "[]"])).to_owned()),
        4 => put("typ", (*random.pick(&["\"JWT\"", "\"at+jwt\"", "1", "null"])).to_owned()),
        5 => put(
            "crit",
            (*random.pick(&[
                "[]",
                "[\"b64\"]",
                "[\"exp\"]",
                "\"b64\"",
                "null",
                "[1]",
                "[null]",
                "{}",
            ]))
            .to_owned(),
        ),
        6 => put("b64", (*random.pick(&["true", "false", "null", "\"false\"", "0"])).to_owned()),
        7 => put(
            "jwk",
            (*random.pick(&[
                "null",
                "{}",
                "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
                "{\"kty\":\"oct\",\"k\":\"AAAA\"}",
                "1",
            ]))
            .to_owned(),
        ),
        8 => put("x5c", (*random.pick(&["[]", "null", "[\"AAAA\"]", "\"\"", "[1]"])).to_owned()),
        9 => header.push(("alg".to_owned(), quoted("ES256"))),
        10 => put(
            "x",
            (*random.pick(&["{\"a\":1,\"a\":2}", "[[[]]]", "1e5", "\"\\ud800\""])).to_owned(),
        ),
        11 => put("nonce", (*random.pick(&["\"n\"", "1", "null"])).to_owned()),
        12 => header.push(("ALG".to_owned(), quoted("none"))),
        _ => header.retain(|(name, _)| name != "alg"),
    }
}

/// Mostly none or one, so that many tokens hold and most others break in one place.
pub(crate) fn changes(random: &mut Random) -> usize {
    match random.below(10) {
        0..6 => 0,
        6..9 => 1,
        _ => 2,
    }
}

const ODD_VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "\"\"",
    "[]",
    "{}",
    "[null]",
    "[\"\"]",
    "\"x\"",
    "[1]",
    "{\"a\":1,\"a\":2}",
    "\"\\ud800\"",
    "\"\u{fffd}\"",
    "1e3",
    "-0",
];

pub(crate) fn change_claims(random: &mut Random, claims: &mut Members, issuer: &str, now_s: i64) {
    let at = random.below(claims.len());
    match random.below(12) {
        0 => drop(claims.remove(at)),
        1 => {
            let doubled = claims[at].clone();
            claims.push(doubled);
        }
        2 => {
            let name = claims[at].0.clone();
            claims.insert(random.below(at + 1), (name, (*random.pick(ODD_VALUES)).to_owned()));
        }
        3 => claims[at].0 = claims[at].0.to_uppercase(),
        4 => {
            let shouted = claims[at].0.to_uppercase();
            let value = claims[at].1.clone();
            claims.push((shouted, value));
        }
        5 => claims[at].1 = (*random.pick(ODD_VALUES)).to_owned(),
        6 => {
            // Not within seconds of an edge: both sides look at their clocks at different times.
            let offsets = [-1_000_000, -600, -80, -40, 0, 40, 80, 600, 1_000_000];
            let time = now_s + random.pick(&offsets);
            let text = match random.below(4) {
                0 => format!("{time}.9"),
                1 => format!("{time}e0"),
                2 => quoted(&time.to_string()),
                _ => time.to_string(),
            };
            put_time(random, claims, text);
        }
        7 => {
            let far = [
                "9223372036854775807",
                "9223372036854775808",
                "-9223372036854775808",
                "1e300",
                "1e400",
                "-1",
                "9223371974719179007",
                "0.5",
                "1E10",
            ];
            let text = (*random.pick(&far)).to_owned();
            put_time(random, claims, text);
        }
        8 => {
            let audiences = [
                quoted(issuer),
                format!("[\"x\",\"{issuer}\"]"),
                format!("[\"{issuer}/\"]"),
                format!("[\"{issuer}\",1]"),
                "\"x\"".to_owned(),
            ];
            let audience = random.pick(&audiences).clone();
            put(claims, "aud", audience);
        }
        9 => {
            let issuers = [
                quoted("kubernetes/serviceaccount"),
                format!("\"{issuer}/\""),
                quoted(&issuer.replace('/', "\\/")),
                quoted(&issuer.replace('k', "\\u006b")),
                quoted("https://elsewhere.example"),
            ];
            let issuer = random.pick(&issuers).clone();
            put(claims, "iss", issuer);
        }
        10 => claims.push(("x".to_owned(), (*random.pick(ODD_VALUES)).to_owned())),
        _ => {
            let name: String = claims[at].0.bytes().map(|b| format!("\\u{b:04x}")).collect();
            claims[at].0 = name;
        }
    }
    if claims.is_empty() {
        put(claims, "iss", quoted(issuer));
    }
}

fn put(claims: &mut Members, name: &str, value: String) {
    match claims.iter_mut().find(|claim| claim.0 == name) {
        Some(claim) => claim.1 = value,
        None => claims.push((name.to_owned(), value)),
    }
}

fn put_time(random: &mut Random, claims: &mut Members, value: String) {
    put(claims, random.word(&["exp", "nbf", "iat"]), value);
}

fn change_reference(random: &mut Random, kubernetes: &mut Members) {
    let at = random.below(kubernetes.len());
    match random.below(7) {
        0 => drop(kubernetes.remove(at)),
        1 => kubernetes[at].1 = (*random.pick(ODD_VALUES)).to_owned(),
        2 => kubernetes[at].1 = kubernetes[at].1.replace("\"uid\":\"", "\"uid\":\"0"),
        3 => kubernetes[at].1 = kubernetes[at].1.replace("\"name\":\"", "\"name\":\"no"),
        4 => kubernetes[at].1 = kubernetes[at].1.replace("\"uid\"", "\"UID\""),
        5 => kubernetes.push(("warnafter".to_owned(), (*random.pick(ODD_VALUES)).to_owned())),
        _ => {
            let doubled = kubernetes[at].clone();
            kubernetes.push(doubled);
        }
    }
}

pub(crate) fn odd_payload(random: &mut Random, payload: &str) -> String {
    match random.below(8) {
        0 => format!(" \t\r\n{payload} \n"),
        1 => format!("{payload}x"),
        2 => format!("[{payload}]"),
        3 => "null".to_owned(),
        4 => payload.replacen('{', &format!("{{\"d\":{}1{},", "[".repeat(500), "]".repeat(500)), 1),
        5 => payload.replacen(
            '{',
            &format!("{{\"d\":{}1{},", "[".repeat(10_000), "]".repeat(10_000)),
            1,
        ),
        6 => payload.replacen(',', ",,", 1),
        _ => payload.replace('"', "'"),
    }
}

/// Changes of the finished text. A header cannot carry line breaks, so those are for WebSockets alone.
pub(crate) fn odd_text(random: &mut Random, token: &mut String) {
    let at = random.below(token.len());
    match random.below(9) {
        0 => token.push('='),
        1 => token.push('.'),
        2 => token.insert(0, '.'),
        3 => token.insert(at, '\t'),
        4 => token.truncate(at),
        5 => *token = token.replacen('.', "..", 1),
        6 => {
            // The last letter of a signature of 64 bytes has four bits to spare.
            if let Some(last) = token.pop() {
                token.push(if last == 'A' || last == 'Q' || last == 'g' || last == 'w' {
                    char::from_u32(u32::from(last) + 1).unwrap_or('B')
                } else {
                    'B'
                });
            }
        }
        7 => token.insert(at, '\u{e9}'),
        _ => token.insert_str(0, "{}"),
    }
}
