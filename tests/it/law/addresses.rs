//! Further addresses as the law sees them: named, proven, the first one, removed.

use keyledger::domain::{
    AddressCommand, Allowance, Command, EpochReason, Event, LimitKind, Outcome, Purpose, Refusal, Subject,
};
use keyledger::types::{AddressId, Span};

use super::scene::{Scene, given};
use crate::people::{ADA, BOB, ELSEWHERE, HOME, code, link, origin};

/// Ada in session 1, as far as anybody has proven her address.
fn ada() -> Scene {
    given(ADA.account()).and([ADA.signed_in(1)])
}

/// Ada with further address 1.
fn with_further() -> Scene {
    ada()
        .done(ADA.names(1, 1, 21))
        .done(ADA.proves_further(1, link(ADA.token(21))))
}

fn addresses(scene: &Scene) -> Vec<AddressId> {
    let user = &scene.state.users[&ADA.user()];
    user.addresses.iter().map(|address| address.id).collect()
}

#[test]
fn r_43_a27_a_further_address_counts_for_nothing_before_its_proof_came_back() {
    let named = ada()
        .when(ADA.names(1, 1, 21))
        .then_kinds(&["MailboxNamed", "AddressBegun", "TokenIssued", "MailQueued"])
        .answered(&Outcome::Issued(ADA.token(21)))
        .scene;
    assert_eq!(addresses(&named), [ADA.address()]);
    assert!(!named.state.addresses.contains_key(&ADA.further(1)));
    let proven = named
        .when(ADA.proves_further(1, link(ADA.token(21))))
        .then_kinds(&["ObjectionOffered", "AddressConfirmed", "MailQueued"])
        .scene;
    assert_eq!(addresses(&proven), [ADA.address(), ADA.further(1)]);
    assert_eq!(proven.state.addresses[&ADA.further(1)], ADA.user());
    proven
        .when(ADA.proves_further(1, link(ADA.token(21))))
        .refused(Refusal::TokenNotFound);
}

#[test]
fn s_08_a31_naming_removing_and_reordering_take_the_password_once_more() {
    let changed = with_further().and([ADA.password_set(2, keyledger::domain::PasswordCause::Changed)]);
    let changed = changed.and([Event::SignedIn {
        user: ADA.user(),
        session: ADA.session(2),
        credential: ADA.password(2),
        network: HOME.tag(),
        refresh_key: 3,
        expires: with_further().now + Span::days(7),
        ends: with_further().now + Span::days(30),
        origin: origin(),
    }]);
    let further = ADA.further(1);
    for command in [
        ADA.names(2, 2, 22),
        ADA.removes_address(2, further, ADA.notices()),
        ADA.makes_primary(2, further, ADA.notices()),
    ] {
        // The verdict was computed against password 1.
        changed.clone().when(command).refused(Refusal::Outdated);
    }
    ada().when(ADA.names(9, 1, 21)).refused(Refusal::SessionOver);
}

#[test]
fn m_06_a_newer_name_takes_the_place_of_the_one_before_and_of_its_proof() {
    let renamed = ada().done(ADA.names(1, 1, 21)).done(ADA.names(1, 2, 22));
    renamed
        .clone()
        .when(ADA.proves_further(1, link(ADA.token(21))))
        .refused(Refusal::TokenNotFound);
    let proven = renamed.done(ADA.proves_further(2, link(ADA.token(22))));
    assert_eq!(addresses(&proven), [ADA.address(), ADA.further(2)]);
}

#[test]
fn r_23_a_name_without_a_proof_is_over_after_a_day_and_leaves_nothing() {
    let late = ada().done(ADA.names(1, 1, 21)).after(Span::hours(24));
    late.clone()
        .when(ADA.proves_further(1, link(ADA.token(21))))
        .refused(Refusal::TokenExpired);
    let lapsed = late.done(ADA.lets_lapse());
    assert!(lapsed.state.safeguards.is_empty());
}

#[test]
fn r_26_a8_the_proof_of_a_further_address_is_good_for_nothing_else_and_for_nobody_else() {
    let named = ada().and(BOB.account()).done(ADA.names(1, 1, 21));
    let token = link(ADA.token(21));
    named
        .clone()
        .when(ADA.recovers(token, 1, 2))
        .refused(Refusal::TokenNotFound);
    named
        .clone()
        .when(ADA.proves_address(token))
        .refused(Refusal::TokenNotFound);
    named
        .clone()
        .and([BOB.signed_in(1)])
        .when(ADA.proves_further_in((BOB.user(), BOB.session(1)), 1, token))
        .refused(Refusal::TokenNotFound);
    let begun = named.done(Command::StartEpoch {
        reason: EpochReason::Restored,
        erase: vec![],
    });
    begun
        .when(ADA.proves_further(1, token))
        .refused(Refusal::TokenNotFound);
}

#[test]
fn r_29_wrong_codes_for_a_further_address_count_with_the_others() {
    let named = ada().done(ADA.names(1, 1, 21));
    let tried = named.clone().when(ADA.guesses_further(1)).refused_and_remembered(
        [Event::CodeRefused {
            subject: Subject::Address(ADA.address()),
            purpose: Purpose::AddAddress,
            token: Some(ADA.token(21)),
            allowance: Allowance::General,
            origin: origin(),
        }],
        Refusal::TokenNotFound,
    );
    let right = ADA.proves_further_in((ADA.user(), ADA.session(1)), 1, code(ADA.token(21)));
    tried.scene.clone().done(right.clone());
    let spent = named.tried(5, |_| ADA.guesses_further(1));
    spent.clone().when(right.clone()).refused(Refusal::TokenNotFound);
    spent.done(ADA.proves_further(1, link(ADA.token(21))));
    let day = ada()
        .tried(20, |_| ADA.guesses(ELSEWHERE))
        .done(ADA.names(1, 1, 21));
    day.clone()
        .after(Span::seconds(1))
        .under(|limits| limits.reserve_codes_day = 0)
        .when(right)
        .limited(LimitKind::Codes);
}

#[test]
fn an_address_that_somebody_else_has_is_told_only_to_who_reads_it() {
    // Bob comes to have the address that Ada named before her proof comes back.
    let named = ada().done(ADA.names(1, 1, 21));
    let mut taken = named;
    taken.state.addresses.insert(BOB.address(), BOB.user());
    let lookup = BOB.lookup();
    let mut command = ADA.proves_further(1, link(ADA.token(21)));
    if let Command::Address(AddressCommand::Confirm { lookup: of, .. }) = &mut command {
        *of = lookup;
    }
    taken.when(command).refused(Refusal::AddressTaken);
}

#[test]
fn a_user_has_five_addresses_at_most() {
    let mut scene = ada();
    for number in 1..=4 {
        let token = 20 + number;
        scene = scene
            .after(Span::hours(1))
            .done(ADA.names(1, number, token))
            .done(ADA.proves_further(number, link(ADA.token(token))));
    }
    assert_eq!(addresses(&scene).len(), 5);
    scene
        .after(Span::hours(1))
        .when(ADA.names(1, 5, 25))
        .refused(Refusal::TooManyAddresses);
}

#[test]
fn a26_who_never_proved_their_address_adds_none() {
    given(ADA.unproven_account())
        .and([ADA.signed_in(1)])
        .when(ADA.names(1, 1, 21))
        .refused(Refusal::EmailNotVerified);
}

#[test]
fn r_05_a_mailbox_that_is_named_again_and_again_gets_so_many_mails_a_day_from_everybody_together() {
    let scene = given([ADA.account(), BOB.account()].concat())
        .and([ADA.signed_in(1), BOB.signed_in(1)])
        .under(|limits| limits.mails_per_address_day = 3);
    let named = scene.done(ADA.names(1, 1, 21)).done(ADA.names(1, 1, 22));
    // Bob names the same mailbox.
    let mut by_bob = BOB.names(1, 1, 21);
    if let Command::Address(AddressCommand::Begin { mailbox, .. }) = &mut by_bob {
        *mailbox = ADA.further_lookup(1);
    }
    let full = named.done(by_bob.clone());
    let mut again = BOB.names(1, 1, 23);
    if let Command::Address(AddressCommand::Begin { mailbox, .. }) = &mut again {
        *mailbox = ADA.further_lookup(1);
    }
    full.clone().when(again.clone()).limited(LimitKind::ClientMails);
    full.clone().done(BOB.names(1, 2, 22));
    full.after(Span::days(1)).done(again);
}

#[test]
fn r_10_r_26_a_removed_address_recovers_nothing_and_what_was_mailed_to_it_is_void() {
    let mut issued = ADA.issued(7, Purpose::Recovery);
    if let Event::TokenIssued { address, .. } = &mut issued {
        *address = ADA.further(1);
    }
    let removed = with_further()
        .and([issued])
        .when(ADA.removes_address(1, ADA.further(1), ADA.notices()))
        .then_kinds(&["ObjectionOffered", "AddressRemoved", "MailQueued"])
        .scene;
    assert_eq!(addresses(&removed), [ADA.address()]);
    removed
        .clone()
        .when(ADA.recovers(link(ADA.token(7)), 1, 2))
        .refused(Refusal::TokenNotFound);
    // Nobody else gets it before an objection has no time left.
    assert_eq!(removed.state.addresses[&ADA.further(1)], ADA.user());
    let over = removed.after(Span::hours(72)).done(ADA.lets_lapse());
    assert!(!over.state.addresses.contains_key(&ADA.further(1)));
    assert!(over.state.safeguards.is_empty() && over.state.objections.is_empty());
}

#[test]
fn the_first_address_stays_until_another_one_took_its_place() {
    with_further()
        .when(ADA.removes_address(1, ADA.address(), ADA.notices()))
        .refused(Refusal::AddressIsPrimary);
    let swapped = with_further()
        .when(ADA.makes_primary(1, ADA.further(1), ADA.notices()))
        .then_kinds(&["ObjectionOffered", "PrimaryChanged", "MailQueued"])
        .scene;
    assert_eq!(addresses(&swapped), [ADA.further(1), ADA.address()]);
    swapped.done(ADA.removes_address(1, ADA.address(), ADA.notices()));
    with_further()
        .when(ADA.removes_address(1, ADA.further(9), ADA.notices()))
        .refused(Refusal::AddressNotFound);
    ada()
        .when(ADA.makes_primary(1, ADA.further(1), ADA.notices()))
        .refused(Refusal::AddressNotFound);
}

#[test]
fn an_address_that_waits_goes_without_the_password() {
    let named = ada().done(ADA.names(1, 1, 21));
    named
        .clone()
        .when(ADA.drops(1, 2))
        .refused(Refusal::AddressNotFound);
    let dropped = named.when(ADA.drops(1, 1)).then_kinds(&["AddressRemoved"]).scene;
    dropped
        .when(ADA.proves_further(1, link(ADA.token(21))))
        .refused(Refusal::TokenNotFound);
}

#[test]
fn an_address_that_was_removed_comes_back_to_its_user() {
    let removed = with_further().done(ADA.removes_address(1, ADA.further(1), ADA.notices()));
    let back = removed
        .after(Span::hours(1))
        .done(ADA.names(1, 1, 22))
        .done(ADA.proves_further(1, link(ADA.token(22))));
    assert_eq!(addresses(&back), [ADA.address(), ADA.further(1)]);
    assert!(back.state.safeguards[&ADA.user()].leaving.is_empty());
}

#[test]
fn l_11_who_is_erased_leaves_no_address_behind() {
    let scene = with_further()
        .done(ADA.removes_address(1, ADA.further(1), ADA.notices()))
        .after(Span::hours(1))
        .done(ADA.names(1, 2, 22))
        .done(ADA.is_erased());
    assert!(scene.state.addresses.is_empty() && scene.state.safeguards.is_empty());
    assert!(scene.state.objections.is_empty() && scene.state.tokens.is_empty());
}
