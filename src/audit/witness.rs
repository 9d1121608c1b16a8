//! Checkpoints shown to a witness (`c2sp.org/tlog-witness`): somebody elsewhere who remembers the last one, cosigns the next
//! if the tree grew out of it, and so never two that contradict each other.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::checkpoint::Checkpoint;
use crate::crypto::{KeyName, Note, WitnessKey};
use crate::ledger::TreeHash;
use crate::outgoing::{Answer, Channel, Destination, Message, Outgoing, OutgoingFault};
use crate::types::WebhookUrl;

/// Time for one question.
const TIME_MAX: Duration = Duration::from_secs(10);
/// Bytes of an answer: some signatures, or a size.
const ANSWER_BYTES_MAX: usize = 16 << 10;
/// Hashes of a consistency proof that a witness must take.
const PROOF_MAX: usize = 63;

/// Who witnesses.
#[derive(Clone, Debug)]
pub struct WitnessSettings {
    /// Its submission prefix.
    pub url: WebhookUrl,
    /// Its key.
    pub key: WitnessKey,
    /// How it is reached.
    pub outgoing: Outgoing,
}

/// Why there is no cosignature.
#[derive(Debug, thiserror::Error)]
pub enum WitnessFault {
    /// There is no answer.
    #[error("the witness cannot be asked: {0}")]
    Unreached(#[from] OutgoingFault),
    /// Others have waited for it for long.
    #[error("the witness keeps others waiting; try again in a moment")]
    Busy,
    /// It says no.
    #[error("the witness answers with status {0}{hint}", hint = hint(*.0))]
    Refused(u16),
    /// It remembers a longer ledger than there is.
    #[error(
        "the witness has cosigned {seen} records of this ledger, and there are only {size}: an older copy was put back, or \
         somebody else uses its name (audit.origin)"
    )]
    Ahead {
        /// What it has seen.
        seen: u64,
        /// What there is.
        size: u64,
    },
    /// It answers what nobody can read.
    #[error("the answer of the witness is none of its protocol")]
    Answer,
    /// Its signature does not fit.
    #[error("the witness's signature does not fit audit.witness_key or the checkpoint")]
    Forged,
    /// The proof cannot be made.
    #[error("the proof for the witness cannot be made: {0}")]
    Proof(String),
}

fn hint(status: u16) -> &'static str {
    match status {
        403 | 404 => ": it does not know this ledger; give it the ledger's verifier key",
        422 => ": it does not believe that the ledger grew out of what it has seen before",
        _ => "",
    }
}

/// Asks one witness, one question at a time.
pub(super) struct Witness {
    settings: WitnessSettings,
    /// Of which ledger it has cosigned how many records, as far as is known.
    seen: Mutex<Option<(KeyName, u64)>>,
    /// Held by whoever asks.
    asking: AsyncMutex<()>,
}

impl Witness {
    pub(super) fn new(settings: WitnessSettings) -> Self {
        Self {
            settings,
            seen: Mutex::default(),
            asking: AsyncMutex::default(),
        }
    }

    /// Waits for those who ask already. What is to be cosigned is chosen after that: a shorter ledger than the witness has
    /// just seen would look like an older copy.
    pub(super) async fn turn(&self) -> Result<MutexGuard<'_, ()>, WitnessFault> {
        let turn = timeout(TIME_MAX, self.asking.lock()).await;
        turn.map_err(|_| WitnessFault::Busy)
    }

    /// How many records of this ledger it has cosigned, as far as is known.
    fn seen(&self, origin: &KeyName) -> u64 {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let of = seen.as_ref().filter(|(of, _)| of == origin);
        of.map_or(0, |(_, size)| *size)
    }

    fn remember(&self, origin: &KeyName, size: u64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Some((origin.clone(), size));
    }

    /// Whether a note has its cosignature.
    pub(super) fn has_cosigned(&self, note: &str) -> bool {
        Note::parse(note).is_ok_and(|note| self.settings.key.cosigned(&note).is_some())
    }

    /// Has a signed checkpoint cosigned: the note with the cosignature. `prove` makes the proof that the tree grew out of
    /// the one of that size; it may block.
    pub(super) async fn cosign(
        &self,
        checkpoint: &Checkpoint,
        note: &str,
        prove: impl Fn(u64) -> Result<Vec<TreeHash>, String> + Clone + Send + 'static,
    ) -> Result<String, WitnessFault> {
        let mut old = self.seen(&checkpoint.origin);
        // Once more where it remembers another size than was thought: after a start it is not known.
        for _ in 0..2 {
            if old > checkpoint.size {
                let (seen, size) = (old, checkpoint.size);
                return Err(WitnessFault::Ahead { seen, size });
            }
            let prove = prove.clone();
            let proof = spawn_blocking(move || prove(old)).await;
            let proof = proof.map_err(|error| WitnessFault::Proof(error.to_string()))?;
            let proof = proof.map_err(WitnessFault::Proof)?;
            let Answer { status, body } = self.ask(old, &proof, note).await?;
            match status {
                200 => {
                    let cosigned = self.checked(note, &body)?;
                    self.remember(&checkpoint.origin, checkpoint.size);
                    return Ok(cosigned);
                }
                409 => {
                    let text = std::str::from_utf8(&body).map_err(|_| WitnessFault::Answer)?;
                    old = text.trim_end().parse().map_err(|_| WitnessFault::Answer)?;
                    self.remember(&checkpoint.origin, old);
                }
                status => return Err(WitnessFault::Refused(status)),
            }
        }
        Err(WitnessFault::Refused(409))
    }

    async fn ask(&self, old: u64, proof: &[TreeHash], note: &str) -> Result<Answer, WitnessFault> {
        if proof.len() > PROOF_MAX {
            return Err(WitnessFault::Proof("it is too long".to_owned()));
        }
        let mut body = format!("old {old}\n");
        for hash in proof {
            let _ = writeln!(body, "{}", STANDARD.encode(hash));
        }
        body.push('\n');
        body.push_str(note);
        let url = &self.settings.url;
        let target = format!("{}/add-checkpoint", url.target().trim_end_matches('/'));
        let to = Destination {
            channel: if url.origin().is_https() {
                Channel::Tls
            } else {
                Channel::Plain
            },
            host: url.origin().host(),
            port: url.origin().port(),
            authority: url.origin().authority(),
            target: &target,
        };
        let message = Message {
            body: Some(Bytes::from(body)),
            fields: &[("content-type", "text/plain; charset=utf-8")],
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        Ok(self.settings.outgoing.send(to, message, TIME_MAX).await?)
    }

    /// The note with the signature lines of an answer, once one of them is the witness's.
    fn checked(&self, note: &str, lines: &[u8]) -> Result<String, WitnessFault> {
        let lines = std::str::from_utf8(lines).map_err(|_| WitnessFault::Answer)?;
        // Each line is looked at by itself: others say nothing, and are not taken in.
        for line in lines.lines() {
            let cosigned = format!("{note}{line}\n");
            let parsed = Note::parse(&cosigned).map_err(|_| WitnessFault::Answer)?;
            if self.settings.key.cosigned(&parsed).is_some() {
                return Ok(cosigned);
            }
        }
        Err(WitnessFault::Forged)
    }
}
