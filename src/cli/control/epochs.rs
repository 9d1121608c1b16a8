//! Epochs: what is asked about them.

use tokio::task::spawn_blocking;

use super::clerk::Clerk;
use super::request::EpochShown;
use crate::cli::exit::Failure;
use crate::desk::EpochView;
use crate::domain::EpochReason;

impl Clerk {
    pub(super) async fn epoch(&self) -> Result<EpochShown, Failure> {
        let desk = self.desk.clone();
        let view = spawn_blocking(move || desk.epoch())
            .await
            .map_err(|_| Failure::later("the ledger could not be read"))??;
        Ok(shown(&view))
    }
}

fn shown(view: &EpochView) -> EpochShown {
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
