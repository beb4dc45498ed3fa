//! `sallyport login` and an unmodified kubectl: let in by a person in the console, refused and cut when the sign-in
//! ends in any way.

use crate::gate::{Gate, Real, SOON, Setup, unique, with_input};
use crate::support;
use http::Method;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use testkit::{HubClient, Trust};

const IMAGE: &str = "sallyport.test/busybox:1";
const PASSWORD: &str = "correct horse battery";
/// A revocation takes effect within two seconds, says the change feed; kubectl needs a moment to see it.
const CUT_WITHIN: Duration = Duration::from_secs(5);

/// A hub with the accounts `alice` and `root`, where alice has a namespace of the cluster.
pub(crate) struct Place {
    pub(crate) real: Real,
    pub(crate) gate: Gate,
    namespace: String,
    pub(crate) home: tempfile::TempDir,
}

impl Place {
    fn prepare() -> Self {
        Self::prepare_with("")
    }

    fn prepare_with(settings: &str) -> Self {
        Self::prepare_on(Real::of_tests(), &Setup { settings, ..Setup::default() })
    }

    pub(crate) fn prepare_on(real: Real, setup: &Setup<'_>) -> Self {
        let namespace = unique("login-test");
        real.admin(&["create", "namespace", &namespace]);
        let bind = ["create", "rolebinding", "alice", "--clusterrole", "admin"];
        let of_alice = ["-n", &namespace, "--user", "sallyport:alice"];
        real.admin(&[&bind[..], &of_alice[..]].concat());
        let gate = Gate::start_as(&real.kubeconfig, setup);
        for (name, more) in [("alice", &[][..]), ("root", &["--admin"][..])] {
            let add = ["admin", "user", "add", name, "--password-stdin"];
            support::in_directory(&gate.data(), &[&add[..], more].concat(), PASSWORD);
        }
        Self { real, gate, namespace, home: tempfile::tempdir().unwrap() }
    }

    /// The program on alice's machine.
    pub(crate) fn sallyport(&self, arguments: &[&str]) -> Command {
        let mut command = support::sallyport(arguments);
        let bare = ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "XDG_CONFIG_HOME"];
        bare.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.env("HOME", self.home.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn login(&self, more: &[&str]) -> Command {
        let ca = self.gate.ca();
        let login = ["login", "--hub", &self.gate.hub, "--ca", ca.to_str().unwrap()];
        self.sallyport(&[&login[..], &["--name", "alice's laptop"], more].concat())
    }

    /// A browser in which somebody signed in.
    pub(crate) async fn browser(&self, name: &str) -> HubClient {
        let trust = Trust::Pem(std::fs::read_to_string(self.gate.ca()).unwrap());
        let mut browser = HubClient::new(&self.gate.hub, &trust).unwrap();
        browser.sign_in(name, PASSWORD).await.unwrap();
        browser
    }

    /// Signs the machine in by a typed code, and gives what was printed.
    pub(crate) async fn signed_in(&self, browser: &mut HubClient) -> String {
        let mut login = Login::begin(self.login(&["--no-browser"]));
        decide(browser, &login.code(), true).await;
        let output = login.ended();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn folder(&self) -> PathBuf {
        let name = self.gate.hub.strip_prefix("https://").unwrap().replace(':', "_");
        self.home.path().join(".config/sallyport").join(name)
    }

    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Command {
        let kubeconfig = self.folder().join("kubeconfig");
        let mut command = self.real.command(&["--kubeconfig", kubeconfig.to_str().unwrap()]);
        command.env("HOME", self.home.path()).env_remove("XDG_CONFIG_HOME");
        command.args(["-n", &self.namespace]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn whoami(&self) -> Result<String, String> {
        let whoami = ["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"];
        said(self.kubectl(&whoami).output().unwrap())
    }

    fn refused(&self) {
        let said = self.whoami().unwrap_err();
        assert!(said.contains("Unauthorized"), "{said}");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut command = self.real.command(&["--kubeconfig"]);
        command.arg(&self.real.kubeconfig);
        command.args(["delete", "namespace", &self.namespace, "--wait=false"]).output().ok();
    }
}

pub(crate) fn said(output: Output) -> Result<String, String> {
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// A login that waits.
struct Login {
    child: Child,
    error: BufReader<std::process::ChildStderr>,
}

impl Login {
    fn begin(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let error = BufReader::new(child.stderr.take().unwrap());
        Self { child, error }
    }

    /// The code that it shows.
    fn code(&mut self) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            assert!(self.error.read_line(&mut line).unwrap() > 0, "no code: {seen}");
            let is_code = |word: &&str| {
                let (first, second) = word.split_once('-').unwrap_or_default();
                let letters =
                    |part: &str| part.len() == 4 && part.bytes().all(|b| b.is_ascii_uppercase());
                letters(first) && letters(second)
            };
            if let Some(code) = line.split([' ', '\n', ':']).find(is_code) {
                return code.to_owned();
            }
            seen.push_str(&line);
        }
    }

    fn ended(mut self) -> Output {
        let mut stderr = Vec::new();
        self.error.read_to_end(&mut stderr).unwrap();
        let mut output = self.child.wait_with_output().unwrap();
        output.stderr = stderr;
        output
    }
}

async fn decide(browser: &mut HubClient, code: &str, allow: bool) -> Value {
    let path = format!("/api/v1/machine/requests/{code}");
    let seen = browser.request(Method::GET, &path, None).await.unwrap().success().unwrap().json();
    assert_eq!((&seen["machine"], &seen["code"]), (&json!("alice's laptop"), &json!(code)));
    let decision = json!({ "allow": allow });
    let decided = browser.request(Method::POST, &path, Some(&decision)).await.unwrap();
    decided.success().unwrap().json()
}

pub(crate) async fn sign_out_everywhere(browser: &mut HubClient) {
    let everywhere = json!({ "everywhere": true });
    let answer =
        browser.request(Method::POST, "/api/v1/sign-out", Some(&everywhere)).await.unwrap();
    assert_eq!(answer.status, 204);
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_let_in_by_a_code_and_everything_it_has_open_is_cut_when_its_owner_signs_out()
{
    let place = Place::prepare();
    let mut browser = place.browser("alice").await;
    let told = place.signed_in(&mut browser).await;
    assert!(told.contains("sallyport:alice") && told.contains("export KUBECONFIG="), "{told}");
    let context = format!("demo@{}", place.gate.hub.strip_prefix("https://").unwrap());
    assert!(told.contains(&context), "{told}");
    assert_eq!(mode(&place.folder()), 0o700);
    for file in ["login.json", "kubeconfig"] {
        assert_eq!(mode(&place.folder().join(file)), 0o600, "{file}");
    }
    let kubeconfig = std::fs::read_to_string(place.folder().join("kubeconfig")).unwrap();
    assert!(!kubeconfig.contains("PRIVATE KEY") && !kubeconfig.contains("client-key"), "no secret");

    assert_eq!(place.whoami().unwrap(), "sallyport:alice");
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "shell" },
        "spec": { "terminationGracePeriodSeconds": 0, "containers": [{
            "name": "main", "image": IMAGE, "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", "sleep 3600"],
        }] },
    });
    let applied = with_input(place.kubectl(&["apply", "-f", "-"]), pod.to_string().as_bytes());
    said(applied).unwrap();
    let wait = ["wait", "--for=condition=Ready", "--timeout=60s", "pod", "shell"];
    said(place.kubectl(&wait).output().unwrap()).unwrap();
    let forbidden = said(place.kubectl(&["-n", "kube-system", "get", "pods"]).output().unwrap());
    let forbidden = forbidden.unwrap_err();
    assert!(forbidden.contains("\"sallyport:alice\" cannot list"), "{forbidden}");
    place.gate.recorded(|row| {
        row["method"] == "machine"
            && row["user_name"] == "sallyport:alice"
            && row["verb"] == "create"
    });

    // A shell, a watch and a log that are under way.
    let mut shell =
        place.kubectl(&["exec", "-i", "shell", "--", "cat"]).stdin(Stdio::piped()).spawn().unwrap();
    shell.stdin.as_mut().unwrap().write_all(b"hello\n").unwrap();
    let mut echoed = [0; 6];
    shell.stdout.as_mut().unwrap().read_exact(&mut echoed).unwrap();
    assert_eq!(&echoed, b"hello\n");
    let mut watch = place
        .kubectl(&["get", "pods", "--watch", "--output-watch-events", "-o", "name"])
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(watch.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("pod/shell"), "{first}");
    place.gate.recorded(|row| row["verb"] == "watch" && row["resource"] == "pods");

    let begun = Instant::now();
    sign_out_everywhere(&mut browser).await;
    for (what, child) in [("exec", &mut shell), ("watch", &mut watch)] {
        while child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < CUT_WITHIN, "{what} goes on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    eprintln!("a shell and a watch were cut {} ms after the sign-out", begun.elapsed().as_millis());
    place.refused();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_a_sign_in_ends_the_machines() {
    let place = Place::prepare();
    // Its own sign-out, which leaves nothing behind.
    let mut browser = place.browser("alice").await;
    place.signed_in(&mut browser).await;
    assert!(place.whoami().is_ok());
    let (kept, file) = (place.folder().join("login.json"), place.home.path().join("copy"));
    std::fs::copy(&kept, &file).unwrap();
    let output = place.sallyport(&["logout", "--language", "ko"]).output().unwrap();
    assert!(said(output).unwrap().contains("로그아웃했습니다"));
    assert!(!place.folder().exists());
    let none = said(place.sallyport(&["credential"]).output().unwrap()).unwrap_err();
    assert!(none.contains("sallyport login"), "{none}");
    // Who kept a copy has nothing.
    place.signed_in(&mut browser).await;
    let good = std::fs::read(&kept).unwrap();
    std::fs::copy(&file, &kept).unwrap();
    place.refused();
    std::fs::write(&kept, &good).unwrap();
    assert!(place.whoami().is_ok());
    // A second login on the machine ends the first.
    place.signed_in(&mut browser).await;
    let second = std::fs::read(&kept).unwrap();
    std::fs::write(&kept, &good).unwrap();
    place.refused();
    std::fs::write(&kept, second).unwrap();
    assert!(place.whoami().is_ok());
    // A disabled account.
    support::in_directory(&place.gate.data(), &["admin", "user", "disable", "alice"], "");
    let until = Instant::now() + CUT_WITHIN;
    while place.whoami().is_ok() {
        assert!(Instant::now() < until, "a disabled account comes in");
    }
    place.refused();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_leads_back_to_the_machine_and_to_no_other() {
    let place = Place::prepare();
    let mut browser = place.browser("alice").await;
    let opened = place.home.path().join("opened");
    let program = place.home.path().join("browser");
    std::fs::write(&program, format!("#!/bin/sh\necho \"$1\" >{}\n", opened.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = place.login(&[]);
    command.env("BROWSER", &program);
    let mut login = Login::begin(command);
    let code = login.code();
    let until = Instant::now() + SOON;
    while !std::fs::read_to_string(&opened).is_ok_and(|page| page.ends_with('\n')) {
        assert!(Instant::now() < until, "no browser was opened");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let page = std::fs::read_to_string(&opened).unwrap();
    assert_eq!(page.trim(), format!("{}/machine?code={code}", place.gate.hub));
    let decided = decide(&mut browser, &code, true).await;
    let back = decided["return_to"].as_str().unwrap();
    let (address, path) = back.strip_prefix("http://").unwrap().split_once('/').unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{back}");
    let fetch = |path: &str| {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    // A page of somebody else's that found the port.
    assert!(fetch("signed-in?code=stolen&state=guessed").starts_with("HTTP/1.1 404 "));
    assert!(fetch("").starts_with("HTTP/1.1 404 "));
    assert!(fetch(path).starts_with("HTTP/1.1 200 "));
    let output = login.ended();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(place.whoami().unwrap(), "sallyport:alice");
    // As a plugin of kubectl.
    let plugins = place.home.path().join("bin");
    std::fs::create_dir(&plugins).unwrap();
    let plugin = plugins.join("kubectl-sallyport");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sallyport"), plugin).unwrap();
    let mut command = place.real.command(&["sallyport", "kubeconfig"]);
    command.env("HOME", place.home.path()).env("PATH", &plugins);
    let printed = said(command.output().unwrap()).unwrap();
    assert!(printed.contains("client.authentication.k8s.io/v1"), "{printed}");
    // Whoever says no is heard too.
    let mut command = place.login(&[]);
    command.env("BROWSER", &program);
    let mut login = Login::begin(command);
    let code = login.code();
    let decided = decide(&mut browser, &code, false).await;
    let back = decided["return_to"].as_str().unwrap();
    let (address, path) = back.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    stream.read_to_string(&mut String::new()).unwrap();
    let output = login.ended();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("not allowed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_the_hub_did_not_sign_is_nobodys_and_a_switched_off_login_too() {
    let place = Place::prepare();
    let mut browser = place.browser("alice").await;
    place.signed_in(&mut browser).await;
    let kept = place.folder().join("login.json");
    let mut login: Value = serde_json::from_slice(&std::fs::read(&kept).unwrap()).unwrap();
    // The same names and sign-in, by an authority that only calls itself the hub's.
    let theirs = login["certificate"].as_str().unwrap().to_owned();
    let der = rustls_pem(&theirs);
    let id = authn::kubernetes::Certificate::from_der(&der).unwrap().sign_in().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let named = |attributes: &[(rcgen::DnType, &str)]| {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        attributes
            .iter()
            .for_each(|(kind, value)| params.distinguished_name.push(kind.clone(), *value));
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        params
    };
    let mut authority = named(&[(rcgen::DnType::CommonName, "Sallyport machines")]);
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    let authority = rcgen::Issuer::new(authority, rcgen::KeyPair::generate().unwrap());
    let serial = rcgen::DnType::CustomDnType(vec![2, 5, 4, 5]);
    let forged = named(&[(rcgen::DnType::CommonName, "sallyport:alice"), (serial, id.as_str())]);
    let forged = forged.signed_by(&key, &authority).unwrap();
    assert!(place.whoami().is_ok());
    login["certificate"] = json!(forged.pem());
    login["key"] = json!(key.serialize_pem());
    std::fs::write(&kept, login.to_string()).unwrap();
    place.refused();

    let off = Place::prepare_with("login = false");
    let mut browser = off.browser("alice").await;
    off.signed_in(&mut browser).await;
    off.refused();
}

fn rustls_pem(pem: &str) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}
