//! What is notable in a file of an image by its path alone.
//! What its mode or its content tell is the caller's to see.

/// Files of one name that are notable wherever they lie.
const NAMES: &[(&str, &str)] = &[
    (".git-credentials", "credentials"),
    (".netrc", "credentials"),
    (".pypirc", "credentials"),
    (".dockercfg", "credentials"),
    ("terraform.tfstate", "credentials"),
    ("id_rsa", "credentials"),
    ("id_dsa", "credentials"),
    ("id_ecdsa", "credentials"),
    ("id_ed25519", "credentials"),
    (".bash_history", "shellHistory"),
    (".ash_history", "shellHistory"),
    (".zsh_history", "shellHistory"),
    (".python_history", "shellHistory"),
    (".mysql_history", "shellHistory"),
    (".psql_history", "shellHistory"),
    ("Dockerfile", "buildFiles"),
    ("Containerfile", "buildFiles"),
    (".dockerignore", "buildFiles"),
    ("docker-compose.yml", "buildFiles"),
    ("docker-compose.yaml", "buildFiles"),
    ("Vagrantfile", "buildFiles"),
];

/// Ends of paths: a folder and a file in it.
const ENDS: &[(&str, &str)] = &[
    (".aws/credentials", "credentials"),
    (".azure/accessTokens.json", "credentials"),
    (".docker/config.json", "credentials"),
    (".kube/config", "credentials"),
    (".config/gcloud/credentials.db", "credentials"),
    (".ssh/authorized_keys", "authorizedKeys"),
    (".git/HEAD", "versionControl"),
    (".svn/wc.db", "versionControl"),
    (".hg/hgrc", "versionControl"),
];

/// Programs, in whichever folder of programs they are.
const PROGRAMS: &[(&str, &str)] = &[
    ("sshd", "sshServer"),
    ("dropbear", "sshServer"),
    ("telnetd", "sshServer"),
    ("sudo", "sudo"),
    ("doas", "sudo"),
    ("nmap", "attackTools"),
    ("nc", "attackTools"),
    ("ncat", "attackTools"),
    ("netcat", "attackTools"),
    ("nc.traditional", "attackTools"),
    ("nc.openbsd", "attackTools"),
    ("socat", "attackTools"),
    ("tcpdump", "attackTools"),
    ("strace", "attackTools"),
    ("gdb", "attackTools"),
    ("gcc", "compilers"),
    ("cc", "compilers"),
    ("clang", "compilers"),
    ("rustc", "compilers"),
    ("make", "compilers"),
    ("docker", "runtimeClients"),
    ("kubectl", "runtimeClients"),
    ("crictl", "runtimeClients"),
    ("ctr", "runtimeClients"),
    ("apt-get", "packageManagers"),
    ("apk", "packageManagers"),
    ("dnf", "packageManagers"),
    ("microdnf", "packageManagers"),
    ("yum", "packageManagers"),
    ("zypper", "packageManagers"),
];

/// What is notable in the file at this path, by the key of `files` under which it is told.
pub fn notable(path: &str) -> Option<&'static str> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let named = |list: &[(&str, &'static str)]| {
        list.iter().find(|(own, _)| *own == name).map(|(_, what)| *what)
    };
    if let Some(what) = named(NAMES) {
        return Some(what);
    }
    let ends = |end: &str| {
        path.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    if let Some((_, what)) = ENDS.iter().find(|(end, _)| ends(end)) {
        return Some(what);
    }
    let in_programs = folder == "bin"
        || folder == "sbin"
        || folder.ends_with("/bin")
        || folder.ends_with("/sbin");
    if in_programs && let Some(what) = named(PROGRAMS) {
        return Some(what);
    }
    let is_cache = folder == "var/lib/apt/lists" && name != "lock"
        || folder == "var/cache/apt/archives" && name.ends_with(".deb")
        || folder == "var/cache/apk" && name.ends_with(".tar.gz")
        || (folder.starts_with("var/cache/dnf") || folder.starts_with("var/cache/yum"))
            && name.ends_with(".rpm");
    is_cache.then_some("caches")
}

#[cfg(test)]
mod tests {
    use super::notable;

    #[test]
    fn files_are_notable_where_they_matter() {
        for (path, what) in [
            ("root/.aws/credentials", Some("credentials")),
            (".kube/config", Some("credentials")),
            ("home/app/.ssh/id_ed25519", Some("credentials")),
            ("usr/sbin/sshd", Some("sshServer")),
            ("bin/nc", Some("attackTools")),
            ("app/.git/HEAD", Some("versionControl")),
            ("var/lib/apt/lists/deb.debian.org_InRelease", Some("caches")),
            ("var/lib/apt/lists/lock", None),
            ("etc/sshd", None),
            ("usr/share/doc/nmap", None),
            ("x.kube/config", None),
            ("app/config", None),
        ] {
            assert_eq!(notable(path), what, "{path}");
        }
    }
}
