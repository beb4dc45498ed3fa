//! One request from its head to its answer's: routed, recorded, authenticated, cleaned, handed on.
//! Each step's rules are known to its own module; here stands their order, and that nothing is passed over.
//!
//! States: a place in the record → the sender known → perhaps the right to act as another → sent → answered.
//! From the second on the request is somebody's. Bodies stream both ways, each side at the other's pace; a
//! watch's events go out as they come, because nothing here gathers them.

use crate::ClientCertificates;
use crate::admission::credentials;
use crate::gateway::Inner;
use crate::headers::{self, Outgoing};
use crate::machines::{Held, Hold};
use crate::record::Entry;
use crate::route::Route;
use crate::status::Refusal;
use crate::{figures, tunnel, wish};
use authn::kubernetes::{Authenticated, Authenticator};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::HeaderName;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, request::Parts};
use http_api::Peer;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use kube_io::{Caller, Cluster, ForwardBody, Impersonate, KubeIoError, Verdict};
use model::{RequestId, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use wire::Call;

/// The API server ends plain requests after 60 s itself (`--request-timeout`); beyond that it is not there.
const ANSWER_TAKES: Duration = Duration::from_secs(75);
/// What starts a process, or is another server's behind the API server, may take longer to answer at all.
const LONG_ANSWER_TAKES: Duration = Duration::from_secs(300);

pub(crate) async fn handle(gateway: Arc<Inner>, request: Request) -> Response {
    let id = match http_api::random() {
        Ok(bytes) => RequestId::from_random(bytes),
        // Without randomness there is no id to record under.
        Err(_) => {
            let id = RequestId::from_random([0; 16]);
            return Refusal::unavailable("the gateway has no randomness").answer(&id);
        }
    };
    let peer = request.extensions().get::<Peer>().copied();
    let source = gateway.proxies.source(peer, request.headers());
    let at = gateway.clock.now();
    let network = source.network();
    // Before it is recorded: one more would take a place of somebody else's.
    let Some(_of_network) = gateway.of_network.enter(&network) else {
        metrics::counter!(figures::CROWDED).increment(1);
        return Refusal::too_many_unanswered().answer(&id);
    };
    let entry = gateway.records.begin(id.clone(), at, source.to_string(), network.clone()).await;
    let mut entry = match entry {
        Ok(entry) => entry,
        Err(refusal) => return refusal.answer(&id),
    };
    let sent = Sent { gateway: &gateway, id: &id, network, source: source.to_string() };
    // The record is written out only when no place in it is held any more, and a cluster may take minutes.
    let passed = tokio::select! {
        biased;
        passed = sent.pass(request, &mut entry) => passed,
        () = gateway.cut.cancelled() => Err(Refusal::unavailable("the gateway is being stopped")),
    };
    let (response, cluster) = passed.unwrap_or_else(|refusal| (refusal.answer(&id), None));
    let status = response.status();
    let took = entry.answered(status.as_u16());
    let cluster = cluster.unwrap_or_else(|| "none".to_owned());
    metrics::histogram!(figures::ANSWERS, "cluster" => cluster.clone()).record(took.as_secs_f64());
    let labels = [("cluster", cluster), ("status", status.as_u16().to_string())];
    metrics::counter!(figures::REQUESTS, &labels).increment(1);
    tracing::debug!(request = %id, status = status.as_u16(), "request answered");
    response
}

/// A request's circumstances.
struct Sent<'a> {
    gateway: &'a Inner,
    id: &'a RequestId,
    network: String,
    source: String,
}

impl Sent<'_> {
    /// The answer, and the cluster that gave it or was meant to.
    async fn pass(
        &self,
        mut request: Request,
        entry: &mut Entry,
    ) -> Result<(Response, Option<String>), Refusal> {
        let upgraded = hyper::upgrade::on(&mut request);
        let (parts, body) = request.into_parts();
        let gateway = self.gateway;
        let base = gateway.base_domain.as_deref();
        let route = Route::of(&parts.uri, &parts.headers, &gateway.clusters, base);
        let call = called(&parts, route.as_ref().ok());
        let name = route.as_ref().ok().and_then(|route| route.cluster.as_ref());
        let name = name.map_or("", |cluster| cluster.name().as_str()).to_owned();
        entry.asked(&name, &call, parts.uri.path());
        let route = route?;
        let Some(_of_cluster) = self.gateway.of_cluster.enter(&name) else {
            metrics::counter!(figures::CROWDED).increment(1);
            return Err(Refusal::unavailable(
                "too many requests wait for this cluster; try again later",
            ));
        };

        let beliefs = gateway.door.beliefs();
        let asserted = asserted(&beliefs.authenticator, &parts);
        let outgoing = headers::outgoing(parts.version, &parts.headers, &asserted)?;
        let certificates = parts.extensions.get::<ClientCertificates>();
        let path = route.target.path();
        let credentials = credentials(&parts.headers, path, certificates, &beliefs.authenticator);
        let now = gateway.clock.now();
        let cluster = route.cluster.as_ref();
        let sender = gateway.door.admit(cluster, &self.network, &credentials, now).await?;
        entry.sent_by(&sender.identity().user, sender.method().code());
        let hold = self.hold(&sender, &credentials, now).await?;

        // Only who is somebody is told which clusters there are not.
        let Some(cluster) = cluster else {
            return Err(Refusal::not_found("there is no cluster of that name"));
        };
        if matches!(parts.method, Method::CONNECT | Method::TRACE) {
            return Err(Refusal::bad_request("this method is not passed on"));
        }
        let caller = self.caller(cluster, sender, &parts, entry).await?;
        let Outgoing { headers, upgrade } = outgoing;
        let request = self.handed_on(parts.method, route.target, headers, body);
        let patience = if upgrade || lasts(&call) { LONG_ANSWER_TAKES } else { ANSWER_TAKES };
        let sending = tokio::time::timeout(patience, cluster.forward(&caller, request));
        let sending = match hold.clone() {
            None => sending.await,
            Some(hold) => tokio::select! {
                sent = sending => sent,
                () = hold.ended() => return Err(Refusal::unauthorized()),
            },
        };
        let response = sending
            .map_err(|_| Refusal::timeout("the API server did not answer in time"))?
            .map_err(|error| self.unreached(&error))?;
        let sender = upgrade.then_some(upgraded);
        Ok((self.come_back(response, sender, cluster, hold)?, Some(name)))
    }

    /// The place of a machine's request among what its sign-in has open; other senders have none.
    async fn hold(
        &self,
        sender: &Authenticated,
        credentials: &authn::kubernetes::Request,
        now: Timestamp,
    ) -> Result<Option<Hold>, Refusal> {
        if sender.method() != authn::kubernetes::Method::Machine {
            return Ok(None);
        }
        // It was let in by the sign-in that its certificate names.
        let id = credentials.certificates.first().and_then(|leaf| leaf.sign_in());
        let Some(id) = id else { return Err(Refusal::unauthorized()) };
        let hold = self.gateway.door.machines.hold(&id, now).await;
        hold.map(Some).ok_or_else(Refusal::unauthorized)
    }

    /// As whom the request is sent: its sender, or whom they may act as.
    async fn caller(
        &self,
        cluster: &Cluster,
        sender: Arc<Authenticated>,
        parts: &Parts,
        entry: &mut Entry,
    ) -> Result<Caller, Refusal> {
        let Some(target) = wish::wish(&parts.headers)? else {
            return Ok(Caller::themselves(sender));
        };
        entry.as_other(&target.user);
        let verdict = cluster.authorize(sender.identity(), Impersonate::new(target)).await;
        match verdict.map_err(|error| self.unreached(&error))? {
            Verdict::Allowed(right) => Caller::acting_as(sender, right)
                .ok_or_else(|| Refusal::unavailable("the right is another person's")),
            Verdict::Denied { access, reason } => {
                Err(wish::denied(&sender.identity().user, &access, &reason))
            }
        }
    }

    /// The request as it is sent, but for the identity, which `kube-io` puts in.
    fn handed_on(
        &self,
        method: Method,
        target: PathAndQuery,
        headers: HeaderMap,
        body: Body,
    ) -> http::Request<ForwardBody> {
        let mut request = http::Request::new(body.map_err(Into::into).boxed_unsync());
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from(target);
        *request.headers_mut() = headers;
        for (name, value) in
            [("x-forwarded-for", self.source.as_str()), ("audit-id", self.id.as_str())]
        {
            // Addresses and ids are plain ASCII, so this holds always.
            if let Ok(value) = HeaderValue::from_str(value) {
                request.headers_mut().insert(name, value);
            }
        }
        request
    }

    /// The API server's answer, whatever it is, as an answer of ours; an agreed upgrade becomes a tunnel.
    fn come_back(
        &self,
        mut response: http::Response<Incoming>,
        sender: Option<OnUpgrade>,
        cluster: &Cluster,
        hold: Option<Hold>,
    ) -> Result<Response, Refusal> {
        let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        headers::incoming(response.headers_mut(), switches);
        if switches {
            let Some(sender) = sender else {
                // Nobody asked for it; what follows on that connection would be nobody's answer.
                tracing::warn!(request = %self.id, cluster = %cluster.name(), "an API server switched protocols unasked");
                return Err(Refusal::bad_gateway("the API server switched protocols unasked"));
            };
            let server = hyper::upgrade::on(&mut response);
            let cut = self.gateway.cut.clone();
            let cut = async move {
                match hold {
                    None => cut.cancelled().await,
                    Some(hold) => tokio::select! {
                        () = cut.cancelled() => {}
                        () = hold.ended() => {}
                    },
                }
            };
            self.gateway.tunnels.spawn(tunnel::join(sender, server, cut));
            // The 101 has no body.
            return Ok(response.map(|_| Body::empty()));
        }
        Ok(match hold {
            None => response.map(Body::new),
            Some(hold) => response.map(|body| Body::new(Held::new(body, hold))),
        })
    }

    fn unreached(&self, error: &KubeIoError) -> Refusal {
        tracing::warn!(request = %self.id, %error, "a request could not be handed on");
        match error {
            KubeIoError::OperatorMisconfigured { .. } => Refusal::bad_gateway(
                "your identity cannot be handed on to the API server; the gateway's log says why",
            ),
            _ => Refusal::bad_gateway("the API server cannot be reached"),
        }
    }
}

/// What is asked of Kubernetes, for the record and for how long it may take.
fn called(parts: &Parts, route: Option<&Route>) -> Call {
    let method = match parts.method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS => parts.method.as_str(),
        // Anybody's text.
        _ => "OTHER",
    };
    let path = route.map_or_else(|| parts.uri.path().to_owned(), |route| route.target.to_string());
    Call::parse(Some(method), Some(&path))
}

/// Whether an answer is not the API server's alone.
fn lasts(call: &Call) -> bool {
    let subresources = ["attach", "exec", "portforward", "proxy", "log"];
    call.is_stream()
        || call.verb.as_deref() == Some("proxy")
        || call.subresource.as_deref().is_some_and(|it| subresources.contains(&it))
}

/// The headers by which the configured front proxy names people.
fn asserted(authenticator: &Authenticator, parts: &Parts) -> HashSet<HeaderName> {
    let Some(proxy) = &authenticator.front_proxy else { return HashSet::new() };
    let names =
        [&proxy.user_headers, &proxy.uid_headers, &proxy.group_headers].into_iter().flatten();
    let is_asserted = |name: &&HeaderName| {
        names.clone().any(|asserted| name.as_str().eq_ignore_ascii_case(asserted))
            || proxy.extra_prefixes.iter().any(|prefix| {
                let head = name.as_str().get(..prefix.len());
                head.is_some_and(|head| head.eq_ignore_ascii_case(prefix))
            })
    };
    parts.headers.keys().filter(is_asserted).cloned().collect()
}

#[cfg(test)]
mod tests;
