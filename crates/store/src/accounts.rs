//! Local accounts and the invitations by which their passwords are set.
//! How passwords are hashed and judged is known to `authn`; what an account may do, to the cluster.

use crate::audit::Act;
use crate::changes::Change;
use crate::database::{Row, json_text, values};
use crate::{AuditEntry, Result, Store, StoreError};
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

/// An invitation to set an account's password.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// Until when it may be redeemed.
    pub expires_at: Timestamp,
}

/// People of one hub; a list longer than this is not a list of people.
const LISTED_MAX: i64 = 10_000;

impl Store {
    /// Stores a new account, with an invitation for its owner, and its audit record.
    /// [`StoreError::Conflict`] if the name or the Kubernetes user is taken.
    pub async fn create_account(
        &self,
        account: &Account,
        invitation: Option<&NewInvitation>,
        audit: AuditEntry,
    ) -> Result<()> {
        let password = account.password.as_ref().map(|phc| phc.expose().to_owned());
        let mut act = self.act().await?;
        act.execute(
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
        if let Some(invitation) = invitation {
            invite(&mut act, &account.id, invitation).await?;
        }
        act.record(&audit).await?;
        act.commit().await
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

    /// Sets another password, with its audit record. Whoever was signed in with the old one may be whom it was
    /// changed against: all the account's sign-ins end. Returns how many.
    pub async fn change_password(
        &self,
        id: &AccountId,
        password: &PasswordPhc,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<u64> {
        let mut act = self.act().await?;
        let ended = set_password(&mut act, id, password, now).await?;
        act.record(&audit).await?;
        act.commit().await?;
        Ok(ended)
    }

    /// Stores the same password hashed anew. False if another one was set meanwhile, which then stays.
    pub async fn renew_password_hash(
        &self,
        id: &AccountId,
        old: &PasswordPhc,
        new: &PasswordPhc,
    ) -> Result<bool> {
        let sql = "UPDATE accounts SET password = $3 WHERE id = $1 AND password = $2";
        let values = values![id, old.expose(), new.expose()];
        Ok(self.inner.database.execute(sql, values).await? > 0)
    }

    /// Disables or enables the account, with its audit record. Disabling ends its sign-ins, revokes its links
    /// and tells every hub, in one transaction; enabling brings none of them back. False, and no record, if it
    /// was so before.
    pub async fn set_disabled(
        &self,
        id: &AccountId,
        disabled: bool,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<bool> {
        let mut act = self.act().await?;
        let account = read_within(&mut act, id).await?;
        if account.disabled_at.is_some() == disabled {
            return Ok(false);
        }
        let at = disabled.then_some(now);
        act.execute("UPDATE accounts SET disabled_at = $2 WHERE id = $1", values![id, at]).await?;
        if disabled {
            cut_off(&mut act, &account, now).await?;
        }
        act.record(&audit).await?;
        act.commit().await?;
        Ok(true)
    }

    /// Stores an invitation to set the account's password, with its audit record. Earlier ones that were not
    /// redeemed die: whoever asks for a new link does not trust the old one.
    pub async fn create_invitation(
        &self,
        account: &AccountId,
        invitation: &NewInvitation,
        audit: AuditEntry,
    ) -> Result<()> {
        let mut act = self.act().await?;
        invite(&mut act, account, invitation).await?;
        act.record(&audit).await?;
        act.commit().await
    }

    /// Redeems an invitation for the password: of any number that try at once, one sets it and gets the
    /// account, whose sign-ins end. `audit` words the record of it. None, and no record, if the invitation is
    /// unknown, expired or redeemed, or its account disabled.
    pub async fn redeem_invitation(
        &self,
        hash: &[u8; 32],
        password: &PasswordPhc,
        now: Timestamp,
        audit: impl FnOnce(&Account) -> AuditEntry + Send,
    ) -> Result<Option<Account>> {
        let mut act = self.act().await?;
        let row = act
            .row(
                "UPDATE invitations SET redeemed_at = $2
                 WHERE hash = $1 AND redeemed_at IS NULL AND expires_at > $2
                   AND account IN (SELECT id FROM accounts WHERE disabled_at IS NULL)
                 RETURNING account",
                values![hash, now],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let id = row.parsed("account")?;
        set_password(&mut act, &id, password, now).await?;
        let account = read_within(&mut act, &id).await?;
        act.record(&audit(&account)).await?;
        act.commit().await?;
        Ok(Some(account))
    }
}

pub(crate) async fn read_within(act: &mut Act, id: &AccountId) -> Result<Account> {
    let row = act.row("SELECT * FROM accounts WHERE id = $1", values![id]).await?;
    row.as_ref().map(|row| read(row, "")).transpose()?.ok_or_else(|| missing(id))
}

async fn set_password(
    act: &mut Act,
    id: &AccountId,
    password: &PasswordPhc,
    now: Timestamp,
) -> Result<u64> {
    let sql = "UPDATE accounts SET password = $2 WHERE id = $1";
    if act.execute(sql, values![id, password.expose()]).await? == 0 {
        return Err(missing(id));
    }
    crate::sign_ins::end_of_account(act, id, now).await
}

async fn invite(act: &mut Act, account: &AccountId, invitation: &NewInvitation) -> Result<()> {
    let dead = "DELETE FROM invitations WHERE account = $1 AND redeemed_at IS NULL";
    act.execute(dead, values![account]).await?;
    act.execute(
        "INSERT INTO invitations (hash, account, expires_at) VALUES ($1, $2, $3)",
        values![&invitation.hash, account, invitation.expires_at],
    )
    .await
    .map_err(|error| error.naming(|| format!("account `{account}`")))?;
    Ok(())
}

async fn cut_off(act: &mut Act, account: &Account, now: Timestamp) -> Result<()> {
    let user = &account.kubernetes_user;
    // Told first: whoever has a terminal open hears the reason, and not merely that the sign-in or a link was ended.
    act.tell(&Change::AccountDisabled { user: user.clone() }, now).await?;
    crate::sign_ins::end_of_account(act, &account.id, now).await?;
    crate::links::revoke_of(act, user, None, "account disabled", now).await?;
    Ok(())
}

fn missing(id: &AccountId) -> StoreError {
    StoreError::not_found(format!("account `{id}`"))
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
