//! Every kind of command, at every way its write can fail: the next start finds all of it or nothing of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keyledger::domain::flow::Edit;
use keyledger::domain::password_policy::PasswordPolicy;
use keyledger::domain::{
    Actor, ApiKeyKind, CheckpointRotation, Command, DropCause, EpochReason, FactorVerdict, KeyPurpose,
    MailEnd, NamedCheckpointKey, NewApiKey, OtherSessions, PasswordVerdict, Purpose, RefusedCause, Role,
    SessionTerms, State, SuppressedClass, Walk,
};
use keyledger::engine::{Engine, Lane, Trouble, fold, state_hash};
use keyledger::ledger::MemoryStore;
use keyledger::ledger::memory::{Fault, WritePoint};
use keyledger::types::{ApiKeyId, Locale, Position, PublicKey, Signature, Slug, Span, WebOrigin, WebOrigins};

use super::gate::Gate;
use super::webhooks;
use crate::people::{
    ADA, BOB, ELSEWHERE, HOME, NOBODY, Person, cancel_mail, code, hasten_mail, link, mail, offer_anew,
    origin, proof, sealed,
};
use crate::rig::{PATIENCE, Rig, run};

/// What is done next, made of what is there; time passes before it.
type Step = (Span, fn(&State) -> Command);

const CAL: Person = Person(0xc3);
const DOT: Person = Person(0xd4);
const EVE: Person = Person(0xe5);
const FAY: Person = Person(0xf6);
const GUS: Person = Person(0x17);
const HAL: Person = Person(0x18);
const IVY: Person = Person(0x19);
const JOE: Person = Person(0x1a);
const KEY: ApiKeyId = ApiKeyId([7; 16]);
const PAGES: ApiKeyId = ApiKeyId([8; 16]);

fn request(state: &State) -> u64 {
    state.requests.keys().next().map_or(0, |at| at.0)
}

fn queued(state: &State) -> Position {
    state.outbox.keys().next().copied().unwrap_or_default()
}

fn by() -> Actor {
    Actor::Operator
}

fn at_once(command: fn(&State) -> Command) -> Step {
    after(Span(0), command)
}

fn after(pause: Span, command: fn(&State) -> Command) -> Step {
    (pause, command)
}

/// A story in which every kind of command writes something.
fn story() -> Vec<Step> {
    let mut story: Vec<Step> = vec![
        at_once(|_| Command::Found {
            policies: vec![PasswordPolicy::classic()],
            keys: vec![],
            checkpoint: None,
        }),
        at_once(|_| Command::CreateApiKey {
            key: NewApiKey {
                key: KEY,
                kind: ApiKeyKind::Secret,
                hash: [1; 32],
                hash_key: 1,
                label: "a backend".to_owned(),
                expires: None,
            },
            by: by(),
        }),
        at_once(|_| Command::TouchApiKey { key: KEY }),
        at_once(|_| Command::CreateApiKey {
            key: NewApiKey {
                key: PAGES,
                kind: ApiKeyKind::Publishable,
                hash: [2; 32],
                hash_key: 1,
                label: "pages".to_owned(),
                expires: None,
            },
            by: by(),
        }),
        at_once(|_| Command::NameApiKeyOrigins {
            key: PAGES,
            origins: WebOrigins::new(vec![WebOrigin::parse("https://app.example.org").unwrap()]).unwrap(),
            by: by(),
        }),
        at_once(|_| Command::SavePolicy {
            policy: PasswordPolicy::nist(),
            by: by(),
        }),
        at_once(|_| Command::ChangeFlows {
            edits: vec![Edit::RemoveBinding {
                flow: Slug::parse("default-recovery-flow").unwrap(),
                order: 25,
            }],
            against: None,
            by: by(),
        }),
        at_once(|_| ADA.signs_up(HOME)),
        at_once(|_| BOB.is_created()),
        at_once(|state| Command::MailDeferred {
            queued: queued(state),
            attempt: 1,
            status: 451,
            step: 2,
            next: state.last_time(),
        }),
        at_once(|state| Command::MailDelivered {
            queued: queued(state),
            attempt: 2,
            status: 250,
        }),
        at_once(|_| ADA.proves_address(link(ADA.token(1)))),
        at_once(|_| ADA.signs_in(HOME, 2)),
        at_once(|_| ADA.fails_to_sign_in(ELSEWHERE)),
        at_once(|_| Command::UpgradeVerifier {
            user: ADA.user(),
            credential: ADA.credential(1),
        }),
        at_once(|_| ADA.refreshes(2, 0)),
        at_once(|_| ADA.changes_password(2, PasswordVerdict::Wrong, None)),
        at_once(|_| ADA.is_refused_a_password(2, PasswordVerdict::Right(ADA.password(1)))),
        at_once(|_| {
            let mut change = ADA.changes_password(2, PasswordVerdict::Right(ADA.password(1)), Some(2));
            if let Command::ChangePassword { mails, .. } = &mut change {
                *mails = ADA.notices_offering(1);
            }
            change
        }),
        at_once(|_| ADA.requests_reset(HOME)),
        at_once(|state| ADA.issue(request(state), 10)),
        at_once(|_| ADA.guesses(ELSEWHERE)),
        at_once(|_| NOBODY.guesses(ELSEWHERE)),
        at_once(|_| Command::RefuseProof {
            proof: link(ADA.token(10)),
            cause: RefusedCause::Format,
            origin: origin(),
        }),
        at_once(|_| ADA.recovers(code(ADA.token(10)), 2, 3)),
        at_once(|_| BOB.gets_recovery(11, Span::hours(1))),
        at_once(|state| Command::MailEnded {
            queued: queued(state),
            attempt: 1,
            status: 550,
            step: 2,
            cause: MailEnd::Refused,
        }),
        at_once(|_| ADA.signs_in_with(HOME, PasswordVerdict::Right(ADA.password(3)), 20)),
        at_once(|_| Command::EndSession {
            user: ADA.user(),
            session: ADA.session(20),
            by: by(),
            origin: None,
        }),
        at_once(|_| ADA.signs_in_with(HOME, PasswordVerdict::Right(ADA.password(3)), 21)),
        at_once(|_| Command::EndSessions {
            user: ADA.user(),
            except: None,
            by: by(),
            origin: None,
        }),
        at_once(|_| ADA.requests_reset(HOME)),
        at_once(|state| Command::DropRequest {
            request: Position(request(state)),
            cause: DropCause::NothingToDo,
        }),
        at_once(|_| BOB.is_banned()),
        at_once(|_| Command::UnbanUser {
            user: BOB.user(),
            by: by(),
        }),
        at_once(|_| CAL.signs_up(HOME)),
        at_once(|_| CAL.withdraws(1, 30)),
        at_once(|_| Command::CancelWithdraw {
            proof: link(CAL.token(30)),
            origin: origin(),
        }),
        at_once(|_| CAL.signs_in(HOME, 31)),
        at_once(|_| CAL.changes_profile(31, Locale::Ko)),
        at_once(|_| CAL.withdraws(31, 32)),
        after(Span::hours(73), |_| Command::EraseDue { user: CAL.user() }),
        at_once(|_| DOT.signs_up(HOME)),
        at_once(|_| Command::DisownSignUp {
            token: DOT.token(1),
            origin: origin(),
        }),
        at_once(|_| Command::RevokePassword {
            user: ADA.user(),
            by: by(),
        }),
        at_once(|_| EVE.signs_up(ELSEWHERE)),
        at_once(|_| Command::SignOut {
            user: EVE.user(),
            session: EVE.session(1),
            origin: Some(origin()),
        }),
        // A genuine refresh token of a session that is over.
        at_once(|_| EVE.refreshes(1, 0)),
        at_once(|_| EVE.is_erased()),
        at_once(|_| Command::RecordSuppressed {
            class: SuppressedClass::Codes,
            count: 3,
            first: None,
        }),
        at_once(|state| Command::AcceptClock {
            kept: state.last_time(),
        }),
        at_once(|_| FAY.signs_up(ELSEWHERE)),
        at_once(|_| FAY.withdraws(1, 60)),
        at_once(|_| Command::StartEpoch {
            reason: EpochReason::KeyTheft,
            erase: vec![BOB.user()],
        }),
        at_once(|_| Command::RenewClosing {
            user: FAY.user(),
            proof: proof(FAY.token(61)),
            mails: FAY.notices(),
        }),
        at_once(|_| Command::ConfirmApiKey { key: KEY, by: by() }),
        at_once(|_| Command::RecordKeyRotation {
            purpose: KeyPurpose::Jwt,
            old: 1,
            new: 11,
            by: by(),
        }),
        at_once(|_| Command::NameCheckpointKey {
            named: NamedCheckpointKey {
                ledger: [1; 16],
                key: 20,
                public: PublicKey([20; 32]),
                signature: Signature(Box::new([0; 64])),
            },
        }),
        at_once(|_| Command::RotateCheckpointKey {
            rotation: Box::new(CheckpointRotation {
                old: 20,
                old_public: PublicKey([20; 32]),
                old_signature: Signature(Box::new([1; 64])),
                new: 21,
                new_public: PublicKey([21; 32]),
                new_signature: Signature(Box::new([2; 64])),
            }),
            by: by(),
        }),
        at_once(|_| GUS.signs_up(ELSEWHERE)),
        at_once(|_| GUS.proves_address(link(GUS.token(1)))),
        at_once(|_| GUS.names(1, 2, 70)),
        at_once(|_| GUS.drops(1, 2)),
        at_once(|_| GUS.names(1, 1, 71)),
        at_once(|_| GUS.guesses_further(1)),
        at_once(|_| GUS.proves_further_offering(1, link(GUS.token(71)), GUS.notices_offering(1))),
        at_once(|_| GUS.makes_primary(1, GUS.further(1), GUS.notices_offering(2))),
        at_once(|_| GUS.removes_address(1, GUS.address(), GUS.notices_offering(3))),
        at_once(|_| GUS.objects(GUS.objection(1))),
        after(Span::hours(73), |_| GUS.lets_lapse()),
        at_once(|state| {
            let credential = state.users.get(&ADA.user()).and_then(|user| user.credential_id());
            Command::Walk(Walk::SignIn {
                ask: ADA.ask(HOME),
                verdict: credential.map_or(PasswordVerdict::Wrong, PasswordVerdict::Right),
                factor: ADA.shows(FactorVerdict::Absent),
                session: ADA.new_session(77),
                terms: SessionTerms {
                    proven: state.last_time(),
                    idle: Span::hours(1),
                    absolute: Span::hours(2),
                    others: OtherSessions::End,
                    shown_before: None,
                },
                require_verified: false,
            })
        }),
        at_once(|_| Command::RecordMasterKeyReplaced {
            wrap: (7, 12),
            by: by(),
        }),
        at_once(|_| Command::RevokeApiKey { key: KEY, by: by() }),
        at_once(|_| HAL.is_imported(None)),
        at_once(|_| IVY.is_invited(1, Span::days(7))),
        at_once(|_| IVY.is_invited_again(2)),
        at_once(|_| IVY.accepts(HOME, link(IVY.token(2)), 1)),
        at_once(|_| JOE.is_invited(1, Span::days(7))),
        at_once(|_| JOE.is_uninvited()),
        at_once(|_| GUS.is_made(Role::Guest, by())),
        at_once(|_| GUS.is_renamed(None)),
        at_once(|_| GUS.is_sent_recovery(by())),
        at_once(|state| hasten_mail(queued(state))),
        at_once(|state| cancel_mail(queued(state))),
    ];
    story.extend(webhooks::story());
    // One that spans several frames, so that a torn write leaves a part of it.
    story.push(at_once(|_| {
        let mut long = ADA.gets_recovery(40, Span::hours(1));
        if let Command::IssueRecovery { mails, .. } = &mut long {
            mails.mails = (0..60).map(|n| (ADA.address(), mail(1_000 + n))).collect();
        }
        long
    }));
    story.push(at_once(|_| {
        let mut asks = ADA.requests(Purpose::VerifyEmail, ELSEWHERE);
        if let Command::RequestProof { callback, .. } = &mut asks {
            *callback = Some(sealed("callback"));
        }
        asks
    }));
    story
}

/// Goes one step of the story; the outcome of the command.
fn go(rig: &Rig, engine: &Engine, (pause, command): Step) -> Result<(), Trouble> {
    rig.clock.advance(pause);
    let command = engine.read(command);
    match run(engine, Lane::Proof, command) {
        Err(Trouble::Stopped) => Err(Trouble::Stopped),
        // A refusal that is remembered is a write as well.
        Ok(_) | Err(Trouble::Refused(_)) => Ok(()),
        Err(Trouble::Overloaded) => panic!("nobody else is here"),
    }
}

/// Goes the first steps on a disk that works.
fn beginning(rig: &Rig, engine: &Engine, steps: &[Step]) {
    for step in steps {
        go(rig, engine, *step).unwrap();
    }
}

/// A store that works until it is told to fail its next write.
fn failing(fault: Fault) -> (Gate<MemoryStore>, Arc<AtomicBool>) {
    let armed = Arc::new(AtomicBool::new(false));
    let mut store = MemoryStore::new([1; 16]);
    let fails = Arc::clone(&armed);
    store.set_faults(Box::new(move |point, _| {
        if point == WritePoint::Append && fails.load(Ordering::Acquire) {
            fault
        } else {
            Fault::None
        }
    }));
    (Gate::before(store), armed)
}

#[test]
fn law_6_every_kind_of_command_is_whole_or_absent_however_its_write_fails() {
    let story = story();
    // What each step leads to on a disk that works.
    offer_anew();
    let rig = Rig::new();
    let (engine, _) = rig.boot(MemoryStore::new([1; 16])).unwrap();
    let mut whole = vec![engine.read(state_hash)];
    for step in &story {
        go(&rig, &engine, *step).unwrap();
        whole.push(engine.read(state_hash));
    }
    assert!(engine.stop(PATIENCE));

    let faults = [
        Fault::Lost,
        Fault::PersistedButError,
        Fault::Torn(0),
        Fault::Torn(1),
        Fault::Torn(2),
    ];
    for fault in faults {
        for (number, step) in story.iter().enumerate() {
            offer_anew();
            let rig = Rig::new();
            let (gate, armed) = failing(fault);
            let (engine, _) = rig.boot(gate.store()).unwrap();
            beginning(&rig, &engine, &story[..number]);
            armed.store(true, Ordering::Release);
            let outcome = go(&rig, &engine, *step);
            assert_eq!(outcome, Err(Trouble::Stopped), "step {number} writes nothing");
            assert!(engine.stop(PATIENCE));
            let mut left = gate.look(|store| store.reopen()).unwrap();
            let found = state_hash(&fold(&mut left).unwrap().state);
            let (before, after) = (whole[number], whole[number + 1]);
            match fault {
                Fault::Lost | Fault::None => assert_eq!(found, before, "step {number}: nothing was written"),
                Fault::PersistedButError => assert_eq!(found, after, "step {number}: it was written"),
                Fault::Torn(_) => {
                    let is_one = found == before || found == after;
                    assert!(is_one, "step {number}, {fault:?}: half of it is there");
                }
            }
        }
    }
}
