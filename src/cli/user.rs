//! `keyledger user …`: people and their accounts.

mod importing;

use std::io::{self, IsTerminal as _, Write as _};

use clap::{Args, Subcommand, ValueEnum};

use super::context::Context;
use super::control::{InviteForm, NewUserForm, Request, ask_and_print};
use super::exit::{Exit, Failure};
use super::output::Form;

/// What to do with users.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make an account without a password; its owner sets one by recovery
    Create(Create),
    /// Show all users, oldest first
    List(List),
    /// Show one user
    Show(Who),
    /// Keep a user from signing in, and end their sessions
    Ban(Who),
    /// Let a user sign in again
    Unban(Who),
    /// Take away a password that others may know, and end all sessions; recovery by mail stays open
    RevokePassword(Who),
    /// Destroy what the ledger holds about a user, for good
    Erase(Erase),
    /// Make a link and a code with which a user sets a new password; they are told by mail
    Recovery(Recovery),
    /// Bring users along from another program, with the passwords that they have there
    #[command(after_help = importing::AFTER_HELP)]
    Import(importing::Import),
    /// Make an account, and mail its owner a link by which they choose their password
    Invite(Invite),
    /// Mail another link to somebody who was invited; the one before opens nothing any more
    InviteAgain(InviteAgain),
    /// Take an invitation back: its link opens nothing any more, and the account is erased
    Uninvite(Who),
    /// Show the invitations that wait, the latest first
    Invitations(List),
    /// Second factors: show or take away
    #[command(subcommand)]
    Factor(Factor),
}

/// What to do with second factors.
#[derive(Subcommand, Debug)]
pub enum Factor {
    /// Show a user's second factors
    List(Who),
    /// Take away a user's second factors, who cannot show them any more; they are told by mail
    Remove(Remove),
}

/// Which factors.
#[derive(Args, Debug)]
pub struct Remove {
    /// Id, address or user name
    pub user: String,
    /// Only this kind: totp, email or recovery_codes
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
}

/// One user.
#[derive(Args, Debug)]
pub struct Who {
    /// Id, address or user name
    pub user: String,
}

/// What a user may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum RoleWord {
    /// Everything.
    Admin,
    /// What concerns themself.
    User,
    /// Less, as the client applications decide.
    Guest,
}

impl RoleWord {
    fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
            Self::Guest => "guest",
        }
    }
}

/// A new account.
#[derive(Args, Debug)]
pub struct Create {
    /// The address they sign in with
    #[arg(required_unless_present = "email_flag", conflicts_with = "email_flag")]
    pub email: Option<String>,
    /// The same as a flag
    #[arg(long = "email", value_name = "ADDR")]
    pub email_flag: Option<String>,
    /// What they may do
    #[arg(long, value_enum, default_value = "user")]
    pub role: RoleWord,
    /// Their name
    #[arg(long)]
    pub name: Option<String>,
    /// Their user name
    #[arg(long)]
    pub username: Option<String>,
    /// Their language: en or ko
    #[arg(long, default_value = "en")]
    pub locale: String,
}

/// Somebody to invite.
#[derive(Args, Debug)]
pub struct Invite {
    /// Who it is
    #[command(flatten)]
    pub person: Create,
    /// How long the link lives
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=30))]
    pub expires_in_days: u32,
}

/// Somebody to invite once more.
#[derive(Args, Debug)]
pub struct InviteAgain {
    /// Id, address or user name
    pub user: String,
    /// How long the link lives
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=30))]
    pub expires_in_days: u32,
}

/// Which users.
#[derive(Args, Debug)]
pub struct List {
    /// How many to show
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// How many to leave out first
    #[arg(long, default_value_t = 0)]
    pub skip: u32,
}

/// Whom to erase.
#[derive(Args, Debug)]
pub struct Erase {
    /// Id, address or user name
    pub user: String,
    /// Do not ask; needed where there is no terminal to ask on
    #[arg(long)]
    pub yes: bool,
}

/// Whom to help.
#[derive(Args, Debug)]
pub struct Recovery {
    /// Id, address or user name
    pub user: String,
    /// How long link and code live, at most a day
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub expires_in_minutes: u32,
}

impl From<Create> for NewUserForm {
    fn from(form: Create) -> Self {
        Self {
            email: form.email.or(form.email_flag).unwrap_or_default(),
            role: form.role.word().to_owned(),
            name: form.name,
            username: form.username,
            locale: form.locale,
        }
    }
}

pub(super) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    let (name, request) = match command {
        Command::Create(form) => ("keyledger user create", Request::CreateUser(form.into())),
        Command::Import(import) => return importing::run(&import, context),
        Command::Invite(Invite {
            person,
            expires_in_days: days,
        }) => {
            let person = person.into();
            (
                "keyledger user invite",
                Request::Invite(InviteForm { person, days }),
            )
        }
        Command::InviteAgain(InviteAgain {
            user,
            expires_in_days: days,
        }) => ("keyledger user invite-again", Request::InviteAgain { user, days }),
        Command::Uninvite(Who { user }) => ("keyledger user uninvite", Request::TakeInvitationBack { user }),
        Command::Invitations(List { limit, skip }) => (
            "keyledger user invitations",
            Request::ListInvitations { skip, take: limit },
        ),
        Command::List(List { limit, skip }) => {
            ("keyledger user list", Request::ListUsers { skip, take: limit })
        }
        Command::Show(Who { user }) => ("keyledger user show", Request::ShowUser { user }),
        Command::Ban(Who { user }) => ("keyledger user ban", Request::BanUser { user }),
        Command::Unban(Who { user }) => ("keyledger user unban", Request::UnbanUser { user }),
        Command::RevokePassword(Who { user }) => {
            ("keyledger user revoke-password", Request::RevokePassword { user })
        }
        Command::Erase(erase) => {
            confirm(&erase, context)?;
            ("keyledger user erase", Request::EraseUser { user: erase.user })
        }
        Command::Factor(Factor::List(Who { user })) => {
            ("keyledger user factor list", Request::ListFactors { user })
        }
        Command::Factor(Factor::Remove(Remove { user, kind })) => (
            "keyledger user factor remove",
            Request::RemoveFactors { user, kind },
        ),
        Command::Recovery(Recovery {
            user,
            expires_in_minutes,
        }) => (
            "keyledger user recovery",
            Request::Recover {
                user,
                minutes: expires_in_minutes,
            },
        ),
    };
    ask_and_print(context, name, request)
}

/// Asks somebody at a terminal; a script has to say that it means it, because nothing brings an erased user back.
fn confirm(erase: &Erase, context: &Context) -> Result<(), Failure> {
    if erase.yes {
        return Ok(());
    }
    if context.output.form() == Form::Json || !io::stdin().is_terminal() {
        return Err(
            Failure::usage("nothing was erased: there is no terminal to ask on")
                .field("--yes")
                .remedy("add --yes if what the ledger holds about this user shall be destroyed, for good"),
        );
    }
    eprint!(
        "This destroys what the ledger holds about {}, for good. Type yes to go on: ",
        erase.user.escape_debug()
    );
    let _ = io::stderr().flush();
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    if read.is_ok() && answer.trim() == "yes" {
        return Ok(());
    }
    Err(Failure::refused("nothing was erased"))
}
