//! The tables in `tests/data` were written by the tools themselves (`scripts/version-goldens`): `dpkg
//! --compare-versions`, rpm's `vercmp`, npm's `semver`, Python's `packaging`, Maven's `ComparableVersion`. Each line
//! is a version, its relation to another, and that.

use super::compare;
use inventory::Kind;
use proptest::prelude::*;
use std::cmp::Ordering;

fn table(kind: Kind, table: &str) {
    let mut lines = 0;
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split('\t');
        let (Some(one), Some(relation), Some(two)) = (words.next(), words.next(), words.next())
        else {
            panic!("{line:?}");
        };
        let wanted = match relation {
            "<" => Ordering::Less,
            "=" => Ordering::Equal,
            ">" => Ordering::Greater,
            other => panic!("{other:?}"),
        };
        assert_eq!(compare(kind, one, two), Some(wanted), "{one} {relation} {two}");
        assert_eq!(compare(kind, two, one), Some(wanted.reverse()), "{two} ? {one}");
        lines += 1;
    }
    assert!(lines > 100, "{lines} lines");
}

#[test]
fn versions_are_compared_as_dpkg_does() {
    table(Kind::Deb, include_str!("../../tests/data/dpkg.txt"));
}

#[test]
fn versions_are_compared_as_rpm_does() {
    table(Kind::Rpm, include_str!("../../tests/data/rpm.txt"));
}

#[test]
fn versions_are_compared_as_npm_does() {
    table(Kind::Npm, include_str!("../../tests/data/semver.txt"));
}

#[test]
fn versions_are_compared_as_python_does() {
    table(Kind::Pypi, include_str!("../../tests/data/pep440.txt"));
}

#[test]
fn versions_are_compared_as_maven_does() {
    table(Kind::Maven, include_str!("../../tests/data/maven.txt"));
}

#[test]
fn versions_of_alpine_are_in_this_order() {
    let ascending = [
        "0.9",
        "1.0_alpha",
        "1.0_alpha1",
        "1.0_beta",
        "1.0_pre1",
        "1.0_rc1",
        "1.0_rc2",
        "1.0_rc2-r1",
        "1.0",
        "1.0-r1",
        "1.0-r10",
        "1.0_p1",
        "1.0a",
        "1.0b",
        "1.0.001",
        "1.0.01",
        "1.0.1",
        "1.0.1-r0",
        "1.1",
        "1.10",
        "2",
    ];
    for (at, one) in ascending.iter().enumerate() {
        for (behind, two) in ascending.iter().enumerate() {
            assert_eq!(compare(Kind::Apk, one, two), Some(at.cmp(&behind)), "{one} ? {two}");
        }
    }
}

#[test]
fn what_is_no_version_is_not_compared() {
    for (kind, wrong) in [
        (Kind::Deb, "a:1"),
        (Kind::Deb, ""),
        (Kind::Apk, "1.0_unknown1"),
        (Kind::Apk, "edge"),
        (Kind::Go, "(devel)"),
        (Kind::Npm, "latest"),
        (Kind::Npm, "1.0.0-"),
        (Kind::Pypi, "1.0-foo"),
        (Kind::Pypi, ""),
    ] {
        assert_eq!(compare(kind, wrong, "1.0"), None, "{wrong}");
        assert_eq!(compare(kind, "1.0", wrong), None, "{wrong}");
    }
}

#[test]
fn versions_of_go_itself_are_understood() {
    assert_eq!(compare(Kind::Go, "1.22rc1", "1.22.0-rc.2"), Some(Ordering::Less));
    assert_eq!(compare(Kind::Go, "1.22rc1", "1.22"), Some(Ordering::Less));
    assert_eq!(
        compare(Kind::Go, "v0.0.0-20240101000000-aaaaaaaaaaaa", "v0.0.1"),
        Some(Ordering::Less)
    );
    assert_eq!(compare(Kind::Go, "v2.0.0+incompatible", "2.0.0"), Some(Ordering::Equal));
}

fn version() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec![
            "0", "1", "2", "10", "01", ".", ".", "-", "~", "^", "+", "_", ":", "a", "b", "rc",
            "alpha", "post", "dev", "-r1", "_p1", "1!", "final", "sp", "x",
        ]),
        1..7,
    )
    .prop_map(|words| words.concat())
}

proptest! {
    /// Whatever the texts are, an order is one: turned round it is turned round, and what is between is between.
    #[test]
    fn each_order_is_an_order(one in version(), two in version(), three in version()) {
        for kind in Kind::ALL {
            let order = |one: &str, two: &str| compare(*kind, one, two);
            prop_assert_eq!(order(&one, &two), order(&two, &one).map(Ordering::reverse));
            if order(&one, &one).is_some() {
                prop_assert_eq!(order(&one, &one), Some(Ordering::Equal));
            }
            // rpm's order, and Maven's, are none in corners that their own tools have as well.
            if !matches!(kind, Kind::Rpm | Kind::Maven)
                && let (Some(first), Some(second)) = (order(&one, &two), order(&two, &three))
                && first == second
            {
                prop_assert_eq!(order(&one, &three), Some(first), "{:?} {} {} {}", kind, one, two, three);
            }
        }
    }
}
