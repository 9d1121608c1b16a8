//! The forms in which other programs write down their hashes.
//!
//! PHC strings (github.com/P-H-C/phc-string-format) of Argon2, scrypt and PBKDF2, PBKDF2 as passlib writes it, bcrypt,
//! what Django's and Werkzeug's hashers write (and with Django's authentik's), the schemes of directories (RFC 2307 and
//! their salted kin), and bare hexadecimal digits.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::alphabet::{BCRYPT, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::super::phc::Verifier;
use super::{ForeignHash, Hash, Recipe, Scheme};

/// Bytes of a hash as text.
const TEXT_MAX: usize = 512;

/// With padding or without: programs differ.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// bcrypt's own alphabet; implementations leave something in the bits behind the last byte.
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// Why a hash is not taken. What would take its place is a recovery: the user is imported without it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ForeignFault {
    /// In no form that is known.
    #[error(
        "is in no form that is taken: a PHC string of argon2, scrypt or pbkdf2; bcrypt ($2a$, $2b$, $2y$); a hash of Django's; \
         {{MD5}}, {{SMD5}}, {{SHA}}, {{SSHA}}, {{SSHA256}} or {{SSHA512}} with base64; the hexadecimal digits of MD5, SHA-1, SHA-256 \
         or SHA-512"
    )]
    Unknown,
    /// Malformed, or beyond what a sign-in may cost.
    #[error(
        "is not an Argon2 hash of version 19 ($argon2id$v=19$m=…,t=…,p=…$salt$hash) with m up to 262144, t and p up to 16, m × t \
         up to 1048576, 8 to 64 bytes of salt and 16 to 64 of hash"
    )]
    Argon2,
    /// The same.
    #[error(
        "is not a bcrypt hash ($2a$, $2b$ or $2y$, two digits of cost, 53 characters) with a cost from 4 to 13"
    )]
    Bcrypt,
    /// The same.
    #[error(
        "is not a scrypt hash ($scrypt$ln=…,r=…,p=…$salt$hash, or as Django writes it) with N a power of two, 128 × N × r × p up to \
         128 MiB, and 16 to 64 bytes of hash"
    )]
    Scrypt,
    /// The same.
    #[error(
        "is not a PBKDF2 hash ($pbkdf2-sha256$i=…$salt$hash, or as Django writes it) of SHA-1, SHA-256 or SHA-512 with up to \
         2000000 iterations and 16 to 64 bytes of hash"
    )]
    Pbkdf2,
    /// The same.
    #[error("is not a whole hash of the kind it names, or has more than 128 bytes of salt")]
    Plain,
}

impl ForeignHash {
    /// Reads a hash in one of the forms above; its cost and its sizes are bounded (P-12).
    pub fn parse(text: &str) -> Result<Self, ForeignFault> {
        if text.len() > TEXT_MAX {
            return Err(ForeignFault::Unknown);
        }
        // Django writes `argon2$argon2id$…` and `bcrypt$$2b$…`.
        let django = |name: &str| text.strip_prefix(name).filter(|rest| !rest.is_empty());
        if text.starts_with("$argon2") {
            return argon2(text).ok_or(ForeignFault::Argon2);
        }
        if let Some(rest) = django("argon2$") {
            return argon2(&format!("${rest}")).ok_or(ForeignFault::Argon2);
        }
        if text.starts_with("$2") {
            return bcrypt(text, |cost| Scheme::Bcrypt { cost }).ok_or(ForeignFault::Bcrypt);
        }
        if let Some(rest) = django("bcrypt_sha256$") {
            return bcrypt(rest, |cost| Scheme::BcryptOfSha256 { cost }).ok_or(ForeignFault::Bcrypt);
        }
        if let Some(rest) = django("bcrypt$") {
            return bcrypt(rest, |cost| Scheme::Bcrypt { cost }).ok_or(ForeignFault::Bcrypt);
        }
        if text.starts_with("$scrypt$") || text.starts_with("scrypt$") || text.starts_with("scrypt:") {
            return scrypt(text).ok_or(ForeignFault::Scrypt);
        }
        if text.starts_with("$pbkdf2") || text.starts_with("pbkdf2") {
            return pbkdf2(text).ok_or(ForeignFault::Pbkdf2);
        }
        if text.starts_with('{') {
            return directory(text).unwrap_or(Err(ForeignFault::Unknown));
        }
        if text.starts_with("md5$") || text.starts_with("sha1$") {
            return django_plain(text).ok_or(ForeignFault::Plain);
        }
        bare(text).ok_or(ForeignFault::Unknown)
    }
}

fn made(scheme: Scheme, salt: Vec<u8>, output: Vec<u8>) -> Option<ForeignHash> {
    let output = Zeroizing::new(output);
    Some(ForeignHash {
        recipe: Recipe::checked(scheme, salt, output.len())?,
        output,
    })
}

/// The parts of a text, which has exactly so many.
fn parts<const N: usize>(text: &str) -> Option<[&str; N]> {
    let all: Vec<&str> = text.split('$').collect();
    all.try_into().ok()
}

fn hash_of(word: &str) -> Option<Hash> {
    Hash::ALL.into_iter().find(|hash| hash.word() == word)
}

fn argon2(text: &str) -> Option<ForeignHash> {
    // A key of another house is not here.
    let Verifier {
        algorithm,
        params,
        pepper: None,
        salt,
        hash,
    } = Verifier::parse(text)?
    else {
        return None;
    };
    made(Scheme::Argon2 { algorithm, params }, salt, hash.to_vec())
}

/// `$2b$12$` and 22 characters of salt and 31 of hash.
fn bcrypt(text: &str, scheme: fn(u32) -> Scheme) -> Option<ForeignHash> {
    let ["", "2a" | "2b" | "2y", cost, both] = parts(text)? else {
        return None;
    };
    let is_whole = cost.len() == 2 && both.len() == 53 && both.is_ascii();
    let (salt, hash) = both.split_at_checked(22).filter(|_| is_whole)?;
    made(
        scheme(cost.parse().ok()?),
        BCRYPT_BASE64.decode(salt).ok()?,
        BCRYPT_BASE64.decode(hash).ok()?,
    )
}

/// PHC: `$scrypt$ln=17,r=8,p=1$salt$hash`; Django: `scrypt$131072$salt$8$1$hash`; Werkzeug: `scrypt:32768:8:1$salt$hex`.
fn scrypt(text: &str) -> Option<ForeignHash> {
    if let Some(["", "scrypt", fields, salt, hash]) = parts(text) {
        let mut fields = fields.split(',');
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.parse::<u32>().ok();
        let (log_n, r, p) = (field("ln=")?, field("r=")?, field("p=")?);
        let log_n = u8::try_from(log_n).ok().filter(|_| fields.next().is_none())?;
        let scheme = Scheme::Scrypt { log_n, r, p };
        return made(scheme, base64(salt)?, base64(hash)?);
    }
    if let Some(["scrypt", n, salt, r, p, hash]) = parts(text) {
        return made(of_scrypt(n, r, p)?, salt.into(), base64(hash)?);
    }
    let [head, salt, hash] = parts(text)?;
    let mut numbers = head.strip_prefix("scrypt:")?.split(':');
    let scheme = of_scrypt(numbers.next()?, numbers.next()?, numbers.next()?)?;
    let hash = hex(hash).filter(|_| numbers.next().is_none())?;
    made(scheme, salt.into(), hash)
}

fn of_scrypt(n: &str, r: &str, p: &str) -> Option<Scheme> {
    let n: u64 = n.parse().ok()?;
    let log_n = u8::try_from(n.checked_ilog2()?).ok()?;
    let (r, p) = (r.parse().ok()?, p.parse().ok()?);
    n.is_power_of_two().then_some(Scheme::Scrypt { log_n, r, p })
}

/// PHC: `$pbkdf2-sha256$i=600000,l=32$salt$hash`; passlib: `$pbkdf2-sha256$29000$salt$hash` with `.` for `+`, and without a
/// name for SHA-1; Django: `pbkdf2_sha256$600000$salt$hash`; Werkzeug: `pbkdf2:sha256:600000$salt$hex`.
fn pbkdf2(text: &str) -> Option<ForeignHash> {
    if let Some(["", name, fields, salt, hash]) = parts(text) {
        let name = name.strip_prefix("pbkdf2")?;
        let name = if name.is_empty() {
            "sha1"
        } else {
            name.strip_prefix('-')?
        };
        let of_passlib = |text: &str| base64(&text.replace('.', "+"));
        let output = of_passlib(hash)?;
        let iterations = match fields.strip_prefix("i=") {
            Some(fields) => {
                let (iterations, length) = fields.split_once(",l=").unwrap_or((fields, ""));
                let fits = length.is_empty() || length.parse() == Ok(output.len());
                fits.then_some(iterations)?
            }
            None => fields,
        };
        return made(of_pbkdf2(name, iterations)?, of_passlib(salt)?, output);
    }
    if let Some([name, iterations, salt, hash]) = parts(text) {
        let name = name.strip_prefix("pbkdf2_")?;
        return made(of_pbkdf2(name, iterations)?, salt.into(), base64(hash)?);
    }
    let [head, salt, hash] = parts(text)?;
    let (name, iterations) = head.strip_prefix("pbkdf2:")?.split_once(':')?;
    made(of_pbkdf2(name, iterations)?, salt.into(), hex(hash)?)
}

fn of_pbkdf2(name: &str, iterations: &str) -> Option<Scheme> {
    let iterations: NonZeroU32 = iterations.parse().ok()?;
    Some(Scheme::Pbkdf2 {
        hash: hash_of(name)?,
        iterations,
    })
}

/// `{SSHA}` and base64 of the hash, and behind it the salt. Nothing where the scheme is none of these.
fn directory(text: &str) -> Option<Result<ForeignHash, ForeignFault>> {
    let (name, value) = text.strip_prefix('{')?.split_once('}')?;
    let name = name.to_ascii_lowercase();
    let (hash, salted) = match name.as_str() {
        "md5" => (Hash::Md5, false),
        "smd5" => (Hash::Md5, true),
        "sha" => (Hash::Sha1, false),
        "ssha" => (Hash::Sha1, true),
        "sha256" => (Hash::Sha256, false),
        "ssha256" => (Hash::Sha256, true),
        "sha512" => (Hash::Sha512, false),
        "ssha512" => (Hash::Sha512, true),
        _ => return None,
    };
    let whole = base64(value).and_then(|bytes| {
        let (output, salt) = bytes.split_at_checked(hash.length())?;
        let fits = salted != salt.is_empty();
        fits.then(|| made(Scheme::SaltAfter(hash), salt.to_vec(), output.to_vec()))?
    });
    Some(whole.ok_or(ForeignFault::Plain))
}

/// `sha1$salt$hex`, of Django's first years; the salt may be empty.
fn django_plain(text: &str) -> Option<ForeignHash> {
    let [name, salt, digits] = parts(text)?;
    made(Scheme::SaltBefore(hash_of(name)?), salt.into(), hex(digits)?)
}

/// Hexadecimal digits, which say what they are by their number.
fn bare(text: &str) -> Option<ForeignHash> {
    let output = hex(text)?;
    let hash = Hash::ALL.into_iter().find(|hash| hash.length() == output.len())?;
    made(Scheme::SaltBefore(hash), vec![], output)
}

fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pair = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).ok();
    is_hex.then(|| (0..text.len()).step_by(2).map(pair).collect())?
}
