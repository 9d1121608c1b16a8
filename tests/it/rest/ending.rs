//! Closing an account, and taking that back.

use keyledger::desk::Desk;
use keyledger::domain::Actor;
use keyledger::types::Span;
use serde_json::json;

use super::house::{House, JI, OLD};

#[tokio::test(flavor = "multi_thread")]
async fn s_03_a_closed_account_is_out_at_once_and_its_mail_takes_it_back() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    house
        .delete("/v1/auth/withdraw")
        .bearer(&tokens.access)
        .ok()
        .await;
    let me = house.get("/v1/auth/me").bearer(&tokens.access);
    me.refused(401, "auth/session-expired").await;
    house
        .refresh(&tokens.refresh)
        .refused(401, "auth/invalid-refresh-token")
        .await;
    house
        .sign_in(JI, OLD)
        .refused(401, "auth/invalid-credentials")
        .await;
    let mail = house.mail("account_closing", JI).await;
    let cancel = |token: &str| house.post("/v1/auth/withdraw/cancel", &json!({"token": token}));
    for wrong in ["", " ", "x", &mail.secret[1..]] {
        cancel(wrong)
            .refused(404, "auth/verification-token-not-found")
            .await;
    }
    cancel(&mail.secret).ok().await;
    house.sign_in(JI, OLD).ok().await;
    cancel(&mail.secret)
        .refused(404, "auth/verification-token-not-found")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_time_a_closing_cannot_be_taken_back() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    house
        .delete("/v1/auth/withdraw")
        .bearer(&tokens.access)
        .ok()
        .await;
    let mail = house.mail("account_closing", JI).await;
    house.wait(Span::hours(72));
    let is_gone = |desk: &Desk| desk.engine().read(|state| state.users.is_empty());
    house.inner.until("the account is erased", is_gone).await;
    house
        .post("/v1/auth/withdraw/cancel", &json!({"token": mail.secret}))
        .refused(404, "auth/verification-token-not-found")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_an_account_that_is_gone_says_so() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let mail = house.recovery(JI).await;
    let id = house.user_id(JI);
    house.desk().erase_user(id, Actor::Operator).await.unwrap();
    let me = house.get("/v1/auth/me").bearer(&tokens.access);
    me.refused(404, "auth/account-not-found").await;
    house
        .refresh(&tokens.refresh)
        .refused(401, "auth/invalid-refresh-token")
        .await;
    house
        .confirm(JI, &mail.secret, OLD)
        .refused(404, "auth/verification-token-not-found")
        .await;
    house
        .sign_in(JI, OLD)
        .refused(401, "auth/invalid-credentials")
        .await;
    house.sign_up(JI).await;
}
