//! The range service of Have I Been Pwned: 20 bits of a hash leave, and the answer is as long as for any others (P-07).
//!
//! <https://haveibeenpwned.com/API/v3#PwnedPasswords>. Only the password as typed is asked for: the prefixes of two
//! spellings would together tell more than either. The request goes out as all do (`outgoing/`), takes [`RANGE_TIME_MAX`] at
//! most, and after a failure the service is left alone for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::Semaphore;

use super::LeakedHash;
use crate::domain::password_policy::RangeUrl;
use crate::outgoing::{Answer, Channel, Destination, Message, Neighbours, Outgoing, OutgoingFault};

/// Time for everything: the name, the connection, TLS, and the answer.
pub const RANGE_TIME_MAX: Duration = Duration::from_secs(1);
/// How long a service that failed is left alone.
const REST: Duration = Duration::from_secs(10);
/// Questions at once.
const QUESTIONS_MAX: usize = 16;
/// Bytes of an answer; those of Have I Been Pwned have up to 100,000.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
const STATUS_OK: u16 = 200;
const PREFIX_DIGITS: usize = 5;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum RangeFault {
    #[error("it failed less than 10 seconds ago")]
    Resting,
    #[error("too many questions are waiting")]
    Crowded,
    #[error("it did not answer within a second")]
    TooLate,
    #[error(
        "its name leads to this machine or into a private network; set breach.allow_private if it is meant to be there"
    )]
    Private,
    #[error("{0}")]
    Unasked(OutgoingFault),
    #[error("it answers with status {0}")]
    Status(u16),
    #[error("its answer is not one of a range service")]
    Answer,
}

impl From<OutgoingFault> for RangeFault {
    fn from(fault: OutgoingFault) -> Self {
        match fault {
            OutgoingFault::TooLate => Self::TooLate,
            OutgoingFault::Private => Self::Private,
            OutgoingFault::NotTls
            | OutgoingFault::Malformed
            | OutgoingFault::Unreached(_)
            | OutgoingFault::Http(_)
            | OutgoingFault::Body => Self::Unasked(fault),
        }
    }
}

/// Asks range services.
#[derive(Debug)]
pub(super) struct RangeClient {
    outgoing: Outgoing,
    patience: Duration,
    questions: Semaphore,
    /// Which service failed last, and when.
    failed: Mutex<Option<(RangeUrl, Duration)>>,
}

impl RangeClient {
    pub(super) fn new(tls: Arc<ClientConfig>, neighbours: Neighbours, patience: Duration) -> Self {
        Self {
            outgoing: Outgoing::new(tls, neighbours),
            patience: patience.min(RANGE_TIME_MAX),
            questions: Semaphore::new(QUESTIONS_MAX),
            failed: Mutex::default(),
        }
    }

    /// How often the service has seen a hash; `now` is the boot clock's.
    pub(super) async fn count(
        &self,
        url: &RangeUrl,
        hash: LeakedHash,
        now: Duration,
    ) -> Result<u64, RangeFault> {
        let is_resting = {
            let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed
                .as_ref()
                .is_some_and(|(failed, at)| failed == url && now.saturating_sub(*at) < REST)
        };
        if is_resting {
            return Err(RangeFault::Resting);
        }
        let _one = self.questions.try_acquire().map_err(|_| RangeFault::Crowded)?;
        let counted = self.ask(url, hash).await;
        if counted.is_err() {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            *failed = Some((url.clone(), now));
        }
        counted
    }

    async fn ask(&self, url: &RangeUrl, hash: LeakedHash) -> Result<u64, RangeFault> {
        let digits = hash.to_hex();
        let (prefix, suffix) = digits.split_at(PREFIX_DIGITS);
        let (authority, target) = (url.authority(), url.range_path(prefix));
        let to = Destination {
            channel: Channel::Tls,
            host: url.host(),
            port: url.port(),
            authority: &authority,
            target: &target,
        };
        let message = Message {
            body: None,
            fields: &[("add-padding", "true")],
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        let Answer { status, body } = self.outgoing.send(to, message, self.patience).await?;
        if status != STATUS_OK {
            return Err(RangeFault::Status(status));
        }
        count_in(&body, suffix)
    }
}

/// The count behind a suffix, 0 if it is not there. Every line must be of the form `suffix:count`.
fn count_in(body: &[u8], suffix: &str) -> Result<u64, RangeFault> {
    let text = str::from_utf8(body).map_err(|_| RangeFault::Answer)?;
    let mut found = 0;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (hash, count) = line.split_once(':').ok_or(RangeFault::Answer)?;
        let is_suffix = hash.len() == suffix.len() && hash.bytes().all(|b| b.is_ascii_hexdigit());
        let count: u64 = count.trim_end().parse().map_err(|_| RangeFault::Answer)?;
        if !is_suffix {
            return Err(RangeFault::Answer);
        }
        if hash.eq_ignore_ascii_case(suffix) {
            found = count;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        let suffix = "2DC183F740EE76F27B78EB39C8AD972A757";
        let line = |suffix: &str, count: &str| format!("{suffix}:{count}\r\n");
        let other = line(&"0".repeat(35), "0");
        let count = |text: &str| count_in(text.as_bytes(), suffix).ok();
        assert_eq!(count(&(other.clone() + &line(suffix, "83129"))), Some(83_129));
        assert_eq!(count(&line(&suffix.to_ascii_lowercase(), "2")), Some(2));
        assert_eq!(count(&other), Some(0));
        assert_eq!(count(""), Some(0));
        for wrong in [
            "<html>\n",
            "2DC18:1\n",
            "no colon",
            &line(suffix, "many"),
            &line(suffix, "-1"),
        ] {
            assert_eq!(count(wrong), None, "{wrong}");
        }
    }
}
