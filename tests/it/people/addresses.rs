//! What people do with their addresses, and what they say was not them.

use keyledger::domain::{
    AddressCommand, Command, FactorVerdict, NewObjection, Notices, ObjectionCommand, ProofFound,
};
use keyledger::types::{AddressId, SessionId, Tag, TokenId, UserId};

use super::{HOME, Person, id, mail, origin, proof, sealed};

impl Person {
    /// A further address of the person.
    pub fn further(self, number: u32) -> AddressId {
        AddressId(id(4, self.0, 100 + number))
    }

    /// The same as the directory looks it up.
    pub fn further_lookup(self, number: u32) -> Tag {
        Tag(id(4, self.0, 200 + number))
    }

    /// Which address of the person a look-up tag is of.
    pub fn named_by(self, lookup: Tag) -> AddressId {
        let numbers = (1..20).find(|number| self.further_lookup(*number) == lookup);
        numbers.map_or_else(|| self.address(), |number| self.further(number))
    }

    /// An objection that can be told from others.
    pub fn objection(self, number: u32) -> TokenId {
        TokenId(id(11, self.0, number))
    }

    /// Notices to the person's own address that offer this objection.
    pub fn notices_offering(self, number: u32) -> Notices {
        Notices {
            mails: vec![(self.address(), mail(900))],
            objection: NewObjection {
                id: self.objection(number),
                link_key: 5,
            },
        }
    }

    /// Names a further address in a session.
    pub fn names(self, session: u32, number: u32, token: u32) -> Command {
        Command::Address(AddressCommand::Begin {
            who: self.reauthenticated(session, FactorVerdict::Absent),
            address: self.further(number),
            sealed: sealed("further address"),
            mailbox: self.further_lookup(number),
            proof: proof(self.token(token)),
            mail: mail(904),
            client: HOME.client(),
        })
    }

    /// The proof of a further address comes back, by a link that is opened anywhere.
    pub fn proves_further(self, number: u32, proof: ProofFound) -> Command {
        self.proves_further_offering(number, proof, self.notices())
    }

    pub fn proves_further_offering(self, number: u32, proof: ProofFound, mails: Notices) -> Command {
        Command::Address(AddressCommand::Confirm {
            lookup: self.further_lookup(number),
            proof,
            session: None,
            client: HOME.client(),
            mails,
        })
    }

    /// The same in a session.
    pub fn proves_further_in(self, session: (UserId, SessionId), number: u32, proof: ProofFound) -> Command {
        Command::Address(AddressCommand::Confirm {
            lookup: self.further_lookup(number),
            proof,
            session: Some(session),
            client: HOME.client(),
            mails: self.notices(),
        })
    }

    pub fn guesses_further(self, session: u32) -> Command {
        Command::Address(AddressCommand::RefuseCode {
            user: self.user(),
            session: self.session(session),
            client: HOME.client(),
        })
    }

    pub fn removes_address(self, session: u32, address: AddressId, mails: Notices) -> Command {
        Command::Address(AddressCommand::Remove {
            who: self.reauthenticated(session, FactorVerdict::Absent),
            address,
            mails,
        })
    }

    pub fn makes_primary(self, session: u32, address: AddressId, mails: Notices) -> Command {
        Command::Address(AddressCommand::MakePrimary {
            who: self.reauthenticated(session, FactorVerdict::Absent),
            address,
            mails,
        })
    }

    pub fn drops(self, session: u32, number: u32) -> Command {
        Command::Address(AddressCommand::Drop {
            user: self.user(),
            session: self.session(session),
            address: self.further(number),
            origin: origin(),
        })
    }

    /// Somebody who reads the person's first mailbox says that it was not them.
    pub fn objects(self, objection: TokenId) -> Command {
        Command::Objection(ObjectionCommand::Raise {
            user: self.user(),
            objection,
            address: self.address(),
            mails: Notices::none(),
            origin: origin(),
        })
    }

    pub fn lets_lapse(self) -> Command {
        Command::Objection(ObjectionCommand::Lapse { user: self.user() })
    }
}
