//! Fuzz target of Pods as an API server sends them. Compiled for tests and for fuzzing alone.
//! Reading JSON into a Pod is the client library's; what is made of any Pod is ours.

use crate::status::columns;
use crate::view::PodView;
use k8s_openapi::api::core::v1::Pod;

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[("pods_pod", pod)];

/// Any Pod has its columns and its view.
pub fn pod(data: &[u8]) {
    let Ok(pod) = serde_json::from_slice::<Pod>(data) else { return };
    let columns = columns(&pod);
    let count = |text: Option<&str>| text.and_then(|it| it.parse::<usize>().ok());
    let (ready, total) = columns.ready.split_once('/').unzip();
    assert!(count(ready).is_some() && count(total).is_some(), "{}", columns.ready);
    let Ok(cluster) = "demo".parse() else { return };
    let view = PodView::of(&cluster, pod);
    assert_eq!((&view.reason, &view.ready), (&columns.reason, &columns.ready));
    assert!(serde_json::to_string(&view).is_ok());
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
