//! An execution: where somebody stands in a flow, and what they have proven on the way. The client carries it, sealed.
//!
//! It holds nothing that opens anything by itself: a password is the name of the one that was right, a new password its
//! verifier, a mailed proof the name of its token. What each is worth is asked of the ledger when it is used, so that an
//! older copy opens nothing more once a step that counts was taken.

use std::collections::BTreeMap;

use bincode::config::standard;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::crypto::{self, Carried, Keyring, WrappedKey};
use crate::domain::{FactorProof, NewCredential, ProofFound, ShownBefore, Via};
use crate::system::Entropy;
use crate::types::{CredentialId, DataKeyId, FactorId, Sealed, SessionId, Span, Timestamp, TokenId, UserId};

/// From its first step to its last.
pub(super) const LIFE: Span = Span::hours(1);
/// So long a password that was proven on the way is good for what follows.
pub(super) const PROVEN_FOR: Span = Span::minutes(15);
/// Bytes that the texts of prompts may have together.
pub(super) const TEXTS_MAX: usize = 900;

/// Where somebody stands in a flow.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(super) struct Execution {
    /// Its name among executions, and how many answers it had.
    pub(super) id: [u8; 16],
    pub(super) answers: u32,
    /// The flow, and the version of it that is being walked.
    pub(super) flow: String,
    pub(super) version: u64,
    pub(super) epoch: u32,
    began: i64,
    /// Bindings of lower orders are behind.
    pub(super) at: u32,
    /// Whether the binding at `at` applies: asked once, when it is reached.
    pub(super) applies: bool,
    /// What somebody said they are called.
    pub(super) who: Option<String>,
    pub(super) wants_to_stay: bool,
    /// Wrong answers to the stage at `at`.
    pub(super) wrong: u16,
    password: Option<ProvenForm>,
    factor: Option<FactorForm>,
    /// One that was shown at this browser before, and stands for it.
    shown_before: Option<BeforeForm>,
    pub(super) mails: Mails,
    proof: Option<ProofForm>,
    /// What prompts took, by their keys: never a password.
    pub(super) texts: Vec<(String, String)>,
    chosen: Option<ChosenForm>,
    /// The order of the last stage that was answered or carried out, so that it is not again.
    pub(super) done: Option<u32>,
    pub(super) written: Written,
    begun: Option<BegunForm>,
    /// The challenge that a code by mail answers.
    challenge: Option<[u8; 16]>,
    /// Recovery codes that are being shown.
    pub(super) codes: Vec<String>,
    /// Set-up stages that are walked once a session has begun.
    pub(super) set_up: Vec<String>,
    /// A page of ours to come back to.
    pub(super) next: Option<String>,
}

/// What a write stage did.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(super) enum Written {
    Nothing,
    Password,
    User,
}

/// Mails that an execution asked for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Debug)]
pub(super) struct Mails {
    /// In this window.
    count: u16,
    /// When the window began.
    since: i64,
    /// Whether there was one at all.
    pub(super) sent: bool,
}

impl Mails {
    /// Whether another may be asked for.
    pub(super) fn has_room(self, most: u16, window: Span, now: Timestamp) -> bool {
        self.count < most || now >= Timestamp(self.since) + window
    }

    /// Counts one.
    pub(super) fn count(&mut self, window: Span, now: Timestamp) {
        if self.count == 0 || now >= Timestamp(self.since) + window {
            *self = Self {
                count: 0,
                since: now.0,
                sent: true,
            };
        }
        self.count = self.count.saturating_add(1);
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
struct ProvenForm {
    credential: [u8; 16],
    at: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
enum FactorForm {
    Totp { factor: [u8; 16], step: u64 },
    Email { factor: [u8; 16], token: [u8; 16] },
    Code { set: [u8; 16], number: u8 },
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
struct BeforeForm {
    factor: [u8; 16],
    at: i64,
    within: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
struct ProofForm {
    token: [u8; 16],
    by_link: bool,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
struct ChosenForm {
    credential: [u8; 16],
    verifier: Vec<u8>,
    history: u8,
    key: Vec<u8>,
    /// For whom it was tested; none for somebody who is to have an account.
    tested_for: Option<[u8; 16]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
struct BegunForm {
    user: [u8; 16],
    session: [u8; 16],
    refresh_key: u32,
}

/// A password that was right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Proven {
    /// Which.
    pub(super) credential: CredentialId,
    /// When.
    pub(super) at: Timestamp,
}

/// A new password, hashed and sealed, with the key that is to be stored with it.
pub(super) struct Chosen {
    pub(super) credential: NewCredential,
    pub(super) key: WrappedKey,
}

/// A session that began on the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Begun {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) refresh_key: u32,
}

impl Execution {
    /// The beginning of a flow.
    pub(super) fn new(flow: &str, version: u64, epoch: u32, now: Timestamp, id: [u8; 16]) -> Self {
        Self {
            id,
            answers: 0,
            flow: flow.to_owned(),
            version,
            epoch,
            began: now.0,
            at: 0,
            applies: false,
            who: None,
            wants_to_stay: false,
            wrong: 0,
            password: None,
            factor: None,
            shown_before: None,
            mails: Mails::default(),
            proof: None,
            texts: vec![],
            chosen: None,
            done: None,
            written: Written::Nothing,
            begun: None,
            challenge: None,
            codes: vec![],
            set_up: vec![],
            next: None,
        }
    }

    /// Reads what a client carried; `None` if it is none of ours, or too old.
    pub(super) fn open(ring: &Keyring, text: &str, now: Timestamp) -> Option<Self> {
        let clear = crypto::open_carried(ring, Carried::Execution, text)?;
        let (execution, length): (Self, usize) =
            bincode::serde::decode_from_slice(&clear, standard()).ok()?;
        (length == clear.len() && execution.lives(now)).then_some(execution)
    }

    /// Seals it for the client.
    pub(super) fn seal(&self, ring: &Keyring, entropy: &dyn Entropy) -> SecretString {
        let clear = bincode::serde::encode_to_vec(self, standard());
        let clear = zeroize::Zeroizing::new(clear.expect("numbers and texts have a form"));
        crypto::seal_carried(ring, Carried::Execution, &clear, entropy)
    }

    fn lives(&self, now: Timestamp) -> bool {
        (Timestamp(self.began)..Timestamp(self.began) + LIFE).contains(&now)
    }

    /// Leaves the stage at `order` behind.
    pub(super) fn pass(&mut self, order: u32) {
        self.at = order + 1;
        self.applies = false;
        self.wrong = 0;
    }

    pub(super) fn password(&self, now: Timestamp) -> Option<Proven> {
        let ProvenForm { credential, at } = self.password?;
        let proven = Proven {
            credential: CredentialId(credential),
            at: Timestamp(at),
        };
        (now < proven.at + PROVEN_FOR).then_some(proven)
    }

    /// Whether a password was right on the way, however long ago.
    pub(super) fn knew_password(&self) -> bool {
        self.password.is_some()
    }

    pub(super) fn prove_password(&mut self, credential: CredentialId, at: Timestamp) {
        self.password = Some(ProvenForm {
            credential: credential.0,
            at: at.0,
        });
    }

    pub(super) fn forget_password(&mut self) {
        self.password = None;
    }

    pub(super) fn factor(&self) -> Option<FactorProof> {
        Some(match self.factor? {
            FactorForm::Totp { factor, step } => FactorProof::Totp {
                factor: FactorId(factor),
                step,
            },
            FactorForm::Email { factor, token } => FactorProof::Email {
                factor: FactorId(factor),
                token: TokenId(token),
            },
            FactorForm::Code { set, number } => FactorProof::RecoveryCode {
                set: FactorId(set),
                number,
            },
        })
    }

    pub(super) fn prove_factor(&mut self, proof: FactorProof) {
        self.factor = Some(match proof {
            FactorProof::Totp { factor, step } => FactorForm::Totp {
                factor: factor.0,
                step,
            },
            FactorProof::Email { factor, token } => FactorForm::Email {
                factor: factor.0,
                token: token.0,
            },
            FactorProof::RecoveryCode { set, number } => FactorForm::Code { set: set.0, number },
        });
    }

    pub(super) fn forget_factor(&mut self) {
        (self.factor, self.shown_before) = (None, None);
    }

    pub(super) fn shown_before(&self) -> Option<ShownBefore> {
        self.shown_before
            .map(|BeforeForm { factor, at, within }| ShownBefore {
                factor: FactorId(factor),
                at: Timestamp(at),
                within: Span(within),
            })
    }

    pub(super) fn take_shown_before(&mut self, before: ShownBefore) {
        self.shown_before = Some(BeforeForm {
            factor: before.factor.0,
            at: before.at.0,
            within: before.within.0,
        });
    }

    /// Whether a second factor was shown, now or at this browser before.
    pub(super) fn has_factor(&self) -> bool {
        self.factor.is_some() || self.shown_before.is_some()
    }

    pub(super) fn proof(&self) -> Option<ProofFound> {
        let ProofForm { token, by_link } = self.proof?;
        Some(ProofFound {
            token: TokenId(token),
            via: if by_link { Via::Link } else { Via::Code },
        })
    }

    pub(super) fn show_proof(&mut self, proof: ProofFound) {
        self.proof = Some(ProofForm {
            token: proof.token.0,
            by_link: proof.via == Via::Link,
        });
    }

    pub(super) fn chosen(&self) -> Option<Chosen> {
        let form = self.chosen.as_ref()?;
        Some(Chosen {
            credential: NewCredential {
                id: CredentialId(form.credential),
                verifier: Sealed(form.verifier.clone().into()),
                history: form.history,
            },
            key: WrappedKey::from_bytes(&form.key)?,
        })
    }

    /// Whether a new password was chosen that was tested for this user: against what they have now, and what is theirs.
    pub(super) fn has_chosen_for(&self, user: Option<UserId>) -> bool {
        let chosen = self.chosen.as_ref();
        chosen.is_some_and(|chosen| chosen.tested_for == user.map(|user| user.0))
    }

    pub(super) fn choose(&mut self, chosen: &Chosen, user: Option<UserId>) {
        self.chosen = Some(ChosenForm {
            credential: chosen.credential.id.0,
            verifier: chosen.credential.verifier.0.to_vec(),
            history: chosen.credential.history,
            key: chosen.key.as_bytes().to_vec(),
            tested_for: user.map(|user| user.0),
        });
    }

    pub(super) fn begun(&self) -> Option<Begun> {
        let BegunForm {
            user,
            session,
            refresh_key,
        } = self.begun?;
        Some(Begun {
            user: UserId(user),
            session: SessionId(session),
            refresh_key,
        })
    }

    pub(super) fn begin(&mut self, begun: Begun) {
        self.begun = Some(BegunForm {
            user: begun.user.0,
            session: begun.session.0,
            refresh_key: begun.refresh_key,
        });
    }

    /// The same without the session that it began, once that was handed over: what is left opens nothing.
    pub(super) fn handed_over(&self) -> Self {
        Self {
            begun: None,
            ..self.clone()
        }
    }

    pub(super) fn challenge(&self) -> Option<TokenId> {
        self.challenge.map(TokenId)
    }

    pub(super) fn set_challenge(&mut self, challenge: Option<TokenId>) {
        self.challenge = challenge.map(|challenge| challenge.0);
    }

    /// A text that a prompt took.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        let found = self.texts.iter().find(|(known, _)| known == key);
        found.map(|(_, text)| text.as_str())
    }

    /// What prompts took; names with a dot are our own.
    pub(super) fn prompted(&self) -> BTreeMap<String, String> {
        let of_prompts = self.texts.iter().filter(|(key, _)| !key.contains('.'));
        of_prompts.cloned().collect()
    }

    /// Keeps a text that a prompt took; false if there is no room for it.
    pub(super) fn keep_text(&mut self, key: &str, text: &str) -> bool {
        self.texts.retain(|(known, _)| known != key);
        let taken: usize = self.texts.iter().map(|(key, text)| key.len() + text.len()).sum();
        if taken + key.len() + text.len() > TEXTS_MAX {
            return false;
        }
        self.texts.push((key.to_owned(), text.to_owned()));
        true
    }
}

impl Chosen {
    /// The key to store with it.
    pub(super) fn keys(&self) -> Vec<(DataKeyId, WrappedKey)> {
        vec![(DataKeyId::Credential(self.credential.id), self.key.clone())]
    }
}
