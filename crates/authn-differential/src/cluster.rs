//! The cluster under test: where it is, its keys, and the objects that tokens hang on.
//! It is the one that `SALLYPORT_TEST_KUBECONFIG` names, started by `cluster/cluster`, whose folder has the
//! keys beside the kubeconfig.

use anyhow::{Context, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A cluster of `cluster/cluster`.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Address and port of the API server.
    pub address: String,
    folder: PathBuf,
    kubectl: PathBuf,
}

impl Cluster {
    /// The cluster that the environment names; it is an error if there is none.
    pub fn of_environment() -> anyhow::Result<Self> {
        let kubeconfig = std::env::var("SALLYPORT_TEST_KUBECONFIG").context(
            "SALLYPORT_TEST_KUBECONFIG is not set: start a cluster with `cluster/cluster up --name test` and \
             set it to `cluster/cluster kubeconfig --name test`",
        )?;
        Self::of_kubeconfig(kubeconfig)
    }

    /// The cluster of a kubeconfig.
    pub fn of_kubeconfig(kubeconfig: impl Into<PathBuf>) -> anyhow::Result<Self> {
        let kubeconfig = kubeconfig.into();
        let folder = kubeconfig.parent().context("the kubeconfig has no folder")?.to_owned();
        let text = std::fs::read_to_string(&kubeconfig).context("the kubeconfig")?;
        let server = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("server: https://"))
            .context("the kubeconfig names no https server")?;
        let programs = std::fs::read_to_string(folder.join("programs"))
            .context("the kubeconfig is not of a cluster of `cluster/cluster`")?;
        let kubectl = Path::new(programs.trim()).join("kubectl");
        Ok(Self { address: server.trim_matches('"').to_owned(), folder, kubectl })
    }

    /// The cluster's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file of the cluster's folder.
    pub fn file(&self, name: &str) -> anyhow::Result<String> {
        std::fs::read_to_string(self.folder.join(name))
            .with_context(|| format!("{name} of the cluster"))
    }

    /// Runs kubectl as the administrator.
    pub(crate) fn kubectl(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let mut child = Command::new(&self.kubectl)
            .args(arguments)
            .env("KUBECONFIG", self.folder.join("admin.kubeconfig"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("kubectl")?;
        if let Some(mut stdin) = child.stdin.take() {
            std::io::Write::write_all(&mut stdin, input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("kubectl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    pub(crate) fn apply(&self, objects: &Value) -> anyhow::Result<()> {
        self.kubectl(&["apply", "-f", "-"], &objects.to_string()).map(drop)
    }

    pub(crate) fn object(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let text = self.kubectl(&[&["get", "-o", "json"][..], arguments].concat(), "")?;
        Ok(serde_json::from_str(&text)?)
    }
}
