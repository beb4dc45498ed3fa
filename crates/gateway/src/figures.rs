//! The figures of the gateway, by name: described, and begun at nothing, so that an alarm on a first refusal sees
//! a change. Where each is counted is known to the module that counts.

pub(crate) const REQUESTS: &str = "sallyport_gateway_requests_total";
pub(crate) const ANSWERS: &str = "sallyport_gateway_answer_seconds";
pub(crate) const UNAUTHORIZED: &str = "sallyport_gateway_unauthorized_total";
pub(crate) const THROTTLED: &str = "sallyport_gateway_throttled_total";
pub(crate) const CROWDED: &str = "sallyport_gateway_crowded_total";
pub(crate) const TUNNELS: &str = "sallyport_gateway_tunnels";
pub(crate) const TUNNEL_BYTES: &str = "sallyport_gateway_tunnel_bytes_total";
pub(crate) const WAITED: &str = "sallyport_gateway_records_waited_total";

/// Tells what the gateway counts. Called once it is switched on.
pub(crate) fn describe() {
    metrics::describe_counter!(
        REQUESTS,
        "Requests that came to the gateway, by cluster and status."
    );
    metrics::describe_histogram!(ANSWERS, "From a request's head to its answer's, by cluster.");
    metrics::describe_counter!(UNAUTHORIZED, "Credentials that no method accepted.");
    metrics::describe_counter!(
        THROTTLED,
        "Requests of networks with too many refused credentials."
    );
    metrics::describe_gauge!(TUNNELS, "Upgraded connections that are open.");
    metrics::describe_counter!(TUNNEL_BYTES, "Bytes through tunnels that ended, by direction.");
    metrics::describe_counter!(WAITED, "Requests that waited for a place in the record.");
    metrics::describe_counter!(
        CROWDED,
        "Requests refused because too many of their network or cluster had no answer."
    );
    for counter in [UNAUTHORIZED, THROTTLED, CROWDED, WAITED] {
        metrics::counter!(counter).absolute(0);
    }
    for to in ["cluster", "sender"] {
        metrics::counter!(TUNNEL_BYTES, "to" => to).absolute(0);
    }
    metrics::gauge!(TUNNELS).set(0.0);
}
