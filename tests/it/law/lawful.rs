//! What an auditor refuses: events that may not stand where they stand.

use keyledger::domain::{
    Actor, DropCause, EndCause, EpochReason, Event, MailEnd, PasswordCause, Purpose, Recorded, Role, State,
    SuppressedClass, Via, lawful,
};
use keyledger::types::{ApiKeyId, CommandId, Position, PublicKey, Signature, Span, TokenId};

use super::scene::{Scene, given};
use crate::people::{ADA, BOB, NOBODY, NOON, link, origin};

/// Why an event is refused after a scene.
pub(super) fn fault(scene: &Scene, event: Event) -> &'static str {
    let recorded = Recorded {
        position: scene.state.next(),
        time: scene.now,
        command: CommandId([0; 16]),
        event,
    };
    match lawful(&scene.state, &recorded) {
        Ok(()) => panic!("lawful: {:?}", recorded.event),
        Err(unlawful) => {
            assert_eq!(unlawful.position, recorded.position);
            unlawful.fault
        }
    }
}

fn ada() -> Scene {
    given(ADA.account()).and([ADA.signed_in(1), ADA.issued(1, Purpose::Recovery)])
}

fn completed(token: TokenId) -> Event {
    Event::RecoveryCompleted {
        user: ADA.user(),
        token,
        address: ADA.address(),
        via: Via::Link,
        origin: origin(),
    }
}

fn at(position: u64, time: keyledger::types::Timestamp) -> Recorded {
    Recorded {
        position: Position(position),
        time,
        command: CommandId([0; 16]),
        event: Event::Suppressed {
            class: SuppressedClass::Codes,
            count: 1,
            first: None,
        },
    }
}

#[test]
fn r_23_time_never_runs_backwards_and_positions_have_no_gaps() {
    let scene = given([]);
    let next = scene.state.next().0;
    assert!(lawful(&scene.state, &at(next, NOON)).is_ok());
    let back = lawful(&scene.state, &at(next, NOON - Span(1))).unwrap_err();
    assert_eq!(back.fault, "time runs backwards");
    assert_eq!(back.to_string(), format!("position {next}: time runs backwards"));
    let gap = lawful(&scene.state, &at(next + 1, NOON)).unwrap_err();
    assert_eq!(gap.fault, "positions are not gap-free");
    let again = lawful(&scene.state, &at(next - 1, NOON)).unwrap_err();
    assert_eq!(again.fault, "positions are not gap-free");
}

#[test]
fn a_ledger_begins_with_epoch_one_and_skips_none() {
    let empty = State::default();
    let first = lawful(&empty, &at(0, NOON)).unwrap_err();
    assert_eq!(first.fault, "a ledger begins with epoch 1");
    let reason = EpochReason::Restored;
    for number in [0, 1, 3] {
        assert_eq!(
            fault(&given([]), Event::EpochStarted { number, reason }),
            "an epoch was skipped"
        );
    }
}

#[test]
fn a4_r_28_a_proof_is_used_once_and_only_live() {
    let spent = ada().done(ADA.recovers(link(ADA.token(1)), 1, 2));
    let dead = "a token was used that was not this user's, or not live";
    assert_eq!(fault(&spent, completed(ADA.token(1))), dead);
    assert_eq!(fault(&ada(), completed(ADA.token(9))), dead);
    let superseded = ada().and([ADA.issued(2, Purpose::Recovery)]);
    assert_eq!(fault(&superseded, completed(ADA.token(1))), dead);
    assert_eq!(
        fault(&ada().after(Span::hours(24)), completed(ADA.token(1))),
        "a token was used that was too old, or for something else"
    );
    assert_eq!(
        fault(&ada(), ADA.issued(1, Purpose::Recovery)),
        "a token was issued twice"
    );
    let unspent = ADA.password_set(2, PasswordCause::Recovered(ADA.token(1)));
    assert_eq!(fault(&ada(), unspent), dead);
}

#[test]
fn an_identity_is_made_once() {
    assert_eq!(fault(&ada(), ADA.registered()), "a user was registered twice");
    let erased = ada().done(ADA.is_erased());
    assert_eq!(fault(&erased, ADA.registered()), "an erased user came back");
    let mut same_address = BOB.registered();
    if let Event::UserRegistered { address, .. } = &mut same_address {
        *address = ADA.address();
    }
    assert_eq!(fault(&ada(), same_address), "an address belongs to two users");
    assert_eq!(fault(&ada(), ADA.signed_in(1)), "a session began twice");
}

#[test]
fn a_password_is_set_for_somebody_and_for_a_reason() {
    let set = |cause| ADA.password_set(2, cause);
    assert_eq!(
        fault(&ada(), set(PasswordCause::SignUp)),
        "a first password after another"
    );
    assert_eq!(
        fault(&given([]), set(PasswordCause::Changed)),
        "a password for nobody"
    );
    let banned = ada().done(ADA.is_banned());
    assert_eq!(
        fault(&banned, set(PasswordCause::Changed)),
        "the user is not active"
    );
    let mut stale = ADA.signed_in(2);
    if let Event::SignedIn { credential, .. } = &mut stale {
        *credential = ADA.password(7);
    }
    assert_eq!(
        fault(&ada(), stale),
        "a sign-in with a password that was replaced"
    );
    assert_eq!(fault(&banned, ADA.signed_in(2)), "the user is not active");
}

#[test]
fn what_is_about_something_is_about_something_that_is_there() {
    let user = NOBODY.user();
    let by = Actor::Operator;
    let queued = Position(99);
    let session = NOBODY.session(1);
    let cases = [
        (Event::UserBanned { user, by }, "no such user"),
        (Event::UserUnbanned { user, by }, "no such user"),
        (Event::UserErased { user, by }, "no such user"),
        (Event::PasswordRevoked { user, by }, "no such user"),
        (
            Event::RoleChanged {
                user,
                role: Role::Guest,
                by,
            },
            "no such user",
        ),
        (Event::RecoverySent { user, by }, "the user is not active"),
        (Event::MailCancelled { queued, by }, "no such mail waits"),
        (Event::MailHastened { queued, by }, "no such mail waits"),
        (
            Event::SessionsEnded {
                user,
                except: None,
                count: 0,
                cause: EndCause::EndedByAdmin,
                by,
                origin: None,
            },
            "no such user",
        ),
        (
            Event::SessionEnded {
                user,
                session,
                cause: EndCause::EndedByAdmin,
                by,
                origin: None,
            },
            "no such live session of this user",
        ),
        (
            Event::SessionEnded {
                user,
                session: ADA.session(1),
                cause: EndCause::EndedByAdmin,
                by,
                origin: None,
            },
            "no such live session of this user",
        ),
        (
            Event::MailDelivered {
                queued,
                attempt: 1,
                status: 250,
            },
            "no such mail waits",
        ),
        (
            Event::MailEnded {
                queued,
                attempt: 1,
                status: 550,
                step: 1,
                cause: MailEnd::GaveUp,
            },
            "no such mail waits",
        ),
        (
            Event::RequestDropped {
                request: queued,
                cause: DropCause::NothingToDo,
            },
            "no such request waits",
        ),
        (
            Event::ApiKeyUsed {
                key: ApiKeyId([1; 16]),
            },
            "no such live API key",
        ),
        (NOBODY.verified(), "the address is not the user's"),
        (
            NOBODY.issued(1, Purpose::Recovery),
            "the address is not the user's",
        ),
        (
            Event::WithdrawRequested {
                user,
                until: NOON,
                origin: origin(),
            },
            "the user is not active",
        ),
        (
            Event::WithdrawCancelled {
                user: ADA.user(),
                token: ADA.token(1),
                origin: origin(),
            },
            "the account was not closing",
        ),
        (
            Event::SignUpDisowned {
                user: ADA.user(),
                token: ADA.token(1),
                origin: origin(),
            },
            "a verified account was disowned",
        ),
        (
            Event::ProofRefused {
                user,
                token: ADA.token(1),
                cause: keyledger::domain::RefusedCause::Format,
                origin: origin(),
            },
            "no such token of this user",
        ),
        (
            Event::VerifierUpgraded {
                user: ADA.user(),
                credential: ADA.password(4),
                verifier: origin(),
            },
            "a verifier for a password that is not the user's",
        ),
    ];
    for (event, expected) in cases {
        assert_eq!(fault(&ada(), event), expected);
    }
}

/// A proof with one thing about it changed.
fn proof_with(change: impl FnOnce(&mut Event)) -> Event {
    let mut event = ADA.issued(2, Purpose::Recovery);
    change(&mut event);
    event
}

#[test]
fn r_21_r_26_a_proof_is_fresh_short_lived_and_bound_to_the_present_password() {
    let lives = |span: Span| {
        proof_with(|event| {
            if let Event::TokenIssued { expires, .. } = event {
                *expires = NOON + span;
            }
        })
    };
    assert_eq!(
        fault(&ada(), lives(Span(0))),
        "a token was issued that has expired"
    );
    assert_eq!(
        fault(&ada(), lives(Span(Span::hours(24).0 + 1))),
        "a token lives longer than 24 hours"
    );
    let other = proof_with(|event| {
        if let Event::TokenIssued { credential, .. } = event {
            *credential = Some(ADA.password(7));
        }
    });
    assert_eq!(
        fault(&ada(), other),
        "a token is bound to a password that is not the user's"
    );
}

#[test]
fn r_26_a_proof_is_used_for_what_it_was_issued_for_and_for_its_address() {
    let wrong = "a token was used that was too old, or for something else";
    let verification = given(ADA.account()).and([ADA.issued(1, Purpose::VerifyEmail)]);
    assert_eq!(fault(&verification, completed(ADA.token(1))), wrong);
    let epoch = Event::EpochStarted {
        number: 2,
        reason: EpochReason::Restored,
    };
    assert_eq!(fault(&ada().and([epoch]), completed(ADA.token(1))), wrong);
    let verified = |address, token| Event::AddressVerified {
        user: ADA.user(),
        address,
        token: Some(token),
        via: Via::Link,
        origin: origin(),
    };
    let both = given(ADA.account())
        .and(BOB.account())
        .and([BOB.issued(1, Purpose::VerifyEmail)]);
    assert_eq!(
        fault(&both, verified(ADA.address(), BOB.token(1))),
        "an address was proven by a token for another"
    );
    assert_eq!(
        fault(&both, verified(ADA.address(), ADA.token(9))),
        "an address was proven by no token"
    );
    let mut elsewhere = completed(ADA.token(1));
    if let Event::RecoveryCompleted { address, .. } = &mut elsewhere {
        *address = BOB.address();
    }
    assert_eq!(fault(&ada(), elsewhere), "a token for another address was used");
}

#[test]
fn s_12_a_refresh_token_is_followed_by_its_successor_while_its_session_lives() {
    let rotated = |counter| Event::RefreshRotated {
        user: ADA.user(),
        session: ADA.session(1),
        counter,
        refresh_key: 4,
        idle: Span::days(7),
        origin: None,
    };
    for counter in [0, 2] {
        assert_eq!(
            fault(&ada(), rotated(counter)),
            "a refresh token was not followed by its successor"
        );
    }
    let over = "a session that was over was refreshed";
    assert_eq!(fault(&ada().after(Span::days(7)), rotated(1)), over);
    assert_eq!(fault(&ada().done(ADA.is_banned()), rotated(1)), over);
    let mut stillborn = ADA.signed_in(2);
    if let Event::SignedIn { expires, .. } = &mut stillborn {
        *expires = NOON;
    }
    assert_eq!(fault(&ada(), stillborn), "a session was over before it began");
}

#[test]
fn l_03_checkpoint_keys_form_one_chain_in_each_epoch() {
    let named = |key: u8| Event::CheckpointKeyNamed {
        ledger: [1; 16],
        key: u32::from(key),
        public: PublicKey([key; 32]),
        signature: Signature(Box::new([0; 64])),
    };
    let rotated = |old: u8, new: u8| Event::CheckpointKeyRotated {
        old: u32::from(old),
        old_public: PublicKey([old; 32]),
        old_signature: Signature(Box::new([0; 64])),
        new: u32::from(new),
        new_public: PublicKey([new; 32]),
        new_signature: Signature(Box::new([0; 64])),
        by: Actor::Operator,
    };
    let not_in_force = "a checkpoint key was replaced that was not in force";
    assert_eq!(fault(&given([]), rotated(1, 2)), not_in_force);
    let first = given([named(1)]);
    assert_eq!(
        fault(&first, named(2)),
        "a checkpoint key was named in an epoch that had one"
    );
    assert_eq!(fault(&first, rotated(2, 3)), not_in_force);
    assert_eq!(
        fault(&first, rotated(1, 1)),
        "a checkpoint key was replaced by itself"
    );
    let second = first.and([rotated(1, 2)]);
    assert_eq!(fault(&second, rotated(1, 3)), not_in_force);
    let epoch = Event::EpochStarted {
        number: 2,
        reason: EpochReason::Restored,
    };
    // Where the old key was lost, an epoch names another; once.
    let third = second.and([epoch, named(7)]);
    assert_eq!(
        fault(&third, named(8)),
        "a checkpoint key was named in an epoch that had one"
    );
}
