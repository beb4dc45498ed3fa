//! Checks on a node: the flags of the programs that run there, the files they name, and the kernel's settings.
//! How these facts are read from a machine is the caller's; they come as objects of the group `node.sallyport`,
//! one for each program, so that they are scanned, reported and waived as manifests are.
//!
//! | field | what it holds |
//! | --- | --- |
//! | `process` | `pid` and `user`; absent, if the program does not run here |
//! | `flags` | its command line, each flag by its name without dashes |
//! | `environment` | of etcd: the variables that stand for flags |
//! | `config`, `authentication`, `authorization`, `encryption`, `audit` | the files that flags name, as they are |
//! | `files` | by path, each with its list `use`, and `mode`, `owner`, `group`, or `fault` |
//! | `unread` | why one of the above could not be read, or not to its end, by its key |
//! | `kernel` | of the host: settings by name |
//!
//! A value is looked for where the program itself looks for it, and its default is the program's own. What could
//! not be read is unknown; a program that was not found makes its checks not applicable.

macro_rules! facts {
    ($kind:literal, $facts:literal) => {
        Example::Manifest(concat!(
            "apiVersion: node.sallyport/v1\nkind: ",
            $kind,
            "\nmetadata: {name: node1}\nprocess: {pid: 1, user: etcd}\n",
            $facts,
            "\n"
        ))
    };
}

/// A check on facts of a node, with its examples as little facts.
macro_rules! node_check {
    ($id:literal, $severity:ident, $kind:literal, $title:expr, $why:expr, $fix:expr,
     [$($mapping:expr),* $(,)?], $test:expr, pass [$($pass:literal),+], fail [$($fail:literal),+]) => {
        Check {
            id: $id,
            severity: Severity::$severity,
            title: $title,
            why: $why,
            fix: $fix,
            mappings: &[$($mapping),*],
            test: Test::Object(&[$kind], |object| crate::checks::node::whole(object, $test)),
            remedy: None,
            passes: &[$(facts!($kind, $pass)),+],
            fails: &[$(facts!($kind, $fail)),+],
        }
    };
}

/// A check on one setting of a program.
macro_rules! setting_check {
    ($id:literal, $severity:ident, $kind:literal, $title:expr, $why:expr, $fix:expr,
     [$($mapping:expr),* $(,)?], $setting:expr, $rule:expr,
     pass [$($pass:literal),+], fail [$($fail:literal),+]) => {
        node_check!(
            $id, $severity, $kind, $title, $why, $fix, [$($mapping),*],
            |object| {
                const SETTING: Setting = $setting;
                const RULE: Rule = $rule;
                SETTING.judge(object, &RULE)
            },
            pass [$($pass),+], fail [$($fail),+]
        )
    };
}

mod api_admission;
mod api_audit;
mod api_server;
mod api_storage;
mod control;
mod etcd;
mod files;
mod kernel;
mod kubelet;
mod setting;

use crate::check::{Check, Outcome};
use crate::object::Object;
use crate::snapshot::place;
use crate::words::{Words, words};
pub(crate) use kernel::SETTINGS as KERNEL_SETTINGS;

/// The checks on a node, by family.
pub(super) static FAMILIES: &[(Words, &[Check])] = &[
    (words("Node: API server", "노드: API 서버"), api_server::CHECKS),
    (words("Node: admission", "노드: 어드미션"), api_admission::CHECKS),
    (words("Node: storage and keys", "노드: 저장소와 키"), api_storage::CHECKS),
    (words("Node: audit log", "노드: 감사 로그"), api_audit::CHECKS),
    (
        words("Node: controller manager and scheduler", "노드: 컨트롤러 매니저와 스케줄러"),
        control::CHECKS,
    ),
    (words("Node: etcd", "노드: etcd"), etcd::CHECKS),
    (words("Node: kubelet and kube-proxy", "노드: kubelet과 kube-proxy"), kubelet::CHECKS),
    (
        words("Node: files of the control plane", "노드: 컨트롤 플레인의 파일"),
        files::OF_CONTROL_PLANE,
    ),
    (words("Node: files of a worker", "노드: 워커의 파일"), files::OF_WORKER),
    (words("Node: kernel", "노드: 커널"), kernel::CHECKS),
];

const NOT_RUNNING: Words = words(
    "no process of the program is among those that were looked at",
    "살펴본 프로세스 가운데 이 프로그램이 없습니다",
);
const UNREAD: Words = words(
    "what decides it could not be read, or not to its end; scan as root on the node itself",
    "값을 정하는 것을 읽지 못했거나 끝까지 읽지 못했습니다. 노드에서 root로 스캔합니다",
);

/// Asks a question of facts, unless the command line on which they rest is not known to its end: the last flag of
/// a name holds.
fn whole<'a>(object: &'a Object, ask: impl FnOnce(&'a Object) -> Outcome<'a>) -> Outcome<'a> {
    if place(object, &["unread", "flags"]).is_set() {
        return Outcome::Unknown(UNREAD);
    }
    ask(object)
}
