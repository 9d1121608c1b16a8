//! Epochs and the keys of the keyring: what is asked about them, and done to them. All of it waits for the disk.

use tokio::task::spawn_blocking;

use super::clerk::{Clerk, page};
use super::request::{Answer, EpochShown, MasterReplacedShown, RingKeyRow, RotatedShown};
use crate::cli::exit::Failure;
use crate::desk::{Desk, EpochView, KeyView, KeysFault};
use crate::domain::{Actor, EpochReason, KeyPurpose};
use crate::types::Timestamp;

impl Clerk {
    pub(super) async fn epoch(&self) -> Result<EpochShown, Failure> {
        let desk = self.desk.clone();
        let view = spawn_blocking(move || desk.epoch())
            .await
            .map_err(|_| Failure::later("the ledger could not be read"))??;
        Ok(epoch_shown(&view))
    }

    pub(super) async fn start_epoch(&self, reason: &str) -> Result<Answer, Failure> {
        let reason = [EpochReason::KeyTheft, EpochReason::ClockReset]
            .into_iter()
            .find(|known| word(*known) == reason)
            .ok_or_else(|| Failure::value("--reason", "there are key-theft and clock-reset"))?;
        self.with_keys(move |desk| desk.begin_epoch(reason, Actor::Operator))
            .await?;
        Ok(Answer::EpochStarted(self.epoch().await?))
    }

    pub(super) fn ring(&self) -> Answer {
        let rows: Vec<RingKeyRow> = self.desk.keys().into_iter().map(key_row).collect();
        Answer::Ring(page(rows.len(), rows))
    }

    pub(super) async fn rotate_key(&self, purpose: &str) -> Result<Answer, Failure> {
        let purpose = KeyPurpose::from_name(purpose).ok_or_else(|| {
            let known = KeyPurpose::ALL.map(KeyPurpose::name).join(", ");
            Failure::value("PURPOSE", format!("there are {known}"))
        })?;
        if purpose == KeyPurpose::Signing {
            // Its successor is signed by both, so whoever signs does it.
            let (old, new) = self.notary.rotate_key(Actor::Operator).await?;
            return Ok(Answer::KeyRotated(RotatedShown {
                purpose: purpose.name().to_owned(),
                old: old.0,
                new: new.0,
                rewrapped: 0,
            }));
        }
        let rotated = self
            .with_keys(move |desk| desk.rotate_key(purpose, Actor::Operator))
            .await?;
        Ok(Answer::KeyRotated(RotatedShown {
            purpose: rotated.purpose.name().to_owned(),
            old: rotated.old,
            new: rotated.new,
            rewrapped: rotated.rewrapped as u64,
        }))
    }

    pub(super) async fn replace_master_key(&self) -> Result<Answer, Failure> {
        let replaced = self
            .with_keys(|desk| desk.replace_master_key(Actor::Operator))
            .await?;
        Ok(Answer::MasterKeyReplaced(MasterReplacedShown {
            rewrapped: replaced.rewrapped as u64,
            wants_new_setting: replaced.wants_new_setting,
        }))
    }

    async fn with_keys<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Desk) -> Result<T, KeysFault> + Send + 'static,
    ) -> Result<T, Failure> {
        let desk = self.desk.clone();
        let done = spawn_blocking(move || work(&desk));
        done.await
            .map_err(|_| Failure::later("the keys could not be changed"))?
            .map_err(Failure::from)
    }
}

impl From<KeysFault> for Failure {
    fn from(fault: KeysFault) -> Self {
        match fault {
            KeysFault::Unrecorded(_) => Self::later(fault.to_string()),
            KeysFault::Keys(_) | KeysFault::Rewrap(_) => Self::unavailable(fault.to_string()),
        }
    }
}

fn epoch_shown(view: &EpochView) -> EpochShown {
    EpochShown {
        number: view.epoch.number,
        position: view.epoch.valid_from.0,
        began: view.began.rfc3339(),
        reason: word(view.reason).to_owned(),
        keys_waiting: view.keys_waiting as u64,
        users_waiting: view.users_waiting as u64,
    }
}

fn word(reason: EpochReason) -> &'static str {
    match reason {
        EpochReason::Founded => "founded",
        EpochReason::Restored => "restored",
        EpochReason::RollbackAccepted => "rollback-accepted",
        EpochReason::KeyTheft => "key-theft",
        EpochReason::ClockReset => "clock-reset",
    }
}

fn key_row(key: KeyView) -> RingKeyRow {
    RingKeyRow {
        purpose: key.purpose.name().to_owned(),
        id: key.id,
        created: key.created.rfc3339(),
        retired: key.retired.map(Timestamp::rfc3339),
    }
}
