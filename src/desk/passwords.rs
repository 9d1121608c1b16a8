//! New passwords: one policy code for sign-up, change and recovery, then the hash and its seal.

use secrecy::{ExposeSecret, SecretString};

use super::greeting::NewKeys;
use super::{Command, Desk, Fault};
use crate::breach::LeakedHash;
use crate::crypto::{self, Field, Verdict};
use crate::domain::password_policy::{BrokenRules, PasswordContext, PasswordPolicy, Rule, spellings};
use crate::domain::{Actor, Credential, NewCredential, User};
use crate::system::random_id;
use crate::types::{CredentialId, DataKeyId, EmailAddress, Lane, ObjectName, PersonName, UserId, Username};

/// Whom a new password is for: what it may not be made of, and what it is compared with.
#[derive(Default)]
pub(super) struct PasswordOwner {
    pub(super) addresses: Vec<EmailAddress>,
    pub(super) name: Option<PersonName>,
    pub(super) username: Option<Username>,
    pub(super) current: Option<SecretString>,
    pub(super) past: Vec<SecretString>,
    /// The secrets by which the password is being set.
    pub(super) mailed: Vec<SecretString>,
}

/// Which test a new password failed; in the order in which they are answered.
#[derive(Debug)]
pub(super) enum Unfit {
    Format(Vec<Rule>),
    Same,
    Leaked,
    Busy,
}

impl Unfit {
    /// What it broke; `None` if it was not tested to the end.
    pub(super) fn broken(&self) -> Option<BrokenRules> {
        match self {
            Self::Format(rules) => BrokenRules::of(rules),
            Self::Same => Some(BrokenRules::same_as_previous()),
            Self::Leaked => Some(BrokenRules::breached()),
            Self::Busy => None,
        }
    }
}

impl From<Unfit> for Fault {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Format(rules) => Self::PasswordFormat(rules),
            Unfit::Same => Self::SameAsPrevious,
            Unfit::Leaked => Self::WeakPassword,
            Unfit::Busy => Self::Overloaded,
        }
    }
}

/// How many earlier passwords policies compare a new one with.
pub(super) fn kept_passwords(policies: &[PasswordPolicy]) -> u8 {
    let kept = policies.iter().map(|policy| policy.settings().history);
    kept.max().unwrap_or_default()
}

impl Desk {
    /// The policy of the REST routes. The start has checked that it exists.
    pub fn password_policy(&self) -> PasswordPolicy {
        let name = &self.settings().password_policy;
        self.engine()
            .read(|state| state.policy(name).cloned())
            .unwrap_or_else(PasswordPolicy::classic)
    }

    /// What is known of a user, in clear, for the policy's eyes only.
    pub(super) fn password_owner(&self, id: UserId, user: &User) -> PasswordOwner {
        let Some(key) = self.engine().vault().key(DataKeyId::User(id)) else {
            return PasswordOwner::default();
        };
        let text = |field, sealed: &crate::types::Sealed| {
            let clear = crypto::open(&key, field, id.0, sealed)?;
            Some(std::str::from_utf8(&clear).ok()?.to_owned())
        };
        let addresses = user.addresses.iter();
        PasswordOwner {
            addresses: addresses
                .filter_map(|a| EmailAddress::parse(&text(Field::UserAddress, &a.sealed)?).ok())
                .collect(),
            name: user
                .name
                .as_ref()
                .and_then(|s| PersonName::parse(&text(Field::UserName, s)?).ok()),
            username: user
                .username()
                .and_then(|s| Username::parse(&text(Field::Username, s)?).ok()),
            current: user
                .credential
                .as_ref()
                .and_then(|credential| self.verifier(credential)),
            past: user
                .past()
                .iter()
                .filter_map(|credential| self.verifier(credential))
                .collect(),
            mailed: vec![],
        }
    }

    /// The verifier of a password, opened.
    pub(super) fn verifier(&self, credential: &Credential) -> Option<SecretString> {
        let key = self.engine().vault().key(DataKeyId::Credential(credential.id))?;
        let clear = crypto::open(&key, Field::Verifier, credential.id.0, &credential.verifier)?;
        Some(SecretString::from(std::str::from_utf8(&clear).ok()?.to_owned()))
    }

    /// Whether a password is the one of a verifier.
    pub(super) async fn is_password(
        &self,
        lane: Lane,
        password: &SecretString,
        verifier: Option<SecretString>,
    ) -> Result<Verdict, Fault> {
        Ok(self.passwords().verify(lane, password.clone(), verifier).await?)
    }

    /// Tests a new password by the policy of the REST routes.
    pub(super) async fn test_password(
        &self,
        lane: Lane,
        password: &SecretString,
        owner: PasswordOwner,
    ) -> Result<(), Unfit> {
        self.test_password_by(lane, &[self.password_policy()], password, owner)
            .await
    }

    /// Tests a new password by policies: format with all rules at once, then sameness, then the leaked set.
    pub(super) async fn test_password_by(
        &self,
        lane: Lane,
        policies: &[PasswordPolicy],
        password: &SecretString,
        owner: PasswordOwner,
    ) -> Result<(), Unfit> {
        let rules = |history_hits| {
            let context = PasswordContext {
                addresses: &owner.addresses,
                name: owner.name.as_ref(),
                username: owner.username.as_ref(),
                brand: &self.settings().brand,
                mailed: &owner.mailed,
                history_hits,
            };
            let mut broken = vec![];
            for policy in policies {
                for rule in policy.format_rules(password.expose_secret(), &context) {
                    if !broken.contains(&rule) {
                        broken.push(rule);
                    }
                }
            }
            broken
        };
        // Hash only what may be hashed: a password that is too long costs nothing.
        let mut broken = rules(0);
        if broken.is_empty() {
            let kept = usize::from(kept_passwords(policies));
            let mut hits = 0;
            for past in owner.past.iter().take(kept) {
                let verdict = self
                    .passwords()
                    .verify(lane, password.clone(), Some(past.clone()))
                    .await;
                hits += usize::from(verdict.map_err(|_| Unfit::Busy)?.matches());
            }
            broken = if hits > 0 { rules(hits) } else { broken };
        }
        if !broken.is_empty() {
            return Err(Unfit::Format(broken));
        }
        if let Some(current) = owner.current {
            let verdict = self
                .passwords()
                .verify(lane, password.clone(), Some(current))
                .await;
            if verdict.map_err(|_| Unfit::Busy)?.matches() {
                return Err(Unfit::Same);
            }
        }
        for policy in policies {
            if policy.is_breached(password.expose_secret()) || self.has_leaked(policy, password).await {
                return Err(Unfit::Leaked);
            }
        }
        Ok(())
    }

    /// Which rules of a policy a sample breaks, for administrators who try one out; it is nobody's password, and nothing of
    /// it is kept. None: there is no such password policy.
    pub async fn try_policy(&self, policy: &ObjectName, sample: &SecretString) -> Option<Vec<Rule>> {
        let policy = self.flows().password_policy(policy.as_str())?.clone();
        let context = PasswordContext {
            addresses: &[],
            name: None,
            username: None,
            brand: &self.settings().brand,
            mailed: &[],
            history_hits: 0,
        };
        let mut broken = policy.broken_rules(sample.expose_secret(), &context);
        if !broken.contains(&Rule::Breached) && self.has_leaked(&policy, sample).await {
            broken.push(Rule::Breached);
        }
        Some(broken)
    }

    /// Whether an imported set has a password, or the range service saw it too often, as far as the policy asks them.
    async fn has_leaked(&self, policy: &PasswordPolicy, password: &SecretString) -> bool {
        let spellings = spellings(password.expose_secret());
        let hashes: Vec<LeakedHash> = spellings.iter().map(|one| LeakedHash::of(one)).collect();
        let (leaks, now) = (&self.settings().leaks, self.engine().clock().monotonic());
        let typed = hashes.first().copied();
        if policy.settings().check_breached && leaks.on_shelf(hashes, now).await {
            return true;
        }
        match (policy.online_check(), typed) {
            (Some(check), Some(typed)) => leaks.online(&check, typed, now).await,
            (None, _) | (_, None) => false,
        }
    }

    /// Saves a password policy: for a new name a new one, else in the place of the one before.
    pub async fn save_policy(&self, policy: PasswordPolicy, by: Actor) -> Result<(), Fault> {
        let command = Command::SavePolicy { policy, by };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }

    /// Hashes a new password and seals its verifier under a key of its own, which dies with the next password.
    pub(super) async fn new_credential(
        &self,
        lane: Lane,
        password: SecretString,
    ) -> Result<(NewCredential, NewKeys), Fault> {
        let verifier = self.passwords().hash(lane, password).await?;
        Ok(self.seal_verifier(CredentialId(random_id(self.engine().entropy())), &verifier))
    }

    pub(super) fn seal_verifier(
        &self,
        id: CredentialId,
        verifier: &SecretString,
    ) -> (NewCredential, NewKeys) {
        let entropy = self.engine().entropy();
        let key_id = DataKeyId::Credential(id);
        let (key, wrapped) = self.engine().vault().make(key_id, entropy);
        let sealed = crypto::seal(
            &key,
            Field::Verifier,
            id.0,
            verifier.expose_secret().as_bytes(),
            entropy,
        );
        let history = self.password_policy().settings().history;
        (
            NewCredential {
                id,
                verifier: sealed,
                history,
            },
            vec![(key_id, wrapped)],
        )
    }
}
