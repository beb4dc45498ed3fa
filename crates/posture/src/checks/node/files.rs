//! The files of a node: how they are judged, by whose they are and who else reads and writes them.
//! Which files there are is told by the programs that use them, and by no table of usual places.

use super::NOT_RUNNING;
use super::setting::written;
use crate::check::Outcome;
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::place;
use crate::words::{Words, words};

const NO_FILE: Words = words(
    "there is no such file: the program was not started by one, or does not use one",
    "해당 파일이 없습니다. 프로그램이 그런 파일로 시작되지 않았거나 쓰지 않습니다",
);
const FILE_UNSEEN: Words = words(
    "the file could not be looked at; scan as root on the node itself",
    "파일을 살펴볼 수 없었습니다. 노드에서 root로 스캔합니다",
);
const NOT_FOUND: Words = words(
    "it is at none of the usual places, and no program names it",
    "일반적인 위치에 없고 이를 지정하는 프로그램도 없습니다",
);
const OTHERS_READ: Words = words(
    "Whoever else is on the node reads keys and settings there, or writes what runs next.",
    "노드의 다른 사용자가 키와 설정을 읽거나 다음에 실행될 것을 바꿀 수 있습니다.",
);
const OTHERS_OWN: Words = words(
    "Its owner can change it at any time, whatever its mode says.",
    "소유자는 권한 설정과 관계없이 언제든 파일을 바꿀 수 있습니다.",
);
const CLOSE_CERTIFICATE: Words = words(
    "`chmod 644` the file that the finding names.",
    "발견에 나온 파일에 `chmod 644`를 실행합니다.",
);
const CLOSE: Words = words(
    "`chmod 600` the file that the finding names.",
    "발견에 나온 파일에 `chmod 600`을 실행합니다.",
);
const TO_ROOT: Words = words(
    "`chown root:root` the file that the finding names.",
    "발견에 나온 파일에 `chown root:root`를 실행합니다.",
);

/// Facts about one file.
macro_rules! file_facts {
    ($kind:literal, $use:literal, $mode:literal, $owner:literal) => {
        Example::Manifest(concat!(
            "apiVersion: node.sallyport/v1\nkind: ",
            $kind,
            "\nmetadata: {name: node1}\nprocess: {pid: 1, user: etcd}\nfiles: {/f: {use: [",
            $use,
            "], mode: '",
            $mode,
            "', owner: ",
            $owner,
            ", group: ",
            $owner,
            "}}\n"
        ))
    };
}

/// A check on the mode of files of some use: no bit beside the allowed ones.
macro_rules! mode_check {
    ($id:literal, $severity:ident, $kind:literal, $use:literal, [$($mapping:expr),+], $allowed:literal,
     $right:literal, $wrong:literal, $fix:expr, $title:expr) => {
        Check {
            id: $id,
            severity: Severity::$severity,
            title: $title,
            why: OTHERS_READ,
            fix: $fix,
            mappings: &[$($mapping),+],
            test: Test::Object(&[$kind], |object| modes(object, $use, $allowed)),
            remedy: None,
            passes: &[file_facts!($kind, $use, $right, "root")],
            fails: &[file_facts!($kind, $use, $wrong, "root")],
        }
    };
}

/// A check on the owner of files of some use: root.
macro_rules! owner_check {
    ($id:literal, $kind:literal, $use:literal, [$($mapping:expr),+], $title:expr) => {
        Check {
            id: $id,
            severity: Severity::Medium,
            title: $title,
            why: OTHERS_OWN,
            fix: TO_ROOT,
            mappings: &[$($mapping),+],
            test: Test::Object(&[$kind], |object| owners(object, $use)),
            remedy: None,
            passes: &[file_facts!($kind, $use, "0600", "root")],
            fails: &[file_facts!($kind, $use, "0600", "alice")],
        }
    };
}

mod control_plane;
mod worker;

pub(super) use control_plane::CHECKS as OF_CONTROL_PLANE;
pub(super) use worker::CHECKS as OF_WORKER;

/// Programs that have certificates and keys.
const PROGRAMS: &[&str] =
    &["KubeApiserver", "KubeControllerManager", "KubeScheduler", "Etcd", "Kubelet"];

/// What a file is judged by.
type Judge<'j, 'a> = &'j dyn Fn(&'a Node) -> Option<Place<'a>>;

/// Judges the files of some use.
fn files<'a>(object: &'a Object, uses: &[&str], wrong: Judge<'_, 'a>) -> Outcome<'a> {
    if object.kind != "NodeHost" && !place(object, &["process"]).is_set() {
        return Outcome::NotApplicable(NOT_RUNNING);
    }
    let all = place(object, &["files"]).node().map_or(&[][..], Node::entries);
    let of_use = |file: &&'a Node| {
        let own = file.get("use").map_or(&[][..], Node::items);
        own.iter().filter_map(Node::text).any(|own| uses.contains(&own))
    };
    let files: Vec<&Node> = all.iter().map(|entry| &entry.node).filter(of_use).collect();
    let places: Vec<_> = files.iter().filter_map(|file| wrong(file)).collect();
    if places.is_empty() && may_have_more(object, uses) {
        return Outcome::Unknown(FILE_UNSEEN);
    }
    if files.is_empty() {
        // A credential of people is used by no program, so that none says where it lies.
        return if uses == ["admin"] {
            Outcome::Unknown(NOT_FOUND)
        } else {
            Outcome::NotApplicable(NO_FILE)
        };
    }
    if places.is_empty() && files.iter().any(|file| file.get("fault").is_some()) {
        return Outcome::Unknown(FILE_UNSEEN);
    }
    Outcome::of(places)
}

/// Whether what names files of these uses could not be read, so that there may be others than those that were seen.
fn may_have_more(object: &Object, uses: &[&str]) -> bool {
    let unread = |key| place(object, &["unread", key]).is_set();
    let by_program =
        !uses.iter().any(|own| matches!(*own, "service" | "pod-spec" | "cni" | "admin"));
    let by_document = uses
        .iter()
        .any(|own| matches!(*own, "kubeconfig" | "client-ca" | "certificate" | "key" | "data"));
    (by_program && (unread("flags") || unread("environment"))) || (by_document && unread("config"))
}

/// No file of this use may have a bit that is not among these.
fn modes<'a>(object: &'a Object, of_use: &str, allowed: u32) -> Outcome<'a> {
    files(object, &[of_use], &|file| {
        let mode = u32::from_str_radix(file.get("mode").and_then(written)?, 8).ok()?;
        (mode & 0o777 & !allowed != 0).then(|| Place::of(file).get("mode"))
    })
}

fn owned<'a>(file: &'a Node, owner: &str) -> Option<Place<'a>> {
    ["owner", "group"]
        .into_iter()
        .find(|key| file.get(key).and_then(written).is_some_and(|own| own != owner))
        .map(|key| Place::of(file).get(key))
}

/// Each file of this use must be root's.
fn owners<'a>(object: &'a Object, of_use: &str) -> Outcome<'a> {
    files(object, &[of_use], &|file| owned(file, "root"))
}

fn pki_owner(object: &Object) -> Outcome<'_> {
    // A program that runs as somebody may have keys of its own.
    let user = place(object, &["process", "user"]).node().and_then(written).unwrap_or("root");
    files(object, &["certificate", "key"], &|file| owned(file, "root").and(owned(file, user)))
}

fn data_owner(object: &Object) -> Outcome<'_> {
    let user = place(object, &["process", "user"]).node().and_then(written).unwrap_or("etcd");
    files(object, &["data"], &|file| owned(file, user))
}
