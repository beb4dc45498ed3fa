//! Where a login is kept: a folder for each hub below the person's own configuration, which only they can read.
//! What is in it is made and used by `login`.
//!
//! A file is written beside the old one and put in its place at once, so that a kubectl which reads meanwhile has one or
//! the other.

use super::said::Cluster;
use crate::tls::write_private;
use anyhow::{Context, bail};
use model::Timestamp;
use rcgen::KeyPair;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

const FILE: &str = "login.json";

/// What is kept of a login. The key is in it, so nothing prints it.
#[derive(Serialize, Deserialize)]
pub(super) struct Login {
    /// The hub's origin.
    pub(super) hub: String,
    /// The authority of its certificate, if it is not one that the machine trusts.
    pub(super) authority: Option<String>,
    /// PKCS #8, PEM.
    pub(super) key: String,
    /// PEM.
    pub(super) certificate: String,
    pub(super) user: String,
    pub(super) expires_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) clusters: Vec<Cluster>,
}

impl Login {
    pub(super) fn key(&self) -> anyhow::Result<KeyPair> {
        KeyPair::from_pem(&self.key).context("the kept key cannot be read")
    }
}

/// The folder of a hub.
#[derive(Debug, Clone)]
pub(super) struct Place {
    hub: String,
    folder: PathBuf,
}

impl Place {
    /// The folder of the hub at this address.
    pub(super) fn of_hub(hub: &str) -> anyhow::Result<Self> {
        let wrong =
            || format!("`{hub}` is no address of a hub; write https://HOST or https://HOST:PORT");
        let uri: http::Uri = hub.trim_end_matches('/').parse().with_context(wrong)?;
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let is_origin = uri.scheme_str() == Some("https") && matches!(uri.path(), "" | "/");
        if !is_origin || uri.query().is_some() || authority.is_empty() || authority.contains('@') {
            bail!(wrong());
        }
        let authority = authority.to_ascii_lowercase();
        // `:` is in no name of a folder on some systems; hosts have no `_`.
        let folder = base()?.join(authority.replace([':', '[', ']'], "_"));
        Ok(Self { hub: format!("https://{authority}"), folder })
    }

    /// A folder that a test chose.
    #[cfg(test)]
    pub(super) fn at(hub: &str, folder: PathBuf) -> Self {
        Self { hub: hub.to_owned(), folder }
    }

    /// Every hub that is signed in to.
    pub(super) fn all() -> anyhow::Result<Vec<Self>> {
        let Ok(folders) = std::fs::read_dir(base()?) else { return Ok(Vec::new()) };
        let folders = folders.flatten().map(|entry| entry.path());
        let read = folders.filter_map(|folder| read(&folder.join(FILE)).ok().flatten());
        read.map(|login| Self::of_hub(&login.hub)).collect()
    }

    /// The hub's origin.
    pub(super) fn hub(&self) -> &str {
        &self.hub
    }

    /// What is kept, if there is anything.
    pub(super) fn read(&self) -> anyhow::Result<Option<Login>> {
        read(&self.folder.join(FILE))
    }

    pub(super) fn write(&self, login: &Login) -> anyhow::Result<()> {
        self.put(FILE, &serde_json::to_vec(login)?).map(|_| ())
    }

    pub(super) fn write_kubeconfig(&self, text: &str) -> anyhow::Result<PathBuf> {
        self.put("kubeconfig", text.as_bytes())
    }

    /// Removes a login that has ended, unless another was kept meanwhile. The kubeconfig stays: with it kubectl goes on
    /// saying where to sign in.
    pub(super) fn forget(&self, ended: &Login) -> anyhow::Result<()> {
        let path = self.folder.join(FILE);
        match read(&path)? {
            Some(kept) if kept.key == ended.key => std::fs::remove_file(&path)
                .with_context(|| format!("{} cannot be removed", path.display())),
            _ => Ok(()),
        }
    }

    /// Removes what is kept.
    pub(super) fn remove(&self) -> anyhow::Result<()> {
        std::fs::remove_dir_all(&self.folder)
            .with_context(|| format!("{} cannot be removed", self.folder.display()))
    }

    fn put(&self, name: &str, content: &[u8]) -> anyhow::Result<PathBuf> {
        let at = || format!("{} cannot be made", self.folder.display());
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .with_context(at)?;
        let path = self.folder.join(name);
        let fresh = self.folder.join(format!(".{name}.{}", std::process::id()));
        write_private(&fresh, content)?;
        std::fs::rename(&fresh, &path)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    }
}

fn read(path: &Path) -> anyhow::Result<Option<Login>> {
    let at = || format!("{}; sign in again with `sallyport login`", path.display());
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).with_context(at)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(at),
    }
}

fn base() -> anyhow::Result<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let config = of("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| of("HOME").map(|home| PathBuf::from(home).join(".config")));
    let config =
        config.context("neither XDG_CONFIG_HOME nor HOME says where a login may be kept")?;
    Ok(config.join("sallyport"))
}

/// What this machine is called where nobody said: its user and its host name.
pub(super) fn machine() -> String {
    let host = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "a machine".to_owned());
    match std::env::var("USER") {
        Ok(user) if !user.is_empty() => format!("{user}@{host}"),
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_is_named_by_its_origin_and_nothing_else() {
        let folder = |hub: &str| {
            Place::of_hub(hub).map(|place| {
                (place.hub.clone(), place.folder.file_name().unwrap().to_str().unwrap().to_owned())
            })
        };
        let expected = ("https://hub.example:8443".to_owned(), "hub.example_8443".to_owned());
        for hub in ["https://hub.example:8443", "https://Hub.example:8443/"] {
            assert_eq!(folder(hub).unwrap(), expected);
        }
        for hub in
            ["http://hub.example", "hub.example", "https://a@b", "https://a/b", "https://a?b", ""]
        {
            assert!(folder(hub).is_err(), "{hub}");
        }
    }
}
