use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_mailed_link_confirms_the_address_by_its_button() {
    let house = House::start().await;
    let access = house
        .sign_up("ada+list@example.org", OLD)
        .await
        .text("accessToken");
    let mail = house.next_mail_of("email_verification").await;
    let (path, fragment) = house.behind(&mail.link().unwrap());
    house.page(&path).await.expect(200);
    let (token, email) = fragment.strip_prefix("t=").unwrap().split_once("&e=").unwrap();
    let email = decoded(email);
    assert_eq!(email, "ada+list@example.org");
    let verified = async || house.me(&access).await.expect(200).json["emailVerified"].is_string();
    assert!(!verified().await, "opening the page confirms nothing (R-24)");
    let done = house
        .submit(&path, &[("token", token), ("email", &*email)])
        .await
        .expect(200);
    assert!(done.shows("Your address is confirmed") && done.header("Set-Cookie").is_none());
    assert!(verified().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript_the_address_is_confirmed_by_its_code() {
    let house = House::start().await;
    let access = house.sign_up(ADA, OLD).await.text("accessToken");
    house.next_mail_of("email_verification").await;
    house
        .submit("/verify/request", &[("email", ADA)])
        .await
        .expect(200);
    let mail = house.next_mail_of("email_verification").await;
    let code = mail.code().unwrap();
    let wrong = house
        .submit("/verify", &[("email", ADA), ("code", "AAAAA-AAAAA")])
        .await
        .expect(404);
    assert!(wrong.shows("id=\"code-error\""));
    house
        .submit("/verify", &[("email", ADA), ("code", &*code)])
        .await
        .expect(200);
    assert!(house.me(&access).await.json["emailVerified"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn r_35_whoever_never_signed_up_deletes_the_account_from_the_mail() {
    let house = House::start().await;
    let access = house.sign_up(ADA, OLD).await.text("accessToken");
    let mail = house.next_mail_of("email_verification").await;
    let link = mail.not_me_link().unwrap();
    let (path, fragment) = house.behind(&link);
    let secret = fragment.strip_prefix("n=").unwrap();
    assert_eq!(path, "/not-me");
    house.page(&path).await.expect(200);
    house.me(&access).await.expect(200);
    // The script sends the secret; without it, a person pastes the whole link.
    let done = house.submit("/not-me", &[("link", &*link)]).await.expect(200);
    assert!(done.shows("The account is deleted") && !done.shows(secret));
    house
        .sign_in(ADA, OLD)
        .await
        .expect_code(401, "auth/invalid-credentials");
    house.submit("/not-me", &[("token", secret)]).await.expect(404);
    house.sign_up(ADA, NEW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_account_is_taken_back_from_the_mail() {
    let house = House::start().await;
    let access = house.sign_up(ADA, OLD).await.text("accessToken");
    house
        .delete("/v1/auth/withdraw")
        .bearer(&access)
        .await
        .expect(200);
    let mail = house.next_mail_of("account_closing").await;
    let (path, fragment) = house.behind(&mail.link().unwrap());
    house.page(&path).await.expect(200);
    house
        .sign_in(ADA, OLD)
        .await
        .expect_code(401, "auth/invalid-credentials");
    let secret = fragment.strip_prefix("t=").unwrap();
    let done = house.submit(&path, &[("token", secret)]).await.expect(200);
    assert!(done.shows("Your account stays") && done.header("Set-Cookie").is_none());
    house.me(&access).await.expect_code(401, "auth/session-expired");
    house.sign_in(ADA, OLD).await.expect(200);
}
