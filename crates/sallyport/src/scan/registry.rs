//! `sallyport scan image NAME`: whether an argument is a path or a name, where credentials are kept, and how a pull is
//! told while it lasts.
//! What a registry is asked, and what is believed of it, is `registry`'s.
//!
//! Hostile input: the file of credentials is the person's own, but bounded. A program that keeps credentials is run only
//! if that file names it, under a name that is no path; what it says is bounded in bytes and in time, and none of it is
//! shown.

mod helper;
pub(super) mod progress;

use anyhow::{Context, bail};
use clap::Args;
use registry::{Credential, DockerConfig, Kept, Reference, RemoteImage, Trust};
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

/// A file with the credentials of some hundred registries has some ten kilobytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct RegistryFlags {
    /// Credentials, in the form of Docker's config.json. Without it: config.json in $DOCKER_CONFIG or ~/.docker, if it
    /// is there.
    #[arg(long, value_name = "FILE", help_heading = "Registry")]
    registry_config: Option<PathBuf>,
    /// An authority (PEM) to trust beside those of the machine.
    #[arg(long, value_name = "FILE", help_heading = "Registry")]
    ca: Option<PathBuf>,
    /// Ask this registry, and its credentials, in clear, without TLS. A registry on the machine itself needs no leave,
    /// unless --ca is given.
    #[arg(long, value_name = "HOST[:PORT]", help_heading = "Registry")]
    plain_http: Option<String>,
}

/// Where an image is.
#[derive(Debug)]
pub(super) enum Source {
    /// In a file or a folder.
    Path(PathBuf),
    /// In a registry.
    Registry(Reference),
}

impl Source {
    /// What exists is a path, and so is what can only be one; anything else is a name.
    pub(super) fn of(argument: &str) -> anyhow::Result<Self> {
        let path = Path::new(argument);
        let is_there = path.symlink_metadata().is_ok();
        let looks_like_one = argument.starts_with(['/', '.', '~'])
            || argument.ends_with('/')
            || [".tar", ".tar.gz", ".tgz"].iter().any(|end| argument.ends_with(end));
        if is_there || looks_like_one {
            return Ok(Self::Path(path.to_owned()));
        }
        let reference = Reference::read(argument).with_context(|| {
            let shown = scanner::clean::clean(argument);
            format!("`{shown}` is neither a file or folder that is there nor an image's name")
        })?;
        Ok(Self::Registry(reference))
    }
}

impl RegistryFlags {
    /// The image, about which nothing was asked yet.
    pub(super) fn open(&self, reference: Reference) -> anyhow::Result<RemoteImage> {
        let credential = self.credential(reference.registry())?;
        let authority = self.ca.as_deref().map(bounded).transpose()?;
        let trust = Trust::new(authority.as_deref(), self.plain_http.as_deref())?;
        let watched = std::io::stderr().is_terminal().then(progress::told);
        RemoteImage::new(reference, credential, trust, watched)
            .context("no client for the registry can be made")
    }

    fn credential(&self, registry: &str) -> anyhow::Result<Option<Credential>> {
        let path = match &self.registry_config {
            Some(path) => path.clone(),
            None => match usual_place() {
                // Nobody has to have signed in anywhere.
                Some(path) if path.exists() => path,
                _ => return Ok(None),
            },
        };
        let at = || path.display().to_string();
        let config = DockerConfig::read(&bounded(&path)?).with_context(at)?;
        Ok(match config.find(registry).with_context(at)? {
            Kept::Here(credential) => Some(credential),
            Kept::Helper { name, address } => helper::ask(&name, &address).with_context(at)?,
            Kept::Nowhere => None,
        })
    }
}

/// Where Docker keeps it.
fn usual_place() -> Option<PathBuf> {
    let named = std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty());
    let folder = named.map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
        Some(Path::new(&home).join(".docker"))
    });
    Some(folder?.join("config.json"))
}

fn bounded(path: &Path) -> anyhow::Result<Vec<u8>> {
    let unread = || format!("{} cannot be read", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).with_context(unread)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).with_context(unread)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        bail!("{} is larger than {} KiB", path.display(), FILE_BYTES_MAX / 1024);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn what_is_there_or_can_only_be_a_path_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("shop");
        std::fs::write(&there, "").unwrap();
        for path in [
            there.to_str().unwrap(),
            "./shop",
            "../shop",
            "/shop",
            "~/shop",
            "shop/",
            "shop.tar",
            "x.tar.gz",
        ] {
            assert!(matches!(Source::of(path), Ok(Source::Path(_))), "{path}");
        }
        for name in ["shop", "shop/web:1", "registry.example.com/shop/web:1.2"] {
            assert!(matches!(Source::of(name), Ok(Source::Registry(_))), "{name}");
        }
        for neither in ["Shop", "", "shop web", "https://registry.example.com/shop", "-"] {
            let told = format!("{:#}", Source::of(neither).unwrap_err());
            assert!(told.contains("neither a file or folder"), "{told}");
        }
    }
}
