use super::files::inside;
use super::process::flags;
use super::{Machine, read};
use crate::{Material, Report, Waivers};
use posture::scan::Verdict;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// A machine of our own making.
struct Fake(tempfile::TempDir);

impl Fake {
    fn new() -> Self {
        let fake = Self(tempfile::tempdir().unwrap());
        fake.file("proc/sys/kernel/hostname", "node1\n");
        fake.file("proc/sys/kernel/dmesg_restrict", "0\n");
        fake.file("root/etc/passwd", "root:x:0:0::/:/bin/sh\n");
        fake
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path)
    }

    fn file(&self, path: &str, content: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn process(&self, pid: u32, words: &[&str]) {
        self.file(&format!("proc/{pid}/cmdline"), &format!("{}\0", words.join("\0")));
        self.file(&format!("proc/{pid}/status"), "Name:\tx\nUid:\t0\t0\t0\t0\n");
        symlink(self.path("root"), self.path(&format!("proc/{pid}/root"))).unwrap();
    }

    fn read(&self) -> Material {
        read(&Machine { proc: self.path("proc"), root: self.path("root"), only: Vec::new() })
    }

    fn report(&self) -> Report {
        let checks: Vec<_> = posture::checks::all().collect();
        Report::of(self.read(), &checks, &Waivers::default())
    }
}

fn verdict(report: &Report, id: &str) -> (Verdict, String) {
    let line = report.lines.iter().find(|line| line.check.id == id).unwrap();
    let source = &report.sources[report.objects[line.object].source_of(&line.path)];
    (line.verdict, format!("{} = {:?} in {source}:{}", line.path, line.value, line.line))
}

#[test]
fn flags_are_read_as_go_reads_them() {
    let words = [
        "--a=1",
        "--b",
        "2",
        "--c",
        "-d",
        "--e_f=x",
        "--a=3",
        "--feature-gates=A=true",
        "--feature-gates",
        "B=false",
    ]
    .map(str::to_owned);
    let flags = flags(&words);
    let of =
        |name: &str| flags.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    assert_eq!(of("a"), Some("3"), "the last one holds");
    assert_eq!((of("b"), of("c"), of("d")), (Some("2"), Some("true"), Some("true")));
    assert_eq!((of("e-f"), of("feature-gates")), (Some("x"), Some("A=true,B=false")));
}

#[test]
fn evidence_names_the_process_or_the_line_of_its_file() {
    let fake = Fake::new();
    fake.process(
        7,
        &["/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml", "--hostname-override=x"],
    );
    fake.file(
        "root/var/lib/kubelet/config.yaml",
        "kind: KubeletConfiguration\nauthentication:\n  anonymous:\n    enabled: true\n",
    );
    let report = fake.report();
    let (verdict_, evidence) = verdict(&report, "kubelet-anonymous-auth");
    assert_eq!(verdict_, Verdict::Fail);
    assert!(evidence.ends_with("config.authentication.anonymous.enabled = Some(\"true\") in /var/lib/kubelet/config.yaml:4"), "{evidence}");
    let (verdict_, evidence) = verdict(&report, "kubelet-hostname-override");
    assert_eq!(verdict_, Verdict::Fail);
    assert!(evidence.ends_with("/proc/7/cmdline:0"), "{evidence}");
    assert_eq!(
        verdict(&report, "kubelet-read-only-port").0,
        Verdict::Pass,
        "with a file the port is closed"
    );
    assert_eq!(verdict(&report, "kubelet-configuration-mode").0, Verdict::Pass);
    assert_eq!(verdict(&report, "kernel-log").0, Verdict::Fail);
    assert_eq!(
        verdict(&report, "api-profiling").0,
        Verdict::NotApplicable,
        "no API server runs here"
    );
    assert_eq!(report.told().failures, 0);
}

#[test]
fn what_cannot_be_read_is_unknown_and_never_a_default() {
    let fake = Fake::new();
    fake.process(7, &["kubelet", "--config=/no/such.yaml"]);
    fake.process(8, &["kube-apiserver", "--encryption-provider-config=/no/such.yaml"]);
    let report = fake.report();
    for id in [
        "kubelet-anonymous-auth",
        "kubelet-read-only-port",
        "api-encryption-providers",
        "kubelet-configuration-mode",
    ] {
        assert_eq!(verdict(&report, id).0, Verdict::Unknown, "{id}");
    }
    // What a flag says is known all the same.
    fake.process(9, &["kubelet", "--config=/no/such.yaml", "--anonymous-auth=false"]);
    let report = fake.report();
    let of_nine: Vec<_> = report
        .lines
        .iter()
        .filter(|line| {
            line.check.id == "kubelet-anonymous-auth"
                && report.references[line.object].ends_with(":9")
        })
        .collect();
    assert_eq!(of_nine[0].verdict, Verdict::Pass);
}

#[test]
fn nobody_hides_a_program_by_calling_himself_so() {
    let fake = Fake::new();
    fake.process(7, &["kubelet", "--anonymous-auth=true"]);
    fake.process(8, &["/tmp/kubelet", "--anonymous-auth=false", "--authorization-mode=Webhook"]);
    let report = fake.report();
    assert!(report.references.contains(&"Kubelet/node1:7".to_owned()), "{:?}", report.references);
    let failing = report
        .lines
        .iter()
        .find(|line| line.check.id == "kubelet-anonymous-auth" && line.verdict == Verdict::Fail)
        .unwrap();
    assert_eq!(report.references[failing.object], "Kubelet/node1:7");
}

#[test]
fn static_pods_and_file_modes_are_found_by_the_programs_that_use_them() {
    let fake = Fake::new();
    fake.process(7, &["kubelet", "--config=/k.yaml"]);
    fake.file("root/k.yaml", "staticPodPath: /manifests\n");
    fake.file("root/manifests/api.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, command: [kube-apiserver]}]}\n");
    fake.file("root/pki/key", "");
    std::fs::set_permissions(fake.path("root/pki/key"), std::fs::Permissions::from_mode(0o644))
        .unwrap();
    fake.process(8, &["kube-apiserver", "--tls-private-key-file=/pki/key"]);
    let report = fake.report();
    assert_eq!(verdict(&report, "api-manifest-mode").0, Verdict::Pass);
    let (verdict_, evidence) = verdict(&report, "pki-key-mode");
    assert_eq!(verdict_, Verdict::Fail);
    assert!(evidence.starts_with("files[\"/pki/key\"].mode = Some(\"0644\")"), "{evidence}");
}

#[test]
fn keys_of_an_encryption_configuration_are_out_of_sight() {
    let fake = Fake::new();
    fake.process(8, &["kube-apiserver", "--encryption-provider-config=/e.yaml"]);
    fake.file("root/e.yaml", "resources:\n- resources: [secrets]\n  providers:\n  - aescbc: {keys: [{name: k, secret: c2VjcmV0}]}\n");
    let material = fake.read();
    assert!(!format!("{:?}", material.objects).contains("c2VjcmV0"));
    assert_eq!(verdict(&fake.report(), "api-encryption-providers").0, Verdict::Pass);
}

#[test]
fn a_machine_without_programs_is_no_clean_node() {
    assert_eq!(Fake::new().report().told().failures, 1);
}

#[test]
fn links_lead_nowhere_out_of_a_root() {
    let fake = Fake::new();
    fake.file("root/a/file", "");
    symlink("/a", fake.path("root/absolute")).unwrap();
    symlink("../../../../../a", fake.path("root/a/up")).unwrap();
    symlink("loop", fake.path("root/loop")).unwrap();
    let root = fake.path("root");
    let at = |path: &str| inside(&root, path);
    assert_eq!(at("/absolute/file"), root.join("a/file"));
    assert_eq!(at("/a/up/file"), root.join("a/file"));
    assert_eq!(at("/../../a/file"), root.join("a/file"));
    assert!(at("/loop").starts_with(&root));
    assert!(!at("/loop/x").exists() && Path::new(&root).exists());
}
