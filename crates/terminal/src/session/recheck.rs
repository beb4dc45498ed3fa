//! Whether a session may go on: asked once more as soon as its process runs, then at least every minute, and
//! whenever a revocation may have been missed. It knows what to ask and when, and nothing of bytes.
//!
//! Bounds: a question takes [`ANSWER_WITHIN`]; a cluster or store that gives none for [`UNANSWERED_MAX`] ends
//! the session, because a right that cannot be asked for is none.

use super::Start;
use crate::gates;
use http_api::{DecidedBy, Problem, ProblemCode};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Instant;

/// A question that takes longer counts as unanswered.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a session outlives the last answer. Restarting an API server or a database takes less.
const UNANSWERED_MAX: Duration = Duration::from_secs(5 * 60);

/// The answer to a question.
pub(super) enum Verdict {
    May,
    MayNot(Problem),
    /// Nobody could say.
    Unanswered(Problem),
}

type Question<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// When the next question is due, and the one that is under way.
pub(super) struct Recheck<'a> {
    every: Duration,
    due: Instant,
    answered_at: Instant,
    asking: Option<Question<'a>>,
}

impl<'a> Recheck<'a> {
    /// The first question is due at once: between the second gate and the session's place in the list of
    /// live ones a revocation went unheard, and the Pod may have been replaced before the exec was open.
    pub(super) fn new(every: Duration) -> Self {
        let now = Instant::now();
        Self { every, due: now, answered_at: now, asking: None }
    }

    /// Asks as soon as no question is under way.
    pub(super) fn demand(&mut self) {
        self.due = Instant::now();
    }

    /// Begins the question that is due. Called in every turn of the pump, so that no flood holds it up.
    pub(super) fn begin(&mut self, ask: impl FnOnce() -> Question<'a>) {
        let now = Instant::now();
        if self.asking.is_none() && now >= self.due {
            self.due = now + self.every;
            self.asking = Some(ask());
        }
    }

    /// When [`Self::begin`] has something to do; `None` while a question is under way.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.asking.is_none().then_some(self.due)
    }

    /// Waits for the answer; for ever while there is no question. Cancel-safe. An error ends the session.
    pub(super) async fn answer(&mut self) -> Result<(), Problem> {
        let Some(question) = &mut self.asking else { return std::future::pending().await };
        let verdict = question.await;
        self.asking = None;
        match verdict {
            Verdict::May => self.answered_at = Instant::now(),
            Verdict::MayNot(problem) => return Err(problem),
            Verdict::Unanswered(problem) if self.answered_at.elapsed() > UNANSWERED_MAX => {
                return Err(problem);
            }
            Verdict::Unanswered(problem) => {
                tracing::warn!(
                    detail = problem.detail(),
                    "a live terminal's right could not be asked"
                );
            }
        }
        Ok(())
    }
}

/// Asks all that the gates asked, as it is now.
pub(super) fn ask<'a>(start: &Start<'a>) -> Question<'a> {
    let (terminals, signed_in, terminal) = (start.terminals, start.signed_in, start.terminal);
    let question = async move {
        let store = &terminals.api.store;
        if store.link(&terminal.link).await?.is_none_or(|link| link.revoked_at.is_some()) {
            return Err(gates::link_revoked());
        }
        let now = terminals.api.clock.now();
        if now >= signed_in.expires_at() || !store.sign_in_is_live(signed_in.id(), now).await? {
            return Err(gates::session_ended());
        }
        if store.terminal(&terminal.id).await?.is_none_or(|row| row.ended_at.is_some()) {
            // Another hub took this one for dead, and nobody could see or end the session any more.
            return Err(Problem::new(
                ProblemCode::TerminalEnded,
                "this terminal was ended elsewhere",
            )
            .decided_by(DecidedBy::Hub)
            .fix("open the Pod again"));
        }
        gates::may_enter(terminals, signed_in, &terminal.place).await.map(drop)
    };
    Box::pin(async move {
        let Ok(answer) = tokio::time::timeout(ANSWER_WITHIN, question).await else {
            let detail = format!("whether `{}` may still be entered", terminal.place);
            return Verdict::Unanswered(Problem::new(
                ProblemCode::ClusterUnreachable,
                format!("nobody said within {} s {detail}", ANSWER_WITHIN.as_secs()),
            ));
        };
        match answer {
            Ok(()) => Verdict::May,
            Err(problem) => match problem.code() {
                ProblemCode::Forbidden => Verdict::MayNot(
                    Problem::new(
                        ProblemCode::RightWithdrawn,
                        format!("the right to be here was withdrawn: {}", problem.detail()),
                    )
                    .decided_by(DecidedBy::Kubernetes)
                    .fix("ask an administrator of the cluster"),
                ),
                // The exec itself tells when the Pod ends, with the exit code.
                ProblemCode::PodNotRunning => Verdict::May,
                ProblemCode::ClusterUnreachable | ProblemCode::StoreUnavailable => {
                    Verdict::Unanswered(problem)
                }
                _ => Verdict::MayNot(problem),
            },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(verdict: fn() -> Verdict) -> impl FnOnce() -> Question<'static> {
        move || Box::pin(async move { verdict() })
    }
    fn unreachable() -> Verdict {
        Verdict::Unanswered(Problem::new(ProblemCode::ClusterUnreachable, "away"))
    }

    #[tokio::test]
    async fn the_first_question_is_due_at_once_and_the_next_in_its_time() {
        let mut recheck = Recheck::new(Duration::from_secs(45));
        recheck.begin(answered(|| Verdict::May));
        assert!(recheck.wake().is_none(), "no second one beside it");
        assert!(recheck.answer().await.is_ok());
        let wait = recheck.wake().unwrap() - Instant::now();
        assert!(wait > Duration::from_secs(40), "{wait:?}");
    }

    #[tokio::test]
    async fn what_is_demanded_during_a_question_is_asked_after_it() {
        let mut recheck = Recheck::new(Duration::from_secs(45));
        recheck.begin(answered(|| Verdict::May));
        recheck.demand();
        assert!(recheck.answer().await.is_ok());
        assert!(recheck.wake().unwrap() <= Instant::now());
    }

    #[tokio::test]
    async fn a_no_ends_at_once_and_silence_after_five_minutes() {
        let mut recheck = Recheck::new(Duration::from_secs(45));
        recheck.begin(answered(|| Verdict::MayNot(gates::link_revoked())));
        assert_eq!(recheck.answer().await.unwrap_err().code(), ProblemCode::LinkRevoked);

        let mut recheck = Recheck::new(Duration::ZERO);
        recheck.begin(answered(unreachable));
        assert!(recheck.answer().await.is_ok());
        recheck.answered_at -= UNANSWERED_MAX + Duration::from_secs(1);
        recheck.begin(answered(unreachable));
        assert_eq!(recheck.answer().await.unwrap_err().code(), ProblemCode::ClusterUnreachable);
    }
}
