//! Precedence, and that each mistake is told with its key.

use super::*;

fn with(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> anyhow::Result<Config> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sallyport.toml");
    std::fs::write(&path, file).unwrap();
    let pairs = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    load(&Sources {
        file: Some(path),
        environment: pairs(environment),
        flags: pairs(flags),
        cluster: None,
    })
}

fn refusal(file: &str) -> String {
    format!("{:#}", with(file, &[], &[]).unwrap_err())
}

#[test]
fn flags_win_over_variables_and_those_over_the_file() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\ndrain_grace_s = 1\n[log]\nfilter = \"debug\"";
    let config = with(
        file,
        &[("SALLYPORT_SERVER__LISTEN", "127.0.0.1:2"), ("SALLYPORT_SERVER__DRAIN_GRACE_S", "2")],
        &[("server.listen", "127.0.0.1:3")],
    )
    .unwrap();
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!(config.server.drain_grace_s, 2);
    assert_eq!(config.log.filter, "debug");
}

#[test]
fn mistakes_are_told_with_key_and_fix() {
    assert!(refusal("[server]\nlistne = 1").contains("listne"));
    assert!(refusal("[server]\nlisten = \"here\"").contains("server.listen"));
    assert!(refusal("[links]\nticket_s = 31").contains("links.ticket_s"));
    for days in ["0", "3651"] {
        let refused = refusal(&format!("[store]\nkeep_ended_days = {days}"));
        assert!(refused.contains("store.keep_ended_days"), "{refused}");
    }
    assert!(refusal("[tls]\nkey = \"k.pem\"").contains("belong together"));
    assert!(refusal("[[cluster]]\nname = \"A b\"").contains("cluster"));
    assert!(refusal("[[cluster]]\nname = \"a\"").contains("in_cluster"));
    assert!(refusal("not toml").contains("not TOML"));
    let unknown = with("", &[("SALLYPORT_SERVER__PORT", "1")], &[]).unwrap_err();
    assert!(format!("{unknown:#}").contains("SALLYPORT_SERVER__PORT"));
}

#[test]
fn every_explained_key_can_be_set_and_has_its_default() {
    for key in KEYS {
        if key.default.is_empty() {
            continue;
        }
        let (section, name) = key.name.split_once('.').unwrap();
        let file = format!("[{section}]\n{name} = {}", key.default);
        let config =
            with(&file, &[], &[]).unwrap_or_else(|error| panic!("{}: {error:#}", key.name));
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()), "{}", key.name);
    }
}
