//! What is tried with addresses, and what people say was not them.

use keyledger::domain::{AddressCommand, Command, ObjectionCommand, Safeguards, State};
use keyledger::types::{AddressId, SessionId, TokenId, UserId};

use super::{Try, chosen};
use crate::people::{Person, code, link, origin};

impl Try {
    /// A command about addresses or objections, mostly one that could work.
    pub(super) fn about_addresses(
        self,
        state: &State,
        person: Person,
        user: UserId,
        session: SessionId,
        fresh: u32,
    ) -> Command {
        let none = Safeguards::default();
        let kept = state.safeguards.get(&user).map_or(&none, Box::as_ref);
        let found = state.users.get(&user);
        let against = found.and_then(|found| found.credential_id());
        let against = against.unwrap_or(person.password(0));
        let number = 1 + u32::from(self.pick % 3);
        let waits = kept.candidate.as_ref();
        let token = waits.map_or(person.token(0), |waits| waits.token);
        let of_candidate = (1..20).find(|n| waits.is_some_and(|waits| waits.address == person.further(*n)));
        let own: Vec<AddressId> = found
            .map(|found| found.addresses.iter().map(|address| address.id).collect())
            .unwrap_or_default();
        let address = chosen(&own, self.pick).unwrap_or(person.address());
        let mut objections: Vec<TokenId> = kept.objections.iter().map(|kept| kept.id).collect();
        objections.extend(found.and_then(|found| found.tokens.last().copied()));
        let mut command = match self.what {
            44 | 45 => person.names(0, number, fresh),
            46 | 47 => person.proves_further(
                of_candidate.unwrap_or(number),
                if self.pick.is_multiple_of(2) {
                    link(token)
                } else {
                    code(token)
                },
            ),
            48 if self.pick.is_multiple_of(4) => person.drops(0, of_candidate.unwrap_or(number)),
            48 => person.guesses_further(0),
            49 => person.removes_address(0, address, person.notices()),
            50 => person.makes_primary(0, own.last().copied().unwrap_or(address), person.notices()),
            51 => Command::Objection(ObjectionCommand::Lapse { user }),
            _ => Command::Objection(ObjectionCommand::Raise {
                user,
                objection: chosen(&objections, self.later).unwrap_or(token),
                address,
                mails: person.notices(),
                origin: origin(),
            }),
        };
        if let Command::Address(command) = &mut command {
            if let AddressCommand::Begin { who, .. }
            | AddressCommand::Remove { who, .. }
            | AddressCommand::MakePrimary { who, .. } = command
            {
                (who.user, who.session, who.against) = (user, session, against);
            } else if let AddressCommand::RefuseCode {
                user: of,
                session: by,
                ..
            }
            | AddressCommand::Drop {
                user: of,
                session: by,
                ..
            } = command
            {
                (*of, *by) = (user, session);
            }
        }
        command
    }
}

/// What holds of addresses and objections in every state.
pub(super) fn sound(state: &State) {
    let mut objections = 0;
    for (user, kept) in &state.safeguards {
        assert!(state.users.contains_key(user), "safeguards die with their user");
        assert!(kept.leaving.len() <= 8 && kept.objections.len() <= 8);
        objections += kept.objections.len();
        for objection in &kept.objections {
            assert_eq!(state.objections[&objection.id], *user);
        }
    }
    assert_eq!(
        objections,
        state.objections.len(),
        "every objection is somebody's"
    );
    let of_users = state
        .users
        .iter()
        .map(|(id, user)| (*id, user.addresses.iter().map(|a| a.id)));
    let mut held: Vec<_> = of_users
        .flat_map(|(id, of)| of.map(move |address| (address, id)))
        .collect();
    let leaving = state
        .safeguards
        .iter()
        .map(|(id, kept)| (*id, kept.leaving.iter().map(|a| a.address)));
    held.extend(leaving.flat_map(|(id, of)| of.map(move |address| (address, id))));
    held.sort_unstable();
    let listed: Vec<_> = state
        .addresses
        .iter()
        .map(|(address, user)| (*address, *user))
        .collect();
    assert_eq!(held, listed, "whose an address is, or was");
}
