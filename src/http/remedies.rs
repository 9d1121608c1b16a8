//! What to do about a field of an object, in the reader's language.
//!
//! The rooms below say it in English, once and beside the check (`desk/objects/`, `domain/flow/`); here it is said in Korean
//! too. What says more than its sentence (a list of words, the place in an expression) keeps that part as it is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::types::Locale;

static KOREAN: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let text = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/data/locales/ko/remedies.toml"
    ));
    toml::from_str(text).expect("our own table is read by a test")
});

/// What sentences begin with that end in words of their own.
const BEGINNINGS: [(&str, &str); 6] = [
    ("choose one of ", "다음 중 하나를 선택하세요: "),
    (
        "write a whole number from 0 to ",
        "0 이상의 정수를 입력하세요. 최댓값: ",
    ),
    (
        "there is no such field; did you mean ",
        "그런 필드가 없습니다. 혹시 이 필드인가요: ",
    ),
    (
        "there is no such field; there are: ",
        "그런 필드가 없습니다. 쓸 수 있는 필드: ",
    ),
    ("write [[", "각 항목 위에 표 이름을 쓰세요: [["),
    ("at line ", "표현식 오류, 행 "),
];

/// A remedy in a language; one without words there stays English.
pub fn remedy_in(locale: Locale, remedy: &str) -> Cow<'_, str> {
    match locale {
        Locale::En => Cow::Borrowed(remedy),
        Locale::Ko => in_korean(remedy).map_or(Cow::Borrowed(remedy), Cow::Owned),
    }
}

fn in_korean(remedy: &str) -> Option<String> {
    if let Some(known) = KOREAN.get(remedy) {
        return Some(known.clone());
    }
    let mut beginnings = BEGINNINGS.iter();
    beginnings.find_map(|(english, korean)| Some(format!("{korean}{}", remedy.strip_prefix(english)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_remedy_of_the_table_is_korean_and_is_said_in_it() {
        for (english, korean) in KOREAN.iter() {
            assert!(english.is_ascii() && !korean.is_ascii(), "{english}: {korean}");
            assert_eq!(remedy_in(Locale::Ko, english), korean.as_str());
            assert_eq!(remedy_in(Locale::En, english), english.as_str());
        }
    }

    #[test]
    fn what_a_sentence_lists_stays_as_it_is() {
        let said = |remedy| remedy_in(Locale::Ko, remedy).into_owned();
        assert_eq!(
            said("choose one of retry, restart"),
            "다음 중 하나를 선택하세요: retry, restart"
        );
        assert_eq!(said("nobody has said this yet"), "nobody has said this yet");
    }
}
