//! The latest text of each execution, for programs that keep sending the first one.
//!
//! Every answer gives a program a new text to send next, but a program that was written to one id for a whole execution
//! works too, as long as it calls from where it began: an older text stands for the latest one of the same execution.
//! Nobody else's does, or somebody could lay out an execution for a person and take it over from them (A24). It is kept in
//! memory and bounded; after a restart only the newest text goes on.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};

use super::execution::Execution;
use super::{Desk, FlowStep};

/// Executions remembered at a time; one more takes the place of the one that began first.
const REMEMBERED_MAX: usize = 4_096;

#[derive(Default)]
pub(in super::super) struct Latest {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    texts: HashMap<[u8; 16], Entry>,
    order: VecDeque<[u8; 16]>,
}

struct Entry {
    caller: [u8; 32],
    answers: u32,
    text: SecretString,
}

impl Latest {
    fn note(&self, id: [u8; 16], entry: Entry) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { texts, order } = &mut *kept;
        match texts.get_mut(&id) {
            Some(known) if known.caller != entry.caller || known.answers > entry.answers => {}
            Some(known) => *known = entry,
            None => {
                if order.len() >= REMEMBERED_MAX
                    && let Some(oldest) = order.pop_front()
                {
                    texts.remove(&oldest);
                }
                texts.insert(id, entry);
                order.push_back(id);
            }
        }
    }

    fn newer(&self, id: [u8; 16], answers: u32, caller: &[u8; 32]) -> Option<SecretString> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.texts.get(&id)?;
        (known.caller == *caller && known.answers > answers).then(|| known.text.clone())
    }
}

impl Desk {
    /// The text that an execution has now, for the caller that it belongs to: which program, from which network.
    pub fn latest_execution(&self, text: &str, caller: &[&[u8]]) -> SecretString {
        let newer = self.opened(text).and_then(|execution| {
            let Execution { id, answers, .. } = execution;
            self.inner.latest.newer(id, answers, &print(caller))
        });
        newer.unwrap_or_else(|| SecretString::from(text))
    }

    /// Notes what a step left an execution as.
    pub fn note_execution(&self, step: &FlowStep, caller: &[&[u8]]) {
        if let Some(execution) = self.opened(step.execution.expose_secret()) {
            let entry = Entry {
                caller: print(caller),
                answers: execution.answers,
                text: step.execution.clone(),
            };
            self.inner.latest.note(execution.id, entry);
        }
    }

    fn opened(&self, text: &str) -> Option<Execution> {
        let ring = self.engine().keyring().current();
        Execution::open(&ring, text, self.now())
    }
}

fn print(caller: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in caller {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(caller: u8, answers: u32) -> Entry {
        Entry {
            caller: [caller; 32],
            answers,
            text: SecretString::from(answers.to_string()),
        }
    }

    #[test]
    fn a24_an_older_text_stands_for_the_latest_one_for_its_own_caller_only() {
        let latest = Latest::default();
        latest.note([1; 16], entry(7, 0));
        latest.note([1; 16], entry(7, 2));
        latest.note([1; 16], entry(8, 3));
        latest.note([1; 16], entry(7, 1));
        let newer = |answers, caller| {
            let found = latest.newer([1; 16], answers, &[caller; 32]);
            found.map(|text| text.expose_secret().to_owned())
        };
        assert_eq!(newer(0, 7).as_deref(), Some("2"));
        assert_eq!(newer(2, 7), None);
        assert_eq!(newer(0, 8), None);
    }

    #[test]
    fn no_more_executions_are_remembered_than_there_is_room_for() {
        let latest = Latest::default();
        for number in 0..=REMEMBERED_MAX {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&(number as u64).to_be_bytes());
            latest.note(id, entry(1, 1));
        }
        let kept = latest.kept.lock().unwrap();
        assert_eq!(
            (kept.texts.len(), kept.order.len()),
            (REMEMBERED_MAX, REMEMBERED_MAX)
        );
        assert!(!kept.texts.contains_key(&[0; 16]));
    }
}
