//! `sallyport agent`: what passes on this node, decoded and redacted here, and sent to a hub. What it does is the
//! `traffic` crate's; here are its arguments, its certificate, and the signals that end it.

use crate::agents;
use crate::signals::Signals;
use crate::traffic::TapFlags;
use anyhow::Context;
use authn::kubernetes::Certificate;
use clap::Args;
use model::Timestamp;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use telemetry::LogFormat;
use tokio_util::sync::CancellationToken;
use traffic::{AgentJob, AgentName, HubDoor};

/// Below this a spool holds no busy minute; one batch may have 16 MiB.
const SPOOL_MIB_MIN: u64 = 32;
const KEY_BYTES: usize = 32;

#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("where keys come from").required(true).multiple(true).args(["process", "binary", "keys"]),
    after_help = "Examples:\n  \
        sallyport agent --hub https://hub.example.com:8444 --hub-ca hub-ca.pem --certificate agent.pem --key agent.key \
        --process kube-apiserver\n\n\
        `sallyport admin agent issue` on the hub makes the certificate and its key. Needs Linux 5.8 on x86-64, CAP_BPF, \
        CAP_PERFMON and CAP_NET_RAW; with --process also CAP_SYS_PTRACE. Run it on the node, in its network namespace."
)]
pub(crate) struct AgentFlags {
    /// Where the hub takes agents (its `traffic.agents_listen`), as https://HOST:PORT.
    #[arg(long, value_name = "URL")]
    hub: String,
    /// The authority that signed the hub's certificate (PEM).
    #[arg(long, value_name = "FILE")]
    hub_ca: PathBuf,
    /// This agent's certificate (PEM), which says for which node of which cluster it speaks.
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// Its private key (PEM).
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    tap: TapFlags,
    /// Directory of what the hub has not taken yet.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/sallyport/agent")]
    spool: PathBuf,
    /// The most MiB that may wait there; when they are used up, the oldest goes and is counted.
    #[arg(long, value_name = "MIB", default_value = "256", value_parser = clap::value_parser!(u64).range(SPOOL_MIB_MIN..=1_048_576))]
    spool_mib: u64,
    /// 32 bytes in a file, with which secrets are replaced: nodes with the same key replace the same secrets equally.
    /// Without it the agent makes a key and keeps it beside its spool.
    #[arg(long, value_name = "FILE")]
    redaction_key: Option<PathBuf>,
    /// Write the log for people instead of machines.
    #[arg(long)]
    log_text: bool,
}

/// Captures and sends until it is told to stop.
pub(crate) fn run(flags: AgentFlags) -> anyhow::Result<ExitCode> {
    let format = if flags.log_text { LogFormat::Text } else { LogFormat::Json };
    telemetry::log(format, "info")?;
    let (name, hub) = door(&flags)?;
    let random = crate::hub::random()?;
    let job = AgentJob {
        tap: traffic::Tap { waits: true, ..flags.tap.tap() },
        name,
        stream: traffic::stream_name(Timestamp::now(), random),
        redaction_key: redaction_key(&flags)?,
        spool: flags.spool.join("spool"),
        spool_bytes_max: flags.spool_mib * 1024 * 1024,
    };
    tracing::info!(agent = %job.name, hub = hub.authority, "the agent starts");
    crate::runtime()?.block_on(async {
        let mut signals = Signals::take().context("signals cannot be heeded")?;
        let stop = CancellationToken::new();
        let mut working = tokio::spawn(traffic::agent(job, hub, stop.clone()));
        tokio::select! {
            ended = &mut working => {
                ended??;
                return Ok(ExitCode::SUCCESS);
            }
            _ = signals.next() => stop.cancel(),
        }
        tracing::info!("stopping");
        tokio::select! {
            ended = working => ended??,
            signal = signals.next() => return Ok(ExitCode::from(128 + signal)),
        }
        tracing::info!("stopped");
        Ok(ExitCode::SUCCESS)
    })
}

/// Where the hub is, and with which certificate to come.
fn door(flags: &AgentFlags) -> anyhow::Result<(AgentName, HubDoor)> {
    let uri: http::Uri = flags.hub.parse().context("--hub is no address")?;
    let authority = uri.authority().filter(|_| uri.scheme_str() == Some("https"));
    let authority = authority.filter(|it| it.port_u16().is_some()).context(
        "--hub: write https://HOST:PORT, with the port of the hub's `traffic.agents_listen`",
    )?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let server_name = ServerName::try_from(host).context("--hub: its host is no name")?;
    let shown = flags.certificate.display();
    let chain = CertificateDer::pem_file_iter(&flags.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("--certificate {shown} cannot be read as PEM"))?;
    let leaf = chain.first().with_context(|| format!("--certificate {shown} is empty"))?;
    let leaf = Certificate::from_der(leaf).with_context(|| format!("--certificate {shown}"))?;
    let name = agents::name_in(&leaf).with_context(|| {
        format!("--certificate {shown} names no agent: its one URI must be sallyport://agent/CLUSTER/NODE")
    })?;
    let key = PrivateKeyDer::from_pem_file(&flags.key)
        .with_context(|| format!("--key {} cannot be read as PEM", flags.key.display()))?;
    let roots = agents::roots(&flags.hub_ca).context("--hub-ca")?;
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .context("--key does not fit the certificate")?;
    let authority = authority.to_string();
    Ok((name, HubDoor { authority, server_name, tls: Arc::new(tls) }))
}

/// The key that was named, or the one that this agent keeps.
fn redaction_key(flags: &AgentFlags) -> anyhow::Result<[u8; KEY_BYTES]> {
    if let Some(path) = &flags.redaction_key {
        return crate::traffic::read_redaction_key(path);
    }
    let path = flags.spool.join("redaction.key");
    if !path.exists() {
        std::fs::create_dir_all(&flags.spool)
            .with_context(|| format!("--spool {} cannot be made", flags.spool.display()))?;
        crate::tls::write_private(&path, &crate::hub::random::<KEY_BYTES>()?)?;
    }
    crate::traffic::read_redaction_key(&path)
}
