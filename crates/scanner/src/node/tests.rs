use super::files::{bounded, inside};
use super::process::flags;
use super::{Machine, read};
use crate::{Material, Report, Waivers};
use posture::scan::Verdict;
use std::os::unix::fs::{PermissionsExt, symlink};

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
    let at = |path: &str| inside(&root, path).unwrap();
    assert_eq!(at("/absolute/file"), root.join("a/file"));
    assert_eq!(at("/a/up/file"), root.join("a/file"));
    assert_eq!(at("/../../a/file"), root.join("a/file"));
    // What would still be a link is no path, or the kernel would follow it out of the root.
    assert!(inside(&root, "/loop").is_err() && inside(&root, "/loop/x").is_err());
    for number in 0..41 {
        symlink(format!("l{}", number + 1), fake.path(&format!("root/l{number}"))).unwrap();
    }
    symlink("/etc/passwd", fake.path("root/l41")).unwrap();
    assert!(inside(&root, "/l0").is_err());
    assert_eq!(at("/l5"), root.join("etc/passwd"));
    assert!(bounded(&root, "/a").is_err(), "a folder is no file");
}

#[test]
fn an_environment_that_cannot_be_read_is_no_empty_one() {
    let fake = Fake::new();
    fake.process(7, &["etcd", "--client-cert-auth=true"]);
    // A folder cannot be read by root either.
    std::fs::create_dir(fake.path("proc/7/environ")).unwrap();
    let report = fake.report();
    for id in ["etcd-client-auth", "etcd-auto-tls", "etcd-data-mode"] {
        assert_eq!(verdict(&report, id).0, Verdict::Unknown, "{id}");
    }
    let keys = report.lines.iter().find(|line| {
        line.check.id == "pki-key-mode" && report.references[line.object].starts_with("Etcd/")
    });
    assert_eq!(keys.map(|line| line.verdict), Some(Verdict::Unknown));
    let fake = Fake::new();
    fake.process(7, &["etcd", "--client-cert-auth=true"]);
    fake.file("proc/7/environ", "ETCD_AUTO_TLS=true\0");
    let report = fake.report();
    assert_eq!(verdict(&report, "etcd-client-auth").0, Verdict::Pass);
    assert_eq!(verdict(&report, "etcd-auto-tls").0, Verdict::Fail);
}

#[test]
fn a_command_line_that_does_not_end_decides_nothing() {
    let fake = Fake::new();
    let long = "x".repeat(1024 * 1024);
    fake.process(8, &["kube-apiserver", "--anonymous-auth=false", &long, "--anonymous-auth=true"]);
    let report = fake.report();
    for id in ["api-anonymous-auth", "api-audit-age", "pki-key-mode"] {
        assert_eq!(verdict(&report, id).0, Verdict::Unknown, "{id}");
    }
}

#[test]
fn files_that_could_not_be_looked_for_are_not_absent() {
    let fake = Fake::new();
    fake.process(7, &["kubelet", "--config=/k.yaml"]);
    fake.file("root/k.yaml", "staticPodPath: /manifests\n");
    fake.file("proc/7/cgroup", "0::/system.slice/kubelet.service\n");
    fake.process(8, &["kube-apiserver"]);
    let report = fake.report();
    for id in ["kubelet-service-mode", "api-manifest-mode", "cni-configuration-mode"] {
        assert_eq!(verdict(&report, id).0, Verdict::NotApplicable, "{id}");
    }
    // Folders that lead in circles can be listed by nobody.
    fake.file("root/etc/systemd/system/x", "");
    std::fs::create_dir_all(fake.path("root/etc/cni")).unwrap();
    for (link, to) in [
        ("root/manifests", "manifests"),
        ("root/etc/cni/net.d", "net.d"),
        ("root/etc/systemd/system/kubelet.service.d", "kubelet.service.d"),
    ] {
        symlink(to, fake.path(link)).unwrap();
    }
    let report = fake.report();
    for id in ["kubelet-service-mode", "api-manifest-mode", "cni-configuration-mode"] {
        assert_eq!(verdict(&report, id).0, Verdict::Unknown, "{id}");
    }
}

#[test]
fn of_too_many_files_the_first_are_told_and_the_others_not_passed() {
    let fake = Fake::new();
    for number in 0..201 {
        fake.file(&format!("root/etc/cni/net.d/{number:03}"), "");
    }
    let open = |path: &str| {
        let mode = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(fake.path(path), mode).unwrap();
    };
    assert_eq!(verdict(&fake.report(), "cni-configuration-mode").0, Verdict::Unknown);
    open("root/etc/cni/net.d/200");
    assert_eq!(verdict(&fake.report(), "cni-configuration-mode").0, Verdict::Unknown);
    open("root/etc/cni/net.d/000");
    assert_eq!(verdict(&fake.report(), "cni-configuration-mode").0, Verdict::Fail);
}

#[test]
fn a_setting_of_the_kernel_that_cannot_be_read_is_not_missing() {
    let fake = Fake::new();
    std::fs::create_dir_all(fake.path("proc/sys/kernel/kptr_restrict")).unwrap();
    let report = fake.report();
    assert_eq!(verdict(&report, "kernel-pointers").0, Verdict::Unknown);
    assert_eq!(verdict(&report, "kernel-ptrace").0, Verdict::NotApplicable);
}

#[test]
fn only_the_number_makes_a_user_root() {
    let fake = Fake::new();
    fake.file("root/etc/passwd", "root:x:4321::/:/bin/sh\nalice:x:0::/:/bin/sh\neve:x:1234::/:\n");
    let mut seen = super::Seen::default();
    let root = fake.path("root");
    assert_eq!(seen.user(&root, 4321), "4321");
    assert_eq!(seen.user(&root, 0), "root");
    assert_eq!(seen.user(&root, 1234), "eve");
}

#[test]
fn a_crowd_of_one_name_is_told_and_hides_nothing_before_it() {
    let fake = Fake::new();
    fake.process(7, &["kubelet", "--anonymous-auth=true"]);
    for pid in 1000..1064 {
        fake.process(pid, &["/tmp/kubelet", "--anonymous-auth=false"]);
    }
    let report = fake.report();
    assert_eq!(report.told().failures, 1);
    assert!(report.references.contains(&"Kubelet/node1:7".to_owned()));
    assert!(!report.references.contains(&"Kubelet/node1:1063".to_owned()));
}
