//! The words that someone who knows the person, or the service, tries first.
//!
//! **The rule.** Password and words are folded: NFC, lower case, letters and digits only. A password is refused if it *is* such
//! a word, or if such words cover more than half of its characters. A short word inside a long passphrase is no reason to
//! refuse it; `Lovelace1!` for Ada Lovelace is. The words: each address, its local part and that part's pieces, the labels of
//! its domain but the last; the person's name and its pieces; the user name; the product's name. Inside a password only
//! words of 4 characters or more count (2 outside ASCII, where a character carries a syllable or a word).

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::types::{EmailAddress, PersonName, Username};

/// Words of one person are no more than this; addresses and names bound them anyway.
const WORDS_MAX: usize = 256;

/// What zxcvbn gets to see. Its time grows with the square of it and with every reading of `1`, `7`, `|` as letters: 100
/// characters made for the purpose (its own limit) cost a second, 32 cost 70 ms.
const ZXCVBN_CHARACTERS_MAX: usize = 32;

/// What a password is held against: words about the person, and a verdict on earlier passwords made beforehand.
#[derive(Clone, Copy, Debug)]
pub struct PasswordContext<'a> {
    /// The person's addresses, also unconfirmed ones.
    pub addresses: &'a [EmailAddress],
    /// The person's name.
    pub name: Option<&'a PersonName>,
    /// The user name.
    pub username: Option<&'a Username>,
    /// What the operator calls this service.
    pub brand: &'a str,
    /// The link's secret and the typed code by which the password is being set; they never become it.
    pub mailed: &'a [SecretString],
    /// How many of the passwords that the policy's `history` looks at are equal to this one.
    pub history_hits: usize,
}

impl PasswordContext<'_> {
    /// Whether the password is a context word or is made of them for more than half.
    pub(super) fn dominates(&self, password: &str) -> bool {
        let folded = Zeroizing::new(fold(password));
        let mut covered = vec![false; folded.len()];
        for word in self.words() {
            if *folded == word {
                return true;
            }
            if !is_long_enough(&word) {
                continue;
            }
            for at in 0..(folded.len() + 1).saturating_sub(word.len()) {
                if folded[at..].starts_with(&word) {
                    covered[at..at + word.len()].fill(true);
                }
            }
        }
        2 * covered.into_iter().filter(|&covered| covered).count() > password.chars().count()
    }

    /// Whether the password holds a mailed secret, however it is spaced and spelled.
    pub(super) fn is_mailed(&self, password: &str) -> bool {
        let folded = Zeroizing::new(fold(password));
        self.mailed.iter().any(|secret| {
            let secret = Zeroizing::new(fold(secret.expose_secret()));
            !secret.is_empty() && folded.windows(secret.len()).any(|part| *part == **secret)
        })
    }

    /// zxcvbn's score, 0–4, with the context words as guesses. It reads the year from the clock.
    ///
    /// Only the first [`ZXCVBN_CHARACTERS_MAX`] characters are scored: a beginning is no harder to guess than the whole, so
    /// a good score of it is enough.
    pub(super) fn zxcvbn_score(&self, password: &str) -> u8 {
        let words: Vec<String> = self.words().map(String::from_iter).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let end = password
            .char_indices()
            .nth(ZXCVBN_CHARACTERS_MAX)
            .map_or(password.len(), |(at, _)| at);
        zxcvbn::zxcvbn(&password[..end], &words).score().into()
    }

    /// The folded words, none empty.
    fn words(&self) -> impl Iterator<Item = Vec<char>> {
        let mut texts: Vec<String> = vec![self.brand.to_owned()];
        texts.extend(pieces(self.brand));
        for address in self.addresses {
            let domain = address.domain_unicode();
            texts.push(address.as_typed().to_owned());
            texts.push(format!("{}@{domain}", address.local()));
            texts.push(address.local().to_owned());
            texts.extend(pieces(address.local()));
            texts.push(domain.clone());
            if let Some((labels, _)) = domain.rsplit_once('.') {
                texts.extend(labels.split('.').map(str::to_owned));
            }
        }
        for name in self
            .name
            .map(PersonName::as_str)
            .into_iter()
            .chain(self.username.map(Username::as_typed))
        {
            texts.push(name.to_owned());
            texts.extend(pieces(name));
        }
        texts.truncate(WORDS_MAX);
        texts
            .into_iter()
            .map(|text| fold(&text))
            .filter(|word| !word.is_empty())
    }
}

/// Letters and digits in lower case and NFC.
fn fold(text: &str) -> Vec<char> {
    let mut folded = Vec::with_capacity(2 * text.len());
    folded.extend(
        text.chars()
            .flat_map(char::to_lowercase)
            .nfc()
            .filter(|c| c.is_alphanumeric()),
    );
    folded
}

/// The parts between anything that is no letter or digit, if they are long enough to be a word.
fn pieces(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|piece| is_long_enough(&fold(piece)))
        .map(str::to_owned)
}

fn is_long_enough(word: &[char]) -> bool {
    word.len() >= if word.iter().all(char::is_ascii) { 4 } else { 2 }
}
