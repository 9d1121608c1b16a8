//! After a restore, a rollback or a theft of keys: what clients see.

use keyledger::domain::{Actor, EpochReason};
use serde_json::json;

use super::house::{House, JI, OLD};

fn begin_epoch(house: &House, reason: EpochReason) {
    house.desk().engine().begin_epoch(reason, vec![]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn law_15_s_16_passwords_work_after_one_mailed_code_and_what_was_issued_is_over() {
    let house = House::open().await;
    house.resident(JI).await;
    let before = house.sign_in(JI, OLD).ok().await.tokens();
    begin_epoch(&house, EpochReason::Restored);
    house
        .get("/v1/auth/me")
        .bearer(&before.access)
        .refused(401, "auth/session-expired")
        .await;
    house
        .refresh(&before.refresh)
        .refused(401, "auth/invalid-refresh-token")
        .await;

    let earlier = house.mails("email_verification", JI).await.len();
    house
        .sign_in(JI, "Wrong-Horse-9-Battery")
        .refused(401, "auth/invalid-credentials")
        .await;
    house
        .sign_in(JI, OLD)
        .refused(403, "auth/email-not-verified")
        .await;
    house.inner.settled().await;
    house
        .sign_in(JI, OLD)
        .refused(403, "auth/email-not-verified")
        .await;
    house.inner.settled().await;
    let mails = house.mails("email_verification", JI).await;
    assert_eq!(mails.len(), earlier + 1, "one code for however many tries");
    let body = json!({ "email": JI, "token": mails.last().unwrap().code });
    house.post("/v1/auth/email/verify/confirm", &body).ok().await;
    house.sign_in(JI, OLD).ok().await;
    house.sign_in(JI, OLD).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn law_15_a_secret_api_key_waits_for_a_persons_word_and_a_publishable_one_goes_on() {
    let house = House::open().await;
    let tokens = house.sign_up(JI).await;
    let secret = house.inner.secret.clone();
    let with_secret = || {
        let call = house.get("/v1/auth/me").without("x-api-key");
        call.header("x-api-key", &secret).bearer(&tokens.access)
    };
    with_secret().ok().await;
    begin_epoch(&house, EpochReason::KeyTheft);
    with_secret().refused(401, "auth/invalid-api-key").await;
    house
        .get("/v1/auth/me")
        .bearer(&tokens.access)
        .refused(401, "auth/session-expired")
        .await;
    let desk = house.inner.desk();
    let waiting = desk.api_keys().into_iter();
    let epoch = desk.engine().read(keyledger::domain::State::epoch);
    let waiting: Vec<_> = waiting
        .filter(|(_, key)| key.awaits_confirmation(epoch))
        .collect();
    assert_eq!(waiting.len(), 1);
    desk.confirm_api_key(waiting[0].0, Actor::Operator).await.unwrap();
    with_secret().refused(401, "auth/session-expired").await;
}
