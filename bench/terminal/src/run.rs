//! The order of a run: what is reached and started, what is measured, what is told.

use crate::cluster::{Cluster, Place};
use crate::hub::Hub;
use crate::measure::{self, AllFigures, Scale};
use crate::options::{Command, Options};
use crate::peer::{Peer, PeerPlan};
use crate::report::{self, Row, progress};
use crate::subject::Subjects;
use crate::{sessions, soak};
use anyhow::Context;
use serde_json::json;
use std::path::Path;

/// Runs it all; returns whether every goal that was measured was met (or that does not matter).
pub(crate) async fn run(options: Options) -> anyhow::Result<bool> {
    if let Some(Command::Double { kubeconfig, port }) = &options.command {
        sessions::double(kubeconfig, *port).await?;
        return Ok(true);
    }
    let mut rows = Vec::new();
    let mut document = json!({});
    let mut failures = Vec::new();
    if let Some(kubeconfig) = &options.cluster {
        let (figures, peer) = speeds(&options, kubeconfig, &mut failures).await?;
        rows.extend(report::rows(&figures, &peer));
        document["speeds"] = serde_json::to_value(&figures)?;
    }
    if let Some(many) = options.sessions {
        let measured = sessions::sessions(&options.hub, many).await?;
        rows.extend(measured.rows());
        document["sessions"] = serde_json::to_value(&measured)?;
    }
    if let Some(seconds) = options.soak {
        let measured = soak::soak(&options.hub, seconds).await?;
        rows.extend(measured.rows());
        document["soak"] = serde_json::to_value(&measured)?;
    }
    anyhow::ensure!(
        options.cluster.is_some() || options.sessions.is_some() || options.soak.is_some(),
        "say what to measure: --cluster, --sessions or --soak (see --help)"
    );
    report::print(&rows)?;
    if let Some(file) = &options.json {
        document["table"] = serde_json::to_value(&rows)?;
        std::fs::write(file, serde_json::to_string_pretty(&document)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    anyhow::ensure!(failures.is_empty(), "not measured: {}", failures.join("; "));
    Ok(!options.strict || rows.iter().all(Row::is_met))
}

async fn speeds(
    options: &Options,
    kubeconfig: &Path,
    failures: &mut Vec<String>,
) -> anyhow::Result<(AllFigures, String)> {
    let mut cluster = Cluster::open(kubeconfig)?;
    let measured = in_cluster(options, kubeconfig, &mut cluster, failures).await;
    // Also after a failure, or the next run would find it.
    let cleaned = cluster.clean_up().await;
    let measured = measured?;
    cleaned?;
    Ok(measured)
}

async fn in_cluster(
    options: &Options,
    kubeconfig: &Path,
    cluster: &mut Cluster,
    failures: &mut Vec<String>,
) -> anyhow::Result<(AllFigures, String)> {
    let namespace = &options.place.namespace;
    let place = match &options.place.pod {
        Some(pod) => Place { namespace: namespace.clone(), pod: pod.clone() },
        None => {
            progress(&format!("a Pod to measure in, in the namespace {namespace}"));
            cluster.make_pod(namespace, &options.place.image).await?
        }
    };
    let hub = Hub::reach(&options.hub, kubeconfig).await?;
    let plan = PeerPlan {
        gotty: options.gotty.as_deref(),
        kubectl: &options.kubectl,
        kubeconfig,
        place: &place,
        shell: &options.place.shell,
    };
    let peer = Peer::start(&plan).await?;
    let name = peer.as_ref().map_or("peer", Peer::name).to_owned();
    let shell = options.place.shell.clone();
    let cluster = cluster.again();
    let mut subjects = Subjects { cluster, place, shell, hub, peer };
    let figures = all(&mut subjects, options, failures).await;
    Ok((figures, name))
}

/// A measurement that fails does not cost the others.
async fn all(subjects: &mut Subjects, options: &Options, failures: &mut Vec<String>) -> AllFigures {
    let scale = Scale::new(options.quick);
    let mut figures = AllFigures::default();
    let wanted =
        |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    macro_rules! phase {
        ($name:literal, $measure:path, $takes:literal) => {
            if wanted($name) {
                progress(concat!($name, " (", $takes, ")"));
                if let Err(error) = $measure(subjects, &mut figures, &scale).await {
                    progress(&format!("  {} failed: {error:#}", $name));
                    failures.push(format!("{}: {error:#}", $name));
                }
            }
        };
    }
    // First, while the hub is fresh: memory that a flood has left free would be taken again.
    phase!("memory", measure::memory, "half a minute");
    phase!("echo", measure::echo_idle, "half a minute");
    phase!("connect", measure::connect, "a minute");
    phase!("flood", measure::echo_under_flood, "two minutes");
    phase!("bulk", measure::bulk, "two minutes");
    phase!("tiny", measure::tiny_frames, "a minute");
    phase!("interrupt", measure::interrupt, "five minutes");
    phase!("orphans", measure::orphans, "half a minute");
    figures
}
