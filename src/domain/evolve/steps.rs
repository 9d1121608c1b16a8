//! The steps that an event is folded in.

use crate::types::{AddressId, Few, Position, SessionId, Span, Tag, Timestamp, TokenId, UserId};

use super::super::event::{Allowance, Event, Purpose, Subject};
use super::super::mail_kind::MailKind;
use super::super::state::{
    Address, Credential, Due, Guard, Rare, Session, Standing, Token, TokenStanding, User,
};
use super::super::strangers::{StrangerClass, bump};
use super::super::world::{Table, World};
use super::factors;

/// Networks remembered of a user.
const KNOWN_MAX: usize = 16;
/// Networks whose wrong sign-ins are counted of a user in one day. The hourly limit over all networks lets in fewer
/// (24 times 100 by default), so nobody can push their own count out, and an address of nobody behaves the same.
const SIGN_IN_TAGS_MAX: usize = 4_096;
/// A sign-up leaves a user, a password, a proof, a mail and two keys: about so many events of a stranger's size.
const SIGN_UP_EVENTS: u32 = 4;
/// Proofs remembered of a user.
const TOKENS_MAX: usize = 12;

pub(super) fn touch(world: &mut impl World, user: UserId, time: Timestamp) -> Option<&mut User> {
    let found = world.users_mut().edit(&user)?;
    found.updated = time;
    Some(found)
}

/// Puts a password in the place of the one before, which the policy may want to compare with later ones.
pub(super) fn remember_past(found: &mut User, set: Credential, history: usize) {
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

pub(super) fn forget_past(found: &mut User) {
    if let Some(rare) = &mut found.rare {
        rare.past = Few::new();
    }
}

pub(super) fn stranger_wrote(world: &mut impl World, time: Timestamp, events: u32) {
    let small = world.small_mut();
    small.stranger_day.add(events, time, Span::days(1));
    small.stranger_burst.add(events, time, Span::hours(6));
}

/// Remembers that a mail told of what is not told again at once.
pub(super) fn told(world: &mut impl World, kind: MailKind, user: UserId, time: Timestamp) {
    if kind == MailKind::SecondFactorFailed {
        factors::told(world, user, time);
    } else if kind == MailKind::BackupFailed {
        world.small_mut().backup_told = Some(time);
    } else if kind == MailKind::Checkpoint {
        world.small_mut().checkpoint_mailed = Some(time);
    }
}

pub(super) fn guard_of_subject(world: &mut impl World, subject: Subject) -> Option<&mut Guard> {
    let Subject::Address(address) = subject else {
        return None;
    };
    let user = *world.addresses().look(&address)?;
    guard_of(world, user)
}

/// What is counted of a user; counting begins with the first look.
pub(super) fn guard_of(world: &mut impl World, user: UserId) -> Option<&mut Guard> {
    if world.guards().look(&user).is_none() {
        world.users().look(&user)?;
        world.guards_mut().put(user, Guard::default());
    }
    world.guards_mut().edit(&user)
}

pub(super) fn count_mail(guard: &mut Guard, allowance: Allowance, time: Timestamp) {
    match allowance {
        Allowance::None => {}
        Allowance::General => {
            guard.mails_hour.bump(time, Span::hours(1));
            guard.mails_day.bump(time, Span::days(1));
        }
        Allowance::Reserve => guard.reserve_mails.bump(time, Span::days(1)),
    }
}

/// A typed code matched nothing.
pub(super) fn count_code(
    world: &mut impl World,
    position: Position,
    time: Timestamp,
    subject: Subject,
    allowance: Allowance,
    token: Option<TokenId>,
) {
    stranger_wrote(world, time, 1);
    match subject {
        Subject::Stranger(tag) => bump(world, tag, StrangerClass::Codes, time, position),
        Subject::Address(_) => {
            if let Some(guard) = guard_of_subject(world, subject) {
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

pub(super) fn count_sign_in(guard: &mut Guard, network: Tag, time: Timestamp) {
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
    guard.sign_ins.retain(|(_, _, last)| last.day() == time.day());
    if guard.sign_ins.len() >= SIGN_IN_TAGS_MAX
        && let Some(oldest) = (0..guard.sign_ins.len()).min_by_key(|&i| guard.sign_ins[i].2)
    {
        guard.sign_ins.swap_remove(oldest);
    }
    guard.sign_ins.push((network, 1, time));
}

pub(super) fn register(world: &mut impl World, position: Position, time: Timestamp, event: &Event) {
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
    if *by == super::super::event::Actor::Stranger {
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
        proven: position,
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

pub(super) fn requested(
    world: &mut impl World,
    position: Position,
    time: Timestamp,
    subject: Subject,
    allowance: Allowance,
    client: Tag,
    due: impl FnOnce(AddressId) -> Due,
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

pub(super) fn issue(world: &mut impl World, position: Position, time: Timestamp, event: &Event) {
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
    let due = request.as_ref().and_then(|request| {
        let due = world.requests().look(request).cloned();
        world.requests_mut().remove(request);
        due
    });
    void_tokens(world, *user, Voided::Only(*purpose));
    if *purpose == Purpose::Reopen {
        extend_closing(world, *user, *expires);
    }
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
        callback: due.and_then(|due| due.callback).map(Box::new),
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

pub(super) fn sign_in(world: &mut impl World, position: Position, time: Timestamp, event: &Event) {
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
    if let Some((_, last)) = found.known.iter_mut().find(|(tag, _)| tag == network) {
        *last = time;
    } else {
        if found.known.len() >= KNOWN_MAX
            && let Some(oldest) = (0..found.known.len()).min_by_key(|&i| found.known[i].1)
        {
            found.known.change(|all| all.swap_remove(oldest));
        }
        found.known.push((*network, time));
    }
    if let Some(guard) = world.guards_mut().edit(user) {
        guard.sign_ins.retain(|(tag, ..)| tag != network);
    }
    world.unfinished_mut().remove(user);
}

pub(super) fn set_standing(world: &mut impl World, token: TokenId, standing: TokenStanding) {
    if let Some(found) = world.tokens_mut().edit(&token) {
        found.standing = standing;
    }
}

/// A closing waits for as long as the proof that takes it back lives.
fn extend_closing(world: &mut impl World, user: UserId, expires: Timestamp) {
    if world.closings().look(&user).is_none_or(|until| *until >= expires) {
        return;
    }
    world.closings_mut().put(user, expires);
    // One that is banned meanwhile stays banned.
    if let Some(found) = world.users_mut().edit(&user)
        && matches!(found.standing, Standing::Closing(_))
    {
        found.standing = Standing::Closing(expires);
    }
}

/// Which proofs of a user are void.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Voided {
    /// All.
    All,
    /// All that open the account; the one that takes back its closing stays.
    AllButReopen,
    /// Those of one purpose.
    Only(Purpose),
    /// Those that went to one address; the one that takes back a closing stays.
    To(AddressId),
}

impl Voided {
    fn holds(self, token: &Token) -> bool {
        match self {
            Self::All => true,
            Self::AllButReopen => token.purpose != Purpose::Reopen,
            Self::Only(only) => token.purpose == only,
            Self::To(address) => token.purpose != Purpose::Reopen && token.address == address,
        }
    }
}

/// Proofs of a user that are live are so no more.
pub(super) fn void_tokens(world: &mut impl World, user: UserId, voided: Voided) {
    let held = world
        .users()
        .look(&user)
        .map(|found| found.tokens.clone())
        .unwrap_or_default();
    for id in held {
        let live = world
            .tokens()
            .look(&id)
            .is_some_and(|token| token.standing == TokenStanding::Live && voided.holds(token));
        if live {
            set_standing(world, id, TokenStanding::Superseded);
        }
    }
}

pub(super) fn end_sessions(world: &mut impl World, user: UserId, except: Option<SessionId>) {
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

pub(super) fn erase(world: &mut impl World, user: UserId, position: Position) {
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
    let leaving = super::safeguards::erase(world, user);
    for id in addresses.into_iter().chain(leaving) {
        world.addresses_mut().remove(&id);
    }
    world.users_mut().remove(&user);
    world.guards_mut().remove(&user);
    world.closings_mut().remove(&user);
    world.factors_mut().remove(&user);
    world.unfinished_mut().remove(&user);
    world.invitations_mut().remove(&user);
    world.erased_mut().put(user, position);
}
