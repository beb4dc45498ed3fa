//! Statuses from 500 on: what failed behind the API server, or in it.
//! The sentences are those of kube-apiserver and of Go's network libraries, of which it is made.

use super::evidence::{EvidenceName as Name, Found};
use super::message::{between, quoted_after};
use super::{Cause, Facts};

/// What Go says when time is up.
const TIME_IS_UP: [&str; 4] = [
    "context deadline exceeded",
    "Client.Timeout exceeded",
    "i/o timeout",
    "TLS handshake timeout",
];
/// What it says when nobody is there.
const NOBODY: [&str; 6] = [
    "connection refused",
    "no endpoints available",
    "no route to host",
    "no such host",
    "connection reset by peer",
    "network is unreachable",
];

fn says(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

impl Facts<'_> {
    pub(super) fn trouble(&self, found: &mut Found) -> Cause {
        let text = self.text();
        if let Some(cause) = webhook_failed(text, found) {
            return cause;
        }
        if let Some(cause) = etcd(text) {
            return cause;
        }
        if let Some((_, rest)) = text.split_once("error dialing backend: ") {
            found.add(Name::Address, address(rest).unwrap_or_default());
            return Cause::KubeletUnreachable;
        }
        if let Some((_, rest)) = text.split_once("error trying to reach service: ") {
            found.add(Name::Address, address(rest).unwrap_or_default());
            return Cause::UpstreamUnreachable;
        }
        if let Some((service, _)) = quoted_after(text, "no endpoints available for service ") {
            found.add(Name::Object, service);
            return Cause::UpstreamUnreachable;
        }
        if says(text, &["apiserver is shutting down", "server is shutting down"]) {
            return Cause::ShuttingDown;
        }
        if self.status.causes.iter().any(|cause| cause.reason == "ResourceVersionTooLarge")
            || text.contains("Too large resource version")
        {
            return Cause::VersionTooLarge;
        }
        if text.contains("storage is (re)initializing") {
            return Cause::StorageInitializing;
        }
        let timed_out = matches!(self.status.reason.as_str(), "Timeout" | "ServerTimeout")
            || says(
                text,
                &["request did not complete within", "could not be completed at this time"],
            );
        match self.code {
            504 => Cause::TimedOut,
            _ if timed_out => Cause::TimedOut,
            503 => Cause::Unavailable,
            _ => Cause::ServerError,
        }
    }
}

/// `failed calling webhook "x": failed to call webhook: Post "https://…": context deadline exceeded`, or the same of a
/// `conversion webhook for …`.
fn webhook_failed(text: &str, found: &mut Found) -> Option<Cause> {
    let said = match quoted_after(text, "failed calling webhook ") {
        Some((name, rest)) => {
            found.add(Name::Webhook, name);
            rest
        }
        None => {
            let (of, rest) =
                text.split_once("conversion webhook for ")?.1.split_once(" failed: ")?;
            found.add(Name::Webhook, of);
            rest
        }
    };
    if let Some((url, _)) = quoted_after(said, "Post ") {
        found.add(Name::Address, url);
    }
    found.command(&[
        "kubectl",
        "get",
        "validatingwebhookconfigurations,mutatingwebhookconfigurations",
        "-o=yaml",
    ]);
    // A certificate comes first: a handshake that fails names it, whatever else is said.
    if says(said, &["x509: ", "tls: "]) {
        return Some(Cause::WebhookCertificate);
    }
    // Nobody there comes before the time: `dial tcp …: i/o timeout` reached nobody.
    let reached_nobody = says(said, &NOBODY)
        || said.contains("dial tcp")
        || (said.contains("service \"") && said.contains("\" not found"));
    match () {
        () if reached_nobody => Some(Cause::WebhookUnreachable),
        () if says(said, &TIME_IS_UP) => Some(Cause::WebhookTimeout),
        () => Some(Cause::WebhookFailed),
    }
}

fn etcd(text: &str) -> Option<Cause> {
    if text.contains("database space exceeded") {
        return Some(Cause::EtcdFull);
    }
    if text.contains("etcdserver: request is too large") {
        return Some(Cause::TooLarge);
    }
    text.contains("etcdserver: ").then_some(Cause::EtcdSlow).filter(|_| {
        says(text, &["timed out", "leader changed", "no leader", "too many requests", "not ready"])
    })
}

/// `10.0.0.9:10250` in `dial tcp 10.0.0.9:10250: connect: connection refused`
fn address(text: &str) -> Option<&str> {
    between(text, "dial tcp ", ": ")
}
