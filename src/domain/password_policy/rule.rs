//! What a password can break, with a code for programs and a sentence for people.

use super::SYMBOLS_DEFAULT;
use crate::types::Locale;

/// One rule of a policy, with the numbers that its sentence needs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Rule {
    /// Too few characters.
    LengthMin {
        /// The fewest.
        min: u16,
    },
    /// Too many characters.
    LengthMax {
        /// The most.
        max: u16,
    },
    /// Too few uppercase letters.
    AmountUppercase {
        /// The fewest.
        min: u16,
    },
    /// Too few lowercase letters.
    AmountLowercase {
        /// The fewest.
        min: u16,
    },
    /// Too few digits.
    AmountDigits {
        /// The fewest.
        min: u16,
    },
    /// Too few symbols.
    AmountSymbols {
        /// The fewest.
        min: u16,
        /// What counts as one.
        charset: String,
    },
    /// Made of the person's own names or the product's.
    Context,
    /// Made of the link or the code that came by mail.
    Mailed,
    /// One of the last passwords.
    History {
        /// How many of them are looked at.
        last: u8,
    },
    /// Easy to guess by zxcvbn's estimate.
    Zxcvbn,
    /// On the list of leaked passwords.
    Breached,
}

impl Rule {
    /// The stable code, named after the setting that turns the rule on; `mailed` has none, because it always holds.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LengthMin { .. } => "length_min",
            Self::LengthMax { .. } => "length_max",
            Self::AmountUppercase { .. } => "amount_uppercase",
            Self::AmountLowercase { .. } => "amount_lowercase",
            Self::AmountDigits { .. } => "amount_digits",
            Self::AmountSymbols { .. } => "amount_symbols",
            Self::Context => "context",
            Self::Mailed => "mailed",
            Self::History { .. } => "history",
            Self::Zxcvbn => "zxcvbn",
            Self::Breached => "breached",
        }
    }

    /// A sentence that says what to do, for the list beforehand and for the answer alike.
    pub fn message(&self, locale: Locale) -> String {
        match locale {
            Locale::En => self.english(),
            Locale::Ko => self.korean(),
        }
    }

    /// How many characters of its kind the rule asks for; 0 for rules that count none.
    pub(super) fn amount(&self) -> usize {
        match self {
            Self::AmountUppercase { min }
            | Self::AmountLowercase { min }
            | Self::AmountDigits { min }
            | Self::AmountSymbols { min, .. } => usize::from(*min),
            Self::LengthMin { .. }
            | Self::LengthMax { .. }
            | Self::Context
            | Self::Mailed
            | Self::History { .. }
            | Self::Zxcvbn
            | Self::Breached => 0,
        }
    }

    fn english(&self) -> String {
        match self {
            Self::LengthMin { min } => format!("Use at least {}.", plural(*min, "character")),
            Self::LengthMax { max } => format!("Use at most {}.", plural(*max, "character")),
            Self::AmountUppercase { min } => format!("Include at least {}.", plural(*min, "uppercase letter")),
            Self::AmountLowercase { min } => format!("Include at least {}.", plural(*min, "lowercase letter")),
            Self::AmountDigits { min } => format!("Include at least {}.", plural(*min, "digit")),
            Self::AmountSymbols { min, charset } if charset == SYMBOLS_DEFAULT => {
                format!("Include at least {}, such as ! ? # - or a space.", plural(*min, "symbol"))
            }
            Self::AmountSymbols { min, charset } => {
                format!("Include at least {} out of these: {charset}", plural(*min, "symbol"))
            }
            Self::Context => {
                "Do not build it from your name, your address or this service's name: others guess those first.".into()
            }
            Self::Mailed => "Do not use the link or the code that you were given: whoever reads it knows the password.".into(),
            Self::History { last: 1 } => "Choose a password other than your last one.".into(),
            Self::History { last } => format!("Choose a password other than your last {last}."),
            Self::Zxcvbn => "This is easy to guess. Add a few unrelated words.".into(),
            Self::Breached => {
                "This password is on lists of leaked passwords. Choose another one, such as a few unrelated words.".into()
            }
        }
    }

    fn korean(&self) -> String {
        match self {
            Self::LengthMin { min } => format!("{min}자 이상 입력하세요."),
            Self::LengthMax { max } => format!("{max}자 이하로 입력하세요."),
            Self::AmountUppercase { min } => format!("대문자를 {min}자 이상 넣으세요."),
            Self::AmountLowercase { min } => format!("소문자를 {min}자 이상 넣으세요."),
            Self::AmountDigits { min } => format!("숫자를 {min}자 이상 넣으세요."),
            Self::AmountSymbols { min, charset } if charset == SYMBOLS_DEFAULT => {
                format!("특수문자(! ? # - 또는 공백 등)를 {min}자 이상 넣으세요.")
            }
            Self::AmountSymbols { min, charset } => {
                format!("다음 특수문자 중에서 {min}자 이상 넣으세요: {charset}")
            }
            Self::Context => {
                "이름, 이메일 주소, 서비스 이름으로 만들지 마세요. 다른 사람이 가장 먼저 추측합니다.".into()
            }
            Self::Mailed => "받으신 링크나 코드를 비밀번호로 쓰지 마세요. 그것을 본 사람은 비밀번호를 알게 됩니다.".into(),
            Self::History { last: 1 } => "직전에 사용한 비밀번호와 다른 비밀번호를 선택하세요.".into(),
            Self::History { last } => format!("최근에 사용한 비밀번호 {last}개와 다른 비밀번호를 선택하세요."),
            Self::Zxcvbn => "추측하기 쉬운 비밀번호입니다. 서로 관련 없는 단어를 몇 개 더 넣으세요.".into(),
            Self::Breached => {
                "유출된 비밀번호 목록에 있습니다. 서로 관련 없는 단어 몇 개를 이어 쓰는 등 다른 비밀번호를 선택하세요.".into()
            }
        }
    }
}

fn plural(n: u16, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}
