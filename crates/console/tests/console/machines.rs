//! A machine that asks to be signed in from: each step by who may take it, and by everybody else.

use crate::browser::{Browser, Reply};
use crate::hub::Hub;
use authn::kubernetes::Certificate;
use authn::{Challenge, MachineKey, MachinePurpose};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Secret, SignInId};
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};
use std::time::Duration;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A machine with a key of its own.
pub(crate) struct Machine {
    key: KeyPair,
    pub(crate) line: Browser,
    code: String,
}

impl Machine {
    fn at(hub: &Hub) -> Self {
        Self { key: KeyPair::generate().unwrap(), line: hub.browser(), code: String::new() }
    }

    async fn asking(hub: &Hub, port: Option<u16>) -> Self {
        let mut machine = Self::at(hub);
        let asked = machine.ask(port, &Challenge::of(&Secret::new(VERIFIER)).text()).await;
        assert_eq!(asked.status, 200, "{asked:?}");
        machine.code = asked.json()["code"].as_str().unwrap().to_owned();
        machine
    }

    pub(crate) fn proof(&self, purpose: MachinePurpose, about: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.key.sign(&MachineKey::statement(purpose, about)).unwrap())
    }

    pub(crate) fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.der_bytes())
    }

    async fn ask(&mut self, port: Option<u16>, about: &str) -> Reply {
        let challenge = Challenge::of(&Secret::new(VERIFIER)).text();
        let body = json!({
            "key": self.public(), "proof": self.proof(MachinePurpose::Ask, about),
            "challenge": challenge, "machine": " \u{202e}al\u{7}ice\u{200b}@laptop\u{2066} ", "port": port, "state": "xyz",
        });
        self.line.post("/api/v1/machine/ask", body).await
    }

    async fn collect(&mut self, carried: Option<&str>) -> Reply {
        let body = json!({ "code": self.code, "verifier": VERIFIER, "carried": carried });
        self.line.post("/api/v1/machine/collect", body).await
    }

    pub(crate) async fn prove(&mut self, what: &str, purpose: MachinePurpose) -> Reply {
        let body = json!({ "key": self.public(), "proof": self.proof(purpose, "") });
        self.line.post(&format!("/api/v1/machine/{what}"), body).await
    }

    /// Sends wrong proofs until they wait.
    async fn guess(&mut self) {
        for _ in 0..200 {
            let reply = self.prove("renew", MachinePurpose::End).await;
            if reply.status == 429 {
                return reply.refused(429, "too_many_attempts");
            }
            reply.refused(400, "bad_request");
        }
        panic!("guesses do not wait");
    }

    /// Let in by `owner`.
    pub(crate) async fn signed_in(hub: &Hub, owner: &mut Browser) -> (Self, Value) {
        let mut machine = Self::asking(hub, None).await;
        decide(owner, &machine.code, true).await;
        let collected = machine.collect(None).await;
        assert_eq!(collected.status, 200, "{collected:?}");
        assert_eq!(collected.json()["state"], "allowed");
        let credential = collected.json()["credential"].clone();
        (machine, credential)
    }
}

async fn decide(browser: &mut Browser, code: &str, allow: bool) -> Reply {
    browser.post(&format!("/api/v1/machine/requests/{code}"), json!({ "allow": allow })).await
}

fn sign_in_of(credential: &Value) -> SignInId {
    let pem = credential["certificate"].as_str().unwrap().as_bytes();
    Certificate::from_pem_bundle(pem).unwrap()[0].sign_in().unwrap()
}

#[tokio::test]
async fn a_machine_is_signed_in_once_its_owner_says_so() {
    let hub = Hub::start().await;
    let mut owner = hub.signed_in("alice").await;
    let mut machine = Machine::asking(&hub, None).await;
    assert_eq!(machine.collect(None).await.json()["state"], "waiting");
    let path = format!("/api/v1/machine/requests/{}", machine.code.to_lowercase().replace('-', ""));
    let seen = owner.get(&path).await.json();
    assert_eq!((&seen["machine"], &seen["source"]), (&json!("alice@laptop"), &json!("192.0.2.1")));
    assert_eq!((&seen["code"], &seen["by_browser"]), (&json!(machine.code), &json!(false)));
    // A stranger decides nothing.
    decide(&mut hub.browser(), &machine.code, true).await.refused(401, "not_signed_in");
    assert_eq!(machine.collect(None).await.json()["state"], "waiting");

    let decided = decide(&mut owner, &machine.code, true).await;
    assert_eq!(decided.json(), json!({}));
    decide(&mut owner, &machine.code, false).await.refused(410, "machine_request_gone");
    let collected = machine.collect(None).await.json();
    let credential = &collected["credential"];
    assert_eq!(
        (&collected["state"], &credential["user"]),
        (&json!("allowed"), &json!("sallyport:alice"))
    );
    assert_eq!(credential["clusters"][0]["server"], "https://gateway.example:6443/clusters/home");
    machine.collect(None).await.refused(410, "machine_request_gone");
    assert_eq!(hub.audited("machine.allow").await[0].entry.object, "alice@laptop");
    let record = &hub.audited("sign_in").await[0].entry;
    assert_eq!(
        (record.object.as_str(), &record.detail["method"]),
        (sign_in_of(credential).as_str(), &json!("machine"))
    );

    // The certificate is of the hub's authority, for the machine's own key, for an hour.
    let pem = credential["certificate"].as_str().unwrap().as_bytes();
    let certificate = &Certificate::from_pem_bundle(pem).unwrap()[0];
    assert_eq!(certificate.not_after().since(hub.now()), Duration::from_secs(3600));
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem).unwrap();
    let parsed = pem.parse_x509().unwrap();
    assert_eq!(&*parsed.public_key().subject_public_key.data, machine.key.der_bytes());
    let authority = Certificate::from_der(&hub.machine_authority).unwrap();
    assert_eq!(authority.common_name(), "Sallyport machines");

    let mut denied = Machine::asking(&hub, None).await;
    decide(&mut owner, &denied.code, false).await;
    assert_eq!(denied.collect(None).await.json()["state"], "denied");
    assert_eq!(hub.audited("machine.deny").await.len(), 1);
}

#[tokio::test]
async fn what_is_not_proved_or_not_ones_own_is_refused_and_counted() {
    let hub = Hub::start().await;
    let mut owner = hub.signed_in("alice").await;
    Machine::at(&hub).ask(None, "something else").await.refused(400, "bad_request");
    let mut machine = Machine::asking(&hub, None).await;
    decide(&mut owner, &machine.code, true).await;
    let wrong = json!({ "code": machine.code, "verifier": "A".repeat(43) });
    for _ in 0..3 {
        machine
            .line
            .post("/api/v1/machine/collect", wrong.clone())
            .await
            .refused(410, "machine_request_gone");
    }
    // A key that is not signed in, and a proof for something else.
    let mut stranger = Machine::at(&hub);
    stranger.prove("renew", MachinePurpose::Renew).await.refused(401, "session_ended");
    let (mut known, _) = Machine::signed_in(&hub, &mut owner).await;
    known.prove("end", MachinePurpose::Renew).await.refused(400, "bad_request");
    assert_eq!(known.prove("renew", MachinePurpose::Renew).await.status, 200);
    stranger.guess().await;
    stranger.prove("end", MachinePurpose::Renew).await.refused(429, "too_many_attempts");
    let wrong = machine.line.post("/api/v1/machine/collect", wrong).await;
    wrong.refused(429, "too_many_attempts");
}

#[tokio::test]
async fn a_network_of_which_enough_wait_is_refused_before_its_proof_is_looked_at() {
    let hub = Hub::start().await;
    let mut machine = Machine::at(&hub);
    let challenge = Challenge::of(&Secret::new(VERIFIER)).text();
    for _ in 0..600 {
        assert_eq!(machine.ask(None, &challenge).await.status, 200);
    }
    machine.ask(None, &challenge).await.refused(429, "too_many_attempts");
    machine.ask(None, "something else").await.refused(429, "too_many_attempts");
    hub.wait(Duration::from_secs(601));
    assert_eq!(machine.ask(None, &challenge).await.status, 200);
}

#[tokio::test]
async fn neither_a_machine_that_was_signed_out_nor_a_guesser_stops_its_network() {
    let hub = Hub::start().await;
    let mut owner = hub.signed_in("alice").await;
    let (mut over, _) = Machine::signed_in(&hub, &mut owner).await;
    assert_eq!(over.prove("end", MachinePurpose::End).await.status, 204);
    // It does not know, and asks for ever; its colleague waits for a yes.
    let mut waiting = Machine::asking(&hub, None).await;
    for _ in 0..200 {
        over.prove("renew", MachinePurpose::Renew).await.refused(401, "session_ended");
        assert_eq!(waiting.collect(None).await.json()["state"], "waiting");
    }
    let mut owner = hub.signed_in("alice").await;
    let (mut known, _) = Machine::signed_in(&hub, &mut owner).await;
    Machine::at(&hub).guess().await;
    over.prove("renew", MachinePurpose::Renew).await.refused(401, "session_ended");
    assert_eq!(known.prove("renew", MachinePurpose::Renew).await.status, 200);
    decide(&mut owner, &waiting.code, true).await;
    assert_eq!(waiting.collect(None).await.json()["state"], "allowed");
    assert_eq!(known.prove("end", MachinePurpose::End).await.status, 204);
}

#[tokio::test]
async fn what_the_browser_carries_is_asked_for_where_the_machine_has_a_port() {
    let hub = Hub::start().await;
    let mut owner = hub.signed_in("alice").await;
    let mut machine = Machine::asking(&hub, Some(4711)).await;
    let back = decide(&mut owner, &machine.code, true).await.json();
    let back = back["return_to"].as_str().unwrap();
    let carried = back.strip_prefix("http://127.0.0.1:4711/signed-in?code=").unwrap();
    let carried = carried.strip_suffix("&state=xyz").unwrap();
    for wrong in [None, Some(""), Some("guessed")] {
        machine.collect(wrong).await.refused(410, "machine_request_gone");
    }
    // Nor by proving the key: before it is collected there is no sign-in.
    machine.prove("renew", MachinePurpose::Renew).await.refused(401, "session_ended");
    assert_eq!(machine.collect(Some(carried)).await.json()["state"], "allowed");
    let mut denied = Machine::asking(&hub, Some(4711)).await;
    let back = decide(&mut owner, &denied.code, false).await.json();
    assert_eq!(back["return_to"], "http://127.0.0.1:4711/signed-in?error=denied&state=xyz");
    assert_eq!(denied.collect(None).await.json()["state"], "denied");
}

#[tokio::test]
async fn a_yes_ends_with_its_time_and_with_whoever_said_it() {
    let hub = Hub::start().await;
    let mut owner = hub.signed_in("alice").await;
    let mut late = Machine::asking(&hub, None).await;
    let mut waiting = Machine::asking(&hub, None).await;
    decide(&mut owner, &late.code, true).await;
    hub.wait(Duration::from_secs(601));
    late.collect(None).await.refused(410, "machine_request_gone");
    decide(&mut owner, &waiting.code, true).await.refused(410, "machine_request_gone");
    waiting.collect(None).await.refused(410, "machine_request_gone");

    let mut machine = Machine::asking(&hub, None).await;
    decide(&mut owner, &machine.code, true).await;
    owner.post("/api/v1/sign-out", json!({ "everywhere": false })).await;
    machine.collect(None).await.refused(410, "machine_request_gone");

    // A token is somebody's already, and ends sooner than a machine's sign-in would.
    let mut by_token = hub.browser();
    let me = by_token.post("/api/v1/sign-in/token", json!({ "token": "x.bob" })).await;
    by_token.csrf = me.json()["csrf"].as_str().unwrap().to_owned();
    let machine = Machine::asking(&hub, None).await;
    decide(&mut by_token, &machine.code, true).await.refused(403, "needs_account");
}

#[tokio::test]
async fn whatever_ends_the_owners_sign_ins_ends_the_machines() {
    let hub = Hub::start().await;
    let mut owner = hub.signed_in("alice").await;
    let live = async |credential: &Value| {
        hub.store.machine_sign_in(&sign_in_of(credential), hub.now()).await.unwrap().is_some()
    };
    let (mut machine, credential) = Machine::signed_in(&hub, &mut owner).await;
    hub.wait(Duration::from_secs(3000));
    let renewed = machine.prove("renew", MachinePurpose::Renew).await.json();
    assert_eq!(sign_in_of(&renewed), sign_in_of(&credential));
    assert_eq!(renewed["ends_at"], credential["ends_at"], "renewing lengthens nothing");
    assert!(live(&credential).await);
    assert_eq!(machine.prove("end", MachinePurpose::End).await.status, 204);
    assert!(!live(&credential).await);
    machine.prove("renew", MachinePurpose::Renew).await.refused(401, "session_ended");

    let (mut machine, credential) = Machine::signed_in(&hub, &mut owner).await;
    owner.post("/api/v1/sign-out", json!({ "everywhere": true })).await;
    assert!(!live(&credential).await);
    machine.prove("renew", MachinePurpose::Renew).await.refused(401, "session_ended");

    let mut owner = hub.signed_in("alice").await;
    let (mut machine, credential) = Machine::signed_in(&hub, &mut owner).await;
    let mut root = hub.signed_in("root").await;
    root.post("/api/v1/accounts/alice/disable", json!({})).await;
    assert!(!live(&credential).await);
    machine.prove("renew", MachinePurpose::Renew).await.refused(401, "session_ended");

    let (mut machine, credential) = Machine::signed_in(&hub, &mut root).await;
    hub.wait(Duration::from_secs(12 * 3600));
    assert!(!live(&credential).await, "and its own time");
    machine.prove("renew", MachinePurpose::Renew).await.refused(401, "session_ended");
}
