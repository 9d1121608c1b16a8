//! Where the keyring and its master key lie: opened, changed and replaced as a whole, with copies of the last keyrings.
//!
//! `master.key` holds the master key, unless the settings give it; `keyring` what it seals. While the master key is being
//! replaced, `master.key.next` (or a second setting) holds the next one, and a start takes whichever opens the keyring.
//! `backups/` holds the newest two keyrings that were replaced, so that a mistake can be undone; they go after a time, and
//! at once when the master key is replaced or keys may have been stolen: what they hold would outlive its end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::system::Entropy;
use crate::types::{Span, Timestamp};

use super::files;
use super::keyring::{KeyFault, Keyring};
use super::master::MasterKey;

/// The master key's file in the keys' folder.
pub const MASTER_FILE: &str = "master.key";
/// The keyring's file in the keys' folder.
pub const KEYRING_FILE: &str = "keyring";
/// The next master key's file, while it takes the place of the present one.
const NEXT_FILE: &str = "master.key.next";
/// The folder of replaced keyrings.
const BACKUPS_DIR: &str = "backups";
/// What the name of a replaced keyring begins with; the time follows.
const BACKUP_PREFIX: &str = "keyring-";
/// Replaced keyrings that are kept.
const BACKUPS_MAX: usize = 2;
/// A keyring has at most this many bytes, copies too.
const FILE_MAX: u64 = 128 * 1024;

/// Who keeps the master key.
#[derive(Clone, Debug)]
pub enum MasterSource {
    /// A file in the keys' folder.
    File,
    /// The settings.
    Settings {
        /// The key in force.
        master: MasterKey,
        /// The one that takes its place, while it does.
        next: Option<MasterKey>,
    },
}

/// The files of a keyring, and the master key that opens it.
#[derive(Debug)]
pub struct KeyFiles {
    folder: PathBuf,
    source: MasterSource,
    /// Opens and seals the keyring as it is now.
    master: MasterKey,
    /// Whether that is the next one, which has yet to take its file's place.
    is_ahead: bool,
    /// How long replaced keyrings are kept.
    backups_kept: Span,
}

impl KeyFiles {
    /// Opens the keyring of a folder with the master key, or with the next one if that is already in force.
    pub fn open(
        folder: &Path,
        source: MasterSource,
        backups_kept: Span,
    ) -> Result<(Keyring, Self), KeyFault> {
        let (master, next) = match &source {
            MasterSource::Settings { master, next } => (master.clone(), next.clone()),
            MasterSource::File => {
                let next = folder.join(NEXT_FILE);
                let next = is_there(&next)?.then(|| MasterKey::load(&next)).transpose()?;
                (MasterKey::load(&folder.join(MASTER_FILE))?, next)
            }
        };
        let path = folder.join(KEYRING_FILE);
        let (ring, master, is_next) = match (Keyring::open(&path, &master), next) {
            (Err(KeyFault::WrongMaster), Some(next)) => (Keyring::open(&path, &next)?, next, true),
            (opened, _) => (opened?, master, false),
        };
        let is_ahead = is_next && matches!(source, MasterSource::File);
        let files = Self {
            folder: folder.to_owned(),
            source,
            master,
            is_ahead,
            backups_kept,
        };
        Ok((ring, files))
    }

    /// Whether the master key in force is not the one in its file yet.
    pub(super) fn is_unfinished(&self) -> bool {
        self.is_ahead
    }

    /// Writes a changed ring in the place of the present one, of which a copy is kept; durable when this returns.
    pub(super) fn save(&self, ring: &Keyring, now: Timestamp, entropy: &dyn Entropy) -> Result<(), KeyFault> {
        self.keep_copy(now)?;
        ring.save(&self.ring_path(), &self.master, entropy)?;
        self.drop_old_copies(now)
    }

    /// Puts the next master key in force: from now on it seals the keyring, and both are accepted until
    /// [`KeyFiles::finish_master`]. No copy is kept of the keyring as it was.
    pub(super) fn replace_master(&mut self, ring: &Keyring, entropy: &dyn Entropy) -> Result<(), KeyFault> {
        let next = match &self.source {
            MasterSource::File => {
                let next = MasterKey::fresh(entropy);
                let path = self.folder.join(NEXT_FILE);
                files::replace(&path, next.to_text().as_bytes())
                    .map_err(|error| KeyFault::Unwritable(path, error))?;
                next
            }
            MasterSource::Settings { next, .. } => next.clone().ok_or(KeyFault::NextMasterMissing)?,
        };
        if next.fingerprint() == self.master.fingerprint() {
            return Err(KeyFault::NextMasterMissing);
        }
        ring.save(&self.ring_path(), &next, entropy)?;
        self.master = next;
        self.is_ahead = matches!(self.source, MasterSource::File);
        Ok(())
    }

    /// Writes a ring of which nothing older may be left: removes all copies, and the master key that is not in force.
    /// Repeated, it changes nothing.
    pub(super) fn finish_master(&mut self, ring: &Keyring, entropy: &dyn Entropy) -> Result<(), KeyFault> {
        ring.save(&self.ring_path(), &self.master, entropy)?;
        self.drop_all_copies()?;
        let next = self.folder.join(NEXT_FILE);
        if matches!(self.source, MasterSource::File) && is_there(&next)? {
            let path = self.folder.join(MASTER_FILE);
            if MasterKey::load(&next)?.fingerprint() == self.master.fingerprint() {
                fs::rename(&next, &path)
            } else {
                // Drawn, and never put in force.
                fs::remove_file(&next)
            }
            .and_then(|()| files::sync_dir(&self.folder))
            .map_err(|error| KeyFault::Unwritable(path, error))?;
        }
        self.is_ahead = false;
        Ok(())
    }

    /// Whether the settings still give the master key that was replaced.
    pub fn wants_new_setting(&self) -> bool {
        match &self.source {
            MasterSource::Settings { master, .. } => master.fingerprint() != self.master.fingerprint(),
            MasterSource::File => false,
        }
    }

    fn ring_path(&self) -> PathBuf {
        self.folder.join(KEYRING_FILE)
    }

    fn keep_copy(&self, now: Timestamp) -> Result<(), KeyFault> {
        let path = self.ring_path();
        let bytes = fs::File::open(&path)
            .and_then(|file| files::read(&file, FILE_MAX))
            .map_err(|error| KeyFault::Unreadable(path, error))?;
        let copy = self.backups().join(format!("{BACKUP_PREFIX}{}", now.rfc3339()));
        files::make_folder(&self.backups())
            .and_then(|()| files::replace(&copy, &bytes))
            .map_err(|error| KeyFault::Unwritable(copy, error))
    }

    /// Removes copies beyond the newest two, and those that have been kept for as long as they may.
    pub fn drop_old_copies(&self, now: Timestamp) -> Result<(), KeyFault> {
        let copies = self.copies()?;
        let beyond = copies.len().saturating_sub(BACKUPS_MAX);
        for (number, (made, path)) in copies.into_iter().enumerate() {
            if number < beyond || made + self.backups_kept <= now {
                fs::remove_file(&path).map_err(|error| KeyFault::Unwritable(path, error))?;
            }
        }
        Ok(())
    }

    /// Removes all copies: what they hold must not outlive its end.
    pub(super) fn drop_all_copies(&self) -> Result<(), KeyFault> {
        for (_, path) in self.copies()? {
            fs::remove_file(&path).map_err(|error| KeyFault::Unwritable(path, error))?;
        }
        Ok(())
    }

    /// The copies, oldest first; other files are left alone.
    fn copies(&self) -> Result<Vec<(Timestamp, PathBuf)>, KeyFault> {
        let folder = self.backups();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(KeyFault::Unreadable(folder, error)),
        };
        let mut copies = vec![];
        for entry in entries {
            let entry = entry.map_err(|error| KeyFault::Unreadable(folder.clone(), error))?;
            let name = entry.file_name();
            let made = name.to_str().and_then(|name| name.strip_prefix(BACKUP_PREFIX));
            if let Some(made) = made.and_then(Timestamp::parse_rfc3339) {
                copies.push((made, entry.path()));
            }
        }
        copies.sort();
        Ok(copies)
    }

    fn backups(&self) -> PathBuf {
        self.folder.join(BACKUPS_DIR)
    }
}

fn is_there(path: &Path) -> Result<bool, KeyFault> {
    path.try_exists()
        .map_err(|error| KeyFault::Unreadable(path.into(), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::keyring::{Purpose, SharedKeyring};
    use crate::system::SeededEntropy;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
    const KEPT: Span = Span::days(14);

    struct Place {
        dir: tempfile::TempDir,
        entropy: SeededEntropy,
    }

    impl Place {
        fn new() -> Self {
            let place = Self {
                dir: tempfile::tempdir().unwrap(),
                entropy: SeededEntropy::new(1),
            };
            let master = MasterKey::create(&place.path(MASTER_FILE), &place.entropy).unwrap();
            Keyring::create(&place.path(KEYRING_FILE), &master, NOW, &place.entropy).unwrap();
            place
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        fn open(&self) -> SharedKeyring {
            let (ring, files) = KeyFiles::open(self.dir.path(), MasterSource::File, KEPT).unwrap();
            SharedKeyring::kept(ring, files)
        }

        fn rotate(&self, shared: &SharedKeyring, now: Timestamp) {
            shared
                .change(now, &self.entropy, |ring| {
                    ring.rotate(Purpose::Pepper, now, &self.entropy)
                })
                .unwrap();
        }

        fn copies(&self) -> usize {
            fs::read_dir(self.path(BACKUPS_DIR)).map_or(0, Iterator::count)
        }
    }

    #[test]
    fn the_newest_two_keyrings_are_kept_for_a_time_and_open_with_the_master_key() {
        let place = Place::new();
        let shared = place.open();
        let before = shared.current();
        for hour in 0..3 {
            place.rotate(&shared, NOW + Span::hours(hour));
        }
        assert_eq!(place.copies(), 2);
        let master = MasterKey::load(&place.path(MASTER_FILE)).unwrap();
        let copies: Vec<_> = fs::read_dir(place.path(BACKUPS_DIR)).unwrap().collect();
        for copy in copies {
            let ring = Keyring::open(&copy.unwrap().path(), &master).unwrap();
            assert!(ring.all(Purpose::Pepper).count() > before.all(Purpose::Pepper).count());
        }
        shared.drop_old_copies(NOW + KEPT + Span::hours(1)).unwrap();
        assert_eq!(place.copies(), 1, "the newest was made an hour later");
        shared.drop_old_copies(NOW + KEPT + Span::hours(2)).unwrap();
        assert_eq!(place.copies(), 0);
    }

    #[test]
    fn l_10_a_replaced_master_key_is_accepted_beside_the_old_one_until_all_is_done() {
        let place = Place::new();
        let old = fs::read(place.path(MASTER_FILE)).unwrap();
        let shared = place.open();
        place.rotate(&shared, NOW);
        let (from, to) = shared.replace_master(NOW, &place.entropy).unwrap();
        assert!(to > from);
        assert_eq!(fs::read(place.path(MASTER_FILE)).unwrap(), old);
        // Killed here: the next start goes on with both.
        let again = place.open();
        assert_eq!(again.current().active(Purpose::UserWrap).0, to);
        assert!(again.current().get(Purpose::UserWrap, from).is_some());
        for _ in 0..2 {
            again.finish_rewrapping(&place.entropy).unwrap();
            assert_ne!(fs::read(place.path(MASTER_FILE)).unwrap(), old);
            assert!(!place.path(NEXT_FILE).exists());
            assert_eq!(place.copies(), 0);
            let ring = place.open();
            assert!(ring.current().get(Purpose::UserWrap, from).is_none());
        }
    }

    #[test]
    fn a_next_master_key_that_was_never_put_in_force_is_dropped() {
        let place = Place::new();
        let before = fs::read(place.path(MASTER_FILE)).unwrap();
        MasterKey::create(&place.path(NEXT_FILE), &place.entropy).unwrap();
        let shared = place.open();
        shared.finish_rewrapping(&place.entropy).unwrap();
        assert_eq!(fs::read(place.path(MASTER_FILE)).unwrap(), before);
        assert!(!place.path(NEXT_FILE).exists());
    }

    #[test]
    fn a_master_key_of_the_settings_is_replaced_by_a_second_setting_and_no_other_way() {
        let place = Place::new();
        let given = |next: Option<&MasterKey>| MasterSource::Settings {
            master: MasterKey::load(&place.path(MASTER_FILE)).unwrap(),
            next: next.cloned(),
        };
        let open = |source| KeyFiles::open(place.dir.path(), source, KEPT);
        let (ring, files) = open(given(None)).unwrap();
        let fault = SharedKeyring::kept(ring, files)
            .replace_master(NOW, &place.entropy)
            .unwrap_err()
            .to_string();
        assert!(fault.contains("master_key_next"), "{fault}");

        let next = MasterKey::fresh(&place.entropy);
        let (ring, files) = open(given(Some(&next))).unwrap();
        let shared = SharedKeyring::kept(ring, files);
        shared.replace_master(NOW, &place.entropy).unwrap();
        shared.finish_rewrapping(&place.entropy).unwrap();
        assert!(shared.wants_new_setting());
        assert!(matches!(open(given(None)), Err(KeyFault::WrongMaster)));
        open(given(Some(&next))).unwrap();
        let settled = MasterSource::Settings {
            master: next,
            next: None,
        };
        let (_, files) = open(settled).unwrap();
        assert!(!files.wants_new_setting());
    }
}
