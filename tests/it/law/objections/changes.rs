//! Changes of addresses that an objection takes back.

use keyledger::domain::{Command, FactorVerdict, Refusal};
use keyledger::types::Span;

use super::super::scene::{Scene, given};
use super::{UNDONE, addresses, has_password, issued, recovered};
use crate::people::{ADA, HOME, link};

#[test]
fn a27_r_35_r_44_an_objection_makes_the_addresses_what_they_were_before() {
    // Somebody with the password makes their own address the first and removes hers.
    let theirs = ADA.further(2);
    let scene = given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(ADA.names(1, 2, 21))
        .done(ADA.proves_further_offering(2, link(ADA.token(21)), ADA.notices_offering(1)))
        .after(Span::hours(1))
        .done(ADA.makes_primary(1, theirs, ADA.notices_offering(2)))
        .done(ADA.removes_address(1, ADA.address(), ADA.notices_offering(3)))
        .after(Span::hours(1));
    assert_eq!(addresses(&scene), [theirs]);
    let undone = scene
        .clone()
        .when(ADA.objects(ADA.objection(1)))
        .then_kinds(&["ObjectionRaised", "PasswordRevoked", "SessionsEnded"])
        .answered(&UNDONE)
        .scene;
    assert_eq!(addresses(&undone), [ADA.address()]);
    assert!(!undone.state.addresses.contains_key(&theirs));
    assert!(undone.state.safeguards[&ADA.user()].leaving.is_empty());
    // The later ones go back as far, or the newest mail would leave the stranger's address.
    for number in [2, 3] {
        let undone = scene
            .clone()
            .when(ADA.objects(ADA.objection(number)))
            .then_kinds(&[
                "ObjectionRaised",
                "ObjectionRaised",
                "PasswordRevoked",
                "SessionsEnded",
            ])
            .answered(&UNDONE)
            .scene;
        assert_eq!(addresses(&undone), [ADA.address()], "{number}");
        assert!(!undone.state.addresses.contains_key(&theirs), "{number}");
    }
    // Nor does a recovery by that address keep the stranger in.
    let proof = issued(&scene, 9, theirs);
    let undone = scene
        .and([proof])
        .done(ADA.recovers(link(ADA.token(9)), 1, 2))
        .done(ADA.objects(ADA.objection(1)));
    assert!(!has_password(&undone));
    assert_eq!(addresses(&undone), [ADA.address()]);
}

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
    let verdict = keyledger::domain::PasswordVerdict::Right(ADA.password(1));
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

#[test]
fn a27_a_mailbox_for_codes_goes_with_the_address_that_goes() {
    let theirs = ADA.further(2);
    let mut begin = ADA.begins_mailbox(1, true, 30, FactorVerdict::Absent);
    if let Command::BeginMailbox { address, .. } = &mut begin {
        *address = theirs;
    }
    let scene = given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(ADA.names(1, 2, 21))
        .done(ADA.proves_further_offering(2, link(ADA.token(21)), ADA.notices_offering(1)))
        .done(begin)
        .done(ADA.confirms_mailbox(1, 30, true));
    scene
        .clone()
        .after(Span::minutes(5))
        .when(ADA.removes_address(1, theirs, ADA.notices()))
        .refused(Refusal::AddressInUse);
    let undone = scene
        .when(ADA.objects(ADA.objection(1)))
        .then_kinds(&[
            "ObjectionRaised",
            "FactorRemoved",
            "PasswordRevoked",
            "SessionsEnded",
        ])
        .scene;
    assert!(undone.state.factors.get(&ADA.user()).is_none());
}
