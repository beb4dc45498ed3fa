//! The hub that is measured: one that runs, or one started for the run with an empty store of its own.

use crate::cluster::GROUP;
use crate::options::HubOptions;
use crate::process::ProcessTree;
use anyhow::Context;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use testkit::{HubClient, Trust};
use tokio::process::{Child, Command};

const ACCOUNT: &str = "bench";
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// A hub, and a browser that has signed in to it.
pub(crate) struct Hub {
    /// The browser.
    pub client: HubClient,
    /// The hub's process, if it is on this machine.
    pub process: Option<ProcessTree>,
    /// What it calls the cluster; `None` for its first.
    pub cluster: Option<String>,
    // Dropped last: the process, then its folder.
    _child: Option<Child>,
    _folder: Option<tempfile::TempDir>,
}

impl Hub {
    /// Reaches or starts the hub that the options name; `None` if they name none.
    pub(crate) async fn reach(
        options: &HubOptions,
        kubeconfig: &Path,
    ) -> anyhow::Result<Option<Self>> {
        if let Some(binary) = &options.binary {
            return Self::start(binary, kubeconfig).await.map(Some);
        }
        let Some(url) = &options.url else { return Ok(None) };
        let trust = match &options.ca {
            Some(file) => Trust::Pem(
                std::fs::read_to_string(file)
                    .with_context(|| format!("cannot read {}", file.display()))?,
            ),
            None => anyhow::bail!("--hub needs --ca, the certificate by which the hub is known"),
        };
        let mut client = HubClient::new(url, &trust)?;
        let user = options.user.as_deref().unwrap_or_default();
        let password = options.password.as_deref();
        client.sign_in(user, password.context("--hub needs --password")?).await?;
        let port = testkit::Endpoint::new(url, &trust)?.port();
        let process = match options.pid {
            Some(pid) => Some(ProcessTree::of(pid)),
            None => ProcessTree::listening_on(port).ok(),
        };
        let cluster = options.cluster_name.clone();
        Ok(Some(Self { client, process, cluster, _child: None, _folder: None }))
    }

    async fn start(binary: &Path, kubeconfig: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        let password = "bench-terminal measures the hub";
        add_account(binary, &data, password)?;

        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let url = format!("https://{address}");
        let log = folder.path().join("hub.log");
        let child = Command::new(binary)
            .args(["serve", "--self-signed", "--listen", &address.to_string(), "--origin", &url])
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg("--data-dir")
            .arg(&data)
            // One person opens what many would.
            .args(["--set", "terminals.per_person_max=20000", "--set", "terminals.total_max=20000"])
            .args(["--set", "server.acts_per_second_max=10000"])
            // The scan of a hub that starts would be measured too.
            .args(["--set", "posture.scan_every_hours=0"])
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&log)?)
            .stderr(std::fs::File::options().append(true).open(&log)?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let process = child.id().map(ProcessTree::of);
        let authority = data.join("demo-ca.pem");
        let signing_in = async {
            loop {
                if let Ok(pem) = std::fs::read_to_string(&authority)
                    && let Ok(mut client) = HubClient::new(&url, &Trust::Pem(pem))
                    && client.sign_in(ACCOUNT, password).await.is_ok()
                {
                    return client;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let Ok(client) = tokio::time::timeout(STARTS_WITHIN, signing_in).await else {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            let from = log.len().saturating_sub(2000);
            anyhow::bail!("the hub does not let us in; it says:\n{}", log.get(from..).unwrap_or(""))
        };
        let (child, folder) = (Some(child), Some(folder));
        Ok(Self { client, process, cluster: None, _child: child, _folder: folder })
    }
}

fn add_account(binary: &Path, data: &Path, password: &str) -> anyhow::Result<()> {
    let mut adding = std::process::Command::new(binary)
        .args(["admin", "user", "add", ACCOUNT, "--group", GROUP, "--password-stdin", "--data-dir"])
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", binary.display()))?;
    if let Some(mut input) = adding.stdin.take() {
        writeln!(input, "{password}")?;
    }
    let added = adding.wait_with_output()?;
    let said = String::from_utf8_lossy(&added.stderr);
    anyhow::ensure!(added.status.success(), "the hub's account was not made: {said}");
    Ok(())
}
