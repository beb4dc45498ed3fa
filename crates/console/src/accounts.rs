//! Local accounts as their administrators see them: made, invited, disabled, signed out.
//! The same functions serve the API's routes and the command line; the latter only prints what they return.
//!
//! An act and its record are one transaction of the store, so that nothing happens unrecorded and nothing is
//! recorded as done that was not. A failure is recorded as such, if the store still can.

pub(crate) mod routes;

use crate::PasswordDesk;
use authn::{AccountMapping, InvalidGroup, InvitationSecret, WeakPassword, check_password};
use http_api::{Problem, ProblemCode, SignedIn, random};
use model::{AccountId, AccountName, Secret, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;
use store::{Account, AuditEntry, AuditOutcome, NewInvitation, Store, StoreError};

/// Long enough for a weekend, short enough to be forgotten in a mailbox.
const INVITATION_LASTS: Duration = Duration::from_secs(3 * 24 * 60 * 60);
const DISPLAY_NAME_CHARACTERS_MAX: usize = 100;
/// Each group is a header of every impersonated request; API servers take some tens of KiB of them.
const GROUPS_MAX: usize = 64;

/// Making an account, as the audit log calls it.
const CREATE: &str = "account.create";

/// What administrators do with accounts. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
    mapping: AccountMapping,
    hub_url: String,
}

/// Who does something to an account, for the audit log.
#[derive(Debug, Clone)]
pub struct Author {
    actor: String,
    request_id: String,
    source: String,
    at: Timestamp,
}

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The name to sign in with.
    pub name: AccountName,
    /// What to call the person; the name if left out.
    pub display_name: Option<String>,
    /// Kubernetes groups besides those that every account has.
    pub groups: Vec<String>,
    /// Whether it administers the hub.
    pub admin: bool,
    /// Consents to groups that are Kubernetes' own, such as `system:masters`.
    pub allow_reserved_groups: bool,
}

/// An account that was made.
#[derive(Debug)]
pub struct Created {
    /// The account.
    pub account: Account,
    /// The invitation by which its owner sets a password.
    pub invitation: Invitation,
}

/// A link to set an account's password, to be shown once.
#[derive(Debug)]
pub struct Invitation {
    /// The link; its secret is in the fragment.
    pub url: Secret,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Why something was not done to an account.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// No account has the name.
    #[error("there is no account `{0}`")]
    Unknown(AccountName),
    /// An account has the name already.
    #[error("account `{0}` exists already")]
    Exists(AccountName),
    /// A group cannot be given.
    #[error(transparent)]
    Group(#[from] InvalidGroup),
    /// Too many groups.
    #[error("an account has at most {GROUPS_MAX} groups")]
    TooManyGroups,
    /// The display name is empty, too long or has control characters.
    #[error("a display name has 1 to {DISPLAY_NAME_CHARACTERS_MAX} printable characters")]
    DisplayName,
    /// The account is disabled.
    #[error("account `{0}` is disabled; enable it first")]
    Disabled(AccountName),
    /// The password is too weak.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// Somebody would lock themselves out.
    #[error("`{0}` is your own account; ask another administrator, or use the command line")]
    OwnAccount(AccountName),
    /// The password could not be hashed, or there was no randomness.
    #[error("the hub failed")]
    Failed(#[source] Problem),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NewAccount {
    /// What the audit log tells of it.
    fn detail(&self, has_password: bool) -> Value {
        json!({
            "groups": self.groups,
            "admin": self.admin,
            "allow_reserved_groups": self.allow_reserved_groups,
            "password": has_password,
        })
    }
}

impl Author {
    /// The operator at the hub's own machine. `name` is what the operating system calls them.
    pub fn at_command_line(name: &str, now: Timestamp) -> Self {
        Self {
            actor: format!("operator:{name}"),
            request_id: String::new(),
            source: "command line".to_owned(),
            at: now,
        }
    }

    fn entry(
        &self,
        action: &str,
        object: &AccountName,
        outcome: AuditOutcome,
        reason: &str,
        detail: Value,
    ) -> AuditEntry {
        AuditEntry {
            at: self.at,
            actor: self.actor.clone(),
            action: action.to_owned(),
            object: object.to_string(),
            outcome,
            reason: reason.to_owned(),
            request_id: self.request_id.clone(),
            source: self.source.clone(),
            detail,
        }
    }
}

impl From<&SignedIn> for Author {
    fn from(signed_in: &SignedIn) -> Self {
        let context = signed_in.context();
        Self {
            actor: signed_in.user().to_owned(),
            request_id: context.request_id.to_string(),
            source: context.source.to_string(),
            at: context.at,
        }
    }
}

impl Accounts {
    /// `hub_url` is the origin that invitation links are written with.
    pub fn new(store: Store, mapping: AccountMapping, hub_url: String) -> Self {
        Self { store, mapping, hub_url }
    }

    /// Every account, by name.
    pub async fn list(&self) -> Result<Vec<Account>, AccountsError> {
        Ok(self.store.accounts().await?)
    }

    /// Makes an account and an invitation for its owner.
    pub async fn create(&self, author: &Author, new: NewAccount) -> Result<Created, AccountsError> {
        let detail = new.detail(false);
        let account = self.admitted(author, new, None).await?;
        let (new, invitation) = self.new_invitation(author, &account)?;
        self.write(author, &account, Some(&new), detail).await?;
        Ok(Created { account, invitation })
    }

    /// Makes an account with its password, from the command line: with a weak one there is no account either.
    pub async fn create_with_password(
        &self,
        author: &Author,
        new: NewAccount,
        password: Secret,
        desk: &PasswordDesk,
    ) -> Result<Account, AccountsError> {
        let detail = new.detail(true);
        let mut account = self.admitted(author, new, Some(&password)).await?;
        account.password = Some(desk.hash(password).await.map_err(AccountsError::Failed)?);
        self.write(author, &account, None, detail).await?;
        Ok(account)
    }

    /// The account as it may be made; a refusal is recorded.
    async fn admitted(
        &self,
        author: &Author,
        new: NewAccount,
        password: Option<&Secret>,
    ) -> Result<Account, AccountsError> {
        let name = new.name.clone();
        let account = match password.map_or(Ok(()), |password| check_password(password, &name)) {
            Ok(()) => self.checked(author, new).await,
            Err(weak) => Err(weak.into()),
        };
        match account {
            Ok(account) => Ok(account),
            Err(error) => Err(self.denied(author, CREATE, &name, error).await?),
        }
    }

    async fn write(
        &self,
        author: &Author,
        account: &Account,
        invitation: Option<&NewInvitation>,
        detail: Value,
    ) -> Result<(), AccountsError> {
        let name = &account.name;
        let audit = author.entry(CREATE, name, AuditOutcome::Allowed, "", detail);
        let done = self.store.create_account(account, invitation, audit).await;
        let done = done.map_err(|error| match error {
            StoreError::Conflict { .. } => AccountsError::Exists(name.clone()),
            other => other.into(),
        });
        self.told(author, CREATE, name, done).await
    }

    /// Disables an account: its sign-ins end, its links are revoked, its terminals are told to end.
    pub async fn disable(
        &self,
        author: &Author,
        name: &AccountName,
    ) -> Result<Account, AccountsError> {
        self.set_disabled(author, "account.disable", name, true).await
    }

    /// Enables an account again; what disabling ended stays ended.
    pub async fn enable(
        &self,
        author: &Author,
        name: &AccountName,
    ) -> Result<Account, AccountsError> {
        self.set_disabled(author, "account.enable", name, false).await
    }

    /// Makes a new invitation; an earlier one dies.
    pub async fn invite(
        &self,
        author: &Author,
        name: &AccountName,
    ) -> Result<Invitation, AccountsError> {
        let action = "account.invite";
        let account = self.known(author, action, name).await?;
        if account.disabled_at.is_some() {
            let error = AccountsError::Disabled(name.clone());
            return Err(self.denied(author, action, name, error).await?);
        }
        let (new, invitation) = self.new_invitation(author, &account)?;
        let audit = author.entry(action, name, AuditOutcome::Allowed, "", Value::Null);
        let done = self.store.create_invitation(&account.id, &new, audit).await;
        self.told(author, action, name, done.map_err(AccountsError::from)).await?;
        Ok(invitation)
    }

    /// Sets a password for somebody, from the command line; their sign-ins end.
    pub async fn set_password(
        &self,
        author: &Author,
        name: &AccountName,
        password: Secret,
        desk: &PasswordDesk,
    ) -> Result<(), AccountsError> {
        let action = "account.password";
        let account = self.known(author, action, name).await?;
        if let Err(weak) = check_password(&password, name) {
            return Err(self.denied(author, action, name, weak.into()).await?);
        }
        let hash = desk.hash(password).await.map_err(AccountsError::Failed)?;
        let audit = author.entry(action, name, AuditOutcome::Allowed, "", Value::Null);
        let done = self.store.change_password(&account.id, &hash, author.at, audit).await;
        self.told(author, action, name, done.map_err(AccountsError::from)).await?;
        Ok(())
    }

    /// Ends every sign-in of the account; tells how many there were.
    pub async fn sign_out(
        &self,
        author: &Author,
        name: &AccountName,
    ) -> Result<u64, AccountsError> {
        let action = "account.sign_out";
        let account = self.known(author, action, name).await?;
        let audit = author.entry(action, name, AuditOutcome::Allowed, "", Value::Null);
        let (user, at) = (&account.kubernetes_user, author.at);
        let done = self.store.end_sign_ins_of(user, None, at, audit).await;
        self.told(author, action, name, done.map_err(AccountsError::from)).await
    }

    async fn set_disabled(
        &self,
        author: &Author,
        action: &str,
        name: &AccountName,
        disabled: bool,
    ) -> Result<Account, AccountsError> {
        let mut account = self.known(author, action, name).await?;
        if disabled && author.actor == account.kubernetes_user {
            let error = AccountsError::OwnAccount(name.clone());
            return Err(self.denied(author, action, name, error).await?);
        }
        let audit = author.entry(action, name, AuditOutcome::Allowed, "", Value::Null);
        let done = self.store.set_disabled(&account.id, disabled, author.at, audit).await;
        let changed = self.told(author, action, name, done.map_err(AccountsError::from)).await?;
        if changed {
            account.disabled_at = disabled.then_some(author.at);
        }
        Ok(account)
    }

    async fn checked(&self, author: &Author, new: NewAccount) -> Result<Account, AccountsError> {
        if new.groups.len() > GROUPS_MAX {
            return Err(AccountsError::TooManyGroups);
        }
        for group in &new.groups {
            self.mapping.check_group(group, new.allow_reserved_groups)?;
        }
        let display_name = new.display_name.unwrap_or_else(|| new.name.to_string());
        let display_name = display_name.trim();
        let length = display_name.chars().take(DISPLAY_NAME_CHARACTERS_MAX + 1).count();
        if !(1..=DISPLAY_NAME_CHARACTERS_MAX).contains(&length)
            || display_name.chars().any(char::is_control)
        {
            return Err(AccountsError::DisplayName);
        }
        if self.store.account_by_name(&new.name).await?.is_some() {
            return Err(AccountsError::Exists(new.name));
        }
        Ok(Account {
            id: AccountId::from_random(random().map_err(AccountsError::Failed)?),
            kubernetes_user: self.mapping.user(&new.name),
            display_name: display_name.to_owned(),
            name: new.name,
            groups: new.groups,
            admin: new.admin,
            disabled_at: None,
            password: None,
            created_at: author.at,
            last_sign_in_at: None,
        })
    }

    /// An invitation as it is stored, and as it is shown this once.
    fn new_invitation(
        &self,
        author: &Author,
        account: &Account,
    ) -> Result<(NewInvitation, Invitation), AccountsError> {
        let random = random().map_err(AccountsError::Failed)?;
        let secret = InvitationSecret::from_random(account.name.clone(), random);
        let expires_at = author.at.after(INVITATION_LASTS);
        let url = format!("{}/invitation#{}", self.hub_url, secret.text().expose());
        let new = NewInvitation { hash: secret.hash(), expires_at };
        Ok((new, Invitation { url: Secret::new(url), expires_at }))
    }

    async fn known(
        &self,
        author: &Author,
        action: &str,
        name: &AccountName,
    ) -> Result<Account, AccountsError> {
        match self.store.account_by_name(name).await? {
            Some(account) => Ok(account),
            None => {
                let error = AccountsError::Unknown(name.clone());
                Err(self.denied(author, action, name, error).await?)
            }
        }
    }

    /// Hands on what became of an act. What was done is recorded with it; that it failed is recorded here.
    async fn told<T>(
        &self,
        author: &Author,
        action: &str,
        name: &AccountName,
        done: Result<T, AccountsError>,
    ) -> Result<T, AccountsError> {
        if let Err(error) = &done {
            let reason = error.code().as_str();
            let failed = author.entry(action, name, AuditOutcome::Failed, reason, Value::Null);
            if let Err(error) = self.store.audit(failed).await {
                tracing::warn!(action, account = %name, %error, "a failed act could not be recorded");
            }
        }
        done
    }

    /// Records a refusal and returns it.
    async fn denied(
        &self,
        author: &Author,
        action: &str,
        name: &AccountName,
        error: AccountsError,
    ) -> Result<AccountsError, AccountsError> {
        let detail = json!({ "why": error.to_string() });
        let reason = error.code().as_str();
        self.store.audit(author.entry(action, name, AuditOutcome::Denied, reason, detail)).await?;
        Ok(error)
    }
}

impl AccountsError {
    /// The problem's code for a client, and the reason in the audit log.
    pub fn code(&self) -> ProblemCode {
        match self {
            Self::Unknown(_) => ProblemCode::NotFound,
            Self::Exists(_) | Self::Disabled(_) | Self::OwnAccount(_) => ProblemCode::Conflict,
            Self::Group(_) | Self::TooManyGroups | Self::DisplayName => ProblemCode::BadRequest,
            Self::Weak(_) => ProblemCode::PasswordWeak,
            Self::Failed(problem) => problem.code(),
            Self::Store(
                StoreError::Busy(_) | StoreError::Full(_) | StoreError::Unavailable { .. },
            ) => ProblemCode::StoreUnavailable,
            Self::Store(_) => ProblemCode::Internal,
        }
    }
}
