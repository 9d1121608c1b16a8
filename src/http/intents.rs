//! What somebody was about to do when they were asked once more who they are: kept until they have shown it, so that
//! nothing that they typed is lost. It is in memory only and bounded; after a restart they begin again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret as _, SecretString};

use crate::types::{SessionId, Span, Timestamp};

/// So long it is kept.
const KEPT_FOR: Span = Span::minutes(10);
/// So many are kept at a time, one a session; one more takes the place of the oldest.
const INTENTS_MAX: usize = 256;
/// Bytes that all of them may have together.
const BYTES_MAX: usize = 4 << 20;

/// A form that was sent and not acted upon.
#[derive(Clone)]
pub struct Intent {
    /// Where to.
    pub path: String,
    /// Its fields, without the one that says which session it was made for.
    pub fields: Vec<(String, SecretString)>,
    /// The page that it leads back to.
    pub back: String,
}

impl Intent {
    fn len(&self) -> usize {
        let fields = self.fields.iter();
        let fields = fields.map(|(name, value)| name.len() + value.expose_secret().len());
        self.path.len() + self.back.len() + fields.sum::<usize>()
    }
}

/// What sessions were about to do.
#[derive(Default)]
pub struct Intents(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_session: BTreeMap<SessionId, (Intent, Timestamp)>,
    order: VecDeque<SessionId>,
    bytes: usize,
}

impl Kept {
    fn forget(&mut self, session: SessionId) -> Option<(Intent, Timestamp)> {
        let gone = self.by_session.remove(&session)?;
        self.order.retain(|known| *known != session);
        self.bytes -= gone.0.len();
        Some(gone)
    }

    fn put(&mut self, session: SessionId, intent: Intent, until: Timestamp) {
        self.forget(session);
        while self.order.len() >= INTENTS_MAX || self.bytes + intent.len() > BYTES_MAX {
            let Some(oldest) = self.order.front().copied() else {
                return;
            };
            self.forget(oldest);
        }
        self.bytes += intent.len();
        self.order.push_back(session);
        self.by_session.insert(session, (intent, until));
    }
}

impl Intents {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what a session was about to do, in the place of what it was about to do before; what was kept for long enough
    /// goes.
    pub fn keep(&self, session: SessionId, intent: Intent, now: Timestamp) {
        let mut kept = self.kept();
        // All are kept for the same time; one that was handed over is over a little before its turn, and goes in its turn.
        while let Some(oldest) = kept.order.front().copied() {
            if kept
                .by_session
                .get(&oldest)
                .is_some_and(|(_, until)| now < *until)
            {
                break;
            }
            kept.forget(oldest);
        }
        kept.put(session, intent, now + KEPT_FOR);
    }

    /// Forgets what a session was about to do.
    pub fn forget(&self, session: SessionId) {
        self.kept().forget(session);
    }

    /// Hands over to the session that took another's place what that was about to do, if it leads back to this page; says
    /// whether there was something.
    pub fn hand_over(&self, from: SessionId, to: SessionId, back: &str, now: Timestamp) -> bool {
        let mut kept = self.kept();
        match kept.forget(from) {
            Some((intent, until)) if intent.back == back && now < until => {
                kept.put(to, intent, until);
                true
            }
            Some(_) | None => false,
        }
    }

    /// What a session is about to do.
    pub fn of(&self, session: SessionId, now: Timestamp) -> Option<Intent> {
        let kept = self.kept();
        let (intent, until) = kept.by_session.get(&session)?;
        (now < *until).then(|| intent.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn session(number: u16) -> SessionId {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        SessionId(id)
    }

    fn intent(value: &str) -> Intent {
        Intent {
            path: "/account/addresses".to_owned(),
            fields: vec![("email".to_owned(), value.into())],
            back: "/account/addresses".to_owned(),
        }
    }

    #[test]
    fn what_a_session_was_about_to_do_goes_to_the_one_that_follows_it_and_to_no_other() {
        let intents = Intents::default();
        intents.keep(session(1), intent("a"), NOW);
        assert!(intents.of(session(2), NOW).is_none());
        assert!(intents.hand_over(session(1), session(2), "/account/addresses", NOW));
        assert!(intents.of(session(1), NOW).is_none() && intents.of(session(2), NOW).is_some());
        assert!(intents.of(session(2), NOW + KEPT_FOR).is_none());
        assert!(!intents.hand_over(session(2), session(3), "/account/close", NOW));
        assert!(
            intents.of(session(3), NOW).is_none(),
            "it was about something else"
        );
    }

    #[test]
    fn there_is_room_for_so_much_and_the_oldest_goes_first() {
        let intents = Intents::default();
        for number in 0..300 {
            intents.keep(session(number), intent("a"), NOW);
        }
        assert!(intents.of(session(43), NOW).is_none() && intents.of(session(44), NOW).is_some());
        intents.keep(session(400), intent(&"x".repeat(BYTES_MAX / 2)), NOW);
        intents.keep(session(401), intent(&"x".repeat(BYTES_MAX / 2)), NOW);
        assert!(intents.of(session(400), NOW).is_none() && intents.of(session(401), NOW).is_some());
        intents.keep(session(402), intent(&"x".repeat(BYTES_MAX)), NOW);
        assert!(intents.of(session(402), NOW).is_none());
        intents.keep(session(403), intent("a"), NOW);
        intents.keep(session(404), intent("a"), NOW + KEPT_FOR);
        let kept = intents.kept();
        assert_eq!((kept.order.len(), kept.by_session.len()), (1, 1));
        assert_eq!(kept.bytes, intent("a").len());
    }
}
