//! Closing one's account, and taking that back.

use keyledger::domain::{
    Actor, Command, EndCause, Event, MailKind, Outcome, Purpose, Refusal, Standing, TokenStanding,
};
use keyledger::types::Span;

use super::scene::{Scene, given};
use crate::people::{ADA, HOME, NOBODY, NOON, link, mail, origin};

fn ada_signed_in() -> Scene {
    given(ADA.account()).and([ADA.signed_in(1), ADA.signed_in(2)])
}

fn closing() -> Scene {
    ada_signed_in().done(ADA.withdraws(1, 1))
}

fn takes_back() -> Command {
    Command::CancelWithdraw {
        proof: link(ADA.token(1)),
        origin: origin(),
    }
}

fn erase_due() -> Command {
    Command::EraseDue { user: ADA.user() }
}

#[test]
fn an_account_closes_in_one_batch_sessions_proof_and_mail() {
    let until = NOON + Span::hours(72);
    let mut reopen = ADA.issued(1, Purpose::Reopen);
    if let Event::TokenIssued { expires, by, .. } = &mut reopen {
        *expires = until;
        *by = Actor::User(ADA.user());
    }
    let decided = ada_signed_in()
        .when(ADA.withdraws(1, 1))
        .then([
            Event::WithdrawRequested {
                user: ADA.user(),
                until,
                origin: origin(),
            },
            Event::SessionsEnded {
                user: ADA.user(),
                except: None,
                count: 2,
                cause: EndCause::Closing,
                by: Actor::User(ADA.user()),
                origin: Some(origin()),
            },
            reopen,
            Event::MailQueued {
                mail: mail(700).mail,
                kind: MailKind::AccountClosing,
                user: ADA.user(),
                address: ADA.address(),
                token: Some(ADA.token(1)),
                locale: keyledger::types::Locale::En,
                details: mail(700).details,
            },
        ])
        .answered(&Outcome::Ended(2));
    let state = &decided.scene.state;
    assert_eq!(state.users[&ADA.user()].standing, Standing::Closing(until));
    assert_eq!(state.closings[&ADA.user()], until);
}

#[test]
fn without_a_delay_an_account_closes_for_good_and_no_proof_is_made() {
    let scene = ada_signed_in()
        .under(|limits| limits.lifetimes.withdraw_delay = Span(0))
        .when(ADA.withdraws(1, 1))
        .then_kinds(&["WithdrawRequested", "SessionsEnded"])
        .scene;
    scene.when(erase_due()).then_kinds(&["UserErased"]);
}

#[test]
fn only_a_session_that_holds_closes_its_account() {
    ada_signed_in()
        .when(ADA.withdraws(9, 1))
        .refused(Refusal::SessionOver);
    given([]).when(ADA.withdraws(1, 1)).refused(Refusal::UserNotFound);
    closing().when(ADA.withdraws(1, 2)).refused(Refusal::SessionOver);
}

#[test]
fn the_mailed_proof_takes_it_back_once() {
    let decided = closing()
        .after(Span(Span::hours(72).0 - 1))
        .when(takes_back())
        .then([Event::WithdrawCancelled {
            user: ADA.user(),
            token: ADA.token(1),
            origin: origin(),
        }])
        .answered(&Outcome::Done);
    let scene = decided.scene;
    assert_eq!(scene.state.users[&ADA.user()].standing, Standing::Active);
    assert!(scene.state.closings.is_empty());
    assert_eq!(scene.state.tokens[&ADA.token(1)].standing, TokenStanding::Spent);
    scene.clone().when(takes_back()).refused(Refusal::TokenNotFound);
    scene.clone().when(erase_due()).refused(Refusal::UserNotFound);
    scene.when(ADA.signs_in(HOME, 3)).then_kinds(&["SignedIn"]);
}

#[test]
fn r_23_at_the_end_of_its_time_the_proof_is_expired_and_the_account_is_erased() {
    let over = closing().after(Span::hours(72));
    over.clone().when(takes_back()).refused(Refusal::TokenExpired);
    let decided = over.when(erase_due()).then([Event::UserErased {
        user: ADA.user(),
        by: Actor::System,
    }]);
    let state = &decided.scene.state;
    assert!(state.users.is_empty() && state.tokens.is_empty() && state.closings.is_empty());
    assert!(state.erased.contains_key(&ADA.user()));
}

#[test]
fn nothing_is_erased_before_its_time() {
    closing()
        .after(Span(Span::hours(72).0 - 1))
        .when(erase_due())
        .refused(Refusal::UserNotFound);
    ada_signed_in().when(erase_due()).refused(Refusal::UserNotFound);
    given([])
        .when(Command::EraseDue { user: NOBODY.user() })
        .refused(Refusal::UserNotFound);
}

#[test]
fn r_26_a_proof_for_something_else_takes_nothing_back() {
    let other = Command::CancelWithdraw {
        proof: link(ADA.token(2)),
        origin: origin(),
    };
    closing().when(other.clone()).refused(Refusal::TokenNotFound);
    ada_signed_in()
        .and([ADA.issued(2, Purpose::Recovery)])
        .when(other)
        .refused(Refusal::TokenNotFound);
}
