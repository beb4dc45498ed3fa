//! What the kernel tells of a process and its children: CPU, memory, file descriptors (proc(5)).
//! Only for processes of this machine.

use anyhow::Context;
use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// Clock ticks in a second of /proc/PID/stat: 100 on every Linux (USER_HZ).
const TICKS_PER_S: u64 = 100;

/// A process and everything that descends from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProcessTree {
    root: u32,
}

/// Memory of a tree in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Proportional set size: shared pages counted by their share.
    pub pss: u64,
    /// Pages that nobody else has.
    pub private: u64,
    /// Resident set size.
    pub rss: u64,
}

impl ProcessTree {
    /// The tree below a process.
    pub(crate) fn of(root: u32) -> Self {
        Self { root }
    }

    /// The process that listens on a TCP port of this machine.
    pub(crate) fn listening_on(port: u16) -> anyhow::Result<Self> {
        let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .filter_map(|path| fs::read_to_string(path).ok())
            .flat_map(|table| listeners(&table, port))
            .map(|inode| format!("socket:[{inode}]"))
            .collect();
        for pid in pids() {
            let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
            let holds = files
                .flatten()
                .filter_map(|file| fs::read_link(file.path()).ok())
                .any(|link| inodes.iter().any(|inode| link.as_os_str() == inode.as_str()));
            if holds {
                return Ok(Self { root: pid });
            }
        }
        anyhow::bail!("no process of this machine that may be looked at listens on port {port}")
    }

    /// CPU time so far, that of ended children included.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let mut ticks = 0;
        for pid in self.pids() {
            // A child that ended a moment ago is counted by its parent.
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            let fields = stat_fields(&stat).context("a line of /proc/PID/stat is cut short")?;
            // utime, stime, cutime, cstime: fields 14 to 17, the first after the name being 3.
            ticks +=
                fields[11..15].iter().filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
        }
        Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_S))
    }

    /// Memory now.
    pub(crate) fn memory(&self) -> anyhow::Result<Memory> {
        let mut memory = Memory::default();
        for pid in self.pids() {
            let Ok(rollup) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else {
                continue;
            };
            let kib = |name: &str| {
                rollup
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.split_whitespace().next())
                    .and_then(|kib| kib.parse::<u64>().ok())
                    .unwrap_or(0)
            };
            memory.pss += kib("Pss:") * 1024;
            memory.rss += kib("Rss:") * 1024;
            memory.private += (kib("Private_Clean:") + kib("Private_Dirty:")) * 1024;
        }
        anyhow::ensure!(memory.rss > 0, "process {} cannot be looked at", self.root);
        Ok(memory)
    }

    /// Open file descriptors of the root.
    pub(crate) fn file_descriptors(&self) -> anyhow::Result<usize> {
        let files = fs::read_dir(format!("/proc/{}/fd", self.root));
        Ok(files.context("its file descriptors cannot be looked at")?.count())
    }

    fn pids(&self) -> Vec<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for pid in pids() {
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            let parent = stat_fields(&stat).and_then(|fields| fields[1].parse().ok());
            children.entry(parent.unwrap_or(0)).or_default().push(pid);
        }
        let mut tree = vec![self.root];
        let mut at = 0;
        while let Some(pid) = tree.get(at) {
            tree.extend(children.remove(pid).unwrap_or_default());
            at += 1;
        }
        tree
    }
}

/// CPU time that the whole machine has spent working.
pub(crate) fn machine_cpu() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().unwrap_or_default();
    let fields: Vec<u64> =
        line.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal: all but the two idle ones.
    let busy: u64 = fields.iter().take(8).sum::<u64>() - fields.iter().skip(3).take(2).sum::<u64>();
    Ok(Duration::from_millis(busy * 1000 / TICKS_PER_S))
}

fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The fields after the name, which may hold blanks and brackets; at least to `cstime`.
fn stat_fields(stat: &str) -> Option<Vec<&str>> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    (fields.len() > 15).then_some(fields)
}

/// Inodes of the listening sockets of a port, from a table of /proc/net.
fn listeners(table: &str, port: u16) -> Vec<String> {
    let suffix = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.len() > 9 && fields[1].ends_with(&suffix) && fields[3] == "0A")
        .map(|fields| fields[9].to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_by_its_port_and_can_be_looked_at() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let tree = ProcessTree::listening_on(listener.local_addr().unwrap().port()).unwrap();
        assert_eq!(tree.root, std::process::id());
        assert!(tree.memory().unwrap().private > 0 && tree.file_descriptors().unwrap() > 2);
        tree.cpu().unwrap();
        assert!(machine_cpu().unwrap() > Duration::ZERO);
    }

    #[test]
    fn names_with_brackets_do_not_shift_the_fields() {
        let stat = "7 (a) b) S 3 7 7 0 -1 0 1 2 3 4 50 6 7 8 20 0";
        assert_eq!(stat_fields(stat).unwrap()[11..13], ["50", "6"]);
    }
}
