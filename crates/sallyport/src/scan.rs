//! `sallyport scan`: its arguments, the files it reads and writes, and the number it ends with.
//! What is found is `posture`'s, how it is told `scanner`'s. It needs no hub, no cluster and no configuration.

use crate::{say, say_error};
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use posture::check::{Check, Severity};
use posture::words::Language;
use scanner::{Format, Report, Selection, Sources, Waivers};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Something that counts was found.
const FINDINGS: u8 = 1;
/// Something could not be read, or the scan could not be made.
const ERRORS: u8 = 2;
/// Something could not be known, and `--fail-on-unknown` was asked for.
const UNKNOWNS: u8 = 3;

#[derive(Debug, Subcommand)]
pub(crate) enum ScanCommand {
    /// Scan manifests: files, folders, or standard input (`-`).
    #[command(
        after_help = "Exit codes: 0 nothing that counts; 1 findings; 2 something could not be read \
        (also when there was nothing to scan); 3 with --fail-on-unknown, something could not be known.\n\n\
        Examples:\n  \
        sallyport scan manifests deploy/\n  \
        helm template ./chart | sallyport scan manifests -\n  \
        sallyport scan manifests deploy/ --format sarif --output scan.sarif\n  \
        sallyport scan manifests deploy/ --write-baseline baseline.json\n  \
        sallyport scan manifests deploy/ --fix --dry-run"
    )]
    Manifests(ManifestFlags),
    /// List the checks.
    Checks {
        /// Language.
        #[arg(long, value_enum, default_value_t)]
        lang: Lang,
    },
    /// Explain a check, by its id or that of a guide or another tool (CKV_K8S_16, 5.2.2, K-1).
    Explain {
        id: String,
        /// Language.
        #[arg(long, value_enum, default_value_t)]
        lang: Lang,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ManifestFlags {
    /// Files, folders (their .yaml, .yml and .json files), or `-` for standard input.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Form of the report.
    #[arg(long, short, value_enum, default_value_t)]
    format: FormatName,
    /// Write the report to a file instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Language.
    #[arg(long, value_enum, default_value_t)]
    lang: Lang,
    /// Leave out findings below this severity.
    #[arg(long, value_enum, default_value_t = SeverityName::Low, value_name = "SEVERITY")]
    min_severity: SeverityName,
    /// Run only this check; may be repeated. Ids of guides and other tools are understood.
    #[arg(long, value_name = "ID")]
    check: Vec<String>,
    /// Do not run this check; may be repeated.
    #[arg(long, value_name = "ID")]
    skip: Vec<String>,
    /// Show what passes, too.
    #[arg(long)]
    all: bool,
    /// Exceptions (TOML), each with reason, owner and expiry.
    #[arg(long, value_name = "FILE")]
    exceptions: Option<PathBuf>,
    /// Count only what is not in this baseline.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write what is found as a baseline and exit 0, unless something could not be read.
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    write_baseline: Option<PathBuf>,
    /// Change the files so that findings are gone, and prove it; then report what is left. Only fixes that
    /// take nothing away are made, and those of checks that are named by --check.
    #[arg(long)]
    fix: bool,
    /// With --fix: print what would be changed as a unified diff and change nothing.
    #[arg(long, requires = "fix")]
    dry_run: bool,
    /// End with 3 if something could not be known.
    #[arg(long)]
    fail_on_unknown: bool,
    /// Colours.
    #[arg(long, value_enum, default_value_t)]
    colour: Colour,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum FormatName {
    /// For people.
    #[default]
    Text,
    /// For programs (sallyport.scan/v1).
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit's XML.
    Junit,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Lang {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SeverityName {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Colour {
    /// If a person watches and NO_COLOR is not set.
    #[default]
    Auto,
    Always,
    Never,
}

/// Does what was asked.
pub(crate) fn run(command: ScanCommand) -> anyhow::Result<ExitCode> {
    match command {
        ScanCommand::Manifests(flags) => manifests(&flags),
        ScanCommand::Checks { lang } => {
            for (family, checks) in posture::checks::FAMILIES {
                say(family)?;
                for check in *checks {
                    say(&format!("  {:<28} {}", check.id, check.title.say(language(lang))))?;
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        ScanCommand::Explain { id, lang } => {
            let checks = posture::checks::named(&id);
            if checks.is_empty() {
                bail!("there is no check `{id}`; `sallyport scan checks` lists them");
            }
            for check in checks {
                say(&scanner::explain::explain(check, language(lang)))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn manifests(flags: &ManifestFlags) -> anyhow::Result<ExitCode> {
    let selection = Selection {
        only: flags.check.clone(),
        skip: flags.skip.clone(),
        severity_min: Some(severity(flags.min_severity)),
    };
    let checks = selection.checks()?;
    let waivers = waivers(flags)?;
    let mut sources = Sources::gather(&flags.paths);
    let mut whole = true;
    if flags.fix {
        whole = fix(&sources, &checks, &flags.check, flags.dry_run)?;
        if flags.dry_run {
            return Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(ERRORS) });
        }
        sources = Sources::gather(&flags.paths);
    }
    let report = Report::make(&sources, &checks, &waivers);
    let written = report.written(format(flags), language(flags.lang), flags.all);
    match &flags.output {
        Some(path) => replace(path, written.as_bytes())?,
        None => std::io::stdout()
            .write_all(written.as_bytes())
            .context("the report cannot be written")?,
    }
    let told = report.told();
    if let Some(path) = &flags.write_baseline {
        let baseline = serde_json::to_string_pretty(&report.baseline())?;
        replace(path, format!("{baseline}\n").as_bytes())?;
        say_error(&format!("the baseline {} was written", path.display()));
        return Ok(if told.failures > 0 { ExitCode::from(ERRORS) } else { ExitCode::SUCCESS });
    }
    Ok(if told.failures > 0 || !whole {
        ExitCode::from(ERRORS)
    } else if told.open > 0 {
        ExitCode::from(FINDINGS)
    } else if flags.fail_on_unknown && told.unknown > 0 {
        ExitCode::from(UNKNOWNS)
    } else {
        ExitCode::SUCCESS
    })
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

fn waivers(flags: &ManifestFlags) -> anyhow::Result<Waivers> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
    };
    let mut waivers = Waivers { today: jiff::Zoned::now().date(), ..Waivers::default() };
    if let Some(path) = &flags.exceptions {
        waivers.read_exceptions(&read(path)?).with_context(|| path.display().to_string())?;
    }
    if let Some(path) = &flags.baseline {
        waivers.read_baseline(&read(path)?).with_context(|| path.display().to_string())?;
    }
    Ok(waivers)
}

/// Replaces a file so that whoever reads it sees the old or the new one, whole.
fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    scanner::replace::replace(path, content)
        .with_context(|| format!("{} cannot be written", path.display()))
}

fn format(flags: &ManifestFlags) -> Format {
    let watched = flags.output.is_none()
        && std::io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match flags.format {
        FormatName::Text => Format::Terminal {
            colour: match flags.colour {
                Colour::Auto => watched,
                Colour::Always => true,
                Colour::Never => false,
            },
        },
        FormatName::Json => Format::Json,
        FormatName::Sarif => Format::Sarif,
        FormatName::Junit => Format::Junit,
    }
}

fn severity(name: SeverityName) -> Severity {
    match name {
        SeverityName::Info => Severity::Info,
        SeverityName::Low => Severity::Low,
        SeverityName::Medium => Severity::Medium,
        SeverityName::High => Severity::High,
        SeverityName::Critical => Severity::Critical,
    }
}

fn language(lang: Lang) -> Language {
    match lang {
        Lang::En => Language::En,
        Lang::Ko => Language::Ko,
    }
}
