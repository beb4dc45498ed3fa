//! Requests under way, counted by what they have in common, so that neither one network nor one cluster that does
//! not answer takes the places of all.
//! What is told to one too many is known to `handle`.
//!
//! Limits: a name is kept only while a request of it is under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Who is under way, by name.
#[derive(Clone)]
pub(crate) struct Crowd {
    each_max: usize,
    counts: Arc<Mutex<HashMap<String, usize>>>,
}

/// Counts for one until it is dropped.
pub(crate) struct Counted {
    crowd: Crowd,
    name: String,
}

impl Crowd {
    /// So many at once of each name.
    pub(crate) fn new(each_max: usize) -> Self {
        Self { each_max, counts: Arc::default() }
    }

    /// Lets one in, if there is room for one more of its name.
    pub(crate) fn enter(&self, name: &str) -> Option<Counted> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(name.to_owned()).or_default();
        if *count >= self.each_max {
            return None;
        }
        *count += 1;
        Some(Counted { crowd: self.clone(), name: name.to_owned() })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.crowd.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_does_not_take_anothers_room() {
        let crowd = Crowd::new(2);
        let first = crowd.enter("a");
        let second = crowd.enter("a");
        assert!(first.is_some() && second.is_some());
        assert!(crowd.enter("a").is_none());
        assert!(crowd.enter("b").is_some());
        drop(first);
        let third = crowd.enter("a");
        assert!(third.is_some() && crowd.enter("a").is_none());
        drop((second, third));
        assert!(crowd.counts.lock().unwrap().is_empty(), "nothing is kept of who left");
    }
}
