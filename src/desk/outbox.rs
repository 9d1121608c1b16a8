//! What the workers need to answer requests and to write mails: the keys are used here, the words come later.

use std::net::{IpAddr, Ipv4Addr};

use secrecy::SecretString;

use super::proofs::{is_factor_code, label};
use super::walk::{AskedBy, StageMail};
use super::{Command, Desk, Origin};
use crate::crypto::{self, Field, KeyId, SecretLabel};
use crate::domain::{
    DropCause, Due, Mail, MailKind, MailStanding, Purpose, State, Token, TokenStanding, sealed_address,
};
use crate::mail::templates::Change;
use crate::types::{DataKeyId, EmailAddress, Position, Span, Timestamp, TokenId, UserId};

/// The origin of what nobody asked for, or of which nobody knows any more who did.
pub(super) const NOWHERE: Origin = Origin {
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
    /// The secret of "this was not me", while that can be said.
    pub not_me: Option<SecretString>,
    /// What its proof is good for.
    pub purpose: Option<Purpose>,
    /// How long its proof lives, from its issue; or how long what it tells of can be objected to.
    pub lives: Option<Span>,
    /// When the account's keys are destroyed.
    pub closes: Option<Timestamp>,
    /// Which change it tells of.
    pub change: Option<Change>,
    /// The address that it happened to, masked.
    pub changed_address: Option<String>,
    /// Whether a flow has it sent, and its link leads into one.
    pub of_flow: bool,
    /// What the stage that has it sent says about it.
    pub stage: Option<StageMail>,
    /// The signed checkpoint that it carries.
    pub note: Option<String>,
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
        self.engine().vault().key(DataKeyId::User(user))?;
        Some(Command::RenewClosing {
            user,
            proof: self.new_proof(),
            mails: self.notices_of_change(user, &NOWHERE, None),
        })
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
        let (sealed, not_me, token, closes) = self
            .engine()
            .read(|state| {
                let user = state.users.get(&mail.user)?;
                let sealed = sealed_address(state, mail.user, mail.address)?;
                let kept = state.safeguards.get(&mail.user);
                let is_of_factor = user.address(mail.address).is_none()
                    && kept.is_none_or(|kept| kept.sealed(mail.address).is_none());
                let field = if is_of_factor {
                    Field::FactorAddress
                } else {
                    Field::UserAddress
                };
                let token = mail.token.and_then(|id| state.tokens.get(&id).cloned());
                let closes = state.closings.get(&mail.user).copied();
                Some((
                    (sealed.clone(), field),
                    not_me(state, mail, token.as_deref()),
                    token,
                    closes,
                ))
            })
            .ok_or(LetterFault::UserGone)?;
        let (sealed, field) = sealed;
        let key = self.engine().vault().key(DataKeyId::User(mail.user));
        let key = key.ok_or(LetterFault::UserGone)?;
        let address = crypto::open(&key, field, mail.user.0, &sealed);
        let to = address
            .and_then(|clear| EmailAddress::parse(std::str::from_utf8(&clear).ok()?).ok())
            .ok_or(LetterFault::UserGone)?;
        let details = crypto::open(&key, Field::MailDetails, mail.user.0, &mail.details);
        let details = details
            .as_ref()
            .and_then(|clear| clear.split_at_checked(Origin::LEN));
        let (origin, told) = details.map_or((None, &[][..]), |(origin, told)| {
            (Origin::from_bytes(origin), told)
        });
        let change = told.first().and_then(|code| Change::from_code(*code));
        let text = told.get(1..).and_then(|text| std::str::from_utf8(text).ok());
        let note = text
            .filter(|_| mail.kind == MailKind::Checkpoint)
            .map(str::to_owned);
        let text = text.filter(|_| note.is_none());
        let (changed_address, asked) = match change {
            Some(Change::Addresses(_)) => (text.map(str::to_owned), None),
            Some(Change::Factors(_)) | None => (None, text.and_then(AskedBy::read)),
        };
        let origin = origin.filter(|origin| !origin.ip.is_unspecified());
        let mut letter = Letter {
            to,
            origin,
            link: None,
            code: None,
            not_me: None,
            purpose: None,
            lives: None,
            closes,
            change,
            changed_address,
            of_flow: asked.is_some(),
            stage: asked.and_then(|asked| self.stage_mail(&asked)),
            note,
        };
        if let (true, Some(id), Some(token)) = (mail.kind.carries_proof(), mail.token, &token) {
            if !is_factor_code(token.purpose) {
                let link = self.link_secret(id, token, label(token.purpose));
                letter.link = Some(link.ok_or(LetterFault::KeyGone)?);
            }
            letter.code = Some(self.typed_code(id, token).ok_or(LetterFault::KeyGone)?);
            letter.purpose = Some(token.purpose);
            letter.lives = Some(token.expires.since(token.issued));
        }
        if let Some(NotMe { id, key, lives }) = not_me {
            let ring = self.engine().keyring().current();
            let (user, address, label) = (mail.user, mail.address, SecretLabel::NotMe);
            letter.not_me = crypto::mail_secret(&ring, KeyId(key), label, id, user, address);
            letter.lives = letter.lives.or(lives.filter(|_| letter.not_me.is_some()));
        }
        Ok(letter)
    }
}

/// What a link of "this was not me" is made of.
struct NotMe {
    id: TokenId,
    key: u32,
    /// How long it can be said of something that has happened.
    lives: Option<Span>,
}

/// What can be said of a mail not to have been oneself: what was offered with it; a recovery that is under way; and a
/// sign-up, as long as its address was never proven.
fn not_me(state: &State, mail: &Mail, token: Option<&Token>) -> Option<NotMe> {
    let id = mail.token?;
    let kept = state.safeguards.get(&mail.user);
    if let Some(offered) = kept.and_then(|kept| kept.objection(id)) {
        return Some(NotMe {
            id,
            key: offered.link_key,
            lives: Some(offered.expires.since(offered.at)),
        });
    }
    let token = token.filter(|token| token.standing == TokenStanding::Live)?;
    let address = state.users.get(&mail.user)?.address(mail.address)?;
    let can_be_said = match token.purpose {
        Purpose::Recovery => true,
        Purpose::VerifyEmail => address.verified.is_none(),
        Purpose::Reopen
        | Purpose::SignInCode
        | Purpose::EnrolMailbox
        | Purpose::AddAddress
        | Purpose::Invitation => false,
    };
    can_be_said.then_some(NotMe {
        id,
        key: token.link_key,
        lives: None,
    })
}
