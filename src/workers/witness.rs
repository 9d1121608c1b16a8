//! Has what is durable signed, and the tiles of the tree kept, about once a second while there is something new; and mails
//! administrators a checkpoint now and then, if they want that.

use std::sync::Arc;

use crate::audit::{Notary, Signed};

use super::beat::{Beat, Next};
use crate::types::{Span, Timestamp};

/// How long nobody looks for administrators again.
const TRY_EVERY: Span = Span::minutes(10);

/// Runs until the beat says stop.
pub(super) async fn run(notary: Arc<Notary>, mut beat: Beat) {
    let mut kept: Option<Arc<Signed>> = None;
    let mut mailing = Mailing::default();
    let mut is_in_trouble = false;
    while beat.next().await == Next::Look {
        match keep(&notary, kept.as_deref()).await {
            Ok(signed) => {
                is_in_trouble = false;
                mailing.mail(&notary, &signed).await;
                kept = Some(signed);
            }
            Err(fault) => {
                // It is tried again at every look; telling it once is enough.
                if !is_in_trouble {
                    tracing::error!(
                        fault,
                        "the ledger cannot be signed or its tiles not be kept; it is tried again"
                    );
                }
                is_in_trouble = true;
            }
        }
    }
}

/// Checkpoints by mail.
#[derive(Default)]
struct Mailing {
    /// When it was last tried: where nobody is an administrator, nothing comes of it.
    tried: Option<Timestamp>,
}

impl Mailing {
    /// Mails administrators a checkpoint, if they are due one.
    async fn mail(&mut self, notary: &Notary, signed: &Signed) {
        let Some(every) = notary.mail_every() else { return };
        let (desk, now) = (notary.desk(), notary.desk().now());
        let last = desk.checkpoint_mailed().map(|at| at + every);
        let tried = self.tried.map(|at| at + TRY_EVERY);
        if [last, tried].into_iter().flatten().any(|due| now < due) {
            return;
        }
        self.tried = Some(now);
        if let Err(fault) = desk.mail_checkpoint(&signed.note, every).await {
            tracing::warn!(?fault, "administrators could not be mailed a checkpoint yet");
        }
    }
}

async fn keep(notary: &Arc<Notary>, kept: Option<&Signed>) -> Result<Arc<Signed>, String> {
    let signed = notary.checkpoint().await.map_err(|fault| fault.to_string())?;
    if kept != Some(&*signed) {
        let (notary, given) = (Arc::clone(notary), Arc::clone(&signed));
        tokio::task::spawn_blocking(move || notary.keep_tiles(&given))
            .await
            .map_err(|fault| fault.to_string())?
            .map_err(|fault| fault.to_string())?;
    }
    Ok(signed)
}
