//! Changing one's name and language.

use keyledger::domain::{Command, Event, Outcome, Refusal};
use keyledger::types::Locale;

use super::scene::given;
use crate::people::{ADA, HOME, origin, sealed};

#[test]
fn whoever_is_signed_in_has_another_name_and_language_from_then_on() {
    let decided = given(ADA.account())
        .and([ADA.signed_in(1)])
        .when(ADA.changes_profile(1, Locale::Ko))
        .then([Event::ProfileChanged {
            user: ADA.user(),
            name: Some(sealed("another name")),
            locale: Locale::Ko,
            origin: origin(),
        }])
        .answered(&Outcome::Done);
    let ada = &decided.scene.state.users[&ADA.user()];
    assert_eq!(
        (ada.locale, &ada.name),
        (Locale::Ko, &Some(sealed("another name")))
    );
}

#[test]
fn s_03_a_session_that_is_over_changes_nobodys_name() {
    let over = Command::SignOut {
        user: ADA.user(),
        session: ADA.session(1),
        origin: None,
    };
    let scene = given(ADA.account()).and([ADA.signed_in(1)]).done(over);
    scene
        .when(ADA.changes_profile(1, Locale::Ko))
        .refused(Refusal::SessionOver);
    given([])
        .when(ADA.changes_profile(1, Locale::Ko))
        .refused(Refusal::UserNotFound);
    let elsewhere = given(ADA.account()).done(ADA.signs_in(HOME, 2));
    elsewhere
        .when(ADA.changes_profile(1, Locale::Ko))
        .refused(Refusal::SessionOver);
}
