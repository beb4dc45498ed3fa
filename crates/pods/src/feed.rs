//! The Pods of one place, first listed and then followed: one list and one watch at the API server.
//! Which places there are, and what the browser is told, is known to `live`.
//!
//! States: listing → following → (connection lost) stale → following again from where it was. It ends when the
//! API server has forgotten where that was (410 Gone), or says that the person may not look (401, 403).
//!
//! A watch is asked for a minute at a time and must end within that: a connection that died without a word
//! is so found out, which an idle watch alone would never show.

use crate::live::PodsStale;
use crate::scope::{Purpose, ReadPods};
use crate::service::{api, pods_in, silent};
use crate::view::PodView;
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, WatchEvent, WatchParams};
use kube_io::{Cluster, KubeIoError, Verdict};
use model::{Identity, Namespace};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

const WATCH_S: u32 = 60;
const WATCH_TIME_MAX: Duration = Duration::from_secs(75);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What a feed tells.
#[derive(Debug)]
pub(crate) enum Told {
    /// All Pods of the place.
    Listed(Vec<PodView>),
    Applied(PodView),
    Deleted(PodView),
    /// The cluster does not answer; why.
    Stale(PodsStale),
    /// It answers again.
    Live,
    /// Changes were missed: everything must be listed anew.
    Expired,
    /// The person may not look there any more.
    Withdrawn,
}

/// One place to follow.
pub(crate) struct Feed {
    pub(crate) number: usize,
    pub(crate) cluster: Cluster,
    pub(crate) who: Identity,
    pub(crate) namespace: Option<Namespace>,
    pub(crate) out: mpsc::Sender<(usize, Told)>,
}

/// The feed is over, or nobody listens any more.
struct Over;

impl Feed {
    /// Follows until it ends.
    pub(crate) async fn follow(self) {
        // Its end was told, or nobody is there to be told.
        let _: Result<(), Over> = self.run().await;
    }

    async fn run(&self) -> Result<(), Over> {
        let mut pause = PAUSE_MIN;
        let mut stale = false;
        let mut version = loop {
            let listing = async { pods_in(self.cluster.name(), self.pods().await?).await };
            let listed = timeout(ANSWER_TIME_MAX, listing).await;
            match listed.unwrap_or_else(|_| Err(silent(self.cluster.name()))) {
                Ok((pods, version)) => {
                    self.tell(Told::Listed(pods)).await?;
                    break version;
                }
                Err(error) => self.failed(error, &mut stale, &mut pause).await?,
            }
        };
        if std::mem::take(&mut stale) {
            self.tell(Told::Live).await?;
        }
        loop {
            match self.watch(&mut version, &mut stale, &mut pause).await {
                Ok(()) => {}
                Err(Broken::Told(Over)) => return Err(Over),
                Err(Broken::Cluster(error)) => self.failed(error, &mut stale, &mut pause).await?,
            }
        }
    }

    /// The Pods of the place, for somebody who may list and watch them now.
    async fn pods(&self) -> Result<Api<Pod>, KubeIoError> {
        let action = ReadPods { namespace: self.namespace.clone(), purpose: Purpose::Follow };
        match self.cluster.authorize(&self.who, action).await? {
            Verdict::Allowed(right) => {
                Ok(api(self.cluster.as_person(&right)?, self.namespace.as_ref()))
            }
            Verdict::Denied { access, reason } => Err(KubeIoError::Refused {
                cluster: self.cluster.name().clone(),
                code: 403,
                reason: "Forbidden".to_owned(),
                message: format!("`{}` may not {access}: {reason}", self.who.user),
            }),
        }
    }

    /// One watch, until the API server ends it.
    async fn watch(
        &self,
        version: &mut String,
        stale: &mut bool,
        pause: &mut Duration,
    ) -> Result<(), Broken> {
        let lost = |error| Broken::Cluster(KubeIoError::from_kube(self.cluster.name(), error));
        let dead = || Broken::Cluster(silent(self.cluster.name()));
        let params = WatchParams::default().timeout(WATCH_S);
        let opening = async {
            let pods = self.pods().await.map_err(Broken::Cluster)?;
            pods.watch(&params, version).await.map_err(lost)
        };
        let events = timeout(ANSWER_TIME_MAX, opening).await.map_err(|_| dead())??;
        let mut events = std::pin::pin!(events);
        *pause = PAUSE_MIN;
        if std::mem::take(stale) {
            self.tell(Told::Live).await?;
        }
        let until = tokio::time::Instant::now() + WATCH_TIME_MAX;
        loop {
            let next = tokio::time::timeout_at(until, events.next()).await.map_err(|_| dead())?;
            match next {
                None => return Ok(()),
                Some(Ok(WatchEvent::Added(pod) | WatchEvent::Modified(pod))) => {
                    self.step(version, pod, Told::Applied).await?;
                }
                Some(Ok(WatchEvent::Deleted(pod))) => {
                    self.step(version, pod, Told::Deleted).await?
                }
                Some(Ok(WatchEvent::Bookmark(mark))) => *version = mark.metadata.resource_version,
                Some(Ok(WatchEvent::Error(status))) => {
                    return Err(lost(kube::Error::Api(status)));
                }
                Some(Err(error)) => return Err(lost(error)),
            }
        }
    }

    async fn step(
        &self,
        version: &mut String,
        pod: Pod,
        told: fn(PodView) -> Told,
    ) -> Result<(), Over> {
        if let Some(newer) = &pod.metadata.resource_version {
            newer.clone_into(version);
        }
        self.tell(told(PodView::of(self.cluster.name(), pod))).await
    }

    /// Tells what a failure means and waits before the next attempt, unless there is none.
    async fn failed(
        &self,
        error: KubeIoError,
        stale: &mut bool,
        pause: &mut Duration,
    ) -> Result<(), Over> {
        match &error {
            KubeIoError::Refused { code: 410, .. } => {
                self.tell(Told::Expired).await?;
                return Err(Over);
            }
            KubeIoError::Refused { code: 401 | 403 | 404, .. } => {
                self.tell(Told::Withdrawn).await?;
                return Err(Over);
            }
            _ => {}
        }
        if !std::mem::replace(stale, true) {
            tracing::debug!(%error, cluster = %self.cluster.name(), "the watch of Pods is stale");
            self.tell(Told::Stale(PodsStale::cluster_silent(self.cluster.name()))).await?;
        }
        tokio::time::sleep(*pause).await;
        *pause = (*pause * 2).min(PAUSE_MAX);
        Ok(())
    }

    async fn tell(&self, told: Told) -> Result<(), Over> {
        self.out.send((self.number, told)).await.map_err(|_| Over)
    }
}

enum Broken {
    Told(Over),
    Cluster(KubeIoError),
}

impl From<Over> for Broken {
    fn from(over: Over) -> Self {
        Self::Told(over)
    }
}
