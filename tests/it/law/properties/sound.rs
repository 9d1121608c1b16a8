//! What holds in every state that commands can reach.

use keyledger::domain::{Purpose, Standing, State, TokenStanding, live_session};
use keyledger::types::Timestamp;

/// Asserts it of a state, at a moment.
pub(super) fn sound(state: &State, now: Timestamp) {
    for (id, user) in &state.users {
        assert!((1..=5).contains(&user.addresses.len()));
        assert!(user.sessions.len() <= 2 && user.tokens.len() <= 12 && user.known.len() <= 16);
        for session in &user.sessions {
            assert_eq!(state.sessions[session].user, *id);
        }
        for token in &user.tokens {
            assert_eq!(state.tokens[token].user, *id);
        }
        for purpose in [
            Purpose::Recovery,
            Purpose::VerifyEmail,
            Purpose::Reopen,
            Purpose::SignInCode,
            Purpose::EnrolMailbox,
            Purpose::AddAddress,
            Purpose::Invitation,
        ] {
            let live = user.tokens.iter().map(|id| &state.tokens[id]);
            let live = live.filter(|token| token.standing == TokenStanding::Live && token.purpose == purpose);
            assert!(live.count() <= 1, "R-15: one live proof of a kind");
        }
        if user.standing != Standing::Active {
            for session in &user.sessions {
                assert!(live_session(state, *id, *session, now).is_err(), "S-03");
            }
        }
        let closing = matches!(user.standing, Standing::Closing(_));
        let due = state.closings.contains_key(id);
        assert!(!closing || due, "a closing has its time");
        assert!(
            !due || user.standing != Standing::Active,
            "and goes on through a ban"
        );
    }
    let (sessions, tokens) = state.users.values().fold((0, 0), |(sessions, tokens), user| {
        (sessions + user.sessions.len(), tokens + user.tokens.len())
    });
    assert_eq!(
        (sessions, tokens),
        (state.sessions.len(), state.tokens.len()),
        "nothing is left over"
    );
    for user in state.guards.keys() {
        assert!(state.users.contains_key(user), "counters die with their user");
    }
    for (user, factors) in &state.factors {
        assert!(state.users.contains_key(user), "factors die with their user");
        let begun = factors.totp_begun.is_some() || factors.mailbox_begun.is_some();
        assert!(
            factors.is_enrolled() || begun,
            "no entry for a user without factors"
        );
        assert!(
            factors.codes.is_none() || factors.is_enrolled(),
            "codes stand in for something"
        );
        assert!(factors.proved.len() <= 16);
    }
    super::addresses::sound(state);
    for user in state.unfinished.keys() {
        assert!(state.users.contains_key(user));
    }
    for user in state.invitations.keys() {
        let invited = state.users.get(user);
        assert!(
            invited.is_some_and(|user| user.credential.is_none()),
            "who has a password has come"
        );
    }
    for user in state.erased.keys() {
        assert!(!state.users.contains_key(user));
    }
}
