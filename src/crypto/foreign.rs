//! Hashes that other programs made of passwords, and how they are kept: never bare.
//!
//! An imported hash becomes the password of our own Argon2id, with our pepper and our cost ("layering", OWASP Password
//! Storage Cheat Sheet). What is stored is the recipe of the other program without what came out of it, and our verifier
//! over that:
//!
//! `$layered$bcrypt.2b,12,23,<salt>$argon2id$v=19$m=19456,t=2,p=1,keyid=AAAABQ$<salt>$<hash>`
//!
//! So a weak hash (MD5, SHA-1) is worth as much to a thief as one of ours; a sign-in never costs less than it costs for
//! nobody; and the first right sign-in puts one of ours in its place (P-12). The cost of a recipe is bounded before
//! anything is computed.

mod reading;

use std::fmt::Write as _;
use std::num::NonZeroU32;

use argon2::{Algorithm, Block};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use md5::{Digest as _, Md5};
use ring::{digest, pbkdf2};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::keyring::KeyId;
use super::password::PasswordParams;
use super::phc::Verifier;

pub use reading::ForeignFault;

/// Before a layered verifier.
const LAYERED: &str = "$layered$";
/// Bytes of a salt of others, at most.
const SALT_MAX: usize = 128;
/// Bytes of what came out, at least (those of MD5) and at most.
const OUTPUT_MIN: usize = 16;
const OUTPUT_MAX: usize = 64;
/// Rounds of bcrypt as a power of two: half a second on one core at most.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=13;
/// Bytes of memory for one scrypt, and memory times lanes: half a second on one core at most.
pub(super) const SCRYPT_MEMORY_MAX: u64 = 128 << 20;
const SCRYPT_WORK_MAX: u64 = 128 << 20;
/// Iterations of PBKDF2 over all blocks of its output: half a second on one core at most.
const PBKDF2_ITERATIONS_MAX: u32 = 2_000_000;

/// A hash that another program made of a password, with all that is needed to make it again. Not kept as it is: see
/// [`crate::crypto::PasswordPool::layer`].
pub struct ForeignHash {
    pub(super) recipe: Recipe,
    pub(super) output: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for ForeignHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ForeignHash({})", self.recipe.scheme.name())
    }
}

/// Which hash function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    const ALL: [Self; 4] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512];

    fn word(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Bytes that come out of it.
    fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn compute(self, text: &[u8]) -> Zeroizing<Vec<u8>> {
        let of_ring = |algorithm| digest::digest(algorithm, text).as_ref().to_vec();
        Zeroizing::new(match self {
            Self::Md5 => Md5::digest(text).to_vec(),
            Self::Sha1 => of_ring(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => of_ring(&digest::SHA256),
            Self::Sha512 => of_ring(&digest::SHA512),
        })
    }

    /// The same as HMAC under PBKDF2 (RFC 8018), which nobody uses with MD5.
    fn of_pbkdf2(self) -> Option<pbkdf2::Algorithm> {
        match self {
            Self::Md5 => None,
            Self::Sha1 => Some(pbkdf2::PBKDF2_HMAC_SHA1),
            Self::Sha256 => Some(pbkdf2::PBKDF2_HMAC_SHA256),
            Self::Sha512 => Some(pbkdf2::PBKDF2_HMAC_SHA512),
        }
    }
}

/// How a password becomes a hash, but for the salt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scheme {
    /// One hash of salt and password.
    SaltBefore(Hash),
    /// One hash of password and salt.
    SaltAfter(Hash),
    /// bcrypt of the first 72 bytes.
    Bcrypt { cost: u32 },
    /// bcrypt of the hexadecimal digits of the password's SHA-256.
    BcryptOfSha256 { cost: u32 },
    /// scrypt (RFC 7914).
    Scrypt { log_n: u8, r: u32, p: u32 },
    /// PBKDF2 with HMAC (RFC 8018).
    Pbkdf2 { hash: Hash, iterations: NonZeroU32 },
    /// Argon2 (RFC 9106), version 19.
    Argon2 {
        algorithm: Algorithm,
        params: PasswordParams,
    },
}

impl Scheme {
    fn name(self) -> String {
        match self {
            Self::SaltBefore(hash) => format!("{}.salt-before", hash.word()),
            Self::SaltAfter(hash) => format!("{}.salt-after", hash.word()),
            Self::Bcrypt { .. } => "bcrypt".to_owned(),
            Self::BcryptOfSha256 { .. } => "bcrypt.sha256".to_owned(),
            Self::Scrypt { .. } => "scrypt".to_owned(),
            Self::Pbkdf2 { hash, .. } => format!("pbkdf2.{}", hash.word()),
            Self::Argon2 { algorithm, .. } => algorithm.as_str().to_owned(),
        }
    }

    fn numbers(self) -> Vec<u32> {
        match self {
            Self::SaltBefore(_) | Self::SaltAfter(_) => vec![],
            Self::Bcrypt { cost } | Self::BcryptOfSha256 { cost } => vec![cost],
            Self::Scrypt { log_n, r, p } => vec![u32::from(log_n), r, p],
            Self::Pbkdf2 { iterations, .. } => vec![iterations.get()],
            Self::Argon2 { params, .. } => vec![params.memory_kib(), params.time(), params.parallelism()],
        }
    }

    fn of(name: &str, numbers: &[u32]) -> Option<Self> {
        let hash_of = |word: &str| Hash::ALL.into_iter().find(|hash| hash.word() == word);
        let (name, kind) = name.split_once('.').unwrap_or((name, ""));
        Some(match (name, kind, numbers) {
            ("bcrypt", "", &[cost]) => Self::Bcrypt { cost },
            ("bcrypt", "sha256", &[cost]) => Self::BcryptOfSha256 { cost },
            ("scrypt", "", &[log_n, r, p]) => Self::Scrypt {
                log_n: u8::try_from(log_n).ok()?,
                r,
                p,
            },
            ("pbkdf2", word, &[iterations]) => Self::Pbkdf2 {
                hash: hash_of(word)?,
                iterations: NonZeroU32::new(iterations)?,
            },
            ("argon2id" | "argon2i" | "argon2d", "", &[memory, time, lanes]) => Self::Argon2 {
                algorithm: Algorithm::new(name).ok()?,
                params: PasswordParams::stored(memory, time, lanes)?,
            },
            (word, "salt-before", &[]) => Self::SaltBefore(hash_of(word)?),
            (word, "salt-after", &[]) => Self::SaltAfter(hash_of(word)?),
            _ => return None,
        })
    }
}

/// A scheme with its salt, and how long what comes out is. Its cost is within bounds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Recipe {
    scheme: Scheme,
    salt: Vec<u8>,
    length: usize,
}

impl Recipe {
    /// A recipe that costs no more than a sign-in may (P-12).
    fn checked(scheme: Scheme, salt: Vec<u8>, length: usize) -> Option<Self> {
        let fits = salt.len() <= SALT_MAX
            && (OUTPUT_MIN..=OUTPUT_MAX).contains(&length)
            && match scheme {
                Scheme::SaltBefore(hash) | Scheme::SaltAfter(hash) => length == hash.length(),
                Scheme::Bcrypt { cost } | Scheme::BcryptOfSha256 { cost } => {
                    BCRYPT_COSTS.contains(&cost) && salt.len() == 16 && length == 23
                }
                Scheme::Scrypt { log_n, r, p } => is_affordable_scrypt(log_n, r, p),
                Scheme::Pbkdf2 { hash, iterations } => {
                    let blocks = u32::try_from(length.div_ceil(hash.length())).unwrap_or(u32::MAX);
                    hash.of_pbkdf2().is_some()
                        && iterations.get().saturating_mul(blocks) <= PBKDF2_ITERATIONS_MAX
                }
                // Its parameters were bounded when they were read.
                Scheme::Argon2 { .. } => salt.len() >= 8,
            };
        fits.then_some(Self { scheme, salt, length })
    }

    /// Blocks of Argon2's memory that computing it takes.
    pub(super) fn blocks(&self) -> usize {
        self.argon2().map_or(0, |verifier| verifier.blocks())
    }

    /// Whether computing it takes memory that is not Argon2's.
    pub(super) fn takes_memory(&self) -> bool {
        matches!(self.scheme, Scheme::Scrypt { .. })
    }

    fn argon2(&self) -> Option<Verifier> {
        let Scheme::Argon2 { algorithm, params } = self.scheme else {
            return None;
        };
        Some(Verifier {
            algorithm,
            params,
            pepper: None,
            salt: self.salt.clone(),
            hash: Zeroizing::new(vec![0; self.length]),
        })
    }

    /// What the other program would have made of a password. `memory` has as many blocks as [`Recipe::blocks`] says.
    pub(super) fn compute(&self, password: &str, memory: &mut [Block]) -> Zeroizing<Vec<u8>> {
        let text = password.as_bytes();
        let mut out = Zeroizing::new(vec![0; self.length]);
        match self.scheme {
            Scheme::SaltBefore(hash) => out = hash.compute(&joined(&self.salt, text)),
            Scheme::SaltAfter(hash) => out = hash.compute(&joined(text, &self.salt)),
            Scheme::Bcrypt { cost } => out = self.bcrypt(cost, text),
            Scheme::BcryptOfSha256 { cost } => {
                let mut digits = Zeroizing::new(String::with_capacity(64));
                for byte in Hash::Sha256.compute(text).iter() {
                    write!(digits, "{byte:02x}").expect("a String takes every write");
                }
                out = self.bcrypt(cost, digits.as_bytes());
            }
            Scheme::Scrypt { log_n, r, p } => {
                let params = scrypt::Params::new(log_n, r, p).expect("bounded, and far below scrypt's own");
                scrypt::scrypt(text, &self.salt, &params, &mut out).expect("64 bytes at most");
            }
            Scheme::Pbkdf2 { hash, iterations } => {
                let algorithm = hash
                    .of_pbkdf2()
                    .expect("a checked recipe names one that there is");
                pbkdf2::derive(algorithm, iterations, &self.salt, text, &mut out);
            }
            Scheme::Argon2 { .. } => {
                let verifier = self.argon2().expect("it is one of Argon2");
                out = verifier.compute(text, None, memory);
            }
        }
        out
    }

    /// bcrypt takes a password with the NUL at its end, and no more than 72 bytes of it. Its last byte is thrown away.
    fn bcrypt(&self, cost: u32, text: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut key = joined(text, &[0]);
        key.truncate(72);
        let salt = self
            .salt
            .as_slice()
            .try_into()
            .expect("a checked salt has 16 bytes");
        let made = Zeroizing::new(bcrypt::bcrypt(cost, salt, &key));
        Zeroizing::new(made[..self.length].to_vec())
    }

    fn to_text(&self) -> String {
        let mut text = self.scheme.name();
        for number in self.scheme.numbers() {
            write!(text, ",{number}").expect("a String takes every write");
        }
        write!(text, ",{},", self.length).expect("a String takes every write");
        STANDARD_NO_PAD.encode_string(&self.salt, &mut text);
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts: Vec<&str> = text.split(',').collect();
        let salt = STANDARD_NO_PAD.decode(parts.pop()?).ok()?;
        let length = parts.pop()?.parse().ok()?;
        let (name, numbers) = parts.split_first()?;
        let numbers: Option<Vec<u32>> = numbers.iter().map(|number| number.parse().ok()).collect();
        Self::checked(Scheme::of(name, &numbers?)?, salt, length)
    }
}

fn is_affordable_scrypt(log_n: u8, r: u32, p: u32) -> bool {
    let in_range = (1..=20).contains(&log_n) && (1..=32).contains(&r) && (1..=64).contains(&p);
    let memory = || (128_u64 * u64::from(r)) << log_n;
    in_range && memory() <= SCRYPT_MEMORY_MAX && memory() * u64::from(p) <= SCRYPT_WORK_MAX
}

fn joined(first: &[u8], second: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut both = Zeroizing::new(Vec::with_capacity(first.len() + second.len()));
    both.extend_from_slice(first);
    both.extend_from_slice(second);
    both
}

/// A verifier as it is stored: ours of a password, or ours of what another program's recipe makes of it.
pub(super) struct StoredVerifier {
    pub(super) recipe: Option<Recipe>,
    pub(super) ours: Verifier,
}

impl StoredVerifier {
    /// Reads one whose cost and sizes are within bounds.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let Some(layered) = text.strip_prefix(LAYERED) else {
            return Some(Self {
                recipe: None,
                ours: Verifier::parse(text)?,
            });
        };
        let end = layered.find('$')?;
        Some(Self {
            recipe: Some(Recipe::parse(&layered[..end])?),
            ours: Verifier::parse(&layered[end..])?,
        })
    }

    /// The text that [`StoredVerifier::parse`] reads.
    pub(super) fn to_text(&self) -> SecretString {
        let ours = self.ours.to_phc();
        match &self.recipe {
            Some(recipe) => {
                SecretString::from(format!("{LAYERED}{}{}", recipe.to_text(), ours.expose_secret()))
            }
            None => ours,
        }
    }

    /// Whether a new verifier of the same password would be another.
    pub(super) fn is_outdated(&self, params: PasswordParams, pepper: KeyId) -> bool {
        self.recipe.is_some() || self.ours.is_outdated(params, pepper)
    }
}

#[cfg(test)]
mod tests;
