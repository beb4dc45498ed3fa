//! The security headers of every answer, refusals included.
//! It does not know what the page loads beyond what the policy below allows.

use axum::response::Response;
use http::{HeaderName, HeaderValue, header};

/// Scripts, fonts and connections from the hub alone; nothing may frame it, and it posts forms nowhere.
/// Styles too: the console moves what xterm.js injects into constructed style sheets. No script may write
/// HTML (`trusted-types 'none'`).
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";

/// Two years without a way back to plain HTTP. Subdomains are not ours to speak for.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=63072000";

/// A console needs the clipboard and nothing else of the machine.
const PERMISSIONS_POLICY: &str = "accelerometer=(), autoplay=(), camera=(), clipboard-read=(self), \
    clipboard-write=(self), display-capture=(), encrypted-media=(), fullscreen=(self), geolocation=(), \
    gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), payment=(), \
    publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()";

const ALWAYS: &[(&str, &str)] = &[
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("strict-transport-security", STRICT_TRANSPORT_SECURITY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", PERMISSIONS_POLICY),
];

/// Sets the headers. A handler cannot loosen them; only `Cache-Control` is its own to choose.
pub(crate) async fn secure(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
