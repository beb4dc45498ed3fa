//! `sallyport scan image NAME` before Debian's `docker-registry`, with TLS and a password, to which curl pushes what tar,
//! gzip and zstd have packed. That it is missing is a failure of the test and no reason to pass.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be made fails its test")]

mod support;

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use support::{Said, sallyport};

const PASSWORD: &str = "hunter2";
/// `ann` with the password, as `htpasswd -B` writes it.
const HTPASSWD: &str = "ann:$2b$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.\n";
const STATUS: &str =
    "Package: libssl3\nStatus: install ok installed\nSource: openssl\nVersion: 3.0.9-1\n";

struct Registry {
    folder: tempfile::TempDir,
    child: Child,
    host: String,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn program(name: &str) -> Command {
    let found = Command::new(name).arg("--version").output();
    assert!(
        found.is_ok(),
        "{name} is not installed: apt-get install the packages of scripts/packages.txt"
    );
    Command::new(name)
}

fn done(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

impl Registry {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(path("ca.pem"), cert.pem()).unwrap();
        std::fs::write(path("key.pem"), signing_key.serialize_pem()).unwrap();
        std::fs::write(path("htpasswd"), HTPASSWD).unwrap();
        let config = json!({
            "version": 0.1,
            "log": {"accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": path("store")}},
            "http": {"addr": "127.0.0.1:0", "tls": {"certificate": path("ca.pem"), "key": path("key.pem")}},
            "auth": {"htpasswd": {"realm": "shop", "path": path("htpasswd")}},
        });
        std::fs::write(path("config.yml"), config.to_string()).unwrap();
        let mut child = program("docker-registry")
            .arg("serve")
            .arg(path("config.yml"))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let host = said.by_ref().find_map(|line| {
            let line = line.unwrap();
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split([',', '"']).next()?.to_owned())
        });
        assert!(host.is_some(), "docker-registry does not say where it listens");
        let host = host.unwrap();
        std::thread::spawn(move || said.for_each(drop));
        Self { folder, child, host }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn curl(&self, arguments: &[&str]) -> String {
        let mut curl = program("curl");
        curl.args(["--silent", "--show-error", "--fail", "--http1.1", "--cacert"])
            .arg(self.path("ca.pem"));
        let user = format!("ann:{PASSWORD}");
        String::from_utf8(done(curl.args(["--user", &user]).args(arguments))).unwrap()
    }

    /// Pushes a file as a blob, and describes it.
    fn blob(&self, file: &Path, media_type: &str) -> Value {
        let digest = sha256(file);
        let url = format!("https://{}/v2/shop/web/blobs/uploads/", self.host);
        let head = self.curl(&["--request", "POST", "--dump-header", "-", &url]);
        let place = head.lines().find_map(|line| line.strip_prefix("Location: ")).unwrap().trim();
        let to = format!("{place}&digest={digest}");
        let data = format!("@{}", file.display());
        let kind = "Content-Type: application/octet-stream";
        self.curl(&["--request", "PUT", "--header", kind, "--data-binary", &data, &to]);
        json!({"mediaType": media_type, "digest": digest, "size": std::fs::metadata(file).unwrap().len()})
    }

    fn document(&self, name: &str, document: &Value) -> Value {
        let file = self.path("document.json");
        std::fs::write(&file, document.to_string()).unwrap();
        let digest = sha256(&file);
        let media_type = document["mediaType"].as_str().unwrap();
        let name = if name.is_empty() { &digest } else { name };
        let url = format!("https://{}/v2/shop/web/manifests/{name}", self.host);
        let (kind, data) = (format!("Content-Type: {media_type}"), format!("@{}", file.display()));
        self.curl(&["--request", "PUT", "--header", &kind, "--data-binary", &data, &url]);
        json!({"mediaType": media_type, "digest": digest, "size": std::fs::metadata(&file).unwrap().len()})
    }

    /// A layer with these files, packed by `packer`.
    fn layer(&self, files: &[(&str, &str)], packer: &str) -> (PathBuf, String) {
        let tree = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = tree.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let tar = self.path(&format!("{packer}.tar"));
        done(
            program("tar")
                .arg("--create")
                .arg("--file")
                .arg(&tar)
                .arg("--directory")
                .arg(tree.path())
                .arg("."),
        );
        let packed = self.path(&format!("{packer}.packed"));
        std::fs::write(&packed, done(program(packer).arg("--stdout").arg(&tar))).unwrap();
        (packed, sha256(&tar))
    }

    /// Two platforms, one with a layer of gzip and one of zstd, under the tag `two`; the first alone as `one`.
    fn fill(&self) -> Value {
        let release = "ID=debian\nVERSION_ID=\"12\"\n";
        let base = self.layer(&[("etc/os-release", release)], "gzip");
        let above = self.layer(&[("var/lib/dpkg/status", STATUS)], "zstd");
        let config = self.path("config.json");
        let mut images = Vec::new();
        for architecture in ["amd64", "arm64"] {
            let told = json!({"os": "linux", "architecture": architecture,
                "rootfs": {"type": "layers", "diff_ids": [&base.1, &above.1]}});
            std::fs::write(&config, told.to_string()).unwrap();
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": self.blob(&config, "application/vnd.oci.image.config.v1+json"),
                "layers": [
                    self.blob(&base.0, "application/vnd.oci.image.layer.v1.tar+gzip"),
                    self.blob(&above.0, "application/vnd.oci.image.layer.v1.tar+zstd"),
                ],
            });
            let mut image =
                self.document(if architecture == "amd64" { "one" } else { "" }, &manifest);
            image["platform"] = json!({"os": "linux", "architecture": architecture});
            image["annotations"] = json!({"org.opencontainers.image.ref.name": "other:name"});
            images.push(image);
        }
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": images,
        });
        self.document("two", &index);
        images[0].clone()
    }

    /// Scans, with a folder for everything temporary in which nothing may be left.
    fn scan(&self, name: &str, more: &[&str]) -> Said {
        let (home, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = format!("{}/shop/web{name}", self.host);
        let mut command = sallyport(&["scan", "image", &name, "--format", "json"]);
        command.args(more).env("HOME", home.path()).env("TMPDIR", temporary.path());
        command.env_remove("DOCKER_CONFIG").current_dir(home.path());
        let said: Said = command.output().unwrap().into();
        for folder in [&home, &temporary] {
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something was left");
        }
        assert!(!said.error.contains(PASSWORD) && !said.out.contains(PASSWORD));
        assert!(!said.error.contains('\r'), "nobody watches: {}", said.error);
        said
    }

    fn credentials(&self, password: &str) -> String {
        let path = self.path("credentials.json");
        let entry = json!({"username": "ann", "password": password});
        std::fs::write(&path, json!({"auths": {&self.host: entry}}).to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn sha256(file: &Path) -> String {
    let said = String::from_utf8(done(program("sha256sum").arg(file))).unwrap();
    format!("sha256:{}", said.split(' ').next().unwrap())
}

#[test]
fn an_image_is_scanned_from_a_real_registry() {
    let registry = Registry::start();
    let one = registry.fill();
    let (ca, config) = (registry.path("ca.pem"), registry.credentials(PASSWORD));
    let ca = ca.to_str().unwrap();
    let known = ["--ca", ca, "--registry-config", &config];
    let bill = registry.path("bill.json");
    let with_bill = [&known[..], &["--sbom", bill.to_str().unwrap()]].concat();

    let said = registry.scan(":one", &with_bill);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["unreadable"], json!([]), "{}", said.out);
    assert_eq!(said.code, Some(1), "{}", said.error);
    let name = format!("{}/shop/web:one", registry.host);
    assert_eq!(report["objects"][0]["name"], name.as_str(), "{}", report["objects"]);
    let bill = std::fs::read_to_string(bill).unwrap();
    assert!(
        bill.contains("pkg:deb/debian/libssl3@3.0.9-1"),
        "of the layer packed with zstd: {bill}"
    );

    let by_digest = format!("@{}", one["digest"].as_str().unwrap());
    assert_eq!(registry.scan(&by_digest, &known).code, Some(1));
    let several = registry.scan(":two", &known);
    assert_eq!(several.code, Some(2));
    assert!(
        several.error.contains("linux/arm64") && several.error.contains("--platform"),
        "{}",
        several.error
    );
    for (name, platform, code) in [
        (":two", "linux/arm64", 1),
        (":two", "linux/s390x", 2),
        (":one", "linux/amd64", 1),
        (":one", "linux/arm64", 2),
    ] {
        let said = registry.scan(name, &[&known[..], &["--platform", platform]].concat());
        assert_eq!(said.code, Some(code), "{name} {platform}: {}", said.error);
        assert!(!said.out.contains("other:name"), "an index does not rename what was asked for");
    }
    // A program that keeps credentials, as Docker asks it.
    let programs = registry.path("bin");
    std::fs::create_dir(&programs).unwrap();
    let helper = programs.join("docker-credential-test");
    let answer = format!(
        "#!/bin/sh\nread host\n[ \"$1 $host\" = \"get {}\" ] && echo '{{\"Username\":\"ann\",\"Secret\":\"{PASSWORD}\"}}'\n",
        registry.host
    );
    std::fs::write(&helper, answer).unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let store = registry.path("store.json");
    std::fs::write(&store, r#"{"credsStore":"test"}"#).unwrap();
    let mut command = sallyport(&["scan", "image", &name, "--ca", ca, "--registry-config"]);
    command.arg(&store).env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
    let said: Said = command.output().unwrap().into();
    assert_eq!(said.code, Some(1), "{}", said.error);
}

#[test]
fn what_a_real_registry_refuses_or_has_damaged_is_told() {
    let registry = Registry::start();
    let one = registry.fill();
    let (ca, config) = (registry.path("ca.pem"), registry.credentials("wrong"));
    let ca = ca.to_str().unwrap();
    let refused = |more: &[&str], name: &str, told: &str| {
        let said = registry.scan(name, more);
        assert_eq!(said.code, Some(2), "{}", said.error);
        assert!(said.error.contains(told), "{told}: {}", said.error);
        assert!(said.out.is_empty(), "no report of what was not seen");
    };
    refused(&["--ca", ca], ":one", "docker login");
    refused(&["--ca", ca, "--registry-config", &config], ":one", "credentials that were given");
    let config = registry.credentials(PASSWORD);
    let known = ["--ca", ca, "--registry-config", &config];
    refused(&known, ":none", "MANIFEST_UNKNOWN");
    refused(&["--registry-config", &config], ":one", "HTTPS server");
    let another = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(registry.path("other.pem"), another.cert.pem()).unwrap();
    let other = registry.path("other.pem");
    refused(
        &["--ca", other.to_str().unwrap(), "--registry-config", &config],
        ":one",
        "certificate",
    );
    refused(&[&known[..], &["--reference", "x"]].concat(), ":one", "--reference");
    // Its disk, changed behind its back.
    let digest = sha256(&registry.path("zstd.packed"));
    let digits = digest.strip_prefix("sha256:").unwrap();
    let place = format!("store/docker/registry/v2/blobs/sha256/{}/{digits}/data", &digits[..2]);
    let mut bytes = std::fs::read(registry.path(&place)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(registry.path(&place), bytes).unwrap();
    refused(&known, &format!("@{}", one["digest"].as_str().unwrap()), "something else than");
}
