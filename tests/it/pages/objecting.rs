//! "This was not me", from the mail to the button; and a further address that is confirmed by its link.

use serde_json::json;

use super::*;

const FURTHER: &str = "ada@example.net";

impl House {
    /// Ada, who has confirmed her address; her access token.
    async fn ada(&self) -> String {
        let access = self.sign_up(ADA, OLD).await.text("accessToken");
        let mail = self.next_mail_of("email_verification").await;
        let body = json!({"email": ADA, "token": mail.token().unwrap()});
        self.post("/v1/auth/email/verify/confirm", body).await.expect(200);
        access
    }

    /// Ada has a further address, confirmed by the page behind its link.
    async fn add_further(&self, access: &str) {
        let body = json!({"email": FURTHER, "password": OLD});
        self.post("/v1/auth/addresses", body)
            .bearer(access)
            .await
            .expect(200);
        let mail = self.next_mail_of("email_verification").await;
        assert_eq!(mail.to, [FURTHER]);
        let (path, fragment) = self.behind(&mail.link().unwrap());
        self.page(&path).await.expect(200);
        let listed = self.get("/v1/auth/addresses").bearer(access).await.expect(200);
        assert!(
            listed.json["items"][1]["verifiedAt"].is_null(),
            "R-24: opening confirms nothing"
        );
        let secret = fragment.strip_prefix("t=").unwrap();
        let done = self.submit(&path, &[("token", secret)]).await.expect(200);
        assert!(done.shows("The address is added") && done.header("Set-Cookie").is_none());
        self.submit(&path, &[("token", secret)]).await.expect(404);
        self.next_mail_of("address_changed").await;
    }

    /// Presses the button of a mail's "this was not me".
    async fn object(&self, link: &str) -> Reply {
        let (path, fragment) = self.behind(link);
        assert_eq!(path, "/not-me");
        self.page(&path).await.expect(200);
        let secret = fragment.strip_prefix("n=").unwrap().to_owned();
        self.submit(&path, &[("token", &*secret)]).await
    }

    async fn opens(&self, password: &str) -> bool {
        self.sign_in(ADA, password).await.status == 200
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r_35_r_24_before_a_recovery_is_completed_the_button_voids_its_link() {
    let house = House::start().await;
    house.ada().await;
    house.request_reset(ADA).await.expect(200);
    let mail = house.next_mail_of("password_reset").await;
    let link = mail.not_me_link().unwrap();
    // Whoever only opens the page, with whatever method, changes nothing.
    let (path, _) = house.behind(&link);
    for method in ["GET", "HEAD", "GET"] {
        house.call(method, &path).without("X-API-Key").await.expect(200);
    }
    let done = house.object(&link).await.expect(200);
    assert!(done.shows("That recovery is stopped") && done.header("Set-Cookie").is_none());
    let told = house.next_mail_of("objection_raised").await;
    assert!(told.to == [ADA] && told.not_me_link().is_none());
    house
        .confirm_reset(ADA, &mail.token().unwrap(), NEW)
        .await
        .expect_code(404, "auth/verification-token-not-found");
    assert!(house.opens(OLD).await);
    house.object(&link).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_35_after_a_recovery_the_button_blocks_the_new_password_and_that_mailbox_for_72_hours() {
    let house = House::start().await;
    let access = house.ada().await;
    house.add_further(&access).await;
    house.request_reset(ADA).await.expect(200);
    let asked = house.next_mail_of("password_reset").await;
    house
        .confirm_reset(ADA, &asked.token().unwrap(), NEW)
        .await
        .expect(200);
    let session = house.sign_in(ADA, NEW).await.expect(200).text("accessToken");
    let told = house.next_mail_of("password_changed").await;
    let link = told.not_me_link().unwrap();
    let done = house.object(&link).await.expect(200);
    assert!(done.shows("It is undone") && done.shows("that mailbox alone recovers nothing"));
    let mut told = vec![];
    for _ in 0..2 {
        told.extend(house.next_mail_of("objection_raised").await.to.clone());
    }
    told.sort();
    assert_eq!(told, [FURTHER, ADA], "R-42");
    assert!(!house.opens(NEW).await && !house.opens(OLD).await);
    house.me(&session).await.expect_code(401, "auth/session-expired");
    // The mail that the recovery was asked for with says the same thing, and it has been said.
    house.object(&asked.not_me_link().unwrap()).await.expect(404);
    house.request_reset(ADA).await.expect(200);
    house.request_reset(FURTHER).await.expect(200);
    let mail = house.next_mail_of("password_reset").await;
    assert_eq!(mail.to, [FURTHER]);
    let last = "Kept-and-well-guarded-3";
    house
        .confirm_reset(FURTHER, &mail.token().unwrap(), last)
        .await
        .expect(200);
    assert!(house.opens(last).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_35_over_a_restart_and_in_korean_the_recoverys_own_mail_undoes_it() {
    let mut house = House::start().await;
    house.ada().await;
    house.request_reset(ADA).await.expect(200);
    let asked = house.next_mail_of("password_reset").await;
    house
        .confirm_reset(ADA, &asked.token().unwrap(), NEW)
        .await
        .expect(200);
    let link = asked.not_me_link().unwrap();
    let (_, fragment) = house.behind(&link);
    let secret = fragment.strip_prefix("n=").unwrap().to_owned();
    house.restart().await;
    let done = house
        .submit("/not-me?lang=ko", &[("token", &*secret)])
        .await
        .expect(200);
    assert!(done.shows("되돌렸습니다") && !done.shows(&secret));
    assert!(!house.opens(NEW).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_26_r_35_a_link_of_not_me_is_good_for_nothing_else_and_no_other_link_for_it() {
    let house = House::start().await;
    house.ada().await;
    house.request_reset(ADA).await.expect(200);
    let mail = house.next_mail_of("password_reset").await;
    let not_me = mail.not_me_link().unwrap();
    let (_, secret) = not_me.split_once("#n=").unwrap();
    house
        .confirm_reset(ADA, secret, NEW)
        .await
        .expect_code(404, "auth/verification-token-not-found");
    house
        .submit("/not-me", &[("token", &*mail.token().unwrap())])
        .await
        .expect(404);
    let foreign = house
        .call("POST", "/not-me")
        .without("X-API-Key")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Origin", "https://evil.example")
        .body(format!("token={secret}").into_bytes());
    foreign.await.expect(403);
    assert!(house.opens(OLD).await);
    house
        .confirm_reset(ADA, &mail.token().unwrap(), NEW)
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a27_r_44_whoever_gets_the_notice_of_a_new_address_takes_it_away_again() {
    let house = House::start().await;
    let access = house.ada().await;
    let body = json!({"email": FURTHER, "password": OLD});
    house
        .post("/v1/auth/addresses", body)
        .bearer(&access)
        .await
        .expect(200);
    let mail = house.next_mail_of("email_verification").await;
    let (path, fragment) = house.behind(&mail.link().unwrap());
    house
        .submit(&path, &[("token", fragment.strip_prefix("t=").unwrap())])
        .await
        .expect(200);
    let told = house.next_mail_of("address_changed").await;
    assert_eq!(told.to, [ADA]);
    house.object(&told.not_me_link().unwrap()).await.expect(200);
    assert!(!house.opens(OLD).await);
    house.me(&access).await.expect_code(401, "auth/session-expired");
    house.request_reset(FURTHER).await.expect(200);
    house.request_reset(ADA).await.expect(200);
    let mail = house.next_mail_of("password_reset").await;
    assert_eq!(mail.to, [ADA], "the address that was added recovers nothing");
    house
        .confirm_reset(ADA, &mail.token().unwrap(), NEW)
        .await
        .expect(200);
    assert!(house.opens(NEW).await);
}
