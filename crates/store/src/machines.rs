//! Requests of machines to be signed in from, the sign-ins that come of them, and the authority that signs their
//! certificates.
//! What a request proves and how a certificate looks is known to `authn` and the console. A machine's sign-in is a row
//! like a browser's, found by the hash of its key: whatever ends a person's sign-ins ends it.

use crate::accounts;
use crate::audit::Act;
use crate::database::{Row, Tx, values};
use crate::sign_ins::{self, HOLDS, SignIn};
use crate::{Account, AuditEntry, CurrentSignIn, Result, Store};
use model::{AccountId, SecretBytes, SignInId, Timestamp};
use sqlx::AssertSqlSafe;

const AUTHORITY: &str = "machine_authority";
/// Of a request that has not come to its end at `$1`: nobody has decided, or a yes was not collected.
const WAITS: &str =
    "expires_at > $1 AND collected_at IS NULL AND (decided_at IS NULL OR account IS NOT NULL)";

/// A machine that waits to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineRequest {
    /// By what the person finds it.
    pub code: String,
    /// SHA-256 of the verifier with which it is collected.
    pub challenge: [u8; 32],
    /// The public key that the sign-in will be bound to.
    pub key: Vec<u8>,
    /// What the machine calls itself.
    pub machine: String,
    /// Where the person's browser is led back to on that machine, if it is the same one.
    pub port: Option<u16>,
    /// What the browser carries back besides.
    pub state: String,
    /// The network it came from, for the bound.
    pub network: String,
    /// The address it came from.
    pub source: String,
    /// When it was asked.
    pub created_at: Timestamp,
    /// Until when it can be decided and collected.
    pub expires_at: Timestamp,
}

/// A person's yes.
#[derive(Debug, Clone)]
pub struct MachineApproval<'a> {
    /// The person.
    pub account: &'a AccountId,
    /// The browser's sign-in; when it ends before the machine has collected, so does the yes.
    pub sign_in: &'a SignInId,
    /// SHA-256 of what the browser carries back to the machine.
    pub grant_hash: [u8; 32],
}

/// What became of an attempt to collect.
#[derive(Debug)]
#[must_use]
pub enum CollectOutcome {
    /// No such request, another verifier, or not what the browser was given.
    Unknown,
    /// Nobody has decided yet.
    Waiting,
    /// The person said no.
    Denied,
    /// It expired, was collected before, or whoever said yes is signed out or disabled.
    Gone,
    /// Signed in.
    Collected {
        /// The sign-in.
        current: Box<CurrentSignIn>,
        /// The key that it is bound to.
        key: Vec<u8>,
    },
}

/// The authority of machines.
#[derive(Debug)]
pub struct MachineAuthorityRow {
    /// Its certificate, in DER.
    pub certificate: Vec<u8>,
    /// Its key, as PKCS #8.
    pub key: SecretBytes,
}

impl Store {
    /// The authority, made of `fresh` if there is none yet: of several hubs that start at once, one succeeds.
    pub async fn machine_authority(
        &self,
        fresh: impl FnOnce() -> Option<MachineAuthorityRow> + Send,
        now: Timestamp,
    ) -> Result<Option<MachineAuthorityRow>> {
        if let Some(row) = self.read_machine_authority().await? {
            return Ok(Some(row));
        }
        let Some(fresh) = fresh() else { return Ok(None) };
        let sealed = self.inner.vault.seal(AUTHORITY, "1", &fresh.key)?;
        let mut act = self.act().await?;
        if act.row("SELECT one FROM machine_authority", values![]).await?.is_none() {
            act.execute(
                "INSERT INTO machine_authority (one, certificate, sealed, created_at) VALUES (1, $1, $2, $3)",
                values![fresh.certificate, sealed, now],
            )
            .await?;
        }
        act.commit().await?;
        self.read_machine_authority().await
    }

    async fn read_machine_authority(&self) -> Result<Option<MachineAuthorityRow>> {
        let sql = "SELECT certificate, sealed FROM machine_authority WHERE one = 1";
        let Some(row) = self.inner.database.row(sql, values![]).await? else { return Ok(None) };
        let key = self.inner.vault.open(AUTHORITY, "1", &row.bytes("sealed")?)?;
        Ok(Some(MachineAuthorityRow { certificate: row.bytes("certificate")?, key }))
    }

    /// How many requests of a network wait, for a bound before anything is worked out for one more.
    pub async fn machines_waiting_of(&self, network: &str, now: Timestamp) -> Result<i64> {
        let sql =
            format!("SELECT COUNT(*) AS held FROM machine_requests WHERE network = $2 AND {WAITS}");
        let row = self.inner.database.row(AssertSqlSafe(sql), values![now, network]).await?;
        row.map_or(Ok(0), |row| row.int("held"))
    }

    /// Keeps a request, unless as many wait of its network. Where as many wait in all, it takes the place of the oldest
    /// that nobody has decided of the network that holds most; refused is only who holds as much itself.
    ///
    /// It is no act: nobody is let in by it.
    pub async fn ask_for_machine(
        &self,
        request: &MachineRequest,
        of_network_max: i64,
        total_max: i64,
    ) -> Result<bool> {
        let (now, network) = (request.created_at, request.network.as_str());
        let mut tx = self.inner.database.begin().await?;
        if tx.is_postgres() {
            // Of requests that come at once, none counts before the one ahead of it is there.
            tx.execute("LOCK TABLE machine_requests IN SHARE ROW EXCLUSIVE MODE", values![])
                .await?;
        }
        let count = format!(
            "SELECT COUNT(*) AS total, COUNT(CASE WHEN network = $2 THEN 1 END) AS of_network
             FROM machine_requests WHERE {WAITS}"
        );
        let row = tx.row(AssertSqlSafe(count), values![now, network]).await?;
        let (total, of_network) = match row {
            Some(row) => (row.int("total")?, row.int("of_network")?),
            None => (0, 0),
        };
        if of_network >= of_network_max
            || (total >= total_max && !give_way(&mut tx, of_network, now).await?)
        {
            return Ok(false);
        }
        tx.execute(
            "INSERT INTO machine_requests (code, challenge, machine_key, machine, port, state, network, source, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            values![
                &request.code, &request.challenge, request.key.clone(), &request.machine,
                request.port.map(i64::from), &request.state, network,
                &request.source, now, request.expires_at,
            ],
        )
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// A request that waits for somebody's yes or no.
    pub async fn waiting_machine(
        &self,
        code: &str,
        now: Timestamp,
    ) -> Result<Option<MachineRequest>> {
        let sql = "SELECT * FROM machine_requests WHERE code = $1 AND decided_at IS NULL AND expires_at > $2";
        let row = self.inner.database.row(sql, values![code, now]).await?;
        row.as_ref().map(read).transpose()
    }

    /// Decides a request, with its audit record. False, and no record, if there is none that waits.
    pub async fn decide_machine(
        &self,
        code: &str,
        approval: Option<MachineApproval<'_>>,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<bool> {
        let mut act = self.act().await?;
        let waits = "code = $1 AND decided_at IS NULL AND expires_at > $2";
        let decided = match approval {
            None => {
                let sql = format!("UPDATE machine_requests SET decided_at = $2 WHERE {waits}");
                act.execute(AssertSqlSafe(sql), values![code, now]).await?
            }
            Some(MachineApproval { account, sign_in, grant_hash }) => {
                let sql = format!(
                    "UPDATE machine_requests SET decided_at = $2, account = $3, sign_in = $4, grant_hash = $5
                     WHERE {waits}"
                );
                let values = values![code, now, account, sign_in, &grant_hash];
                act.execute(AssertSqlSafe(sql), values).await?
            }
        };
        if decided == 0 {
            return Ok(false);
        }
        act.record(&audit).await?;
        act.commit().await?;
        Ok(true)
    }

    /// Makes the sign-in of an approved request, once. `begin` words it and its audit record. Each attempt before
    /// the yes only reads.
    pub async fn collect_machine(
        &self,
        code: &str,
        challenge: &[u8; 32],
        grant_hash: &[u8; 32],
        now: Timestamp,
        begin: impl FnOnce(&Account, &MachineRequest) -> (SignIn, AuditEntry) + Send,
    ) -> Result<CollectOutcome> {
        let sql = "SELECT * FROM machine_requests WHERE code = $1 AND challenge = $2";
        let asked = values![code, challenge];
        let row = self.inner.database.row(sql, asked.clone()).await?;
        if let Some(outcome) = not_yet(row.as_ref(), now)? {
            return Ok(outcome);
        }
        let mut act = self.act().await?;
        let carried = "SELECT * FROM machine_requests
                       WHERE code = $1 AND challenge = $2 AND (port IS NULL OR grant_hash = $3)";
        let row = act.row(carried, values![code, challenge, grant_hash]).await?;
        if let Some(outcome) = not_yet(row.as_ref(), now)? {
            return Ok(outcome);
        }
        let Some(row) = row else { return Ok(CollectOutcome::Unknown) };
        let approver: SignInId = row.parsed("sign_in")?;
        let account = accounts::read_within(&mut act, &row.parsed("account")?).await?;
        let holds = sign_ins::holds(&mut act, &approver, now).await?.is_some();
        if !holds || account.disabled_at.is_some() {
            return Ok(CollectOutcome::Gone);
        }
        act.execute(
            "UPDATE machine_requests SET collected_at = $2 WHERE code = $1",
            values![code, now],
        )
        .await?;
        let request = read(&row)?;
        let (sign_in, audit) = begin(&account, &request);
        sign_ins::insert(&mut act, &sign_in).await?;
        act.record(&audit).await?;
        sign_ins::end_beyond_the_most(&mut act, &sign_in, &audit).await?;
        act.commit().await?;
        let current = CurrentSignIn { sign_in, account: Some(account) };
        Ok(CollectOutcome::Collected { current: Box::new(current), key: request.key })
    }

    /// A machine's sign-in that holds at `now`, with its account as it is now.
    pub async fn machine_sign_in(
        &self,
        id: &SignInId,
        now: Timestamp,
    ) -> Result<Option<CurrentSignIn>> {
        let condition =
            format!("s.id = $1 AND s.method = 'machine' AND {HOLDS} AND a.disabled_at IS NULL");
        sign_ins::current(&self.inner.database, &condition, values![id, now]).await
    }
}

/// Makes room for a request of a network of which `held` wait; false if no network holds more.
async fn give_way(tx: &mut Tx, held: i64, now: Timestamp) -> Result<bool> {
    let most = "SELECT network, COUNT(*) AS held FROM machine_requests
                WHERE expires_at > $1 AND decided_at IS NULL
                GROUP BY network ORDER BY held DESC, network LIMIT 1";
    let Some(most) = tx.row(most, values![now]).await? else { return Ok(false) };
    if most.int("held")? <= held {
        return Ok(false);
    }
    let oldest = "DELETE FROM machine_requests WHERE code = (
                      SELECT code FROM machine_requests
                      WHERE network = $2 AND expires_at > $1 AND decided_at IS NULL
                      ORDER BY created_at, code LIMIT 1)";
    Ok(tx.execute(oldest, values![now, most.text("network")?]).await? > 0)
}

/// What is to be said of a request that cannot be collected at `now`.
fn not_yet(row: Option<&Row>, now: Timestamp) -> Result<Option<CollectOutcome>> {
    let Some(row) = row else { return Ok(Some(CollectOutcome::Unknown)) };
    if row.time("expires_at")? <= now || row.time_option("collected_at")?.is_some() {
        return Ok(Some(CollectOutcome::Gone));
    }
    if row.time_option("decided_at")?.is_none() {
        return Ok(Some(CollectOutcome::Waiting));
    }
    let denied = row.text_option("account")?.is_none();
    Ok(denied.then_some(CollectOutcome::Denied))
}

fn read(row: &Row) -> Result<MachineRequest> {
    Ok(MachineRequest {
        code: row.text("code")?,
        challenge: row.hash("challenge")?,
        key: row.bytes("machine_key")?,
        machine: row.text("machine")?,
        port: row.int_option("port")?.and_then(|port| u16::try_from(port).ok()),
        state: row.text("state")?,
        network: row.text("network")?,
        source: row.text("source")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}

/// Requests that expired before `$1` are of no use to anybody.
pub(crate) async fn purge(act: &mut Act, before: i64) -> Result<u64> {
    act.execute("DELETE FROM machine_requests WHERE expires_at < $1", values![before]).await
}
