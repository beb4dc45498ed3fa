//! The database in `tests/data` was made by rpm 4.18 itself: `rpmbuild` of three packages without files, installed with
//! `--justdb`. One header is so large that it takes pages of its own.

use super::packages;
use std::io::Read;

fn database() -> Vec<u8> {
    let packed: &[u8] = include_bytes!("../../tests/data/rpmdb.sqlite.gz");
    let mut database = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut database).unwrap();
    database
}

#[test]
fn what_rpm_installed_is_told() {
    let mut found = packages("rpmdb.sqlite", &database()).unwrap();
    found.sort();
    let told: Vec<_> = found.iter().map(|it| format!("{} {}", it.name, it.version)).collect();
    assert_eq!(told, ["bind 32:9.16.23-14.el9", "large-notes 1-1", "openssl-libs 1:3.0.7-24.el9"]);
    assert_eq!(found[2].source, Some(("openssl".to_owned(), "3.0.7-24.el9".to_owned())));
    assert_eq!(found[2].licence.as_deref(), Some("Apache-2.0"));
    assert_eq!(found[0].architecture.as_deref(), Some("noarch"));
}

#[test]
fn a_torn_database_and_another_form_are_told() {
    let whole = database();
    for length in (1..whole.len()).step_by(997) {
        if let Ok(found) = packages("db", &whole[..length]) {
            assert!(found.len() <= 3);
        }
    }
    assert!(packages("db", &whole[..whole.len() / 8]).is_err());
    assert!(packages("db", b"RpmP and so on").is_err());
    assert!(packages("db", b"").unwrap().is_empty());
}
