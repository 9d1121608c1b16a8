//! People whom administrators bring.

use keyledger::domain::{Actor, Command, Known, NewUser, NewcomerCommand, ProofFound};
use keyledger::types::{Span, Timestamp};

use super::{Net, Person, mail, origin, proof, sealed};

fn of(command: NewcomerCommand) -> Command {
    Command::Newcomer(Box::new(command))
}

impl Person {
    /// Comes along from another program, with an address that it had proven and a password.
    pub fn is_imported(self, since: Option<Timestamp>) -> Command {
        of(NewcomerCommand::Import {
            lookup: self.lookup(),
            username: None,
            new: self.new_user(),
            known: Known {
                verified: true,
                since,
                credential: Some(self.credential(1)),
            },
            origin: origin(),
            by: Actor::Operator,
        })
    }

    pub fn is_invited(self, number: u32, lifetime: Span) -> Command {
        self.is_invited_as(self.new_user(), number, lifetime, Actor::Operator)
    }

    pub fn is_invited_as(self, new: NewUser, number: u32, lifetime: Span, by: Actor) -> Command {
        of(NewcomerCommand::Invite {
            lookup: self.lookup(),
            username: None,
            new,
            proof: proof(self.token(number)),
            mail: mail(number),
            lifetime,
            origin: origin(),
            by,
        })
    }

    pub fn is_invited_again(self, number: u32) -> Command {
        of(NewcomerCommand::InviteAgain {
            user: self.user(),
            proof: proof(self.token(number)),
            mail: mail(number),
            lifetime: Span::days(7),
            by: Actor::Operator,
        })
    }

    pub fn is_uninvited(self) -> Command {
        of(NewcomerCommand::TakeBack {
            user: self.user(),
            by: Actor::Operator,
        })
    }

    pub fn accepts(self, net: Net, proof: ProofFound, number: u32) -> Command {
        of(NewcomerCommand::Accept {
            proof,
            client: net.client(),
            credential: self.credential(number),
            name: Some(sealed("another name")),
        })
    }
}
