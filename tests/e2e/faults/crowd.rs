//! People who use the house while it dies, and remember what they were told.
//!
//! Each thread has people of its own, so what one of them was told is not changed by another. What was not answered is in
//! doubt: it may have happened as a whole, or not at all.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use keyledger::mail::sink::Sink;
use serde_json::json;

use super::super::process::{Client, Home};
use super::PATIENCE;

/// People at once.
const THREADS: usize = 6;

/// What somebody knows about their own account.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) email: String,
    /// The password, and the one that may have taken its place.
    password: String,
    in_doubt: Option<String>,
    /// Access tokens, with whether they open; `None` is in doubt.
    tokens: Vec<(String, Option<bool>)>,
    /// Passwords that were set by recovery, as far as is known.
    recoveries: u64,
    /// Whether a reset was asked for, and its mail was not used yet.
    asked: u64,
    /// Whether anything changed since the last check.
    changed: bool,
}

/// What everybody together was told.
#[derive(Default, Clone, Copy, Debug)]
pub(super) struct Acknowledged {
    pub(super) sign_ups: u64,
    pub(super) resets: u64,
    pub(super) revocations: u64,
    pub(super) settings: u64,
    pub(super) in_doubt: u64,
    pub(super) mails: u64,
    pub(super) mails_twice: u64,
}

impl Acknowledged {
    /// How many things must hold.
    pub(super) fn items(self) -> u64 {
        self.sign_ups + self.resets + self.revocations + self.settings
    }
}

/// Everybody, over all lives of the server.
pub(super) struct Crowd {
    people: Mutex<BTreeMap<String, Person>>,
    /// Labels of the API keys that were made.
    keys: Mutex<Vec<String>>,
    keys_in_doubt: Mutex<Vec<String>>,
    pub(super) told: Mutex<Acknowledged>,
    number: AtomicU64,
}

/// The acknowledgements of one life of the server.
struct Count {
    seen: Mutex<(u64, usize)>,
    told: Condvar,
}

impl Crowd {
    pub(super) fn new() -> Self {
        Self {
            people: Mutex::default(),
            keys: Mutex::default(),
            keys_in_doubt: Mutex::default(),
            told: Mutex::default(),
            number: AtomicU64::new(0),
        }
    }

    /// Lets everybody work until so many things were acknowledged, ends the server by `end`, and waits until everybody
    /// has noticed.
    pub(super) fn work(&self, client: &Client, sink: &Sink, until: u64, end: impl FnOnce()) {
        let count = Arc::new(Count {
            seen: Mutex::new((0, THREADS)),
            told: Condvar::new(),
        });
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (count, stop) = (Arc::clone(&count), &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::Acquire) && self.act(thread, client, sink, &count).is_ok() {}
                    let mut seen = count.seen.lock().unwrap();
                    seen.1 -= 1;
                    count.told.notify_all();
                });
            }
            let seen = count.seen.lock().unwrap();
            // A server that ends by itself (its disk is full) leaves nobody at work.
            let (seen, timeout) = count
                .told
                .wait_timeout_while(seen, PATIENCE, |(acknowledged, at_work)| {
                    *acknowledged < until && *at_work > 0
                })
                .unwrap();
            assert!(!timeout.timed_out(), "only {} acknowledgements", seen.0);
            drop(seen);
            end();
            stop.store(true, Ordering::Release);
        });
    }

    /// One thing that one person does; an error is a server that is gone.
    fn act(&self, thread: usize, client: &Client, sink: &Sink, count: &Count) -> std::io::Result<()> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let known: Vec<Person> = {
            let people = self.people.lock().unwrap();
            let prefix = format!("t{thread}-");
            people
                .range(prefix.clone()..)
                .take_while(|(email, _)| email.starts_with(&prefix))
                .map(|(_, person)| person.clone())
                .collect()
        };
        let with_mail = known
            .iter()
            .rev()
            .find(|person| person.asked > 0 && person.in_doubt.is_none());
        let somebody =
            (!known.is_empty()).then(|| &known[usize::try_from(number).unwrap_or(0) % known.len()]);
        let acted = match (number % 4, somebody, with_mail) {
            (1 | 2, _, Some(person)) => self.recovers(person.clone(), number, client, sink),
            (2, Some(person), None) if person.asked == 0 => self.asks(person.clone(), client),
            (3, Some(person), _) => self.leaves(person.clone(), client),
            _ => self.signs_up(&format!("t{thread}-{number}@example.org"), client),
        };
        if acted? {
            count.seen.lock().unwrap().0 += 1;
            count.told.notify_all();
        }
        Ok(())
    }

    fn keep(&self, mut person: Person) {
        person.changed = true;
        self.people.lock().unwrap().insert(person.email.clone(), person);
    }

    fn tell(&self, change: impl FnOnce(&mut Acknowledged)) {
        change(&mut self.told.lock().unwrap());
    }

    fn signs_up(&self, email: &str, client: &Client) -> std::io::Result<bool> {
        let mut person = Person {
            email: email.to_owned(),
            password: "First-pass-word-1!".to_owned(),
            in_doubt: None,
            tokens: vec![],
            recoveries: 0,
            asked: 0,
            changed: true,
        };
        let body = json!({ "email": email, "password": person.password, "name": "Somebody" });
        let answer = client.try_ask("POST", "/v1/auth/email/signup", Some(&body), None);
        match answer {
            Ok(answer) if answer.status == 201 => {
                let token = answer.body["accessToken"].as_str().unwrap_or_default();
                person.tokens.push((token.to_owned(), Some(true)));
                self.keep(person);
                self.tell(|told| told.sign_ups += 1);
                Ok(true)
            }
            Ok(answer) if answer.status == 503 => Ok(false),
            Ok(answer) => panic!("{email}: {} {}", answer.status, answer.body),
            Err(error) => {
                self.tell(|told| told.in_doubt += 1);
                Err(error)
            }
        }
    }

    fn asks(&self, mut person: Person, client: &Client) -> std::io::Result<bool> {
        let body = json!({ "email": person.email });
        let answer = client.try_ask("POST", "/v1/auth/password/reset/request", Some(&body), None)?;
        if answer.status == 200 {
            person.asked += 1;
            self.keep(person);
        }
        Ok(answer.status == 200)
    }

    /// Uses the newest reset mail, if it has come.
    fn recovers(
        &self,
        mut person: Person,
        number: u64,
        client: &Client,
        sink: &Sink,
    ) -> std::io::Result<bool> {
        let mails = sink.mails();
        let mut resets = mails.iter().filter(|mail| {
            mail.to.contains(&person.email)
                && mail.header("X-Keyledger-Mail").as_deref() == Some("password_reset")
        });
        let Some(token) = resets.next_back().and_then(|mail| mail.token()) else {
            return Ok(false);
        };
        let new = format!("Next-pass-word-{number}!");
        let body = json!({ "email": person.email, "token": token, "newPassword": new });
        let answer = client.try_ask("POST", "/v1/auth/password/reset/confirm", Some(&body), None);
        person.asked = 0;
        match answer {
            Ok(answer) if answer.status == 200 => {
                person.password = new;
                person.recoveries += 1;
                for (_, opens) in &mut person.tokens {
                    *opens = Some(false);
                }
                self.keep(person);
                self.tell(|told| told.resets += 1);
                Ok(true)
            }
            // The mail of an older request, which a newer one has superseded: the newer mail is on its way.
            Ok(answer) if (400..500).contains(&answer.status) || answer.status == 503 => {
                self.keep(person);
                Ok(false)
            }
            Ok(answer) => panic!("{}: {} {}", person.email, answer.status, answer.body),
            Err(error) => {
                person.in_doubt = Some(new);
                for (_, opens) in &mut person.tokens {
                    if *opens == Some(true) {
                        *opens = None;
                    }
                }
                self.keep(person);
                self.tell(|told| told.in_doubt += 1);
                Err(error)
            }
        }
    }

    /// Signs out of the newest session, or in again.
    fn leaves(&self, mut person: Person, client: &Client) -> std::io::Result<bool> {
        let Some(last) = person.tokens.iter().rposition(|(_, opens)| *opens == Some(true)) else {
            return self.returns(person, client);
        };
        let token = person.tokens[last].0.clone();
        let answer = client.try_ask("POST", "/v1/auth/signout", None, Some(&token));
        let (outcome, opens) = match answer {
            Ok(answer) if (200..300).contains(&answer.status) => (Ok(true), Some(false)),
            Ok(answer) => panic!("{}: {} {}", person.email, answer.status, answer.body),
            Err(error) => (Err(error), None),
        };
        person.tokens[last].1 = opens;
        self.keep(person);
        self.tell(|told| match opens {
            Some(_) => told.revocations += 1,
            None => told.in_doubt += 1,
        });
        outcome
    }

    fn returns(&self, mut person: Person, client: &Client) -> std::io::Result<bool> {
        if person.in_doubt.is_some() {
            return Ok(false);
        }
        let body = json!({ "email": person.email, "password": person.password });
        let answer = client.try_ask("POST", "/v1/auth/email/signin", Some(&body), None)?;
        // Busy, or a key gave way to another between the look-up and the decision.
        if answer.status == 503 {
            return Ok(false);
        }
        assert_eq!(answer.status, 200, "{}: {}", person.email, answer.body);
        let token = answer.body["accessToken"].as_str().unwrap_or_default();
        person.tokens.push((token.to_owned(), Some(true)));
        self.keep(person);
        Ok(true)
    }

    /// An operator makes an API key through the running server.
    pub(super) fn setting(&self, home: &Home) {
        let label = format!("key-{}", self.number.fetch_add(1, Ordering::Relaxed));
        let made = home.run(&["key", "create", "--kind", "publishable", "--label", &label]);
        if made.code() == Some(0) {
            self.keys.lock().unwrap().push(label);
            self.tell(|told| told.settings += 1);
        } else {
            self.keys_in_doubt.lock().unwrap().push(label);
        }
    }

    /// Holds a server that was started again against what everybody was told since the last time; settles what was in
    /// doubt.
    pub(super) fn check(&self, client: &Client) {
        let mut people = self.people.lock().unwrap();
        for person in people.values_mut().filter(|person| person.changed) {
            person.check(client);
        }
    }

    /// The last check: every password too, every setting, and every mail.
    pub(super) fn check_everything(&self, client: &Client, home: &Home) {
        for person in self.people.lock().unwrap().values_mut() {
            person.check(client);
            assert!(
                opens(client, person, &person.password),
                "{}: the password",
                person.email
            );
        }
        let listed = home.run(&["key", "list"]).json(0).to_string();
        for label in &*self.keys.lock().unwrap() {
            assert!(listed.contains(label), "{label} was acknowledged and is gone");
        }
    }

    /// Every mail that an acknowledged thing caused left: once, or again under the same Message-ID.
    pub(super) fn check_mails(&self, sink: &Sink) {
        let mails = sink.mails();
        let mut by_id: BTreeMap<String, (String, String, u64)> = BTreeMap::new();
        for mail in &mails {
            let id = mail.header("Message-ID").expect("every mail has one");
            let kind = mail
                .header("X-Keyledger-Mail")
                .expect("every mail says what it is");
            let to = mail.to.join(",");
            let entry = by_id.entry(id).or_insert_with(|| (to.clone(), kind.clone(), 0));
            assert_eq!((&entry.0, &entry.1), (&to, &kind), "one Message-ID, two mails");
            entry.2 += 1;
        }
        let count = |to: &str, kind: &str| {
            by_id
                .values()
                .filter(|one| (one.0.as_str(), one.1.as_str()) == (to, kind))
                .count() as u64
        };
        for person in self.people.lock().unwrap().values() {
            assert_eq!(count(&person.email, "email_verification"), 1, "{}", person.email);
            assert_eq!(
                count(&person.email, "password_changed"),
                person.recoveries,
                "{}",
                person.email
            );
        }
        self.tell(|told| {
            told.mails = by_id.len() as u64;
            told.mails_twice = by_id.values().filter(|one| one.2 > 1).count() as u64;
        });
    }
}

impl Person {
    fn check(&mut self, client: &Client) {
        self.changed = false;
        if let Some(new) = self.in_doubt.take() {
            // A recovery happened as a whole, or not at all: password, sessions and notice go together.
            let happened = opens(client, self, &new);
            assert_eq!(
                opens(client, self, &self.password),
                !happened,
                "{}: one password opens, not both or neither",
                self.email
            );
            for (_, opens) in self.tokens.iter_mut().filter(|(_, opens)| opens.is_none()) {
                *opens = Some(!happened);
            }
            if happened {
                self.password = new;
                self.recoveries += 1;
            }
        }
        for (token, opens) in &mut self.tokens {
            let status = client.get("/v1/auth/me", token).status;
            let answered = match status {
                200 => true,
                401 => false,
                other => panic!("{}: {other}", self.email),
            };
            assert_eq!(opens.unwrap_or(answered), answered, "{}: a session", self.email);
            *opens = Some(answered);
        }
        // What was checked as dead stays dead: it need not be asked again and again.
        let keep = self.tokens.len().saturating_sub(3);
        self.tokens.drain(..keep);
    }
}

fn opens(client: &Client, person: &Person, password: &str) -> bool {
    let body = json!({ "email": person.email, "password": password });
    let answer = client.post("/v1/auth/email/signin", &body, None);
    match answer.status {
        200 => true,
        401 => false,
        other => panic!("{}: {other} {}", person.email, answer.body),
    }
}
