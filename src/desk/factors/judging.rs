//! Whether a second factor is right.

use secrecy::{ExposeSecret, SecretString};

use super::super::{Desk, Visitor};
use crate::crypto::{self, Field, KeyId, SecretLabel, totp};
use crate::domain::{FactorProof, FactorShown, FactorVerdict, Notices, Purpose, live_challenge};
use crate::mail::templates::FactorChange;
use crate::types::UserId;

impl Desk {
    /// A second factor as it was given, held against those of a user, with the notices that may follow from it.
    pub(in super::super) fn shown_factor(
        &self,
        user: Option<UserId>,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> FactorShown {
        let none = FactorShown {
            verdict: FactorVerdict::Absent,
            mails: Notices::none(),
        };
        let (Some(user), Some(code)) = (user, code) else {
            return none;
        };
        let is_enrolled = self.engine().read(|state| {
            state
                .factors
                .get(&user)
                .is_some_and(|factors| factors.is_enrolled())
        });
        if !is_enrolled {
            return none;
        }
        let verdict = self.judge(user, code);
        let change = match verdict {
            FactorVerdict::Right(FactorProof::RecoveryCode { .. }) => Some(FactorChange::CodeUsed),
            FactorVerdict::Right(_)
            | FactorVerdict::Absent
            | FactorVerdict::Wrong
            | FactorVerdict::Exhausted => None,
        };
        let mails = self.notices_of_change(user, &visitor.origin(), change);
        FactorShown { verdict, mails }
    }

    /// What a typed code proves: the app, a mailed challenge, or a recovery code.
    fn judge(&self, user: UserId, code: &SecretString) -> FactorVerdict {
        let text = code.expose_secret();
        let (factors, challenge, epoch) = self.engine().read(|state| {
            let found = state.users.get(&user);
            let challenge = found.and_then(|found| live_challenge(state, found, Purpose::SignInCode));
            (
                state.factors.get(&user).cloned(),
                challenge.map(|(id, token)| (id, token.clone())),
                state.epoch(),
            )
        });
        let (Some(factors), Ok(key)) = (factors, self.user_key(user)) else {
            return FactorVerdict::Wrong;
        };
        if let Some(typed) = crypto::normalise_digits(text) {
            let wall = self.engine().clock().wall();
            let step = factors.totp.as_ref().and_then(|totp| {
                let seed = crypto::open(&key, Field::TotpSeed, user.0, &totp.seed)?;
                let step = totp::matching_step(&seed, wall, typed, totp.step)?;
                Some(FactorProof::Totp {
                    factor: totp.id,
                    step,
                })
            });
            let ring = self.engine().keyring().current();
            let mailed = factors
                .mailbox
                .as_ref()
                .zip(challenge)
                .and_then(|(mailbox, (id, token))| {
                    let (key, label) = (KeyId(token.code_key), SecretLabel::SignInCode);
                    crypto::factor_code_matches(&ring, key, label, id, user, token.address, typed).then_some(
                        FactorProof::Email {
                            factor: mailbox.id,
                            token: id,
                        },
                    )
                });
            return step.or(mailed).map_or(FactorVerdict::Wrong, FactorVerdict::Right);
        }
        let typed = crypto::normalise_recovery_code(text);
        let (Some(typed), Some(codes)) = (typed, factors.codes_in(epoch)) else {
            return FactorVerdict::Wrong;
        };
        if codes.left() == 0 {
            return FactorVerdict::Exhausted;
        }
        let number = crypto::open(&key, Field::RecoveryCodes, user.0, &codes.hashes)
            .and_then(|hashes| crypto::find_recovery_code(&key, codes.set, &hashes, &typed));
        number.map_or(FactorVerdict::Wrong, |number| {
            let set = codes.set;
            FactorVerdict::Right(FactorProof::RecoveryCode { set, number })
        })
    }
}
