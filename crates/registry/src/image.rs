//! An image in a registry: its documents, and its layers while they come.
//! Which of its platforms is wanted, and what is in a layer, is the caller's.
//!
//! Media types: OCI's index and manifest, Docker's manifest list and manifest of schema 2. Schema 1, whose layers have no
//! configuration, is told and not read.
//!
//! Hostile input: a document is what its digest says, and one thing alone: what could be read as an index and as a
//! manifest is neither, and what the registry calls it must agree. A layer has the length and digest of its manifest, or
//! reading it fails at the latest at its end.

use crate::client::{Answer, From, Repository};
use crate::credentials::Credential;
use crate::fault::RegistryFault;
use crate::reference::{Reference, is_digest};
use crate::stream::{Body, Hash, Passed, Patience, Progress, WAIT_S_MAX};
use crate::transport::Trust;
use bytes::{Buf as _, Bytes};
use http::header;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bytes of a manifest or an index: the specification has registries take 4 MiB.
const DOCUMENT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Bytes of a configuration: a history of thousands of steps has some hundred kilobytes.
const CONFIG_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Bytes of a layer as it is packed: what all layers may unfold to.
const LAYER_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// An image in a registry.
#[derive(Debug, Clone)]
pub struct RemoteImage(Arc<Inner>);

struct Inner {
    runtime: tokio::runtime::Runtime,
    repository: Repository,
    progress: Option<Progress>,
    fault: Mutex<Option<RegistryFault>>,
}

/// An index or a manifest.
#[derive(Debug, Clone)]
pub struct Document {
    /// Which of both.
    pub kind: DocumentKind,
    /// Its digest, which holds.
    pub digest: String,
    /// Its text.
    pub bytes: Vec<u8>,
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// Of several images.
    Index,
    /// Of one image.
    Manifest,
}

/// As much of a document as tells what it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    schema_version: u64,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    manifests: Option<IgnoredAny>,
    #[serde(default)]
    layers: Option<IgnoredAny>,
}

impl RemoteImage {
    /// An image; nothing is asked yet. It asks by a runtime of its own, so that it is not to be used within another.
    pub fn new(
        reference: Reference,
        credential: Option<Credential>,
        trust: Trust,
        progress: Option<Progress>,
    ) -> io::Result<Self> {
        let wait = Duration::from_secs(WAIT_S_MAX);
        Self::with_patience(reference, credential, trust, progress, wait)
    }

    /// The same, which waits as long as this.
    #[doc(hidden)]
    pub fn with_patience(
        reference: Reference,
        credential: Option<Credential>,
        trust: Trust,
        progress: Option<Progress>,
        wait: Duration,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let repository = Repository::new(reference, credential, trust, Patience { wait });
        Ok(Self(Arc::new(Inner { runtime, repository, progress, fault: Mutex::new(None) })))
    }

    /// Its reference.
    pub fn reference(&self) -> &Reference {
        self.0.repository.reference()
    }

    /// What the reference names.
    pub fn root(&self) -> Result<Document, RegistryFault> {
        let reference = self.reference();
        self.document(reference.manifest(), reference.digest())
    }

    /// A document by its digest.
    pub fn manifest(&self, digest: &str) -> Result<Document, RegistryFault> {
        self.document(digest, Some(digest))
    }

    /// The configuration, or another document that is a blob, by its digest.
    pub fn config(&self, digest: &str) -> Result<Vec<u8>, RegistryFault> {
        self.0.runtime.block_on(async {
            let mut answer = self.blob(digest, CONFIG_BYTES_MAX).await?;
            let host = answer.body.host().to_owned();
            let mut bytes = Vec::new();
            while let Some(data) = answer.body.next().await? {
                bytes.extend_from_slice(&data);
            }
            let found = Hash::of(&bytes);
            if found == digest {
                return Ok(bytes);
            }
            Err(RegistryFault::Digest { host, wanted: digest.to_owned(), found })
        })
    }

    /// A layer by its digest, of the length that the manifest says.
    pub fn layer(&self, digest: &str, length: Option<u64>) -> Result<Layer, RegistryFault> {
        let max = length.unwrap_or(LAYER_BYTES_MAX);
        if max > LAYER_BYTES_MAX {
            return Err(RegistryFault::Size {
                host: self.reference().host().to_owned(),
                name: digest.to_owned(),
                max: LAYER_BYTES_MAX,
            });
        }
        let answer = self.0.runtime.block_on(self.blob(digest, max))?;
        // A length that is another is told before a byte has come.
        let told = answer.headers.get(header::CONTENT_LENGTH);
        let told = told.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if let (Some(told), Some(length)) = (told, length)
            && told != length
        {
            return Err(length_fault(&answer.body, digest, length));
        }
        Ok(Layer {
            image: self.clone(),
            body: answer.body,
            hash: Some(Hash::new()),
            digest: digest.to_owned(),
            length,
            chunk: Bytes::new(),
            fault: None,
        })
    }

    /// Why a layer could not be read to its end, if that was the registry's fault. It is told once.
    pub fn take_fault(&self) -> Option<RegistryFault> {
        self.0.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn blob(&self, digest: &str, max: u64) -> Result<Answer, RegistryFault> {
        if !is_digest(digest) {
            return Err(RegistryFault::NoImage {
                name: crate::fault::words(digest),
                reason: "its digest is none of SHA-256 in full".to_owned(),
            });
        }
        self.0.repository.ask(&format!("blobs/{digest}"), "*/*", max, From::Anywhere).await
    }

    fn document(&self, wanted: &str, digest: Option<&str>) -> Result<Document, RegistryFault> {
        let no_image = |reason: &str| RegistryFault::NoImage {
            name: format!("{}/{}", self.reference().repository(), crate::fault::words(wanted)),
            reason: reason.to_owned(),
        };
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(no_image("its digest is none of SHA-256 in full"));
        }
        let accept = format!("{OCI_INDEX}, {OCI_MANIFEST}, {DOCKER_LIST}, {DOCKER_MANIFEST}");
        let (headers, bytes) = self.0.runtime.block_on(async {
            let part = format!("manifests/{wanted}");
            let answer =
                self.0.repository.ask(&part, &accept, DOCUMENT_BYTES_MAX, From::Registry).await?;
            Ok::<_, RegistryFault>((answer.headers, answer.body.whole().await?))
        })?;
        let text = |key: &str| headers.get(key).and_then(|value| value.to_str().ok());
        let found = Hash::of(&bytes);
        let said = text("docker-content-digest").filter(|said| is_digest(said));
        if let Some(wanted) = digest.or(said).filter(|wanted| **wanted != found) {
            let (host, wanted) = (self.reference().host().to_owned(), wanted.to_owned());
            return Err(RegistryFault::Digest { host, wanted, found });
        }
        let content_type = text("content-type").and_then(|value| value.split(';').next());
        let kind = kind(&bytes, content_type.unwrap_or_default().trim()).map_err(no_image)?;
        Ok(Document { kind, digest: found, bytes })
    }
}

/// What a document is; both its own words and the registry's must fit what is in it.
fn kind(bytes: &[u8], content_type: &str) -> Result<DocumentKind, &'static str> {
    let named = |media_type: &str| match media_type {
        OCI_INDEX | DOCKER_LIST => Some(DocumentKind::Index),
        OCI_MANIFEST | DOCKER_MANIFEST => Some(DocumentKind::Manifest),
        _ => None,
    };
    if content_type.contains("distribution.manifest.v1+") {
        return Err("it has the form of schema 1, which registries gave up and which is not read");
    }
    let outline: Outline = serde_json::from_slice(bytes)
        .map_err(|_| "the registry sends neither an index nor a manifest")?;
    if outline.schema_version != 2 {
        return Err("it has the form of schema 1, which registries gave up and which is not read");
    }
    let kind = match (outline.manifests.is_some(), outline.layers.is_some()) {
        (true, false) => DocumentKind::Index,
        (false, true) => DocumentKind::Manifest,
        (true, true) => return Err("it could be read as an index and as a manifest"),
        (false, false) => return Err("it names neither images nor layers"),
    };
    let own = outline.media_type.as_deref().unwrap_or_default();
    if !own.is_empty() && named(own) != Some(kind) {
        return Err("it calls itself something else than it is");
    }
    if named(content_type).is_some_and(|named| named != kind) {
        return Err("the registry calls it something else than it is");
    }
    Ok(kind)
}

fn length_fault(body: &Body, digest: &str, length: u64) -> RegistryFault {
    RegistryFault::Length { host: body.host().to_owned(), name: digest.to_owned(), wanted: length }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("repository", &self.repository).finish_non_exhaustive()
    }
}

/// A layer while it comes. Its end is reached only by one that is what its digest says.
#[derive(Debug)]
pub struct Layer {
    image: RemoteImage,
    body: Body,
    /// None once the end was reached.
    hash: Option<Hash>,
    digest: String,
    length: Option<u64>,
    chunk: Bytes,
    fault: Option<RegistryFault>,
}

impl Layer {
    /// Gets more, and verifies at the end.
    fn fill(&mut self) -> Result<(), RegistryFault> {
        while self.chunk.is_empty() {
            let Some(hash) = &mut self.hash else { return Ok(()) };
            let next = match self.image.0.runtime.block_on(self.body.next()) {
                // The bound was the length that the manifest says.
                Err(RegistryFault::Size { .. }) if self.length.is_some() => {
                    return Err(length_fault(&self.body, &self.digest, self.length.unwrap_or(0)));
                }
                next => next?,
            };
            if let Some(data) = next {
                hash.update(&data);
                self.chunk = data;
                if let Some(progress) = &self.image.0.progress {
                    let bytes = self.body.received();
                    progress(Passed { digest: &self.digest, bytes, of: self.length });
                }
                continue;
            }
            if let Some(length) = self.length.filter(|length| *length != self.body.received()) {
                return Err(length_fault(&self.body, &self.digest, length));
            }
            let found = self.hash.take().map(Hash::digest).unwrap_or_default();
            if found != self.digest {
                let (host, wanted) = (self.body.host().to_owned(), self.digest.clone());
                return Err(RegistryFault::Digest { host, wanted, found });
            }
        }
        Ok(())
    }
}

impl Read for Layer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.fault.is_none()
            && let Err(fault) = self.fill()
        {
            let mut kept = self.image.0.fault.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = Some(fault.clone());
            drop(kept);
            self.fault = Some(fault);
        }
        if let Some(fault) = &self.fault {
            return Err(io::Error::other(fault.clone()));
        }
        let count = self.chunk.len().min(buffer.len());
        self.chunk.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
