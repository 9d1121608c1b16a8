//! What administrators do about people.

use keyledger::domain::{Actor, Command, ManagementCommand, NewUser, Role};
use keyledger::types::{Locale, Position, Timestamp};

use super::{Person, origin, sealed};

impl Person {
    pub fn is_created(self) -> Command {
        self.is_created_as(Role::User, Actor::Operator)
    }

    pub fn is_created_as(self, role: Role, by: Actor) -> Command {
        Command::CreateUser {
            lookup: self.lookup(),
            username: None,
            new: NewUser {
                role,
                ..self.new_user()
            },
            origin: origin(),
            by,
        }
    }

    pub fn is_made(self, role: Role, by: Actor) -> Command {
        Command::Manage(ManagementCommand::ChangeRole {
            user: self.user(),
            role,
            against: None,
            by,
        })
    }

    pub fn is_renamed(self, against: Option<Timestamp>) -> Command {
        Command::Manage(ManagementCommand::EditProfile {
            user: self.user(),
            name: Some(sealed("a name that somebody gave")),
            locale: Locale::Ko,
            against,
            by: Actor::Operator,
        })
    }

    pub fn is_sent_recovery(self, by: Actor) -> Command {
        Command::Manage(ManagementCommand::SendRecovery {
            user: self.user(),
            origin: origin(),
            by,
        })
    }
}

pub fn cancel_mail(queued: Position) -> Command {
    let by = Actor::Operator;
    Command::Manage(ManagementCommand::CancelMail { queued, by })
}

pub fn hasten_mail(queued: Position) -> Command {
    let by = Actor::Operator;
    Command::Manage(ManagementCommand::HastenMail { queued, by })
}
