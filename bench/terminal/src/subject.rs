//! What is compared: the API server alone, the hub before it, and the peer. Each opens terminals in the
//! same Pod; the measurements do not know which is which.

use crate::cluster::{Cluster, Place};
use crate::hub::Hub;
use crate::line::Line;
use crate::peer::Peer;
use crate::process::ProcessTree;
use std::time::Duration;
use testkit::LinkRequest;

/// A prompt takes a tenth of a second; a loaded machine is given time.
const PROMPT_WITHIN: Duration = Duration::from_secs(20);

/// Who is measured, in the table's order of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// An exec WebSocket to the API server.
    Direct,
    /// The hub.
    Hub,
    /// The peer.
    Peer,
}

/// All that is there to measure.
pub(crate) struct Subjects {
    /// The cluster, for direct sessions and for looking into the Pod.
    pub cluster: Cluster,
    /// The Pod.
    pub place: Place,
    /// The shell of direct sessions.
    pub shell: String,
    /// The hub.
    pub hub: Option<Hub>,
    /// The peer.
    pub peer: Option<Peer>,
}

impl Subjects {
    /// Those that are there.
    pub(crate) fn present(&self) -> Vec<Subject> {
        let mut present = vec![Subject::Direct];
        present.extend(self.hub.as_ref().map(|_| Subject::Hub));
        present.extend(self.peer.as_ref().map(|_| Subject::Peer));
        present
    }

    /// What the subject is called.
    pub(crate) fn name(&self, subject: Subject) -> &'static str {
        match subject {
            Subject::Direct => "direct",
            Subject::Hub => "hub",
            Subject::Peer => self.peer.as_ref().map_or("peer", Peer::name),
        }
    }

    /// The process that serves it, where it is one of this machine and not the cluster's.
    pub(crate) fn process(&self, subject: Subject) -> Option<ProcessTree> {
        match subject {
            Subject::Direct => None,
            Subject::Hub => self.hub.as_ref().and_then(|hub| hub.process),
            Subject::Peer => self.peer.as_ref().and_then(|peer| peer.process().ok()),
        }
    }

    /// A terminal just opened. Through the hub that is everything since the click: the link, both
    /// gates, and all reviews.
    pub(crate) async fn open(&mut self, subject: Subject) -> anyhow::Result<Line> {
        match (subject, &mut self.hub, &self.peer) {
            (Subject::Hub, Some(hub), _) => {
                let Place { namespace, pod } = &self.place;
                let mut link = LinkRequest::shell(namespace, pod);
                link.cluster.clone_from(&hub.cluster);
                Ok(Line::Hub(Box::new(hub.client.open(&link).await?)))
            }
            (Subject::Peer, _, Some(peer)) => peer.terminal().await,
            _ => self.cluster.terminal(&self.place, &self.shell).await,
        }
    }

    /// A terminal at its first prompt.
    pub(crate) async fn open_to_prompt(&mut self, subject: Subject) -> anyhow::Result<Line> {
        let mut line = self.open(subject).await?;
        line.first_prompt(PROMPT_WITHIN).await?;
        Ok(line)
    }

    /// A terminal with the prompt by which the measurements tell it.
    pub(crate) async fn open_settled(&mut self, subject: Subject) -> anyhow::Result<Line> {
        let mut line = self.open_to_prompt(subject).await?;
        line.settle().await?;
        Ok(line)
    }
}
