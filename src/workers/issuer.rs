//! Answers requests with proofs and mails, on its own beat: no request waits for it, so asking takes as long for a
//! known address as for an unknown one.

use crate::desk::Desk;
use crate::engine::{Lane, Trouble};

use super::beat::{Beat, Next};

/// Requests that are answered in one go.
const BATCH_MAX: usize = 128;

/// Runs until the beat says stop.
pub(super) async fn run(desk: Desk, mut beat: Beat) {
    loop {
        if answer_some(&desk).await == 0 && beat.next().await == Next::Stop {
            return;
        }
        if beat.is_over() {
            return;
        }
    }
}

/// Answers the oldest requests in their order; says how many are answered.
async fn answer_some(desk: &Desk) -> usize {
    let waiting: Vec<_> = desk.engine().read(|state| {
        let oldest = state.requests.iter().take(BATCH_MAX);
        oldest.map(|(position, due)| (*position, due.clone())).collect()
    });
    let mut begun = Vec::with_capacity(waiting.len());
    for (request, due) in waiting {
        let command = desk.answer_to(request, &due);
        match desk.engine().begin(Lane::Proof, command, vec![]) {
            Ok(answer) => begun.push(answer),
            // It stays in the state, and the next look finds it.
            Err(Trouble::Overloaded | Trouble::Stopped | Trouble::Refused(_)) => break,
        }
    }
    let mut answered = 0;
    for answer in begun {
        match answer.outcome().await {
            Ok(_) => answered += 1,
            Err(Trouble::Refused(refusal)) => tracing::warn!(?refusal, "a request could not be answered"),
            Err(Trouble::Overloaded | Trouble::Stopped) => {}
        }
    }
    answered
}
