//! What runs beside the hub's listener, by name: none of it may end by itself, and the hub stops when one does.

use std::collections::HashMap;
use tokio::task::JoinSet;

/// What runs beside the listener for as long as the hub does.
#[derive(Default)]
pub(super) struct Tasks {
    pub(super) running: JoinSet<()>,
    names: HashMap<tokio::task::Id, &'static str>,
}

impl Tasks {
    pub(super) fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let id = self.running.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits for the first one that ends or panics, which none should.
    pub(super) async fn first_lost(&mut self) -> &'static str {
        let id = match self.running.join_next_with_id().await {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => error.id(),
            None => std::future::pending().await,
        };
        self.names.get(&id).copied().unwrap_or("a background task")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_part_that_ends_or_panics_is_named_at_once() {
        let mut tasks = Tasks::default();
        let waits = async |tasks: &mut Tasks| {
            tokio::time::timeout(Duration::from_millis(50), tasks.first_lost()).await.ok()
        };
        assert_eq!(waits(&mut tasks).await, None);
        tasks.spawn("one that lives", std::future::pending());
        assert_eq!(waits(&mut tasks).await, None);
        tasks.spawn("one that ends", async {});
        assert_eq!(tasks.first_lost().await, "one that ends");
        tasks.spawn("one that panics", async { panic!("as a test wants it") });
        assert_eq!(tasks.first_lost().await, "one that panics");
    }
}
