//! The OpenAPI description: complete, and true about who may call what.

use crate::hub::{Hub, ORIGIN};
use axum::body::Body;
use http::{Method, header};
use http_api::is_public;
use serde_json::Value;

#[tokio::test]
async fn without_a_sign_in_every_operation_but_signing_in_is_refused() {
    let hub = Hub::start().await;
    let description = serde_json::to_value(&hub.openapi).unwrap();
    let mut walked = 0;
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            if is_public(&method, path) {
                // A machine has no cookie: it proves its key, or shows the verifier of its own request.
                let of_machine = ["ask", "collect", "renew", "end", "token"]
                    .iter()
                    .any(|act| *path == format!("/api/v1/machine/{act}"));
                // An API server shows its cluster's secret, and reads public keys.
                let of_api_server =
                    path.starts_with("/api/v1/token-reviews/") || path.starts_with("/issuer/");
                let of_sign_in = path.starts_with("/api/v1/sign-in/");
                assert!(of_machine || of_api_server || of_sign_in, "{method} {path}");
                continue;
            }
            let address = path.replace("{name}", "alice").replace("{code}", "BCDF-GHJK");
            let mut stranger = hub.browser();
            let request = stranger
                .request(method.clone(), &address)
                .header(header::ORIGIN, ORIGIN)
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from("{}"))
                .unwrap();
            stranger.send(request).await.refused(401, "not_signed_in");
            walked += 1;
        }
    }
    assert_eq!(walked, 12, "the console's operations behind a sign-in");
}

#[tokio::test]
async fn every_operation_tells_its_problems_and_every_reference_leads_somewhere() {
    let hub = Hub::start().await;
    let description = serde_json::to_value(&hub.openapi).unwrap();
    let problem = "#/components/schemas/Problem";
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{name}");
            assert!(operation["operationId"].is_string(), "{name}");
            let responses = operation["responses"].as_object().unwrap();
            for (status, response) in responses {
                if status.starts_with(['4', '5']) {
                    let content = &response["content"]["application/problem+json"];
                    assert_eq!(content["schema"]["$ref"], problem, "{name} {status}");
                }
            }
            let parsed: Method = method.to_uppercase().parse().unwrap();
            let public = is_public(&parsed, path);
            assert!(public || responses.contains_key("401"), "{name}");
            assert_eq!(operation["security"].as_array().unwrap().is_empty(), public, "{name}");
            let csrf = operation["parameters"]
                .as_array()
                .is_some_and(|all| all.iter().any(|it| it["name"] == http_api::CSRF_HEADER));
            assert_eq!(csrf, !public && method != "get", "{name}");
        }
    }
    let schemas = description["components"]["schemas"].as_object().unwrap();
    assert_eq!(
        schemas["ProblemCode"]["enum"].as_array().unwrap().len(),
        http_api::ProblemCode::ALL.len()
    );
    let mut references = Vec::new();
    collect(&description, &mut references);
    for reference in references {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        assert!(schemas.contains_key(name), "{reference} leads nowhere");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(target) if name == "$ref" => references.push(target.clone()),
                    other => collect(other, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
