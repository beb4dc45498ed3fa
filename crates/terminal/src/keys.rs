//! The signing keys of links, shared by all hubs through the store: one signs, older ones still check.
//! What is signed is known to `presign`; how keys are sealed at rest, to the store.

use http_api::{HttpApi, Problem, random};
use presign::{KeyId, LinkFault, SigningKey};
use std::sync::{Arc, RwLock};
use std::time::Duration;

/// A key signs for a day; it checks for as long as a link signed with it may live.
const SIGNS_FOR: Duration = Duration::from_secs(24 * 3600);
/// Another hub's new key is known after this long even if none of its links has been seen here.
const REREAD_EVERY: Duration = Duration::from_secs(60);

/// The keys in use. Cheap to clone.
#[derive(Clone)]
pub struct LinkKeys {
    keys: Arc<RwLock<Arc<[SigningKey]>>>,
    api: HttpApi,
}

impl LinkKeys {
    /// Reads the keys, making the first one if there is none.
    pub async fn open(api: HttpApi) -> Result<Self, Problem> {
        let keys = Self { keys: Arc::new(RwLock::new(Arc::new([]))), api };
        keys.rotate().await?;
        Ok(keys)
    }

    /// Rotates and rereads for as long as the hub lives; owned by the binary, which drops it at the end.
    pub async fn keep(self) {
        loop {
            tokio::time::sleep(REREAD_EVERY).await;
            if let Err(problem) = self.rotate().await {
                tracing::warn!(%problem, "link keys could not be reread; the known ones serve on");
            }
        }
    }

    /// The key that signs now.
    pub(crate) fn signing(&self) -> Result<SigningKey, Problem> {
        self.all().first().cloned().ok_or_else(|| Problem::internal("no link key is in use"))
    }

    /// Checks a token; a key id not known here is looked for in the store once.
    pub(crate) async fn check(
        &self,
        token: &model::Secret,
    ) -> Result<Result<presign::Claims, LinkFault>, Problem> {
        let now = self.api.clock.now();
        match presign::check(token, self.all().iter(), now) {
            Err(LinkFault::KeyUnknown) => {
                self.reread().await?;
                Ok(presign::check(token, self.all().iter(), now))
            }
            verdict => Ok(verdict),
        }
    }

    fn all(&self) -> Arc<[SigningKey]> {
        // A poisoned lock still holds a whole list: writers only swap it.
        Arc::clone(&self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    async fn rotate(&self) -> Result<(), Problem> {
        let key = SigningKey::from_random(random()?);
        let now = self.api.clock.now();
        // Only one hub succeeds where several try; the others read what it made.
        self.api.store.create_link_key(key.id().as_str(), key.secret(), now, SIGNS_FOR).await?;
        self.reread().await
    }

    async fn reread(&self) -> Result<(), Problem> {
        let rows = self.api.store.link_keys().await?;
        let now = self.api.clock.now();
        // Links live a day at most, so a key older than its signing day and another has signed nothing
        // that still holds.
        let keys: Vec<SigningKey> = rows
            .into_iter()
            .filter(|row| now.since(row.created_at) < SIGNS_FOR * 2 + REREAD_EVERY * 2)
            .filter_map(|row| Some(SigningKey::new(row.kid.parse::<KeyId>().ok()?, row.secret)))
            .collect();
        *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = keys.into();
        Ok(())
    }
}
