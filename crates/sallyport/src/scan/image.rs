//! `sallyport scan image`, `scan sbom` and `scan vulnerabilities`: their arguments, and the files they read and write.
//! What is in an image is `inventory`'s, which versions are vulnerable `advisories`', how it is told `scanner`'s.

use super::registry::{RegistryFlags, Source, progress};
use super::reporting::{ReportFlags, replace};
use crate::{say, say_error};
use advisories::key::SecretKey;
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use inventory::Inventory;
use inventory::sbom::{Form, Subject};
use scanner::image::{Answers, Choice, Vulnerabilities};
use scanner::{Material, Report};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct ImageFlags {
    /// An OCI layout (folder or .tar), what `docker save` writes, or the name of an image in a registry, as in
    /// registry.example.com/shop/web:1.2 or nginx. A path that exists comes first.
    #[arg(value_name = "PATH|NAME")]
    image: String,
    #[command(flatten)]
    registry: RegistryFlags,
    /// Of an image for several platforms this one, as in linux/arm64.
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    platform: Option<String>,
    /// Of several images this one, by its name or tag.
    #[arg(long, value_name = "NAME")]
    reference: Option<String>,
    /// Write a bill of materials as well.
    #[arg(long, value_name = "FILE")]
    sbom: Option<PathBuf>,
    /// Form of the bill of materials.
    #[arg(long, value_enum, default_value_t, requires = "sbom")]
    sbom_form: SbomForm,
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(flatten)]
    report: ReportFlags,
}

#[derive(Debug, Args)]
pub(crate) struct BillFlags {
    /// CycloneDX or SPDX 2, in JSON.
    #[arg(value_name = "FILE")]
    path: PathBuf,
    #[command(flatten)]
    database: DatabaseFlags,
    #[command(flatten)]
    report: ReportFlags,
}

#[derive(Debug, Args)]
struct DatabaseFlags {
    /// A database of vulnerabilities; without one, whether packages are vulnerable is unknown.
    #[arg(long, value_name = "FILE", requires = "key")]
    vulnerabilities: Option<PathBuf>,
    /// The public key of whoever built the database, in PEM.
    #[arg(long, value_name = "FILE", requires = "vulnerabilities")]
    key: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum SbomForm {
    /// CycloneDX 1.6, JSON.
    #[default]
    Cyclonedx,
    /// SPDX 2.3, JSON.
    Spdx,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VulnerabilityCommand {
    /// Build a database of advisories in OSV's form: .json files, folders of them, and .zip archives.
    #[command(after_help = "Examples:\n  \
        sallyport scan vulnerabilities key --secret vuln.key --public vuln.pub\n  \
        sallyport scan vulnerabilities build osv/ --key vuln.key --output vuln.db")]
    Build {
        /// Files, folders and archives.
        #[arg(required = true, value_name = "PATH")]
        from: Vec<PathBuf>,
        /// The secret key that signs, in PEM (Ed25519).
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The database.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    /// Make a key to sign databases with. OpenSSL's Ed25519 keys do as well.
    Key {
        /// Where the secret key goes; it must not be there yet.
        #[arg(long, value_name = "FILE")]
        secret: PathBuf,
        /// Where the public key goes.
        #[arg(long, value_name = "FILE")]
        public: PathBuf,
    },
    /// Tell when a database was built, and how much it knows.
    Show {
        /// The database.
        #[arg(value_name = "FILE")]
        database: PathBuf,
        /// The public key of whoever built it, in PEM.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
}

impl DatabaseFlags {
    /// What the database says, if one was given.
    fn ask(&self, inventory: &Inventory) -> anyhow::Result<Option<Answers>> {
        let (Some(database), Some(key)) = (&self.vulnerabilities, &self.key) else {
            return Ok(None);
        };
        let mut database =
            Vulnerabilities::open(database, key).with_context(|| database.display().to_string())?;
        Ok(Some(database.ask(inventory)?))
    }
}

/// Scans an image.
pub(crate) fn image(flags: &ImageFlags) -> anyhow::Result<ExitCode> {
    let (checks, waivers) = (flags.report.checks()?, flags.report.waivers()?);
    let choice = Choice { platform: flags.platform.clone(), reference: flags.reference.clone() };
    let image = match Source::of(&flags.image)? {
        Source::Path(path) => scanner::image::open(&path, &choice),
        Source::Registry(reference) => {
            if choice.reference.is_some() {
                bail!("--reference chooses within a file; in a registry the name says which");
            }
            let remote = flags.registry.open(reference)?;
            let opened = scanner::image::open_remote(remote, &choice);
            progress::clear();
            opened
        }
    };
    let image = image.with_context(|| scanner::clean::clean(&flags.image))?;
    let inventory = Inventory::of(&image.tree);
    if let Some(path) = &flags.sbom {
        let form = match flags.sbom_form {
            SbomForm::Cyclonedx => Form::CycloneDx,
            SbomForm::Spdx => Form::Spdx,
        };
        let time = now();
        let subject = Subject {
            name: &image.name,
            digest: &image.digest,
            time: &time,
            tool_version: env!("CARGO_PKG_VERSION"),
        };
        let bill = inventory::sbom::write(&inventory, &subject, form);
        replace(path, format!("{}\n", serde_json::to_string_pretty(&bill)?).as_bytes())?;
        say_error(&format!(
            "the bill of materials {} was written: {} packages",
            path.display(),
            inventory.packages.len()
        ));
    }
    let answers = flags.database.ask(&inventory)?;
    let material = Material::of_image(&image, &inventory, answers.as_ref());
    flags.report.tell(&Report::of(material, &checks, &waivers), true)
}

/// Scans a bill of materials.
pub(crate) fn bill(flags: &BillFlags) -> anyhow::Result<ExitCode> {
    let (checks, waivers) = (flags.report.checks()?, flags.report.waivers()?);
    let inventory =
        scanner::image::bill(&flags.path).with_context(|| flags.path.display().to_string())?;
    let answers = flags.database.ask(&inventory)?;
    let name = flags.path.display().to_string();
    let material = Material::of_bill(&name, &inventory, answers.as_ref());
    flags.report.tell(&Report::of(material, &checks, &waivers), true)
}

/// Builds, shows, or makes a key.
pub(crate) fn vulnerabilities(command: VulnerabilityCommand) -> anyhow::Result<ExitCode> {
    match command {
        VulnerabilityCommand::Build { from, key, output } => {
            let built = scanner::image::build(&from, &key, &now())?;
            replace(&output, &built.bytes)?;
            for (name, reason) in &built.skipped {
                say_error(&format!("{}: not taken: {reason}", scanner::clean::clean(name)));
            }
            say_error(&format!(
                "the database {} was written: {} advisories, {} files not taken",
                output.display(),
                built.count,
                built.skipped.len()
            ));
        }
        VulnerabilityCommand::Key { secret, public } => {
            let text = SecretKey::make()?;
            write_secret(&secret, &text)?;
            replace(&public, SecretKey::read(&text)?.public().text().as_bytes())?;
        }
        VulnerabilityCommand::Show { database, key } => {
            let opened = Vulnerabilities::open(&database, &key)
                .with_context(|| database.display().to_string())?;
            let (built, contents) = opened.contents();
            say(&format!("built {}", scanner::clean::clean(built)))?;
            for (ecosystem, count) in contents {
                say(&format!("  {:<32} {count}", scanner::clean::clean(ecosystem)))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a file that its owner alone reads, and never over another.
fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
        .with_context(|| format!("{} cannot be written", path.display()))
}

fn now() -> String {
    let now = jiff::Timestamp::now();
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
