use super::*;

const RANDOM: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn random() -> ClientRandom {
    hex(RANDOM.as_bytes()).unwrap().try_into().unwrap()
}

#[test]
fn lines_are_read_in_any_pieces() {
    let log = format!(
        "# a comment\n\nCLIENT_RANDOM {RANDOM} {}\r\nEXPORTER_SECRET {RANDOM} {}\nSERVER_TRAFFIC_SECRET_0 {RANDOM} {}",
        "ab".repeat(48),
        "cd".repeat(32),
        "EF".repeat(32),
    );
    for size in [1, 7, 64, 4096] {
        let mut store = KeyStore::default();
        for piece in log.as_bytes().chunks(size) {
            store.push(piece);
        }
        assert!(
            store.secret(&random(), Label::ServerTraffic).is_none(),
            "the line is not whole yet"
        );
        store.end();
        assert_eq!(store.counts(), KeyCounts { secrets: 2, other: 1, malformed: 0 });
        assert_eq!(store.secret(&random(), Label::Master).unwrap().expose(), [0xab; 48]);
        assert_eq!(store.secret(&random(), Label::ServerTraffic).unwrap().expose(), [0xef; 32]);
        assert!(store.secret(&random(), Label::ClientTraffic).is_none());
        assert_eq!(store.take_fresh(), [random()]);
    }
}

#[test]
fn what_is_no_key_log_changes_nothing() {
    let mut store = KeyStore::default();
    for line in [
        "CLIENT_RANDOM",
        &format!("CLIENT_RANDOM {RANDOM}"),
        &format!("CLIENT_RANDOM {RANDOM} abc"),
        &format!("CLIENT_RANDOM {RANDOM} zz"),
        &format!("CLIENT_RANDOM {} abcd", &RANDOM[2..]),
        &format!("CLIENT_RANDOM {RANDOM} {}", "ab".repeat(65)),
        &"x".repeat(5000),
    ] {
        store.push(format!("{line}\n").as_bytes());
    }
    assert_eq!(store.counts(), KeyCounts { secrets: 0, other: 0, malformed: 7 });
    assert!(!store.knows(&random()));
}

#[test]
fn sessions_are_remembered_by_name_and_by_wiresharks_old_lines() {
    let mut store = KeyStore::default();
    store.push(b"RSA Session-ID:0102 Master-Key:aabb\n");
    assert_eq!(store.session(&[1, 2]).unwrap().expose(), [0xaa, 0xbb]);
    assert!(store.session(&[1, 3]).is_none());
    store.remember_session(&[], &SecretBytes::new([1]));
    assert!(store.session(&[]).is_none(), "no name is nobody's");
}

#[test]
fn debug_shows_no_secret() {
    let mut store = KeyStore::default();
    store.push(format!("CLIENT_RANDOM {RANDOM} {}\n", "2a".repeat(48)).as_bytes());
    let shown = format!("{store:?}");
    assert!(!shown.contains("42, 42") && !shown.contains("2a2a"), "{shown}");
}
