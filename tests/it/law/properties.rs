//! Random lives of three people and their attackers: whatever is asked for, in whatever order, the law holds.

mod addresses;
mod elsewhere;
mod factors;
mod snapshots;
mod sound;

use std::collections::{BTreeSet, HashMap};

use keyledger::domain::{
    Actor, Command, Context, Draft, EpochReason, Limits, NewcomerCommand, Overlay, PasswordVerdict, Purpose,
    Recorded, SignUpMode, State, TokenStanding, decide, evolve, lawful,
};
use keyledger::engine::state_hash;
use keyledger::ledger::{CommandPart, codec, record};
use keyledger::types::{CommandId, Position, Span, Timestamp, TokenId, UserId};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use self::elsewhere::ELSEWHERE;
use self::factors::founded;
use self::sound::sound;
use super::scene::found;
use crate::people::{NOON, Net, Person, code, link, mail, origin, proof as new_proof, sealed};

/// One thing that somebody tries: what, who, and two numbers that pick among what is there.
#[derive(Clone, Copy, Debug)]
struct Try {
    what: u8,
    who: u8,
    pick: u8,
    net: u8,
    later: u8,
}

/// A number that no try has.
const BEFORE: u32 = 1_000_000;
const WHATS: u8 = 54;

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one =
        (0..WHATS, 0..3_u8, any::<u8>(), 0..3_u8, any::<u8>()).prop_map(|(what, who, pick, net, later)| {
            Try {
                what,
                who,
                pick,
                net,
                later,
            }
        });
    prop::collection::vec(one, 1..120)
}

fn limits() -> Limits {
    Limits {
        mails_per_address_hour: 3,
        mails_per_address_day: 6,
        mails_per_client: 8,
        signin_free: 2,
        signin_per_user_hour: 12,
        code_tries_per_challenge: 2,
        code_tries_per_address_day: 6,
        current_password_tries: 2,
        signups_per_client_hour: 4,
        stranger_bytes_burst: 512 * 60,
        sessions_per_user: 2,
        ..Limits::default()
    }
}

/// How long passes before a try: mostly little, sometimes past a window, a proof or a session.
fn pause(later: u8) -> Span {
    match later {
        0..=200 => Span::seconds(i64::from(later)),
        201..=235 => Span::hours(i64::from(later - 200)),
        236..=255 => Span::days(i64::from(later - 235)),
    }
}

fn chosen<T: Copy>(of: &[T], pick: u8) -> Option<T> {
    (!of.is_empty()).then(|| of[usize::from(pick) % of.len()])
}

impl Try {
    /// The command, given what is; `fresh` makes ids that were never used.
    fn command(self, state: &State, fresh: u32) -> Command {
        let person = Person(0x10 + self.who);
        // Whoever was erased comes back as somebody else.
        let user = state.addresses.get(&person.address()).copied();
        let user = user.unwrap_or(UserId(person.token(fresh).0));
        let net = Net(u16::from(self.net));
        let known = state.users.get(&user);
        let credential = known.and_then(|user| user.credential_id());
        let right = credential.map_or(PasswordVerdict::Wrong, PasswordVerdict::Right);
        let tokens: Vec<TokenId> = known.map(|user| user.tokens.to_vec()).unwrap_or_default();
        let token = chosen(&tokens, self.pick).unwrap_or(person.token(0));
        let sessions = known.map(|user| user.sessions.to_vec()).unwrap_or_default();
        let session = chosen(&sessions, self.pick).unwrap_or(person.session(0));
        let requests: Vec<Position> = state.requests.keys().copied().collect();
        let request = chosen(&requests, self.pick).unwrap_or(Position(0));
        let mails: Vec<Position> = state.outbox.keys().copied().collect();
        let queued = chosen(&mails, self.pick).unwrap_or(Position(0));
        let proof = if self.pick.is_multiple_of(2) {
            link(token)
        } else {
            code(token)
        };
        let by = [Actor::Operator, Actor::User(user)][usize::from(self.pick) % 2];
        let purpose = [Purpose::Recovery, Purpose::VerifyEmail, Purpose::Reopen][usize::from(self.pick) % 3];
        let mut credentialled = person.recovers_from(net, proof, credential, fresh);
        let history = self.pick % 3;
        if let Command::CompleteRecovery { credential, .. } = &mut credentialled {
            credential.history = history;
        }
        let with_session = |mut command: Command| {
            if let Command::ChangePassword { session: of, .. }
            | Command::Withdraw { session: of, .. }
            | Command::Refresh { session: of, .. } = &mut command
            {
                *of = session;
            }
            command
        };
        let command = match self.what {
            0 | 1 => person.signs_up_in(
                if self.pick.is_multiple_of(2) {
                    SignUpMode::Open(person.new_session(fresh))
                } else {
                    SignUpMode::Strict(Some(mail(fresh)))
                },
                net,
            ),
            2 => [
                person.is_created(),
                person.is_imported(None),
                person.is_invited(fresh, Span::days(3)),
            ][usize::from(self.pick) % 3]
                .clone(),
            3 | 4 => {
                let mut request = person.requests(purpose, net);
                if let Command::RequestProof { callback, .. } = &mut request {
                    *callback = self.pick.is_multiple_of(5).then(|| sealed("callback"));
                }
                request
            }
            5 | 6 => person.issue(request.0, fresh),
            7 => person.gets_recovery(fresh, Span::hours(2)),
            8 => person.guesses_for(purpose, net),
            9 | 10 => credentialled,
            11 => person.proves_address(proof),
            12 => Command::DisownSignUp {
                token,
                origin: origin(),
            },
            13 | 14 => person.signs_in_with(net, right, fresh),
            15 => person.fails_to_sign_in(net),
            16 => with_session(person.changes_password(0, right, Some(fresh))),
            17 if self.pick.is_multiple_of(2) => with_session(person.is_refused_a_password(0, right)),
            17 => with_session(person.changes_password(0, PasswordVerdict::Wrong, None)),
            29 => [
                person.accepts(net, proof, fresh),
                person.accepts(net, proof, fresh),
                person.is_invited_again(fresh),
                person.is_uninvited(),
            ][usize::from(self.later) % 4]
                .clone(),
            18 | 27 | 28 => {
                let now = state.sessions.get(&session).map_or(0, |session| session.counter);
                with_session(person.refreshes(0, now.saturating_sub(u32::from(self.pick % 3))))
            }
            19 => [
                Command::EndSession {
                    user,
                    session,
                    by,
                    origin: Some(origin()),
                },
                Command::SignOut {
                    user,
                    session,
                    origin: Some(origin()),
                },
            ][usize::from(self.pick.is_multiple_of(3))]
            .clone(),
            20 => Command::EndSessions {
                user,
                except: (self.pick.is_multiple_of(2)).then_some(session),
                by,
                origin: None,
            },
            21 => with_session(person.withdraws(0, fresh)),
            22 => Command::CancelWithdraw {
                proof,
                origin: origin(),
            },
            23 => [
                person.is_banned(),
                Command::UnbanUser { user, by },
                Command::UnbanUser { user, by },
                Command::RevokePassword { user, by },
            ][usize::from(self.pick) % 4]
                .clone(),
            24 if self.pick.is_multiple_of(16) => person.is_erased(),
            24 if self.pick.is_multiple_of(2) => Command::EraseDue { user },
            24 => Command::RenewClosing {
                user,
                proof: new_proof(person.token(fresh)),
                mails: person.notices(),
            },
            25 => [
                Command::MailDelivered {
                    queued,
                    attempt: 1,
                    status: 250,
                },
                Command::MailDeferred {
                    queued,
                    attempt: 1,
                    status: 451,
                    step: 2,
                    next: Timestamp(0),
                },
            ][usize::from(self.pick) % 2]
                .clone(),
            30..=43 => self.about_factors(state, person, user, session, fresh),
            44..=53 => self.about_addresses(state, person, user, session, fresh),
            _ => [
                Command::StartEpoch {
                    reason: EpochReason::Restored,
                    erase: vec![],
                },
                Command::RefuseProof {
                    proof,
                    cause: keyledger::domain::RefusedCause::Format,
                    origin: origin(),
                },
            ][usize::from(!self.pick.is_multiple_of(8))]
            .clone(),
        };
        about(command, user, person.token(fresh))
    }
}

/// Makes a person's command one about the user who has the person's address now.
fn about(mut command: Command, user: UserId, token: TokenId) -> Command {
    if let Command::Newcomer(newcomer) = &mut command {
        if let NewcomerCommand::Import { new, .. } | NewcomerCommand::Invite { new, .. } = &mut **newcomer {
            new.user = user;
        } else if let NewcomerCommand::InviteAgain { user: of, .. }
        | NewcomerCommand::TakeBack { user: of, .. } = &mut **newcomer
        {
            *of = user;
        }
    } else if let Command::SignUp { new, proof, .. } = &mut command {
        new.user = user;
        proof.token = token;
    } else if let Command::CreateUser { new, .. } = &mut command {
        new.user = user;
    } else if let Command::BanUser { user: of, .. }
    | Command::EraseUser { user: of, .. }
    | Command::IssueRecovery { user: of, .. }
    | Command::ChangePassword { user: of, .. }
    | Command::Withdraw { user: of, .. } = &mut command
    {
        *of = user;
    }
    command
}

/// What a decision says and does, decided twice.
fn decided(
    world: &impl keyledger::domain::World,
    state: &State,
    command: &Command,
    now: Timestamp,
) -> keyledger::domain::Decision {
    let limits = limits();
    let context = Context {
        unwritten: &keyledger::domain::Unwritten::default(),
        now,
        limits: &limits,
        found: found(state, command.address_lookup()),
        username_taken: false,
    };
    let decision = decide(world, command.clone(), &context);
    assert_eq!(
        decision,
        decide(world, command.clone(), &context),
        "a decision is a function"
    );
    decision
}

/// Folds what follows from a command; every event must be lawful and survive its stored form.
fn fold(state: &mut State, events: Vec<keyledger::domain::Event>, now: Timestamp) -> Vec<Recorded> {
    let mut folded = vec![];
    for event in events {
        let recorded = Recorded {
            position: state.next(),
            time: now,
            command: CommandId([7; 16]),
            event,
        };
        lawful(state, &recorded).unwrap_or_else(|fault| panic!("{fault}: {:?}", recorded.event));
        let bytes = codec::encode(&recorded, CommandPart::Last).unwrap();
        let (header, payload) = record::decode(&bytes).unwrap();
        assert_eq!(codec::decode(&header, payload).unwrap(), recorded);
        evolve(state, &recorded);
        folded.push(recorded);
    }
    folded
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// R-28, A4: a proof that was spent or superseded never lives again; and nothing that commands do is unlawful.
    #[test]
    fn r_28_a4_whatever_is_tried_every_event_is_lawful_and_a_dead_proof_stays_dead(tries in tries()) {
        let mut state = founded();
        let mut now = NOON;
        let mut dead: HashMap<TokenId, TokenStanding> = HashMap::new();
        for (number, one) in (1_u32..).zip(tries) {
            now = now + pause(one.later);
            let command = one.command(&state, number);
            let valid_from: HashMap<_, _> = state.users.iter().map(|(id, user)| (*id, user.valid_from)).collect();
            let decision = decided(&state, &state, &command, now);
            fold(&mut state, decision.events, now);
            sound(&state, now);
            for (id, token) in &state.tokens {
                if let Some(before) = dead.get(id) {
                    prop_assert_eq!(*before, token.standing, "{:?} after {:?}", id, command);
                } else if token.standing != TokenStanding::Live {
                    dead.insert(*id, token.standing);
                }
            }
            for (id, user) in &state.users {
                let before = valid_from.get(id).copied().unwrap_or_default();
                prop_assert!(user.valid_from >= before, "revocation by position only moves forward");
            }
        }
    }

    /// The writer decides in a draft and settles; an auditor folds one by one; a decoder starts from bytes.
    #[test]
    fn law_3_a_group_settled_from_a_draft_is_what_a_fold_of_its_events_gives(tries in tries(), group in 1_usize..20) {
        let mut live = founded();
        let mut folded = live.clone();
        let mut now = NOON;
        let mut number = 0;
        for some in tries.chunks(group) {
            let mut overlay = Overlay::on(&live);
            for one in some {
                number += 1;
                now = now + pause(one.later);
                // `folded` is where the draft is: the command is made of it and must be decided alike by both.
                let command = one.command(&folded, number);
                let mut draft = Draft::new(&live, &mut overlay);
                let decision = decided(&draft, &folded, &command, now);
                prop_assert_eq!(&decision, &decided(&folded, &folded, &command, now));
                for recorded in fold(&mut folded, decision.events, now) {
                    prop_assert!(lawful(&draft, &recorded).is_ok());
                    evolve(&mut draft, &recorded);
                }
            }
            overlay.settle(&mut live);
            prop_assert_eq!(state_hash(&live), state_hash(&folded));
        }
    }
}

/// The properties would hold of lives in which nothing happens; these are none.
#[test]
fn random_lives_meet_everything_that_can_happen_to_people() {
    let mut runner = TestRunner::deterministic();
    let mut met = BTreeSet::new();
    for _ in 0..1_800 {
        let tries = tries().new_tree(&mut runner).unwrap().current();
        let (mut state, mut now) = (founded(), NOON);
        for (number, one) in (1_u32..).zip(tries) {
            now = now + pause(one.later);
            let command = one.command(&state, number);
            let decision = decided(&state, &state, &command, now);
            let folded = fold(&mut state, decision.events, now);
            met.extend(folded.iter().map(|recorded| codec::event_name(&recorded.event)));
        }
    }
    met.extend(ELSEWHERE);
    let all: BTreeSet<_> = codec::EVENT_NAMES.iter().copied().collect();
    assert_eq!(met, all);
}
