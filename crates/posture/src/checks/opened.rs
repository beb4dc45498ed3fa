//! Checks on an image that was opened: its configuration, how it was built, its files, its packages.
//! How these facts are read from layers is the caller's; they come as an object of the group `image.sallyport`, so that
//! they are scanned, reported and waived as manifests are. A bill of materials is such an object with packages alone.
//!
//! | field | what it holds |
//! | --- | --- |
//! | `config` | `user`, `environment`, `ports`, `volumes`, `healthcheck` |
//! | `history` | the steps of which it was built, as the image tells them |
//! | `secrets` | `environment`, and in `history` steps and commands, with secrets, which are put out of sight |
//! | `files` | paths by what is notable in them: see `paths` |
//! | `accounts` | `emptyPassword`, `root`, `shared` |
//! | `distribution` | `id` and `version` |
//! | `vulnerabilities` | by rating; absent, if nobody asked a database |
//! | `unread` | why `files`, `vulnerabilities` or `accounts` may not be whole |

macro_rules! image_facts {
    ($facts:literal) => {
        Example::Manifest(concat!(
            "apiVersion: image.sallyport/v1\nkind: ContainerImage\nmetadata: {name: shop}\n",
            $facts,
            "\n"
        ))
    };
}

/// A check on an opened image, with its examples as little facts.
macro_rules! image_check {
    ($id:literal, $severity:ident, $title:expr, $why:expr, $fix:expr, [$($mapping:expr),* $(,)?], $test:expr,
     pass [$($pass:literal),+], fail [$($fail:literal),+]) => {
        Check {
            id: $id,
            severity: Severity::$severity,
            title: $title,
            why: $why,
            fix: $fix,
            mappings: &[$($mapping),*],
            test: Test::Object(crate::checks::opened::KINDS, $test),
            remedy: None,
            passes: &[$(image_facts!($pass)),+],
            fails: &[$(image_facts!($fail)),+],
        }
    };
}

mod accounts;
mod build;
mod configuration;
mod contents;
mod paths;
mod secrets;
mod vulnerabilities;

use crate::check::{Check, Outcome};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::place;
use crate::words::{Words, words};
pub use paths::notable;
pub use secrets::{is_secret_setting, is_secret_step};

/// What these checks look at.
const KINDS: &[&str] = &["ContainerImage"];

/// The checks on opened images, by family.
pub(super) static FAMILIES: &[(Words, &[Check])] = &[
    (words("Image: vulnerabilities", "이미지: 취약점"), vulnerabilities::CHECKS),
    (words("Image: configuration", "이미지: 설정"), configuration::CHECKS),
    (words("Image: how it was built", "이미지: 빌드 과정"), build::CHECKS),
    (words("Image: files", "이미지: 파일"), contents::CHECKS),
    (words("Image: accounts", "이미지: 계정"), accounts::CHECKS),
];

const UNREAD: Words = words(
    "not all of the image could be read; the report says what was missed",
    "이미지를 모두 읽지 못했습니다. 무엇을 읽지 못했는지는 보고서에 있습니다",
);

/// A pass holds only if all was read that could have failed.
fn whole<'a>(object: &Object, key: &'static str, outcome: Outcome<'a>) -> Outcome<'a> {
    let unread = place(object, &["unread", key]).is_set();
    if unread && matches!(outcome, Outcome::Pass) { Outcome::Unknown(UNREAD) } else { outcome }
}

/// Every entry of a mapping, or item of a list, is wrong.
fn each(place: Place<'_>) -> Outcome<'_> {
    let node = place.node();
    let entries = node.map_or(&[][..], Node::entries).iter().map(|entry| &entry.node);
    let items = node.map_or(&[][..], Node::items).iter();
    Outcome::of(entries.chain(items).map(Place::of))
}

/// Every file in which this is notable is wrong.
fn files<'a>(object: &'a Object, what: &'static str) -> Outcome<'a> {
    whole(object, "files", each(place(object, &["files", what])))
}

/// Every step of the build for which this holds is wrong.
fn steps<'a>(object: &'a Object, wrong: impl Fn(&str) -> bool) -> Outcome<'a> {
    let history = place(object, &["history"]).node().map_or(&[][..], Node::items).iter();
    Outcome::of(history.filter(|step| step.text().is_some_and(&wrong)).map(Place::of))
}
