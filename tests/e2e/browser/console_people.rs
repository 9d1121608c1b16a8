//! An administrator looks after people at a browser: invites one, watches her come in, shows her a way back, keeps her out,
//! and erases her; and finds all of it told.

use keyledger::types::UserId;

use super::*;

const EVE: &str = "eve@example.org";

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_invited_watched_let_back_in_kept_out_and_erased() {
    let house = House::start().await;
    house.appoint(ADA, OLD).await;
    let admin = Chromium::start("en", Scripts::On).await;
    house.seat(&admin).await;
    admin.open(&house.at("/admin")).await;

    // She is invited, and nobody chooses a password for her.
    admin.follow("Users").await;
    admin.follow("Create").await;
    admin.write("E-mail address", EVE).await;
    admin.write("Name", "Eve").await;
    admin.press("Create").await;
    admin.reads("Created.").await;
    admin.reads("Not set").await;
    let mail = house.next_mail_of("invitation").await;
    assert_eq!(mail.to, [EVE]);

    // What happens is to be seen as it happens.
    admin.open(&house.at("/admin/events/live")).await;
    admin.reads("Listening.").await;
    let guest = Chromium::start("en", Scripts::On).await;
    guest.open(&mail.link().unwrap()).await;
    guest.reads("You are invited.").await;
    guest.fill("#password", OLD).await;
    if guest.sees("#repeat").await {
        guest.fill("#repeat", OLD).await;
    }
    guest.press("Create my account").await;
    guest.reads("Your account is ready").await;
    admin.reads("InvitationAccepted").await;
    house.sign_in(EVE, OLD).await.expect(200);
    admin.reads("SignedIn").await;
    guest.quit().await;

    // She is found by the beginning of her name, and what happened is told on her page.
    admin.open(&house.at("/admin/users")).await;
    admin.fill("#q", "ev").await;
    admin.press("Search").await;
    admin.follow(EVE).await;
    admin.reads("signed in").await;
    let eve: UserId = house.desk().find_user(EVE).unwrap();
    admin.arrives(&eve.to_string()).await;

    // A way back in is shown once.
    admin.press("Show a link and code once").await;
    admin.reads("This is shown once.").await;
    let shown = admin.text().await;
    let link = shown.split_whitespace().find(|word| word.contains("/recover#t="));
    let link = link.expect("the link to hand over").to_owned();
    assert_eq!(house.next_mail_of("admin_recovery").await.to, [EVE]);
    admin.follow("Back to the user").await;
    assert!(!admin.text().await.contains(&link));

    // She is kept out, and let in again.
    admin.click("details:has(form[action$='/ban']) summary").await;
    admin.press("Yes, suspend").await;
    admin.reads("Suspended: nobody gets in").await;
    house
        .sign_in(EVE, OLD)
        .await
        .expect_code(403, "auth/account-banned");
    admin.press("Let in again").await;
    admin.reads("Let in again.").await;

    // She is erased by whoever types her address.
    admin.fill("#erase", "somebody@example.org").await;
    admin.press("Erase").await;
    admin.reads("Nothing was erased").await;
    admin.fill("#erase", EVE).await;
    admin.press("Erase").await;
    admin.reads("Deleted.").await;
    assert!(house.desk().find_user(EVE).is_none());

    // All of it stays told, and is proven.
    admin.open(&house.at(&format!("/admin/events?user={eve}"))).await;
    for name in [
        "UserErased",
        "UserUnbanned",
        "UserBanned",
        "UserInvited",
        "UserRegistered",
    ] {
        admin.reads(name).await;
    }
    admin.press("Verify the ledger").await;
    admin.reads("Sound").await;
    admin.quit().await;
}
