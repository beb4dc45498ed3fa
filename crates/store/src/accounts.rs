//! Local accounts and the invitations by which their passwords are set.
//! How passwords are hashed and judged is known to `authn`; what an account may do, to the cluster.

use crate::audit::Act;
use crate::changes::Change;
use crate::database::{Row, json_text, values};
use crate::{Result, Store, StoreError};
use model::{AccountId, AccountName, Secret, Timestamp};
use std::fmt;

/// A local account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The name to sign in with; unique.
    pub name: AccountName,
    /// What people call the person.
    pub display_name: String,
    /// The Kubernetes user as which the hub acts for it; unique.
    pub kubernetes_user: String,
    /// The Kubernetes groups.
    pub groups: Vec<String>,
    /// Whether the account may manage accounts, links and the audit log.
    pub admin: bool,
    /// Since when it may not sign in.
    pub disabled_at: Option<Timestamp>,
    /// The password's hash, once one was set.
    pub password: Option<PasswordPhc>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_sign_in_at: Option<Timestamp>,
}

/// A password's hash as a PHC string (`$argon2id$…`). It does not show in `Debug`: a hash can be guessed at.
#[derive(Clone)]
pub struct PasswordPhc(Secret);

impl PasswordPhc {
    /// Takes a PHC string over.
    pub fn new(phc: impl Into<String>) -> Self {
        Self(Secret::new(phc))
    }

    /// The PHC string.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for PasswordPhc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordPhc(…)")
    }
}

/// People of one hub; a list longer than this is not a list of people.
const LISTED_MAX: i64 = 10_000;

impl Store {
    /// Stores a new account. [`StoreError::Conflict`] if the name or the Kubernetes user is taken.
    pub async fn create_account(&self, account: &Account) -> Result<()> {
        let password = account.password.as_ref().map(|phc| phc.expose().to_owned());
        self.inner
            .database
            .execute(
                "INSERT INTO accounts (id, name, display_name, kubernetes_user, groups, admin, disabled_at, password, created_at, last_sign_in_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                values![
                    &account.id, account.name.as_str(), &account.display_name,
                    &account.kubernetes_user, json_text("the groups", &account.groups)?,
                    account.admin, account.disabled_at, password, account.created_at,
                    account.last_sign_in_at,
                ],
            )
            .await
            .map_err(|error| error.naming(|| format!("account `{}`", account.name)))?;
        Ok(())
    }

    /// The account of that name.
    pub async fn account_by_name(&self, name: &AccountName) -> Result<Option<Account>> {
        let sql = "SELECT * FROM accounts WHERE name = $1";
        let row = self.inner.database.row(sql, values![name.as_str()]).await?;
        row.as_ref().map(|row| read(row, "")).transpose()
    }

    /// The account of that id.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>> {
        let sql = "SELECT * FROM accounts WHERE id = $1";
        let row = self.inner.database.row(sql, values![id]).await?;
        row.as_ref().map(|row| read(row, "")).transpose()
    }

    /// All accounts by name; the first 10,000.
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        let sql = "SELECT * FROM accounts ORDER BY name LIMIT $1";
        let rows = self.inner.database.rows(sql, values![LISTED_MAX]).await?;
        rows.iter().map(|row| read(row, "")).collect()
    }

    /// Sets the password's hash.
    pub async fn set_password(&self, id: &AccountId, password: &PasswordPhc) -> Result<()> {
        let sql = "UPDATE accounts SET password = $2 WHERE id = $1";
        let touched = self.inner.database.execute(sql, values![id, password.expose()]).await?;
        found(touched, id)
    }

    /// Notes that somebody signed in with the account.
    pub async fn touch_sign_in(&self, id: &AccountId, now: Timestamp) -> Result<()> {
        let sql = "UPDATE accounts SET last_sign_in_at = $2 WHERE id = $1";
        let touched = self.inner.database.execute(sql, values![id, now]).await?;
        found(touched, id)
    }

    /// Disables or enables the account. Disabling ends its sign-ins, revokes its links and tells every hub, in
    /// one transaction; enabling brings none of them back.
    pub async fn set_disabled(&self, id: &AccountId, disabled: bool, now: Timestamp) -> Result<()> {
        let mut act = self.act().await?;
        let account = act.row("SELECT * FROM accounts WHERE id = $1", values![id]).await?;
        let account = account.as_ref().map(|row| read(row, "")).transpose()?;
        let account = account.ok_or_else(|| missing(id))?;
        if account.disabled_at.is_some() == disabled {
            return Ok(());
        }
        let at = disabled.then_some(now);
        act.execute("UPDATE accounts SET disabled_at = $2 WHERE id = $1", values![id, at]).await?;
        if disabled {
            cut_off(&mut act, &account, now).await?;
        }
        act.commit().await
    }

    /// Stores an invitation to set the account's password. Earlier ones that were not redeemed die: whoever
    /// asks for a new link does not trust the old one.
    pub async fn create_invitation(
        &self,
        account: &AccountId,
        hash: &[u8; 32],
        expires_at: Timestamp,
    ) -> Result<()> {
        let mut act = self.act().await?;
        act.execute(
            "DELETE FROM invitations WHERE account = $1 AND redeemed_at IS NULL",
            values![account],
        )
        .await?;
        act.execute(
            "INSERT INTO invitations (hash, account, expires_at) VALUES ($1, $2, $3)",
            values![hash, account, expires_at],
        )
        .await
        .map_err(|error| error.naming(|| format!("account `{account}`")))?;
        act.commit().await
    }

    /// Redeems an invitation: of any number that try at once, one gets the account. None if it is unknown,
    /// expired or redeemed, or its account disabled.
    pub async fn redeem_invitation(
        &self,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<AccountId>> {
        let rows = self
            .inner
            .database
            .write_rows(
                "UPDATE invitations SET redeemed_at = $2
                 WHERE hash = $1 AND redeemed_at IS NULL AND expires_at > $2
                   AND account IN (SELECT id FROM accounts WHERE disabled_at IS NULL)
                 RETURNING account",
                values![hash, now],
            )
            .await?;
        rows.first().map(|row| row.parsed("account")).transpose()
    }
}

async fn cut_off(act: &mut Act, account: &Account, now: Timestamp) -> Result<()> {
    let user = &account.kubernetes_user;
    crate::sign_ins::end_of_account(act, &account.id, now).await?;
    crate::links::revoke_of(act, user, None, "account disabled", now).await?;
    act.tell(&Change::AccountDisabled { user: user.clone() }, now).await
}

fn missing(id: &AccountId) -> StoreError {
    StoreError::not_found(format!("account `{id}`"))
}

fn found(touched: u64, id: &AccountId) -> Result<()> {
    if touched == 0 { Err(missing(id)) } else { Ok(()) }
}

/// Reads an account whose columns carry `prefix`.
pub(crate) fn read(row: &Row, prefix: &str) -> Result<Account> {
    let column = |name: &str| format!("{prefix}{name}");
    Ok(Account {
        id: row.parsed(&column("id"))?,
        name: row.parsed(&column("name"))?,
        display_name: row.text(&column("display_name"))?,
        kubernetes_user: row.text(&column("kubernetes_user"))?,
        groups: row.json(&column("groups"))?,
        admin: row.bool(&column("admin"))?,
        disabled_at: row.time_option(&column("disabled_at"))?,
        password: row.text_option(&column("password"))?.map(PasswordPhc::new),
        created_at: row.time(&column("created_at"))?,
        last_sign_in_at: row.time_option(&column("last_sign_in_at"))?,
    })
}
