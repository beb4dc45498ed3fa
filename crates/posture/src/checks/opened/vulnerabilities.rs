//! Checks on what a database of vulnerabilities says of the packages in an image or in a bill of materials.
//! Which versions are affected is the caller's to ask; how bad, the publisher's to say.

use super::whole;
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::checks::{nsa, threat};
use crate::object::Object;
use crate::snapshot::place;
use crate::words::{Words, words};

const NOT_ASKED: Words = words(
    "no database of vulnerabilities was given: `--vulnerabilities` and `--key`",
    "취약점 데이터베이스를 지정하지 않았습니다: `--vulnerabilities`와 `--key`",
);

/// A check on the vulnerabilities of one rating.
macro_rules! vulnerability_check {
    ($id:literal, $severity:ident, $rating:literal, $title:expr, $why:expr, $fail:literal) => {
        Check {
            id: $id,
            severity: Severity::$severity,
            title: $title,
            why: $why,
            fix: words(
                "Build the image again with the version that the evidence names; where there is none, remove the package, or say in an exception why it cannot be reached.",
                "증거에 나온 버전으로 이미지를 다시 빌드합니다. 고친 버전이 없으면 패키지를 제거하거나, 닿을 수 없는 이유를 예외에 적습니다.",
            ),
            mappings: &[threat("E3"), nsa("Pod security")],
            test: Test::Object(&["ContainerImage", "BillOfMaterials"], |object| {
                rated(object, $rating)
            }),
            remedy: None,
            passes: &[
                image_facts!("vulnerabilities: {}"),
                Example::Manifest(
                    "apiVersion: image.sallyport/v1\nkind: BillOfMaterials\nmetadata: {name: shop}\nvulnerabilities: {}\n",
                ),
            ],
            fails: &[image_facts!($fail)],
        }
    };
}

pub(super) static CHECKS: &[Check] = &[
    vulnerability_check!(
        "image-vulnerability-critical",
        Critical,
        "critical",
        words("A package has a critical vulnerability", "패키지에 치명적인 취약점이 있습니다"),
        words(
            "Whoever reaches the program may take it over, as a rule from afar and without signing in.",
            "프로그램에 닿는 사람이 대개 원격에서 로그인 없이 장악할 수 있습니다."
        ),
        "vulnerabilities: {critical: {CVE-2024-1/openssl: 3.0.1 is installed}}"
    ),
    vulnerability_check!(
        "image-vulnerability-high",
        High,
        "high",
        words(
            "A package has a vulnerability of high severity",
            "패키지에 심각도가 높은 취약점이 있습니다"
        ),
        words(
            "It gives an attacker who can reach it much, or little and then more.",
            "닿을 수 있는 공격자에게 많은 것을 내주거나, 더 많은 것을 얻는 발판이 됩니다."
        ),
        "vulnerabilities: {high: {CVE-2024-1/openssl: 3.0.1 is installed}}"
    ),
    vulnerability_check!(
        "image-vulnerability-medium",
        Medium,
        "medium",
        words(
            "A package has a vulnerability of medium severity",
            "패키지에 심각도가 보통인 취약점이 있습니다"
        ),
        words(
            "It needs conditions that an attacker may find, or may make.",
            "공격자가 찾거나 만들 수 있는 조건이 필요합니다."
        ),
        "vulnerabilities: {medium: {CVE-2024-1/openssl: 3.0.1 is installed}}"
    ),
    vulnerability_check!(
        "image-vulnerability-low",
        Low,
        "low",
        words(
            "A package has a vulnerability of low severity",
            "패키지에 심각도가 낮은 취약점이 있습니다"
        ),
        words(
            "By itself it gives little; mended versions come with the next build.",
            "그것만으로 얻는 것은 적습니다. 다음 빌드에서 고친 버전이 들어옵니다."
        ),
        "vulnerabilities: {low: {CVE-2024-1/openssl: 3.0.1 is installed}}"
    ),
    vulnerability_check!(
        "image-vulnerability-unrated",
        Low,
        "unrated",
        words(
            "A package has a vulnerability that nobody has rated",
            "패키지에 심각도가 매겨지지 않은 취약점이 있습니다"
        ),
        words(
            "That nobody said how bad it is does not make it harmless; many become high when they are looked at.",
            "심각도가 없다고 해가 없는 것은 아닙니다. 분석 후 높음이 되는 것이 많습니다."
        ),
        "vulnerabilities: {unrated: {CVE-2024-1/openssl: 3.0.1 is installed}}"
    ),
];

fn rated<'a>(object: &'a Object, rating: &'static str) -> Outcome<'a> {
    if !place(object, &["vulnerabilities"]).is_set() {
        return Outcome::Unknown(NOT_ASKED);
    }
    whole(object, "vulnerabilities", super::each(place(object, &["vulnerabilities", rating])))
}
