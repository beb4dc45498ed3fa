//! The kubeconfig of a double. Its token is checked by nobody.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// One context, `double`.
pub(super) fn text(url: &str, ca_pem: Option<&str>) -> String {
    let mut cluster = json!({ "server": url });
    if let Some(pem) = ca_pem {
        cluster["certificate-authority-data"] = STANDARD.encode(pem).into();
    }
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "double", "cluster": cluster }],
        "users": [{ "name": "hub", "user": { "token": "token-of-the-double" } }],
        "contexts": [{ "name": "double", "context": { "cluster": "double", "user": "hub" } }],
        "current-context": "double",
    })
    .to_string()
}
