//! The house against the oracle: names that are new, and every fact that must be the same in both.

use std::collections::{BTreeMap, BTreeSet};

use keyledger::domain::{
    ApiKeyKind, Context, ProofFound, Purpose, Standing, State, Via, check_proof, live_session,
    password_policy::PasswordPolicy,
};
use keyledger::types::{DataKeyId, IdTable, RandomId, Tag};

use super::addresses::compare_further;
use super::attempt::Address;
use super::machine::Machine;
use super::management::{compare_management, compare_names};
use super::oracle::{Access, KeyStanding, News, Oracle};

/// The text of an address.
pub(super) fn address_text(address: Address) -> String {
    format!("person{address}@example.org")
}

/// What is in a table and not known. A table has 4,096 parts, and going through all of them takes longer than all else that
/// is compared: that is done where the numbers differ.
fn unknown<'a, K: RandomId + 'a, V>(
    table: &IdTable<K, V>,
    known: impl Iterator<Item = &'a K> + Clone,
) -> Vec<K> {
    if known.clone().filter(|id| table.contains_key(id)).count() == table.len() {
        return vec![];
    }
    let known: BTreeSet<K> = known.copied().collect();
    let mut unknown: Vec<K> = table.keys().copied().collect();
    unknown.retain(|id| !known.contains(id));
    unknown
}

/// What is in the house and not in the oracle.
pub(super) fn news(machine: &Machine, oracle: &Oracle) -> News {
    machine.engine().read(|state| {
        let mails = state.outbox.values();
        let accounts = oracle.accounts.values();
        let mut sessions = oracle.ended.clone();
        sessions.extend(accounts.flat_map(|account| account.sessions.iter().map(|(id, _)| *id)));
        let mut news = News {
            users: unknown(&state.users, oracle.accounts.keys()),
            sessions: unknown(&state.sessions, sessions.iter()),
            tokens: unknown(&state.tokens, oracle.proofs.keys()),
            requests: state
                .requests
                .keys()
                .filter(|at| !oracle.waiting.contains_key(at))
                .copied()
                .collect(),
            mails: mails
                .filter(|mail| !oracle.mails.contains_key(&mail.id))
                .map(|mail| (mail.id, mail.kind, mail.user, mail.token))
                .collect(),
            keys: state
                .api_keys
                .keys()
                .filter(|id| !oracle.keys.contains_key(id))
                .copied()
                .collect(),
            credentials: BTreeMap::new(),
            epoch: state.epoch().number,
        };
        for id in oracle.accounts.keys().chain(&news.users) {
            if let Some(credential) = state.users.get(id).and_then(|user| user.credential_id()) {
                news.credentials.insert(*id, credential);
            }
        }
        news
    })
}

pub(super) fn same<T: PartialEq + std::fmt::Debug>(what: &str, house: &T, oracle: &T) -> Result<(), String> {
    if house == oracle {
        Ok(())
    } else {
        Err(format!("{what}: the house says {house:?}, the oracle {oracle:?}"))
    }
}

/// Whether house and oracle agree on every fact.
pub(super) fn compare(machine: &Machine, oracle: &Oracle) -> Result<(), String> {
    machine.engine().read(|state| {
        people(state, oracle)?;
        sessions(machine, state, oracle)?;
        proofs(machine, state, oracle)?;
        let mails: BTreeSet<_> = state.outbox.values().map(|mail| mail.id).collect();
        same("mails due", &mails, &oracle.mails.keys().copied().collect())?;
        let requests: Vec<_> = state.requests.keys().copied().collect();
        same(
            "requests that wait",
            &requests,
            &oracle.waiting.keys().copied().collect(),
        )?;
        let keys: BTreeMap<_, _> = state
            .api_keys
            .iter()
            .map(|(id, key)| {
                let standing = KeyStanding {
                    secret: key.kind == ApiKeyKind::Secret,
                    lives: key.revoked.is_none(),
                    waits: key.awaits_confirmation(state.epoch()),
                };
                (*id, standing)
            })
            .collect();
        same("API keys", &keys, &oracle.keys)?;
        compare_management(state, oracle)?;
        same("the policy", &state.policy("classic"), &Some(&oracle.policy))?;
        same("the epoch", &state.epoch().number, &oracle.epoch)
    })?;
    for (user, account) in &oracle.accounts {
        let found = machine.desk().find_user(&address_text(account.address));
        same("whose an address is", &found, &Some(*user))?;
    }
    compare_names(machine, oracle)
}

fn people(state: &State, oracle: &Oracle) -> Result<(), String> {
    same(
        "users nobody made",
        &unknown(&state.users, oracle.accounts.keys()),
        &vec![],
    )?;
    same(
        "who is erased",
        &state.erased.keys().copied().collect(),
        &oracle.erased,
    )?;
    let mut closing = BTreeMap::new();
    for (id, account) in &oracle.accounts {
        let user = state.users.get(id).ok_or_else(|| format!("user {id} is gone"))?;
        let access = match user.standing {
            Standing::Active => Access::Open,
            Standing::Banned => Access::Banned,
            Standing::Closing(until) => Access::ClosingAt(until),
        };
        same("whether they may sign in", &access, &account.access())?;
        if let Some(until) = account.closing {
            closing.insert(*id, until);
        }
        same("what they may do", &user.role, &account.role)?;
        same("their password", &user.credential_id(), &account.credential)?;
        same(
            "having a password",
            &user.credential.is_some(),
            &account.password.is_some(),
        )?;
        compare_further(state, *id, account)?;
        let verified = user.addresses.iter().any(|address| address.verified.is_some());
        same("whether an address is proven", &verified, &account.verified)?;
        let awaits = user.awaits_proof(state.epoch());
        same("whether a password is trusted", &awaits, &account.distrusted)?;
        let factors = state.factors.get(id);
        let app = factors.and_then(|factors| factors.totp.as_ref().map(|app| app.step));
        same("the last code of their app", &app, &account.app)?;
    }
    same("closings", &state.closings, &closing)
}

fn sessions(machine: &Machine, state: &State, oracle: &Oracle) -> Result<(), String> {
    let now = machine.now();
    let mut held = 0;
    for (id, account) in &oracle.accounts {
        for (session, stay) in &account.sessions {
            held += 1;
            let holds = live_session(state, *id, *session, now).is_ok();
            same("whether a session holds", &holds, &oracle.stays(*id, stay, now))?;
            let counter = state.sessions.get(session).map(|found| found.counter);
            same("the refresh token that is good", &counter, &Some(stay.counter))?;
        }
    }
    same("the number of sessions", &state.sessions.len(), &held)?;
    for session in &oracle.ended {
        same("an ended session", &state.sessions.contains_key(session), &false)?;
    }
    Ok(())
}

fn proofs(machine: &Machine, state: &State, oracle: &Oracle) -> Result<(), String> {
    let context = Context {
        now: machine.now(),
        limits: &machine.limits,
        found: None,
        username_taken: false,
        unwritten: machine.engine().unwritten(),
    };
    for (token, proof) in &oracle.proofs {
        let found = ProofFound {
            token: *token,
            via: Via::Link,
        };
        let good = check_proof(state, &context, found, proof.purpose, Tag([0; 16])).is_ok();
        same(
            "whether a proof is good",
            &good,
            &oracle.live(*token, context.now),
        )?;
        for purpose in [Purpose::Recovery, Purpose::VerifyEmail, Purpose::Reopen] {
            if purpose != proof.purpose {
                let good = check_proof(state, &context, found, purpose, Tag([0; 16])).is_ok();
                same("a proof for another purpose", &good, &false)?;
            }
        }
    }
    let unasked = unknown(&state.tokens, oracle.proofs.keys());
    same("proofs nobody asked for", &unasked, &vec![])
}

/// Whether the keys that must be there are, and those that must be gone are gone: after a start nothing is left to do.
pub(super) fn compare_keys(machine: &Machine, oracle: &Oracle) -> Result<(), String> {
    let reader = machine.reader();
    let stored = |id| {
        reader
            .data_key(id)
            .map(|key| key.is_some())
            .map_err(|fault| fault.to_string())
    };
    for (user, account) in &oracle.accounts {
        same("a user's key", &stored(DataKeyId::User(*user))?, &true)?;
        if let Some(credential) = account.credential {
            same(
                "a verifier's key",
                &stored(DataKeyId::Credential(credential))?,
                &true,
            )?;
        }
    }
    for user in &oracle.erased {
        same("an erased user's key", &stored(DataKeyId::User(*user))?, &false)?;
    }
    let mut expected = 0;
    let mut found = 0;
    reader
        .data_keys(&mut |id, _| found += usize::from(matches!(id, DataKeyId::Credential(_))))
        .map_err(|fault| fault.to_string())?;
    for account in oracle.accounts.values() {
        expected += usize::from(account.credential.is_some());
    }
    same("verifiers' keys", &found, &expected)
}

/// The policy of the simulation: passwords differ in length alone, so length alone decides.
pub(super) fn policy(length_min: u16) -> PasswordPolicy {
    let mut settings = PasswordPolicy::classic().settings().clone();
    settings.length_min = length_min;
    PasswordPolicy::checked(settings).expect("a policy of the bounds")
}
