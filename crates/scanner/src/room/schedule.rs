//! When a cluster is scanned: a while after the last scan began, sooner if that failed, at once if there was none. One
//! whose hub is gone is made again, whoever asked for it.
//! How a scan is made is `scan`'s; that one hub of several makes it, the store's.
//!
//! Every hub looks at the store, not at its own memory, and the jitter is made of the scan's number: all of them say
//! the same time for the next one, and clusters that began together drift apart.

use super::{Posture, metric};
use http_api::{DecidedBy, Problem, ProblemCode};
use kube_io::Cluster;
use model::{ClusterName, Timestamp};
use std::collections::HashMap;
use std::time::Duration;
use store::{AuditEntry, PostureBegin, PostureBeginOutcome, PostureScan, PostureState, StoreError};
use tokio::time::Instant;
use tracing::Instrument as _;

/// How often it is looked whether a scan is due.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often the metrics of a scan are reckoned anew: exceptions end by the day. A new scan is told at once.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// A scan of which nothing was heard for so long was made by a hub that is gone.
const SILENT_MAX: Duration = Duration::from_secs(60);
/// A scan that failed is made again after so long, if its time would not have come before.
const AGAIN_AFTER: Duration = Duration::from_secs(10 * 60);

/// When the next scan is due after this one; none, if nothing is scanned by itself and none runs.
pub(super) fn next(
    every: Option<Duration>,
    cluster: &ClusterName,
    last: Option<&PostureScan>,
    now: Timestamp,
) -> Option<Timestamp> {
    // Before anything else: also where nothing is scanned by itself, a hub that is gone leaves a scan that runs.
    if let Some(last) = last.filter(|last| last.state == PostureState::Running) {
        return Some(last.heard_at.after(SILENT_MAX));
    }
    let every = every?;
    let Some(last) = last else { return Some(now) };
    match last.state {
        PostureState::Running | PostureState::Failed => {
            Some(last.began_at.after(every.min(AGAIN_AFTER)))
        }
        PostureState::Done => {
            Some(last.began_at.after(every + jitter(every, cluster, last.number)))
        }
    }
}

/// Whether a scan can be asked for: none runs, or nothing was heard of it for so long that it can be taken over.
pub(super) fn is_free(newest: Option<&PostureScan>, now: Timestamp) -> bool {
    newest.is_none_or(|scan| {
        scan.state != PostureState::Running || scan.heard_at.after(SILENT_MAX) <= now
    })
}

/// Up to a tenth of the time between two scans.
fn jitter(every: Duration, cluster: &ClusterName, scan: i64) -> Duration {
    // FNV-1a: all hubs must come to the same number, whatever release they are.
    let bytes = cluster.as_str().bytes().chain(scan.to_be_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // Its last bytes reach the upper bits only by this mixing, of SplitMix64.
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (every / 10).mul_f64(f64::from((hash >> 48) as u16) / f64::from(u16::MAX))
}

impl Posture {
    /// Scans clusters when their time has come, for as long as the hub lives.
    pub async fn keep(self) {
        let mut told = HashMap::new();
        loop {
            for cluster in self.inner.api.clusters.iter() {
                if let Err(error) = self.look(cluster, &mut told).await {
                    tracing::warn!(cluster = %cluster.name(), %error, "whether a scan is due could not be seen");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                // The hub ends this task; until then it must not end by itself.
                () = self.inner.shutdown.cancelled() => std::future::pending().await,
            }
        }
    }

    async fn look(
        &self,
        cluster: &Cluster,
        told: &mut HashMap<ClusterName, (i64, Instant)>,
    ) -> Result<(), StoreError> {
        let inner = &self.inner;
        let name = cluster.name();
        let last = inner.api.store.posture_scans(name, 1).await?.into_iter().next();
        let now = inner.api.clock.now();
        let due = next(inner.settings.every, name, last.as_ref(), now);
        if due.is_some_and(|due| due <= now) {
            let since = last.map_or(Timestamp::from_micros(0), |last| {
                last.began_at.after(Duration::from_micros(1))
            });
            if let PostureBeginOutcome::Begun(scan) =
                self.begin(name, None, Some(since), None).await?
            {
                self.spawn(cluster.clone(), scan);
            }
        }
        let (Some(scan), _) = inner.api.store.posture_latest(name).await? else { return Ok(()) };
        let is_told = told
            .get(name)
            .is_some_and(|(number, at)| *number == scan.number && at.elapsed() < TELL_EVERY);
        if !is_told {
            metric::told(name, &scan, &self.summary(&scan).await?);
            told.insert(name.clone(), (scan.number, Instant::now()));
        }
        Ok(())
    }

    /// Begins a scan because somebody asks for it.
    pub(super) async fn ask(
        &self,
        cluster: &Cluster,
        user: &str,
        audit: AuditEntry,
    ) -> Result<i64, Problem> {
        match self.begin(cluster.name(), Some(user), None, Some(audit)).await? {
            PostureBeginOutcome::Begun(scan) => {
                self.spawn(cluster.clone(), scan);
                Ok(scan)
            }
            PostureBeginOutcome::Running(_) | PostureBeginOutcome::NotDue => Err(Problem::new(
                ProblemCode::Conflict,
                format!("cluster `{}` is being scanned already", cluster.name()),
            )
            .decided_by(DecidedBy::Hub)
            .fix("wait until that scan is done")),
        }
    }

    async fn begin(
        &self,
        cluster: &ClusterName,
        asked_by: Option<&str>,
        unless_since: Option<Timestamp>,
        audit: Option<AuditEntry>,
    ) -> Result<PostureBeginOutcome, StoreError> {
        let wish = PostureBegin { cluster, asked_by, unless_since, silent_max: SILENT_MAX, audit };
        self.inner.api.store.begin_posture_scan(&wish, self.inner.api.clock.now()).await
    }

    fn spawn(&self, cluster: Cluster, scan: i64) {
        let posture = self.clone();
        let span = tracing::info_span!("scan", cluster = %cluster.name(), scan);
        let making = async move { posture.make(&cluster, scan).await };
        self.inner.tasks.spawn(making.instrument(span));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::HubId;

    const HOUR: Duration = Duration::from_secs(3600);

    fn scan(state: PostureState, number: i64) -> PostureScan {
        let began_at = Timestamp::from_micros(1_800_000_000_000_000);
        PostureScan {
            number,
            cluster: "demo".parse().unwrap(),
            hub: HubId::from_random([1; 16]),
            asked_by: None,
            began_at,
            heard_at: began_at.after(Duration::from_secs(5)),
            ended_at: None,
            state,
            progress: String::new(),
            progress_count: 0,
            report: None,
        }
    }

    #[test]
    fn a_scan_can_be_asked_for_unless_one_runs_of_which_something_is_heard() {
        let running = scan(PostureState::Running, 1);
        let silent = running.heard_at.after(SILENT_MAX);
        assert!(is_free(None, silent));
        assert!(is_free(Some(&running), silent));
        let heard = running.heard_at.after(SILENT_MAX - Duration::from_micros(1));
        assert!(!is_free(Some(&running), heard));
        assert!(is_free(Some(&scan(PostureState::Failed, 1)), heard));
    }

    #[test]
    fn the_next_scan_is_due_when_the_last_one_says_so() {
        let cluster = "demo".parse().unwrap();
        let now = scan(PostureState::Done, 1).began_at.after(HOUR);
        let due = |every, last: Option<&PostureScan>| next(every, &cluster, last, now);
        assert_eq!(due(None, None), None);
        assert_eq!(due(Some(HOUR), None), Some(now));
        let failed = scan(PostureState::Failed, 1);
        assert_eq!(due(Some(12 * HOUR), Some(&failed)), Some(failed.began_at.after(AGAIN_AFTER)));
        let running = scan(PostureState::Running, 1);
        for every in [Some(HOUR), None] {
            assert_eq!(due(every, Some(&running)), Some(running.heard_at.after(SILENT_MAX)));
        }
        for ended in [PostureState::Done, PostureState::Failed] {
            assert_eq!(due(None, Some(&scan(ended, 1))), None);
        }
        let mut times = Vec::new();
        for number in 1..50 {
            let done = scan(PostureState::Done, number);
            let time = due(Some(12 * HOUR), Some(&done)).unwrap();
            assert_eq!(due(Some(12 * HOUR), Some(&done)), Some(time));
            let late = time.since(done.began_at);
            assert!((12 * HOUR..=13 * HOUR + HOUR / 5).contains(&late), "{late:?}");
            times.push(late);
        }
        times.sort();
        times.dedup();
        assert!(times.len() > 40, "clusters drift apart: {times:?}");
    }
}
