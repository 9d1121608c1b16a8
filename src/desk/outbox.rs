//! What the workers need to answer requests and to write mails: the keys are used here, the words come later.

use std::net::{IpAddr, Ipv4Addr};

use secrecy::SecretString;

use super::proofs::{is_factor_code, label};
use super::walk::{AskedBy, StageMail};
use super::{Command, Desk, Origin};
use crate::crypto::{self, Field, SecretLabel};
use crate::domain::{
    DropCause, Due, Mail, MailStanding, NewMail, Purpose, Token, TokenStanding, sealed_address,
};
use crate::mail::templates::FactorChange;
use crate::types::{AddressId, DataKeyId, EmailAddress, Position, Span, Timestamp, UserId};

/// The origin of what nobody asked for, or of which nobody knows any more who did.
const NOWHERE: Origin = Origin {
    ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    user_agent: String::new(),
};

/// A mail of the outbox, opened: everything that its words are made of.
pub struct Letter {
    /// To whom.
    pub to: EmailAddress,
    /// Where the thing it tells of came from.
    pub origin: Option<Origin>,
    /// The secret of its link.
    pub link: Option<SecretString>,
    /// The code to type.
    pub code: Option<SecretString>,
    /// The secret of "this was not me", while the account was never verified.
    pub disown: Option<SecretString>,
    /// What its proof is good for.
    pub purpose: Option<Purpose>,
    /// How long its proof lives, from its issue.
    pub lives: Option<Span>,
    /// When the account's keys are destroyed.
    pub closes: Option<Timestamp>,
    /// Which change of second factors it tells of.
    pub change: Option<FactorChange>,
    /// Whether a flow has it sent, and its link leads into one.
    pub of_flow: bool,
    /// What the stage that has it sent says about it.
    pub stage: Option<StageMail>,
}

/// Why a mail cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LetterFault {
    /// The user's key is destroyed, so nobody can read the address any more.
    #[error("the user is gone")]
    UserGone,
    /// The key that its secret is made with is gone.
    #[error("a key of the mail's secret is gone")]
    KeyGone,
}

impl Desk {
    /// The command that answers a request for a mail: with a proof and the mail, or by dropping the request if its user
    /// is gone.
    pub fn answer_to(&self, request: Position, due: &Due) -> Command {
        let user = self
            .engine()
            .read(|state| state.addresses.get(&due.address).copied());
        let key = user.and_then(|user| self.engine().vault().key(DataKeyId::User(user)));
        let (Some(user), Some(key)) = (user, key) else {
            let cause = DropCause::AccountNotActive;
            return Command::DropRequest { request, cause };
        };
        let origin = self.open_origin(Some(user), &due.origin).unwrap_or(NOWHERE);
        let asked = due.callback.as_ref().and_then(|sealed| {
            let clear = crypto::open(&key, Field::Callback, user.0, sealed)?;
            AskedBy::read(std::str::from_utf8(&clear).ok()?)
        });
        let stage = asked.as_ref().and_then(|asked| self.stage_mail(asked));
        Command::IssueProof {
            request,
            proof: self.new_proof(),
            mail: self.mail_of_stage(&key, user, &origin, asked.as_ref()),
            lifetime: stage.map(|stage| stage.lifetime),
        }
    }

    /// The command that mails the owner of a closing account a new proof for taking that back; `None` if the user is gone.
    pub fn renewal_of_closing(&self, user: UserId) -> Option<Command> {
        let key = self.engine().vault().key(DataKeyId::User(user))?;
        Some(Command::RenewClosing {
            user,
            proof: self.new_proof(),
            mail: self.mail_telling(&key, user, &NOWHERE),
        })
    }

    /// A notice to each proven address of a user that tells of nothing a client did.
    pub(super) fn notices_from_nowhere(&self, user: UserId) -> Vec<(AddressId, NewMail)> {
        self.notices_of_change(user, &NOWHERE, None)
    }

    /// A mail of the outbox and whether it should leave now; `None` if it is not there any more.
    pub fn queued_mail(&self, queued: Position) -> Option<(Mail, MailStanding)> {
        let now = self.now();
        self.engine().read(|state| {
            let mail = state.outbox.get(&queued)?;
            Some((mail.clone(), mail.standing(queued, state, now)))
        })
    }

    /// Opens a mail.
    pub fn letter(&self, mail: &Mail) -> Result<Letter, LetterFault> {
        let (sealed, token, closes) = self
            .engine()
            .read(|state| {
                let user = state.users.get(&mail.user)?;
                let sealed = sealed_address(state, mail.user, mail.address)?;
                let own = user.address(mail.address);
                let token = mail.token.and_then(|id| state.tokens.get(&id).cloned());
                let closes = state.closings.get(&mail.user).copied();
                Some((
                    (
                        sealed.clone(),
                        own.is_none(),
                        own.is_some_and(|own| own.verified.is_none()),
                    ),
                    token,
                    closes,
                ))
            })
            .ok_or(LetterFault::UserGone)?;
        let (sealed, is_factors, unverified) = sealed;
        let key = self.engine().vault().key(DataKeyId::User(mail.user));
        let key = key.ok_or(LetterFault::UserGone)?;
        let field = if is_factors {
            Field::FactorAddress
        } else {
            Field::UserAddress
        };
        let address = crypto::open(&key, field, mail.user.0, &sealed);
        let to = address
            .and_then(|clear| EmailAddress::parse(std::str::from_utf8(&clear).ok()?).ok())
            .ok_or(LetterFault::UserGone)?;
        let details = crypto::open(&key, Field::MailDetails, mail.user.0, &mail.details);
        let (origin, change, asked) = match details
            .as_ref()
            .and_then(|clear| clear.split_at_checked(Origin::LEN))
        {
            Some((origin, rest)) => (Origin::from_bytes(origin), rest.first().copied(), rest.get(1..)),
            None => (None, None, None),
        };
        let asked = asked.and_then(|text| AskedBy::read(std::str::from_utf8(text).ok()?));
        let origin = origin.filter(|origin| !origin.ip.is_unspecified());
        let mut letter = Letter {
            to,
            origin,
            link: None,
            code: None,
            disown: None,
            purpose: None,
            lives: None,
            closes,
            change: change.and_then(FactorChange::from_code),
            of_flow: asked.is_some(),
            stage: asked.and_then(|asked| self.stage_mail(&asked)),
        };
        if let (Some(id), Some(token)) = (mail.token, token) {
            if !is_factor_code(token.purpose) {
                let link = self.link_secret(id, &token, label(token.purpose));
                letter.link = Some(link.ok_or(LetterFault::KeyGone)?);
            }
            letter.code = Some(self.typed_code(id, &token).ok_or(LetterFault::KeyGone)?);
            if unverified && is_live_verification(&token) {
                letter.disown = self.link_secret(id, &token, SecretLabel::DisownSignUp);
            }
            letter.purpose = Some(token.purpose);
            letter.lives = Some(token.expires.since(token.issued));
        }
        Ok(letter)
    }
}

fn is_live_verification(token: &Token) -> bool {
    token.purpose == Purpose::VerifyEmail && token.standing == TokenStanding::Live
}
