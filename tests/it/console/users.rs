//! Users over the API: who may see and do what to whom.

use keyledger::types::UserId;
use serde_json::{Value, json};

use super::*;

const CY: &str = "cy@example.net";

/// A call with the secret key.
pub(super) fn by_key(house: &House, method: &str, target: &str) -> Call {
    house.call(method, target).header("X-API-Key", &house.secret)
}

pub(super) async fn token(house: &House, email: &str) -> String {
    house
        .sign_in(email, PASSWORD)
        .await
        .expect(200)
        .text("accessToken")
}

pub(super) async fn id_of(house: &House, token: &str) -> String {
    house.me(token).await.expect(200).text("id")
}

/// Ada, an administrator; Ben, a user; and their access tokens.
pub(super) async fn two(house: &House) -> (String, String) {
    house.appoint(ADA, PASSWORD).await;
    house.advance(keyledger::types::Span::seconds(1));
    house.sign_up(BEN, PASSWORD).await;
    (token(house, ADA).await, token(house, BEN).await)
}

fn emails(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["email"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a28_a_user_sees_and_changes_themself_and_nobody_else() {
    let house = House::start().await;
    let (ada, ben) = two(&house).await;
    let (ada_id, ben_id) = (id_of(&house, &ada).await, id_of(&house, &ben).await);
    let nobody = UserId([7; 16]).to_string();
    for target in [&ada_id, &nobody] {
        for path in [
            format!("/v1/users/{target}"),
            format!("/v1/users/{target}/profile"),
        ] {
            let seen = house.get(&path).bearer(&ben).await;
            seen.expect_code(403, "user/forbidden");
            let changed = house
                .call("PATCH", &path)
                .bearer(&ben)
                .json(&json!({ "name": "Mallory" }));
            changed.await.expect_code(403, "user/forbidden");
        }
        let removed = house.delete(&format!("/v1/users/{target}")).bearer(&ben);
        removed.await.expect_code(403, "user/forbidden");
    }
    house
        .get("/v1/users")
        .bearer(&ben)
        .await
        .expect_code(403, "user/forbidden");
    let own = format!("/v1/users/{ben_id}");
    let role = house.call("PATCH", &format!("{own}/role")).bearer(&ben);
    role.json(&json!({ "role": "admin" }))
        .await
        .expect_code(403, "user/forbidden");
    house.get(&own).await.expect_code(401, "user/unauthorized");
    let all = json!({
        "name": "Ben Bright", "locale": "ko", "role": "admin", "emailVerified": "2020-01-01T00:00:00Z",
        "email": "other@example.org", "password": "x", "hasPassword": false, "standing": "active", "id": ada_id,
        "verifier": "$argon2id$", "mfa": [], "createdAt": "2000-01-01T00:00:00Z",
    });
    let changed = house
        .call("PATCH", &own)
        .bearer(&ben)
        .json(&all)
        .await
        .expect(200);
    let seen = &changed.json;
    assert_eq!(
        (&seen["name"], &seen["locale"]),
        (&json!("Ben Bright"), &json!("ko"))
    );
    assert_eq!((&seen["role"], &seen["email"]), (&json!("user"), &json!(BEN)));
    assert_eq!(
        (&seen["id"], &seen["emailVerified"]),
        (&json!(ben_id), &Value::Null)
    );
    house.sign_in(BEN, PASSWORD).await.expect(200);
    // Each alone leaves the other as it is.
    let profile = format!("{own}/profile");
    let named = house
        .call("PATCH", &profile)
        .bearer(&ben)
        .json(&json!({ "name": "Ben" }));
    assert_eq!(named.await.expect(200).text("locale"), "ko");
    let bad = house
        .call("PATCH", &profile)
        .bearer(&ben)
        .json(&json!({ "name": "" }));
    bad.await.expect_code(400, "user/invalid-name");
    assert_eq!(
        house.get(&profile).bearer(&ben).await.expect(200).text("name"),
        "Ben"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_deletes_themself_can_come_back_and_an_administrator_erases_for_good() {
    let house = House::start().await;
    let (ada, ben) = two(&house).await;
    let (ada_id, ben_id) = (id_of(&house, &ada).await, id_of(&house, &ben).await);
    let own = format!("/v1/users/{ben_id}");
    house.delete(&own).bearer(&ben).await.expect(200);
    let seen = house.get(&own).bearer(&ada).await.expect(200);
    assert_eq!(seen.text("standing"), "closing");
    assert!(house.event_names().contains(&"WithdrawRequested"));
    // Not even an administrator is gone at once by a slip.
    let ada_again = format!("/v1/users/{ada_id}");
    house.delete(&own).bearer(&ada).await.expect(200);
    house
        .get(&own)
        .bearer(&ada)
        .await
        .expect_code(404, "user/not-found");
    house
        .delete(&own)
        .bearer(&ada)
        .await
        .expect_code(404, "user/not-found");
    assert!(house.event_names().contains(&"UserErased"));
    house.delete(&ada_again).bearer(&ada).await.expect(200);
    let seen = by_key(&house, "GET", &ada_again).await.expect(200);
    assert_eq!(seen.text("standing"), "closing");
}

#[tokio::test(flavor = "multi_thread")]
async fn r_46_an_administrator_registers_and_invites_and_never_sets_a_password() {
    let house = House::start().await;
    let (ada, _) = two(&house).await;
    let make = |body: Value| house.post("/v1/users", body).bearer(&ada);
    let refused = make(json!({ "email": CY, "password": "Hunter-2-hunter" })).await;
    refused.expect_code(400, "common/invalid-parameters");
    make(json!({ "email": "nonsense" }))
        .await
        .expect_code(400, "auth/invalid-email");
    make(json!({ "email": CY, "role": "root" }))
        .await
        .expect_code(400, "user/invalid-role");
    make(json!({ "email": CY, "name": "\u{7}" }))
        .await
        .expect_code(400, "user/invalid-name");
    let made = make(json!({ "email": CY, "name": "Cy", "role": "guest", "locale": "ko", "invite": true }));
    let made = made.await.expect(201);
    assert_eq!(
        (made.text("role"), made.text("locale")),
        ("guest".into(), "ko".into())
    );
    assert_eq!(made.json["hasPassword"], false);
    make(json!({ "email": "CY@example.net" }))
        .await
        .expect_code(409, "auth/email-already-exists");
    let mail = house.next_mail_of("invitation").await;
    assert_eq!(mail.to, [CY]);
    let accepted = json!({ "token": mail.token().unwrap(), "newPassword": PASSWORD });
    house
        .post("/v1/auth/invitations/accept", accepted)
        .await
        .expect(200);
    let me = house.me(&token(&house, CY).await).await.expect(200);
    assert!(
        me.json["emailVerified"].is_string(),
        "what was mailed proves the mailbox"
    );
    let names = house.event_names();
    assert!(names.contains(&"UserInvited"), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_counts_from_the_next_request_on() {
    let house = House::start().await;
    let (ada, ben) = two(&house).await;
    let (ada_id, ben_id) = (id_of(&house, &ada).await, id_of(&house, &ben).await);
    let role = |id: &str, by: &str, role: &str| {
        let call = house.call("PATCH", &format!("/v1/users/{id}/role")).bearer(by);
        call.json(&json!({ "role": role }))
    };
    role(&ben_id, &ada, "king")
        .await
        .expect_code(400, "user/invalid-role");
    assert_eq!(
        role(&ben_id, &ada, "admin").await.expect(200).text("role"),
        "admin"
    );
    house.get("/v1/users").bearer(&ben).await.expect(200);
    // Nobody makes themself less by a slip, and no key takes an administrator's role away.
    role(&ben_id, &ben, "user")
        .await
        .expect_code(403, "user/forbidden");
    let by_key = by_key(&house, "PATCH", &format!("/v1/users/{ben_id}/role"));
    by_key
        .json(&json!({ "role": "user" }))
        .await
        .expect_code(403, "user/forbidden");
    role(&ada_id, &ben, "user").await.expect(200);
    house
        .get("/v1/users")
        .bearer(&ada)
        .await
        .expect_code(403, "user/forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_update_is_refused_with_412() {
    let house = House::start().await;
    let (ada, ben) = two(&house).await;
    let own = format!("/v1/users/{}", id_of(&house, &ben).await);
    let seen = house.get(&own).bearer(&ada).await.expect(200);
    let version = seen.header("etag").unwrap().to_owned();
    house.advance(keyledger::types::Span::seconds(1));
    let change = |version: &str, name: &str| {
        let call = house.call("PATCH", &own).bearer(&ada).header("If-Match", version);
        call.json(&json!({ "name": name }))
    };
    let changed = change(&version, "First").await.expect(200);
    assert_ne!(changed.header("etag").unwrap(), version);
    change(&version, "Second")
        .await
        .expect_code(412, "common/changed");
    change("*", "Third").await.expect(200);
    change("W/\"x\"", "Fourth")
        .await
        .expect_code(400, "common/invalid-parameters");
    let role = house.call("PATCH", &format!("{own}/role")).bearer(&ada);
    let role = role
        .header("If-Match", &version)
        .json(&json!({ "role": "guest" }));
    role.await.expect_code(412, "common/changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_found_by_address_name_and_id_and_listed_in_an_order() {
    let house = House::start().await;
    let (ada, ben) = two(&house).await;
    let ben_id = id_of(&house, &ben).await;
    for (email, name, username) in [
        ("cora@example.net", Some("Zoe"), Some("cora.k")),
        ("Carl@example.net", Some("Yan"), None),
        ("dan@example.net", None, None),
    ] {
        house.advance(keyledger::types::Span::seconds(1));
        let body = json!({ "email": email, "name": name, "username": username });
        house.post("/v1/users", body).bearer(&ada).await.expect(201);
    }
    let list = async |query: &str| {
        let call = house.get(&format!("/v1/users?{query}")).bearer(&ada);
        call.await.expect(200).json
    };
    let all = list("").await;
    assert_eq!(
        emails(&all),
        [
            ADA,
            BEN,
            "cora@example.net",
            "Carl@example.net",
            "dan@example.net"
        ]
    );
    assert_eq!(all["pagination"]["total"], 5);
    let second = list("page=2&limit=2&sortBy=createdAt&sortDirection=desc").await;
    assert_eq!(emails(&second), ["cora@example.net", BEN]);
    assert_eq!(second["pagination"]["totalPages"], 3);
    assert_eq!(
        emails(&list("sortBy=email&limit=3").await),
        [ADA, BEN, "Carl@example.net"]
    );
    assert_eq!(
        emails(&list("search=C").await),
        ["Carl@example.net", "cora@example.net"]
    );
    assert_eq!(
        emails(&list("search=c&sortBy=createdAt").await),
        ["cora@example.net", "Carl@example.net"]
    );
    assert_eq!(
        emails(&list("search=carl%40example.NET").await),
        ["Carl@example.net"]
    );
    assert_eq!(
        emails(&list("search=carl%40exa&searchType=email").await),
        ["Carl@example.net"]
    );
    assert_eq!(emails(&list("search=zo").await), ["cora@example.net"]);
    assert_eq!(emails(&list("search=zo&searchType=email").await), [""; 0]);
    assert_eq!(
        emails(&list("search=cora.k&searchType=username").await),
        ["cora@example.net"]
    );
    assert_eq!(emails(&list(&format!("search={ben_id}")).await), [BEN]);
    assert_eq!(emails(&list("search=nobody%40example.org").await), [""; 0]);
    // What changes later is found as it is now.
    let own = format!("/v1/users/{ben_id}");
    let renamed = house
        .call("PATCH", &own)
        .bearer(&ada)
        .json(&json!({ "name": "Quentin" }));
    renamed.await.expect(200);
    assert_eq!(emails(&list("search=quen&searchType=name").await), [BEN]);
    assert_eq!(emails(&list("search=Ada+Love&searchType=name").await), [""; 0]);
    house.delete(&own).bearer(&ada).await.expect(200);
    assert_eq!(emails(&list("search=quen&searchType=name").await), [""; 0]);
    assert_eq!(list("").await["pagination"]["total"], 4);
    for wrong in [
        "sortBy=password",
        "sortDirection=up",
        "searchType=hash&search=x",
        "page=0",
        "limit=101",
    ] {
        let call = house.get(&format!("/v1/users?{wrong}")).bearer(&ada);
        call.await.expect_code(400, "common/invalid-parameters");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_secret_key_learns_whether_an_address_has_an_account() {
    let house = House::start().await;
    let (ada, _) = two(&house).await;
    let body =
        |account: &str| json!({ "type": "credentials", "provider": "email", "providerAccountId": account });
    let path = "/v1/auth/accounts/check";
    for (account, exists) in [(BEN, true), ("BEN@example.org", true), (CY, false)] {
        let told = by_key(&house, "POST", path)
            .json(&body(account))
            .await
            .expect(200);
        assert_eq!(told.json["exists"], exists, "{account}");
    }
    house
        .post(path, body(BEN))
        .await
        .expect_code(401, "user/unauthorized");
    house
        .post(path, body(BEN))
        .bearer(&ada)
        .await
        .expect_code(403, "user/forbidden");
    by_key(&house, "POST", path)
        .json(&json!({ "provider": "google", "providerAccountId": BEN }))
        .await
        .expect_code(400, "common/invalid-parameters");
}
