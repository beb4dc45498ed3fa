//! Sign-ins: one row per signed-in browser, found by the hash of its cookie's secret.
//! How long one lasts is decided by `authn`; the cookie is known to `http-api`.

use crate::accounts::{self, Account, PasswordPhc};
use crate::audit::Act;
use crate::changes::Change;
use crate::database::{Database, Row, Value, json_text, values};
use crate::{AuditEntry, Result, Store, StoreError};
use model::{AccountId, ClusterName, Identity, Secret, SecretBytes, SignInId, Timestamp};
use sqlx::AssertSqlSafe;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How somebody proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInMethod {
    /// A local account's password.
    Password,
    /// A Kubernetes bearer token.
    Token,
    /// An invitation to a local account.
    Invitation,
    /// Somebody who is signed in let a machine in: `sallyport login`.
    Machine,
}

impl SignInMethod {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token => "token",
            Self::Invitation => "invitation",
            Self::Machine => "machine",
        }
    }
}

impl fmt::Display for SignInMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SignInMethod {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "password" => Ok(Self::Password),
            "token" => Ok(Self::Token),
            "invitation" => Ok(Self::Invitation),
            "machine" => Ok(Self::Machine),
            _ => Err(StoreError::corrupt("a sign-in", "its method is not one this version knows")),
        }
    }
}

/// One signed-in browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Its id, which may be shown and logged.
    pub id: SignInId,
    /// SHA-256 of the cookie's secret.
    pub secret_hash: [u8; 32],
    /// The local account, unless a token was shown.
    pub account: Option<AccountId>,
    /// Who it is to Kubernetes, as it was at sign-in.
    pub identity: Identity,
    /// The one cluster that checked the token, and for which it holds.
    pub cluster: Option<ClusterName>,
    /// How it was proved.
    pub method: SignInMethod,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When the browser was last seen, to the minute.
    pub last_seen_at: Timestamp,
    /// How long the browser may be silent.
    pub idle_timeout: Duration,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// The address it came from.
    pub source: String,
    /// What the browser calls itself.
    pub user_agent: String,
}

/// What somebody proved themselves with, and what must still be so when the sign-in is stored.
#[derive(Debug, Clone, Copy)]
pub enum Proof<'a> {
    /// The account as it was when its password was checked or its invitation redeemed.
    Account(&'a Account),
    /// A token that a cluster took. It is kept, sealed, for as long as the sign-in holds: whether the
    /// cluster still takes it is asked again and again.
    Token(&'a Secret),
}

/// What became of a new sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum SignInOutcome {
    /// It is stored.
    Begun,
    /// Another password was set meanwhile or the account disabled: what was proved is worth nothing, and
    /// nothing was stored or ended.
    AccountChanged,
}

/// A sign-in with its account as it is now.
#[derive(Debug, Clone)]
pub struct CurrentSignIn {
    /// The sign-in, as it is stored: ended and expired ones too.
    pub sign_in: SignIn,
    /// The local account as it is now, if there is one: it may have been disabled or have lost a group since.
    pub account: Option<Account>,
}

/// Where tokens are kept; also what they are sealed for.
const TOKENS: &str = "sign_in_tokens";
/// Sign-ins of one person that hold at once: more browsers than anybody has. One more ends the one seen longest
/// ago rather than being refused, or a forgotten script could lock its owner out.
const PER_PERSON_MAX: i64 = 32;
/// Being seen is written at most this often; a page makes many requests.
const SEEN_EVERY: Duration = Duration::from_secs(60);

/// Whether a sign-in holds as far as its own row tells: not ended, not at its end, not idle for too long. The
/// same decision as `authn`'s, in SQL, for those who do not come by the cookie; `now` is `$2`.
///
/// Subtracted, not added: a timeout as long as an integer allows must not overflow.
pub(crate) const HOLDS: &str =
    "s.ended_at IS NULL AND s.expires_at > $2 AND s.last_seen_at > $2 - s.idle_timeout";

impl Store {
    /// Stores a new sign-in with its audit record, and notes it at its account. `replaced` is the hash of the
    /// secret that the browser presented: that sign-in ends in the same transaction. Of a person's many sign-ins
    /// the 32 that were seen last go on.
    ///
    /// Checking a password takes a while, and waiting for it seconds. Acts run one after another, so either
    /// a change of the password sees this sign-in and ends it, or this act sees the change and refuses.
    pub async fn create_sign_in(
        &self,
        sign_in: &SignIn,
        proof: Proof<'_>,
        replaced: Option<&[u8; 32]>,
        audit: AuditEntry,
    ) -> Result<SignInOutcome> {
        let now = sign_in.created_at;
        let mut act = self.act().await?;
        if let Proof::Account(proved) = proof {
            let account = accounts::read_within(&mut act, &proved.id).await?;
            let is_same = account.password.as_ref().map(PasswordPhc::expose)
                == proved.password.as_ref().map(PasswordPhc::expose);
            if account.disabled_at.is_some() || !is_same {
                return Ok(SignInOutcome::AccountChanged);
            }
        }
        if let Some(hash) = replaced {
            let rows = act
                .rows(
                    "UPDATE sign_ins SET ended_at = $2 WHERE secret_hash = $1 AND ended_at IS NULL RETURNING id",
                    values![hash, now],
                )
                .await?;
            tell_ended(&mut act, &rows, now).await?;
        }
        insert(&mut act, sign_in).await?;
        if let Proof::Token(token) = proof {
            let token = SecretBytes::new(token.expose().as_bytes());
            let sealed = self.inner.vault.seal(TOKENS, sign_in.id.as_str(), &token)?;
            act.execute(
                "INSERT INTO sign_in_tokens (sign_in, sealed) VALUES ($1, $2)",
                values![&sign_in.id, sealed],
            )
            .await?;
        }
        if let Some(account) = &sign_in.account {
            let seen = "UPDATE accounts SET last_sign_in_at = $2 WHERE id = $1";
            act.execute(seen, values![account, now]).await?;
        }
        act.record(&audit).await?;
        end_beyond_the_most(&mut act, sign_in, &audit).await?;
        act.commit().await?;
        Ok(SignInOutcome::Begun)
    }

    /// The token that somebody signed in with. None if it was no token, or the sign-in has ended.
    pub async fn sign_in_token(&self, id: &SignInId) -> Result<Option<Secret>> {
        let sql = "SELECT sealed FROM sign_in_tokens WHERE sign_in = $1";
        let Some(row) = self.inner.database.row(sql, values![id]).await? else { return Ok(None) };
        let token = self.inner.vault.open(TOKENS, id.as_str(), &row.bytes("sealed")?)?;
        let text = std::str::from_utf8(token.expose())
            .map_err(|_| StoreError::corrupt(format!("{TOKENS} `{id}`"), "it is no text"))?;
        Ok(Some(Secret::new(text)))
    }

    /// Whether a sign-in still holds: it was not ended, has not expired, was not idle for too long, and its
    /// account is not disabled.
    pub async fn sign_in_is_live(&self, id: &SignInId, now: Timestamp) -> Result<bool> {
        let sql = format!(
            "SELECT s.user_name FROM sign_ins s LEFT JOIN accounts a ON a.id = s.account
             WHERE s.id = $1 AND {HOLDS} AND a.disabled_at IS NULL"
        );
        Ok(self.inner.database.row(AssertSqlSafe(sql), values![id, now]).await?.is_some())
    }

    /// The sign-in whose cookie's secret has this hash, with its account as it is now. Whether it still holds
    /// is for the caller to judge.
    pub async fn sign_in_by_secret_hash(&self, hash: &[u8; 32]) -> Result<Option<CurrentSignIn>> {
        current(&self.inner.database, "s.secret_hash = $1", values![hash]).await
    }

    /// Notes that the browser was seen; writes at most once a minute, and never for one that has ended or
    /// lapsed: a key typed into a forgotten terminal must not bring a sign-in back to life.
    pub async fn touch_sign_in_seen(&self, id: &SignInId, now: Timestamp) -> Result<()> {
        let before = Timestamp::from_micros(
            now.as_micros().saturating_sub(i64::try_from(SEEN_EVERY.as_micros()).unwrap_or(0)),
        );
        let due = format!(
            "SELECT s.id FROM sign_ins s WHERE s.id = $1 AND {HOLDS} AND s.last_seen_at <= $3"
        );
        let touch = format!("UPDATE sign_ins SET last_seen_at = $2 WHERE id IN ({due})");
        // Asked of a reader first, so that the common case does not wait for the writer.
        let values = values![id, now, before];
        if self.inner.database.row(AssertSqlSafe(due), values.clone()).await?.is_some() {
            self.inner.database.execute(AssertSqlSafe(touch), values).await?;
        }
        Ok(())
    }

    /// Ends a sign-in, its tickets with it, tells every hub, and records it. False, and no record, if it had
    /// ended or never was.
    pub async fn end_sign_in(
        &self,
        id: &SignInId,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<bool> {
        let mut act = self.act().await?;
        let rows = act
            .rows(
                "UPDATE sign_ins SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING id",
                values![id, now],
            )
            .await?;
        if tell_ended(&mut act, &rows, now).await? == 0 {
            return Ok(false);
        }
        act.record(&audit).await?;
        act.commit().await?;
        Ok(true)
    }

    /// Ends all sign-ins of a Kubernetes user and records it; returns how many. With a cluster, only those that
    /// hold for it: a name that a token brought is somebody else's in another one.
    pub async fn end_sign_ins_of(
        &self,
        user: &str,
        cluster: Option<&ClusterName>,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<u64> {
        let cluster = cluster.map(|cluster| cluster.as_str().to_owned());
        let mut act = self.act().await?;
        let rows = act
            .rows(
                "UPDATE sign_ins SET ended_at = $2
                 WHERE user_name = $1 AND ($3 IS NULL OR cluster = $3) AND ended_at IS NULL RETURNING id",
                values![user, now, cluster],
            )
            .await?;
        let ended = tell_ended(&mut act, &rows, now).await?;
        act.record(&audit).await?;
        act.commit().await?;
        Ok(ended)
    }
}

/// Writes a new row within an act.
pub(crate) async fn insert(act: &mut Act, sign_in: &SignIn) -> Result<()> {
    let idle_timeout = i64::try_from(sign_in.idle_timeout.as_micros()).unwrap_or(i64::MAX);
    let cluster = sign_in.cluster.as_ref().map(|name| name.as_str().to_owned());
    act.execute(
        "INSERT INTO sign_ins (id, secret_hash, account, user_name, identity, cluster, method, created_at, last_seen_at, idle_timeout, expires_at, ended_at, source, user_agent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        values![
            &sign_in.id, &sign_in.secret_hash, sign_in.account.as_ref(),
            &sign_in.identity.user, json_text("the identity", &sign_in.identity)?,
            cluster, sign_in.method.as_str(),
            sign_in.created_at, sign_in.last_seen_at, idle_timeout, sign_in.expires_at,
            sign_in.ended_at, &sign_in.source, &sign_in.user_agent,
        ],
    )
    .await
    .map_err(|error| error.naming(|| format!("sign-in `{}`", sign_in.id)))?;
    Ok(())
}

/// The one sign-in that a condition of ours finds, with its account as it is now.
pub(crate) async fn current(
    database: &Database,
    condition: &str,
    values: Vec<Value>,
) -> Result<Option<CurrentSignIn>> {
    let sql = format!(
        "SELECT s.*, a.id AS account_id, a.name AS account_name,
                a.display_name AS account_display_name,
                a.kubernetes_user AS account_kubernetes_user, a.groups AS account_groups,
                a.admin AS account_admin, a.disabled_at AS account_disabled_at,
                a.password AS account_password, a.created_at AS account_created_at,
                a.last_sign_in_at AS account_last_sign_in_at
         FROM sign_ins s LEFT JOIN accounts a ON a.id = s.account WHERE {condition}"
    );
    let Some(row) = database.row(AssertSqlSafe(sql), values).await? else { return Ok(None) };
    let sign_in = read(&row)?;
    let account = match &sign_in.account {
        Some(_) => Some(accounts::read(&row, "account_")?),
        None => None,
    };
    Ok(Some(CurrentSignIn { sign_in, account }))
}

/// Ends all sign-ins of an account within an act.
pub(crate) async fn end_of_account(
    act: &mut Act,
    account: &AccountId,
    now: Timestamp,
) -> Result<u64> {
    let rows = act
        .rows(
            "UPDATE sign_ins SET ended_at = $2 WHERE account = $1 AND ended_at IS NULL RETURNING id",
            values![account, now],
        )
        .await?;
    tell_ended(act, &rows, now).await
}

/// Ends the sign-ins of the same person that were seen longest ago, so that with the new one no more hold than
/// may, and records each.
pub(crate) async fn end_beyond_the_most(
    act: &mut Act,
    new: &SignIn,
    begun: &AuditEntry,
) -> Result<()> {
    let now = new.created_at;
    let cluster = new.cluster.as_ref().map(|name| name.as_str().to_owned());
    // A name that a token brought is another person's in another cluster.
    let sql = format!(
        "UPDATE sign_ins SET ended_at = $2 WHERE id IN
           (SELECT s.id FROM sign_ins s
            WHERE s.user_name = $1 AND COALESCE(s.cluster, '') = COALESCE($3, '') AND {HOLDS}
              AND s.id <> $4
            ORDER BY s.last_seen_at DESC, s.created_at DESC, s.id LIMIT 1000000 OFFSET $5)
         RETURNING id"
    );
    let values = values![&new.identity.user, now, cluster, &new.id, PER_PERSON_MAX - 1];
    let rows = act.rows(AssertSqlSafe(sql), values).await?;
    tell_ended(act, &rows, now).await?;
    for row in &rows {
        let detail = serde_json::json!({ "why": "too_many_sign_ins", "for": new.id });
        let (action, object) = ("sign_out".to_owned(), row.text("id")?);
        act.record(&AuditEntry { action, object, detail, ..begun.clone() }).await?;
    }
    Ok(())
}

/// Whose sign-in it is and the only cluster it holds for, if it may still pass a gate at `now`: it exists, was not ended, has neither expired nor
/// been idle for too long, and its account was not disabled.
pub(crate) async fn holds(
    act: &mut Act,
    id: &SignInId,
    now: Timestamp,
) -> Result<Option<(String, Option<ClusterName>)>> {
    let sql = format!(
        "SELECT s.user_name, s.cluster FROM sign_ins s LEFT JOIN accounts a ON a.id = s.account
         WHERE s.id = $1 AND {HOLDS} AND a.disabled_at IS NULL"
    );
    let row = act.row(AssertSqlSafe(sql), values![id, now]).await?;
    row.map(|row| Ok((row.text("user_name")?, row.parsed_option("cluster")?))).transpose()
}

async fn tell_ended(act: &mut Act, rows: &[Row], now: Timestamp) -> Result<u64> {
    let mut ended = 0;
    for row in rows {
        let sign_in: SignInId = row.parsed("id")?;
        act.execute(
            "DELETE FROM tickets WHERE sign_in = $1 AND consumed_at IS NULL",
            values![&sign_in],
        )
        .await?;
        act.execute("DELETE FROM sign_in_tokens WHERE sign_in = $1", values![&sign_in]).await?;
        act.tell(&Change::SignInEnded { sign_in }, now).await?;
        ended += 1;
    }
    Ok(ended)
}

fn read(row: &Row) -> Result<SignIn> {
    Ok(SignIn {
        id: row.parsed("id")?,
        secret_hash: row.hash("secret_hash")?,
        account: row.parsed_option("account")?,
        identity: row.json("identity")?,
        cluster: row.parsed_option("cluster")?,
        method: row.parsed("method")?,
        created_at: row.time("created_at")?,
        last_seen_at: row.time("last_seen_at")?,
        idle_timeout: Duration::from_micros(row.number("idle_timeout")?),
        expires_at: row.time("expires_at")?,
        ended_at: row.time_option("ended_at")?,
        source: row.text("source")?,
        user_agent: row.text("user_agent")?,
    })
}
