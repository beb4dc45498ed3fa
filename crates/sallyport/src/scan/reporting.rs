//! What every scan has in common: which checks run, what does not count, the form of the report, where it goes,
//! and the number that the process ends with.

use crate::say_error;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use posture::check::{Check, Severity};
use posture::words::Language;
use scanner::{Format, Report, Selection, Waivers};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Something that counts was found.
const FINDINGS: u8 = 1;
/// Something could not be read, or the scan could not be made.
pub(crate) const ERRORS: u8 = 2;
/// Something could not be known, and `--fail-on-unknown` was asked for.
const UNKNOWNS: u8 = 3;

/// The exit codes, for the help of each scan.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 nothing that counts; 1 findings; 2 something could not be \
    read (also when there was nothing to scan); 3 with --fail-on-unknown, something could not be known.";

#[derive(Debug, Args)]
pub(crate) struct ReportFlags {
    /// Form of the report.
    #[arg(long, short, value_enum, default_value_t)]
    format: FormatName,
    /// Write the report to a file instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    language: LanguageFlag,
    /// Leave out findings below this severity.
    #[arg(long, value_enum, default_value_t = SeverityName::Low, value_name = "SEVERITY")]
    min_severity: SeverityName,
    /// Run only this check; may be repeated. Ids of guides and other tools are understood.
    #[arg(long, value_name = "ID")]
    pub(crate) check: Vec<String>,
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
    /// One page of HTML.
    Html,
}

/// In which language is told.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct LanguageFlag {
    /// Language.
    #[arg(
        long = "language",
        alias = "lang",
        value_enum,
        default_value_t,
        env = "SALLYPORT_LANGUAGE"
    )]
    language: Lang,
}

impl LanguageFlag {
    pub(crate) fn get(self) -> Language {
        match self.language {
            Lang::En => Language::En,
            Lang::Ko => Language::Ko,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Lang {
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

impl ReportFlags {
    /// The checks that run.
    pub(crate) fn checks(&self) -> anyhow::Result<Vec<&'static Check>> {
        let selection = Selection {
            only: self.check.clone(),
            skip: self.skip.clone(),
            severity_min: Some(severity(self.min_severity)),
        };
        Ok(selection.checks()?)
    }

    /// What is known and not counted.
    pub(crate) fn waivers(&self) -> anyhow::Result<Waivers> {
        let read = |path: &Path| {
            std::fs::read_to_string(path)
                .with_context(|| format!("{} cannot be read", path.display()))
        };
        let mut waivers = Waivers { today: jiff::Zoned::now().date(), ..Waivers::default() };
        if let Some(path) = &self.exceptions {
            waivers.read_exceptions(&read(path)?).with_context(|| path.display().to_string())?;
        }
        if let Some(path) = &self.baseline {
            waivers.read_baseline(&read(path)?).with_context(|| path.display().to_string())?;
        }
        Ok(waivers)
    }

    /// Writes the report, and the baseline if one was asked for. `whole` is false if more than the report says
    /// could not be done.
    pub(crate) fn tell(&self, report: &Report, whole: bool) -> anyhow::Result<ExitCode> {
        let written = report.written(self.format(), self.language.get(), self.all);
        match &self.output {
            Some(path) => replace(path, written.as_bytes())?,
            None => std::io::stdout()
                .write_all(written.as_bytes())
                .context("the report cannot be written")?,
        }
        let told = report.told();
        if let Some(path) = &self.write_baseline {
            let baseline = serde_json::to_string_pretty(&report.baseline())?;
            replace(path, format!("{baseline}\n").as_bytes())?;
            say_error(&format!("the baseline {} was written", path.display()));
            return Ok(if told.failures > 0 { ExitCode::from(ERRORS) } else { ExitCode::SUCCESS });
        }
        Ok(if told.failures > 0 || !whole {
            ExitCode::from(ERRORS)
        } else if told.open > 0 {
            ExitCode::from(FINDINGS)
        } else if self.fail_on_unknown && told.unknown > 0 {
            ExitCode::from(UNKNOWNS)
        } else {
            ExitCode::SUCCESS
        })
    }

    fn format(&self) -> Format {
        let watched = self.output.is_none()
            && std::io::stdout().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        match self.format {
            FormatName::Text => Format::Terminal {
                colour: match self.colour {
                    Colour::Auto => watched,
                    Colour::Always => true,
                    Colour::Never => false,
                },
            },
            FormatName::Json => Format::Json,
            FormatName::Sarif => Format::Sarif,
            FormatName::Junit => Format::Junit,
            FormatName::Html => Format::Html,
        }
    }
}

/// Paths, for scans of what can have them.
#[derive(Debug, Args)]
pub(crate) struct PathFlags {
    /// Find the shortest paths to a node's root and to the cluster's administrator, from the internet or, as in
    /// --paths=Deployment/shop/web, from a workload.
    #[arg(long, value_name = "FROM", num_args = 0..=1, require_equals = true, default_missing_value = INTERNET)]
    paths: Option<String>,
}

/// Where paths begin if nobody says.
const INTERNET: &str = "internet";

impl PathFlags {
    /// Whether the form of the report has a place for paths; nobody is to ask for them and not be told.
    pub(crate) fn fit(&self, report: &ReportFlags) -> anyhow::Result<()> {
        if self.paths.is_some() && matches!(report.format, FormatName::Sarif | FormatName::Junit) {
            bail!("--paths is told in --format text, json and html alone");
        }
        Ok(())
    }

    /// Adds the paths to a report, if they were asked for.
    pub(crate) fn add_to(&self, report: &mut Report) -> anyhow::Result<()> {
        match self.paths.as_deref() {
            None => {}
            Some(INTERNET) => report.find_paths(None)?,
            Some(from) => report.find_paths(Some(from))?,
        }
        Ok(())
    }
}

/// Replaces a file so that whoever reads it sees the old or the new one, whole.
pub(crate) fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    scanner::replace::replace(path, content)
        .with_context(|| format!("{} cannot be written", path.display()))
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

#[cfg(test)]
mod tests {
    use super::{PathFlags, ReportFlags};
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Scan {
        #[command(flatten)]
        paths: PathFlags,
        #[command(flatten)]
        report: ReportFlags,
    }

    #[test]
    fn paths_are_refused_where_no_report_would_tell_them() {
        let fits = |words: &[&str]| {
            let scan = Scan::try_parse_from([&["scan"], words].concat()).unwrap();
            scan.paths.fit(&scan.report).is_ok()
        };
        for format in ["text", "json", "html"] {
            assert!(fits(&["--paths", "--format", format]), "{format}");
        }
        for format in ["sarif", "junit"] {
            assert!(!fits(&["--paths", "--format", format]), "{format}");
            assert!(fits(&["--format", format]), "{format}");
        }
    }
}
