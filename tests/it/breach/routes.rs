//! Where passwords are set: the same lists everywhere, and a running server that takes up a new one.

use keyledger::breach::{LeakSettings, Leaks, Shelf, Source};
use keyledger::domain::Actor;
use keyledger::domain::password_policy::{PasswordPolicy, PasswordPolicySettings};
use serde_json::{Value, json};

use super::import;
use super::ranges::Ranges;
use crate::support::{House, Plan};

const ANN: &str = "ann@example.org";
const WEAK: &str = "auth/weak-password";

/// So many passwords that meet the policy `classic`.
fn meeting(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("Harbor-{n:05}-lamp")).collect()
}

/// A house whose sets lie in a folder.
async fn house(leaks: Leaks) -> House {
    House::with(|plan: &mut Plan| {
        plan.desk.leaks = leaks;
        plan.settings = Box::new(|settings| {
            settings.site.exempt_networks = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
            settings.calls_per_client_minute = 1_000_000;
        });
    })
    .await
}

fn sets_in(shelf: &Shelf) -> Leaks {
    Leaks::open(LeakSettings {
        folder: Some(shelf.folder().to_owned()),
        ..LeakSettings::default()
    })
    .unwrap()
}

async fn sign_up(house: &House, email: &str, password: &str) -> (u16, Value) {
    let body = json!({"email": email, "password": password, "name": "Ann"});
    let reply = house.post("/v1/auth/email/signup", body).await;
    (reply.status, reply.code().into())
}

#[tokio::test(flavor = "multi_thread")]
async fn p_06_after_an_import_3_000_passwords_that_meet_the_policy_are_refused_by_the_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(folder.path().join("breached"));
    let house = house(sets_in(&shelf)).await;
    let listed = meeting(3_000);
    assert_eq!(sign_up(&house, ANN, &listed[0]).await.0, 201, "before the import");
    // One list has each password in lower case, the other as it was typed.
    let lower = listed[..1_500].join("\n").to_lowercase();
    import(&shelf, "lower", Source::Passwords, 0, lower).unwrap();
    import(&shelf, "typed", Source::Passwords, 0, listed[1_500..].join("\n")).unwrap();
    for password in &listed {
        assert_eq!(
            sign_up(&house, "bo@example.org", password).await,
            (400, WEAK.into()),
            "{password}"
        );
    }
    assert_eq!(
        sign_up(&house, "bo@example.org", "Harbor-03000-lamp").await.0,
        201
    );
    shelf.remove(&"lower".parse().unwrap()).unwrap();
    assert_eq!(
        sign_up(&house, "cy@example.org", &listed[1]).await.0,
        201,
        "after the removal"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p_06_r_40_change_and_recovery_refuse_what_was_imported_and_a_damaged_set_refuses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(folder.path().join("breached"));
    let house = house(sets_in(&shelf)).await;
    let session = house.sign_up(ANN, "Quiet-Harbor-19").await;
    import(&shelf, "ours", Source::Passwords, 0, "Loud-Mountain-27").unwrap();
    let change = json!({"currentPassword": "Quiet-Harbor-19", "newPassword": "Loud-Mountain-27"});
    let access = session.json["accessToken"].as_str().unwrap();
    let changed = house
        .post("/v1/auth/password/change", change)
        .bearer(access)
        .await;
    assert_eq!((changed.status, changed.code()), (400, WEAK));
    house.request_reset(ANN).await;
    let mail = house.next_mail_of("password_reset").await;
    let token = mail.token().unwrap();
    let confirmed = house.confirm_reset(ANN, &token, "Loud-Mountain-27").await;
    assert_eq!((confirmed.status, confirmed.code()), (400, WEAK));
    // The set breaks: the built-in list still applies, and nobody is kept from coming back.
    let path = shelf.path(&"ours".parse().unwrap());
    std::fs::write(&path, "broken").unwrap();
    let refused = house.confirm_reset(ANN, &token, "P@ssw0rd").await;
    assert_eq!(refused.code(), WEAK);
    let confirmed = house.confirm_reset(ANN, &token, "Loud-Mountain-27").await;
    assert_eq!(confirmed.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn p_06_readiness_tells_of_a_set_that_cannot_be_asked_until_it_is_imported_anew() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::at(folder.path().join("breached"));
    let house = house(sets_in(&shelf)).await;
    import(&shelf, "ours", Source::Passwords, 0, "Loud-Mountain-27").unwrap();
    let ready = async || house.get("/readyz").await.expect(200).json["data"].clone();
    sign_up(&house, ANN, "Quiet-Harbor-19").await;
    assert_eq!(ready().await, json!({"status": "ready"}));
    std::fs::write(shelf.path(&"ours".parse().unwrap()), "broken").unwrap();
    sign_up(&house, "bo@example.org", "Quiet-Harbor-19").await;
    let told = ready().await;
    assert_eq!(told["status"], "ready");
    let warnings = told["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1);
    let warning = warnings[0].as_str().unwrap();
    assert!(
        warning.contains("leaked passwords") && !warning.contains("ours"),
        "no names for strangers: {warning}"
    );
    shelf.remove(&"ours".parse().unwrap()).unwrap();
    import(&shelf, "ours", Source::Passwords, 0, "Loud-Mountain-27").unwrap();
    assert_eq!(ready().await, json!({"status": "ready"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn p_07_a_sign_up_over_the_limit_of_its_client_asks_no_range_service() {
    let ranges = Ranges::answering("200 OK", "2DC183F740EE76F27B78EB39C8AD972A757:9").await;
    let house = House::with(|plan: &mut Plan| {
        plan.desk.leaks = ranges.client();
        plan.limits.signups_per_client_hour = 1;
    })
    .await;
    let online = PasswordPolicySettings {
        check_have_i_been_pwned: true,
        hibp_url: ranges.url(),
        ..PasswordPolicy::classic().settings().clone()
    };
    let online = PasswordPolicy::checked(online).unwrap();
    house.desk().save_policy(online, Actor::Operator).await.unwrap();
    assert_eq!(sign_up(&house, ANN, "Quiet-Harbor-19").await.0, 201);
    let asked = ranges.asked().len();
    for _ in 0..3 {
        assert_eq!(sign_up(&house, "bo@example.org", "Quiet-Harbor-19").await.0, 429);
    }
    assert_eq!(ranges.asked().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn p_07_a_policy_that_asks_online_refuses_what_the_service_saw_and_goes_on_without_it() {
    let sha1 = "2DC183F740EE76F27B78EB39C8AD972A757:9";
    let ranges = Ranges::answering("200 OK", sha1).await;
    let house = house(ranges.client()).await;
    let online = |url: String| {
        PasswordPolicy::checked(PasswordPolicySettings {
            check_breached: false,
            check_have_i_been_pwned: true,
            hibp_url: url,
            ..PasswordPolicy::classic().settings().clone()
        })
        .unwrap()
    };
    let desk = house.desk();
    desk.save_policy(online(ranges.url()), Actor::Operator)
        .await
        .unwrap();
    assert_eq!(sign_up(&house, ANN, "P@ssw0rd").await, (400, WEAK.into()));
    // What breaks a rule or names no valid proof is refused before anybody is asked.
    assert_eq!(sign_up(&house, ANN, "short").await.0, 400);
    house.confirm_reset(ANN, "none", "Loud-Mountain-27").await;
    assert_eq!(ranges.asked().len(), 1);
    let gone = Ranges::answering("200 OK", sha1).await;
    let url = gone.url();
    drop(gone);
    desk.save_policy(online(url), Actor::Operator).await.unwrap();
    assert_eq!(sign_up(&house, ANN, "Loud-Mountain-27").await.0, 201);
}
