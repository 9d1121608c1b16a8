//! `Idempotency-Key`: a POST that its client sends again, because the first answer was lost, has no second effect and gets
//! the same answer (draft-ietf-httpapi-idempotency-key-header).
//!
//! In memory only, so a restart forgets. Nothing that a client sent is kept: caller, route, key and body are fingerprints
//! under a key drawn at the start. Answers are kept as they are, for a day at most, and wiped when they go.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use warp::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use zeroize::Zeroizing;

use super::codes::Code;
use super::reply::ApiError;
use super::response::{Body, Response};
use crate::system::{Entropy, random_array};
use crate::types::Span;

/// The header that has the key.
pub(super) static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is the earlier one.
pub(super) static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Characters of a key.
const KEY_MAX: usize = 255;
/// How long an answer is kept.
const KEPT_FOR: Span = Span::hours(24);
/// What a client whose call cannot be kept now is told to wait.
const WAIT: Span = Span::seconds(1);

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Calls at once.
    pub calls_max: usize,
    /// Calls of one caller at once: a flood of one makes others forget nothing.
    pub calls_per_caller_max: usize,
    /// Bytes of all answers.
    pub bytes_max: usize,
}

impl Room {
    /// 16,384 calls, 256 of one caller, 32 MiB.
    pub const DEFAULT: Self = Self {
        calls_max: 16 * 1024,
        calls_per_caller_max: 256,
        bytes_max: 32 << 20,
    };
}

type Print = [u8; 32];

/// The calls that were made with a key, and what was answered. Cheap to copy.
#[derive(Clone)]
pub struct Idempotency {
    inner: Arc<Inner>,
}

struct Inner {
    key: [u8; 32],
    room: Room,
    held: Mutex<Held>,
}

/// Calls by their fingerprint, and their order: of all, and of each caller.
#[derive(Default)]
struct Held {
    calls: HashMap<Print, Call>,
    order: BTreeMap<u64, Print>,
    callers: HashMap<Print, BTreeSet<u64>>,
    bytes: usize,
    next: u64,
}

struct Call {
    number: u64,
    caller: Print,
    body: Print,
    begun: Span,
    /// None while it is being carried out.
    answer: Option<Kept>,
}

struct Kept {
    status: StatusCode,
    headers: HeaderMap,
    body: Zeroizing<Vec<u8>>,
}

/// What a call with a key is.
pub(super) enum Begun {
    /// The first one: it is to be carried out, and its answer given to the ticket.
    First(Ticket),
    /// A repeat.
    Answered(Response),
}

/// Who calls what.
pub(super) struct Said<'a> {
    /// Whoever calls, told apart from everybody else.
    pub(super) caller: &'a [&'a [u8]],
    /// Path and query.
    pub(super) target: &'a str,
    /// The key.
    pub(super) key: &'a str,
    /// The body.
    pub(super) body: &'a [u8],
}

/// A call that is being carried out. Dropped without an answer it is forgotten.
pub(super) struct Ticket {
    inner: Arc<Inner>,
    print: Print,
    number: u64,
}

/// Whether answers of a path are kept. What asks about a token is true of the moment only; and an exchange of refresh tokens
/// has a grace of its own, beyond which an old one is a replay that must be noticed.
pub(super) fn is_kept(path: &str) -> bool {
    !["/v1/introspect", "/v1/auth/refresh"].contains(&path)
}

/// Reads a key: 1 to 255 visible characters.
pub(super) fn read_key(value: &HeaderValue) -> Result<&str, ApiError> {
    let text = value.to_str().ok().filter(|text| {
        (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    });
    text.ok_or_else(|| ApiError::invalid("Idempotency-Key", "not-1-to-255-visible-characters"))
}

impl Idempotency {
    /// Nothing yet.
    pub fn new(entropy: &dyn Entropy, room: Room) -> Self {
        let inner = Inner {
            key: random_array(entropy),
            room,
            held: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Looks whether a call was made before; `now` is on a clock that never goes back. Refuses a key that came with another
    /// body (422), or whose call is still being carried out (409).
    pub(super) fn begin(&self, said: &Said<'_>, now: Span) -> Result<Begun, ApiError> {
        let caller = self.inner.print(said.caller.iter().copied());
        let print = self
            .inner
            .print([&caller[..], said.target.as_bytes(), said.key.as_bytes()]);
        let body = self.inner.print([said.body]);
        let mut held = self.inner.held();
        held.forget_old(now);
        if let Some(call) = held.calls.get(&print) {
            return match &call.answer {
                _ if call.body != body => Err(Code::IdempotencyKeyReused.into()),
                None => Err(Code::IdempotencyInProgress.into()),
                Some(kept) => Ok(Begun::Answered(kept.response())),
            };
        }
        held.make_room_for(&caller, self.inner.room)?;
        let number = held.next;
        held.next += 1;
        held.order.insert(number, print);
        held.callers.entry(caller).or_default().insert(number);
        let call = Call {
            number,
            caller,
            body,
            begun: now,
            answer: None,
        };
        held.calls.insert(print, call);
        Ok(Begun::First(Ticket {
            inner: Arc::clone(&self.inner),
            print,
            number,
        }))
    }
}

impl Inner {
    fn print<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> Print {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        *hasher.finalize().as_bytes()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn forget(&mut self, print: &Print) {
        let Some(call) = self.calls.remove(print) else {
            return;
        };
        self.order.remove(&call.number);
        if let Some(numbers) = self.callers.get_mut(&call.caller) {
            numbers.remove(&call.number);
            if numbers.is_empty() {
                self.callers.remove(&call.caller);
            }
        }
        self.bytes -= call.answer.as_ref().map_or(0, Kept::size);
    }

    fn forget_old(&mut self, now: Span) {
        while let Some(print) = self.oldest_answered(self.order.values(), 1) {
            if now.0 - self.calls[&print].begun.0 < KEPT_FOR.0 {
                return;
            }
            self.forget(&print);
        }
    }

    /// The oldest that is not being carried out, among the first `look` of these.
    fn oldest_answered<'a>(&'a self, prints: impl Iterator<Item = &'a Print>, look: usize) -> Option<Print> {
        let is_answered = |print: &&Print| self.calls.get(*print).is_some_and(|call| call.answer.is_some());
        prints.take(look).find(is_answered).copied()
    }

    /// Makes room for one more call; a caller makes room among their own first.
    fn make_room_for(&mut self, caller: &Print, room: Room) -> Result<(), ApiError> {
        let busy = || ApiError::new(Code::Overloaded).with_retry(WAIT, None);
        if let Some(numbers) = self
            .callers
            .get(caller)
            .filter(|own| own.len() >= room.calls_per_caller_max)
        {
            let own = numbers.iter().filter_map(|number| self.order.get(number));
            let oldest = self.oldest_answered(own, usize::MAX).ok_or_else(busy)?;
            self.forget(&oldest);
        }
        if self.calls.len() >= room.calls_max {
            let oldest = self
                .oldest_answered(self.order.values(), usize::MAX)
                .ok_or_else(busy)?;
            self.forget(&oldest);
        }
        Ok(())
    }
}

impl Kept {
    /// What a repeat is told; none where the call had better be decided anew: it was not carried out, or its refusal is one
    /// that some clients repeat without end, and which a counter has to see.
    fn of(response: &Response) -> Option<Self> {
        let status = response.status;
        let is_final = !status.is_server_error()
            && ![
                StatusCode::UNAUTHORIZED,
                StatusCode::REQUEST_TIMEOUT,
                StatusCode::TOO_MANY_REQUESTS,
            ]
            .contains(&status);
        match &response.body {
            Body::Whole(body) if is_final => Some(Self {
                status,
                headers: response.headers.clone(),
                body: Zeroizing::new(body.to_vec()),
            }),
            Body::Whole(_) | Body::Stream(_) => None,
        }
    }

    fn size(&self) -> usize {
        self.body.len()
    }

    fn response(&self) -> Response {
        let response = Response {
            status: self.status,
            headers: self.headers.clone(),
            body: Body::Whole(Bytes::copy_from_slice(&self.body)),
            refusal: None,
        };
        response.with(REPLAYED.clone(), HeaderValue::from_static("true"))
    }
}

impl Ticket {
    /// Keeps what was answered.
    pub(super) fn answered(self, response: &Response) {
        let Some(kept) = Kept::of(response).filter(|kept| kept.size() <= self.inner.room.bytes_max) else {
            return;
        };
        let mut held = self.inner.held();
        while held.bytes + kept.size() > self.inner.room.bytes_max {
            let Some(oldest) = held.oldest_answered(held.order.values(), usize::MAX) else {
                break;
            };
            held.forget(&oldest);
        }
        let size = kept.size();
        if let Some(call) = held.calls.get_mut(&self.print) {
            call.answer = Some(kept);
            held.bytes += size;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut held = self.inner.held();
        let is_unanswered = held
            .calls
            .get(&self.print)
            .is_some_and(|call| call.number == self.number && call.answer.is_none());
        if is_unanswered {
            held.forget(&self.print);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SeededEntropy;

    const ROOM: Room = Room {
        calls_max: 4,
        calls_per_caller_max: 2,
        bytes_max: 100,
    };

    fn idempotency() -> Idempotency {
        Idempotency::new(&SeededEntropy::new(1), ROOM)
    }

    fn call(memory: &Idempotency, caller: &str, key: &str, body: &str, hour: i64) -> Result<Begun, Code> {
        let said = Said {
            caller: &[caller.as_bytes()],
            target: "/v1/things",
            key,
            body: body.as_bytes(),
        };
        memory.begin(&said, Span::hours(hour)).map_err(|error| error.code)
    }

    fn first(memory: &Idempotency, caller: &str, key: &str, hour: i64) -> Ticket {
        match call(memory, caller, key, "body", hour) {
            Ok(Begun::First(ticket)) => ticket,
            Ok(Begun::Answered(_)) => panic!("it is a repeat"),
            Err(code) => panic!("{code:?}"),
        }
    }

    fn is_known(memory: &Idempotency, caller: &str, key: &str, hour: i64) -> bool {
        matches!(call(memory, caller, key, "body", hour), Ok(Begun::Answered(_)))
    }

    fn answer(text: &'static str) -> Response {
        Response::text(StatusCode::OK, text)
    }

    #[test]
    fn a_repeat_gets_the_same_answer_for_a_day() {
        let memory = idempotency();
        first(&memory, "ada", "k", 0).answered(&answer("made"));
        let Ok(Begun::Answered(again)) = call(&memory, "ada", "k", "body", 23) else {
            panic!("it is forgotten");
        };
        assert_eq!(again.bytes().unwrap(), "made");
        assert_eq!(again.headers["idempotency-replayed"], "true");
        first(&memory, "ada", "k", 24);
    }

    #[test]
    fn another_body_is_refused_and_so_is_a_call_that_still_runs() {
        let memory = idempotency();
        let ticket = first(&memory, "ada", "k", 0);
        let refused = |body| call(&memory, "ada", "k", body, 0).err();
        assert_eq!(refused("body"), Some(Code::IdempotencyInProgress));
        assert_eq!(refused("other"), Some(Code::IdempotencyKeyReused));
        ticket.answered(&answer("made"));
        assert_eq!(refused("other"), Some(Code::IdempotencyKeyReused));
        first(&memory, "bob", "k", 0);
    }

    #[test]
    fn what_was_not_carried_out_is_forgotten() {
        let memory = idempotency();
        drop(first(&memory, "ada", "k", 0));
        for status in [401, 408, 429, 500, 503] {
            let response = Response::text(StatusCode::from_u16(status).unwrap(), "");
            first(&memory, "ada", "k", 0).answered(&response);
        }
        first(&memory, "ada", "k", 0).answered(&Response::text(StatusCode::CONFLICT, ""));
        assert!(is_known(&memory, "ada", "k", 0));
    }

    #[test]
    fn there_is_room_for_so_many_calls_and_bytes_and_a_flood_of_one_caller_costs_only_them() {
        let memory = idempotency();
        first(&memory, "ada", "k", 0).answered(&answer("made"));
        for key in ["1", "2", "3", "4", "5"] {
            first(&memory, "bob", key, 0).answered(&answer("made"));
        }
        assert!(is_known(&memory, "ada", "k", 0));
        assert!(!is_known(&memory, "bob", "3", 0), "this asked for room itself");
        assert!(is_known(&memory, "bob", "5", 0));
        let (one, two) = (first(&memory, "eve", "1", 0), first(&memory, "eve", "2", 0));
        assert_eq!(call(&memory, "eve", "3", "body", 0).err(), Some(Code::Overloaded));
        drop((one, two));
        let long = Response::text(StatusCode::OK, "x".repeat(98));
        first(&memory, "fay", "1", 0).answered(&long);
        assert!(is_known(&memory, "fay", "1", 0) && !is_known(&memory, "ada", "k", 0));
        let too_long = Response::text(StatusCode::OK, "x".repeat(101));
        first(&memory, "fay", "2", 0).answered(&too_long);
        assert!(!is_known(&memory, "fay", "2", 0));
    }
}
