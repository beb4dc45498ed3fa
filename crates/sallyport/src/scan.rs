//! `sallyport scan`: its arguments, the files it reads and writes, and the number it ends with.
//! What is found is `posture`'s, how it is told `scanner`'s. It needs no hub, no cluster and no configuration.

mod image;
mod live;
mod registry;
mod reporting;

use crate::{say, say_error};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use image::{BillFlags, ImageFlags, VulnerabilityCommand};
use live::{ClusterFlags, NodeFlags};
use posture::check::Check;
use reporting::{ERRORS, EXIT_CODES, LanguageFlag, PathFlags, ReportFlags, replace};
use scanner::{Report, Sources};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(crate) enum ScanCommand {
    /// Scan manifests: files, folders, or standard input (`-`).
    #[command(
        after_help = format!("{EXIT_CODES}\n\nExamples:\n  \
        sallyport scan manifests deploy/\n  \
        helm template ./chart | sallyport scan manifests -\n  \
        sallyport scan manifests deploy/ --format sarif --output scan.sarif\n  \
        sallyport scan manifests deploy/ --paths\n  \
        sallyport scan manifests deploy/ --write-baseline baseline.json\n  \
        sallyport scan manifests deploy/ --fix --dry-run")
    )]
    Manifests(ManifestFlags),
    /// Scan a live cluster. It is only read, and what may not be read is unknown.
    #[command(after_help = format!("{EXIT_CODES}\n\nExamples:\n  \
        sallyport scan rbac | kubectl apply -f -\n  \
        sallyport scan cluster --kubeconfig scan.kubeconfig\n  \
        sallyport scan cluster --kubeconfig ~/.kube/config --context prod --format json\n  \
        sallyport scan cluster --kubeconfig scan.kubeconfig --paths=Deployment/shop/web"))]
    Cluster(ClusterFlags),
    /// Scan the node that this runs on: flags of running programs, the files they name, the kernel. As root.
    #[command(after_help = format!("{EXIT_CODES}\n\nExamples:\n  \
        sallyport scan node\n  \
        sallyport scan node --check 1.2.16 --check 4.2.1\n  \
        sallyport scan node --format sarif --output node.sarif"))]
    Node(NodeFlags),
    /// Scan an image: an OCI layout (folder or archive), what `docker save` writes, or in a registry. Nothing of it is
    /// run, and what comes from a registry is neither kept nor written to a disk.
    ///
    /// An argument that is the path of something is opened as that; anything else is the name of an image and is read
    /// as Docker reads it: `nginx` is docker.io/library/nginx:latest. Credentials are those of `docker login`; none is
    /// taken from the command line.
    #[command(after_help = format!("{EXIT_CODES}\n\nExamples:\n  \
        docker save shop:1 -o shop.tar && sallyport scan image shop.tar\n  \
        sallyport scan image layout/ --platform linux/arm64\n  \
        sallyport scan image registry.example.com/shop/web:1.2 --platform linux/amd64\n  \
        sallyport scan image registry.example.com/shop/web:1.2 --registry-config ci.json --ca ca.pem\n  \
        sallyport scan image shop.tar --vulnerabilities vuln.db --key vuln.pub\n  \
        sallyport scan image shop.tar --sbom shop.cdx.json --sbom-form cyclonedx"))]
    Image(ImageFlags),
    /// Scan a bill of materials (CycloneDX or SPDX, JSON) for vulnerabilities.
    #[command(after_help = format!("{EXIT_CODES}\n\nExamples:\n  \
        sallyport scan sbom shop.cdx.json --vulnerabilities vuln.db --key vuln.pub"))]
    Sbom(BillFlags),
    /// Build and look at databases of vulnerabilities. They are signed, and are asked without a network.
    #[command(subcommand)]
    Vulnerabilities(VulnerabilityCommand),
    /// Print the least role that `scan cluster` needs.
    Rbac,
    /// List the checks.
    Checks {
        #[command(flatten)]
        language: LanguageFlag,
    },
    /// Explain a check, by its id or that of a guide or another tool (CKV_K8S_16, 5.2.2, K-1).
    Explain {
        id: String,
        #[command(flatten)]
        language: LanguageFlag,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ManifestFlags {
    /// Files, folders (their .yaml, .yml and .json files), or `-` for standard input.
    #[arg(required = true, value_name = "PATH")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    paths: PathFlags,
    #[command(flatten)]
    report: ReportFlags,
    /// Change the files so that findings are gone, and prove it; then report what is left. Only fixes that
    /// take nothing away are made, and those of checks that are named by --check.
    #[arg(long)]
    fix: bool,
    /// With --fix: print what would be changed as a unified diff and change nothing.
    #[arg(long, requires = "fix")]
    dry_run: bool,
}

/// Does what was asked.
pub(crate) fn run(command: ScanCommand) -> anyhow::Result<ExitCode> {
    match command {
        ScanCommand::Manifests(flags) => manifests(&flags),
        ScanCommand::Cluster(flags) => live::cluster(&flags),
        ScanCommand::Node(flags) => live::node(&flags),
        ScanCommand::Image(flags) => image::image(&flags),
        ScanCommand::Sbom(flags) => image::bill(&flags),
        ScanCommand::Vulnerabilities(command) => image::vulnerabilities(command),
        ScanCommand::Rbac => {
            say(scanner::cluster::least_role().trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
        ScanCommand::Checks { language } => {
            for (family, checks) in posture::checks::families() {
                say(family.say(language.get()))?;
                for check in *checks {
                    say(&format!("  {:<28} {}", check.id, check.title.say(language.get())))?;
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        ScanCommand::Explain { id, language } => {
            let checks = posture::checks::named(&id);
            if checks.is_empty() {
                bail!("there is no check `{id}`; `sallyport scan checks` lists them");
            }
            for check in checks {
                say(&scanner::explain::explain(check, language.get()))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn manifests(flags: &ManifestFlags) -> anyhow::Result<ExitCode> {
    flags.paths.fit(&flags.report)?;
    let (checks, waivers) = (flags.report.checks()?, flags.report.waivers()?);
    let mut sources = Sources::gather(&flags.files);
    let mut whole = true;
    if flags.fix {
        whole = fix(&sources, &checks, &flags.report.check, flags.dry_run)?;
        if flags.dry_run {
            return Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(ERRORS) });
        }
        sources = Sources::gather(&flags.files);
    }
    let mut report = Report::make(&sources, &checks, &waivers);
    flags.paths.add_to(&mut report)?;
    flags.report.tell(&report, whole)
}

/// Fixes each file, or shows how. False if one could not be fixed because it, or the change, is not sound.
fn fix(
    sources: &Sources,
    checks: &[&'static Check],
    named: &[String],
    dry_run: bool,
) -> anyhow::Result<bool> {
    let decided: Vec<_> =
        named.iter().flat_map(|id| posture::checks::named(id)).map(|check| check.id).collect();
    let mut whole = sources.failed.is_empty();
    for source in &sources.read {
        let name = scanner::clean::clean(&source.name);
        let Ok(text) = std::str::from_utf8(&source.bytes) else {
            say_error(&format!("{name}: not changed: it is not UTF-8 text"));
            whole = false;
            continue;
        };
        let fixed = match posture::fix::fix(text, checks, &decided) {
            Ok(Some(fixed)) => fixed,
            Ok(None) => continue,
            Err(fault) => {
                say_error(&format!("{name}: not changed: {fault}"));
                whole = false;
                continue;
            }
        };
        if dry_run {
            let diff = scanner::diff::unified(&name, text, &fixed.text);
            std::io::stdout().write_all(diff.as_bytes()).context("the diff cannot be written")?;
            continue;
        }
        match &source.path {
            Some(path) => {
                replace(path, fixed.text.as_bytes())?;
                say_error(&format!("{name}: {} findings fixed", fixed.answered.len()));
            }
            None => bail!("standard input cannot be changed; use --dry-run, or name a file"),
        }
    }
    Ok(whole)
}
