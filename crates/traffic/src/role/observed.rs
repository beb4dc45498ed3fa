//! On the command line: what one user does in a capture, counted as it is decoded, and the role of it as text.
//! What follows from which request is the module's above; what a hub stored is counted by its store.
//!
//! Bounds: [`KINDS_MAX`] kinds of requests; connections are forgotten when they end.

use super::{HeldRoles, Proposal, Right, RoleDiff, Use, diff, propose};
use crate::rows::Asked;
use crate::table::{printable, timestamp};
use crate::user;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use wire::{ConnectionReport, Decryption, Unit};

const KINDS_MAX: usize = 20_000;

/// What a user does, as far as it was seen.
#[derive(Debug)]
pub(crate) struct Observed {
    user: String,
    asked: HashMap<u64, Asked>,
    uses: BTreeMap<Vec<Option<String>>, Use>,
    basis: Basis,
}

/// What it rests on.
#[derive(Debug, Default, Serialize)]
struct Basis {
    #[serde(skip_serializing_if = "Option::is_none")]
    from_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_us: Option<u64>,
    units: u64,
    requests: u64,
    unknown: u64,
    missing: u64,
    unread: u64,
    partial: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    r#type: &'static str,
    user: &'a str,
    #[serde(flatten)]
    proposal: &'a Proposal,
    basis: &'a Basis,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<&'a RoleDiff>,
}

impl Observed {
    pub(crate) fn of(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            asked: HashMap::new(),
            uses: BTreeMap::new(),
            basis: Basis::default(),
        }
    }

    /// Takes a unit, which counts or only tells who asks.
    pub(crate) fn take(&mut self, unit: &Unit, counts: bool) {
        let who = self.asked.entry(unit.connection).or_default().of(unit);
        if !counts {
            return;
        }
        let basis = &mut self.basis;
        basis.units += 1;
        basis.from_us = Some(basis.from_us.map_or(unit.time_us, |from| from.min(unit.time_us)));
        basis.to_us = basis.to_us.max(Some(unit.time_us));
        if user::is_request(unit) {
            return;
        }
        let Some(status) = unit.status.filter(|status| *status != 100) else { return };
        let Some(who) = who else {
            basis.unknown += 1;
            return;
        };
        let Some(call) = unit.call.as_deref().filter(|_| *who == *self.user) else { return };
        basis.requests += 1;
        let path = call.path.clone().filter(|_| call.resource.is_none());
        let key = vec![
            call.verb.clone(),
            call.group.clone(),
            call.resource.clone(),
            call.subresource.clone(),
            call.namespace.clone(),
            call.name.clone(),
            path.clone(),
            Some(status.to_string()),
        ];
        if self.uses.len() >= KINDS_MAX && !self.uses.contains_key(&key) {
            basis.partial = true;
            return;
        }
        let one = self.uses.entry(key).or_insert_with(|| Use {
            verb: call.verb.clone().unwrap_or_default(),
            group: call.group.clone().unwrap_or_default(),
            resource: call.resource.clone(),
            subresource: call.subresource.clone(),
            namespace: call.namespace.clone(),
            name: call.name.clone(),
            path,
            status,
            requests: 0,
        });
        one.requests += 1;
    }

    pub(crate) fn closed(&mut self, report: &ConnectionReport) {
        self.asked.remove(&report.connection);
        self.basis.missing += report.missing;
        let is_read = matches!(
            report.decryption,
            Decryption::Clear | Decryption::Decrypted | Decryption::Silent
        );
        self.basis.unread += u64::from(!is_read);
    }

    /// Makes the role, and compares it if there is something to compare with.
    pub(crate) fn role(
        &self,
        by_name: bool,
        held: Option<&HeldRoles>,
    ) -> (Proposal, Option<RoleDiff>) {
        let uses: Vec<Use> = self.uses.values().cloned().collect();
        let proposal = propose(&self.user, &uses, by_name);
        let diff = held.map(|held| diff(&proposal, held));
        (proposal, diff)
    }

    pub(crate) fn json(
        &self,
        proposal: &Proposal,
        diff: Option<&RoleDiff>,
        output: &mut dyn Write,
    ) -> io::Result<()> {
        let line = Line { r#type: "role", user: &self.user, proposal, basis: &self.basis, diff };
        crate::json::write(&line, output)
    }

    /// YAML for `kubectl apply`; all that is not in the role stands in comments.
    pub(crate) fn print(
        &self,
        proposal: &Proposal,
        diff: Option<&RoleDiff>,
        output: &mut dyn Write,
    ) -> io::Result<()> {
        let basis = &self.basis;
        let time = |us: Option<u64>| match us.and_then(timestamp) {
            Some(time) => format!("{time:.0}"),
            None => "?".to_owned(),
        };
        writeln!(
            output,
            "# What {} did in {} requests among {} units, {} to {}. It is only what was seen: read it before you apply it.",
            printable(&self.user, 512),
            basis.requests,
            basis.units,
            time(basis.from_us),
            time(basis.to_us)
        )?;
        for (count, what) in [
            (basis.unknown, "answers whose user is not known, any of which may be this one's"),
            (basis.unread, "connections that were not read whole, whoever's"),
            (basis.missing, "bytes that are missing from the captures"),
            (
                proposal.unproven,
                "requests that prove no right, by their answer or because they asked for `*`",
            ),
            (
                proposal.of_everybody,
                "requests that everybody who is signed in may make, which need no rule",
            ),
        ] {
            if count > 0 {
                writeln!(output, "# {what}: {count}")?;
            }
        }
        if basis.partial || proposal.cut {
            writeln!(output, "# there were more kinds of requests than one role can hold")?;
        }
        if !proposal.denied.is_empty() {
            writeln!(output, "# Refused (403), and not granted here:")?;
            for each in &proposal.denied {
                writeln!(output, "#   {} ({})", line(&each.right), each.requests)?;
            }
        }
        for (sign, what, rights) in diff.into_iter().flat_map(|diff| {
            [
                ('+', "Used, and not given by what is held:", &diff.missing),
                ('-', "Held, and not used in what was seen:", &diff.unused),
                ('~', "Held wider than it was used:", &diff.wider),
            ]
        }) {
            if !rights.is_empty() {
                writeln!(output, "# {what}")?;
                for right in rights {
                    writeln!(output, "# {sign} {}", line(right))?;
                }
            }
        }
        if diff.is_some_and(|diff| diff.cut) {
            writeln!(output, "# there are more differences than are shown")?;
        }
        match proposal.yaml.is_empty() {
            true => writeln!(output, "# no right is needed for what was seen"),
            false => output.write_all(proposal.yaml.as_bytes()),
        }
    }
}

/// `shop: get pods/log`
fn line(right: &Right) -> String {
    let Right { namespace, group, resource, verb, name } = right;
    let mut text = format!("{}: {verb} {resource}", namespace.as_deref().unwrap_or("*"));
    if !group.is_empty() {
        text = format!("{text}.{group}");
    }
    if let Some(name) = name {
        text = format!("{text} {name}");
    }
    printable(&text, 1000)
}
