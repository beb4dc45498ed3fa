//! Replaces a file as a whole: whoever reads it, or finds it after a crash, has the old or the new one.
//! What is written is the caller's. What is no file, such as `/dev/null` or a pipe, is written into and stays what it is.

use std::io::Write;
use std::path::Path;

/// Writes a new file beside the old one and puts it in its place, with the old one's permissions.
pub fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    // A link stays a link: what it leads to is replaced.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if std::fs::metadata(&path).is_ok_and(|data| !data.is_file()) {
        return std::fs::OpenOptions::new().write(true).open(&path)?.write_all(content);
    }
    let name = path.file_name().ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".sallyport-{}", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = write_new(&beside, &path, content).and_then(|()| std::fs::rename(&beside, &path));
    if written.is_err() {
        // The failure is what is told; a file that could not be removed is told by its name.
        std::fs::remove_file(&beside).ok();
    }
    written
}

fn write_new(beside: &Path, old: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(beside)?;
    file.write_all(content)?;
    if let Ok(data) = std::fs::metadata(old) {
        file.set_permissions(data.permissions())?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::replace;

    #[test]
    fn a_file_is_replaced_whole_and_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.yaml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_no_file_is_written_into_and_stays() {
        use std::os::unix::fs::FileTypeExt;
        let folder = tempfile::tempdir().unwrap();
        assert!(replace(folder.path(), b"x").is_err(), "a folder takes no bytes");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || std::fs::read(pipe).unwrap())
        };
        replace(&pipe, b"told").unwrap();
        assert_eq!(reader.join().unwrap(), b"told");
        assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        assert!(replace(&folder.path().join("no/such/folder.yaml"), b"x").is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
