//! One life of the house: what a seed has people, administrators, workers, the disk and the clock do, step by step.

use std::collections::BTreeMap;

use keyledger::crypto::parse_refresh_token;
use keyledger::desk::{Fault, Tokens};
use keyledger::domain::Refusal;
use keyledger::engine::Trouble;
use keyledger::ledger::memory::{Fault as DiskFault, WritePoint};
use keyledger::types::{FactorId, SessionId, Span, Timestamp, UserId};
use secrecy::{ExposeSecret, SecretString};

use super::attempt::{Address, Attempt};
use super::chance::Chance;
use super::compare::{compare, compare_keys, news, policy};
use super::machine::{Ending, Machine};
use super::oracle::{Expect, News, Oracle};
use super::post::{Post, Weather};
use crate::support::Authenticator;

/// What a life met: kinds of attempts with their answers, faults, starts.
pub(super) type Met = BTreeMap<String, u32>;

/// A signed-in client, with every refresh token it was ever given.
#[derive(Clone)]
pub(super) struct Device {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) access: String,
    pub(super) refresh: Vec<(u32, SecretString)>,
}

/// A life under way.
pub(super) struct Life {
    pub(super) machine: Machine,
    pub(super) oracle: Oracle,
    pub(super) post: Post,
    pub(super) chance: Chance,
    pub(super) devices: Vec<Device>,
    /// The apps that people hold, by the factors they are.
    pub(super) apps: BTreeMap<FactorId, Authenticator>,
    /// Every password that was ever chosen for an address.
    pub(super) passwords: BTreeMap<Address, Vec<String>>,
    pub(super) met: Met,
    /// When the last acknowledged event was: time is never before it again.
    last: Timestamp,
}

/// What became of a life that held.
pub(super) struct Told {
    pub(super) bytes: blake3::Hash,
    pub(super) met: Met,
}

impl Life {
    pub(super) fn new(seed: u64) -> Self {
        let machine = Machine::new(seed);
        let lifetimes = machine.limits.lifetimes.clone();
        let oracle = Oracle {
            accounts: BTreeMap::new(),
            erased: [].into(),
            guessed_at: [].into(),
            proofs: BTreeMap::new(),
            ended: [].into(),
            waiting: BTreeMap::new(),
            mails: BTreeMap::new(),
            keys: BTreeMap::new(),
            origins: BTreeMap::new(),
            flows: BTreeMap::new(),
            policy: policy(8),
            epoch: 1,
            idle: lifetimes.session_idle,
            absolute: lifetimes.session_absolute,
            grace: lifetimes.refresh_grace,
            closing: lifetimes.withdraw_delay,
            mailed_for: lifetimes.recovery,
            stays_max: machine.limits.sessions_per_user as usize,
        };
        let last = machine.now();
        Self {
            machine,
            oracle,
            post: Post::default(),
            chance: Chance::new(seed),
            devices: vec![],
            apps: BTreeMap::new(),
            passwords: BTreeMap::new(),
            met: Met::new(),
            last,
        }
    }

    /// Lives so many steps, and then to an evening on which everything that waits is done.
    pub(super) fn live(mut self, steps: usize) -> Result<Told, String> {
        for step in 0..steps {
            self.step().map_err(|fault| format!("step {step}: {fault}"))?;
        }
        self.evening().map_err(|fault| format!("evening: {fault}"))?;
        let bytes = self.machine.bytes();
        self.machine.end(Ending::Stopped);
        Ok(Told { bytes, met: self.met })
    }

    fn step(&mut self) -> Result<(), String> {
        if self.chance.one_in(14) {
            let fault = self.a_disk_fault();
            let after = u32::from(self.chance.one_in(3));
            self.machine.arm(WritePoint::Append, after, fault);
        }
        match self.chance.below(20) {
            0 => self.time_passes(),
            1 => self.wall_jumps()?,
            2 if self.chance.one_in(2) => self.restart()?,
            3 => self.several_at_once()?,
            4..=6 => self.work(Weather::Rough)?,
            _ => self.somebody_acts()?,
        }
        Ok(())
    }

    fn a_disk_fault(&mut self) -> DiskFault {
        match self.chance.below(4) {
            0 => DiskFault::Lost,
            1 => DiskFault::PersistedButError,
            _ => DiskFault::Torn(self.chance.below(6)),
        }
    }

    /// Notes what an attempt came to, and holds the house against the oracle.
    pub(super) fn note<T>(
        &mut self,
        attempt: &Attempt,
        answer: Result<T, Fault>,
    ) -> Result<Option<(T, News)>, String> {
        let now = self.machine.now();
        let expected = self.oracle.expects(attempt, now);
        let word = if let Attempt::Manage(managed) = attempt {
            format!("{managed:?}")
        } else if let Attempt::Address(addressed) = attempt {
            format!("{addressed:?}")
        } else {
            format!("{attempt:?}")
        };
        let word: String = word.chars().take_while(char::is_ascii_alphanumeric).collect();
        let fault = match answer {
            Ok(value) => {
                self.meet(&format!("{word} done"));
                if matches!(expected, Expect::No | Expect::Punished) {
                    return Err(format!("{attempt:?} was accepted and must not be"));
                }
                let named = news(&self.machine, &self.oracle);
                self.oracle
                    .follow(attempt, &named, now)
                    .and_then(|()| compare(&self.machine, &self.oracle))
                    .map_err(|fault| format!("{attempt:?} was acknowledged: {fault}"))?;
                self.last = self.last.max(self.machine.last_time());
                return Ok(Some((value, named)));
            }
            Err(fault) => fault,
        };
        if fault == Fault::Stopped {
            self.meet(&format!("{word} in doubt"));
            self.recover(std::slice::from_ref(attempt), now)?;
            return Ok(None);
        }
        self.meet(&format!("{word} refused"));
        if expected == Expect::Yes {
            return Err(format!("{attempt:?} was refused and must not be: {fault:?}"));
        }
        let limited = matches!(fault, Fault::Refused(Refusal::Limited(_)) | Fault::Repeated);
        if expected == Expect::Punished && !limited {
            let named = news(&self.machine, &self.oracle);
            self.oracle.punish(attempt, &named)?;
            self.meet(&format!("{word} refused with consequences"));
        }
        compare(&self.machine, &self.oracle).map_err(|fault| format!("{attempt:?} was refused: {fault}"))?;
        Ok(None)
    }

    /// The process died under these attempts: after the next start each was carried out as a whole or not at all, and
    /// none before one that was not.
    fn recover(&mut self, attempts: &[Attempt], now: Timestamp) -> Result<(), String> {
        self.machine.end(Ending::Killed);
        self.start()?;
        let named = news(&self.machine, &self.oracle);
        let mut maybe = self.oracle.clone();
        let mut faults = vec![];
        for done in 0..=attempts.len() {
            if let Some(attempt) = done.checked_sub(1).map(|index| &attempts[index]) {
                let followed = match maybe.expects(attempt, now) {
                    Expect::No => continue,
                    Expect::Yes | Expect::Perhaps => maybe.follow(attempt, &named, now),
                    Expect::Punished => maybe.punish(attempt, &named),
                };
                if let Err(fault) = followed {
                    faults.push(format!("if it was done: {fault}"));
                    break;
                }
            }
            match compare(&self.machine, &maybe).and_then(|()| compare_keys(&self.machine, &maybe)) {
                Ok(()) => {
                    self.meet(if done == 0 {
                        "a crash lost what was in doubt"
                    } else {
                        "a crash kept what was in doubt"
                    });
                    // What was brought to the server before the crash and not noted comes again.
                    for attempt in &attempts[done..] {
                        if let Attempt::Delivered { mail, .. } = attempt {
                            self.post.doubt(*mail);
                        }
                    }
                    self.oracle = maybe;
                    return Ok(());
                }
                Err(fault) => faults.push(format!("with the first {done}: {fault}")),
            }
        }
        Err(format!(
            "a crash left something half done of {attempts:?}:\n  {}",
            faults.join("\n  ")
        ))
    }

    /// Starts the process; the disk may fail once more on the way, and then it starts again.
    fn start(&mut self) -> Result<(), String> {
        if self.chance.one_in(4) {
            let point = if self.chance.one_in(2) {
                WritePoint::Cut
            } else {
                WritePoint::DestroyKeys
            };
            let fault = self.a_disk_fault();
            self.machine.arm(point, 0, fault);
        }
        if self.machine.start().is_err() {
            self.meet("a start failed on the disk");
            self.machine.disarm();
            self.machine.start()?;
        }
        self.machine.disarm();
        if self.machine.now() < self.last {
            return Err("time went back over a restart".to_owned());
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<(), String> {
        let ending = match self.chance.below(3) {
            0 => Ending::Stopped,
            1 => Ending::Killed,
            _ => Ending::StoppedBadly(self.a_disk_fault()),
        };
        self.meet(match ending {
            Ending::Stopped => "stopped",
            Ending::Killed => "killed",
            Ending::StoppedBadly(_) => "stopped while keys could not be destroyed",
        });
        let before = self.machine.state_hash();
        self.machine.end(ending);
        self.start()?;
        if self.machine.state_hash() != before {
            return Err("a restart changed what readers see".to_owned());
        }
        compare(&self.machine, &self.oracle)?;
        compare_keys(&self.machine, &self.oracle)
    }

    fn time_passes(&mut self) {
        let span = match self.chance.below(10) {
            0..=5 => Span::seconds(i64::try_from(self.chance.below(120)).unwrap_or(1)),
            6 | 7 => Span::minutes(50),
            8 => Span::hours(25),
            _ => Span::days(3),
        };
        // As a clock does, in steps that are believed.
        let mut left = span;
        while left > Span(0) {
            let some = Span(left.0.min(Span::minutes(50).0));
            self.machine.clock.advance(some);
            self.machine.now();
            left = Span(left.0 - some.0);
        }
    }

    fn wall_jumps(&mut self) -> Result<(), String> {
        const IN_2099: Timestamp = Timestamp(4_084_000_000_000_000);
        let before = self.machine.now();
        let to = match self.chance.below(5) {
            0 => before - Span::days(400),
            1 => before + Span::minutes(30),
            2 => before + Span::days(4),
            3 => IN_2099,
            _ => before,
        };
        self.machine.clock.step_wall(to);
        let after = self.machine.now();
        // An hour while the process lives; up to thirty days in one go after a start.
        if after < before || after.since(before) > Span::days(30) {
            return Err(format!(
                "the wall went to {to}, and time from {before} to {after}"
            ));
        }
        if self.chance.one_in(6) {
            let attempt = Attempt::AcceptClock;
            let answer = self.machine.ask(|desk| async move { desk.accept_clock().await });
            self.note(&attempt, answer)?;
        } else {
            compare(&self.machine, &self.oracle)?;
        }
        Ok(())
    }

    /// Commands of one group: what the disk keeps of them is a beginning.
    fn several_at_once(&mut self) -> Result<(), String> {
        let mut attempts = vec![];
        for _ in 0..2 + self.chance.below(3) {
            attempts.extend(self.a_plain_attempt());
        }
        if attempts.is_empty() {
            return Ok(());
        }
        let commands = attempts.iter().filter_map(Attempt::command).collect();
        let now = self.machine.now();
        let answers = self.machine.carry_out_together(commands);
        if answers.contains(&Err(Trouble::Stopped)) {
            if answers.iter().any(|answer| *answer != Err(Trouble::Stopped)) {
                return Err("a group was answered in part".to_owned());
            }
            self.meet("a group in doubt");
            return self.recover(&attempts, now);
        }
        self.meet("a group done");
        for (attempt, answer) in attempts.iter().zip(answers) {
            let expected = self.oracle.expects(attempt, now);
            match (expected, answer) {
                (Expect::Yes, Ok(_)) => {
                    let named = news(&self.machine, &self.oracle);
                    self.oracle.follow(attempt, &named, now)?;
                }
                (Expect::No, Err(Trouble::Refused(_))) => {}
                (expected, answer) => {
                    return Err(format!(
                        "{attempt:?} in a group: {answer:?}, and not {expected:?}"
                    ));
                }
            }
        }
        self.last = self.last.max(self.machine.last_time());
        compare(&self.machine, &self.oracle).map_err(|fault| format!("after a group {attempts:?}: {fault}"))
    }

    /// The workers take a look: requests are answered, mails carried, accounts closed that are due.
    fn work(&mut self, weather: Weather) -> Result<(), String> {
        let now = self.machine.now();
        let requests: Vec<_> = self.machine.engine().read(|state| {
            state
                .requests
                .iter()
                .map(|(at, due)| (*at, due.clone()))
                .collect()
        });
        for (request, due) in requests {
            let command = self.machine.desk().answer_to(request, &due);
            let answer = self.machine.carry_out(keyledger::engine::Lane::Proof, command);
            self.note(&Attempt::Answer { request }, answer.map_err(Fault::from))?;
        }
        let mails: Vec<_> = self
            .machine
            .engine()
            .read(|state| state.outbox.keys().copied().collect());
        for queued in mails {
            let carried = self
                .post
                .carry(&self.machine, &self.oracle, queued, weather, &mut self.chance)?;
            if let Some(attempt) = carried {
                self.command(&attempt)?;
            }
        }
        let closing: Vec<_> = self
            .machine
            .engine()
            .read(|state| state.closings.keys().copied().collect());
        for user in closing {
            if self.oracle.closes_without_proof(user) {
                let renewal = self.machine.desk().renewal_of_closing(user);
                let command = renewal.ok_or("an owner cannot say no to a closing any more")?;
                let answer = self.machine.carry_out(keyledger::engine::Lane::Proof, command);
                self.note(&Attempt::RenewClosing(user), answer.map_err(Fault::from))?;
            }
        }
        let closings: Vec<_> = self.machine.engine().read(|state| {
            state
                .closings
                .iter()
                .map(|(user, until)| (*user, *until))
                .collect()
        });
        for (user, until) in closings {
            if until <= now {
                self.command(&Attempt::EraseDue(user))?;
            }
        }
        Ok(())
    }

    /// Has an attempt carried out that is a plain command.
    pub(super) fn command(&mut self, attempt: &Attempt) -> Result<(), String> {
        let command = attempt.command().expect("a plain one");
        let answer = self.machine.carry_out(keyledger::engine::Lane::Proof, command);
        self.note(attempt, answer.map_err(Fault::from)).map(drop)
    }

    /// Remembers what a client was given.
    pub(super) fn given(&mut self, tokens: &Tokens, user: UserId) -> Result<(), String> {
        let parsed =
            parse_refresh_token(tokens.refresh.expose_secret()).ok_or("a refresh token that is none")?;
        let (session, counter) = (parsed.session(), parsed.counter());
        if self
            .oracle
            .session(session)
            .is_none_or(|(owner, stay)| owner != user || stay.counter != counter)
        {
            return Err("a client was given tokens of another session".to_owned());
        }
        let caller = self.machine.desk().authenticate(&tokens.access);
        if !caller.is_ok_and(|caller| (caller.user, caller.session) == (user, session)) {
            return Err("a fresh access token opens nothing".to_owned());
        }
        let known = self.devices.iter_mut().find(|device| device.session == session);
        let fresh = (counter, tokens.refresh.clone());
        match known {
            Some(device) => {
                device.access.clone_from(&tokens.access);
                device.refresh.push(fresh);
            }
            None => self.devices.push(Device {
                user,
                session,
                access: tokens.access.clone(),
                refresh: vec![fresh],
            }),
        }
        Ok(())
    }

    /// No access token of a session that is over opens anything.
    fn access_tokens(&self) -> Result<(), String> {
        let now = self.machine.now();
        for device in &self.devices {
            let stays = self
                .oracle
                .session(device.session)
                .is_some_and(|(user, stay)| self.oracle.stays(user, stay, now));
            if !stays && self.machine.desk().authenticate(&device.access).is_ok() {
                return Err(format!(
                    "session {} is over, and its access token opens",
                    device.session
                ));
            }
        }
        Ok(())
    }

    /// The mail server is well, and everything that waits is done; then the ledger is proven.
    fn evening(&mut self) -> Result<(), String> {
        self.machine.disarm();
        self.access_tokens()?;
        for _ in 0..6 {
            self.work(Weather::Fine)?;
        }
        let left = self
            .machine
            .engine()
            .read(|state| (state.requests.len(), state.outbox.len()));
        if left != (0, 0) {
            return Err(format!(
                "requests and mails that nobody will ever see to: {left:?}"
            ));
        }
        self.restart()?;
        self.access_tokens()?;
        let report = self.machine.desk().verify().map_err(|fault| fault.to_string())?;
        if report.agrees != Some(true) {
            return Err("the ledger does not prove what the house holds".to_owned());
        }
        let twice = self.post.twice;
        *self
            .met
            .entry("a mail came twice, recognisably".to_owned())
            .or_default() += twice;
        Ok(())
    }

    pub(super) fn meet(&mut self, what: &str) {
        *self.met.entry(what.to_owned()).or_default() += 1;
    }
}
