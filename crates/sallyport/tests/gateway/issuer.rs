//! The real API server that lets people in by itself: it has the hub's tokens reviewed, or verifies them by the hub's
//! published keys. On a cluster of its own, because its flags are of this suite alone.

use crate::gate::{Real, SOON, Setup};
use crate::login::{Place, said, sign_out_everywhere};
use crate::support;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const NAME: &str = "issuer";
const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef";
/// An API server remembers for ten seconds that a token was good, whatever a webhook says meanwhile.
const REMEMBERED: Duration = Duration::from_secs(10);

/// A cluster that is taken down when the test ends, however it ends.
struct OwnCluster;

fn recipe(arguments: &[&str], flags: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(root.join("cluster/cluster"))
        .args(arguments)
        .args(["--name", NAME])
        .env("SALLYPORT_APISERVER_FLAGS", flags)
        .output()
        .unwrap();
    said(output).unwrap().trim().to_owned()
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        recipe(&["down"], "");
    }
}

/// The hub before the API server of that cluster.
struct World {
    place: Place,
    server: String,
    ca: String,
    /// The hub as the API server reaches it.
    hub: String,
}

impl World {
    /// Starts the hub; the API server knows nothing of it yet.
    fn begin() -> Self {
        recipe(&["up"], "");
        let real = Real::of_kubeconfig(PathBuf::from(recipe(&["kubeconfig"], "")));
        let (server, ca) = real.server();
        let network = server.strip_prefix("https://").unwrap().split(".1:").next().unwrap();
        let host = format!("{network}.254");
        let kubeconfig = real.kubeconfig.display().to_string();
        let place = Place::prepare_on(
            real,
            &Setup {
                host: Some(&host),
                cluster: &format!(
                    "token_review_secret = \"{{dir}}/secret\"\n\
                     [[cluster]]\nname = \"other\"\nkubeconfig = \"{kubeconfig}\""
                ),
                settings: &format!(
                    "[issuer]\nurl = \"https://{host}:{{hub}}/issuer\"\ntoken_s = 60"
                ),
                files: &[("secret", SECRET)],
            },
        );
        let port = place.gate.hub.rsplit_once(':').unwrap().1;
        let hub = format!("https://{host}:{port}");
        Self { place, server, ca, hub }
    }

    fn write(&self, name: &str, content: &Value) -> String {
        let path = self.place.home.path().join(name);
        std::fs::write(&path, content.to_string()).unwrap();
        path.display().to_string()
    }

    /// Starts the API server anew with flags.
    fn flags(&self, flags: &str) {
        recipe(&["up"], flags);
    }

    fn authority(&self) -> String {
        std::fs::read_to_string(self.place.gate.ca()).unwrap()
    }

    fn token(&self, cluster: &str) -> String {
        let token = self.place.sallyport(&["token", "--cluster", cluster]);
        said({ token }.output().unwrap()).unwrap()
    }

    /// kubectl to the API server itself, with a token.
    fn direct(&self, token: &str) -> Result<Value, String> {
        self.direct_as(&json!({ "token": token }))
    }

    fn direct_as(&self, user: &Value) -> Result<Value, String> {
        let file = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "direct",
            "clusters": [{ "name": "direct", "cluster":
                { "server": self.server, "certificate-authority": self.ca } }],
            "users": [{ "name": "direct", "user": user }],
            "contexts": [{ "name": "direct", "context": { "cluster": "direct", "user": "direct" } }],
        });
        let file = self.write("direct.kubeconfig", &file);
        let mut command = self.place.real.command(&["--kubeconfig", &file]);
        command.env("HOME", self.place.home.path()).env_remove("XDG_CONFIG_HOME");
        command.args(["auth", "whoami", "-o", "json"]);
        let answer = said(command.stdin(Stdio::null()).output().unwrap())?;
        Ok(serde_json::from_str::<Value>(&answer).unwrap()["status"]["userInfo"].clone())
    }

    #[track_caller]
    fn refused(&self, token: &str) {
        let answer = self.direct(token).unwrap_err();
        assert!(
            answer.contains("Unauthorized") || answer.contains("must be logged in"),
            "{answer}"
        );
    }

    /// What the gateway says that the same person is.
    fn through_the_gateway(&self) -> Value {
        let answer = self.place.kubectl(&["auth", "whoami", "-o", "json"]).output().unwrap();
        let answer: Value = serde_json::from_str(&said(answer).unwrap()).unwrap();
        answer["status"]["userInfo"].clone()
    }

    /// Waits until the API server lets a token in, and gives whom it sees.
    fn let_in(&self, cluster: &str) -> (String, Value) {
        let until = Instant::now() + SOON;
        loop {
            let token = self.token(cluster);
            match self.direct(&token) {
                Ok(user) => return (token, user),
                Err(answer) => assert!(Instant::now() < until, "{answer}"),
            }
        }
    }

    /// Waits until it does not, and gives how long that took.
    fn until_refused(&self, token: &str, within: Duration) -> Duration {
        let begun = Instant::now();
        while self.direct(token).is_ok() {
            assert!(begun.elapsed() < within, "the token goes on");
            std::thread::sleep(Duration::from_millis(100));
        }
        begun.elapsed()
    }

    /// Who is let in is whom the gateway lets in, and only with a token as the hub gave it, for this cluster.
    fn same_person_and_nobody_else(&self, token: &str, user: &Value) {
        let gateway = self.through_the_gateway();
        assert_eq!(user["username"], "sallyport:alice");
        assert_eq!(
            (&user["username"], &user["groups"]),
            (&gateway["username"], &gateway["groups"])
        );
        let (header, rest) = token.split_once('.').unwrap();
        let (payload, signature) = rest.split_once('.').unwrap();
        let decoded = URL_SAFE_NO_PAD.decode(payload).unwrap();
        let mut claims: Value = serde_json::from_slice(&decoded).unwrap();
        let id = &user["extra"]["authentication.kubernetes.io/credential-id"];
        assert_eq!(id, &json!([format!("JTI={}", claims["jti"].as_str().unwrap())]));
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        self.refused(&format!("{none}.{payload}."));
        claims["groups"] = json!(["system:masters"]);
        let altered = URL_SAFE_NO_PAD.encode(claims.to_string());
        self.refused(&format!("{header}.{altered}.{signature}"));
        self.refused(&self.token("other"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_api_server_lets_people_in_by_review_and_by_published_keys() {
    let _down = OwnCluster;
    let world = World::begin();
    let mut browser = world.place.browser("alice").await;
    world.place.signed_in(&mut browser).await;

    // Without flags the API server knows nobody by these tokens.
    world.refused(&world.token("demo"));

    // By review. What is no secret of the cluster's gets no answer.
    let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
                         "spec": { "token": "x" } });
    let path = "/api/v1/token-reviews/demo";
    let answer = browser.request(Method::POST, path, Some(&review)).await.unwrap();
    assert_eq!(answer.status, 401, "a browser's sign-in opens no such face");
    for (version, secret, is_let_in) in [
        ("v1", "wrong-0123456789abcdef0123456789abcdef", false),
        ("v1beta1", SECRET, true),
        ("v1", SECRET, true),
    ] {
        let webhook = world.write(
            &format!("webhook-{version}-{is_let_in}.kubeconfig"),
            &json!({
                "apiVersion": "v1", "kind": "Config", "current-context": "hub",
                "clusters": [{ "name": "hub", "cluster": {
                    "server": format!("{}{path}", world.hub),
                    "certificate-authority": world.place.gate.ca(),
                } }],
                "users": [{ "name": "api-server", "user": { "token": secret } }],
                "contexts": [{ "name": "hub", "context": { "cluster": "hub", "user": "api-server" } }],
            }),
        );
        world.flags(&format!(
            "--authentication-token-webhook-config-file={webhook} \
             --authentication-token-webhook-version={version} --authentication-token-webhook-cache-ttl=1s"
        ));
        if !is_let_in {
            world.refused(&world.token("demo"));
            continue;
        }
        let (token, user) = world.let_in("demo");
        world.same_person_and_nobody_else(&token, &user);
    }
    // As kubectl runs it.
    let hub = world.place.gate.hub.as_str();
    let by_program = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": env!("CARGO_BIN_EXE_sallyport"),
        "args": ["token", "--hub", hub, "--cluster", "demo", "--exec-credential"],
        "interactiveMode": "Never",
    } });
    assert_eq!(world.direct_as(&by_program).unwrap()["username"], "sallyport:alice");
    // Others' tokens go on.
    let of_cluster = world.place.real.token_of("alice");
    world.direct(&of_cluster).unwrap();
    // The end of the sign-in ends the token, but for what the API server remembers.
    let token = world.token("demo");
    world.direct(&token).unwrap();
    sign_out_everywhere(&mut browser).await;
    let took = world.until_refused(&token, REMEMBERED + Duration::from_secs(5));
    eprintln!("the API server refused a reviewed token {} ms after the sign-out", took.as_millis());
    let ended = said(world.place.sallyport(&["token", "--cluster", "demo"]).output().unwrap());
    assert!(ended.unwrap_err().contains("sallyport login"));

    // By published keys, as flags say it.
    let mut browser = world.place.browser("alice").await;
    world.place.signed_in(&mut browser).await;
    world.flags(&format!(
        "--oidc-issuer-url={}/issuer --oidc-client-id=cluster:demo --oidc-ca-file={} --oidc-signing-algs=ES256 \
         --oidc-username-claim=sub --oidc-username-prefix=- --oidc-groups-claim=groups",
        world.hub,
        world.place.gate.ca().display()
    ));
    let (token, user) = world.let_in("demo");
    world.same_person_and_nobody_else(&token, &user);

    // And as a file says it.
    let configuration = world.write(
        "authentication.json",
        &json!({
            "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration",
            "jwt": [{
                "issuer": {
                    "url": format!("{}/issuer", world.hub),
                    "audiences": ["cluster:demo"],
                    "certificateAuthority": world.authority(),
                },
                "claimMappings": {
                    "username": { "claim": "sub", "prefix": "" },
                    "groups": { "claim": "groups", "prefix": "" },
                },
            }],
        }),
    );
    world.flags(&format!("--authentication-config={configuration}"));
    let (token, user) = world.let_in("demo");
    world.same_person_and_nobody_else(&token, &user);
    // Here a token ends with its own time, a minute, and not with the sign-in.
    let account = ["admin", "user", "disable", "alice"];
    support::in_directory(&world.place.gate.data(), &account, "");
    let ended = said(world.place.sallyport(&["token", "--cluster", "demo"]).output().unwrap());
    assert!(ended.is_err(), "no new one");
    world.direct(&token).unwrap();
    let lasts = Duration::from_secs(60) + REMEMBERED + Duration::from_secs(5);
    let took = world.until_refused(&token, lasts);
    eprintln!(
        "the API server refused a token by itself {} s after its account's end",
        took.as_secs()
    );
}
