use super::*;

async fn house() -> (House, String, String) {
    let house = House::open();
    house.sign_up().await;
    let (secret, code) = house.mailed(Purpose::VerifyEmail, SecretLabel::VerifyEmail);
    (house, secret, code)
}

#[tokio::test]
async fn an_address_is_confirmed_by_link_once() {
    let (house, secret, _) = house().await;
    let form = [("token", &*secret), ("email", OWNER)];
    let seen = house.post("/verify", &form).await;
    assert_eq!(seen.status, 200);
    assert!(seen.has("Your address is confirmed") && !seen.has(&secret));
    let seen = house.post("/verify", &form).await;
    assert!([400, 404].contains(&seen.status), "{}", seen.status);
    let user = house.desk.find_user(OWNER).unwrap();
    assert!(house.desk.profile(user).unwrap().email_verified.is_some());
}

#[tokio::test]
async fn an_address_is_confirmed_by_code() {
    let (house, _, code) = house().await;
    let wrong = house
        .post("/verify", &[("email", OWNER), ("code", "AAAAA-AAAAA")])
        .await;
    assert_eq!(wrong.status, 404);
    assert!(wrong.has("id=\"code-error\"") && wrong.has("value=\"ada@example.org\""));
    let missing = house.post("/verify", &[("email", "ada"), ("code", "")]).await;
    assert_eq!(missing.status, 400);
    assert!(missing.has("id=\"code-error\"") && missing.has("id=\"email-error\""));
    let seen = house
        .post("/verify", &[("email", OWNER), ("code", &code.to_lowercase())])
        .await;
    assert_eq!(seen.status, 200);
}

#[tokio::test]
async fn r_26_a_secret_opens_only_its_own_page() {
    let (house, secret, _) = house().await;
    let recovery = house.recovery().await;
    let recovery = recovery.secret.expose_secret();
    let before = house.events();
    for (path, token) in [
        ("/recover", &*secret),
        ("/verify", recovery),
        ("/not-me", &secret),
        ("/not-me", recovery),
        ("/reopen", &secret),
        ("/reopen", recovery),
    ] {
        let form = [("token", token), ("email", OWNER), ("password", NEW)];
        assert_eq!(house.post(path, &form).await.status, 404, "{path}");
    }
    assert_eq!(house.events(), before);
    assert!(house.opens(OLD).await);
}

#[tokio::test]
async fn r_23_an_old_link_leads_to_a_new_one() {
    let (house, secret, _) = house().await;
    house.clock.advance(Span::hours(24));
    let seen = house
        .post("/verify", &[("token", &*secret), ("email", OWNER)])
        .await;
    assert_eq!(seen.status, 401);
    assert!(seen.has("too old") && seen.has("/verify/request") && seen.has("value=\"ada@example.org\""));
}

#[tokio::test]
async fn r_35_whoever_did_not_sign_up_deletes_the_account() {
    let (house, _, _) = house().await;
    let (secret, _) = house.mailed(Purpose::VerifyEmail, SecretLabel::NotMe);
    let pasted = format!(" {PUBLIC_URL}/verify#n={secret}\n");
    let missing = house
        .post("/not-me", &[("link", "  https://id.example.com/verify ")])
        .await;
    assert_eq!(missing.status, 404);
    let missing = house.post("/not-me", &[("token", ""), ("link", "")]).await;
    assert_eq!(missing.status, 400);
    assert!(missing.has("id=\"link-error\""));
    let seen = house.post("/not-me", &[("link", &*pasted)]).await;
    assert_eq!(seen.status, 200);
    assert!(seen.has("The account is deleted"));
    assert!(house.desk.find_user(OWNER).is_none());
    let again = house.post("/not-me", &[("token", &*secret)]).await;
    assert_eq!(again.status, 404);
    assert!(!again.has("name=\"email\""), "there is no other mail to ask for");
}

#[tokio::test]
async fn an_account_that_was_confirmed_is_not_deleted() {
    let (house, secret, _) = house().await;
    let (not_me, _) = house.mailed(Purpose::VerifyEmail, SecretLabel::NotMe);
    house
        .post("/verify", &[("token", &*secret), ("email", OWNER)])
        .await;
    let seen = house.post("/not-me", &[("token", &*not_me)]).await;
    assert!([400, 404].contains(&seen.status));
    assert!(house.desk.find_user(OWNER).is_some());
}

#[tokio::test]
async fn a_closed_account_is_taken_back_by_its_owner() {
    let house = House::open();
    let tokens = house.sign_up().await;
    let caller = house.desk.authenticate(&tokens.access).unwrap();
    house.desk.withdraw(caller, &visitor()).await.unwrap();
    assert!(!house.opens(OLD).await);
    let (secret, _) = house.mailed(Purpose::Reopen, SecretLabel::Reopen);
    let seen = house.post("/reopen", &[("token", &*secret)]).await;
    assert_eq!(seen.status, 200, "{}", seen.body);
    assert!(seen.has("Your account stays") && !seen.headers.contains_key("set-cookie"));
    assert!(house.opens(OLD).await);
    assert_eq!(house.post("/reopen", &[("token", &*secret)]).await.status, 404);
}
