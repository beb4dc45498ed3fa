//! Images made here as `docker save` and OCI tools lay them out, and databases made of advisories written here.

use super::{Choice, ImageFault, Vulnerabilities, build, open};
use crate::{Material, Report, Waivers};
use aws_lc_rs::digest::{SHA256, digest};
use inventory::Inventory;
use posture::scan::Verdict;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A member of an archive.
fn member(path: &str, flag: u8, mode: u32, content: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..path.len()].copy_from_slice(path.as_bytes());
    block[100..108].copy_from_slice(format!("{mode:07o}\0").as_bytes());
    block[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    block[148..156].copy_from_slice(b"        ");
    block[156] = flag;
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block.extend_from_slice(content);
    block.resize(block.len().next_multiple_of(512), 0);
    block
}

fn file(path: &str, mode: u32, content: &str) -> Vec<u8> {
    member(path, b'0', mode, content.as_bytes())
}

fn sha256(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    let digits: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// A layout in a folder, of these layers.
struct Layout {
    folder: tempfile::TempDir,
}

impl Layout {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn blob_path(&self, digest: &str) -> PathBuf {
        self.path().join("blobs/sha256").join(digest.strip_prefix("sha256:").unwrap())
    }

    fn blob(&self, bytes: &[u8]) -> String {
        let digest = sha256(bytes);
        std::fs::write(self.blob_path(&digest), bytes).unwrap();
        digest
    }

    /// The digest of the manifest.
    fn image(&self, config: Value, layers: &[Vec<u8>]) -> String {
        let mut config = config;
        let (mut told, mut plain) = (Vec::new(), Vec::new());
        for layer in layers {
            let packed = gzip(layer);
            plain.push(sha256(layer));
            told.push(json!({"digest": self.blob(&packed), "size": packed.len()}));
        }
        config["rootfs"] = json!({"type": "layers", "diff_ids": plain});
        let config = self.blob(config.to_string().as_bytes());
        let manifest = json!({"config": {"digest": config}, "layers": told});
        self.blob(manifest.to_string().as_bytes())
    }

    fn index(&self, manifests: Value) {
        let index = json!({"schemaVersion": 2, "manifests": manifests}).to_string();
        std::fs::write(self.path().join("index.json"), index).unwrap();
    }
}

const STATUS: &str =
    "Package: libssl3\nStatus: install ok installed\nSource: openssl\nVersion: 3.0.9-1\n";

fn layers() -> Vec<Vec<u8>> {
    vec![
        [
            file("etc/os-release", 0o644, "ID=debian\nVERSION_ID=\"12\"\n"),
            file("etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\ntoor::0:0::/:/bin/sh\n"),
            file("var/lib/dpkg/status", 0o644, STATUS),
            file("usr/bin/su", 0o4755, "program"),
            file("root/.aws/credentials", 0o600, "key"),
            file("gone.pem", 0o600, "-----BEGIN PRIVATE KEY-----\n"),
        ]
        .concat(),
        [file(".wh.gone.pem", 0o644, ""), file("app/run", 0o777, "run")].concat(),
    ]
}

fn config() -> Value {
    json!({
        "architecture": "amd64",
        "config": {"User": "", "Env": ["PATH=/bin", "DB_PASSWORD=hunter22"], "ExposedPorts": {"22/tcp": {}}},
        "history": [{"created_by": "RUN curl https://example.com/x | sh"}, {"created_by": "ARG TOKEN=abcdef0123"}],
    })
}

fn failing(material: Material) -> Vec<(String, String)> {
    let checks: Vec<_> = posture::checks::all().collect();
    let report = Report::of(material, &checks, &Waivers::default());
    let failing = report.lines.iter().filter(|line| line.verdict == Verdict::Fail);
    failing.map(|line| (line.check.id.to_owned(), line.path.clone())).collect()
}

#[test]
fn what_is_wrong_in_an_image_is_told_with_its_place() {
    let layout = Layout::new();
    layout.index(json!([{"digest": layout.image(config(), &layers())}]));
    let image = open(layout.path(), &Choice::default()).unwrap();
    assert!(image.faults.is_empty(), "{:?}", image.faults);
    let inventory = Inventory::of(&image.tree);
    let found = failing(Material::of_image(&image, &inventory, None));
    for (check, path) in [
        ("image-user-root", "config.user"),
        ("image-environment-secret", "secrets.environment.DB_PASSWORD"),
        ("image-history-secret", "secrets.history[0]"),
        ("image-login-port", "config.ports[0]"),
        ("image-step-piped-install", "history[0]"),
        ("image-setuid", "files.setuid[\"usr/bin/su\"]"),
        ("image-credential-file", "files.credentials[\"root/.aws/credentials\"]"),
        ("image-world-writable", "files.writable[\"app/run\"]"),
        ("image-second-root", "accounts.root[0]"),
        ("image-empty-password", "accounts.emptyPassword[0]"),
    ] {
        assert!(found.contains(&(check.to_owned(), path.to_owned())), "{check} {path}: {found:#?}");
    }
    let told = |id: &str| found.iter().any(|(check, _)| check == id);
    assert!(!told("image-private-key"), "the layer above took it away");
    assert!(!told("image-distribution-ended") && !told("image-vulnerability-critical"));
}

#[test]
fn no_secret_of_an_image_reaches_a_report() {
    let layout = Layout::new();
    layout.index(json!([{"digest": layout.image(config(), &layers())}]));
    let image = open(layout.path(), &Choice::default()).unwrap();
    let material = Material::of_image(&image, &Inventory::of(&image.tree), None);
    let told = format!("{:?}", material.objects);
    assert!(!told.contains("hunter22") && !told.contains("abcdef0123"), "{told}");
}

#[test]
fn no_secret_of_what_a_container_runs_reaches_a_report() {
    let layout = Layout::new();
    let config = json!({"config": {
        "Entrypoint": ["/run", "--password", "hunter22"],
        "Cmd": ["/bin/sh", "-c", "curl -u app:hunter23 https://x"],
        "Healthcheck": {"Test": ["CMD", "curl", "-H", "Authorization: Bearer hunter2424"]},
    }});
    layout.index(json!([{"digest": layout.image(config, &layers())}]));
    let image = open(layout.path(), &Choice::default()).unwrap();
    let material = Material::of_image(&image, &Inventory::of(&image.tree), None);
    let told = format!("{:?}", material.objects);
    assert!(!told.contains("hunter"), "{told}");
    let found = failing(material);
    for number in 0..3 {
        let place = ("image-history-secret".to_owned(), format!("secrets.history[{number}]"));
        assert!(found.contains(&place), "{found:#?}");
    }
    assert!(!found.iter().any(|(check, _)| check == "image-healthcheck"), "there is one");
}

/// Writes advisories into a folder.
fn advisories(folder: &Path) {
    let advisory = |id: &str, ecosystem: &str, name: &str, fixed: &str, vector: &str| {
        let text = json!({
            "id": id,
            "severity": [{"type": "CVSS_V3", "score": vector}],
            "affected": [{"package": {"ecosystem": ecosystem, "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}],
        });
        std::fs::write(folder.join(format!("{id}.json")), text.to_string()).unwrap();
    };
    let critical = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
    advisory("CVE-1", "Debian:12", "openssl", "3.0.11-1~deb12u2", critical);
    advisory("CVE-2", "Debian:12", "openssl", "3.0.8-1", critical);
    advisory("CVE-3", "Debian:11", "openssl", "9", critical);
    std::fs::write(folder.join("broken.json"), "{").unwrap();
}

/// A database, and the key that verifies it.
fn database(folder: &Path) -> (PathBuf, PathBuf) {
    let text = advisories::key::SecretKey::make().unwrap();
    let public = advisories::key::SecretKey::read(&text).unwrap().public().text();
    let osv = folder.join("osv");
    std::fs::create_dir(&osv).unwrap();
    advisories(&osv);
    let path = |name: &str| folder.join(name);
    std::fs::write(path("key"), text).unwrap();
    std::fs::write(path("key.pub"), public).unwrap();
    let built = build(&[osv], &path("key"), "2026-01-02T03:04:05Z").unwrap();
    assert_eq!((built.count, built.skipped.len()), (3, 1));
    std::fs::write(path("db"), built.bytes).unwrap();
    (path("db"), path("key.pub"))
}

#[test]
fn a_vulnerable_package_is_told_and_gone_when_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = database(folder.path());
    for (version, wanted) in [("3.0.9-1", true), ("3.0.11-1~deb12u2", false)] {
        let layout = Layout::new();
        let mut layers = layers();
        layers.push(file("var/lib/dpkg/status", 0o644, &STATUS.replace("3.0.9-1", version)));
        layout.index(json!([{"digest": layout.image(config(), &layers)}]));
        let image = open(layout.path(), &Choice::default()).unwrap();
        let inventory = Inventory::of(&image.tree);
        let mut database = Vulnerabilities::open(&path, &key).unwrap();
        let answers = database.ask(&inventory).unwrap();
        assert!(answers.missed.is_empty(), "{:?}", answers.missed);
        let found = failing(Material::of_image(&image, &inventory, Some(&answers)));
        let place = "vulnerabilities.critical[\"CVE-1/libssl3\"]".to_owned();
        let is_told = found.contains(&("image-vulnerability-critical".to_owned(), place));
        assert_eq!(is_told, wanted, "{version}: {found:#?}");
        assert!(!found.iter().any(|(_, path)| path.contains("CVE-2") || path.contains("CVE-3")));
        // The same from a bill of materials.
        let subject =
            inventory::sbom::Subject { name: "x", digest: "sha256:0", time: "", tool_version: "" };
        let bill =
            inventory::sbom::write(&inventory, &subject, inventory::sbom::Form::Spdx).to_string();
        let inventory = inventory::sbom::read(bill.as_bytes()).unwrap();
        let answers = database.ask(&inventory).unwrap();
        let found = failing(Material::of_bill("x", &inventory, Some(&answers)));
        assert_eq!(found.len(), usize::from(wanted), "{found:#?}");
    }
}

#[test]
fn what_the_database_does_not_know_is_unknown_and_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = database(folder.path());
    let layout = Layout::new();
    let mut layers = layers();
    layers.push(file("etc/os-release", 0o644, "ID=debian\nVERSION_ID=13\n"));
    layout.index(json!([{"digest": layout.image(config(), &layers)}]));
    let image = open(layout.path(), &Choice::default()).unwrap();
    let inventory = Inventory::of(&image.tree);
    let answers = Vulnerabilities::open(&path, &key).unwrap().ask(&inventory).unwrap();
    let material = Material::of_image(&image, &inventory, Some(&answers));
    assert!(material.failures.iter().any(|failure| failure.reason.contains("Debian:13")));
    let checks: Vec<_> = posture::checks::named("image-vulnerability-critical");
    let report = Report::of(material, &checks, &Waivers::default());
    assert_eq!(report.lines[0].verdict, Verdict::Unknown);
    let (other, wrong) = (folder.path().join("other"), folder.path().join("other.pub"));
    let text = advisories::key::SecretKey::make().unwrap();
    std::fs::write(&other, &text).unwrap();
    let public = advisories::key::SecretKey::read(&text).unwrap().public().text();
    std::fs::write(&wrong, public).unwrap();
    assert!(Vulnerabilities::open(&path, &wrong).is_err(), "another's key");
}

#[test]
fn a_layout_that_lies_is_not_believed() {
    let layout = Layout::new();
    let manifest = layout.image(config(), &layers());
    layout.index(json!([{"digest": manifest}]));
    let text = std::fs::read_to_string(layout.blob_path(&manifest)).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    let layer = told["layers"][1]["digest"].as_str().unwrap().to_owned();
    // A layer that was changed is told, and all that could fail by it is unknown.
    let other = gzip(&file("app/other", 0o644, ""));
    std::fs::write(layout.blob_path(&layer), other).unwrap();
    let image = open(layout.path(), &Choice::default()).unwrap();
    assert_eq!(image.faults.len(), 1, "{:?}", image.faults);
    let material = Material::of_image(&image, &Inventory::of(&image.tree), None);
    assert_eq!(material.failures.len(), 1);
    let report =
        Report::of(material, &posture::checks::named("image-device-file"), &Waivers::default());
    assert_eq!(report.lines[0].verdict, Verdict::Unknown);
    // A link that leads out of the layout is none of its files.
    std::fs::remove_file(layout.blob_path(&layer)).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", layout.blob_path(&layer)).unwrap();
    assert_eq!(open(layout.path(), &Choice::default()).unwrap().faults.len(), 1);
    // A manifest that was changed is no manifest, and a digest that is a path names nothing.
    std::fs::write(layout.blob_path(&manifest), text.replace("sha256", "sha512")).unwrap();
    assert!(matches!(open(layout.path(), &Choice::default()), Err(ImageFault::Digest(_))));
    layout.index(json!([{"digest": "sha256:../../../../etc/passwd"}]));
    assert!(matches!(open(layout.path(), &Choice::default()), Err(ImageFault::Digest(_))));
}

#[test]
fn indexes_that_name_each_other_are_bounded() {
    let layout = Layout::new();
    let index = |digest: &str, count: usize| {
        let one = json!({"digest": digest, "mediaType": "application/vnd.oci.image.index.v1+json"});
        json!({"manifests": vec![one; count]})
    };
    let manifest = layout.image(config(), &layers());
    let inner = json!({"manifests": [{"digest": manifest}]});
    let inner = layout.blob(inner.to_string().as_bytes());
    layout.index(index(&inner, 4000)["manifests"].clone());
    assert!(open(layout.path(), &Choice::default()).is_ok());
    let middle = layout.blob(index(&inner, 4000).to_string().as_bytes());
    layout.index(index(&middle, 4000)["manifests"].clone());
    assert!(matches!(open(layout.path(), &Choice::default()), Err(ImageFault::Size(_))));
}

#[test]
fn what_docker_saved_into_a_folder_stays_in_it() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("saved");
    std::fs::create_dir_all(folder.join("l1")).unwrap();
    let layer = layers().concat();
    std::fs::write(above.path().join("x"), &layer).unwrap();
    std::fs::write(folder.join("l1/layer.tar"), &layer).unwrap();
    std::fs::write(folder.join("abc.json"), config().to_string()).unwrap();
    std::os::unix::fs::symlink(above.path(), folder.join("linked")).unwrap();
    let with = |config: &str, layer: &str| {
        let saved = json!([{"Config": config, "Layers": [layer]}]).to_string();
        std::fs::write(folder.join("manifest.json"), saved).unwrap();
        open(&folder, &Choice::default())
    };
    assert!(with("abc.json", "l1/layer.tar").unwrap().faults.is_empty());
    let outside = above.path().join("x").display().to_string();
    for place in ["/etc/hostname", "../x", &outside, "l1/../../x", "linked/x", "l1", "", "."] {
        let image = with("abc.json", place).unwrap();
        assert_eq!(image.faults.len(), 1, "{place}");
        assert!(image.faults[0].contains("is not there"), "{:?}", image.faults);
        assert_eq!(image.tree.entries().count(), 0);
        assert!(matches!(with(place, "l1/layer.tar"), Err(ImageFault::Missing(_))), "{place}");
    }
}

#[test]
fn accounts_that_were_not_read_are_unknown() {
    let verdict = |layer: Vec<u8>, check: &str| {
        let layout = Layout::new();
        layout.index(json!([{"digest": layout.image(config(), &[layer])}]));
        let image = open(layout.path(), &Choice::default()).unwrap();
        let material = Material::of_image(&image, &Inventory::of(&image.tree), None);
        Report::of(material, &posture::checks::named(check), &Waivers::default()).lines[0].verdict
    };
    let second = "image-second-root";
    let plain = "root:x:0:0::/root:/bin/sh\n";
    assert_eq!(verdict(file("etc/passwd", 0o644, plain), second), Verdict::Pass);
    assert_eq!(verdict(file("app", 0o644, ""), second), Verdict::Pass, "there are none");
    let link = |path: &str, to: &str| {
        let mut link = member(path, b'2', 0o777, b"");
        link[157..157 + to.len()].copy_from_slice(to.as_bytes());
        link[148..156].copy_from_slice(b"        ");
        let sum: u32 = link.iter().map(|byte| u32::from(*byte)).sum();
        link[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        link
    };
    let elsewhere = [file("opt/list", 0o644, plain), link("etc/passwd", "/opt/list")].concat();
    assert_eq!(verdict(elsewhere, second), Verdict::Unknown);
    let folder = [file("opt/passwd", 0o644, plain), link("etc", "/opt")].concat();
    assert_eq!(verdict(folder, second), Verdict::Unknown);
    assert_eq!(verdict(link("etc/shadow", "/not/there"), second), Verdict::Unknown);
    let sparse = member("etc/passwd", b'S', 0o644, b"part");
    assert_eq!(verdict(sparse.clone(), second), Verdict::Unknown);
    assert_eq!(verdict(sparse, "image-private-key"), Verdict::Unknown);
    assert_eq!(verdict(file("../x", 0o644, ""), "image-private-key"), Verdict::Unknown);
}

#[test]
fn one_of_several_is_chosen_and_never_guessed() {
    let layout = Layout::new();
    let digest = layout.image(config(), &layers());
    let other = layout.image(json!({"config": {}}), &[]);
    let platform = |architecture: &str| json!({"os": "linux", "architecture": architecture});
    let name = json!({"org.opencontainers.image.ref.name": "shop:1"});
    layout.index(json!([
        {"digest": digest, "platform": platform("amd64"), "annotations": name},
        {"digest": other, "platform": platform("arm64"), "annotations": name},
    ]));
    let choose = |platform: Option<&str>, reference: Option<&str>| {
        let own = |text: Option<&str>| text.map(str::to_owned);
        open(layout.path(), &Choice { platform: own(platform), reference: own(reference) })
    };
    assert!(matches!(choose(None, None), Err(ImageFault::Several(_))));
    assert!(matches!(choose(Some("linux/s390x"), None), Err(ImageFault::NoSuch(_))));
    assert!(matches!(choose(Some("linux/amd64"), Some("shop:2")), Err(ImageFault::NoSuch(_))));
    assert!(matches!(choose(Some("linux/amd64"), Some("hop")), Err(ImageFault::NoSuch(_))));
    assert!(choose(Some("linux/amd64"), Some("shop")).is_ok());
    let image = choose(Some("linux/amd64"), Some("shop:1")).unwrap();
    assert_eq!((image.name.as_str(), image.tree.layers()), ("shop:1", 2));
}

#[test]
fn what_docker_saves_is_opened_and_other_archives_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.tar");
    let saved = json!([{"Config": "abc.json", "RepoTags": ["shop:1"], "Layers": ["l1/layer.tar", "l2/layer.tar"]}]);
    let layers = layers();
    let bytes = [
        file("abc.json", 0o644, &config().to_string()),
        member("l1/layer.tar", b'0', 0o644, &layers[0]),
        member("l2/layer.tar", b'0', 0o644, &layers[1]),
        file("manifest.json", 0o644, &saved.to_string()),
    ]
    .concat();
    std::fs::write(&path, bytes).unwrap();
    let image = open(&path, &Choice::default()).unwrap();
    assert_eq!((image.name.as_str(), image.tree.layers(), image.faults.len()), ("shop:1", 2, 0));
    assert_eq!(Inventory::of(&image.tree).packages.len(), 1);
    std::fs::write(&path, file("readme", 0o644, "")).unwrap();
    assert!(matches!(open(&path, &Choice::default()), Err(ImageFault::NoImage)));
    std::fs::write(&path, [1; 600]).unwrap();
    assert!(matches!(open(&path, &Choice::default()), Err(ImageFault::Archive(_))));
}
