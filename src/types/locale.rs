//! The languages that pages and mails speak.

use std::fmt;

/// A language.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum Locale {
    /// English, the default.
    #[default]
    En,
    /// Korean.
    Ko,
}

impl Locale {
    /// All of them, in the order that menus show.
    pub const ALL: [Self; 2] = [Self::En, Self::Ko];

    /// The BCP 47 primary tag: `en`, `ko`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ko => "ko",
        }
    }

    /// Reads a BCP 47 tag by its primary subtag (`ko-KR` is Korean).
    pub fn parse(text: &str) -> Option<Self> {
        let primary = text.split(['-', '_']).next()?.trim();
        Self::ALL
            .into_iter()
            .find(|locale| primary.eq_ignore_ascii_case(locale.tag()))
    }

    /// The best language for an `Accept-Language` header (RFC 9110 §12.5.4): the highest quality that we speak.
    pub fn from_accept_language(header: &str) -> Option<Self> {
        let mut best: Option<(Self, u32)> = None;
        for item in header.split(',').take(32) {
            let mut parts = item.split(';');
            let Some(locale) = parts.next().and_then(Self::parse) else {
                continue;
            };
            let quality = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .map_or(1.0, |q| q.trim().parse::<f32>().unwrap_or(0.0));
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to 0..=1000"
            )]
            let quality = (quality.clamp(0.0, 1.0) * 1000.0) as u32;
            if quality > 0 && best.is_none_or(|(_, b)| quality > b) {
                best = Some((locale, quality));
            }
        }
        best.map(|(locale, _)| locale)
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_highest_quality_is_chosen() {
        assert_eq!(
            Locale::from_accept_language("fr, en;q=0.3, ko-KR;q=0.9"),
            Some(Locale::Ko)
        );
        assert_eq!(Locale::from_accept_language("fr"), None);
        assert_eq!(Locale::from_accept_language("ko;q=0, en;q=0.1"), Some(Locale::En));
    }
}
