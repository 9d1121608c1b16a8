//! Everything that is asked about a new password beyond the built-in list.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::LeakedHash;
use super::online::{RANGE_TIME_MAX, RangeClient};
use super::set::SetFault;
use super::shelf::Shelf;
use crate::domain::password_policy::OnlineCheck;
use crate::outgoing::Neighbours;
use crate::system::{TrustFault, tls_client};

/// What configuration says about leaked passwords.
#[derive(Clone, Debug)]
pub struct LeakSettings {
    /// Where imported sets lie; none looks at none.
    pub folder: Option<PathBuf>,
    /// Whether a range service may be on this machine or in a private network.
    pub neighbours: Neighbours,
    /// Authorities that the range service's certificate may be of, beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// How long a range service may take; more than [`RANGE_TIME_MAX`] is that.
    pub patience: Duration,
}

impl Default for LeakSettings {
    fn default() -> Self {
        Self {
            folder: None,
            neighbours: Neighbours::Refused,
            ca_file: None,
            patience: RANGE_TIME_MAX,
        }
    }
}

/// The imported sets and the range service; cheap to copy.
#[derive(Clone, Debug)]
pub struct Leaks {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shelf: Option<Shelf>,
    ranges: RangeClient,
    told_of_sets: Seldom,
    told_of_ranges: Seldom,
    damaged: Mutex<BTreeMap<PathBuf, Option<SystemTime>>>,
}

/// When a file was last changed; none if it is not there.
fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|about| about.modified()).ok()
}

impl Inner {
    fn note_damage(&self, fault: &SetFault) {
        let mut damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        let path = fault.path().to_owned();
        let changed = changed(&path);
        damaged.insert(path, changed);
    }
}

impl Leaks {
    /// Reads the authorities; looks at no set and calls nobody.
    pub fn open(settings: LeakSettings) -> Result<Self, TrustFault> {
        let tls = tls_client(settings.ca_file.as_deref())?;
        let inner = Inner {
            shelf: settings.folder.map(Shelf::at),
            ranges: RangeClient::new(tls, settings.neighbours, settings.patience),
            told_of_sets: Seldom::default(),
            told_of_ranges: Seldom::default(),
            damaged: Mutex::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Writes into the log which sets are there, and which cannot be used. For the start of a server; blocks.
    pub fn tell(&self) {
        let Some(shelf) = &self.inner.shelf else {
            return;
        };
        match shelf.names() {
            Ok(names) => {
                for name in names {
                    match shelf.open(&name) {
                        Ok(set) => tracing::info!(set = %name, entries = set.entries(), "leaked passwords"),
                        Err(fault) => {
                            self.inner.note_damage(&fault);
                            tracing::error!("{fault}; until then this set refuses no password");
                        }
                    }
                }
            }
            Err(error) => tracing::error!(%error, "the folder of leaked passwords cannot be read"),
        }
    }

    /// Whether an imported set has one of the hashes. `now` is the boot clock's, for the log: a set that cannot be
    /// asked is told of once a minute at most, and counts as one that has none.
    pub async fn on_shelf(&self, hashes: Vec<LeakedHash>, now: Duration) -> bool {
        let Some(shelf) = self.inner.shelf.clone() else {
            return false;
        };
        let looked_up = tokio::task::spawn_blocking(move || shelf.look_up(&hashes)).await;
        let Ok((found, faults)) = looked_up else {
            // The panic hook has told where it broke down.
            return false;
        };
        for fault in &faults {
            self.inner.note_damage(fault);
        }
        if !faults.is_empty() && self.inner.told_of_sets.may(now) {
            for fault in faults {
                tracing::error!("{fault}; until then this set refuses no password");
            }
        }
        !found.is_empty()
    }

    /// How many sets could not be asked when they were last, and have not changed since.
    pub fn damaged(&self) -> usize {
        let mut damaged = self.inner.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        damaged.retain(|path, at| at.is_some() && changed(path) == *at);
        damaged.len()
    }

    /// Whether the range service has seen a hash more often than the policy allows. Takes a second at most; a service
    /// that does not answer counts as one that has not seen it, and is told of once a minute at most.
    pub async fn online(&self, check: &OnlineCheck, hash: LeakedHash, now: Duration) -> bool {
        match self.inner.ranges.count(&check.url, hash, now).await {
            Ok(count) => count > u64::from(check.allowed_count),
            Err(fault) => {
                if self.inner.told_of_ranges.may(now) {
                    tracing::warn!(
                        service = %check.url,
                        "leaked passwords cannot be asked for online, so only the lists here apply: {fault}"
                    );
                }
                false
            }
        }
    }
}

impl Default for Leaks {
    fn default() -> Self {
        Self::open(LeakSettings::default()).expect("the public authorities are compiled in")
    }
}

/// Says yes once a minute at most.
#[derive(Debug, Default)]
struct Seldom {
    last: Mutex<Option<Duration>>,
}

const SELDOM: Duration = Duration::from_mins(1);

impl Seldom {
    fn may(&self, now: Duration) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|last| now.saturating_sub(last) >= SELDOM);
        if may {
            *last = Some(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_07_trouble_is_told_once_a_minute() {
        let seldom = Seldom::default();
        let may = |seconds| seldom.may(Duration::from_secs(seconds));
        assert_eq!(
            [0, 1, 59, 60, 61, 119, 121].map(may),
            [true, false, false, true, false, false, true]
        );
    }
}
