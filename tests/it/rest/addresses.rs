//! The caller's addresses over REST, and what their mails say.

use keyledger::desk::Desk;
use keyledger::domain::Actor;
use keyledger::types::{EmailAddress, Span};
use serde_json::{Value, json};

use super::call::{Call, Tokens};
use super::house::{BO, House, JI, NEW, NOBODY, OLD};

/// Another mailbox of Ji's.
const JI_TOO: &str = "ji@example.net";
const NOT_FOUND: &str = "auth/verification-token-not-found";

impl House {
    fn addresses(&self, tokens: &Tokens) -> Call<'_> {
        self.get("/v1/auth/addresses").bearer(&tokens.access)
    }

    fn add_address(&self, tokens: &Tokens, email: &str) -> Call<'_> {
        let body = json!({"email": email, "password": OLD});
        self.post("/v1/auth/addresses", &body).bearer(&tokens.access)
    }

    fn confirm_address(&self, tokens: &Tokens, token: &str) -> Call<'_> {
        self.post("/v1/auth/addresses/confirm", &json!({"token": token}))
            .bearer(&tokens.access)
    }

    fn make_primary(&self, tokens: &Tokens, id: &str) -> Call<'_> {
        self.post(
            &format!("/v1/auth/addresses/{id}/primary"),
            &json!({"password": OLD}),
        )
        .bearer(&tokens.access)
    }

    fn remove_address(&self, tokens: &Tokens, id: &str) -> Call<'_> {
        self.delete(&format!("/v1/auth/addresses/{id}"))
            .json(&json!({"password": OLD}))
            .bearer(&tokens.access)
    }

    /// Adds and confirms one; gives back its id.
    pub(super) async fn add_confirmed(&self, tokens: &Tokens, email: &str) -> String {
        let added = self.add_address(tokens, email).ok().await;
        let stored = EmailAddress::parse(email).unwrap();
        let mail = self.mail("email_verification", stored.as_typed()).await;
        self.confirm_address(tokens, &mail.code).ok().await;
        added.field("id").as_str().unwrap().to_owned()
    }

    /// Addresses, and whether each is the main one.
    async fn shown(&self, tokens: &Tokens) -> Vec<(String, bool, bool)> {
        let items = self.addresses(tokens).ok().await.field("items");
        let shown = |item: &Value| {
            (
                item["email"].as_str().unwrap().to_owned(),
                item["primary"].as_bool().unwrap(),
                item["verifiedAt"].is_string(),
            )
        };
        items.as_array().unwrap().iter().map(shown).collect()
    }
}

fn of(shown: &[(String, bool, bool)]) -> Vec<(&str, bool, bool)> {
    shown
        .iter()
        .map(|(email, is_primary, is_proven)| (email.as_str(), *is_primary, *is_proven))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn r_43_a27_a_further_address_is_one_once_its_mail_came_back_and_the_old_one_is_told() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let added = house.add_address(&tokens, JI_TOO).ok().await;
    assert_eq!(added.field("email"), JI_TOO);
    assert_eq!(added.field("verifiedAt"), Value::Null);
    assert!(added.field("expiresAt").is_string());
    assert_eq!(
        of(&house.shown(&tokens).await),
        [(JI, true, true), (JI_TOO, false, false)]
    );
    // It opens nothing yet.
    house
        .sign_in(JI_TOO, OLD)
        .refused(401, "auth/invalid-credentials")
        .await;
    house.request(JI_TOO).ok().await;
    assert!(house.mails("password_reset", JI_TOO).await.is_empty());
    let mail = house.mail("email_verification", JI_TOO).await;
    assert!(mail.text.contains("/address#t="), "{}", mail.text);
    house
        .confirm_address(&tokens, "ABCDE-FGHJK")
        .refused(404, NOT_FOUND)
        .await;
    house.confirm_address(&tokens, &mail.code).ok().await;
    house
        .confirm_address(&tokens, &mail.code)
        .refused(404, NOT_FOUND)
        .await;
    assert_eq!(
        of(&house.shown(&tokens).await),
        [(JI, true, true), (JI_TOO, false, true)]
    );
    house.sign_in(JI_TOO, OLD).ok().await;
    let told = house.mail("address_changed", JI).await;
    assert!(
        told.text.contains("j…@e…e.net") && !told.disown.is_empty(),
        "{}",
        told.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r_10_r_42_a_recovery_goes_to_the_address_that_was_asked_for_and_every_one_is_told() {
    let mut house = House::open().await;
    let tokens = house.resident(JI).await;
    house.add_confirmed(&tokens, JI_TOO).await;
    // The directory of a new start knows it too.
    house.inner.restart().await;
    let recovery = house.recovery(JI_TOO).await;
    assert!(house.mails("password_reset", JI).await.is_empty());
    house
        .confirm(JI, &recovery.secret, NEW)
        .refused(404, NOT_FOUND)
        .await;
    house.confirm(JI_TOO, &recovery.secret, NEW).ok().await;
    let one = house.mail("password_changed", JI).await;
    let other = house.mail("password_changed", JI_TOO).await;
    assert!(!one.disown.is_empty() && one.disown != other.disown);
    house.sign_in(JI, NEW).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s_08_a31_addresses_are_changed_with_the_password_once_more() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let id = house.add_confirmed(&tokens, JI_TOO).await;
    let wrong = json!({"email": NOBODY, "password": NEW});
    house
        .post("/v1/auth/addresses", &wrong)
        .bearer(&tokens.access)
        .refused(401, "auth/invalid-credentials")
        .await;
    // Who signed in less than ten minutes ago needs none.
    house.wait(Span::minutes(10));
    let none = house
        .post("/v1/auth/addresses", &json!({"email": NOBODY}))
        .bearer(&tokens.access)
        .refused(400, "common/invalid-parameters")
        .await;
    assert_eq!(none.details(), "password:required");
    house
        .post("/v1/auth/addresses", &json!({"email": NOBODY, "password": OLD}))
        .refused(401, "auth/unauthorized")
        .await;
    house
        .delete(&format!("/v1/auth/addresses/{id}"))
        .json(&json!({"password": NEW}))
        .bearer(&tokens.access)
        .refused(401, "auth/invalid-credentials")
        .await;
    house
        .post(
            &format!("/v1/auth/addresses/{id}/primary"),
            &json!({"password": NEW}),
        )
        .bearer(&tokens.access)
        .refused(401, "auth/invalid-credentials")
        .await;
    assert_eq!(house.shown(&tokens).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn m_07_who_has_a_second_factor_shows_it_to_change_addresses() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let app = house.add_app(&tokens).await;
    house.wait(Span::minutes(10));
    house
        .add_address(&tokens, JI_TOO)
        .refused(403, "auth/mfa-required")
        .await;
    let body = json!({"email": JI_TOO, "password": OLD, "code": app.code(&house)});
    house
        .post("/v1/auth/addresses", &body)
        .bearer(&tokens.access)
        .ok()
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_01_r_03_naming_an_address_that_somebody_has_looks_like_naming_one_that_nobody_has() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    house.resident(BO).await;
    let faces = [BO, NOBODY].map(|email| {
        let (house, tokens) = (&house, &tokens);
        async move {
            let added = house.add_address(tokens, email).ok().await;
            let id = added.field("id").as_str().unwrap().to_owned();
            let face = added.face().replace(&id, "ADDRESS").replace(email, "EMAIL");
            let length = added.header("content-length").len();
            (
                face.lines()
                    .filter(|line| !line.starts_with("content-length"))
                    .map(str::to_owned)
                    .collect::<Vec<_>>(),
                length,
            )
        }
    });
    let [known, unknown] = faces;
    assert_eq!(known.await, unknown.await);
    // Whoever reads that mailbox is told, and nobody else.
    house.add_address(&tokens, BO).ok().await;
    let mail = house.mail("email_verification", BO).await;
    house
        .confirm_address(&tokens, "ABCDE-FGHJK")
        .refused(404, NOT_FOUND)
        .await;
    house
        .confirm_address(&tokens, &mail.code)
        .refused(409, "auth/email-already-exists")
        .await;
    assert_eq!(house.shown(&tokens).await.len(), 2);
    house
        .add_address(&tokens, JI)
        .refused(409, "auth/email-already-exists")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_11_an_address_is_added_in_its_one_canonical_form() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    for bad in ["", "ji", "a@b\nBcc:c@d", "ji@example.net,bo@example.net"] {
        house
            .add_address(&tokens, bad)
            .refused(400, "auth/invalid-email")
            .await;
    }
    house
        .add_address(&tokens, "JI@EXAMPLE.ORG")
        .refused(409, "auth/email-already-exists")
        .await;
    house.add_confirmed(&tokens, "Ji@Example.Net").await;
    house.sign_in(JI_TOO, OLD).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_becomes_the_main_one_and_the_old_one_can_go_then() {
    let mut house = House::open().await;
    let tokens = house.resident(JI).await;
    let id = house.add_confirmed(&tokens, JI_TOO).await;
    let first = house.addresses(&tokens).ok().await.field("items")[0]["id"].clone();
    let first = first.as_str().unwrap();
    house
        .remove_address(&tokens, first)
        .refused(409, "auth/primary-address")
        .await;
    house.make_primary(&tokens, &id).ok().await;
    let me = house.get("/v1/auth/me").bearer(&tokens.access).ok().await;
    assert_eq!(me.field("email"), JI_TOO);
    house.remove_address(&tokens, first).ok().await;
    house
        .remove_address(&tokens, first)
        .refused(404, "auth/address-not-found")
        .await;
    house
        .remove_address(&tokens, "nonsense")
        .refused(404, "auth/address-not-found")
        .await;
    assert_eq!(of(&house.shown(&tokens).await), [(JI_TOO, true, true)]);
    // the address that goes is told too.
    let told = house.mails("address_changed", JI).await;
    assert!(told.last().unwrap().text.contains("was removed"));
    house
        .sign_in(JI, OLD)
        .refused(401, "auth/invalid-credentials")
        .await;
    // For 72 hours nobody else gets it; then it is free.
    let sign_up = json!({"email": JI, "password": OLD, "name": "Somebody"});
    house
        .post("/v1/auth/email/signup", &sign_up)
        .refused(409, "auth/email-already-exists")
        .await;
    house.inner.restart().await;
    house
        .post("/v1/auth/email/signup", &sign_up)
        .refused(409, "auth/email-already-exists")
        .await;
    house.wait(Span::hours(73));
    let lapsed = |desk: &Desk| desk.engine().read(|state| state.safeguards.is_empty());
    house.inner.until("what was kept lapses", lapsed).await;
    house.sign_up(JI).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_waits_is_dropped_without_the_password() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let added = house.add_address(&tokens, JI_TOO).ok().await;
    let id = added.field("id").as_str().unwrap().to_owned();
    house
        .delete(&format!("/v1/auth/addresses/{id}"))
        .bearer(&tokens.access)
        .ok()
        .await;
    assert_eq!(house.shown(&tokens).await.len(), 1);
    let mail = house.mails("email_verification", JI_TOO).await;
    if let Some(mail) = mail.last() {
        house
            .confirm_address(&tokens, &mail.code)
            .refused(404, NOT_FOUND)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a26_an_address_that_was_never_verified_brings_no_further_one() {
    let house = House::open().await;
    let tokens = house.sign_up(JI).await;
    house
        .add_address(&tokens, JI_TOO)
        .refused(403, "auth/email-not-verified")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_30_after_a_recovery_by_mail_alone_addresses_and_factors_stay_for_72_hours() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let id = house.add_confirmed(&tokens, JI_TOO).await;
    let recovery = house.recovery(JI).await;
    house.confirm(JI, &recovery.secret, NEW).ok().await;
    let inside = house.sign_in(JI, NEW).ok().await.tokens();
    let held = house
        .delete(&format!("/v1/auth/addresses/{id}"))
        .json(&json!({"password": NEW}))
        .bearer(&inside.access)
        .refused(403, "auth/change-held")
        .await;
    assert_eq!(held.details(), "until:held");
    let until = held.value()["error"]["details"][0]["message"].clone();
    assert_eq!(until, "2027-01-18T08:00:00.000Z");
    house.wait(Span::hours(72));
    let inside = house.sign_in(JI, NEW).ok().await.tokens();
    house
        .delete(&format!("/v1/auth/addresses/{id}"))
        .json(&json!({"password": NEW}))
        .bearer(&inside.access)
        .ok()
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l_11_who_is_erased_frees_every_address_and_leaves_none_to_read() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    house.add_confirmed(&tokens, JI_TOO).await;
    let id = house.user_id(JI);
    house.desk().erase_user(id, Actor::Operator).await.unwrap();
    assert!(house.desk().find_user(JI_TOO).is_none() && house.desk().addresses(id).is_empty());
    house.sign_up(JI_TOO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_42_a_sign_in_from_a_new_place_is_told_to_every_address() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    house.add_confirmed(&tokens, JI_TOO).await;
    house.sign_in(JI, OLD).ok().await;
    assert!(house.mails("new_sign_in", JI).await.is_empty());
    house.sign_in(JI, OLD).from("198.51.100.9").ok().await;
    house.sign_in(JI, OLD).from("198.51.100.9").ok().await;
    for address in [JI, JI_TOO] {
        let told = house.mails("new_sign_in", address).await;
        assert_eq!(told.len(), 1, "{address}");
        assert!(told[0].text.contains("198.51.100.9") && !told[0].disown.is_empty());
    }
}
