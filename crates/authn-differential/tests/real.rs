//! `authn` beside a running kube-apiserver: on the cluster of `SALLYPORT_TEST_KUBECONFIG`, and on one of its own
//! that is configured with an OpenID Connect provider and a webhook.
//!
//! `SALLYPORT_DIFFERENTIAL_CASES` and `SALLYPORT_DIFFERENTIAL_SEED` make longer and other runs.

#![expect(clippy::expect_used, reason = "what a test cannot set up, it fails by")]
#![expect(clippy::print_stdout, reason = "the figures of a comparison are its result")]

use authn_differential::{Cluster, IssuerMaker, Maker, Provider, Tally, Wire, World, compare};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Both suites together take less than a minute on two cores.
const CASES: u64 = 2_000;
const SEED: u64 = 1;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn cases() -> std::ops::Range<u64> {
    0..setting("SALLYPORT_DIFFERENTIAL_CASES", CASES)
}

fn seed() -> u64 {
    setting("SALLYPORT_DIFFERENTIAL_SEED", SEED)
}

fn conclude(tally: &Tally, kinds: &[&str]) {
    println!("seed {}: {tally}", seed());
    assert!(tally.differences.is_empty(), "{} disagreements", tally.differences.len());
    // A run in which one side of the comparison hardly occurs proves little.
    for kind in kinds {
        let often = tally.kinds.get(kind).is_some_and(|n| n * 50 > cases().end);
        assert!(often, "few or no cases of {kind}");
    }
}

#[test]
fn what_every_cluster_has_is_decided_as_the_api_server_decides_it() {
    let cluster = Cluster::of_environment().expect("a cluster");
    let world = World::prepare(&cluster).expect("objects in the cluster");
    let authority = cluster.file("pki/ca.crt").expect("the cluster's authority");
    let maker = Maker::new(&cluster, world, seed()).expect("the cluster's keys");
    let wire = || Wire::new(&cluster.address, &authority);
    let tally = compare(&maker, wire, cases()).expect("answers");
    conclude(&tally, &["user", "anonymous or forbidden", "unauthorized"]);
}

/// A cluster that is taken down when the test ends, however it ends.
struct OwnCluster;

const NAME: &str = "authn";

fn recipe(arguments: &[&str], flags: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(root.join("cluster/cluster"))
        .args(arguments)
        .args(["--name", NAME])
        .env("SALLYPORT_APISERVER_FLAGS", flags)
        .output()
        .expect("cluster/cluster");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cluster/cluster {arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        recipe(&["down"], "");
    }
}

#[test]
fn issuers_and_webhooks_are_decided_as_the_api_server_decides_them() {
    // Asked for here as well, so that both suites say alike what they need.
    Cluster::of_environment().expect("a cluster");
    recipe(&["up"], "");
    let _down = OwnCluster;
    let cluster = Cluster::of_kubeconfig(recipe(&["kubeconfig"], "")).expect("the cluster");
    // The host's end of the cluster's link.
    let host = cluster.address.rsplit_once(".1:").expect("an address of the recipe").0;
    let provider = Provider::serve(&format!("{host}.254:8843")).expect("a provider");
    let folder = cluster.folder();
    let (config, webhook) = (folder.join("issuers.yaml"), folder.join("webhook.kubeconfig"));
    std::fs::write(&config, provider.configuration()).expect("the configuration");
    std::fs::write(&webhook, provider.webhook_file()).expect("the webhook's file");
    let flags = format!(
        "--authentication-config={} --authentication-token-webhook-config-file={} \
         --authentication-token-webhook-version=v1 --authentication-token-webhook-cache-ttl=1ms",
        config.display(),
        webhook.display()
    );
    recipe(&["up"], &flags);

    let authority = cluster.file("pki/ca.crt").expect("the cluster's authority");
    let maker = IssuerMaker::new(&cluster, &provider, seed()).expect("the provider's keys");
    let wire = || Wire::new(&cluster.address, &authority);
    // The API server refuses the issuers' tokens until it has reached them, ten seconds at most.
    let started = Instant::now();
    while !compare(&maker, wire, 0..40).expect("answers").differences.is_empty() {
        if started.elapsed() > Duration::from_secs(25) {
            break;
        }
    }
    let tally = compare(&maker, wire, cases()).expect("answers");
    conclude(&tally, &["user", "unauthorized"]);
    // Nor does a mapping under which nobody is let in.
    let accepted = maker.accepted(cases()).expect("cases");
    println!("tokens that hold, by issuer: {accepted:?}");
    for (issuer, count) in accepted {
        assert!(count * 500 > cases().end, "few or no tokens of {issuer:?} hold");
    }
}
