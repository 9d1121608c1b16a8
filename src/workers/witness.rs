//! Has what is durable signed, and the tiles of the tree kept, about once a second while there is something new.

use std::sync::Arc;

use crate::audit::{Notary, Signed};

use super::beat::{Beat, Next};

/// Runs until the beat says stop.
pub(super) async fn run(notary: Arc<Notary>, mut beat: Beat) {
    let mut kept: Option<Arc<Signed>> = None;
    let mut is_in_trouble = false;
    while beat.next().await == Next::Look {
        match keep(&notary, kept.as_deref()).await {
            Ok(signed) => {
                is_in_trouble = false;
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
