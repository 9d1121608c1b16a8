//! Who else gets at the folders of a ledger: what works, but should be looked at.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::founding::load_master;
use crate::config::Config;
use crate::crypto::key_files::{KEYRING_FILE, MASTER_FILE};

/// Folders of the ledger and of its keys that other users can enter, each with the command that ends it; folders that
/// are not there yet are made for their owner only.
pub fn exposed_folders(config: &Config) -> Vec<String> {
    [&config.data, &config.keys_dir]
        .into_iter()
        .filter_map(|folder| exposed(folder))
        .collect()
}

fn exposed(folder: &Path) -> Option<String> {
    let mode = std::fs::metadata(folder).ok()?.permissions().mode() & 0o777;
    let shown = folder.display();
    (mode & 0o077 != 0)
        .then(|| format!("other users have rights in {shown} (mode {mode:03o}): run `chmod go= {shown}`"))
}

/// What is wrong with the master key, without opening anything with it; nothing is before `init`.
pub fn master_key_problem(config: &Config) -> Option<String> {
    let expected = [KEYRING_FILE, MASTER_FILE]
        .iter()
        .any(|name| config.keys_dir.join(name).symlink_metadata().is_ok());
    if !expected && config.master_key.is_none() {
        return None;
    }
    load_master(config).err().map(|fault| fault.to_string())
}
