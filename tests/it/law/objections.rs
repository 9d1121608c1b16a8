//! "This was not me" as the law sees it: before a recovery is completed, after it, and too late.

mod reaching;
mod strangers;

use keyledger::domain::{
    Command, EpochReason, Event, FactorKind, FactorVerdict, Objected, Outcome, Purpose, Refusal, live_session,
};
use keyledger::types::{AddressId, Span, TokenId};

use super::scene::{Scene, given};
use crate::people::{ADA, BOB, ELSEWHERE, HOME, Net, link, origin};

const UNDONE: Outcome = Outcome::Objected(Objected::Undone {
    locked: true,
    contested: None,
});

/// Ada in session 1, with a further address.
fn ada() -> Scene {
    given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(ADA.names(1, 1, 21))
        .done(ADA.proves_further(1, link(ADA.token(21))))
        .after(Span::hours(1))
}

/// A proof of recovery that went to an address of hers.
fn issued(scene: &Scene, number: u32, address: AddressId) -> Event {
    let mut issued = ADA.issued_at(number, Purpose::Recovery, scene.now);
    if let Event::TokenIssued {
        address: to,
        credential,
        ..
    } = &mut issued
    {
        *to = address;
        *credential = scene.state.users[&ADA.user()].credential_id();
    }
    issued
}

/// Somebody who reads her first mailbox recovered the account, with password 2.
fn recovered() -> Scene {
    let scene = ada();
    let proof = issued(&scene, 7, ADA.address());
    scene.and([proof]).done(ADA.recovers(link(ADA.token(7)), 1, 2))
}

/// And is in, in session 5.
fn inside(scene: Scene) -> Scene {
    let now = scene.now;
    scene.and([Event::SignedIn {
        user: ADA.user(),
        session: ADA.session(5),
        credential: ADA.password(2),
        network: HOME.tag(),
        refresh_key: 3,
        expires: now + Span::days(7),
        ends: now + Span::days(30),
        origin: origin(),
    }])
}

fn addresses(scene: &Scene) -> Vec<AddressId> {
    let user = &scene.state.users[&ADA.user()];
    user.addresses.iter().map(|address| address.id).collect()
}

fn has_password(scene: &Scene) -> bool {
    scene.state.users[&ADA.user()].credential.is_some()
}

#[test]
fn r_35_before_a_recovery_is_completed_an_objection_voids_its_proof_and_nothing_else() {
    let scene = ada();
    let asked = issued(&scene, 7, ADA.address());
    let asked = scene.and([asked]);
    let burned = asked
        .clone()
        .when(ADA.objects(ADA.token(7)))
        .then_kinds(&["ObjectionRaised"])
        .answered(&Outcome::Objected(Objected::Burned))
        .scene;
    assert!(has_password(&burned));
    burned
        .clone()
        .when(ADA.recovers(link(ADA.token(7)), 1, 2))
        .refused(Refusal::TokenNotFound);
    burned
        .when(ADA.objects(ADA.token(7)))
        .refused(Refusal::TokenNotFound);
    asked
        .after(Span::hours(24))
        .when(ADA.objects(ADA.token(7)))
        .refused(Refusal::TokenExpired);
}

#[test]
fn r_35_after_a_recovery_an_objection_takes_the_password_away_and_ends_every_session() {
    let scene = inside(recovered());
    let until = scene.now + Span::hours(72);
    let undone = scene
        .when(ADA.objects(ADA.token(7)))
        .then_kinds(&["ObjectionRaised", "PasswordRevoked", "SessionsEnded"])
        .answered(&Outcome::Objected(Objected::Undone {
            locked: true,
            contested: Some(until),
        }))
        .scene;
    assert!(!has_password(&undone));
    assert!(live_session(&undone.state, ADA.user(), ADA.session(5), undone.now).is_err());
    undone
        .when(ADA.objects(ADA.token(7)))
        .refused(Refusal::TokenNotFound);
}

#[test]
fn r_35_then_that_mailbox_recovers_nothing_alone_until_the_time_is_over_and_another_does() {
    let undone = recovered().done(ADA.objects(ADA.token(7))).after(Span::hours(1));
    // Asked for, it leads to no mail, and the answer is that of an address of nobody.
    let asked = undone
        .clone()
        .when(ADA.requests_reset(HOME))
        .then_kinds(&["ResetRequested"])
        .scene;
    assert!(asked.state.requests.is_empty());
    // A proof that is there all the same opens nothing.
    let mine = issued(&undone, 8, ADA.address());
    let recovers = |number| ADA.recovers_from(HOME, link(ADA.token(number)), None, 3);
    undone
        .clone()
        .and([mine])
        .when(recovers(8))
        .refused(Refusal::TokenNotFound);
    let other = issued(&undone, 9, ADA.further(1));
    undone.clone().and([other]).done(recovers(9));
    let over = undone.after(Span::hours(71));
    let mine = issued(&over, 10, ADA.address());
    over.and([mine]).done(recovers(10));
}

#[test]
fn r_35_the_same_mailbox_recovers_with_a_second_factor() {
    // Recovered by the mailbox alone, then an app is added that the owner of both has.
    let scene = ada()
        .done(ADA.begins_app(1, FactorVerdict::Absent))
        .done(ADA.confirms_app(1, Some(100)));
    let proof = issued(&scene, 7, ADA.address());
    let undone = scene
        .and([proof])
        .done(ADA.recovers_showing(link(ADA.token(7)), ADA.app_code(101)))
        .when(ADA.objects(ADA.token(7)))
        .answered(&UNDONE)
        .scene;
    let again = issued(&undone, 8, ADA.address());
    let mut command = ADA.recovers_from(HOME, link(ADA.token(8)), None, 3);
    undone
        .clone()
        .and([again.clone()])
        .when(command.clone())
        .refused(Refusal::FactorRequired);
    if let Command::CompleteRecovery { factor, .. } = &mut command {
        factor.verdict = ADA.app_code(102);
    }
    undone.and([again]).done(command);
}

#[test]
fn a13_an_objection_is_no_way_around_a_second_factor() {
    // An app that was added with the password: whoever reads the mailbox can say what they want.
    let scene = ada().when(ADA.begins_app(1, FactorVerdict::Absent)).scene;
    let mut confirm = ADA.confirms_app(1, Some(100));
    if let Command::ConfirmTotp { mails, .. } = &mut confirm {
        *mails = ADA.notices_offering(1);
    }
    let undone = scene
        .when(confirm)
        .then_kinds(&[
            "FactorConfirmed",
            "RecoveryCodesIssued",
            "ObjectionOffered",
            "MailQueued",
        ])
        .scene
        .when(ADA.objects(ADA.objection(1)))
        .answered(&UNDONE)
        .scene;
    let kinds = undone.state.factors[&ADA.user()].kinds(undone.state.epoch());
    assert_eq!(kinds, [FactorKind::Totp, FactorKind::RecoveryCodes]);
    let proof = issued(&undone, 7, ADA.address());
    undone
        .and([proof])
        .when(ADA.recovers_from(HOME, link(ADA.token(7)), None, 3))
        .refused(Refusal::FactorRequired);
}

#[test]
fn r_35_what_somebody_added_after_recovering_by_a_mailbox_alone_goes_with_it() {
    let scene = inside(recovered());
    let mut begin = ADA.begins_app(5, FactorVerdict::Absent);
    if let Command::BeginTotp { who, .. } = &mut begin {
        who.against = ADA.password(2);
    }
    let added = scene.done(begin).done(ADA.confirms_app(5, Some(100)));
    let undone = added
        .when(ADA.objects(ADA.token(7)))
        .then_kinds(&[
            "ObjectionRaised",
            "FactorRemoved",
            "FactorRemoved",
            "PasswordRevoked",
            "SessionsEnded",
        ])
        .scene;
    assert!(undone.state.factors.get(&ADA.user()).is_none());
}

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

#[test]
fn who_changes_much_cannot_push_out_what_an_objection_knows() {
    let mut scene = given(ADA.account())
        .and([ADA.signed_in(1)])
        .done(ADA.names(1, 2, 21))
        .done(ADA.proves_further_offering(2, link(ADA.token(21)), ADA.notices_offering(1)));
    for number in 2..=20 {
        let (first, second) = (ADA.address(), ADA.further(2));
        let next = if number % 2 == 0 { second } else { first };
        scene = scene.done(ADA.makes_primary(1, next, ADA.notices_offering(number)));
    }
    assert_eq!(scene.state.safeguards[&ADA.user()].objections.len(), 8);
    assert_eq!(scene.state.objections.len(), 8);
    let undone = scene.clone().done(ADA.objects(ADA.objection(1)));
    assert_eq!(addresses(&undone), [ADA.address()]);
    scene.done(ADA.objects(ADA.objection(20)));
}

#[test]
fn r_35_who_recovered_since_keeps_the_new_password() {
    // Somebody recovers by the first mailbox; the owner by the other one; then the owner reads the first mail.
    let scene = recovered().after(Span::hours(1));
    let proof = issued(&scene, 8, ADA.further(1));
    let settled = scene.and([proof]).done(ADA.recovers(link(ADA.token(8)), 2, 3));
    let until = settled.now + Span::hours(71);
    let undone = settled
        .when(ADA.objects(ADA.token(7)))
        .then_kinds(&["ObjectionRaised"])
        .answered(&Outcome::Objected(Objected::Undone {
            locked: false,
            contested: Some(until),
        }))
        .scene;
    assert!(has_password(&undone));
}

#[test]
fn r_35_an_objection_is_good_for_72_hours_once_for_its_user_and_in_its_epoch() {
    let scene = recovered().and(BOB.account());
    scene
        .clone()
        .after(Span::hours(72))
        .when(ADA.objects(ADA.token(7)))
        .refused(Refusal::TokenExpired);
    scene
        .clone()
        .after(Span::hours(72))
        .done(ADA.lets_lapse())
        .when(ADA.objects(ADA.token(7)))
        .refused(Refusal::TokenNotFound);
    scene
        .clone()
        .when(BOB.objects(ADA.token(7)))
        .refused(Refusal::TokenNotFound);
    scene
        .clone()
        .when(ADA.objects(TokenId([3; 16])))
        .refused(Refusal::TokenNotFound);
    scene
        .done(Command::StartEpoch {
            reason: EpochReason::Restored,
            erase: vec![],
        })
        .when(ADA.objects(ADA.token(7)))
        .refused(Refusal::TokenNotFound);
}

#[test]
fn r_35_a_changed_password_is_objected_to_as_well() {
    let verdict = keyledger::domain::PasswordVerdict::Right(ADA.password(1));
    let mut change = ADA.changes_password(1, verdict, Some(2));
    if let Command::ChangePassword { mails, .. } = &mut change {
        *mails = ADA.notices_offering(1);
    }
    let undone = ada()
        .when(change)
        .then_kinds(&["PasswordSet", "SessionsEnded", "ObjectionOffered", "MailQueued"])
        .scene
        .when(ADA.objects(ADA.objection(1)))
        .answered(&UNDONE)
        .scene;
    assert!(!has_password(&undone));
    // Nobody has shown that the mailbox is in wrong hands: it is the way back in.
    let proof = issued(&undone, 7, ADA.address());
    undone
        .and([proof])
        .done(ADA.recovers_from(HOME, link(ADA.token(7)), None, 3));
}

#[test]
fn r_30_for_72_hours_after_a_recovery_by_a_mailbox_alone_nothing_is_taken_away() {
    let scene = inside(recovered());
    let until = scene.now + Span::hours(72);
    let mut remove = ADA.removes_address(5, ADA.further(1), ADA.notices());
    if let Command::Address(keyledger::domain::AddressCommand::Remove { who, .. }) = &mut remove {
        who.against = ADA.password(2);
    }
    scene.clone().when(remove.clone()).refused(Refusal::Held(until));
    let mut begin = ADA.begins_app(5, FactorVerdict::Absent);
    let mut factors = ADA.removes(5, None, ADA.app_code(101));
    for command in [&mut begin, &mut factors] {
        if let Command::BeginTotp { who, .. } | Command::RemoveFactors { who, .. } = command {
            who.against = ADA.password(2);
        }
    }
    let with_app = scene.done(begin).done(ADA.confirms_app(5, Some(100)));
    with_app
        .clone()
        .when(factors.clone())
        .refused(Refusal::Held(until));
    let settled = with_app.after(Span::hours(72));
    settled.clone().done(factors);
    if let Command::Address(keyledger::domain::AddressCommand::Remove { who, .. }) = &mut remove {
        who.shown.verdict = ADA.app_code(101);
    }
    settled.done(remove);
}

#[test]
fn r_30_a_recovery_that_showed_a_second_factor_holds_nothing_back() {
    let scene = ada()
        .done(ADA.begins_app(1, FactorVerdict::Absent))
        .done(ADA.confirms_app(1, Some(100)));
    let proof = issued(&scene, 7, ADA.address());
    let scene = scene
        .and([proof])
        .done(ADA.recovers_showing(link(ADA.token(7)), ADA.app_code(101)));
    let mut sign_in = ADA.signs_in_showing(HOME, ADA.app_code(102), 5);
    if let Command::SignIn { verdict, .. } = &mut sign_in {
        *verdict = keyledger::domain::PasswordVerdict::Right(ADA.password(2));
    }
    let mut factors = ADA.removes(5, None, FactorVerdict::Absent);
    if let Command::RemoveFactors { who, .. } = &mut factors {
        who.against = ADA.password(2);
    }
    scene.done(sign_in).done(factors);
}

#[test]
fn an_administrators_recovery_is_stopped_by_whoever_reads_the_notice() {
    let scene = given(ADA.account())
        .when(ADA.gets_recovery(7, Span::hours(2)))
        .then_kinds(&["TokenIssued", "MailQueued"])
        .scene;
    scene
        .clone()
        .done(ADA.objects(ADA.token(7)))
        .when(ADA.recovers(link(ADA.token(7)), 1, 2))
        .refused(Refusal::TokenNotFound);
    // It shows nothing about a mailbox, so none is distrusted for it.
    scene
        .done(ADA.recovers(link(ADA.token(7)), 1, 2))
        .when(ADA.objects(ADA.token(7)))
        .answered(&UNDONE);
}

#[test]
fn r_35_a_sign_in_from_a_new_place_is_told_and_objected_to() {
    given(ADA.account())
        .when(ADA.signs_in(HOME, 1))
        .then_kinds(&["SignedIn"]);
    let scene = given(ADA.account()).and([ADA.signed_in(1)]);
    scene
        .clone()
        .when(ADA.signs_in(HOME, 2))
        .then_kinds(&["SignedIn"]);
    let mut elsewhere = ADA.signs_in(ELSEWHERE, 2);
    if let Command::SignIn { factor, .. } = &mut elsewhere {
        factor.mails = ADA.notices_offering(1);
    }
    let told = scene
        .when(elsewhere)
        .then_kinds(&["SignedIn", "ObjectionOffered", "MailQueued"])
        .scene;
    told.clone()
        .when(ADA.signs_in(ELSEWHERE, 3))
        .then_kinds(&["SignedIn"]);
    told.clone()
        .when(ADA.objects(ADA.objection(1)))
        .then_kinds(&["ObjectionRaised", "PasswordRevoked", "SessionsEnded"])
        .answered(&UNDONE);
    let flooded = told.tried(9, |number| {
        ADA.signs_in(Net(100 + u16::try_from(number).unwrap()), 10 + number)
    });
    let offered = flooded.state.safeguards[&ADA.user()].objections.len();
    assert_eq!(offered, 5, "so many an hour");
    flooded
        .after(Span::hours(1))
        .when(ADA.signs_in(Net(200), 30))
        .then_kinds(&["SignedIn", "ObjectionOffered", "MailQueued"]);
}
