//! Posture: begun by one hub of two, shown only when done, compared with what was open, excused, and kept within bounds.

use crate::bench::*;
use model::{ClusterName, Timestamp};
use std::time::Duration;
use store::{
    PostureBegin, PostureBeginOutcome, PostureChange, PostureFound, PostureNewException,
    PostureQuery, PostureState, PostureVerdict, Store, StoreError,
};

const SILENT: Duration = Duration::from_secs(120);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn cluster() -> ClusterName {
    "demo".parse().unwrap()
}

fn found(check: &str, object: &str, path: &str) -> PostureFound {
    let (kind, rest) = object.split_once('/').unwrap();
    let (namespace, name) = match rest.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, rest),
    };
    PostureFound {
        check: check.to_owned(),
        verdict: PostureVerdict::Fail,
        severity: 3,
        reach: 0,
        on_path: false,
        weight: 6,
        object: object.to_owned(),
        api_version: "v1".to_owned(),
        kind: kind.to_owned(),
        namespace,
        name: name.to_owned(),
        path: path.to_owned(),
        value: Some("true".to_owned()),
        reason: None,
        excuse: None,
    }
}

fn some() -> Vec<PostureFound> {
    vec![
        PostureFound { weight: 90, severity: 4, ..found("privileged", "Pod/shop/a", "spec") },
        found("host-pid", "Pod/shop/a", "spec.hostPID"),
        found("host-pid", "DaemonSet/kube-system/b", "spec.hostPID"),
        PostureFound {
            verdict: PostureVerdict::Unknown,
            reason: Some("{\"en\":\"?\"}".to_owned()),
            value: None,
            ..found("policies", "Namespace/shop", "")
        },
    ]
}

fn wish(cluster: &ClusterName, unless_since: Option<Timestamp>) -> PostureBegin<'_> {
    PostureBegin { cluster, asked_by: None, unless_since, silent_max: SILENT, audit: None }
}

fn query(scan: i64) -> PostureQuery {
    PostureQuery {
        cluster: cluster(),
        scan,
        now: later(0),
        change: None,
        checks: None,
        severities: Vec::new(),
        verdict: None,
        excepted: None,
        namespace: None,
        kind: None,
        object: None,
        text: None,
        after: None,
        limit: 100,
    }
}

async fn begun(store: &Store, now: Timestamp) -> i64 {
    match store.begin_posture_scan(&wish(&cluster(), None), now).await.unwrap() {
        PostureBeginOutcome::Begun(number) => number,
        other => panic!("{other:?}"),
    }
}

/// A whole scan.
async fn scanned(store: &Store, found: Vec<PostureFound>, now: Timestamp) -> i64 {
    let scan = begun(store, now).await;
    store.store_posture_findings(scan, &cluster(), found, |_| false, now).await.unwrap();
    assert!(store.finish_posture_scan(scan, "{}", "[]", now).await.unwrap());
    scan
}

async fn objects(store: &Store, query: &PostureQuery) -> Vec<String> {
    let page = store.posture_findings(query).await.unwrap();
    page.items
        .into_iter()
        .map(|each| format!("{} {}", each.found.check, each.found.object))
        .collect()
}

on_both_databases! {
    async fn of_two_hubs_one_scans_and_a_killed_one_is_replaced(bench: Bench) {
        let (one, two) = (bench.store().await, bench.store().await);
        let number = begun(&one, NOW).await;
        let again = two.begin_posture_scan(&wish(&cluster(), None), later(60)).await.unwrap();
        assert_eq!(again, PostureBeginOutcome::Running(number));
        one.store_posture_findings(number, &cluster(), some(), |_| false, later(60)).await.unwrap();
        assert!(one.posture_scan_heard(number, "pods", 12, later(60)).await.unwrap());
        let running = &two.posture_scans(&cluster(), 10).await.unwrap()[0];
        assert_eq!((running.state, running.progress.as_str(), running.progress_count), (PostureState::Running, "pods", 12));

        // Nothing is heard of it any more.
        let next = begun(&two, later(300)).await;
        assert!(next > number);
        assert!(!one.posture_scan_heard(number, "pods", 13, later(301)).await.unwrap());
        let late = one.store_posture_findings(number, &cluster(), some(), |_| false, later(301)).await;
        assert!(matches!(late, Err(StoreError::Conflict { .. })), "{late:?}");
        assert!(!one.finish_posture_scan(number, "{}", "[]", later(301)).await.unwrap());
        assert_eq!(bench.count("posture_findings").await, 0);
        let failed = &two.posture_scans(&cluster(), 10).await.unwrap()[1];
        assert_eq!(failed.state, PostureState::Failed);
        assert!(failed.report.as_deref().unwrap().contains("interrupted"));
        assert!(two.finish_posture_scan(next, "{}", "[]", later(302)).await.unwrap());

        // Its time has not come again, for neither.
        let early = one.begin_posture_scan(&wish(&cluster(), Some(later(200))), later(400)).await.unwrap();
        assert_eq!(early, PostureBeginOutcome::NotDue);
        let name = cluster();
        let due = wish(&name, Some(later(350)));
        let both = tokio::join!(one.begin_posture_scan(&due, later(500)), two.begin_posture_scan(&due, later(500)));
        let begun = [both.0.unwrap(), both.1.unwrap()];
        assert_eq!(begun.iter().filter(|each| matches!(each, PostureBeginOutcome::Begun(_))).count(), 1, "{begun:?}");
    }

    async fn a_scan_is_shown_when_it_is_done_and_compared_with_the_one_before(bench: Bench) {
        let store = bench.store().await;
        let first = begun(&store, NOW).await;
        let stored = store.store_posture_findings(first, &cluster(), some(), |_| false, NOW).await.unwrap();
        assert_eq!((stored.opened, stored.closed), (3, 0));
        assert_eq!(store.posture_latest(&cluster()).await.unwrap(), (None, None));
        store.finish_posture_scan(first, "{\"score\":50}", "[1]", NOW).await.unwrap();
        let (latest, before) = store.posture_latest(&cluster()).await.unwrap();
        assert_eq!((latest.unwrap().report.as_deref(), before), (Some("{\"score\":50}"), None));

        let mut now = some();
        now.remove(1);
        now[1].value = Some("yes".to_owned());
        now.push(found("root", "Pod/shop/c", "spec"));
        let second = begun(&store, later(100)).await;
        let stored = store.store_posture_findings(second, &cluster(), now.clone(), |_| false, later(100)).await.unwrap();
        assert_eq!((stored.opened, stored.closed), (1, 1));
        // The scan that is done still shows what it found.
        assert_eq!(objects(&store, &query(first)).await.len(), 4);
        store.finish_posture_scan(second, "{}", "[2]", later(100)).await.unwrap();
        assert_eq!(store.posture_paths(first).await.unwrap(), None);
        assert_eq!(store.posture_paths(second).await.unwrap().as_deref(), Some("[2]"));
        assert_eq!(objects(&store, &query(second)).await, [
            "privileged Pod/shop/a", "host-pid DaemonSet/kube-system/b", "policies Namespace/shop", "root Pod/shop/c",
        ]);
        let change = |change| PostureQuery { change: Some(change), ..query(second) };
        assert_eq!(objects(&store, &change(PostureChange::New)).await, ["root Pod/shop/c"]);
        assert_eq!(objects(&store, &change(PostureChange::Gone)).await, ["host-pid Pod/shop/a"]);
        assert_eq!(store.posture_gone(&cluster(), second).await.unwrap(), 1);
        let page = store.posture_findings(&query(second)).await.unwrap();
        assert_eq!(page.items[1].found.value.as_deref(), Some("yes"));
        assert_eq!(page.items[1].opened_scan, first);

        // What comes back is known to have been there.
        now.push(some().remove(1));
        let third = scanned(&store, now, later(200)).await;
        let back = store.posture_findings(&PostureQuery { change: Some(PostureChange::New), ..query(third) }).await.unwrap();
        assert!(back.items[0].returned && back.items.len() == 1, "{back:?}");
        assert_eq!(store.posture_findings(&query(first)).await.unwrap().items.len(), 4);
    }

    async fn a_scan_that_failed_changes_nothing(bench: Bench) {
        let store = bench.store().await;
        let first = scanned(&store, some(), NOW).await;
        let second = begun(&store, later(100)).await;
        let other = vec![found("root", "Pod/shop/c", "spec")];
        store.store_posture_findings(second, &cluster(), other, |_| false, later(100)).await.unwrap();
        assert!(store.fail_posture_scan(second, "{\"fault\":\"internal\"}", later(101)).await.unwrap());
        assert!(!store.fail_posture_scan(second, "{}", later(101)).await.unwrap());
        assert_eq!(store.posture_latest(&cluster()).await.unwrap().0.unwrap().number, first);
        let third = scanned(&store, some(), later(200)).await;
        assert_eq!(objects(&store, &query(third)).await.len(), 4);
        assert_eq!(bench.count("posture_findings").await, 4);
    }

    async fn of_a_large_scan_that_failed_every_piece_is_taken_back(bench: Bench) {
        let store = bench.store().await;
        let many = |check: &str| -> Vec<PostureFound> {
            (0..1100).map(|at| found(check, &format!("Pod/shop/{check}-{at}"), "spec")).collect()
        };
        let both = || [many("root"), many("host-pid")].concat();
        let first = scanned(&store, both(), NOW).await;
        let is_back = async || {
            let page = store.posture_findings(&PostureQuery { limit: 5000, ..query(first) }).await.unwrap();
            page.items.len() == 2200
                && page.items.iter().all(|each| {
                    (each.closed_scan, each.closed_at, each.unconfirmed_scan) == (None, None, None)
                })
        };
        let stored = async |at| {
            let scan = begun(&store, later(at)).await;
            let doubtful = |known: &store::PostureKnown<'_>| known.check == "root";
            let new = many("host-network");
            let stored = store.store_posture_findings(scan, &cluster(), new, doubtful, later(at)).await.unwrap();
            assert_eq!((stored.opened, stored.closed, stored.unconfirmed), (1100, 1100, 1100));
            assert!(!is_back().await);
            scan
        };
        let second = stored(100).await;
        assert!(store.fail_posture_scan(second, "{}", later(101)).await.unwrap());
        assert!(is_back().await);
        assert_eq!(bench.count("posture_findings").await, 2200);

        // The hub was killed before it had taken everything back.
        let third = stored(200).await;
        bench.raw(&format!("UPDATE posture_scans SET state = 'failed', ended_at = 1 WHERE number = {third}")).await;
        assert_eq!(store.posture_latest(&cluster()).await.unwrap().0.unwrap().number, first);
        let fourth = begun(&store, later(300)).await;
        assert!(is_back().await);
        assert_eq!(bench.count("posture_findings").await, 2200);
        let stored = store.store_posture_findings(fourth, &cluster(), both(), |_| false, later(300)).await.unwrap();
        assert_eq!((stored.opened, stored.closed, stored.unconfirmed), (0, 0, 0));
    }

    async fn what_could_not_be_looked_at_is_not_gone(bench: Bench) {
        let store = bench.store().await;
        scanned(&store, some(), NOW).await;
        let second = begun(&store, later(100)).await;
        let doubtful = |known: &store::PostureKnown<'_>| known.kind == "Pod";
        let stored = store.store_posture_findings(second, &cluster(), Vec::new(), doubtful, later(100)).await.unwrap();
        assert_eq!((stored.closed, stored.unconfirmed), (1, 2));
        store.finish_posture_scan(second, "{}", "[]", later(100)).await.unwrap();
        let page = store.posture_findings(&query(second)).await.unwrap();
        assert_eq!(page.items.len(), 2);
        assert!(page.items.iter().all(|each| each.unconfirmed_scan == Some(second)));
        let third = scanned(&store, some(), later(200)).await;
        let page = store.posture_findings(&query(third)).await.unwrap();
        assert!(page.items.iter().all(|each| each.unconfirmed_scan.is_none()));
    }

    async fn findings_are_chosen_paged_and_counted(bench: Bench) {
        let store = bench.store().await;
        let scan = scanned(&store, some(), NOW).await;
        let whole = query(scan);
        let chosen = async |query: PostureQuery| objects(&store, &query).await.len();
        assert_eq!(chosen(PostureQuery { severities: vec![4], ..whole.clone() }).await, 1);
        assert_eq!(chosen(PostureQuery { severities: vec![3, 4], ..whole.clone() }).await, 4);
        assert_eq!(chosen(PostureQuery { verdict: Some(PostureVerdict::Unknown), ..whole.clone() }).await, 1);
        assert_eq!(chosen(PostureQuery { namespace: Some("shop".to_owned()), ..whole.clone() }).await, 2);
        assert_eq!(chosen(PostureQuery { kind: Some("DaemonSet".to_owned()), ..whole.clone() }).await, 1);
        assert_eq!(chosen(PostureQuery { object: Some("Pod/shop/a".to_owned()), ..whole.clone() }).await, 2);
        assert_eq!(chosen(PostureQuery { checks: Some(vec!["host-pid".to_owned()]), ..whole.clone() }).await, 2);
        assert_eq!(chosen(PostureQuery { checks: Some(Vec::new()), ..whole.clone() }).await, 0);
        let text = |text: &str, checks: &[&str]| PostureQuery {
            text: Some((text.to_owned(), checks.iter().map(|check| (*check).to_owned()).collect())),
            ..whole.clone()
        };
        assert_eq!(chosen(text("HOSTPID", &[])).await, 2);
        assert_eq!(chosen(text("nothing", &["policies"])).await, 1);
        // LIKE's own signs, and SQL, are text like any other.
        for odd in ["%", "_", "\\", "'; DROP TABLE posture_findings; --"] {
            assert_eq!(chosen(text(odd, &[])).await, 0, "{odd}");
        }
        assert_eq!(chosen(PostureQuery { cluster: "other".parse().unwrap(), ..whole.clone() }).await, 0);

        let mut seen = Vec::new();
        let mut page = PostureQuery { limit: 1, ..whole.clone() };
        loop {
            let read = store.posture_findings(&page).await.unwrap();
            seen.extend(read.items.iter().map(|each| each.number));
            match read.next_after {
                Some(after) => page.after = Some(after),
                None => break,
            }
        }
        let all: Vec<i64> = store.posture_findings(&whole).await.unwrap().items.iter().map(|each| each.number).collect();
        assert_eq!(seen, all);
        assert!(store.posture_finding(&cluster(), all[0]).await.unwrap().is_some());
        assert!(store.posture_finding(&"other".parse().unwrap(), all[0]).await.unwrap().is_none());

        let mut counts = store.posture_counts(&cluster(), scan, later(0)).await.unwrap();
        counts.sort_by(|a, b| a.check.cmp(&b.check));
        let told: Vec<_> = counts.iter().map(|each| (each.check.as_str(), each.count, each.fresh, each.excepted)).collect();
        assert_eq!(told, [("host-pid", 2, 2, false), ("policies", 1, 1, false), ("privileged", 1, 1, false)]);
        let facets = store.posture_facets(&cluster(), scan).await.unwrap();
        assert_eq!(facets.namespaces, [("kube-system".to_owned(), 1), ("shop".to_owned(), 2)]);
        assert_eq!(facets.kinds.len(), 3);
    }

    async fn an_exception_holds_until_its_day_or_until_it_is_taken_back(bench: Bench) {
        let store = bench.store().await;
        let scan = scanned(&store, some(), NOW).await;
        let new = PostureNewException {
            cluster: cluster(),
            check: "host-pid".to_owned(),
            object: "Pod/*".to_owned(),
            path: None,
            reason: "reads processes".to_owned(),
            owner: "ops".to_owned(),
            expires: "2027-01-15".to_owned(),
            expires_at: later(1000),
            made_by: "root".to_owned(),
        };
        let number = store.add_posture_exception(&new, &entry("posture.except"), NOW).await.unwrap();
        let kept = store.posture_exceptions(&cluster()).await.unwrap();
        assert_eq!((kept[0].number, &kept[0].says), (number, &new));
        assert!(store.posture_exceptions(&"other".parse().unwrap()).await.unwrap().is_empty());
        let changed = store
            .excuse_posture_findings(&cluster(), &["host-pid".to_owned()], |finding| {
                (finding.found.kind == "Pod").then_some((number, later(1000)))
            })
            .await
            .unwrap();
        assert_eq!(changed, 1);
        let excepted = |excepted, now| PostureQuery { excepted: Some(excepted), now, ..query(scan) };
        assert_eq!(objects(&store, &excepted(true, later(999))).await, ["host-pid Pod/shop/a"]);
        assert_eq!(objects(&store, &excepted(false, later(999))).await.len(), 3);
        assert_eq!(objects(&store, &excepted(true, later(1000))).await.len(), 0);
        let counts = store.posture_counts(&cluster(), scan, later(10)).await.unwrap();
        assert_eq!(counts.iter().filter(|each| each.excepted).map(|each| each.count).sum::<u64>(), 1);

        let elsewhere = "other".parse().unwrap();
        assert!(store.remove_posture_exception(&elsewhere, number, &entry("posture.unexcept"), later(5)).await.unwrap().is_none());
        let taken = store.remove_posture_exception(&cluster(), number, &entry("posture.unexcept"), later(5)).await.unwrap();
        assert_eq!(taken.unwrap().says, new);
        assert!(store.remove_posture_exception(&cluster(), number, &entry("posture.unexcept"), later(5)).await.unwrap().is_none());
        assert_eq!(objects(&store, &excepted(true, later(10))).await.len(), 0);
        assert!(store.posture_exceptions(&cluster()).await.unwrap().is_empty());
        // The two that did something, and not the two that found nothing to do.
        assert_intact(&store, 2).await;
    }

    async fn what_is_old_goes_and_what_is_open_stays(bench: Bench) {
        let store = bench.store().await;
        scanned(&store, some(), NOW).await;
        let failed = begun(&store, later(10)).await;
        store.fail_posture_scan(failed, "{}", later(11)).await.unwrap();
        scanned(&store, some().split_off(2), later(20)).await;
        let last = scanned(&store, some().split_off(2), later(30)).await;
        let kept = store.purge_posture(later(60), DAY).await.unwrap();
        assert_eq!((kept.scans, kept.findings), (0, 0));
        let purged = store.purge_posture(later(3 * 24 * 3600), DAY).await.unwrap();
        assert_eq!((purged.scans, purged.findings), (2, 2));
        assert_eq!(objects(&store, &query(last)).await.len(), 2);
        let (latest, before) = store.posture_latest(&cluster()).await.unwrap();
        assert!(latest.is_some() && before.is_some());
    }
}
