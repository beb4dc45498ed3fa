//! One scan of a cluster by the hub: read, look, store; and what it says when it could not be made.
//! When it is made is `schedule`'s; how a cluster is read is `crate::cluster`'s.
//!
//! While it runs its row is touched every second, which is also how it learns that another hub took it for dead.
//! Bounds: [`TIME_MAX`] once its turn has come, [`FINDINGS_MAX`] findings (the heaviest), [`FAILURES_MAX`] lists and fields that could
//! not be read, paths from [`STARTS_MAX`] workloads. What is beyond them is counted and told.

use super::{Posture, excuse};
use crate::report::{Path, Report};
use crate::waivers::Waivers;
use crate::{Material, cluster};
use http_api::cluster_words;
use kube_io::{Cluster, KubeIoError};
use posture::check::{Check, Severity};
use posture::graph::{Paths, Spot};
use posture::risk::{Risk, Score, Sums, Weight};
use posture::scan::Verdict;
use posture::snapshot::Snapshot;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use store::{PostureException, PostureFound, PostureKnown, PostureVerdict, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

/// A scan that takes longer, from when its turn has come, will not end.
const TIME_MAX: Duration = Duration::from_secs(15 * 60);
/// How often its row is touched.
const HEARD_EVERY: Duration = Duration::from_secs(1);
/// Findings that are kept of a cluster; a cluster of ten thousand workloads that ignores every advice has as many.
const FINDINGS_MAX: usize = 200_000;
/// Lists and fields that could not be read, of which the words are kept.
const FAILURES_MAX: usize = 200;
/// Workloads from which paths are looked for: each costs a search through the cluster.
const STARTS_MAX: usize = 200;
/// Letters of a value that are kept; longer ones are no evidence that somebody reads.
const VALUE_CHARS_MAX: usize = 500;

/// What a scan came to, as it is kept with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Outcome {
    /// Why it was not made: a word that the console knows.
    pub(super) fault: Option<String>,
    /// What the cluster or the system said.
    pub(super) detail: Option<String>,
    /// Objects that were looked at.
    pub(super) objects: u64,
    /// What passed, by weight.
    pub(super) passed: Vec<(Weight, u64)>,
    /// How often each check passed.
    pub(super) passed_by_check: BTreeMap<String, u64>,
    /// Kinds whose lists were refused.
    pub(super) unseen: Vec<String>,
    /// What else could not be read: where, and why.
    pub(super) failures: Vec<(String, String)>,
    /// How many of those there are beyond the ones that are named.
    pub(super) failures_left: u64,
    /// Findings beyond those that are kept.
    pub(super) findings_left: u64,
    /// Workloads from which no path was looked for.
    pub(super) starts_left: u64,
    /// The score as it was then.
    pub(super) score: Option<Score>,
    /// What was open then, by severity from info.
    pub(super) open: [u64; 5],
    /// What could not be known then.
    pub(super) unknown: u64,
    /// What was not open before.
    pub(super) opened: u64,
    /// What is gone.
    pub(super) closed: u64,
    /// What could not be confirmed.
    pub(super) unconfirmed: u64,
}

/// The paths of a scan, as they are kept with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptPaths {
    /// From the internet.
    pub(super) internet: Vec<Path>,
    /// From workloads, of those from which one leads on.
    pub(super) workloads: Vec<(String, Vec<Path>)>,
}

/// Why a scan was not made.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Unreachable(String),
    /// The cluster does not know the hub (any more): its token or certificate, and not its role, is what is wrong.
    HubRefused(String),
    AllRefused,
    TookTooLong,
    HubStopped,
    /// Another hub took it over; it is ended already.
    TakenOver,
    Internal,
}

/// What was found, before it is compared with what was open.
struct Examined {
    outcome: Outcome,
    found: Vec<PostureFound>,
    /// What could not be answered, and what was left out for there being too much of it, by check and object.
    doubtful: HashSet<(String, String)>,
    paths: KeptPaths,
}

impl Posture {
    /// Makes the scan of this number, which this hub began, and ends it in any case.
    pub(super) async fn make(&self, cluster: &Cluster, scan: i64) {
        let mut began = Instant::now();
        let (progress, seen) = watch::channel((String::new(), 0));
        let turn = in_turn(&self.inner.seat, |seat| {
            began = Instant::now();
            self.made(cluster, scan, seat, progress)
        });
        let made = tokio::select! {
            made = turn => made,
            () = self.heard(scan, seen) => Err(Fault::TakenOver),
            () = self.inner.shutdown.cancelled() => Err(Fault::HubStopped),
        };
        let name = cluster.name();
        let fault = match made {
            Ok(exceptions) => {
                tracing::info!(cluster = %name, scan, seconds = began.elapsed().as_secs_f64(), "a cluster was scanned");
                super::metric::scanned(name, "done", began.elapsed());
                if let Err(error) = self.excuse_anew(name, &exceptions).await {
                    // The scan is done all the same; the next one marks them.
                    tracing::error!(cluster = %name, scan, %error, "findings could not be marked by exceptions that changed during the scan");
                }
                return;
            }
            Err(Fault::TakenOver) => {
                tracing::warn!(cluster = %name, scan, "another hub ended this scan, of which it had heard nothing");
                return;
            }
            Err(fault) => fault,
        };
        let (word, detail) = match fault {
            Fault::Unreachable(detail) => ("cluster_unreachable", Some(detail)),
            Fault::HubRefused(detail) => ("hub_refused", Some(detail)),
            Fault::AllRefused => ("all_refused", None),
            Fault::TookTooLong => ("took_too_long", None),
            Fault::HubStopped => ("hub_stopped", None),
            Fault::Internal | Fault::TakenOver => ("internal", None),
        };
        tracing::warn!(cluster = %name, scan, fault = word, detail, "a cluster could not be scanned");
        super::metric::scanned(name, "failed", began.elapsed());
        let outcome = Outcome { fault: Some(word.to_owned()), detail, ..Outcome::default() };
        let report = serde_json::to_string(&outcome).unwrap_or_default();
        let now = self.inner.api.clock.now();
        if let Err(error) = self.inner.api.store.fail_posture_scan(scan, &report, now).await {
            // The next scan, by whichever hub, ends it.
            tracing::warn!(cluster = %name, scan, %error, "a scan that failed could not be ended");
        }
    }

    /// Touches the scan's row until it is not this hub's any more.
    async fn heard(&self, scan: i64, seen: watch::Receiver<(String, u64)>) {
        loop {
            tokio::time::sleep(HEARD_EVERY).await;
            let (what, count) = seen.borrow().clone();
            let store = &self.inner.api.store;
            match store.posture_scan_heard(scan, &what, count, self.inner.api.clock.now()).await {
                // It was done in this very moment, or another hub ended it. The other branch says which.
                Ok(false) => {
                    tokio::time::sleep(HEARD_EVERY).await;
                    return;
                }
                Ok(true) => {}
                Err(error) => tracing::debug!(scan, %error, "a scan's row could not be touched"),
            }
        }
    }

    async fn made(
        &self,
        cluster: &Cluster,
        scan: i64,
        seat: OwnedSemaphorePermit,
        progress: watch::Sender<(String, u64)>,
    ) -> Result<Vec<PostureException>, Fault> {
        // Nobody is answered by an empty report because nobody was there.
        cluster.version().await.map_err(|error| {
            let words = cluster_words(&error.to_string());
            match error {
                KubeIoError::Refused { code: 401, .. } => Fault::HubRefused(words),
                _ => Fault::Unreachable(words),
            }
        })?;
        let gathered = cluster::read(cluster, |resource, count| {
            progress.send_replace((resource.to_owned(), count as u64));
        })
        .await;
        if !gathered.objects.iter().any(|object| object.seen) {
            return Err(if gathered.failed.is_empty() {
                Fault::AllRefused
            } else {
                let words = gathered.failed.into_iter().map(|(list, why)| format!("{list}: {why}"));
                Fault::Unreachable(cluster_words(&words.take(3).collect::<Vec<_>>().join("; ")))
            });
        }
        progress.send_replace(("*".to_owned(), gathered.objects.len() as u64));
        let unsure: HashSet<String> = match gathered.scope() {
            posture::snapshot::Scope::Cluster { unseen } => {
                unseen.into_iter().map(str::to_owned).collect()
            }
            posture::snapshot::Scope::Part => HashSet::new(),
        };
        let unseen = gathered.unseen.iter().map(|kind| (*kind).to_owned()).collect();
        // What blocks is not ended with the scan: until it is done, the seat is taken.
        let looking =
            tokio::task::spawn_blocking(move || (examine(Material::of_cluster(gathered)), seat));
        let (mut examined, _seat) = looking.await.map_err(|error| {
            tracing::error!(%error, "what was read of a cluster could not be looked at");
            Fault::Internal
        })?;
        examined.outcome.unseen = unseen;
        self.store(cluster, scan, examined, &unsure).await.map_err(|error| match error {
            StoreError::Conflict { .. } => Fault::TakenOver,
            error => {
                tracing::error!(%error, "what a scan found could not be stored");
                Fault::Internal
            }
        })
    }

    /// Stores what was found, marked by the exceptions that are given back.
    async fn store(
        &self,
        cluster: &Cluster,
        scan: i64,
        examined: Examined,
        unsure: &HashSet<String>,
    ) -> Result<Vec<PostureException>, StoreError> {
        let Examined { mut outcome, mut found, doubtful, paths } = examined;
        let store = &self.inner.api.store;
        let exceptions = store.posture_exceptions(cluster.name()).await?;
        for found in &mut found {
            found.excuse = excuse::of(&exceptions, found);
        }
        let now = self.inner.api.clock.now();
        let sums = sums(&outcome.passed, &found, now);
        outcome.score = sums.score();
        for found in &found {
            match found.verdict {
                PostureVerdict::Unknown => outcome.unknown += 1,
                PostureVerdict::Fail if excuse::holds(found, now) => {}
                PostureVerdict::Fail => {
                    if let Some(open) = outcome.open.get_mut(usize::from(found.severity)) {
                        *open += 1;
                    }
                }
            }
        }
        let is_doubtful = |known: &PostureKnown<'_>| {
            unsure.contains(known.kind)
                || doubtful.contains(&(known.check.to_owned(), known.object.to_owned()))
        };
        let stored =
            store.store_posture_findings(scan, cluster.name(), found, is_doubtful, now).await?;
        outcome.opened = stored.opened;
        outcome.closed = stored.closed;
        outcome.unconfirmed = stored.unconfirmed;
        let report = json("a scan's report", &outcome)?;
        let paths = json("a scan's paths", &paths)?;
        if store.finish_posture_scan(scan, &report, &paths, self.inner.api.clock.now()).await? {
            Ok(exceptions)
        } else {
            Err(StoreError::Conflict { object: format!("scan {scan}") })
        }
    }
}

/// Does the work when the seat is free. Its time begins then: it does not pay for the one before it.
async fn in_turn<T, W: Future<Output = Result<T, Fault>>>(
    seat: &Arc<Semaphore>,
    work: impl FnOnce(OwnedSemaphorePermit) -> W,
) -> Result<T, Fault> {
    let seat = Arc::clone(seat).acquire_owned().await.map_err(|_| Fault::HubStopped)?;
    tokio::time::timeout(TIME_MAX, work(seat)).await.unwrap_or(Err(Fault::TookTooLong))
}

fn json(what: &str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Invalid { object: what.to_owned(), reason: error.to_string() })
}

/// What all of it weighs together.
fn sums(passed: &[(Weight, u64)], found: &[PostureFound], now: model::Timestamp) -> Sums {
    let passed = passed.iter().map(|(weight, count)| weight.product() * count).sum();
    let mut sums = Sums { passed, ..Sums::default() };
    for found in found.iter().filter(|found| !excuse::holds(found, now)) {
        match found.verdict {
            PostureVerdict::Fail => sums.open += found.weight,
            PostureVerdict::Unknown => sums.unknown += found.weight,
        }
    }
    sums
}

/// The checks that the hub makes: what is merely worth knowing is left to the command line.
pub(super) fn checks() -> Vec<&'static Check> {
    posture::checks::all().filter(|check| check.severity > Severity::Info).collect()
}

fn examine(material: Material) -> Examined {
    let mut report = Report::of(material, &checks(), &Waivers::default());
    // From the internet there is always a start.
    if let Err(error) = report.find_paths(None) {
        tracing::error!(%error, "paths from the internet were not looked for");
    }
    let (workloads, starts_left) = report.paths_of_workloads(STARTS_MAX);
    let paths = KeptPaths { internet: report.paths.take().unwrap_or_default(), workloads };
    let snapshot = Snapshot::new(&report.objects, &report.scope);
    let risk = Risk::of(&snapshot, &Paths::find(&snapshot, Spot::Internet));
    let mut passed: BTreeMap<Weight, u64> = BTreeMap::new();
    let mut passed_by_check: BTreeMap<String, u64> = BTreeMap::new();
    let mut found = Vec::new();
    let mut doubtful = HashSet::new();
    for line in &report.lines {
        let weight = risk.weight(line.object, line.check.severity);
        let verdict = match line.verdict {
            Verdict::NotApplicable => continue,
            Verdict::Pass => {
                *passed.entry(weight).or_default() += 1;
                match passed_by_check.get_mut(line.check.id) {
                    Some(count) => *count += 1,
                    None => drop(passed_by_check.insert(line.check.id.to_owned(), 1)),
                }
                continue;
            }
            Verdict::Fail => PostureVerdict::Fail,
            Verdict::Unknown => PostureVerdict::Unknown,
        };
        let object = &report.objects[line.object];
        let reference = report.references[line.object].clone();
        if verdict == PostureVerdict::Unknown {
            doubtful.insert((line.check.id.to_owned(), reference.clone()));
        }
        let clean = crate::clean::clean;
        found.push(PostureFound {
            check: line.check.id.to_owned(),
            verdict,
            severity: line.check.severity as u8,
            reach: weight.reach as u8,
            on_path: weight.on_path,
            weight: weight.product(),
            object: reference,
            api_version: clean(&object.api_version),
            kind: clean(&object.kind),
            namespace: (!object.is_cluster_scoped()).then(|| clean(object.effective_namespace())),
            name: clean(object.shown_name()),
            path: if verdict == PostureVerdict::Fail { line.path.clone() } else { String::new() },
            value: line.value.as_deref().map(cut),
            reason: line.reason.as_ref().and_then(|reason| serde_json::to_string(reason).ok()),
            excuse: None,
        });
    }
    let findings_left = leave_out(&mut found, &mut doubtful, FINDINGS_MAX);
    let failures = report.failures.iter().take(FAILURES_MAX);
    let outcome = Outcome {
        objects: report.told().objects as u64,
        passed: passed.into_iter().collect(),
        passed_by_check,
        failures: failures.map(|each| (each.source.clone(), each.reason.clone())).collect(),
        failures_left: report.failures.len().saturating_sub(FAILURES_MAX) as u64,
        findings_left: findings_left as u64,
        starts_left: starts_left as u64,
        ..Outcome::default()
    };
    Examined { outcome, found, doubtful, paths }
}

/// Leaves out what is more than so many, the lightest, and notes that it is not gone; returns how many that are.
fn leave_out(
    found: &mut Vec<PostureFound>,
    doubtful: &mut HashSet<(String, String)>,
    max: usize,
) -> usize {
    if found.len() <= max {
        return 0;
    }
    found.sort_by(|a, b| {
        b.weight.cmp(&a.weight).then_with(|| (&a.object, &a.check).cmp(&(&b.object, &b.check)))
    });
    let left = found.split_off(max);
    let count = left.len();
    doubtful.extend(left.into_iter().map(|found| (found.check, found.object)));
    count
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_findings_the_lightest_are_left_out_and_they_alone_are_doubtful() {
        let found = |object: &str, weight| PostureFound {
            check: "host-pid".to_owned(),
            verdict: PostureVerdict::Fail,
            severity: 3,
            reach: 0,
            on_path: false,
            weight,
            object: object.to_owned(),
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: None,
            name: object.to_owned(),
            path: String::new(),
            value: None,
            reason: None,
            excuse: None,
        };
        let all = vec![found("b", 1), found("a", 1), found("c", 90)];
        let (mut kept, mut doubtful) = (all.clone(), HashSet::new());
        assert_eq!(leave_out(&mut kept, &mut doubtful, 3), 0);
        assert_eq!((&kept, doubtful.len()), (&all, 0));
        assert_eq!(leave_out(&mut kept, &mut doubtful, 2), 1);
        let objects: Vec<&str> = kept.iter().map(|each| each.object.as_str()).collect();
        assert_eq!(objects, ["c", "a"]);
        assert_eq!(doubtful, HashSet::from([("host-pid".to_owned(), "b".to_owned())]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_scan_does_not_pay_for_the_one_before_it() {
        let seat = Arc::new(Semaphore::new(1));
        let before = Arc::clone(&seat).acquire_owned().await.unwrap();
        let long = TIME_MAX - Duration::from_secs(1);
        let turn = in_turn(&seat, async |_seat| {
            tokio::time::sleep(long).await;
            Ok(Instant::now())
        });
        let began = Instant::now();
        let (made, ()) = tokio::join!(turn, async {
            tokio::time::sleep(2 * TIME_MAX).await;
            drop(before);
        });
        assert_eq!(made.unwrap().duration_since(began), 2 * TIME_MAX + long);
    }

    #[tokio::test(start_paused = true)]
    async fn a_scan_that_took_too_long_keeps_its_seat_while_something_of_it_runs() {
        let seat = Arc::new(Semaphore::new(1));
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let made = in_turn(&seat, async |seat| {
            let looking = tokio::task::spawn_blocking(move || (ended.recv(), seat));
            looking.await.map(drop).map_err(|_| Fault::Internal)
        });
        // While something blocks, the clock moves by hand alone.
        let (made, ()) = tokio::join!(made, tokio::time::advance(TIME_MAX));
        assert_eq!(made, Err(Fault::TookTooLong));
        assert_eq!(seat.available_permits(), 0);
        end.send(()).unwrap();
        drop(seat.acquire().await.unwrap());
    }
}
