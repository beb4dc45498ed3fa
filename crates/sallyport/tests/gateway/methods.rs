//! Each method that the gateway knows: let in with the identity that the API server gives, refused without.

use crate::double::raw;
use crate::gate::{Gate, Real, unique};
use serde_json::{Value, json};

/// Who the gateway takes the bearer of a token for, or what it says.
pub(crate) fn who(real: &Real, gate: &Gate, token: &str) -> Result<Value, String> {
    asked(
        real,
        &format!("https://{}/clusters/demo", gate.address),
        gate.ca().to_str().unwrap(),
        &["--token", token],
    )
}

fn asked(real: &Real, server: &str, ca: &str, credential: &[&str]) -> Result<Value, String> {
    let mut command = real.command(&["--server", server, "--certificate-authority", ca]);
    command.args(credential).args(["auth", "whoami", "-o", "json"]);
    let output = command.output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    Ok(said["status"]["userInfo"].clone())
}

fn directly(real: &Real, credential: &[&str]) -> Result<Value, String> {
    let (server, ca) = real.server();
    asked(real, &server, &ca, credential)
}

pub(crate) fn refused(said: Result<Value, String>) {
    let said = said.unwrap_err();
    assert!(said.contains("Unauthorized"), "{said}");
}

#[test]
fn certificates_are_judged_by_the_gateways_own_authorities() {
    let real = Real::of_tests();
    let ca = real.file("pki/ca.crt");
    let gate = Gate::start(&real.kubeconfig, &format!("client_ca = \"{ca}\""), &[]);
    let without = Gate::start(&real.kubeconfig, "", &[]);
    let through = |gate: &Gate, name: &str| {
        let (chain, key) =
            (real.file(&format!("pki/{name}.crt")), real.file(&format!("pki/{name}.key")));
        let credential = ["--client-certificate", &chain, "--client-key", &key];
        let server = format!("https://{}/clusters/demo", gate.address);
        let through = asked(&real, &server, gate.ca().to_str().unwrap(), &credential);
        (through, directly(&real, &credential))
    };
    for name in ["admin", "kubelet", "scheduler"] {
        let (through, direct) = through(&gate, name);
        assert_eq!(through.unwrap(), direct.unwrap(), "{name}");
    }
    // Of an authority that is not for clients, and of one that the gateway was not told.
    refused(through(&gate, "front-proxy-client").0);
    refused(through(&without, "admin").0);
}

#[test]
fn a_token_file_is_read_again_when_it_changes() {
    let real = Real::of_tests();
    let settings = "token_review = false\ntoken_file = \"{dir}/tokens.csv\"";
    let gate = Gate::start(&real.kubeconfig, settings, &[("tokens.csv", "first,dora,7,\"a,b\"\n")]);
    let dora = who(&real, &gate, "first").unwrap();
    assert_eq!((&dora["username"], &dora["uid"]), (&json!("dora"), &json!("7")));
    assert_eq!(dora["groups"], json!(["a", "b", "system:authenticated"]));
    refused(who(&real, &gate, "second"));
    gate.write("tokens.csv", "second,dora\n");
    gate.told("a changed file of the gateway is not usable");
    assert!(who(&real, &gate, "first").is_ok(), "the old file stays in use");
    gate.write("tokens.csv", "second,dora,7\n");
    gate.told("files were reloaded");
    refused(who(&real, &gate, "first"));
    assert!(who(&real, &gate, "second").is_ok());
}

#[test]
fn service_account_tokens_hang_on_their_objects_wherever_they_are_verified() {
    let real = Real::of_tests();
    let (namespace, keys) = (unique("gateway-accounts"), real.file("pki/sa.pub"));
    real.admin(&["create", "namespace", &namespace]);
    let locally = format!("token_review = false\nservice_account_keys = [\"{keys}\"]");
    let here = Gate::start(&real.kubeconfig, &locally, &[]);
    let there = Gate::start(&real.kubeconfig, "", &[]);
    real.admin(&["-n", &namespace, "create", "serviceaccount", "builder"]);
    let token = |more: &[&str]| {
        let arguments = [&["-n", &namespace, "create", "token", "builder"], more].concat();
        real.admin(&arguments).trim().to_owned()
    };
    let good = token(&[]);
    let foreign = token(&["--audience", "https://elsewhere"]);
    let direct = directly(&real, &["--token", &good]).unwrap();
    for gate in [&here, &there] {
        assert_eq!(who(&real, gate, &good).unwrap(), direct);
        refused(who(&real, gate, &foreign));
        let (head, signature) = good.rsplit_once('.').unwrap();
        let broken: String = signature.chars().rev().collect();
        refused(who(&real, gate, &format!("{head}.{broken}")));
    }
    real.admin(&["-n", &namespace, "delete", "serviceaccount", "builder"]);
    // One that was not asked about lately, so that no verdict is kept.
    real.admin(&["-n", &namespace, "create", "serviceaccount", "other"]);
    let other = real.admin(&["-n", &namespace, "create", "token", "other"]).trim().to_owned();
    real.admin(&["-n", &namespace, "delete", "serviceaccount", "other"]);
    for gate in [&here, &there] {
        refused(who(&real, gate, &other));
    }
    real.admin(&["delete", "namespace", &namespace, "--wait=false"]);
}

#[test]
fn bootstrap_tokens_are_the_clusters_secrets() {
    let real = Real::of_tests();
    let gate = Gate::start(&real.kubeconfig, "token_review = false\nbootstrap_tokens = true", &[]);
    let id: String =
        unique("").bytes().filter(u8::is_ascii_digit).rev().take(6).map(char::from).collect();
    let id = format!("{id:0>6}");
    let secret = |use_it: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
            "metadata": { "name": format!("bootstrap-token-{id}"), "namespace": "kube-system" },
            "stringData": {
                "token-id": id, "token-secret": "0123456789abcdef",
                "usage-bootstrap-authentication": use_it,
                "auth-extra-groups": "system:bootstrappers:test",
            },
        })
        .to_string()
    };
    real.admin_with(&["apply", "-f", "-"], &secret("true"));
    let token = format!("{id}.0123456789abcdef");
    let direct = directly(&real, &["--token", &token]).unwrap();
    assert_eq!(who(&real, &gate, &token).unwrap(), direct);
    refused(who(&real, &gate, &format!("{id}.0123456789abcdee")));
    real.admin(&["-n", "kube-system", "delete", "secret", &format!("bootstrap-token-{id}")]);
    std::thread::sleep(std::time::Duration::from_secs(11)); // Longer than a verdict is kept.
    refused(who(&real, &gate, &token));
}

#[test]
fn tokens_of_an_issuer_hold_once_its_keys_are_known() {
    let real = Real::of_tests();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let provider = authn_differential::Provider::serve(&free.to_string()).unwrap();
    let settings = "token_review = false\nauthentication_config = \"{dir}/authn.yaml\"";
    let gate =
        Gate::start(&real.kubeconfig, settings, &[("authn.yaml", &provider.configuration())]);
    let ends =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 300;
    let claims = |audience: &str, tenant: &str, ends: u64| {
        json!({
            "iss": provider.url, "aud": audience, "sub": "7", "exp": ends, "tenant": tenant,
            "email": "ann@example.com", "email_verified": true, "roles": ["dev"],
        })
    };
    let good = provider.token(&claims("hub", "acme", ends)).unwrap();
    gate.logged("an issuer's keys are known");
    let ann = who(&real, &gate, &good).unwrap();
    assert_eq!((&ann["username"], &ann["uid"]), (&json!("oidc:ann@example.com"), &json!("7")));
    assert_eq!(ann["groups"], json!(["r:dev", "system:authenticated"]));
    for bad in
        [claims("other", "acme", ends), claims("hub", "evil", ends), claims("hub", "acme", 1)]
    {
        refused(who(&real, &gate, &provider.token(&bad).unwrap()));
    }
    gate.recorded(|row| {
        row["method"] == "open_id_connect" && row["user_name"] == "oidc:ann@example.com"
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_anonymous_unless_the_operator_says_so() {
    let real = Real::of_tests();
    let closed = Gate::start(&real.kubeconfig, "", &[]);
    let open = Gate::start(&real.kubeconfig, "anonymous = true", &[]);
    let asking = |path: &str| {
        format!("GET /clusters/demo{path} HTTP/1.1\nHost: localhost\nConnection: close\n\n")
    };
    assert!(raw(&closed, &asking("/version")).await.starts_with("HTTP/1.1 401 "));
    assert!(raw(&open, &asking("/version")).await.contains("gitVersion"));
    let refusal = raw(&open, &asking("/api/v1/secrets")).await;
    assert!(
        refusal.starts_with("HTTP/1.1 403 ") && refusal.contains("system:anonymous"),
        "{refusal}"
    );
}
