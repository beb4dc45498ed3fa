//! Checks on settings of the kernel: those that the kubelet expects, and those that make a way out of a
//! container, or from a process to another, harder.
//! A kernel without a setting has not what it guards, or guards it always: then the check is not applicable.

use super::super::{checkov, threat};
use super::UNREAD;
use super::setting::written;
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::object::Object;
use crate::snapshot::place;
use crate::words::{Words, words};

const NO_SETTING: Words =
    words("this kernel does not have the setting", "이 커널에는 해당 설정이 없습니다");

/// The settings that are asked for.
pub(crate) const SETTINGS: &[&str] = &[
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.randomize_va_space",
    "kernel.kptr_restrict",
    "kernel.dmesg_restrict",
    "kernel.unprivileged_bpf_disabled",
    "kernel.yama.ptrace_scope",
    "fs.protected_symlinks",
    "fs.protected_hardlinks",
    "fs.suid_dumpable",
    "net.ipv4.conf.all.accept_redirects",
    "net.ipv4.conf.all.accept_source_route",
];

macro_rules! kernel_check {
    ($id:literal, $severity:ident, $name:literal, [$first:literal $(, $right:literal)*], $wrong:literal,
     [$($mapping:expr),+], $title:expr, $why:expr) => {
        Check {
            id: $id,
            severity: Severity::$severity,
            title: $title,
            why: $why,
            fix: words(
                concat!("Set `", $name, "` to ", $first, $(" or ", $right,)* " in /etc/sysctl.d."),
                concat!("/etc/sysctl.d에서 `", $name, "`의 값을 다음으로 설정합니다: ", $first, $(" 또는 ", $right,)* "."),
            ),
            mappings: &[$($mapping),+],
            test: Test::Object(&["NodeHost"], |host| setting(host, $name, &[$first $(, $right)*])),
            remedy: None,
            passes: &[kernel_facts!($name, $first) $(, kernel_facts!($name, $right))*],
            fails: &[kernel_facts!($name, $wrong)],
        }
    };
}

macro_rules! kernel_facts {
    ($name:literal, $value:literal) => {
        Example::Manifest(concat!(
            "apiVersion: node.sallyport/v1\nkind: NodeHost\nmetadata: {name: node1}\nkernel: {",
            $name,
            ": ",
            $value,
            "}\n"
        ))
    };
}

pub(super) static CHECKS: &[Check] = &[
    kernel_check!(
        "kernel-overcommit",
        Low,
        "vm.overcommit_memory",
        ["1"],
        "0",
        [checkov("CKV_K8S_144"), threat("E5")],
        words(
            "The kernel does not overcommit memory as the kubelet expects",
            "커널의 메모리 오버커밋이 kubelet의 기대와 다릅니다"
        ),
        words(
            "With `protectKernelDefaults` the kubelet does not start.",
            "`protectKernelDefaults`를 쓰면 kubelet이 시작되지 않습니다."
        )
    ),
    kernel_check!(
        "kernel-panic-on-oom",
        Low,
        "vm.panic_on_oom",
        ["0"],
        "1",
        [checkov("CKV_K8S_144"), threat("E5")],
        words(
            "The kernel stops the node when memory runs out",
            "메모리가 부족하면 커널이 노드를 멈춥니다"
        ),
        words(
            "One Pod without a limit takes the whole node down.",
            "제한 없는 Pod 하나가 노드 전체를 멈춥니다."
        )
    ),
    kernel_check!(
        "kernel-panic-restart",
        Low,
        "kernel.panic",
        ["10"],
        "0",
        [checkov("CKV_K8S_144"), threat("E5")],
        words(
            "The node does not restart after a panic as the kubelet expects",
            "패닉 뒤의 재시작이 kubelet의 기대와 다릅니다"
        ),
        words("It stays down until somebody comes.", "누군가 올 때까지 멈춰 있습니다.")
    ),
    kernel_check!(
        "kernel-panic-on-oops",
        Low,
        "kernel.panic_on_oops",
        ["1"],
        "0",
        [checkov("CKV_K8S_144"), threat("E5")],
        words(
            "The kernel goes on after a fault of its own",
            "커널이 자체 결함 뒤에도 계속 실행됩니다"
        ),
        words(
            "Attacks on the kernel often fail once or twice before they succeed.",
            "커널 공격은 성공하기 전에 한두 번 실패하는 경우가 많습니다."
        )
    ),
    kernel_check!(
        "kernel-address-layout",
        Medium,
        "kernel.randomize_va_space",
        ["2"],
        "0",
        [threat("E6")],
        words(
            "Programs lie at addresses that can be foretold",
            "프로그램의 메모리 주소를 예측할 수 있습니다"
        ),
        words(
            "A fault in memory becomes an attack that works at once.",
            "메모리 결함이 곧바로 통하는 공격이 됩니다."
        )
    ),
    kernel_check!(
        "kernel-pointers",
        Low,
        "kernel.kptr_restrict",
        ["1", "2"],
        "0",
        [threat("E6")],
        words("The kernel tells its addresses", "커널이 자신의 주소를 알려 줍니다"),
        words(
            "They are what an attack on it from a container needs first.",
            "컨테이너에서 커널을 공격할 때 가장 먼저 필요한 것입니다."
        )
    ),
    kernel_check!(
        "kernel-log",
        Low,
        "kernel.dmesg_restrict",
        ["1"],
        "0",
        [threat("E6")],
        words(
            "Every process may read the kernel's log",
            "모든 프로세스가 커널 로그를 읽을 수 있습니다"
        ),
        words(
            "It holds addresses and names of the node, also for who sits in a container.",
            "컨테이너 안에서도 노드의 주소와 이름을 볼 수 있습니다."
        )
    ),
    kernel_check!(
        "kernel-bpf",
        Medium,
        "kernel.unprivileged_bpf_disabled",
        ["1", "2"],
        "0",
        [threat("E6")],
        words(
            "Every process may load programs into the kernel",
            "모든 프로세스가 커널에 프로그램을 올릴 수 있습니다"
        ),
        words(
            "Faults in the verifier of eBPF have led out of containers more than once.",
            "eBPF 검증기의 결함으로 컨테이너를 벗어난 사례가 여러 번 있었습니다."
        )
    ),
    kernel_check!(
        "kernel-ptrace",
        Low,
        "kernel.yama.ptrace_scope",
        ["1", "2", "3"],
        "0",
        [threat("E6")],
        words(
            "A process may look into any other of its user",
            "프로세스가 같은 사용자의 다른 프로세스를 들여다볼 수 있습니다"
        ),
        words("Keys are read out of memory.", "메모리에서 키를 읽을 수 있습니다.")
    ),
    kernel_check!(
        "kernel-links",
        Low,
        "fs.protected_symlinks",
        ["1"],
        "0",
        [threat("E5")],
        words("Links in shared folders are followed", "공용 폴더의 링크를 따라갑니다"),
        words(
            "Whoever may write to /tmp leads a program of root to another file.",
            "/tmp에 쓸 수 있으면 root의 프로그램을 다른 파일로 이끌 수 있습니다."
        )
    ),
    kernel_check!(
        "kernel-hard-links",
        Low,
        "fs.protected_hardlinks",
        ["1"],
        "0",
        [threat("E5")],
        words(
            "Everybody may link to files that are not theirs",
            "누구나 남의 파일에 링크를 만들 수 있습니다"
        ),
        words(
            "A program of root then changes a file that was not meant.",
            "root의 프로그램이 의도하지 않은 파일을 바꾸게 됩니다."
        )
    ),
    kernel_check!(
        "kernel-core-dumps",
        Low,
        "fs.suid_dumpable",
        ["0", "2"],
        "1",
        [threat("E5")],
        words(
            "Programs with root's rights leave their memory in files",
            "root 권한 프로그램이 메모리를 파일로 남깁니다"
        ),
        words(
            "Everybody may read what was secret in it.",
            "그 안의 비밀을 누구나 읽을 수 있습니다."
        )
    ),
    kernel_check!(
        "kernel-redirects",
        Low,
        "net.ipv4.conf.all.accept_redirects",
        ["0"],
        "1",
        [threat("E4")],
        words("The node lets others change its routes", "노드가 남이 경로를 바꾸도록 허용합니다"),
        words(
            "A neighbour draws the node's traffic to himself.",
            "이웃이 노드의 트래픽을 자기에게 끌어올 수 있습니다."
        )
    ),
    kernel_check!(
        "kernel-source-route",
        Low,
        "net.ipv4.conf.all.accept_source_route",
        ["0"],
        "1",
        [threat("E4")],
        words("The node takes routes from packets", "노드가 패킷에 적힌 경로를 따릅니다"),
        words(
            "A sender chooses a way past the rules of the network.",
            "보내는 쪽이 네트워크 규칙을 비켜 가는 길을 고를 수 있습니다."
        )
    ),
];

fn setting<'a>(host: &'a Object, name: &'static str, right: &[&str]) -> Outcome<'a> {
    let own = place(host, &["kernel", name]);
    debug_assert!(SETTINGS.contains(&name), "who reads the settings must know of this one");
    match own.node().and_then(written) {
        None if place(host, &["unread", name]).is_set() => Outcome::Unknown(UNREAD),
        None => Outcome::NotApplicable(NO_SETTING),
        Some(value) => Outcome::fail_if(!right.contains(&value), own),
    }
}
