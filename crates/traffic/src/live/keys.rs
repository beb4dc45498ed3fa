//! Where keys come from while traffic is captured: programs that are probed and key logs that are followed.
//! What a key opens is known to the decoder alone.
//!
//! Cold start: where the tap waits, a name that no process has yet is looked for again and again.
//! Failure: a program of a name that cannot be probed is told and left out when another of that name can be; when none
//! can, that is the fault.

use super::{LiveFault, ProgramName, Tap};
use crate::json;
use capture::{KeyLogTail, KeyProbes, ProbeCounts, Probed, Target, TargetFault};
use serde::Serialize;
use std::collections::HashSet;
use std::io::{self, Write};
use std::path::PathBuf;

/// Files that could not be probed and are not tried again; names of more of them than this are not honest.
const REFUSED_MAX: usize = 256;

/// See the module.
#[derive(Debug)]
pub(crate) struct KeySources {
    probes: Option<KeyProbes>,
    names: Vec<String>,
    refused: HashSet<(u64, u64)>,
    logs: Vec<(PathBuf, KeyLogTail)>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Line {
    r#type: &'static str,
    taken: u64,
    lost: u64,
    unreadable: u64,
    odd: u64,
    overlong_lines: u64,
    programs: Vec<ProgramLine>,
}

#[derive(Serialize)]
struct ProgramLine {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
}

impl KeySources {
    pub(super) fn open(tap: &Tap) -> Result<Self, LiveFault> {
        let mut sources = Self {
            probes: None,
            names: Vec::new(),
            refused: HashSet::new(),
            logs: tap.keys.iter().map(|path| (path.clone(), KeyLogTail::new(path))).collect(),
            warnings: Vec::new(),
        };
        if !tap.programs.is_empty() {
            sources.probes = Some(KeyProbes::load()?);
        }
        for program in &tap.programs {
            match program {
                ProgramName::Process(pid) => sources.probe(Target::of_process(*pid)?)?,
                ProgramName::File(path) => sources.probe(Target::of_file(path)?)?,
                ProgramName::Named(name) => {
                    let (mut any, mut fault) = (false, None);
                    let targets = match Target::of_name(name) {
                        Err(TargetFault::NoSuchName(name)) if tap.waits => {
                            let words = "no process has this name yet; it is waited for";
                            sources.warnings.push(format!("`{name}`: {words}"));
                            Vec::new()
                        }
                        found => found?,
                    };
                    for target in targets {
                        match sources.probe_unless_refused(target) {
                            Ok(()) => any = true,
                            Err(other) => fault = Some(other),
                        }
                    }
                    if let Some(fault) = fault.filter(|_| !any) {
                        return Err(fault);
                    }
                    sources.names.push(name.clone());
                }
            }
        }
        Ok(sources)
    }

    fn probe(&mut self, target: Target) -> Result<(), LiveFault> {
        if let Some(probes) = &mut self.probes {
            probes.attach(target)?;
        }
        Ok(())
    }

    fn probe_unless_refused(&mut self, target: Target) -> Result<(), LiveFault> {
        let identity = target.identity;
        if self.refused.contains(&identity) || self.refused.len() >= REFUSED_MAX {
            return Ok(());
        }
        let done = self.probe(target);
        if let Err(fault) = &done {
            self.refused.insert(identity);
            self.warnings.push(with_causes(fault));
        }
        done
    }

    /// Probes programs of the names that have started since from other files, as after an upgrade.
    pub(super) fn look_for_programs(&mut self, aside: &mut dyn Write) -> io::Result<()> {
        let before = self.probed().len();
        for name in self.names.clone() {
            // That none runs at the moment is no fault: it may be starting again.
            for target in Target::of_name(&name).unwrap_or_default() {
                // What is refused is told once, below.
                self.probe_unless_refused(target).ok();
            }
        }
        for probed in self.probed().iter().skip(before) {
            tell_probed(probed, aside)?;
        }
        self.tell_warnings(aside)
    }

    pub(super) fn probes(&self) -> Option<&KeyProbes> {
        self.probes.as_ref()
    }

    /// Gives on all lines that have come.
    pub(super) fn read(&mut self, give: &mut dyn FnMut(&[u8])) -> Result<(), LiveFault> {
        self.read_probes(give);
        for (_, log) in &mut self.logs {
            log.look(&mut |line| give(line))?;
        }
        Ok(())
    }

    fn read_probes(&mut self, give: &mut dyn FnMut(&[u8])) {
        if let Some(probes) = &mut self.probes {
            probes.keys(&mut |key| give(key.line()));
        }
    }

    /// Leaves all programs alone from here on.
    pub(super) fn detach(&mut self) {
        if let Some(probes) = &mut self.probes {
            probes.detach();
        }
    }

    /// Takes the last lines of key logs, whole or not.
    pub(super) fn finish(&mut self, give: &mut dyn FnMut(&[u8])) {
        self.read_probes(give);
        for (_, log) in &mut self.logs {
            log.finish(&mut |line| give(line));
        }
    }

    pub(super) fn counts(&self) -> ProbeCounts {
        self.probes.as_ref().map(KeyProbes::counts).unwrap_or_default()
    }

    /// Where keys come from: files that are probed and key logs.
    pub(super) fn names(&self) -> Vec<String> {
        let probed = self.probed().iter().map(|probed| &probed.path);
        probed
            .chain(self.logs.iter().map(|(path, _)| path))
            .map(|path| path.to_string_lossy().into_owned())
            .collect()
    }

    fn probed(&self) -> &[Probed] {
        self.probes.as_ref().map_or(&[], KeyProbes::probed)
    }

    /// Says where keys come from.
    pub(super) fn tell(&mut self, aside: &mut dyn Write) -> io::Result<()> {
        for probed in self.probed() {
            tell_probed(probed, aside)?;
        }
        for (path, _) in &self.logs {
            let state = if path.exists() { "" } else { ", which is not there yet" };
            writeln!(aside, "keys from the key log `{}`{state}", path.display())?;
        }
        self.tell_warnings(aside)
    }

    fn tell_warnings(&mut self, aside: &mut dyn Write) -> io::Result<()> {
        for warning in self.warnings.drain(..) {
            writeln!(aside, "not probed: {warning}")?;
        }
        Ok(())
    }

    /// What became of the keys, for people.
    pub(super) fn account(&self, aside: &mut dyn Write) -> io::Result<()> {
        let Some(probes) = &self.probes else { return Ok(()) };
        let counts = probes.counts();
        writeln!(aside, "{} secrets taken from running programs", counts.taken)?;
        for (count, what) in [
            (counts.lost, "were lost, because more came at once than could be kept"),
            (counts.unreadable, "could not be read in the program's memory"),
            (counts.odd, "had not the form of TLS secrets"),
        ] {
            if count > 0 {
                writeln!(aside, "{count} further secrets {what}")?;
            }
        }
        Ok(())
    }

    /// The same for programs.
    pub(super) fn json(&self, output: &mut dyn Write) -> io::Result<()> {
        let counts = self.counts();
        // A path may be no text, and must not cost the account.
        let of = |probed: &Probed| ProgramLine {
            path: probed.path.to_string_lossy().into_owned(),
            pid: probed.pid,
        };
        let programs = self.probed().iter().map(of).collect();
        let line = Line {
            r#type: "keys",
            taken: counts.taken,
            lost: counts.lost,
            unreadable: counts.unreadable,
            odd: counts.odd,
            overlong_lines: self.logs.iter().map(|(_, log)| log.overlong()).sum(),
            programs,
        };
        json::write(&line, output)
    }
}

/// A fault with what is behind it, which mostly says what to do.
fn with_causes(fault: &LiveFault) -> String {
    let mut words = fault.to_string();
    let mut cause = std::error::Error::source(fault);
    while let Some(behind) = cause {
        words.push_str(&format!(": {behind}"));
        cause = behind.source();
    }
    words
}

fn tell_probed(probed: &Probed, aside: &mut dyn Write) -> io::Result<()> {
    let path = probed.path.display();
    match probed.pid {
        Some(pid) => write!(aside, "keys from process {pid}, which runs `{path}`")?,
        None => write!(aside, "keys from every process that runs `{path}`")?,
    }
    match probed.sees_resumption {
        true => writeln!(aside),
        false => writeln!(aside, ", but not of resumed TLS 1.2 sessions"),
    }
}
