use super::{Form, SbomFault, Subject, read, write};
use crate::distribution::Distribution;
use crate::package::{Kind, Package};
use crate::packages::Inventory;

fn inventory() -> Inventory {
    let mut openssl = Package::new(Kind::Deb, "libssl3", "3.0.11-1", "var/lib/dpkg/status");
    openssl.source = Some(("openssl".to_owned(), "3.0.11-1".to_owned()));
    let mut packages = vec![
        openssl,
        Package::new(Kind::Npm, "@a/b", "1.0.0", "app/node_modules/@a/b/package.json"),
        Package::new(Kind::Maven, "org.example:lib", "2.0", "app.jar"),
        Package::new(Kind::Rpm, "bind", "32:9.1-2", "usr/lib/sysimage/rpm/rpmdb.sqlite"),
    ];
    packages.sort();
    let distribution = Some(Distribution { id: "debian".to_owned(), version: "12".to_owned() });
    Inventory { distribution, packages, gaps: Vec::new() }
}

const SUBJECT: Subject<'_> = Subject {
    name: "shop/web:1",
    digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    time: "2026-01-02T03:04:05Z",
    tool_version: "0.1.0",
};

#[test]
fn what_is_written_down_is_read_again() {
    let written = inventory();
    for form in [Form::CycloneDx, Form::Spdx] {
        let text = write(&written, &SUBJECT, form).to_string();
        let told = read(text.as_bytes()).unwrap();
        assert_eq!(told.packages, written.packages, "{form:?}");
        assert_eq!(told.distribution, written.distribution, "{form:?}");
        assert!(told.gaps.is_empty(), "{form:?}: {:?}", told.gaps);
    }
}

#[test]
fn a_component_without_a_known_url_is_a_gap() {
    let bill = r#"{"bomFormat":"CycloneDX","components":[
        {"type":"library","name":"vendored","version":"1"},
        {"type":"library","name":"x","purl":"pkg:conan/x@1"},
        {"type":"file","name":"etc/passwd"},
        {"type":"library","name":"y","purl":"pkg:npm/y@1","components":[
            {"type":"library","name":"z","purl":"pkg:npm/z@2"}]}]}"#;
    let told = read(bill.as_bytes()).unwrap();
    assert_eq!(told.packages.len(), 2);
    let gaps: Vec<_> = told.gaps.iter().map(|gap| gap.path.as_str()).collect();
    assert_eq!(gaps, ["vendored", "pkg:conan/x@1"]);
}

#[test]
fn another_text_is_no_bill() {
    assert!(matches!(read(b"{"), Err(SbomFault::Json(_))));
    assert!(matches!(read(b"{}"), Err(SbomFault::Unknown)));
    assert!(matches!(read(br#"{"spdxVersion":"SPDX-3.0"}"#), Err(SbomFault::Unknown)));
}
