//! A small registry that does what it is told to, and what is believed of it.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be made fails its test")]

mod support;

use registry::{Credential, DocumentKind, Reference, RegistryFault, RemoteImage, Trust};
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Answer, Asked, Double, sha256};

const CONFIG: &[u8] = br#"{"os":"linux","architecture":"amd64"}"#;
const LAYER: &[u8] = b"what a layer holds";
/// Long enough for a loaded machine, and short for whoever waits.
const WAIT: Duration = Duration::from_millis(700);

fn ann() -> Credential {
    Credential { user: "ann".to_owned(), password: model::Secret::new("hunter2") }
}

fn manifest() -> Vec<u8> {
    format!(
        r#"{{"schemaVersion":2,"config":{{"digest":"{}","size":{}}},"layers":[{{"digest":"{}","size":{}}}]}}"#,
        sha256(CONFIG),
        CONFIG.len(),
        sha256(LAYER),
        LAYER.len()
    )
    .into_bytes()
}

/// What an honest registry answers.
fn honest(asked: &Asked) -> Answer {
    let part = asked.path.strip_prefix("/v2/shop/web/").unwrap_or_default();
    let manifest = manifest();
    if part == "manifests/1" || part == format!("manifests/{}", sha256(&manifest)) {
        let kind = "application/vnd.oci.image.manifest.v1+json";
        return Answer::ok(&manifest).with("Content-Type", kind);
    }
    for blob in [CONFIG, LAYER] {
        if part == format!("blobs/{}", sha256(blob)) {
            return Answer::ok(blob);
        }
    }
    let said = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no \u001b[31msuch"}]}"#;
    Answer::of(404, said.as_bytes())
}

fn image(double: &Double, name: &str, credential: Option<Credential>) -> RemoteImage {
    let reference = Reference::read(&format!("{}/{name}", double.host)).unwrap();
    let trust = Trust::new(None, None).unwrap();
    RemoteImage::with_patience(reference, credential, trust, None, WAIT).unwrap()
}

/// All that there is of an image.
fn pull(image: &RemoteImage) -> Result<(), RegistryFault> {
    let root = image.root()?;
    assert_eq!((root.kind, root.digest), (DocumentKind::Manifest, sha256(&manifest())));
    assert_eq!(image.config(&sha256(CONFIG))?, CONFIG);
    assert_eq!(layer(image)?, LAYER);
    Ok(())
}

fn layer(image: &RemoteImage) -> Result<Vec<u8>, RegistryFault> {
    let mut bytes = Vec::new();
    let length = u64::try_from(LAYER.len()).unwrap();
    let read = image.layer(&sha256(LAYER), Some(length))?.read_to_end(&mut bytes);
    match (read, image.take_fault()) {
        (Ok(_), None) => Ok(bytes),
        (Err(_), Some(fault)) => Err(fault),
        (read, fault) => panic!("{read:?} {fault:?}"),
    }
}

/// What becomes of an image whose layer is answered so.
fn with_layer(
    answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
) -> Result<Vec<u8>, RegistryFault> {
    let double = Double::start(move |asked| match asked.path.contains(&sha256(LAYER)) {
        true => answer(asked),
        false => honest(asked),
    });
    layer(&image(&double, "shop/web:1", Some(ann())))
}

#[test]
fn an_honest_registry_is_believed_and_asked_no_more_than_it_takes() {
    let double = Double::start(honest);
    pull(&image(&double, "shop/web:1", Some(ann()))).unwrap();
    let by_digest = format!("shop/web@{}", sha256(&manifest()));
    image(&double, &by_digest, None).root().unwrap();
    // The bytes on the wire, as somebody else's registry gets them.
    let heads: Vec<_> =
        double.heads().iter().map(|head| head.replace(&double.host, "HOST")).collect();
    let accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                  application/vnd.docker.distribution.manifest.list.v2+json, \
                  application/vnd.docker.distribution.manifest.v2+json";
    let head = |part: &str, accept: &str| {
        let agent = concat!("sallyport/", env!("CARGO_PKG_VERSION"));
        format!(
            "GET /v2/shop/web/{part} HTTP/1.1\r\naccept: {accept}\r\nuser-agent: {agent}\r\nhost: HOST\r\n\r\n"
        )
    };
    let expected = [
        head("manifests/1", accept),
        head(&format!("blobs/{}", sha256(CONFIG)), "*/*"),
        head(&format!("blobs/{}", sha256(LAYER)), "*/*"),
        head(&format!("manifests/{}", sha256(&manifest())), accept),
    ];
    assert_eq!(heads, expected, "a password goes to nobody who has not asked for it");
}

#[test]
fn a_password_is_sent_to_who_asks_for_it() {
    let double = Double::start(|asked| match asked.header("authorization") {
        Some("Basic YW5uOmh1bnRlcjI=") => honest(asked),
        _ => Answer::of(401, b"").with("WWW-Authenticate", "Basic realm=\"shop\""),
    });
    pull(&image(&double, "shop/web:1", Some(ann()))).unwrap();
    assert_eq!(double.heads().len(), 4, "one refusal, and then it is known");
    let fault = image(&double, "shop/web:1", None).root().unwrap_err();
    assert!(matches!(fault, RegistryFault::Refused { with_credentials: false, .. }), "{fault}");
    let wrong = Credential { user: "ann".to_owned(), password: model::Secret::new("hunter3") };
    let before = double.heads().len();
    let fault = image(&double, "shop/web:1", Some(wrong)).root().unwrap_err();
    assert!(matches!(fault, RegistryFault::Refused { with_credentials: true, .. }), "{fault}");
    assert!(!fault.to_string().contains("hunter3"));
    assert_eq!(double.heads().len() - before, 2, "nobody is asked again and again");
}

/// A registry that wants a token of its own service, which gives `token`.
fn with_token(token: &'static str) -> Double {
    Double::start(move |asked| {
        if asked.path == "/token" {
            return match asked.header("authorization") {
                Some("Basic YW5uOmh1bnRlcjI=") => Answer::ok(token.as_bytes()),
                _ => Answer::of(401, b""),
            };
        }
        if asked.header("authorization") == Some("Bearer t.o-k") {
            return honest(asked);
        }
        let host = asked.header("host").unwrap_or_default();
        let challenge = format!(
            "Bearer realm=\"http://{host}/token?x=y\",service=\"a b&c\",scope=\"repository:other:pull,push,delete\""
        );
        Answer::of(401, b"").with("WWW-Authenticate", &challenge)
    })
}

#[test]
fn a_token_is_had_with_the_least_scope() {
    for token in [r#"{"token":"t.o-k","expires_in":60}"#, r#"{"access_token":"t.o-k"}"#] {
        let double = with_token(token);
        pull(&image(&double, "shop/web:1", Some(ann()))).unwrap();
        let heads = double.heads();
        assert_eq!(heads.len(), 5);
        let first = heads[1].lines().next().unwrap();
        let asked =
            "GET /token?x=y&service=a%20b%26c&scope=repository%3Ashop%2Fweb%3Apull HTTP/1.1";
        assert_eq!(first, asked, "whatever the challenge says");
        assert!(heads[2..].iter().all(|head| !head.contains("Basic")), "{heads:?}");
    }
}

#[test]
fn a_token_service_that_is_none_is_told() {
    for token in ["", "{}", r#"{"token":""}"#, r#"{"token":"a\r\nb"}"#, "[]"] {
        let double = with_token(token);
        let fault = image(&double, "shop/web:1", Some(ann())).root().unwrap_err();
        assert!(matches!(fault, RegistryFault::NoToken(_)), "{token} {fault}");
    }
    let double = with_token(r#"{"token":"another"}"#);
    let fault = image(&double, "shop/web:1", Some(ann())).root().unwrap_err();
    assert!(matches!(fault, RegistryFault::Refused { .. }), "{fault}");
    assert_eq!(double.heads().len(), 3, "a 401 that comes again and again ends it");
    let fault = image(&double, "shop/web:1", None).root().unwrap_err();
    assert!(matches!(fault, RegistryFault::Refused { with_credentials: false, .. }), "{fault}");
}

#[test]
fn credentials_go_to_no_token_service_in_clear() {
    for realm in [
        "http://token.example.com/",
        "ftp://127.0.0.1/",
        "https://ann@127.0.0.1/",
        "/token",
        "",
        "http://127.0.0.1.a.example/t",
    ] {
        let double = Double::start(move |_| {
            Answer::of(401, b"").with("WWW-Authenticate", &format!("Bearer realm=\"{realm}\""))
        });
        let fault = image(&double, "shop/web:1", Some(ann())).root().unwrap_err();
        assert!(matches!(fault, RegistryFault::TokenService(..)), "{realm} {fault}");
    }
    for challenge in ["Negotiate", "Digest realm=\"x\"", "Bearer"] {
        let double =
            Double::start(move |_| Answer::of(401, b"").with("WWW-Authenticate", challenge));
        let fault = image(&double, "shop/web:1", Some(ann())).root().unwrap_err();
        assert!(matches!(fault, RegistryFault::Challenge(_)), "{challenge} {fault}");
    }
}

/// A registry that wants a password and leads its blobs to `to`.
fn leading(to: String) -> Double {
    Double::start(move |asked| match asked.header("authorization") {
        Some(_) if asked.path.contains("/blobs/") => {
            Answer::of(307, b"").with("Location", &format!("{to}{}?secret=1", asked.path))
        }
        Some(_) => honest(asked),
        None => Answer::of(401, b"").with("WWW-Authenticate", "Basic realm=\"shop\""),
    })
}

#[test]
fn layers_may_come_from_elsewhere_and_credentials_stay() {
    let elsewhere = Double::start(honest);
    let double = leading(format!("http://{}", elsewhere.host));
    pull(&image(&double, "shop/web:1", Some(ann()))).unwrap();
    let heads = elsewhere.heads();
    assert_eq!(heads.len(), 2);
    assert!(
        heads.iter().all(|head| !head.to_ascii_lowercase().contains("authorization")),
        "{heads:?}"
    );
    // Who asks for a password there does not get one, and neither does the registry when it is led back to.
    let asking =
        Double::start(|_| Answer::of(401, b"").with("WWW-Authenticate", "Basic realm=\"x\""));
    let double = leading(format!("http://{}", asking.host));
    let fault = layer(&image(&double, "shop/web:1", Some(ann()))).unwrap_err();
    assert!(matches!(fault, RegistryFault::Status { status: 401, .. }), "{fault}");
    assert!(asking.heads().iter().all(|head| !head.contains("Basic")));
}

#[test]
fn what_leads_back_takes_no_credentials_along() {
    let host = Arc::new(std::sync::OnceLock::<String>::new());
    let back = Arc::clone(&host);
    let elsewhere = Double::start(move |asked| {
        Answer::of(302, b"")
            .with("Location", &format!("http://{}/back{}", back.get().unwrap(), asked.path))
    });
    let to = format!("http://{}", elsewhere.host);
    let double = Double::start(move |asked| match asked.path.starts_with("/back") {
        true => Answer::ok(LAYER),
        false => Answer::of(307, b"").with("Location", &format!("{to}{}", asked.path)),
    });
    host.set(double.host.clone()).unwrap();
    assert_eq!(layer(&image(&double, "shop/web:1", Some(ann()))).unwrap(), LAYER);
    assert!(double.heads().last().unwrap().starts_with("GET /back"));
    assert!(!double.heads().last().unwrap().contains("authorization"));
}

#[test]
fn a_redirect_that_leads_astray_is_not_followed() {
    for to in [
        "http://example.com/x",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "//example.com/x",
        "x",
        "",
        "https://u:p@127.0.0.1/",
    ] {
        let fault = with_layer(move |_| Answer::of(302, b"").with("Location", to)).unwrap_err();
        assert!(matches!(fault, RegistryFault::Redirect { .. }), "{to} {fault}");
    }
    let fault = with_layer(|asked| Answer::of(302, b"").with("Location", &asked.path)).unwrap_err();
    assert!(fault.to_string().contains("too many"), "{fault}");
    // A tag says nothing of what it names, so that nobody else may answer for it.
    let elsewhere = Double::start(honest);
    let to = format!("http://{}/v2/shop/web/manifests/1?sig=hunter2", elsewhere.host);
    let double = Double::start(move |_| Answer::of(302, b"").with("Location", &to));
    let fault = image(&double, "shop/web:1", None).root().unwrap_err();
    assert!(fault.to_string().contains("from elsewhere"), "{fault}");
    assert!(!fault.to_string().contains("hunter2"), "what lets one in is not shown");
    assert!(elsewhere.heads().is_empty());
    // Within the registry it may.
    let double = Double::start(|asked| match asked.path.strip_prefix("/v2/old/") {
        Some(rest) => Answer::of(301, b"").with("Location", &format!("/v2/shop/{rest}")),
        None => honest(asked),
    });
    image(&double, "old/web:1", None).root().unwrap();
}

#[test]
fn what_is_not_what_its_digest_says_is_not_believed() {
    let other = with_layer(|_| Answer::ok(b"what a layer HOLDS")).unwrap_err();
    assert!(matches!(other, RegistryFault::Digest { .. }), "{other}");
    for other in [&LAYER[1..], &[LAYER, b"and more"].concat()] {
        let other = other.to_vec();
        let (streamed, told) = (other.clone(), other);
        let fault = with_layer(move |_| Answer::ok(&told)).unwrap_err();
        assert!(matches!(fault, RegistryFault::Length { .. }), "{fault}");
        let fault = with_layer(move |_| Answer::ok(&streamed).without_length()).unwrap_err();
        assert!(matches!(fault, RegistryFault::Length { .. }), "{fault}");
    }
    let double = Double::start(|asked| match asked.path.contains("/manifests/") {
        true => Answer::ok(b"{}").with("Docker-Content-Digest", &sha256(&manifest())),
        false => Answer::ok(b"{}"),
    });
    let image = image(&double, "shop/web:1", None);
    let faults = [
        image.root().unwrap_err(),
        image.manifest(&sha256(&manifest())).unwrap_err(),
        image.config(&sha256(CONFIG)).unwrap_err(),
    ];
    for fault in faults {
        assert!(matches!(fault, RegistryFault::Digest { .. }), "{fault}");
    }
    let before = double.heads().len();
    for digest in ["sha256:../../x", "sha512:00", "sha256:12", ""] {
        assert!(matches!(image.manifest(digest), Err(RegistryFault::NoImage { .. })));
        assert!(matches!(image.config(digest), Err(RegistryFault::NoImage { .. })));
        assert!(matches!(image.layer(digest, None), Err(RegistryFault::NoImage { .. })));
    }
    assert_eq!(double.heads().len(), before, "what is no digest is asked of nobody");
}

#[test]
fn who_says_nothing_or_too_little_is_given_up() {
    let began = Instant::now();
    let silent = Double::start(|_| Answer::ok(b"").silent());
    let fault = image(&silent, "shop/web:1", None).root().unwrap_err();
    assert!(matches!(fault, RegistryFault::Silent(..)), "{fault}");
    let fault = with_layer(|_| Answer::ok(LAYER).stopping_after(3)).unwrap_err();
    assert!(matches!(fault, RegistryFault::Silent(..)), "{fault}");
    let fault = with_layer(|_| Answer::ok(LAYER).breaking_after(3)).unwrap_err();
    assert!(matches!(fault, RegistryFault::BrokeOff { .. }), "{fault}");
    // One byte after another, each in time, comes to no end.
    let fault = with_layer(|_| Answer::ok(LAYER).dripping(Duration::from_millis(100))).unwrap_err();
    assert!(matches!(fault, RegistryFault::Slow { .. }), "{fault}");
    assert!(began.elapsed() < Duration::from_secs(20));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let reference = Reference::read(&format!("{nobody}/web")).unwrap();
    let trust = Trust::new(None, None).unwrap();
    let fault = RemoteImage::new(reference, None, trust, None).unwrap().root().unwrap_err();
    assert!(matches!(fault, RegistryFault::Unreached { .. }), "{fault}");
}

#[test]
fn who_sends_without_an_end_is_stopped() {
    let double = Double::start(|_| Answer::ok(b"").endless());
    let image = image(&double, "shop/web:1", None);
    let faults = [image.root().unwrap_err(), image.config(&sha256(CONFIG)).unwrap_err()];
    for fault in faults {
        assert!(matches!(fault, RegistryFault::Size { .. }), "{fault}");
    }
    assert!(matches!(layer(&image), Err(RegistryFault::Length { .. })));
    let endless_refusal = Double::start(|_| Answer::of(500, b"").endless());
    let reference = Reference::read(&format!("{}/web", endless_refusal.host)).unwrap();
    let image =
        RemoteImage::with_patience(reference, None, Trust::new(None, None).unwrap(), None, WAIT)
            .unwrap();
    assert!(matches!(image.root(), Err(RegistryFault::Status { status: 500, .. })));
    let huge = 100 * 1024 * 1024 * 1024;
    assert!(matches!(image.layer(&sha256(LAYER), Some(huge)), Err(RegistryFault::Size { .. })));
}

#[test]
fn a_document_is_one_thing() {
    let index = r#"{"schemaVersion":2,"manifests":[]}"#;
    let oci = "application/vnd.oci.image.index.v1+json";
    for (document, kind, said) in [
        (index, oci, Ok(DocumentKind::Index)),
        (index, "application/json; charset=utf-8", Ok(DocumentKind::Index)),
        (index, "application/vnd.oci.image.manifest.v1+json", Err("something else")),
        (
            r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#,
            oci,
            Err("as an index and as a manifest"),
        ),
        (
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#,
            oci,
            Err("calls itself"),
        ),
        (
            r#"{"schemaVersion":1,"fsLayers":[]}"#,
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            Err("schema 1"),
        ),
        (r#"{"schemaVersion":1,"fsLayers":[]}"#, "", Err("schema 1")),
        (r#"{"schemaVersion":2}"#, "", Err("neither images nor layers")),
        ("<html>", "text/html", Err("neither an index nor a manifest")),
    ] {
        let double =
            Double::start(move |_| Answer::ok(document.as_bytes()).with("Content-Type", kind));
        match (image(&double, "shop/web:1", None).root(), said) {
            (Ok(found), Ok(kind)) => assert_eq!(found.kind, kind),
            (Err(fault), Err(said)) => assert!(fault.to_string().contains(said), "{fault}"),
            (found, said) => panic!("{document}: {found:?} {said:?}"),
        }
    }
}

#[test]
fn a_registrys_words_are_told_without_what_cannot_be_seen() {
    let double = Double::start(honest);
    let fault = image(&double, "shop/web:2", None).root().unwrap_err();
    assert!(matches!(fault, RegistryFault::Missing { .. }), "{fault}");
    assert!(fault.to_string().ends_with("MANIFEST_UNKNOWN (no [31msuch)"), "{fault}");
    let double = Double::start(|_| Answer::of(429, b"slow down"));
    let fault = image(&double, "shop/web:2", None).root().unwrap_err();
    assert!(matches!(fault, RegistryFault::Status { status: 429, .. }), "{fault}");
    assert!(fault.to_string().ends_with("slow down"), "{fault}");
    let double = Double::start(|_| Answer::of(502, b"<html>a page</html>"));
    let fault = image(&double, "shop/web:2", None).root().unwrap_err();
    assert!(fault.to_string().ends_with("it does not say why"), "{fault}");
}

#[test]
fn a_registry_elsewhere_is_asked_over_tls_alone_unless_it_is_named() {
    let double = Double::start(honest);
    let port = double.host.rsplit_once(':').unwrap().1;
    // Not in the list of what is the machine itself, and yet it is, so that the test needs no network.
    let host = format!("0.0.0.0:{port}");
    let ask = |plain: Option<&str>| {
        let reference = Reference::read(&format!("{host}/shop/web:1")).unwrap();
        RemoteImage::with_patience(
            reference,
            Some(ann()),
            Trust::new(None, plain).unwrap(),
            None,
            WAIT,
        )
        .unwrap()
        .root()
    };
    for other in [None, Some("0.0.0.0"), Some("registry.example.com")] {
        assert!(matches!(ask(other), Err(RegistryFault::Unreached { .. })), "{other:?}");
    }
    assert!(
        double.heads().iter().all(|head| !head.contains("GET")),
        "no request went there in clear"
    );
    ask(Some(&host)).unwrap();
    for wrong in ["", "http://a", "a/b", "*"] {
        assert!(Trust::new(None, Some(wrong)).is_err(), "{wrong}");
    }
    assert!(Trust::new(Some(b"no certificate"), None).is_err());
}
