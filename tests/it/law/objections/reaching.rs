//! How far an objection goes back.

use keyledger::domain::{Command, PasswordVerdict, Refusal};
use keyledger::types::Span;

use super::super::scene::{Scene, given};
use super::{UNDONE, addresses, has_password, issued};
use crate::people::{ADA, HOME, link};

/// Somebody with the password adds an address of theirs; an hour later the scene goes on.
fn with_theirs() -> Scene {
    given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(ADA.names(1, 2, 21))
        .done(ADA.proves_further_offering(2, link(ADA.token(21)), ADA.notices_offering(1)))
        .after(Span::hours(1))
}

#[test]
fn a27_r_35_an_objection_to_a_password_goes_back_to_an_earlier_change_of_addresses() {
    // Else whoever added their address and then changed the password would recover by it when the newest mail is answered.
    let theirs = ADA.further(2);
    let verdict = PasswordVerdict::Right(ADA.password(1));
    let mut change = ADA.changes_password(1, verdict, Some(2));
    if let Command::ChangePassword { mails, .. } = &mut change {
        *mails = ADA.notices_offering(2);
    }
    let scene = with_theirs().done(change);
    let undone = scene
        .clone()
        .when(ADA.objects(ADA.objection(2)))
        .then_kinds(&[
            "ObjectionRaised",
            "ObjectionRaised",
            "PasswordRevoked",
            "SessionsEnded",
        ])
        .answered(&UNDONE)
        .scene;
    assert_eq!(addresses(&undone), [ADA.address()]);
    assert!(!undone.state.addresses.contains_key(&theirs));
    // A proof that went there before opens nothing.
    let proof = issued(&scene, 9, theirs);
    scene
        .and([proof])
        .done(ADA.objects(ADA.objection(2)))
        .when(ADA.recovers_from(HOME, link(ADA.token(9)), None, 3))
        .refused(Refusal::TokenNotFound);
    // What can be objected to no more stays: by then it is its owner's word.
    let late = with_theirs().after(Span::hours(71));
    let mut change = ADA.changes_password(1, verdict, Some(2));
    if let Command::ChangePassword { mails, .. } = &mut change {
        *mails = ADA.notices_offering(2);
    }
    let undone = late.done(change).done(ADA.objects(ADA.objection(2)));
    assert_eq!(addresses(&undone), [ADA.address(), theirs]);
}

#[test]
fn r_35_an_objection_to_a_recovery_goes_back_only_to_what_may_have_been_the_same_stranger() {
    let further = ADA.further(2);
    // By a mailbox that was there before: who recovered was outside, and the address added before is its owner's way back.
    let proof = issued(&with_theirs(), 7, ADA.address());
    let outside = with_theirs()
        .and([proof])
        .done(ADA.recovers(link(ADA.token(7)), 1, 2));
    let undone = outside.done(ADA.objects(ADA.token(7)));
    assert_eq!(addresses(&undone), [ADA.address(), further]);
    // By that very address.
    let proof = issued(&with_theirs(), 7, further);
    let by_theirs = with_theirs()
        .and([proof])
        .done(ADA.recovers(link(ADA.token(7)), 1, 2));
    let undone = by_theirs.done(ADA.objects(ADA.token(7)));
    assert_eq!(addresses(&undone), [ADA.address()]);
    assert!(!has_password(&undone));
}
