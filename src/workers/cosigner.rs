//! Shows checkpoints to the witness of the settings: about once a minute while there is something new, ever more seldom while
//! it does not answer.

use std::sync::Arc;

use crate::audit::Notary;
use crate::mail::backoff::next_attempt;
use crate::system::random_array;
use crate::types::{Span, Timestamp};

use super::beat::{Beat, Next};

/// The time between two questions.
const EVERY: Span = Span::minutes(1);

/// Runs until the beat says stop.
pub(super) async fn run(notary: Arc<Notary>, mut beat: Beat) {
    let (mut due, mut failures): (Option<Timestamp>, u16) = (None, 0);
    while beat.next().await == Next::Look {
        let now = notary.desk().now();
        if due.is_some_and(|due| now < due) {
            continue;
        }
        let asked = tokio::select! {
            asked = notary.cosigned() => asked,
            // A witness that is silent holds up no stop.
            () = beat.is_stopped() => return,
        };
        due = Some(match asked {
            Ok(_) => {
                failures = 0;
                now + EVERY
            }
            Err(fault) => {
                if failures == 0 {
                    tracing::error!(%fault, "a checkpoint could not be cosigned; it is tried again");
                }
                failures = failures.saturating_add(1);
                let jitter = u32::from_be_bytes(random_array(notary.desk().engine().entropy()));
                now + next_attempt(failures, jitter)
            }
        });
    }
}
