//! From an event to the next state. It never fails, and it is the same at boot and live.

use crate::types::{Few, Position, SessionId, Span, Tag, Timestamp, TokenId, UserId};

use super::event::{Allowance, Event, PasswordCause, Purpose, Recorded, Subject};
use super::mail::Mail;
use super::session::{CURRENT_PASSWORD_WINDOW, stranger_pair};
use super::state::{
    Address, ApiKey, Credential, Due, Epoch, Guard, Rare, Session, Standing, Token, TokenStanding, User,
};
use super::strangers::{StrangerClass, bump};
use super::world::{Table, World};

/// Networks remembered of a user.
const KNOWN_MAX: usize = 16;
/// Networks whose wrong sign-ins are counted of a user. Whoever has more of them than this could push their own
/// counts out; the hourly limit over all networks then still holds.
const SIGN_IN_TAGS_MAX: usize = 64;
/// A sign-up leaves a user, a password, a proof, a mail and two keys: about so many events of a stranger's size.
const SIGN_UP_EVENTS: u32 = 4;
/// Proofs remembered of a user.
const TOKENS_MAX: usize = 12;

/// Folds one event into the world.
pub fn evolve(world: &mut impl World, recorded: &Recorded) {
    let (position, time) = (recorded.position, recorded.time);
    let small = world.small_mut();
    small.next = position.next();
    small.last_time = time;
    match &recorded.event {
        Event::EpochStarted { number, .. } => {
            world.small_mut().epoch = Epoch {
                number: *number,
                valid_from: position,
            };
        }
        Event::ClockAccepted { .. } | Event::Suppressed { .. } => {}
        Event::PolicySaved { policy, .. } => save_policy(world, policy),
        Event::ApiKeyCreated {
            key,
            kind,
            hash,
            hash_key,
            label,
            expires,
            ..
        } => {
            let made = ApiKey {
                kind: *kind,
                hash: *hash,
                hash_key: *hash_key,
                label: label.clone(),
                created: time,
                expires: *expires,
                revoked: None,
                used: None,
            };
            world.api_keys_mut().put(*key, made);
        }
        Event::ApiKeyRevoked { key, .. } => {
            if let Some(known) = world.api_keys_mut().edit(key) {
                known.revoked = Some(time);
            }
        }
        Event::ApiKeyUsed { key } => {
            if let Some(known) = world.api_keys_mut().edit(key) {
                known.used = Some(time);
            }
        }
        event @ Event::UserRegistered { .. } => register(world, position, time, event),
        Event::SignUpCollided {
            address,
            allowance,
            client,
            ..
        } => {
            stranger_wrote(world, time, 1);
            bump(world, *client, StrangerClass::ClientSignUps, time, position);
            bump(world, *client, StrangerClass::ClientMails, time, position);
            if let Some(guard) = guard_of_subject(world, Subject::Address(*address)) {
                count_mail(guard, *allowance, time);
            }
        }
        Event::PasswordSet {
            user,
            credential,
            verifier,
            cause,
            history,
            ..
        } => {
            let set = Credential {
                id: *credential,
                verifier: verifier.clone(),
                set: time,
            };
            if let Some(found) = touch(world, *user, time) {
                remember_past(found, set, usize::from(*history));
                if *cause != PasswordCause::SignUp {
                    found.valid_from = position;
                }
            }
            if *cause != PasswordCause::SignUp {
                void_tokens(world, *user, None);
                end_sessions(world, *user, None);
            }
        }
        Event::PasswordRevoked { user, .. } => {
            if let Some(found) = touch(world, *user, time) {
                found.credential = None;
                forget_past(found);
                found.valid_from = position;
            }
            void_tokens(world, *user, None);
        }
        Event::VerifierUpgraded {
            user,
            credential,
            verifier,
        } => {
            if let Some(found) = world.users_mut().edit(user)
                && let Some(current) = found.credential.as_mut().filter(|c| c.id == *credential)
            {
                current.verifier = verifier.clone();
            }
        }
        Event::AddressVerified {
            user, address, token, ..
        } => {
            if let Some(found) = touch(world, *user, time)
                && let Some(known) = found.addresses.iter_mut().find(|known| known.id == *address)
            {
                known.verified = Some(time);
            }
            if let Some(token) = token {
                set_standing(world, *token, TokenStanding::Spent);
            }
        }
        Event::UserBanned { user, .. } => {
            if let Some(found) = touch(world, *user, time) {
                found.standing = Standing::Banned;
                found.valid_from = position;
            }
            void_tokens(world, *user, None);
            world.closings_mut().remove(user);
        }
        Event::UserUnbanned { user, .. } => {
            if let Some(found) = touch(world, *user, time) {
                found.standing = Standing::Active;
            }
        }
        Event::WithdrawRequested { user, until, .. } => {
            if let Some(found) = touch(world, *user, time) {
                found.standing = Standing::Closing(*until);
                found.valid_from = position;
                world.closings_mut().put(*user, *until);
            }
            void_tokens(world, *user, None);
        }
        Event::WithdrawCancelled { user, token, .. } => {
            if let Some(found) = touch(world, *user, time) {
                found.standing = Standing::Active;
            }
            world.closings_mut().remove(user);
            set_standing(world, *token, TokenStanding::Spent);
        }
        Event::UserErased { user, .. } => erase(world, *user, position),
        Event::ResetRequested {
            subject,
            allowance,
            client,
            origin,
            locale,
        } => {
            let due = |address| Due {
                address,
                purpose: Purpose::Recovery,
                locale: *locale,
                origin: origin.clone(),
            };
            requested(world, position, time, *subject, *allowance, *client, due);
        }
        Event::VerificationRequested {
            subject,
            allowance,
            client,
            origin,
            locale,
        } => {
            let due = |address| Due {
                address,
                purpose: Purpose::VerifyEmail,
                locale: *locale,
                origin: origin.clone(),
            };
            requested(world, position, time, *subject, *allowance, *client, due);
        }
        Event::RequestDropped { request, .. } => world.requests_mut().remove(request),
        event @ Event::TokenIssued { .. } => issue(world, position, time, event),
        Event::CodeRefused {
            subject,
            token,
            allowance,
            ..
        } => {
            stranger_wrote(world, time, 1);
            match *subject {
                Subject::Stranger(tag) => bump(world, tag, StrangerClass::Codes, time, position),
                Subject::Address(_) => {
                    if let Some(guard) = guard_of_subject(world, *subject) {
                        match allowance {
                            Allowance::Reserve => guard.reserve_codes.bump(time, Span::days(1)),
                            Allowance::General | Allowance::None => guard.codes_day.bump(time, Span::days(1)),
                        }
                    }
                }
            }
            if let Some(challenge) = token.and_then(|id| world.tokens_mut().edit(&id)) {
                challenge.tries = challenge.tries.saturating_add(1);
            }
        }
        Event::ProofRefused { token, .. } => {
            if let Some(found) = world.tokens_mut().edit(token) {
                found.refusals = found.refusals.saturating_add(1);
            }
        }
        Event::RecoveryCompleted { token, .. } | Event::SignUpDisowned { token, .. } => {
            set_standing(world, *token, TokenStanding::Spent);
        }
        event @ Event::SignedIn { .. } => sign_in(world, position, time, event),
        Event::SignInFailed { subject, network, .. } => {
            stranger_wrote(world, time, 1);
            match *subject {
                Subject::Stranger(tag) => {
                    bump(
                        world,
                        stranger_pair(tag, *network),
                        StrangerClass::SignIns,
                        time,
                        position,
                    );
                    bump(world, tag, StrangerClass::SignInsHour, time, position);
                }
                Subject::Address(_) => {
                    if let Some(guard) = guard_of_subject(world, *subject) {
                        count_sign_in(guard, *network, time);
                    }
                }
            }
        }
        Event::CurrentPasswordWrong { user, .. } => {
            if let Some(guard) = guard_of(world, *user) {
                guard.current_password.bump(time, CURRENT_PASSWORD_WINDOW);
            }
        }
        Event::RefreshRotated {
            session,
            counter,
            refresh_key,
            idle,
            ..
        } => {
            if let Some(found) = world.sessions_mut().edit(session) {
                found.counter = *counter;
                found.refresh_key = *refresh_key;
                found.active = time;
                found.expires = time + *idle;
            }
        }
        Event::RefreshReplayed { .. } => {}
        Event::SessionEnded { user, session, .. } => {
            world.sessions_mut().remove(session);
            if let Some(found) = world.users_mut().edit(user) {
                found.sessions.change(|all| all.retain(|id| id != session));
            }
        }
        Event::SessionsEnded { user, except, .. } => {
            end_sessions(world, *user, *except);
            if except.is_none()
                && let Some(found) = touch(world, *user, time)
            {
                found.valid_from = position;
            }
        }
        Event::MailQueued {
            mail,
            kind,
            user,
            address,
            token,
            locale,
            details,
        } => {
            let queued = Mail {
                id: *mail,
                kind: *kind,
                user: *user,
                address: *address,
                token: *token,
                locale: *locale,
                details: details.clone(),
                queued: time,
                attempts: 0,
                next: time,
                status: 0,
            };
            world.outbox_mut().put(position, queued);
        }
        Event::MailDelivered { queued, .. } | Event::MailEnded { queued, .. } => {
            world.outbox_mut().remove(queued)
        }
        Event::MailDeferred {
            queued,
            attempt,
            status,
            next,
            ..
        } => {
            if let Some(mail) = world.outbox_mut().edit(queued) {
                mail.attempts = *attempt;
                mail.next = *next;
                mail.status = *status;
            }
        }
    }
}

fn touch(world: &mut impl World, user: UserId, time: Timestamp) -> Option<&mut User> {
    let found = world.users_mut().edit(&user)?;
    found.updated = time;
    Some(found)
}

/// Puts a password in the place of the one before, which the policy may want to compare with later ones.
fn remember_past(found: &mut User, set: Credential, history: usize) {
    let old = found.credential.replace(set);
    if history == 0 {
        forget_past(found);
    } else if let Some(old) = old {
        found.rare_mut().past.change(|past| {
            past.insert(0, old);
            past.truncate(history);
        });
    }
}

fn forget_past(found: &mut User) {
    if let Some(rare) = &mut found.rare {
        rare.past = Few::new();
    }
}

fn stranger_wrote(world: &mut impl World, time: Timestamp, events: u32) {
    let small = world.small_mut();
    small.stranger_day.add(events, time, Span::days(1));
    small.stranger_burst.add(events, time, Span::hours(6));
}

fn guard_of_subject(world: &mut impl World, subject: Subject) -> Option<&mut Guard> {
    let Subject::Address(address) = subject else {
        return None;
    };
    let user = *world.addresses().look(&address)?;
    guard_of(world, user)
}

/// What is counted of a user; counting begins with the first look.
fn guard_of(world: &mut impl World, user: UserId) -> Option<&mut Guard> {
    if world.guards().look(&user).is_none() {
        world.users().look(&user)?;
        world.guards_mut().put(user, Guard::default());
    }
    world.guards_mut().edit(&user)
}

fn count_mail(guard: &mut Guard, allowance: Allowance, time: Timestamp) {
    match allowance {
        Allowance::None => {}
        Allowance::General => {
            guard.mails_hour.bump(time, Span::hours(1));
            guard.mails_day.bump(time, Span::days(1));
        }
        Allowance::Reserve => guard.reserve_mails.bump(time, Span::days(1)),
    }
}

fn count_sign_in(guard: &mut Guard, network: Tag, time: Timestamp) {
    guard.sign_ins_hour.bump(time, Span::hours(1));
    if let Some((_, count, last)) = guard.sign_ins.iter_mut().find(|(tag, ..)| *tag == network) {
        *count = if time.day() == last.day() {
            count.saturating_add(1)
        } else {
            1
        };
        *last = time;
        return;
    }
    if guard.sign_ins.len() >= SIGN_IN_TAGS_MAX
        && let Some(oldest) = (0..guard.sign_ins.len()).min_by_key(|&i| guard.sign_ins[i].2)
    {
        guard.sign_ins.swap_remove(oldest);
    }
    guard.sign_ins.push((network, 1, time));
}

fn save_policy(world: &mut impl World, policy: &super::password_policy::PasswordPolicy) {
    let mut number = 0;
    while world
        .policies()
        .look(&number)
        .is_some_and(|known| known.settings().name != policy.settings().name)
    {
        number += 1;
    }
    world.policies_mut().put(number, policy.clone());
}

fn register(world: &mut impl World, position: Position, time: Timestamp, event: &Event) {
    let Event::UserRegistered {
        user,
        role,
        address,
        sealed_address,
        name,
        username,
        locale,
        by,
        client,
        ..
    } = event
    else {
        return;
    };
    if *by == super::event::Actor::Stranger {
        stranger_wrote(world, time, SIGN_UP_EVENTS);
        bump(world, *client, StrangerClass::ClientSignUps, time, position);
        bump(world, *client, StrangerClass::ClientMails, time, position);
    }
    let made = User {
        role: *role,
        standing: Standing::Active,
        locale: *locale,
        name: name.clone(),
        addresses: Few::from_iter([Address {
            id: *address,
            sealed: sealed_address.clone(),
            verified: None,
        }]),
        credential: None,
        valid_from: position,
        created: time,
        updated: time,
        last_login: None,
        sessions: Few::new(),
        tokens: Few::new(),
        known: Few::new(),
        rare: username.clone().map(|username| {
            Box::new(Rare {
                username: Some(username),
                ..Rare::default()
            })
        }),
    };
    world.users_mut().put(*user, made);
    world.addresses_mut().put(*address, *user);
}

fn requested(
    world: &mut impl World,
    position: Position,
    time: Timestamp,
    subject: Subject,
    allowance: Allowance,
    client: Tag,
    due: impl FnOnce(crate::types::AddressId) -> Due,
) {
    stranger_wrote(world, time, 1);
    bump(world, client, StrangerClass::ClientMails, time, position);
    if allowance == Allowance::None {
        return;
    }
    if let Some(guard) = guard_of_subject(world, subject) {
        count_mail(guard, allowance, time);
    }
    if let Subject::Address(address) = subject {
        world.requests_mut().put(position, due(address));
    }
}

fn issue(world: &mut impl World, position: Position, time: Timestamp, event: &Event) {
    let Event::TokenIssued {
        token,
        user,
        address,
        purpose,
        credential,
        expires,
        link_key,
        code_key,
        request,
        by,
    } = event
    else {
        return;
    };
    if let Some(request) = request {
        world.requests_mut().remove(request);
    }
    void_tokens(world, *user, Some(*purpose));
    let made = Token {
        user: *user,
        address: *address,
        purpose: *purpose,
        credential: *credential,
        position,
        issued: time,
        expires: *expires,
        link_key: *link_key,
        code_key: *code_key,
        standing: TokenStanding::Live,
        tries: 0,
        refusals: 0,
        by: *by,
    };
    world.tokens_mut().put(*token, made);
    let mut forgotten = None;
    if let Some(found) = world.users_mut().edit(user) {
        if found.tokens.len() >= TOKENS_MAX {
            forgotten = Some(found.tokens.change(|all| all.remove(0)));
        }
        found.tokens.push(*token);
    }
    if let Some(old) = forgotten {
        world.tokens_mut().remove(&old);
    }
}

fn sign_in(world: &mut impl World, position: Position, time: Timestamp, event: &Event) {
    let Event::SignedIn {
        user,
        session,
        network,
        refresh_key,
        expires,
        ends,
        origin,
        ..
    } = event
    else {
        return;
    };
    let made = Session {
        user: *user,
        position,
        created: time,
        active: time,
        expires: *expires,
        ends: *ends,
        counter: 0,
        refresh_key: *refresh_key,
        origin: origin.clone(),
    };
    world.sessions_mut().put(*session, made);
    let held = world
        .users()
        .look(user)
        .map(|found| found.sessions.clone())
        .unwrap_or_default();
    let expired: Vec<SessionId> = held
        .into_iter()
        .filter(|id| {
            world
                .sessions()
                .look(id)
                .is_none_or(|s| time >= s.expires || time >= s.ends)
        })
        .collect();
    for id in &expired {
        world.sessions_mut().remove(id);
    }
    let Some(found) = world.users_mut().edit(user) else {
        return;
    };
    found.last_login = Some(time);
    if !expired.is_empty() {
        found
            .sessions
            .change(|all| all.retain(|id| !expired.contains(id)));
    }
    found.sessions.push(*session);
    match found.known.iter_mut().find(|(tag, _)| tag == network) {
        Some((_, last)) => *last = time,
        None => {
            if found.known.len() >= KNOWN_MAX
                && let Some(oldest) = (0..found.known.len()).min_by_key(|&i| found.known[i].1)
            {
                found.known.change(|all| all.swap_remove(oldest));
            }
            found.known.push((*network, time));
        }
    }
    if let Some(guard) = world.guards_mut().edit(user) {
        guard.sign_ins.retain(|(tag, ..)| tag != network);
    }
}

fn set_standing(world: &mut impl World, token: TokenId, standing: TokenStanding) {
    if let Some(found) = world.tokens_mut().edit(&token) {
        found.standing = standing;
    }
}

/// Proofs of a user (of one purpose, or all) that are live are so no more.
fn void_tokens(world: &mut impl World, user: UserId, purpose: Option<Purpose>) {
    let held = world
        .users()
        .look(&user)
        .map(|found| found.tokens.clone())
        .unwrap_or_default();
    for id in held {
        let live = world.tokens().look(&id).is_some_and(|token| {
            token.standing == TokenStanding::Live && purpose.is_none_or(|purpose| token.purpose == purpose)
        });
        if live {
            set_standing(world, id, TokenStanding::Superseded);
        }
    }
}

fn end_sessions(world: &mut impl World, user: UserId, except: Option<SessionId>) {
    let Some(found) = world.users_mut().edit(&user) else {
        return;
    };
    let (kept, ended): (Vec<_>, Vec<_>) = std::mem::take(&mut found.sessions)
        .into_iter()
        .partition(|id| Some(*id) == except);
    found.sessions = Few::from(kept);
    for id in ended {
        world.sessions_mut().remove(&id);
    }
}

fn erase(world: &mut impl World, user: UserId, position: Position) {
    end_sessions(world, user, None);
    let Some(found) = world.users().look(&user) else {
        return;
    };
    let (tokens, addresses) = (
        found.tokens.clone(),
        found.addresses.iter().map(|a| a.id).collect::<Vec<_>>(),
    );
    for id in tokens {
        world.tokens_mut().remove(&id);
    }
    for id in addresses {
        world.addresses_mut().remove(&id);
    }
    world.users_mut().remove(&user);
    world.guards_mut().remove(&user);
    world.closings_mut().remove(&user);
    world.erased_mut().put(user, position);
}
