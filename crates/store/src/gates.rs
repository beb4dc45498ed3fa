//! The two gates of a link, as far as they are rows: binding it to a browser for a ticket, and consuming the
//! ticket for a terminal. Each is one act, so that of any number that try at once exactly one gets through.
//! The token's signature, the cluster's decision and the `Origin` are checked by the terminal service before.
//!
//! | | first gate | second gate |
//! | --- | --- | --- |
//! | before | link minted, or bound to this browser | ticket unconsumed, of this browser |
//! | after | link bound, one live ticket | ticket consumed, link used, terminal begun |
//! | too late | expired, revoked, used, another browser's, sign-in ended | the same, of ticket and link |
//!
//! An audit record is written for the way through only. What a refusal is called, and whether it is a denial or
//! a mistake, is known to the service, which records it with [`Store::audit`].

use crate::audit::Act;
use crate::database::{Row, values};
use crate::links::{self, LinkRow, LinkState};
use crate::terminals::{self, TerminalRow};
use crate::{AuditEntry, Result, Store, StoreError, sign_ins};
use model::{LinkId, SignInId, Timestamp};

/// What the first gate answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindOutcome {
    /// The link belongs to this browser now, and the ticket is stored.
    Bound,
    /// The link's time ran out.
    Expired,
    /// The link was revoked.
    Revoked,
    /// A terminal was entered by the link before.
    Used,
    /// Another browser passed the first gate with the link, or the link is another person's: of
    /// another name, or of the same name in another cluster.
    OtherBrowser,
    /// The sign-in ended or expired, or its account was disabled, while the gate was passed.
    SignInEnded,
    /// There is no such link.
    Unknown,
}

/// What the second gate answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumeOutcome {
    /// The terminal has begun; this is its link, used now.
    Entered(Box<LinkRow>),
    /// There is no such ticket: it was never given out, or a later one took its place.
    Unknown,
    /// The ticket's time ran out.
    Expired,
    /// The ticket was consumed before.
    Used,
    /// The ticket belongs to another browser.
    OtherBrowser,
    /// The sign-in ended or expired, or its account was disabled, while the gate was passed.
    SignInEnded,
    /// The link's time ran out.
    LinkExpired,
    /// The link was revoked.
    LinkRevoked,
    /// A terminal was entered by the link before.
    LinkUsed,
}

/// A ticket and its link, read without consuming it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeekedTicket {
    /// The link that it was given out for.
    pub link: LinkRow,
    /// The browser that it was given to.
    pub sign_in: SignInId,
    /// Until when it may be consumed.
    pub expires_at: Timestamp,
    /// When it was consumed.
    pub consumed_at: Option<Timestamp>,
}

impl Store {
    /// First gate: binds the link to this browser and stores a ticket for it. The first browser wins; the same
    /// one may come again, and then its earlier tickets for this link die.
    pub async fn bind_link(
        &self,
        id: &LinkId,
        sign_in: &SignInId,
        ticket_hash: &[u8; 32],
        ticket_expires_at: Timestamp,
        now: Timestamp,
        audit: AuditEntry,
    ) -> Result<BindOutcome> {
        let mut act = self.act().await?;
        let row = act.row("SELECT * FROM links WHERE id = $1", values![id]).await?;
        let Some(link) = row.as_ref().map(links::read).transpose()? else {
            return Ok(BindOutcome::Unknown);
        };
        let Some((user, cluster)) = sign_ins::holds(&mut act, sign_in, now).await? else {
            return Ok(BindOutcome::SignInEnded);
        };
        let elsewhere = cluster.is_some_and(|cluster| cluster != link.place.pod.cluster);
        if user != link.user
            || elsewhere
            || link.bound_to.as_ref().is_some_and(|bound| bound != sign_in)
        {
            return Ok(BindOutcome::OtherBrowser);
        }
        match link.state(now) {
            LinkState::Minted | LinkState::Bound => {}
            LinkState::Used => return Ok(BindOutcome::Used),
            LinkState::Revoked => return Ok(BindOutcome::Revoked),
            LinkState::Expired => return Ok(BindOutcome::Expired),
        }
        act.execute("UPDATE links SET bound_to = $2 WHERE id = $1", values![id, sign_in]).await?;
        act.execute("DELETE FROM tickets WHERE link = $1 AND consumed_at IS NULL", values![id])
            .await?;
        act.execute(
            "INSERT INTO tickets (hash, link, sign_in, expires_at) VALUES ($1, $2, $3, $4)",
            values![ticket_hash, id, sign_in, ticket_expires_at],
        )
        .await
        .map_err(|error| error.naming(|| format!("a ticket for link `{id}`")))?;
        act.record(&audit).await?;
        act.commit().await?;
        Ok(BindOutcome::Bound)
    }

    /// Reads a ticket, so that the second gate can check everything before it consumes.
    pub async fn peek_ticket(&self, ticket_hash: &[u8; 32]) -> Result<Option<PeekedTicket>> {
        let row = self.inner.database.row(TICKET, values![ticket_hash]).await?;
        row.as_ref().map(read).transpose()
    }

    /// Second gate: consumes the ticket, marks the link used, stores the terminal and its audit record, all in
    /// one transaction, or none of it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the draft is not of the ticket's link, person, place and browser.
    pub async fn consume_ticket(
        &self,
        ticket_hash: &[u8; 32],
        sign_in: &SignInId,
        now: Timestamp,
        terminal: &TerminalRow,
        audit: AuditEntry,
    ) -> Result<ConsumeOutcome> {
        let mut act = self.act().await?;
        let row = act.row(TICKET, values![ticket_hash]).await?;
        let Some(ticket) = row.as_ref().map(read).transpose()? else {
            return Ok(ConsumeOutcome::Unknown);
        };
        if let Some(refusal) = refusal(&mut act, &ticket, sign_in, now).await? {
            return Ok(refusal);
        }
        let mut link = ticket.link;
        if terminal.link != link.id
            || terminal.user != link.user
            || terminal.place != link.place
            || terminal.sign_in != *sign_in
        {
            return Err(StoreError::conflict(format!("terminal `{}`", terminal.id)));
        }
        act.execute(
            "UPDATE tickets SET consumed_at = $2 WHERE hash = $1",
            values![ticket_hash, now],
        )
        .await?;
        act.execute("UPDATE links SET used_at = $2 WHERE id = $1", values![&link.id, now]).await?;
        terminals::insert(&mut act, terminal).await?;
        act.record(&audit).await?;
        act.commit().await?;
        link.used_at = Some(now);
        Ok(ConsumeOutcome::Entered(Box::new(link)))
    }
}

/// Why the ticket does not let this browser in; whose it is comes first, so that a thief learns nothing else.
async fn refusal(
    act: &mut Act,
    ticket: &PeekedTicket,
    sign_in: &SignInId,
    now: Timestamp,
) -> Result<Option<ConsumeOutcome>> {
    if ticket.sign_in != *sign_in {
        return Ok(Some(ConsumeOutcome::OtherBrowser));
    }
    if sign_ins::holds(act, sign_in, now).await?.is_none() {
        return Ok(Some(ConsumeOutcome::SignInEnded));
    }
    if ticket.consumed_at.is_some() {
        return Ok(Some(ConsumeOutcome::Used));
    }
    Ok(match ticket.link.state(now) {
        LinkState::Revoked => Some(ConsumeOutcome::LinkRevoked),
        LinkState::Used => Some(ConsumeOutcome::LinkUsed),
        LinkState::Expired => Some(ConsumeOutcome::LinkExpired),
        _ if ticket.expires_at <= now => Some(ConsumeOutcome::Expired),
        LinkState::Minted | LinkState::Bound => None,
    })
}

const TICKET: &str = "SELECT l.*, t.sign_in AS ticket_sign_in, t.expires_at AS ticket_expires_at,
        t.consumed_at AS ticket_consumed_at
    FROM tickets t JOIN links l ON l.id = t.link WHERE t.hash = $1";

fn read(row: &Row) -> Result<PeekedTicket> {
    Ok(PeekedTicket {
        link: links::read(row)?,
        sign_in: row.parsed("ticket_sign_in")?,
        expires_at: row.time("ticket_expires_at")?,
        consumed_at: row.time_option("ticket_consumed_at")?,
    })
}
