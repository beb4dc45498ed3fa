//! Two people whom the tokens of two clusters give one name: neither sees, revokes or ends what is the
//! other's. What the store does for them is tested there; the gates, on a real cluster.

use crate::hub::Hub;
use http::{Method, StatusCode};
use serde_json::json;
use store::TerminalRow;

#[tokio::test]
async fn neither_lists_revokes_or_ends_what_is_the_others() {
    let hub = Hub::before(Vec::new()).await;
    let (here, there) =
        (hub.by_token("bob", &[], "home").await, hub.by_token("bob", &[], "other").await);
    let (mine, theirs) = (hub.terminal(&here, "home").await, hub.terminal(&there, "other").await);
    for (browser, own) in [(&here, &mine), (&there, &theirs)] {
        for asked in ["", "?user=bob"] {
            let links = hub.listed(browser, &format!("/api/v1/links{asked}")).await;
            assert_eq!(links, [own.link.to_string()]);
            let terminals = hub.listed(browser, &format!("/api/v1/terminals{asked}")).await;
            assert_eq!(terminals, [own.id.to_string()]);
        }
    }

    let (link, terminal) =
        (format!("/api/v1/links/{}", theirs.link), format!("/api/v1/terminals/{}", theirs.id));
    for path in [&link, &terminal] {
        let (status, problem) = hub.call(&here, Method::DELETE, path, None).await;
        assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    }
    let path = "/api/v1/links/revoke-all";
    let (status, answer) =
        hub.call(&here, Method::POST, path, Some(json!({ "user": "bob" }))).await;
    assert_eq!((status, &answer["revoked"]), (StatusCode::OK, &json!(1)));
    let revoked = async |row: &TerminalRow| {
        hub.api.store.link(&row.link).await.unwrap().unwrap().revoked_at.is_some()
    };
    assert!(revoked(&mine).await && !revoked(&theirs).await);

    // What is one's own, one may.
    for path in [&terminal, &link] {
        let (status, answer) = hub.call(&there, Method::DELETE, path, None).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    }
    assert!(revoked(&theirs).await);
}

#[tokio::test]
async fn everybody_is_for_administrators_whatever_one_is_called() {
    let hub = Hub::before(Vec::new()).await;
    let bob = hub.by_token("bob", &[], "home").await;
    let star = hub.by_token("*", &[], "home").await;
    let terminal = hub.terminal(&bob, "home").await;
    for list in ["links", "terminals"] {
        assert!(hub.listed(&star, &format!("/api/v1/{list}?user=*")).await.is_empty());
        for asked in ["*", "star"] {
            let path = format!("/api/v1/{list}?user={asked}");
            let (status, problem) = hub.call(&bob, Method::GET, &path, None).await;
            assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("not_admin")));
        }
    }
    let admins = hub.api.accounts.admins_group();
    let root = hub.by_token("root", &[&admins], "home").await;
    for asked in ["*", "bob"] {
        let listed = hub.listed(&root, &format!("/api/v1/terminals?user={asked}")).await;
        assert_eq!(listed, [terminal.id.to_string()]);
    }
    let path = format!("/api/v1/terminals/{}", terminal.id);
    assert_eq!(hub.call(&root, Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
}
