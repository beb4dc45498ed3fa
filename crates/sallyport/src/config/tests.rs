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

#[test]
fn several_mistakes_are_told_at_once() {
    let told = refusal("[links]\nticket_s = 31\n[terminals]\nrecheck_s = 0\ntotal_max = 0");
    assert!(told.contains("4 faults"), "{told}");
    for key in
        ["links.ticket_s", "terminals.recheck_s", "terminals.per_person_max", "terminals.total_max"]
    {
        assert!(told.contains(key), "{told}");
    }
}

#[test]
fn everything_that_cannot_be_read_is_told_at_once_wherever_it_was_written() {
    let file = "[server]\nlistne = 1\ndrain_grace_s = \"soon\"\norigins = \"https://a.example\"\n\
        [severs]\nx = 1\n[links]\nticket_s = 31\n[log]\nformat = \"xml\"\n\
        [[cluster]]\nname = \"A b\"\nkubeconfg = \"k\"\ncontext = 3\n\
        [[cluster]]\nkubeconfig = \"k\"";
    let environment = [
        ("SALLYPORT_SERVER__PORT", "1"),
        ("SALLYPORT_NONSENSE", "1"),
        ("SALLYPORT_SERVER__LISTEN", "here"),
        ("SALLYPORT_LOG__FILTER", "info"),
    ];
    let flags = [("terminals.recheck_s", "often"), ("no.such", "1")];
    let told = format!("{:#}", with(file, &environment, &flags).unwrap_err());
    for fault in [
        "`server.listne`",
        "`server.drain_grace_s`: invalid type",
        "`server.origins`: invalid type",
        "SALLYPORT_SERVER__ORIGINS=",
        "section `severs`",
        "`links.ticket_s` is 31",
        "`log.format`",
        "`cluster[0].name`",
        "`cluster[0].kubeconfg`",
        "`cluster[0].context`",
        "`cluster[1]`: missing field `name`",
        "variable SALLYPORT_SERVER__PORT: there is no configuration key `server.port`",
        "variable SALLYPORT_NONSENSE",
        "`server.listen` (variable SALLYPORT_SERVER__LISTEN)",
        "`terminals.recheck_s` (a flag)",
        "flag for `no.such`",
    ] {
        assert!(told.contains(fault), "{fault} in {told}");
    }
    assert!(told.contains("the configuration has 15 faults"), "{told}");
}

#[test]
fn nothing_is_said_of_what_only_stands_in_for_a_value_that_cannot_be_read() {
    for (file, key) in [
        ("[tls]\ncertificate = 5\nkey = \"k\"", "tls.certificate"),
        ("[workspaces]\ntotal_max = \"many\"\nper_person_max = 900", "workspaces.total_max"),
        ("[gateway]\nlisten = \"127.0.0.1:9443\"\n[[cluster]]\nname = 5", "cluster[0].name"),
        ("server = 5", "server"),
        ("not toml", "not TOML"),
    ] {
        let told = refusal(file);
        assert!(told.contains(key) && !told.contains("faults"), "{file}: {told}");
    }
}

#[test]
fn each_value_that_serving_would_refuse_is_refused_here() {
    for (file, told) in [
        ("[server]\norigins = []", "`server.origins` is empty"),
        ("[server]\nmetrics_listen = \"0.0.0.0:8443\"", "server.metrics_listen"),
        ("[server]\nconnections_per_network_max = 0", "connections_per_network_max"),
        ("[server]\nacts_per_second_max = 0", "acts_per_second_max"),
        ("[sign_in]\nuser_prefix = \"\"", "sign_in.user_prefix"),
        ("[sign_in]\ntoken_hours = 25", "sign_in.token_hours"),
        ("[sign_in]\nmachine_hours = 169", "sign_in.machine_hours"),
        ("[gateway]\nlisten = \"127.0.0.1:6443\"\nurl = \"http://gateway.example\"", "gateway.url"),
        (
            "[gateway]\nlisten = \"127.0.0.1:6443\"\nlogin = false\ntoken_review = false",
            "nobody could ever be let in",
        ),
        ("[issuer]\nurl = \"http://hub.example/issuer\"", "`issuer.url`"),
        ("[issuer]\nurl = \"https://hub.example\"", "`issuer.url`"),
        ("[issuer]\nurl = \"https://hub.example/issuer/\"", "`issuer.url`"),
        ("[issuer]\nurl = \"https://hub.example/issuer?x\"", "`issuer.url`"),
        ("[issuer]\ntoken_s = 601", "issuer.token_s"),
        ("[issuer]\ntoken_s = 59", "issuer.token_s"),
        ("[store]\nurl = \"mysql://root:hunter2@db/x\"\nvault_key_file = \"k\"", "store.url"),
        ("[store]\nurl = \"postgres://db/x\"", "store.vault_key_file"),
        ("[tls]\nself_signed = true\nkey = \"k\"\ncertificate = \"c\"", "exclude each other"),
        ("[workspaces]\nimage = \" \"", "workspaces.image"),
        ("[traffic]\nagents_listen = \"127.0.0.1:8443\"", "which another listener takes"),
        ("[traffic]\nagents_ca = \"ca.pem\"", "set `traffic.agents_listen`"),
        ("[workspaces]\nper_person_max = 9\ntotal_max = 3", "workspaces.per_person_max"),
        ("[[cluster]]\nname = \"a\"\nin_cluster = true\ncontext = \"x\"", "`context` belongs"),
    ] {
        let refusal = refusal(file);
        assert!(refusal.contains(told), "{file}: {refusal}");
        assert!(!refusal.contains("hunter2"), "{refusal}");
    }
}

/// The bounds of the keys are those of the values that they become.
#[test]
fn the_lifetimes_that_are_taken_are_those_that_sign_ins_take() {
    for (key, least, most, unit) in [
        ("idle_minutes", 1, 7 * 24 * 60, 60),
        ("password_hours", 1, 30 * 24, 3600),
        ("token_hours", 1, 24, 3600),
    ] {
        for (value, fits) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
            let taken = with(&format!("[sign_in]\n{key} = {value}"), &[], &[]);
            assert_eq!(taken.is_ok(), fits, "{key} = {value}");
            let lasts = std::time::Duration::from_secs(value * unit);
            let mut lifetimes = authn::Lifetimes::default();
            match key {
                "idle_minutes" => lifetimes.idle_timeout = lasts,
                "password_hours" => lifetimes.password = lasts,
                _ => lifetimes.token = lasts,
            }
            assert_eq!(lifetimes.check().is_ok(), fits, "{key} = {value}");
        }
    }
}

async fn keeps_from_serving(file: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sallyport.toml");
    let data = directory.path().join("data");
    std::fs::write(&path, file).unwrap();
    let flags = vec![("store.directory".to_owned(), data.display().to_string())];
    let sources = Sources { file: Some(path), environment: Vec::new(), flags, cluster: None };
    check(&sources).await.map_or_else(|error| format!("{error:#}"), |_| "sound".to_owned())
}

#[tokio::test]
async fn what_the_values_name_is_looked_at() {
    let signed = "[tls]\nself_signed = true\n";
    assert_eq!(keeps_from_serving(signed).await, "sound");
    for (file, told) in [
        ("", "set `tls.certificate` and `tls.key`"),
        (
            format!("{signed}[traffic]\nagents_listen = \"127.0.0.1:8444\"").as_str(),
            "there is no cluster",
        ),
        (
            "[tls]\ncertificate = \"/nowhere/c\"\nkey = \"/nowhere/k\"",
            "`tls.certificate` /nowhere/c",
        ),
        (
            format!("{signed}[store]\nvault_key_file = \"/nowhere/key\"").as_str(),
            "`store.vault_key_file`",
        ),
        (
            format!("{signed}[[cluster]]\nname = \"a\"\nkubeconfig = \"/nowhere/k\"").as_str(),
            "/nowhere/k",
        ),
        (
            format!("{signed}[traffic]\nagents_listen = \"127.0.0.1:1\"\nagents_ca = \"/nowhere/ca\"\n[[cluster]]\nname = \"a\"\nin_cluster = true").as_str(),
            "`traffic.agents_ca`: /nowhere/ca",
        ),
        (
            format!("{signed}[issuer]\nurl = \"https://hub.example/issuer\"").as_str(),
            "there is no cluster",
        ),
        (
            format!("{signed}[[cluster]]\nname = \"a\"\nkubeconfig = \"/nowhere/k\"\ntoken_review_secret = \"/nowhere/s\"").as_str(),
            "cluster `a`: `token_review_secret` /nowhere/s",
        ),
        (
            format!("{signed}[[cluster]]\nname = \"a\"\nkubeconfig = \"/nowhere/k\"\ntoken_review_secret = \"/dev/null\"").as_str(),
            "openssl rand -hex 32",
        ),
        (
            format!("{signed}[[cluster]]\nname = \"a\"\nin_cluster = true").as_str(),
            "not inside a cluster",
        ),
    ] {
        let refusal = keeps_from_serving(file).await;
        assert!(refusal.contains(told), "{file}: {refusal}");
    }
}
