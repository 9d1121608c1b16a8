//! What the threads compute.

use argon2::Block;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::super::foreign::{Recipe, StoredVerifier};
use super::super::keyring::{KeyId, Keyring, Purpose};
use super::super::password::normalise_password;
use super::super::phc::{SALT_LEN, Verifier};
use super::{Rehash, Shared, Verdict, blank, locked, random, wipe};

impl Shared {
    pub(super) fn hash(&self, password: &SecretString, memory: &mut [Block]) -> SecretString {
        let password = normalise_password(password.expose_secret());
        self.make(password.as_bytes(), memory).to_phc()
    }

    /// A new verifier of a password, or of what stands for one.
    pub(super) fn make(&self, password: &[u8], memory: &mut [Block]) -> Verifier {
        let ring = self.ring.current();
        let (id, pepper) = ring.active(Purpose::Pepper);
        let mut verifier = Verifier {
            pepper: Some(id),
            salt: random(self.entropy.as_ref(), SALT_LEN),
            ..blank(self.settings.params)
        };
        verifier.hash = verifier.compute(password, Some(pepper), memory);
        verifier
    }

    pub(super) fn verify(
        &self,
        password: &SecretString,
        stored: Option<&SecretString>,
        memory: &mut [Block],
    ) -> Verdict {
        let ring = self.ring.current();
        let (active, _) = ring.active(Purpose::Pepper);
        let spelt = normalise_password(password.expose_secret());
        let known = stored.and_then(|text| {
            let verifier = StoredVerifier::parse(text.expose_secret());
            if verifier.is_none() {
                tracing::error!(
                    "a stored verifier is not one that this version can check; the password counts as wrong"
                );
            }
            verifier
        });
        let known = known.filter(|verifier| {
            let checkable = verifier
                .ours
                .pepper
                .is_none_or(|id| ring.get(Purpose::Pepper, id).is_some());
            if !checkable {
                tracing::error!(
                    "a verifier needs a pepper that the keyring lacks; the password counts as wrong"
                );
            }
            checkable
        });
        let Some(StoredVerifier { recipe, ours }) = &known else {
            let dummy = Verifier::parse(self.dummy.expose_secret()).expect("the pool wrote the dummy itself");
            self.compare(&dummy, spelt.as_bytes(), &ring, memory);
            return Verdict::Wrong;
        };
        let is_right = match recipe {
            None => self.compare(ours, spelt.as_bytes(), &ring, memory),
            Some(recipe) => {
                // What was typed is what the other program hashed, unless it had one spelling for it too.
                let typed = Some(password.expose_secret()).filter(|typed| *typed != spelt.as_str());
                [Some(spelt.as_str()), typed].into_iter().flatten().any(|text| {
                    let stands_for_it = self.follow(recipe, text, memory);
                    self.compare(ours, &stands_for_it, &ring, memory)
                })
            }
        };
        if !is_right {
            return Verdict::Wrong;
        }
        let outdated = known.is_some_and(|known| known.is_outdated(self.settings.params, active));
        Verdict::Right {
            rehash: if outdated { Rehash::Due } else { Rehash::NotNeeded },
        }
    }

    /// Computes and compares in constant time.
    fn compare(&self, verifier: &Verifier, password: &[u8], ring: &Keyring, memory: &mut [Block]) -> bool {
        let pepper = verifier
            .pepper
            .and_then(|id: KeyId| ring.get(Purpose::Pepper, id));
        let computed = self.with_blocks(verifier.blocks(), memory, |memory| {
            verifier.compute(password, pepper, memory)
        });
        computed.ct_eq(&verifier.hash).into()
    }

    /// Computes what another program would have made of a password.
    fn follow(&self, recipe: &Recipe, password: &str, memory: &mut [Block]) -> Zeroizing<Vec<u8>> {
        if recipe.takes_memory() {
            let _one_at_a_time = locked(&self.oversize);
            return recipe.compute(password, memory);
        }
        self.with_blocks(recipe.blocks(), memory, |memory| recipe.compute(password, memory))
    }

    /// Lends so many blocks: this thread's own if they are enough.
    fn with_blocks<T>(&self, count: usize, own: &mut [Block], compute: impl FnOnce(&mut [Block]) -> T) -> T {
        if count <= own.len() {
            return compute(own);
        }
        let _one_at_a_time = locked(&self.oversize);
        let mut borrowed = vec![Block::new(); count];
        let computed = compute(&mut borrowed);
        wipe(&mut borrowed);
        computed
    }
}
