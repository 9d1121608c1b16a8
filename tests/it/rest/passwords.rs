//! What a new password is held against, on each route alike.

use serde_json::json;

use super::house::{House, JI, NEW, OLD};

const FORMAT: &str = "auth/invalid-password-format";

#[tokio::test(flavor = "multi_thread")]
async fn r_40_confirm_checks_token_then_format_then_sameness_then_leaks_and_spends_nothing() {
    let house = House::open().await;
    house.resident(JI).await;
    let token = house.recovery(JI).await.secret;
    house
        .confirm(JI, "wrong", "a")
        .refused(404, "auth/verification-token-not-found")
        .await;
    let refused = house.confirm(JI, &token, "a").refused(400, FORMAT).await;
    assert_eq!(
        refused.details(),
        "newPassword:length_min newPassword:amount_uppercase newPassword:amount_digits newPassword:amount_symbols"
    );
    let call = house.confirm(JI, &token, "a").header("accept-language", "ko");
    let korean = call.refused(400, FORMAT).await.value();
    assert_eq!(korean["error"]["details"][0]["message"], "8자 이상 입력하세요.");
    house
        .confirm(JI, &token, OLD)
        .refused(400, "auth/same-as-previous-password")
        .await;
    for leaked in ["P@ssw0rd", "P@SSw0rd"] {
        house
            .confirm(JI, &token, leaked)
            .refused(400, "auth/weak-password")
            .await;
    }
    house.confirm(JI, &token, NEW).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_40_sign_up_and_change_have_the_same_rules() {
    let house = House::open().await;
    let sign_up = |password: &str| {
        let body = json!({"email": JI, "password": password, "name": "Ji Woo Kim"});
        house.post("/v1/auth/email/signup", &body)
    };
    assert_eq!(
        sign_up("abcdefgh").refused(400, FORMAT).await.details(),
        "password:amount_uppercase password:amount_digits password:amount_symbols"
    );
    sign_up("P@ssw0rd").refused(400, "auth/weak-password").await;
    let tokens = {
        let answer = sign_up(OLD).send().await;
        answer.assert(201);
        answer.tokens()
    };
    let change = |password: &str| {
        let body = json!({"currentPassword": OLD, "newPassword": password});
        house
            .post("/v1/auth/password/change", &body)
            .bearer(&tokens.access)
    };
    assert_eq!(
        change("ABCDEFG1").refused(400, FORMAT).await.details(),
        "newPassword:amount_lowercase newPassword:amount_symbols"
    );
    change(OLD).refused(400, "auth/same-as-previous-password").await;
    change("P@ssw0rd").refused(400, "auth/weak-password").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_02_every_character_counts_and_too_many_are_refused_before_hashing() {
    let house = House::open().await;
    house.resident(JI).await;
    let long = |length: usize| format!("Aa1!{}", "x".repeat(length - 4));
    let token = house.recovery(JI).await.secret;
    let refused = house.confirm(JI, &token, &long(257)).refused(400, FORMAT).await;
    assert_eq!(refused.details(), "newPassword:length_max");
    house.confirm(JI, &token, &long(8_000)).refused(400, FORMAT).await;
    house.confirm(JI, &token, &long(256)).ok().await;
    house.sign_in(JI, &long(256)).ok().await;
    house
        .sign_in(JI, &long(255))
        .refused(401, "auth/invalid-credentials")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_02_passwords_differ_beyond_72_bytes_and_behind_a_nul() {
    let house = House::open().await;
    let base = format!("Aa1!{}", "x".repeat(68));
    for (n, (right, wrong)) in [
        (format!("{base}y"), vec![base.clone(), format!("{base}z")]),
        (
            "Aa1!한국어 \u{1f511}".to_owned(),
            vec!["Aa1!한국어 \u{1f510}".to_owned()],
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("p{n}@example.org");
        let body = json!({"email": email, "password": right, "name": "Somebody"});
        house
            .post("/v1/auth/email/signup", &body)
            .send()
            .await
            .assert(201);
        house.sign_in(&email, &right).ok().await;
        for wrong in wrong {
            house
                .sign_in(&email, &wrong)
                .refused(401, "auth/invalid-credentials")
                .await;
        }
    }
    let email = "nul@example.org";
    let body = json!({"email": email, "password": "Aa1!zzzz\u{0}one", "name": "Somebody"});
    let answer = house.post("/v1/auth/email/signup", &body).send().await;
    answer.assert(201);
    house.sign_in(email, "Aa1!zzzz\u{0}one").ok().await;
    for wrong in ["Aa1!zzzz\u{0}two", "Aa1!zzzz"] {
        house
            .sign_in(email, wrong)
            .refused(401, "auth/invalid-credentials")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p_01_p_04_the_other_policy_asks_for_length_and_for_nothing_else() {
    let house = House::open_with(|plan| plan.desk.password_policy = "nist".into()).await;
    let sign_up = |email: &str, password: &str| {
        let body = json!({"email": email, "password": password, "name": "Somebody"});
        house.post("/v1/auth/email/signup", &body)
    };
    let refused = sign_up(JI, "Short-but-all4").refused(400, FORMAT).await;
    assert_eq!(refused.details(), "password:length_min");
    sign_up(JI, "quiet harbor with lamps").send().await.assert(201);
}
