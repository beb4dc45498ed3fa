//! Machines that people sign in from with `sallyport login`: asked for by the machine, allowed by its owner in the
//! console, collected once, renewed by the machine's key, and ended with all other sign-ins.
//! What the credential opens is known to the gateway; how a machine keeps it, to the command line.
//!
//! A machine's sign-in is of an account. Whoever signed in with a cluster's token has a credential for the gateway
//! already, and it would outlive the token.

pub(crate) mod asking;
mod authority;
pub(crate) mod deciding;

use authority::MachineAuthority;
pub use authority::MachineAuthorityError;
use http_api::{DecidedBy, Problem, ProblemCode};
use model::{ClusterName, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use store::{CurrentSignIn, Store};

/// A certificate is renewed as often as this, so that a stolen copy of a disk is soon old. Whether its sign-in holds is
/// asked at every use, so this need not be shorter: kubectl closes its connections when it gets a new one.
const CERTIFICATE_LASTS: Duration = Duration::from_secs(3600);

/// Where machines are let in. Cheap to clone.
#[derive(Clone)]
pub struct MachineDesk(Arc<Inner>);

struct Inner {
    authority: MachineAuthority,
    lifetime: Duration,
    gateway: Option<String>,
    clusters: Vec<ClusterName>,
}

impl MachineDesk {
    /// Opens the desk with the store's authority, which is made if there is none. A machine's sign-in lasts for
    /// `lifetime`; `gateway` is where it finds `clusters`.
    pub async fn open(
        store: &Store,
        lifetime: Duration,
        gateway: Option<String>,
        clusters: Vec<ClusterName>,
        now: Timestamp,
    ) -> Result<Self, MachineAuthorityError> {
        let authority = MachineAuthority::open(store, now).await?;
        Ok(Self(Arc::new(Inner { authority, lifetime, gateway, clusters })))
    }

    /// The certificate, in DER, of the authority that signs machines'.
    pub fn authority(&self) -> &[u8] {
        self.0.authority.certificate()
    }

    /// The credential of a sign-in, for the key that it is bound to.
    fn credential(
        &self,
        key: &authn::MachineKey,
        current: &CurrentSignIn,
        user: &str,
        now: Timestamp,
    ) -> Result<MachineCredential, Problem> {
        let sign_in = &current.sign_in;
        let expires_at = now.after(CERTIFICATE_LASTS).min(sign_in.expires_at);
        let certificate = self
            .0
            .authority
            .issue(key, user, &sign_in.id, now, expires_at)
            .map_err(Problem::internal)?;
        let base = self.0.gateway.as_deref();
        let clusters = base.into_iter().flat_map(|base| {
            self.0.clusters.iter().map(move |name| MachineCluster {
                name: name.clone(),
                server: format!("{}/clusters/{name}", base.trim_end_matches('/')),
            })
        });
        Ok(MachineCredential {
            certificate,
            user: user.to_owned(),
            expires_at,
            ends_at: sign_in.expires_at,
            clusters: clusters.collect(),
        })
    }
}

/// What a machine shows to the gateway from now on, beside its own key.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct MachineCredential {
    /// The client certificate, in PEM.
    certificate: String,
    /// The Kubernetes user.
    #[schema(example = "sallyport:alice")]
    user: String,
    /// When the certificate expires; it can be renewed before.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When the sign-in ends in any case.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
    /// The clusters behind the gateway; none if the hub has no gateway.
    clusters: Vec<MachineCluster>,
}

/// A cluster behind the gateway.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct MachineCluster {
    /// Its name.
    #[schema(value_type = String)]
    name: ClusterName,
    /// The `server` for a kubeconfig.
    server: String,
}

/// The refusal for what expired, was collected or denied; it does not tell which.
fn request_gone() -> Problem {
    Problem::new(
        ProblemCode::MachineRequestGone,
        "there is no such request of a machine, or not any more",
    )
    .decided_by(DecidedBy::Hub)
    .fix("run `sallyport login` again on the machine")
}
