//! Typed codes, and guessing them.

use keyledger::types::Span;

use super::house::{House, JI, NEW, NOBODY};

const NOT_FOUND: &str = "auth/verification-token-not-found";
const WRONG: &str = "00000-00000";
const STRANGER: &str = "198.51.100.66";

#[tokio::test(flavor = "multi_thread")]
async fn r_34_a_code_may_be_typed_in_any_dress() {
    let house = House::open().await;
    house.resident(JI).await;
    let code = house.recovery(JI).await.code;
    let (left, right) = code.split_once('-').unwrap();
    let typed = format!(" {} - {} ", left.to_lowercase(), right);
    house.confirm("JI@example.ORG", &typed, NEW).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_29_a15_five_wrong_codes_end_the_code_and_never_the_link() {
    let house = House::open().await;
    house.resident(JI).await;
    let mail = house.recovery(JI).await;
    for _ in 0..5 {
        house
            .confirm(JI, WRONG, NEW)
            .from(STRANGER)
            .refused(404, NOT_FOUND)
            .await;
    }
    house.confirm(JI, &mail.code, NEW).refused(404, NOT_FOUND).await;
    house.confirm(JI, &mail.secret, NEW).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_29_a15_twenty_wrong_codes_a_day_count_over_all_challenges() {
    let house = House::open().await;
    house.resident(JI).await;
    for _ in 0..4 {
        house.recovery(JI).await;
        for _ in 0..5 {
            house
                .confirm(JI, WRONG, NEW)
                .from(STRANGER)
                .refused(404, NOT_FOUND)
                .await;
        }
    }
    let refused = house
        .confirm(JI, WRONG, NEW)
        .from(STRANGER)
        .refused(429, "auth/too-many-code-requests")
        .await;
    assert_eq!(refused.header("x-ratelimit-limit"), "20");
    assert_eq!(refused.header("retry-after"), "57600", "until midnight, UTC");
    // A new code does not reset the count, not even a genuine one; the link is not a guess.
    house.wait(Span::hours(1));
    let mail = house.recovery(JI).await;
    house
        .confirm(JI, &mail.code, NEW)
        .from(STRANGER)
        .refused(429, "auth/too-many-code-requests")
        .await;
    house.confirm(JI, &mail.secret, NEW).from(STRANGER).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a19_whoever_signed_in_from_here_keeps_some_tries() {
    let house = House::open_with(|plan| plan.limits.code_tries_per_address_day = 4).await;
    house.resident(JI).await;
    let mail = house.recovery(JI).await;
    for _ in 0..4 {
        house
            .confirm(JI, WRONG, NEW)
            .from(STRANGER)
            .refused(404, NOT_FOUND)
            .await;
    }
    house
        .confirm(JI, &mail.code, NEW)
        .from(STRANGER)
        .refused(429, "auth/too-many-code-requests")
        .await;
    house.confirm(JI, &mail.code, NEW).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a12_guessing_codes_for_nobody_is_answered_as_for_somebody() {
    let house = House::open_with(|plan| plan.limits.code_tries_per_address_day = 3).await;
    house.resident(JI).await;
    house.recovery(JI).await;
    let mut seen = vec![];
    for email in [JI, NOBODY] {
        let mut faces = vec![];
        for _ in 0..5 {
            let before = house.events().len();
            let answer = house.confirm(email, WRONG, NEW).from(STRANGER).send().await;
            faces.push((answer.face(), house.events()[before..].to_vec()));
        }
        seen.push(faces);
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0][3].0.starts_with("429"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a16_a_wrong_code_is_in_the_ledger_before_its_answer_leaves() {
    let house = House::open().await;
    house.resident(JI).await;
    house.recovery(JI).await;
    let before = house.events().len();
    house.confirm(JI, WRONG, "x").refused(404, NOT_FOUND).await;
    assert_eq!(house.events()[before..], ["CodeRefused"]);
    // What could never be a code is no guess and leaves nothing.
    house
        .confirm(JI, "not a code at all", "x")
        .refused(404, NOT_FOUND)
        .await;
    assert_eq!(house.events()[before..], ["CodeRefused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genuine_code_that_is_spent_or_superseded_is_no_guess() {
    let house = House::open_with(|plan| plan.limits.code_tries_per_address_day = 1).await;
    house.resident(JI).await;
    let first = house.recovery(JI).await;
    let second = house.recovery(JI).await;
    for _ in 0..3 {
        house
            .confirm(JI, &first.code, NEW)
            .from(STRANGER)
            .refused(404, NOT_FOUND)
            .await;
    }
    house.confirm(JI, &second.code, NEW).from(STRANGER).ok().await;
    for _ in 0..3 {
        house
            .confirm(JI, &second.code, NEW)
            .from(STRANGER)
            .refused(404, NOT_FOUND)
            .await;
    }
    house
        .confirm(JI, WRONG, NEW)
        .from(STRANGER)
        .refused(404, NOT_FOUND)
        .await;
}
