//! What a stranger left, and whom an objection is told.

use keyledger::domain::{Command, FactorKind, FactorVerdict, MailKind, ObjectionCommand};
use keyledger::types::{AddressId, Span};

use super::super::scene::Scene;
use super::{ada, issued};
use crate::people::{ADA, ELSEWHERE, HOME, Net, link};

#[test]
fn r_35_what_a_stranger_with_the_password_added_goes_with_an_objection_and_what_was_there_before_stays() {
    let from_elsewhere = |verdict| {
        let mut sign_in = ADA.signs_in_showing(ELSEWHERE, verdict, 5);
        if let Command::SignIn { factor, .. } = &mut sign_in {
            factor.mails = ADA.notices_offering(1);
        }
        sign_in
    };
    // Somebody with the password comes from elsewhere, and adds an app that nobody but them has.
    let mut confirm = ADA.confirms_app(5, Some(100));
    if let Command::ConfirmTotp { mails, .. } = &mut confirm {
        *mails = ADA.notices_offering(2);
    }
    let scene = ada()
        .done(from_elsewhere(FactorVerdict::Absent))
        .done(ADA.begins_app(5, FactorVerdict::Absent))
        .done(confirm);
    // Whichever mail its owner opens first: that of the sign-in, or that of the app. Somebody who adds an app was in the
    // account, perhaps before, so that a further address goes as well.
    let removed = [
        "FactorRemoved",
        "FactorRemoved",
        "PasswordRevoked",
        "SessionsEnded",
    ];
    for (objection, raised) in [(1, 1), (2, 2)] {
        let kinds = [&["ObjectionRaised"; 2][..raised], &removed].concat();
        let undone = scene
            .clone()
            .when(ADA.objects(ADA.objection(objection)))
            .then_kinds(&kinds)
            .scene;
        assert_eq!(undone.state.users[&ADA.user()].addresses.len(), 3 - raised);
        assert!(undone.state.factors.get(&ADA.user()).is_none());
        let proof = issued(&undone, 7, ADA.address());
        undone
            .and([proof])
            .done(ADA.recovers_from(HOME, link(ADA.token(7)), None, 3));
    }
    // A13: an app that was there before stays, whoever says what of a sign-in.
    let undone = ada()
        .done(ADA.begins_app(1, FactorVerdict::Absent))
        .done(ADA.confirms_app(1, Some(100)))
        .after(Span::minutes(1))
        .done(from_elsewhere(ADA.app_code(102)))
        .when(ADA.objects(ADA.objection(1)))
        .then_kinds(&["ObjectionRaised", "PasswordRevoked", "SessionsEnded"])
        .scene;
    let kinds = undone.state.factors[&ADA.user()].kinds(undone.state.epoch());
    assert_eq!(kinds, [FactorKind::Totp, FactorKind::RecoveryCodes]);
}

#[test]
fn r_35_r_42_every_address_that_stays_is_told_of_an_objection() {
    let objects = |objection| {
        let mut command = ADA.objects(objection);
        if let Command::Objection(ObjectionCommand::Raise { mails, .. }) = &mut command {
            let all = [ADA.address(), ADA.further(1), ADA.further(2)];
            *mails = ADA.notices();
            mails.mails = all.map(|address| (address, crate::people::mail(900))).to_vec();
        }
        command
    };
    let told = |scene: &Scene| -> Vec<AddressId> {
        let mails = scene.state.outbox.values();
        let told = mails.filter(|mail| mail.kind == MailKind::ObjectionRaised);
        told.map(|mail| mail.address).collect()
    };
    // Nothing can be objected to any more of the address that she added days before.
    let scene = ada()
        .after(Span::hours(72))
        .done(ADA.names(1, 2, 22))
        .done(ADA.proves_further_offering(2, link(ADA.token(22)), ADA.notices_offering(1)));
    let undone = scene.clone().done(objects(ADA.objection(1)));
    assert_eq!(
        told(&undone),
        [ADA.address(), ADA.further(1)],
        "not the one that goes"
    );
    let asked = issued(&scene, 7, ADA.further(1));
    let burned = scene.and([asked]).done(objects(ADA.token(7)));
    assert_eq!(told(&burned), [ADA.address(), ADA.further(1), ADA.further(2)]);
}

#[test]
fn a27_r_35_a_sign_in_that_is_objected_to_takes_back_what_came_after_an_earlier_one_from_a_new_place() {
    let from_elsewhere = |net, session, objection| {
        let mut sign_in = ADA.signs_in_showing(net, FactorVerdict::Absent, session);
        if let Command::SignIn { factor, .. } = &mut sign_in {
            factor.mails = ADA.notices_offering(objection);
        }
        sign_in
    };
    // Somebody comes from elsewhere, adds an address, and comes again from another place.
    let scene = ada()
        .done(from_elsewhere(ELSEWHERE, 5, 1))
        .done(ADA.names(5, 2, 22))
        .done(ADA.proves_further_offering(2, link(ADA.token(22)), ADA.notices_offering(2)))
        .after(Span::minutes(1))
        .done(from_elsewhere(Net(77), 6, 3));
    let undone = scene.done(ADA.objects(ADA.objection(3)));
    let left = undone.state.users[&ADA.user()].addresses.iter();
    let left: Vec<AddressId> = left.map(|address| address.id).collect();
    assert_eq!(
        left,
        [ADA.address(), ADA.further(1)],
        "what was there before stays"
    );
}
