//! Files that a person counts on, written as a whole or not at all: whoever reads one while the power
//! fails finds what was there before. Knows nothing of what is in them.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Puts these bytes in the place of what the file had, or makes it and its folder. Who may read it
/// stays as it was; a new one is readable as far as the umask says. Where `path` is a link, what it
/// leads to is replaced and the link stays.
///
/// # Errors
/// Those of the file system; the file is as it was then.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    if let Ok(old) = fs::metadata(&path) {
        file.as_file().set_permissions(old.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_keeps_its_readers_and_a_link_its_aim() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("shared/file"), folder.path().join("link"));
        replace(&file, b"one").unwrap();
        // What a plain file gets, whatever the umask here.
        fs::write(folder.path().join("plain"), b"").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), mode(&folder.path().join("plain")));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        replace(&link, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(mode(&file), 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }
}
