//! Mailed proofs: made from ids and keys, found again from what came back.

use secrecy::{ExposeSecret, SecretString};

use super::greeting::Greeting;
use super::walk::AskedBy;
use super::{Desk, Origin, Visitor};
use crate::crypto::{self, Field, KeyId, SecretLabel};
use crate::domain::{
    AddressProof, NewMail, NewObjection, Notices, ProofFound, Purpose, Token, Via, recent_tokens,
};
use crate::mail::templates::{AddressChange, Change, FactorChange};
use crate::system::random_id;
use crate::types::{AddressId, DataKeyId, EmailAddress, MailId, TokenId, UserId};

/// Stands in a mail's details where there is no change of second factors to tell of.
const NO_CHANGE: u8 = 0;

/// What a text that came back turned out to be.
pub(super) enum Found {
    /// A genuine proof for this address, live or not.
    Proof(ProofFound),
    /// Of the form of a code, and none of ours: a guess.
    WrongCode,
    /// Nothing that could ever be right.
    Nothing,
}

/// What notices tell of besides where it came from.
#[derive(Clone, Copy)]
pub(super) enum Telling<'a> {
    Nothing,
    Factors(FactorChange),
    Address(AddressChange, &'a EmailAddress),
    Stage(&'a AskedBy),
    Note(&'a str),
}

pub(super) fn label(purpose: Purpose) -> SecretLabel {
    match purpose {
        Purpose::Recovery => SecretLabel::Recovery,
        Purpose::VerifyEmail => SecretLabel::VerifyEmail,
        Purpose::Reopen => SecretLabel::Reopen,
        Purpose::SignInCode => SecretLabel::SignInCode,
        Purpose::EnrolMailbox => SecretLabel::EnrolMailbox,
        Purpose::AddAddress => SecretLabel::AddAddress,
        Purpose::Invitation => SecretLabel::Invitation,
    }
}

/// Whether a proof is six digits and nothing else: no link goes with a second factor, or one click would be both.
pub(super) fn is_factor_code(purpose: Purpose) -> bool {
    match purpose {
        Purpose::SignInCode | Purpose::EnrolMailbox => true,
        Purpose::Recovery
        | Purpose::VerifyEmail
        | Purpose::Reopen
        | Purpose::AddAddress
        | Purpose::Invitation => false,
    }
}

impl Desk {
    /// A proof to be issued.
    pub fn new_proof(&self) -> AddressProof {
        let ring = self.engine().keyring().current();
        AddressProof {
            token: TokenId(random_id(self.engine().entropy())),
            link_key: ring.active(crypto::Purpose::MailToken).0.0,
            code_key: ring.active(crypto::Purpose::Code).0.0,
        }
    }

    /// A mail to be queued for a user, telling of a visitor.
    pub(super) fn new_mail(&self, user: UserId, visitor: &Visitor) -> Option<NewMail> {
        let key = self.engine().vault().key(DataKeyId::User(user))?;
        Some(self.mail_under(&key, user, visitor))
    }

    pub(super) fn mail_under(&self, key: &crypto::DataKey, user: UserId, visitor: &Visitor) -> NewMail {
        self.mail_telling(key, user, &visitor.origin())
    }

    /// A mail that tells where something came from.
    pub(super) fn mail_telling(&self, key: &crypto::DataKey, user: UserId, origin: &Origin) -> NewMail {
        self.mail_of_change(key, user, origin, Telling::Nothing)
    }

    /// The same for a mail that a stage of a flow has sent.
    pub(super) fn mail_of_stage(
        &self,
        key: &crypto::DataKey,
        user: UserId,
        origin: &Origin,
        asked: Option<&AskedBy>,
    ) -> NewMail {
        self.mail_of_change(key, user, origin, asked.map_or(Telling::Nothing, Telling::Stage))
    }

    /// A mail that tells where something came from, and perhaps what was changed, or which stage of a flow has it sent.
    fn mail_of_change(
        &self,
        key: &crypto::DataKey,
        user: UserId,
        origin: &Origin,
        telling: Telling<'_>,
    ) -> NewMail {
        let entropy = self.engine().entropy();
        let mut clear = origin.to_bytes().to_vec();
        match telling {
            Telling::Nothing => {}
            Telling::Factors(change) => clear.push(Change::Factors(change).code()),
            Telling::Address(change, address) => {
                clear.push(Change::Addresses(change).code());
                clear.extend_from_slice(address.masked().as_bytes());
            }
            Telling::Stage(asked) => {
                clear.push(NO_CHANGE);
                clear.extend_from_slice(asked.text().as_bytes());
            }
            Telling::Note(note) => {
                clear.push(NO_CHANGE);
                clear.extend_from_slice(note.as_bytes());
            }
        }
        let details = crypto::seal(key, Field::MailDetails, user.0, &clear, entropy);
        NewMail {
            mail: MailId(random_id(entropy)),
            details,
        }
    }

    /// A notice to each proven address of a user; to the first one if none is proven.
    pub(super) fn notices(&self, id: UserId, visitor: &Visitor) -> Notices {
        self.notices_telling(id, &visitor.origin(), Telling::Nothing)
    }

    /// The same, telling of a change of second factors.
    pub(super) fn notices_of_change(
        &self,
        id: UserId,
        origin: &Origin,
        change: Option<FactorChange>,
    ) -> Notices {
        self.notices_telling(id, origin, change.map_or(Telling::Nothing, Telling::Factors))
    }

    /// The same, telling of something; with an objection that they can offer.
    pub(super) fn notices_telling(&self, id: UserId, origin: &Origin, telling: Telling<'_>) -> Notices {
        let AddressProof { token, link_key, .. } = self.new_proof();
        let objection = NewObjection { id: token, link_key };
        let Some(key) = self.engine().vault().key(DataKeyId::User(id)) else {
            let mails = vec![];
            return Notices { mails, objection };
        };
        let addresses: Vec<AddressId> = self.engine().read(|state| {
            let Some(user) = state.users.get(&id) else {
                return vec![];
            };
            let proven: Vec<_> = user
                .addresses
                .iter()
                .filter(|a| a.verified.is_some())
                .map(|a| a.id)
                .collect();
            if proven.is_empty() {
                user.addresses.first().map(|a| a.id).into_iter().collect()
            } else {
                proven
            }
        });
        let mails = addresses.into_iter();
        let mails = mails.map(|address| (address, self.mail_of_change(&key, id, origin, telling)));
        Notices {
            mails: mails.collect(),
            objection,
        }
    }

    /// The secret of a proof's link.
    pub fn link_secret(&self, id: TokenId, token: &Token, label: SecretLabel) -> Option<SecretString> {
        let ring = self.engine().keyring().current();
        crypto::mail_secret(&ring, KeyId(token.link_key), label, id, token.user, token.address)
    }

    /// The typed code of a proof.
    pub fn typed_code(&self, id: TokenId, token: &Token) -> Option<SecretString> {
        let ring = self.engine().keyring().current();
        let key = KeyId(token.code_key);
        let label = label(token.purpose);
        if is_factor_code(token.purpose) {
            crypto::factor_code(&ring, key, label, id, token.user, token.address)
        } else {
            crypto::typed_code(&ring, key, label, id, token.user, token.address)
        }
    }

    /// Both spellings of a proof: the secret of its link and its typed code.
    pub(super) fn secrets_of(&self, id: TokenId) -> Vec<SecretString> {
        let token = self.engine().read(|state| state.tokens.get(&id).cloned());
        let both = token.map(|token| {
            let link = self.link_secret(id, &token, label(token.purpose));
            [link, self.typed_code(id, &token)]
        });
        both.into_iter().flatten().flatten().collect()
    }

    /// Finds what somebody presented for an address. A link is looked up by the id in it, never by its secret;
    /// a code is compared with each recent one of the address, in constant time, the dead ones too: a genuine code
    /// that came too late is no guess.
    pub(super) fn find_proof(&self, greeting: &Greeting, text: &SecretString, purpose: Purpose) -> Found {
        let text = text.expose_secret();
        if let Some(parsed) = crypto::parse_mail_secret(text) {
            return match self.link_holder(&parsed, label(purpose), purpose) {
                Some((_, address)) if greeting.found.is_some_and(|(known, _)| known == address) => {
                    Found::Proof(ProofFound {
                        token: parsed.token(),
                        via: Via::Link,
                    })
                }
                Some(_) | None => Found::Nothing,
            };
        }
        let Some(typed) = crypto::normalise_code(text) else {
            return Found::Nothing;
        };
        let Some((address, _)) = greeting.found else {
            return Found::WrongCode;
        };
        let ring = self.engine().keyring().current();
        let recent = self.engine().read(|state| recent_tokens(state, address, purpose));
        let label = label(purpose);
        let mut genuine = None;
        for (id, token) in recent {
            let key = KeyId(token.code_key);
            if crypto::code_matches(&ring, key, label, id, token.user, token.address, &typed)
                && genuine.is_none()
            {
                genuine = Some(id);
            }
        }
        genuine.map_or(Found::WrongCode, |token| {
            Found::Proof(ProofFound {
                token,
                via: Via::Code,
            })
        })
    }

    /// Whose a link's secret is, if it is genuine.
    pub(super) fn link_holder(
        &self,
        parsed: &crypto::ParsedMailSecret,
        label: SecretLabel,
        purpose: Purpose,
    ) -> Option<(UserId, AddressId)> {
        let id = parsed.token();
        let token = self.engine().read(|state| state.tokens.get(&id).cloned())?;
        let ring = self.engine().keyring().current();
        let genuine = token.purpose == purpose
            && token.link_key == parsed.key_id().0
            && parsed.verify(&ring, label, token.user, token.address);
        genuine.then_some((token.user, token.address))
    }
}
