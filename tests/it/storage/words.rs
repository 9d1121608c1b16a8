//! Events in words: both languages say the same of every event there is.

use std::collections::{BTreeMap, BTreeSet};

use keyledger::desk::tell_plainly;
use keyledger::domain::Recorded;
use keyledger::ledger::codec::{EVENT_NAMES, event_name};
use keyledger::types::Locale;

use super::samples::samples;

fn is_hangul(letter: char) -> bool {
    ('가'..='힣').contains(&letter)
}

/// The numbers in a text, sorted: positions, counts, times, ids. Korean has a number in its word for a second factor.
fn numbers(text: &str) -> Vec<String> {
    let text = text.replace("2단계", "");
    let runs = text.split(|c: char| !c.is_ascii_digit());
    let mut numbers: Vec<_> = runs.filter(|run| !run.is_empty()).map(str::to_owned).collect();
    numbers.sort();
    numbers
}

#[test]
fn l_01_every_event_has_words_in_english_and_in_korean_and_both_name_the_same_numbers() {
    let samples = samples();
    let told: BTreeSet<_> = samples
        .iter()
        .map(|recorded| event_name(&recorded.event))
        .collect();
    assert_eq!(
        told,
        EVENT_NAMES.iter().copied().collect(),
        "a sample of every event"
    );
    for Recorded { event, .. } in &samples {
        let (english, korean) = (tell_plainly(event, Locale::En), tell_plainly(event, Locale::Ko));
        assert!(
            !english.is_empty() && !english.chars().any(is_hangul),
            "{english}"
        );
        assert!(korean.chars().any(is_hangul), "{english}: {korean}");
        assert_eq!(numbers(&english), numbers(&korean), "{english}: {korean}");
        for text in [&english, &korean] {
            let is_whole = !text.contains("  ") && !text.contains(['{', '}']) && text.trim() == text;
            assert!(is_whole, "{text:?}");
        }
    }
}

#[test]
fn neither_language_tells_two_things_alike_that_the_other_tells_apart() {
    let mut words: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut back: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for Recorded { event, .. } in samples() {
        let (english, korean) = (tell_plainly(&event, Locale::En), tell_plainly(&event, Locale::Ko));
        words.entry(english.clone()).or_default().insert(korean.clone());
        back.entry(korean).or_default().insert(english);
    }
    for (text, others) in words.iter().chain(&back) {
        assert_eq!(others.len(), 1, "{text}: {others:?}");
    }
}
