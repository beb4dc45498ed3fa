//! What an image is made of: an OCI layout in a folder or an archive, what `docker save` writes, or a registry's.
//! What is in a layer is `inventory`'s, how a part is had `parts`', how it is unpacked `packing`'s; here it is only chosen,
//! verified and laid.
//!
//! Formats: OCI image layout and image specification 1.1; Docker's `manifest.json`.

use super::packing::unpacked;
use super::parts::{Parts, blob_place, hex};
use aws_lc_rs::digest::{Context, SHA256};
use inventory::Tree;
use inventory::tar::TarFault;
use inventory::tree::LayerFault;
use registry::{DocumentKind, RegistryFault, RemoteImage};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Layers of an image; file systems take some hundred.
const LAYERS_MAX: usize = 1000;
/// Indexes in indexes.
const INDEX_DEPTH_MAX: usize = 3;
/// Images of an index and of all indexes in it: one for each platform of some hundred releases. Indexes may name each
/// other again and again.
const MANIFESTS_MAX: usize = 10_000;
/// What the configuration of an image for containers may call itself.
const CONFIGURATIONS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
/// What may stand behind the end of a layer's archive: padding.
const TRAILING_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Why an image cannot be scanned.
#[derive(Debug, thiserror::Error)]
pub enum ImageFault {
    /// A file cannot be read.
    #[error("`{0}` cannot be read")]
    Read(String, #[source] io::Error),
    /// The archive is damaged.
    #[error("the archive cannot be read")]
    Archive(#[source] TarFault),
    /// It is no image.
    #[error(
        "this is neither an OCI layout nor what `docker save` writes: it has no `index.json` and no `manifest.json`"
    )]
    NoImage,
    /// A part that is named is not there.
    #[error("the image names `{0}`, which is not there")]
    Missing(String),
    /// A part is not what its digest says.
    #[error("`{0}` is not what its digest says")]
    Digest(String),
    /// A document is not what it must be.
    #[error("`{0}` is no document of an image")]
    Document(String, #[source] serde_json::Error),
    /// A document or a list is too large.
    #[error("`{0}` is larger than any image needs")]
    Size(String),
    /// Several images, or one for several platforms.
    #[error("there are several images; choose one with --platform or --reference: {0}")]
    Several(String),
    /// It holds something else than an image.
    #[error("this is no image of a container: its configuration is `{0}`")]
    Artifact(String),
    /// The registry does not give it.
    #[error(transparent)]
    Registry(#[from] RegistryFault),
    /// None of them is what was asked for.
    #[error("none of the images is what was asked for; there are: {0}")]
    NoSuch(String),
}

/// Which of several images.
#[derive(Debug, Default)]
pub struct Choice {
    /// `os/architecture`, and a variant behind another slash.
    pub platform: Option<String>,
    /// The name, or its tag.
    pub reference: Option<String>,
}

/// An image that was opened.
#[derive(Debug)]
pub struct Image {
    /// Its name, or that of its file.
    pub name: String,
    /// The digest of its configuration, by which runtimes know it.
    pub digest: String,
    /// Its configuration.
    pub config: Value,
    /// Its files.
    pub tree: Tree,
    /// Why not all of them could be read.
    pub faults: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    digest: String,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    platform: Option<Platform>,
    #[serde(default)]
    annotations: HashMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Platform {
    os: String,
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

/// An image as `docker save` tells it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// Opens an image and lays its layers over each other.
pub fn open(path: &Path, choice: &Choice) -> Result<Image, ImageFault> {
    let parts = Parts::open(path)?;
    let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let file_name = file_name.unwrap_or_else(|| path.display().to_string());
    if parts.has("index.json") {
        let index: Index = parsed("index.json", &parts.document("index.json")?)?;
        return of_index(&parts, &index, choice, &file_name);
    }
    if parts.has("manifest.json") {
        return of_saved(&parts, choice, &file_name);
    }
    Err(ImageFault::NoImage)
}

/// Opens an image in a registry, and lays its layers over each other while they come.
///
/// What the registry does not give, or gives otherwise than its digest says, is a fault of the whole and none of a layer:
/// asking it for the next would lead to the same.
pub fn open_remote(remote: RemoteImage, choice: &Choice) -> Result<Image, ImageFault> {
    let (root, name) = (remote.root()?, remote.reference().to_string());
    let parts = Parts::Registry(remote);
    if root.kind == DocumentKind::Index {
        let index: Index = parsed(&root.digest, &root.bytes)?;
        // Whatever the index calls it: it was asked for by this name.
        return Ok(Image { name: name.clone(), ..of_index(&parts, &index, choice, &name)? });
    }
    let manifest: Manifest = parsed(&root.digest, &root.bytes)?;
    if let Some(wanted) = &choice.platform {
        // No index says for which platform it is, but its configuration does.
        let digest = &manifest.config.digest;
        let platform: Platform = parsed(digest, &parts.config(digest)?)?;
        if !platform.is(wanted) {
            return Err(ImageFault::NoSuch(format!("{name} {}", platform.label())));
        }
    }
    of_manifest(&parts, manifest, name, &root.digest)
}

fn of_index(
    parts: &Parts,
    index: &Index,
    choice: &Choice,
    file_name: &str,
) -> Result<Image, ImageFault> {
    let mut found = Vec::new();
    manifests(parts, index, None, 0, &mut 0, &mut found)?;
    let told = |(descriptor, name): &(Descriptor, Option<String>)| {
        let platform = descriptor.platform.as_ref().map(Platform::label);
        format!("{} {}", name.as_deref().unwrap_or(file_name), platform.unwrap_or_default())
    };
    let fits = |(descriptor, name): &(Descriptor, Option<String>)| {
        let platform = choice.platform.as_ref().is_none_or(|wanted| {
            descriptor.platform.as_ref().is_some_and(|platform| platform.is(wanted))
        });
        let reference = choice
            .reference
            .as_ref()
            .is_none_or(|wanted| name.as_ref().is_some_and(|name| is_named(name, wanted)));
        platform && reference
    };
    let all: Vec<_> = found.iter().map(told).collect();
    let mut fitting: Vec<_> = found.iter().filter(|one| fits(one)).collect();
    fitting.dedup_by(|one, two| one.0.digest == two.0.digest);
    let (descriptor, name) = match fitting.as_slice() {
        [one] => *one,
        [] => return Err(ImageFault::NoSuch(all.join(", "))),
        _ => return Err(ImageFault::Several(all.join(", "))),
    };
    let manifest: Manifest = parsed(&descriptor.digest, &parts.manifest(&descriptor.digest)?)?;
    let name = name.clone().unwrap_or_else(|| file_name.to_owned());
    of_manifest(parts, manifest, name, &descriptor.digest)
}

fn of_manifest(
    parts: &Parts,
    manifest: Manifest,
    name: String,
    manifest_digest: &str,
) -> Result<Image, ImageFault> {
    if manifest.layers.len() > LAYERS_MAX {
        return Err(ImageFault::Size(manifest_digest.to_owned()));
    }
    let kind = &manifest.config.media_type;
    if !kind.is_empty() && !CONFIGURATIONS.contains(&kind.as_str()) {
        return Err(ImageFault::Artifact(kind.clone()));
    }
    let digest = manifest.config.digest;
    let config: Value = parsed(&digest, &parts.config(&digest)?)?;
    let mut image = Image { name, digest, tree: Tree::default(), faults: Vec::new(), config };
    for (number, layer) in manifest.layers.iter().enumerate() {
        let place = blob_place(&layer.digest)?;
        image.lay(parts, number, &place, Some(layer))?;
    }
    Ok(image)
}

/// The manifests of an index and of those in it, with the name that stands nearest.
fn manifests(
    parts: &Parts,
    index: &Index,
    name: Option<&String>,
    depth: usize,
    seen: &mut usize,
    found: &mut Vec<(Descriptor, Option<String>)>,
) -> Result<(), ImageFault> {
    for descriptor in &index.manifests {
        *seen += 1;
        if *seen > MANIFESTS_MAX {
            return Err(ImageFault::Size("index.json".to_owned()));
        }
        let own = ["io.containerd.image.name", "org.opencontainers.image.ref.name"]
            .iter()
            .find_map(|key| descriptor.annotations.get(*key));
        let name = own.or(name);
        let is_statement = descriptor.annotations.contains_key("vnd.docker.reference.type");
        let is_index = descriptor.media_type.ends_with("image.index.v1+json")
            || descriptor.media_type.ends_with("manifest.list.v2+json");
        if is_index && depth < INDEX_DEPTH_MAX {
            let inner: Index = parsed(&descriptor.digest, &parts.manifest(&descriptor.digest)?)?;
            manifests(parts, &inner, name, depth + 1, seen, found)?;
        } else if !is_statement {
            // An index for many platforms is often kept with the blobs of one.
            if parts.has(&blob_place(&descriptor.digest)?) {
                found.push((descriptor.clone(), name.cloned()));
            }
        }
    }
    Ok(())
}

fn of_saved(parts: &Parts, choice: &Choice, file_name: &str) -> Result<Image, ImageFault> {
    let all: Vec<Saved> = parsed("manifest.json", &parts.document("manifest.json")?)?;
    let names = |saved: &Saved| saved.repo_tags.clone().unwrap_or_default();
    let fits = |saved: &&Saved| {
        choice
            .reference
            .as_ref()
            .is_none_or(|wanted| names(saved).iter().any(|name| is_named(name, wanted)))
    };
    let told: Vec<_> = all.iter().map(|saved| names(saved).join(" ")).collect();
    let fitting: Vec<_> = all.iter().filter(fits).collect();
    let saved = match fitting.as_slice() {
        [one] => *one,
        [] => return Err(ImageFault::NoSuch(told.join(", "))),
        _ => return Err(ImageFault::Several(told.join(", "))),
    };
    if saved.layers.len() > LAYERS_MAX {
        return Err(ImageFault::Size("manifest.json".to_owned()));
    }
    let bytes = parts.document(&saved.config)?;
    let mut image = Image {
        name: names(saved).into_iter().next().unwrap_or_else(|| file_name.to_owned()),
        digest: format!("sha256:{}", hex(aws_lc_rs::digest::digest(&SHA256, &bytes).as_ref())),
        config: parsed(&saved.config, &bytes)?,
        tree: Tree::default(),
        faults: Vec::new(),
    };
    for (number, layer) in saved.layers.iter().enumerate() {
        image.lay(parts, number, layer, None)?;
    }
    Ok(image)
}

impl Platform {
    fn label(&self) -> String {
        let variant = self.variant.as_ref().map(|variant| format!("/{variant}"));
        format!("{}/{}{}", self.os, self.architecture, variant.unwrap_or_default())
    }

    fn is(&self, wanted: &str) -> bool {
        let label = self.label();
        label == wanted || label.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// The whole name, or what stands behind its last slash or colon; also without the tag.
fn is_named(name: &str, wanted: &str) -> bool {
    let is_end = |name: &str| {
        name == wanted
            || name.strip_suffix(wanted).is_some_and(|before| before.ends_with(['/', ':']))
    };
    let without_tag = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
    is_end(name) || without_tag.is_some_and(|(name, _)| is_end(name))
}

impl Image {
    /// Lays a layer. What cannot be read of it is told; the layers above it still are, unless it is a registry's fault.
    fn lay(
        &mut self,
        parts: &Parts,
        number: usize,
        place: &str,
        layer: Option<&Descriptor>,
    ) -> Result<(), ImageFault> {
        let diff = self.config["rootfs"]["diff_ids"][number].as_str().map(str::to_owned);
        let laid = self.try_lay(parts, place, layer, diff.as_deref());
        if let Parts::Registry(remote) = parts
            && let Some(fault) = remote.take_fault()
        {
            return Err(fault.into());
        }
        match laid {
            Ok(()) => Ok(()),
            Err(LayFault::Layer(reason)) => {
                self.faults.push(format!("layer {} ({place}): {reason}", number + 1));
                Ok(())
            }
            Err(LayFault::Registry(fault)) => Err(fault.into()),
        }
    }

    fn try_lay(
        &mut self,
        parts: &Parts,
        place: &str,
        layer: Option<&Descriptor>,
        diff: Option<&str>,
    ) -> Result<(), LayFault> {
        let blob = parts.open_layer(place, layer.and_then(|layer| layer.size))?;
        let mut packed = Digested::new(BufReader::with_capacity(256 * 1024, blob));
        let found_diff = {
            let mut plain = Digested::new(unpacked(&mut packed)?);
            self.tree.lay(&mut plain).map_err(|fault: LayerFault| chain(&fault))?;
            drain(&mut plain)?;
            plain.digest()
        };
        drain(&mut packed)?;
        if layer.is_some_and(|layer| layer.digest != packed.digest()) {
            return Err("it is not what its digest says".to_owned().into());
        }
        if diff.is_some_and(|diff| diff != found_diff) {
            let reason = "it unfolds to something else than the configuration says";
            return Err(reason.to_owned().into());
        }
        Ok(())
    }
}

/// Why a layer could not be laid.
enum LayFault {
    /// Of the layer.
    Layer(String),
    /// Of the registry.
    Registry(RegistryFault),
}

impl From<String> for LayFault {
    fn from(reason: String) -> Self {
        Self::Layer(reason)
    }
}

impl From<io::Error> for LayFault {
    fn from(error: io::Error) -> Self {
        Self::Layer(chain(&error))
    }
}

impl From<ImageFault> for LayFault {
    fn from(fault: ImageFault) -> Self {
        match fault {
            ImageFault::Registry(fault) => Self::Registry(fault),
            fault => Self::Layer(chain(&fault)),
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Reads to the end, for the digest's sake.
fn drain(rest: &mut impl Read) -> Result<(), String> {
    let read = io::copy(&mut rest.take(TRAILING_BYTES_MAX), &mut io::sink());
    match read {
        Ok(count) if count < TRAILING_BYTES_MAX => Ok(()),
        Ok(_) => Err("more stands behind its end than any layer has".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads and hashes what passes.
struct Digested<R> {
    inner: R,
    context: Context,
}

impl<R: Read> Digested<R> {
    fn new(inner: R) -> Self {
        Self { inner, context: Context::new(&SHA256) }
    }

    fn digest(&self) -> String {
        format!("sha256:{}", hex(self.context.clone().finish().as_ref()))
    }
}

impl<R: Read> Read for Digested<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.context.update(&buffer[..count]);
        Ok(count)
    }
}

fn parsed<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, ImageFault> {
    serde_json::from_slice(bytes).map_err(|error| ImageFault::Document(name.to_owned(), error))
}
