//! The commands that come to an end by themselves, as an operator types them.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be made fails its test")]

#[path = "../../store/tests/support/postgres.rs"]
#[allow(dead_code, reason = "this suite neither stops the server nor starts it again")]
mod postgres;
mod support;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use std::path::Path;
use support::{in_directory, run, sallyport, tried};

fn kubeconfig(directory: &Path) -> String {
    let path = directory.join("kubeconfig");
    let text = "
apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: 'http://127.0.0.1:1' } }]
users: [{ name: u, user: { token: t } }]
contexts:
  - { name: staging, context: { cluster: c, user: u } }
  - { name: production, context: { cluster: c, user: u } }
";
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn config_check_passes_what_serve_would_take() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let file = kubeconfig(directory.path());
    let data = data.to_str().unwrap();
    let flags = ["--kubeconfig", &file, "--context", "staging", "--self-signed"];
    let said = run(&[&["--data-dir", data, "config", "check"], &flags[..]].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(said.out.contains("sound: 1 cluster(s)"), "{}", said.out);
    assert!(!Path::new(data).exists(), "a check makes nothing");
}

#[test]
fn config_check_tells_all_that_serve_would_refuse_with_key_and_fix() {
    let directory = tempfile::tempdir().unwrap();
    let file = kubeconfig(directory.path());
    let config = directory.path().join("sallyport.toml");
    let text = format!(
        r#"
        [server]
        origins = ["http://hub.example", "https://hub.example/console"]
        trusted_proxies = ["10.0.0/8"]
        [sign_in]
        user_prefix = "system:"
        idle_minutes = 0
        password_hours = 100000000000000000
        [log]
        filter = "store=loud"
        [store]
        directory = "/proc/sallyport"
        [[cluster]]
        name = "a"
        kubeconfig = "{file}"
        context = "testing"
        [[cluster]]
        name = "b"
        kubeconfig = "{file}"
        [[cluster]]
        name = "c"
        kubeconfig = "/nowhere/kubeconfig"
        [[cluster]]
        name = "d"
        "#
    );
    std::fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let said = run(&["--config", config, "config", "check"]);
    assert_eq!(said.code, Some(2), "{}", said.out);
    for (key, fix) in [
        ("`server.origins`: `http://hub.example`", "write `https://`"),
        ("`server.origins`: `https://hub.example/console`", "without a path"),
        ("`server.trusted_proxies`: `10.0.0/8`", "such as `10.0.0.7`"),
        ("`sign_in.user_prefix`", "system:"),
        ("`sign_in.idle_minutes` is 0", "must be 1 to"),
        ("`sign_in.password_hours`", "must be 1 to 720"),
        ("`log.filter`", "write a level"),
        ("`store.directory`: /proc/sallyport", "--data-dir"),
        ("no context `testing`", "staging, production"),
        ("has 2 contexts", "name one of: staging, production"),
        ("/nowhere/kubeconfig", "No such file"),
        ("cluster `d`", "`in_cluster = true`"),
        ("serves TLS only", "set `tls.certificate` and `tls.key`"),
    ] {
        let line = said.error.lines().find(|line| line.contains(key));
        let line = line.unwrap_or_else(|| panic!("{key} is not told: {}", said.error));
        assert!(line.contains(fix), "{key}: {line}");
    }
    assert!(said.error.contains("13 faults"), "{}", said.error);
    // `serve` says the very same and does not begin.
    let served = run(&["--config", config, "serve"]);
    assert_eq!((served.code, served.error), (Some(2), said.error));
}

#[test]
fn config_check_tells_every_wrong_key_and_variable_and_flag() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("sallyport.toml");
    std::fs::write(&config, "[server]\nlistne = 1\nport = 2\n[links]\nticket_s = \"x\"\n").unwrap();
    let said = sallyport(&["--config", config.to_str().unwrap(), "--set", "no.such=1"])
        .args([
            "--data-dir",
            directory.path().to_str().unwrap(),
            "config",
            "check",
            "--self-signed",
        ])
        .env("SALLYPORT_LOG__LEVEL", "info")
        .env("SALLYPORT_TERMINALS__RECHECK_S", "never")
        .output()
        .unwrap();
    let said = support::Said::from(said);
    assert_eq!(said.code, Some(2), "{}", said.out);
    for told in [
        "the configuration has 6 faults",
        "`server.listne`",
        "`server.port`",
        "`links.ticket_s`",
        "variable SALLYPORT_LOG__LEVEL",
        "`terminals.recheck_s` (variable SALLYPORT_TERMINALS__RECHECK_S)",
        "flag for `no.such`",
    ] {
        assert!(said.error.contains(told), "{told} in {}", said.error);
    }
}

#[test]
fn config_explain_names_every_key_once_and_only_keys() {
    let all = run(&["config", "explain"]).out;
    let told = |key: &str| all.lines().filter(|line| line.split(" = ").next() == Some(key)).count();
    for key in ["server.listen", "tls.certificate", "sign_in.idle_minutes", "[[cluster]]"] {
        assert_eq!(told(key), 1, "{key}");
    }
    for key in
        all.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_once(" = "))
    {
        assert_eq!(told(key.0), 1, "{}", key.0);
    }
    assert!(run(&["config", "explain", "cluster"]).out.starts_with("[[cluster]]"));
    let some = run(&["config", "explain", "links.ticket_s"]).out;
    assert!(some.contains("SALLYPORT_LINKS__TICKET_S") && some.contains("= 30"), "{some}");
    assert_eq!(some.matches(" = ").count(), 1, "{some}");
    let list = run(&["config", "explain", "server.origins"]).out;
    let set =
        r#"SALLYPORT_SERVER__ORIGINS='["https://hub.example.com", "https://hub.internal:8443"]'"#;
    assert!(list.contains(set), "{list}");
    let none = run(&["config", "explain", "nothing"]);
    assert_eq!(none.code, Some(2));
    assert!(none.error.contains("`nothing`"), "{}", none.error);
}

#[test]
fn a_list_in_a_variable_is_written_as_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap().to_owned();
    let check = |origins: &str| {
        let mut command = sallyport(&["--data-dir", &data, "config", "check", "--self-signed"]);
        support::Said::from(command.env("SALLYPORT_SERVER__ORIGINS", origins).output().unwrap())
    };
    let taken = check(r#"["https://hub.example.com", "https://hub.internal:8443"]"#);
    assert_eq!(taken.code, Some(0), "{}", taken.error);
    for wrong in ["https://hub.example.com", "https://a.example,https://b.example", "\"https://a\""]
    {
        let refused = check(wrong);
        assert_eq!(refused.code, Some(2), "{}", refused.out);
        let fix = "`server.origins`";
        assert!(
            refused.error.contains(fix) && refused.error.contains("write a list"),
            "{}",
            refused.error
        );
        assert!(refused.error.contains(r#"='["https://hub.example.com""#), "{}", refused.error);
    }
}

#[test]
fn a_context_that_nobody_named_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let data = data.to_str().unwrap();
    let file = directory.path().join("one");
    let one = |current: &str| {
        let text = format!(
            "{{ apiVersion: v1, kind: Config, current-context: '{current}',
                clusters: [{{ name: c, cluster: {{ server: 'http://127.0.0.1:1' }} }}],
                users: [{{ name: u, user: {{ token: t }} }}],
                contexts: [{{ name: only, context: {{ cluster: c, user: u }} }}] }}"
        );
        std::fs::write(&file, text).unwrap();
        let flags = ["--self-signed", "--kubeconfig", file.to_str().unwrap()];
        run(&[&["--data-dir", data, "config", "check"], &flags[..]].concat())
    };
    assert_eq!(one("only").code, Some(0));
    for other in ["", "gone"] {
        let refused = one(other);
        assert_eq!(refused.code, Some(2), "{other}: {}", refused.out);
        assert!(
            refused.error.contains("`only`") && refused.error.contains("name it"),
            "{}",
            refused.error
        );
    }
    let several = kubeconfig(directory.path());
    let refused =
        run(&["--data-dir", data, "config", "check", "--self-signed", "--kubeconfig", &several]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.error.contains("name one of: staging, production"), "{}", refused.error);
}

#[test]
fn completion_knows_the_commands_of_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = run(&["completion", shell]);
        assert_eq!(said.code, Some(0), "{shell}");
        for word in ["serve", "admin", "verify", "self-signed"] {
            assert!(said.out.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(run(&["completion", "tcsh"]).code, Some(2));
}

#[test]
fn there_is_a_manual_page_of_each_command() {
    let top = run(&["man"]).out;
    assert!(top.starts_with(".ie") || top.contains(".TH sallyport 1"), "{top}");
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("share/man/man1");
    let said = run(&["man", "--dir", pages.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    for (page, holds) in [
        ("sallyport.1", "sallyport\\-admin"),
        ("sallyport-serve.1", "\\-\\-kubeconfig"),
        ("sallyport-config-check.1", "\\-\\-self\\-signed"),
        ("sallyport-admin-user-add.1", "\\-\\-password\\-stdin"),
        ("sallyport-admin-audit-verify.1", "\\-\\-json"),
        ("sallyport-man.1", "\\-\\-dir"),
    ] {
        let text = std::fs::read_to_string(pages.join(page));
        let text = text.unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(text.contains(holds), "{page}: {text}");
    }
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = run(&["man", "--dir", file.to_str().unwrap()]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.error.contains("manual pages"), "{}", refused.error);
}

#[test]
fn accounts_are_made_listed_and_disabled() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let done = |arguments: &[&str]| in_directory(&data, arguments, "");
    let made = done(&["admin", "user", "add", "alice", "--admin", "--group", "developers"]);
    assert!(
        made.contains("`sallyport:alice`") && made.contains("https://localhost:8443/"),
        "{made}"
    );
    let set = in_directory(
        &data,
        &["admin", "user", "add", "bob", "--password-stdin"],
        "a phrase that nobody else has\n",
    );
    assert!(set.contains("password is set") && !set.contains("invitation"), "{set}");
    assert!(done(&["admin", "user", "disable", "bob"]).contains("disabled"));

    let listed = done(&["admin", "user", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let of = |name: &str| {
        listed.as_array().unwrap().iter().find(|row| row["name"] == name).cloned().unwrap()
    };
    assert_eq!((&of("alice")["admin"], &of("alice")["disabled"]), (&true.into(), &false.into()));
    assert_eq!(of("alice")["groups"], serde_json::json!(["developers"]));
    assert_eq!((&of("bob")["admin"], &of("bob")["disabled"]), (&false.into(), &true.into()));
    let table = done(&["admin", "user", "list"]);
    assert!(table.lines().any(|line| line.starts_with("bob ") && line.contains("disabled")));

    let data = data.to_str().unwrap();
    for (arguments, why) in [
        (&["user", "add", "alice"][..], "alice"),
        (&["user", "add", "Not A Name"], "Not A Name"),
        (&["user", "add", "eve", "--group", "system:masters"], "system:masters"),
        (&["user", "disable", "nobody"], "nobody"),
    ] {
        let said = run(&[&["--data-dir", data, "admin"], arguments].concat());
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.out);
        assert!(said.error.contains(why), "{arguments:?}: {}", said.error);
    }
}

#[test]
fn no_store_is_made_where_none_was_looked_for() {
    let directory = tempfile::tempdir().unwrap();
    let wrong = directory.path().join("wrong");
    let data = wrong.to_str().unwrap();
    for arguments in [
        &["audit", "verify"][..],
        &["audit", "verify", "--json"],
        &["audit", "verify", "--accept-restored"],
        &["user", "list"],
        &["user", "disable", "alice"],
        &["user", "invite", "alice"],
    ] {
        let said = run(&[&["--data-dir", data, "admin"], arguments].concat());
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{arguments:?}: {}", said.error);
        assert!(said.error.contains(data) && said.error.contains("--data-dir"), "{}", said.error);
        assert!(!wrong.exists(), "{arguments:?}");
    }
    // The first account of a hub that never ran is made in a new store, and that is said.
    let first = run(&["--data-dir", data, "admin", "user", "add", "alice", "--admin"]);
    assert_eq!(first.code, Some(0), "{}", first.error);
    assert!(first.error.contains("a new one is made") && first.error.contains(data));
    let second = run(&["--data-dir", data, "admin", "user", "add", "bob"]);
    assert!(!second.error.contains("a new one is made"), "{}", second.error);
    assert!(in_directory(&wrong, &["admin", "audit", "verify"], "").starts_with("intact: 2 "));
}

#[tokio::test]
async fn no_tables_are_made_in_a_postgresql_where_none_were_looked_for() {
    let database = postgres::PostgresServer::shared().database();
    let mut connection = sqlx::PgConnection::connect(&database.url).await.unwrap();
    let mut tables = async || -> i64 {
        let sql = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()";
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
    };
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    std::fs::write(&key, "ab".repeat(32)).unwrap();
    let store = [
        ("--set", format!("store.url={}", database.url)),
        ("--set", format!("store.vault_key_file={}", key.display())),
    ];
    let store: Vec<&str> = store.iter().flat_map(|(flag, value)| [*flag, value]).collect();
    let tried = |arguments: &[&str], input: &str| {
        tried(directory.path(), &[&store[..], arguments].concat(), input)
    };
    for arguments in [
        &["admin", "user", "list"][..],
        &["admin", "user", "disable", "alice"],
        &["admin", "audit", "verify"],
        &["admin", "audit", "verify", "--accept-restored"],
        &["admin", "requests"],
    ] {
        let said = tried(arguments, "");
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.out);
        assert!(said.error.contains("no store in the PostgreSQL"), "{}", said.error);
        assert!(!said.error.contains("postgres://"), "{}", said.error);
        assert_eq!(tables().await, 0, "{arguments:?}");
    }
    let add = ["admin", "user", "add", "alice", "--password-stdin"];
    let said = tried(&add, "a quiet harbour at noon\n");
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(said.error.contains("there was no store in the PostgreSQL"), "{}", said.error);
    assert!(tables().await > 5);
    let said = tried(&["admin", "user", "list"], "");
    assert!(said.code == Some(0) && said.out.contains("alice"), "{}{}", said.out, said.error);
    assert!(said.error.is_empty() || !said.error.contains("no store"), "{}", said.error);
}

#[test]
fn a_password_that_is_refused_leaves_no_account() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    in_directory(data, &["admin", "user", "add", "alice", "--admin"], "");
    for (password, why) in [("short\n", "12"), ("\n", "no password"), ("", "no password")] {
        let said = tried(data, &["admin", "user", "add", "bob", "--password-stdin"], password);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{}", said.error);
        assert!(said.error.contains(why), "{}", said.error);
    }
    let listed = in_directory(data, &["admin", "user", "list"], "");
    assert!(listed.contains("alice") && !listed.contains("bob"), "{listed}");
    // The refusal is on record, and the name is free.
    let add = ["admin", "user", "add", "bob", "--password-stdin"];
    in_directory(data, &add, "a phrase that nobody else has\n");
    assert!(in_directory(data, &["admin", "audit", "verify"], "").starts_with("intact: 3 "));
}

async fn database(directory: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(directory.join("sallyport.db")).connect().await.unwrap()
}

#[tokio::test]
async fn the_audit_log_is_verified_and_what_was_done_to_it_is_found() {
    let copy = "at, actor, action, object, outcome, reason, request_id, source, detail, hash";
    let swap = format!(
        "CREATE TABLE aside AS SELECT * FROM audit WHERE seq IN (2, 3);
         DELETE FROM audit WHERE seq IN (2, 3);
         DROP TRIGGER audit_in_order;
         INSERT INTO audit SELECT 5 - seq, {copy} FROM aside;"
    );
    for (what, tampering, first_bad) in [
        ("nothing", "", None),
        ("an edited row", "UPDATE audit SET actor = 'somebody else' WHERE seq = 2", Some(2)),
        ("a deleted row", "DELETE FROM audit WHERE seq = 2", Some(2)),
        ("the deleted end", "DELETE FROM audit WHERE seq > 3", Some(4)),
        ("two rows in each other's place", swap.as_str(), Some(2)),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path();
        for name in ["alice", "bob", "carol", "dave"] {
            in_directory(data, &["admin", "user", "add", name], "");
        }
        let mut database = database(data).await;
        let open = "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete;";
        let script = format!("{open} {tampering}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&mut database).await.unwrap();
        database.close().await.unwrap();

        let verify = |json: bool| {
            let mut command = sallyport(&["--data-dir", data.to_str().unwrap()]);
            command.args(["admin", "audit", "verify"]).args(json.then_some("--json"));
            support::Said::from(command.output().unwrap())
        };
        let (words, machine) = (verify(false), verify(true));
        let verdict: serde_json::Value = serde_json::from_str(&machine.out).unwrap();
        assert_eq!(verdict["intact"], first_bad.is_none(), "{what}: {verdict}");
        assert_eq!(verdict["first_bad"].as_u64(), first_bad, "{what}: {verdict}");
        let code = if first_bad.is_some() { Some(1) } else { Some(0) };
        assert_eq!((words.code, machine.code), (code, code), "{what}");
        let said = if first_bad.is_some() { "NOT INTACT" } else { "intact: " };
        assert!(words.out.starts_with(said), "{what}: {}", words.out);
    }
}

#[test]
fn an_older_database_put_back_is_refused_until_its_operator_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let tried = |arguments: &[&str]| {
        let mut command = sallyport(&["--data-dir", data.to_str().unwrap()]);
        support::Said::from(command.args(arguments).output().unwrap())
    };
    let (file, backup) = (data.join("sallyport.db"), data.join("backup.db"));
    in_directory(data, &["admin", "user", "add", "alice"], "");
    std::fs::copy(&file, &backup).unwrap();
    in_directory(data, &["admin", "user", "add", "bob"], "");
    in_directory(data, &["admin", "audit", "verify"], "");
    std::fs::copy(&backup, &file).unwrap();

    let verify = tried(&["admin", "audit", "verify"]);
    assert_eq!(verify.code, Some(1), "{}", verify.out);
    assert!(verify.out.contains("this hub has seen record"), "{}", verify.out);
    let refused = tried(&["admin", "user", "list"]);
    assert_eq!(refused.code, Some(2), "{}", refused.out);
    assert!(refused.error.contains("--accept-restored"), "{}", refused.error);

    let accepted = in_directory(data, &["admin", "audit", "verify", "--accept-restored"], "");
    assert!(accepted.starts_with("intact: "), "{accepted}");
    assert!(in_directory(data, &["admin", "user", "list"], "").contains("alice"));
    in_directory(data, &["admin", "audit", "verify"], "");
}

#[test]
fn a_bill_of_materials_is_asked_about_offline_and_by_the_right_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let advisory = r#"{"id":"CVE-1","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected":[{"package":{"ecosystem":"npm","name":"left"},
        "ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.10.0"}]}]}]}"#;
    std::fs::create_dir(directory.path().join("osv")).unwrap();
    std::fs::write(path("osv/CVE-1.json"), advisory).unwrap();
    let bill = |version: &str| {
        format!(
            r#"{{"bomFormat":"CycloneDX","components":[{{"type":"library","name":"left","purl":"pkg:npm/left@{version}"}}]}}"#
        )
    };
    std::fs::write(path("old.json"), bill("1.9.0")).unwrap();
    std::fs::write(path("new.json"), bill("1.10.0")).unwrap();
    for name in ["", "other-"] {
        let (secret, public) = (path(&format!("{name}key")), path(&format!("{name}key.pub")));
        let made = ["scan", "vulnerabilities", "key", "--secret", &secret, "--public", &public];
        assert_eq!(run(&made).code, Some(0));
        assert_ne!(run(&made).code, Some(0), "a secret key is never written over");
    }
    let (osv, key, database) = (path("osv"), path("key"), path("db"));
    let built =
        run(&["scan", "vulnerabilities", "build", &osv, "--key", &key, "--output", &database]);
    assert_eq!(built.code, Some(0), "{}", built.error);
    let shown = run(&["scan", "vulnerabilities", "show", &database, "--key", &path("key.pub")]);
    assert!(shown.out.contains("npm"), "{}", shown.out);
    let scan = |bill: &str, key: &str| {
        run(&["scan", "sbom", &path(bill), "--vulnerabilities", &database, "--key", &path(key)])
    };
    let old = scan("old.json", "key.pub");
    assert_eq!(old.code, Some(1), "{}", old.error);
    assert!(old.out.contains("CVE-1") && old.out.contains("1.10.0"), "{}", old.out);
    assert_eq!(scan("new.json", "key.pub").code, Some(0));
    let refused = scan("old.json", "other-key.pub");
    assert_eq!(refused.code, Some(2), "{}", refused.error);
    assert!(refused.error.contains("signature"), "{}", refused.error);
}
