//! Somebody answers for a finding, until it is taken back or out of date, and meanwhile a scan is stored.

use super::*;

#[tokio::test]
async fn somebody_answers_for_a_finding_until_it_is_taken_back() {
    let room = room(None).await;
    room.scan().await;
    let path = format!("{ONE}/exceptions");
    let before = room.get("").await;
    let body = json!({
        "check": "host-pid", "object": "Pod/shop/*", "reason": "reads processes", "owner": "ops@example.com",
        "expires": "2999-01-01",
    });
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    for (field, value) in [
        ("reason", json!("  ")),
        ("owner", json!("")),
        ("object", json!("")),
        ("check", json!("no-such")),
        ("expires", json!("2999-01-01")),
        ("expires", json!("2020-01-01")),
        ("expires", json!("soon")),
        ("reason", json!("x".repeat(1001))),
        ("path", json!(" ")),
    ] {
        let mut wrong = body.clone();
        wrong["expires"] = json!(today.to_string());
        wrong[field] = value;
        let (status, problem) = room.admin.post(&room.router, &path, wrong).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::BAD_REQUEST, &json!("bad_request")),
            "{field}: {problem}"
        );
    }
    assert!(room.get("/exceptions").await["items"].as_array().unwrap().is_empty());
    assert!(room.hub.audit("posture.except").await.is_empty());
    // What is wrong is named with its value, and what to do instead.
    for (field, value, said, fix) in [
        ("check", "no\u{202e}-such", "no\\u{202e}-such", "`sallyport scan checks`"),
        ("object", "", "`object`", "`Pod/shop/web`"),
        ("path", "", "`path`", "`spec.hostPID`"),
    ] {
        let mut wrong = body.clone();
        wrong["expires"] = json!(today.to_string());
        wrong[field] = json!(value);
        let (_, problem) = room.admin.post(&room.router, &path, wrong).await;
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
        assert!(problem["fix"].as_str().unwrap().contains(fix), "{problem}");
    }

    let mut right = body.clone();
    right["expires"] = json!(today.to_string());
    let (status, made) = room.admin.post(&room.router, &path, right).await;
    assert_eq!((status, &made["findings"]), (StatusCode::CREATED, &json!(1)), "{made}");
    let excepted = room.findings("standing=excepted").await;
    assert_eq!((excepted.len(), &excepted[0]["exception"]), (1, &made["number"]));
    let detail = room.get(&format!("/findings/{}", excepted[0]["number"])).await;
    assert_eq!(detail["exception"]["owner"], "ops@example.com");
    let after = room.get("").await;
    assert_eq!(after["excepted"], 1);
    assert!(after["score"]["value"].as_u64() >= before["score"]["value"].as_u64());
    let records = room.hub.audit("posture.except").await;
    assert_eq!((records.len(), records[0].entry.object.as_str()), (1, "one/Pod/shop/*"));
    assert_eq!(records[0].entry.detail["reason"], "reads processes");
    // It holds for what the next scan finds, too.
    room.scan().await;
    assert_eq!(room.get("").await["excepted"], 1);

    let one = format!("{path}/{}", made["number"]);
    assert_eq!(room.admin.delete(&room.router, &one).await.0, StatusCode::NO_CONTENT);
    assert_eq!(room.admin.delete(&room.router, &one).await.0, StatusCode::NOT_FOUND);
    assert!(room.findings("standing=excepted").await.is_empty());
    assert_eq!(room.hub.audit("posture.unexcept").await.len(), 1);

    // The findings cannot be marked: the exception is made all the same, and the next scan marks them.
    room.raw(
        "CREATE TRIGGER broken BEFORE UPDATE OF exception ON posture_findings BEGIN
           SELECT RAISE(ABORT, 'broken');
         END",
    )
    .await;
    let mut again = body;
    again["expires"] = json!(today.to_string());
    let (status, made) = room.admin.post(&room.router, &path, again).await;
    assert_eq!((status, &made["findings"]), (StatusCode::CREATED, &json!(0)), "{made}");
    assert_eq!(room.get("/exceptions").await["items"].as_array().unwrap().len(), 1);
    room.raw("DROP TRIGGER broken").await;
    room.scan().await;
    assert_eq!(room.findings("standing=excepted").await.len(), 1);
}

#[tokio::test]
async fn exceptions_that_change_while_a_scan_is_stored_are_as_somebody_left_them() {
    let room = room(None).await;
    room.scan().await;
    let path = format!("{ONE}/exceptions");
    let body = json!({
        "check": "host-pid", "object": "Pod/shop/*", "reason": "r", "owner": "o",
        "expires": jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
    });
    let (status, made) = room.admin.post(&room.router, &path, body).await;
    assert_eq!((status, &made["findings"]), (StatusCode::CREATED, &json!(1)), "{made}");

    // In the moment in which the scan ends one is taken back and another is made, as another hub could.
    room.raw(
        "CREATE TRIGGER meanwhile AFTER UPDATE OF state ON posture_scans WHEN NEW.state = 'done' BEGIN
           INSERT INTO posture_exceptions
             (number, cluster, check_id, object, path, reason, owner, expires, expires_at, made_by, made_at)
             SELECT number + 1, cluster, 'privileged-container', object, path, reason, owner, expires, expires_at,
               made_by, made_at FROM posture_exceptions;
           UPDATE posture_exceptions SET removed_at = 1 WHERE check_id = 'host-pid';
         END",
    )
    .await;
    assert_eq!(room.scan().await["state"], "done");
    let marked = async {
        loop {
            let excepted = room.findings("standing=excepted").await;
            let checks: Vec<_> = excepted.iter().map(|each| each["check"].clone()).collect();
            if checks == [json!("privileged-container")] {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, marked).await.expect("the marks are as the exceptions");
}
