//! Namespaces that hubs made: known by cluster, name and UID, and by all hubs.

use crate::bench::*;
use store::NamespaceNote;

on_both_databases! {
    async fn a_namespace_is_known_by_the_uid_it_was_last_made_with(bench: Bench) {
        let (store, other) = (bench.store().await, bench.store().await);
        let (one, two) = ("one".parse().unwrap(), "two".parse().unwrap());
        let (space, another) = ("sallyport-a".parse().unwrap(), "sallyport-b".parse().unwrap());
        let note = |uid: Option<&str>, claim: Option<&str>| {
            Some(NamespaceNote { uid: uid.map(Into::into), claim: claim.map(Into::into) })
        };
        assert_eq!(store.namespace_note(&one, &space).await.unwrap(), None);
        // Hubs that make it at once make it with one claim.
        assert_eq!(store.claim_namespace(&one, &space, "c1", NOW).await.unwrap(), "c1");
        assert_eq!(other.claim_namespace(&one, &space, "c2", NOW).await.unwrap(), "c1");
        assert_eq!(other.namespace_note(&one, &space).await.unwrap(), note(None, Some("c1")));
        store.note_namespace(&one, &space, "uid-1", NOW).await.unwrap();
        assert_eq!(other.namespace_note(&one, &space).await.unwrap(), note(Some("uid-1"), None));
        assert_eq!(other.namespace_note(&two, &space).await.unwrap(), None);
        assert_eq!(other.namespace_note(&one, &another).await.unwrap(), None);
        // Made anew, with a claim that was not shown before.
        assert_eq!(other.claim_namespace(&one, &space, "c3", NOW).await.unwrap(), "c3");
        other.note_namespace(&one, &space, "uid-2", later(1)).await.unwrap();
        assert_eq!(store.namespace_note(&one, &space).await.unwrap(), note(Some("uid-2"), None));
    }
}
