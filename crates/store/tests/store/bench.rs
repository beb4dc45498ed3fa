//! A workbench: an empty store on either database, fixtures, and raw SQL past the store for the attacks.
//! What is tested is known to the other modules.

use crate::postgres::PostgresServer;
use model::{
    AccountId, ContainerPlace, HubId, Identity, LinkId, PodPlace, Process, Secret, SignInId,
    TerminalId, Timestamp, WorkspaceId,
};
use serde_json::json;
use sqlx::{Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{
    Account, AuditEntry, AuditOutcome, LinkRow, Proof, SignIn, SignInMethod, SignInOutcome, Store,
    StoreLocation, TerminalRow, VaultKey, WorkspaceRow,
};
use tempfile::TempDir;

/// Runs the same test on SQLite and on PostgreSQL, as two tests.
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($bench:ident: Bench) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every test needs what its module imports")]
            use super::*;

            $(#[$attribute])*
            async fn test($bench: Bench) $body

            #[test]
            fn on_sqlite() {
                run(Box::pin(test(Bench::sqlite())));
            }

            #[test]
            fn on_postgres() {
                run(Box::pin(test(Bench::postgres())));
            }
        }
    )*};
}
pub(crate) use on_both_databases;

/// A step of a test. Boxed, because the compiler copies an async function's body to wherever it is awaited, and
/// these are awaited in every test.
pub(crate) type Task<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Runs a test to its end. Boxed, so that a runtime is compiled once and not once for every test.
pub(crate) fn run(test: Pin<Box<dyn Future<Output = ()>>>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(test);
}

/// An empty database; stores opened on it are as two hubs on one.
pub(crate) struct Bench {
    pub(crate) location: StoreLocation,
    _directory: Option<TempDir>,
}

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
pub(crate) const KEY: [u8; 32] = [42; 32];

pub(crate) fn later(seconds: u64) -> Timestamp {
    NOW.after(Duration::from_secs(seconds))
}

/// 16 bytes that no other call in this program got.
pub(crate) fn unique() -> [u8; 16] {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

pub(crate) fn unique_hash() -> [u8; 32] {
    let mut hash = [7; 32];
    hash[..16].copy_from_slice(&unique());
    hash
}

impl Bench {
    pub(crate) fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = StoreLocation::Sqlite { directory: directory.path().join("data") };
        Self { location, _directory: Some(directory) }
    }

    pub(crate) fn postgres() -> Self {
        let database = PostgresServer::shared().database();
        Self {
            location: StoreLocation::Postgres { url: Secret::new(database.url) },
            _directory: None,
        }
    }

    /// A database that something else takes down.
    pub(crate) fn at(location: StoreLocation) -> Self {
        Self { location, _directory: None }
    }

    /// Opens the database as a hub of its own.
    pub(crate) fn store<'a>(&'a self) -> Task<'a, Store> {
        Box::pin(async move { self.try_store(KEY).await.unwrap() })
    }

    pub(crate) fn try_store<'a>(&'a self, key: [u8; 32]) -> Task<'a, store::Result<Store>> {
        Box::pin(async move {
            Store::open(&self.location, VaultKey::new(key), HubId::from_random(unique()), NOW).await
        })
    }

    /// Runs statements past the store, as somebody with the database's password could. Returns what failed.
    pub(crate) fn try_raw<'a>(&'a self, sql: &'a str) -> Task<'a, Result<u64, sqlx::Error>> {
        Box::pin(async move {
            let sql = sqlx::AssertSqlSafe(sql.to_owned());
            match &self.location {
                StoreLocation::Sqlite { directory } => {
                    let options = SqliteConnectOptions::new()
                        .filename(directory.join("sallyport.db"))
                        .foreign_keys(false)
                        .busy_timeout(Duration::from_secs(5));
                    let mut connection = SqliteConnection::connect_with(&options).await?;
                    let done = sqlx::raw_sql(sql).execute(&mut connection).await?;
                    connection.close().await?;
                    Ok(done.rows_affected())
                }
                StoreLocation::Postgres { url } => {
                    let mut connection = PgConnection::connect(url.expose()).await?;
                    let done = sqlx::raw_sql(sql).execute(&mut connection).await?;
                    connection.close().await?;
                    Ok(done.rows_affected())
                }
            }
        })
    }

    /// Counts the rows of a table, past the store.
    pub(crate) fn count<'a>(&'a self, table: &'a str) -> Task<'a, i64> {
        Box::pin(async move {
            let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
            match &self.location {
                StoreLocation::Sqlite { directory } => {
                    let options =
                        SqliteConnectOptions::new().filename(directory.join("sallyport.db"));
                    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
                    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
                }
                StoreLocation::Postgres { url } => {
                    let mut connection = PgConnection::connect(url.expose()).await.unwrap();
                    sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
                }
            }
        })
    }

    pub(crate) fn raw<'a>(&'a self, sql: &'a str) -> Task<'a, u64> {
        Box::pin(async move { self.try_raw(sql).await.unwrap() })
    }

    /// Takes the triggers away that keep the audit log append-only, as an attacker would.
    pub(crate) fn drop_audit_triggers<'a>(&'a self) -> Task<'a, ()> {
        Box::pin(async move {
            let on = if self.is_postgres() { " ON audit" } else { "" };
            for trigger in
                ["audit_no_update", "audit_no_delete", "audit_in_order", "audit_no_truncate"]
            {
                self.raw(&format!("DROP TRIGGER IF EXISTS {trigger}{on}")).await;
            }
        })
    }

    /// Keeps a copy of the head, as a backup of the database would.
    pub(crate) fn keep_audit_head<'a>(&'a self) -> Task<'a, ()> {
        Box::pin(async move {
            self.raw("CREATE TABLE kept_head AS SELECT * FROM audit_head").await;
        })
    }

    pub(crate) fn put_audit_head_back<'a>(&'a self) -> Task<'a, ()> {
        Box::pin(async move {
            self.raw("DELETE FROM audit_head").await;
            self.raw("INSERT INTO audit_head SELECT * FROM kept_head").await;
        })
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.location, StoreLocation::Postgres { .. })
    }
}

pub(crate) fn entry(action: &str) -> AuditEntry {
    AuditEntry {
        at: NOW,
        actor: "sallyport:alice".to_owned(),
        action: action.to_owned(),
        object: "kind/team-a/web-0/app".to_owned(),
        outcome: AuditOutcome::Allowed,
        reason: String::new(),
        request_id: String::new(),
        source: "192.0.2.7".to_owned(),
        detail: json!({}),
    }
}

pub(crate) fn account(name: &str) -> Account {
    Account {
        id: AccountId::from_random(unique()),
        name: name.parse().unwrap(),
        display_name: format!("{name} 김"),
        kubernetes_user: format!("sallyport:{name}"),
        groups: vec!["dev".to_owned(), "팀".to_owned()],
        admin: false,
        disabled_at: None,
        password: None,
        created_at: NOW,
        last_sign_in_at: None,
    }
}

pub(crate) fn enrolled<'a>(store: &'a Store, name: &'a str) -> Task<'a, Account> {
    Box::pin(async move {
        let account = account(name);
        store.create_account(&account, None, entry("account.create")).await.unwrap();
        account
    })
}

pub(crate) fn sign_in(user: &str) -> SignIn {
    SignIn {
        id: SignInId::from_random(unique()),
        secret_hash: unique_hash(),
        account: None,
        identity: Identity {
            user: user.to_owned(),
            uid: None,
            groups: vec!["dev".to_owned()],
            extra: [("scopes".to_owned(), vec!["a".to_owned(), "b".to_owned()])].into(),
        },
        cluster: Some("kind".parse().unwrap()),
        method: SignInMethod::Token,
        created_at: NOW,
        last_seen_at: NOW,
        idle_timeout: Duration::from_secs(1800),
        expires_at: later(12 * 3600),
        ended_at: None,
        source: "192.0.2.7".to_owned(),
        user_agent: "Browser/1.0".to_owned(),
    }
}

/// What the sign-ins of these fixtures stand on.
pub(crate) fn shown_token() -> Proof<'static> {
    static TOKEN: LazyLock<Secret> = LazyLock::new(|| Secret::new(TOKEN_TEXT));
    Proof::Token(&TOKEN)
}

pub(crate) const TOKEN_TEXT: &str = "eyJhbGciOiJub25lIn0.shown";

pub(crate) fn begun<'a>(store: &'a Store, sign_in: &'a SignIn, proof: Proof<'a>) -> Task<'a, ()> {
    Box::pin(async move {
        let outcome = store.create_sign_in(sign_in, proof, None, entry("sign_in")).await.unwrap();
        assert_eq!(outcome, SignInOutcome::Begun);
    })
}

pub(crate) fn signed_in<'a>(store: &'a Store, user: &'a str) -> Task<'a, SignIn> {
    Box::pin(async move {
        let sign_in = sign_in(user);
        begun(store, &sign_in, shown_token()).await;
        sign_in
    })
}

pub(crate) fn place() -> ContainerPlace {
    ContainerPlace {
        pod: PodPlace {
            cluster: "kind".parse().unwrap(),
            namespace: "team-a".parse().unwrap(),
            pod: "web-0".parse().unwrap(),
            uid: "0b5e-1".parse().unwrap(),
        },
        container: "app".parse().unwrap(),
    }
}

pub(crate) fn link(user: &str) -> LinkRow {
    LinkRow {
        id: LinkId::from_random(unique()),
        user: user.to_owned(),
        minted_by: user.to_owned(),
        place: place(),
        process: Process { tty: true, command: vec!["sh".to_owned(), "-c".to_owned()] },
        created_at: NOW,
        expires_at: later(300),
        bound_to: None,
        used_at: None,
        revoked_at: None,
        revoked_by: None,
    }
}

pub(crate) fn minted<'a>(store: &'a Store, user: &'a str) -> Task<'a, LinkRow> {
    Box::pin(async move {
        let link = link(user);
        let outcome = store.create_link(&link, u32::MAX, entry("link.mint")).await.unwrap();
        assert_eq!(outcome, store::MintOutcome::Minted);
        link
    })
}

/// A link with a ticket in the hand of a browser.
pub(crate) fn bound<'a>(store: &'a Store, sign_in: &'a SignIn) -> Task<'a, (LinkRow, [u8; 32])> {
    Box::pin(async move {
        let link = minted(store, &sign_in.identity.user).await;
        let ticket = unique_hash();
        let outcome = store
            .bind_link(&link.id, &sign_in.id, &ticket, later(30), NOW, entry("link.open"))
            .await
            .unwrap();
        assert_eq!(outcome, store::BindOutcome::Bound);
        (link, ticket)
    })
}

pub(crate) fn terminal(link: &LinkRow, sign_in: &SignIn, hub: &HubId) -> TerminalRow {
    TerminalRow {
        id: TerminalId::from_random(unique()),
        link: link.id.clone(),
        user: link.user.clone(),
        sign_in: sign_in.id.clone(),
        place: link.place.clone(),
        process: link.process.clone(),
        hub: hub.clone(),
        started_at: NOW,
        ended_at: None,
        end_reason: None,
        last_alive_at: NOW,
    }
}

/// A live terminal behind both gates.
pub(crate) fn entered<'a>(store: &'a Store, sign_in: &'a SignIn) -> Task<'a, TerminalRow> {
    Box::pin(async move {
        let (link, ticket) = bound(store, sign_in).await;
        let terminal = terminal(&link, sign_in, store.hub());
        let outcome = store
            .consume_ticket(&ticket, &sign_in.id, NOW, &terminal, entry("terminal.enter"))
            .await
            .unwrap();
        assert!(matches!(outcome, store::ConsumeOutcome::Entered(_)), "{outcome:?}");
        terminal
    })
}

pub(crate) fn workspace(owner: &str, name: &str) -> WorkspaceRow {
    let id = WorkspaceId::from_random(unique());
    let pod = format!("ws-{}", id.as_str().trim_start_matches("wsp_"));
    WorkspaceRow {
        id,
        owner: owner.to_owned(),
        cluster: "kind".parse().unwrap(),
        namespace: "sallyport-people".parse().unwrap(),
        pod: pod.parse().unwrap(),
        pod_uid: None,
        container: "shell".parse().unwrap(),
        template: "debian".to_owned(),
        name: name.to_owned(),
        created_at: NOW,
        expires_at: later(8 * 3600),
        deleted_at: None,
        state_note: "creating".to_owned(),
    }
}

/// The log is whole and has this many records.
pub(crate) fn assert_intact<'a>(store: &'a Store, records: u64) -> Task<'a, ()> {
    Box::pin(async move {
        let verdict = store.audit_verify(|_, _| {}).await.unwrap();
        assert!(verdict.intact, "{verdict:?}");
        assert_eq!(verdict.records, records, "{verdict:?}");
    })
}
