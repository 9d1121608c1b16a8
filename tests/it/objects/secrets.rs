//! The password of a stage's own mail server: sealed, masked, kept.

use std::ops::ControlFlow;

use keyledger::desk::BlueprintMode;
use keyledger::domain::Actor;
use keyledger::types::Position;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{details, path};
use crate::support::House;

const CLEAR: &str = "SG.quite-secret";

async fn house() -> House {
    let house = House::start().await;
    let settings = json!({"use_global_settings": false, "host": "smtp.example.org", "password": CLEAR});
    let stage = json!({"name": "own", "kind": "email", "settings": settings});
    house
        .admin_json("POST", "/v1/admin/stages", &stage)
        .await
        .expect(201);
    house
}

fn kept(house: &House) -> Option<String> {
    let flows = house.desk().flows();
    let server = flows.stage("own").unwrap().settings().mail_server().unwrap();
    let secret = house.desk().stage_secret(server.password.as_ref()?)?;
    Some(secret.expose_secret().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn l_02_a_mail_password_is_sealed_in_the_ledger_and_masked_wherever_it_is_shown() {
    let house = house().await;
    let shown = house.admin("GET", &path("stages", "own")).await.expect(200);
    assert_eq!(shown.json["settings"]["password"], "********");
    let everything = [
        String::from_utf8(shown.bytes).unwrap(),
        house.desk().blueprint(),
        format!("{:?}", house.events()),
        format!("{:?}", house.desk().flows()),
    ];
    assert!(everything.iter().all(|text| !text.contains(CLEAR)));
    let mut records: Vec<u8> = vec![];
    house
        .desk()
        .engine()
        .reader()
        .scan(Position(0), &mut |frame| {
            records.extend(frame.records().flatten().copied());
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(!records.windows(CLEAR.len()).any(|part| part == CLEAR.as_bytes()));
    assert_eq!(kept(&house).as_deref(), Some(CLEAR));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mask_keeps_the_secret_and_an_empty_text_forgets_it() {
    let house = house().await;
    let patch = async |password: &str| {
        let body = json!({"settings": {"password": password}});
        house
            .admin_json("PATCH", &path("stages", "own"), &body)
            .await
            .expect(200);
    };
    let before = house.changes().len();
    patch("********").await;
    patch(CLEAR).await;
    assert_eq!(house.changes().len(), before, "the same secret is no change");
    patch("another").await;
    assert_eq!(kept(&house).as_deref(), Some("another"));
    patch("").await;
    assert_eq!(kept(&house), None);
    let body = json!({"settings": {"password": "********"}});
    house
        .admin_json("PATCH", &path("stages", "own"), &body)
        .await
        .expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_blueprint_keeps_the_secrets_that_are_there() {
    let house = house().await;
    let (exported, by) = (house.desk().blueprint(), Actor::Operator);
    let told = house.desk().apply_blueprint(&exported, BlueprintMode::Apply, by);
    assert_eq!(told.await.unwrap(), []);
    assert_eq!(kept(&house).as_deref(), Some(CLEAR));
}

#[tokio::test(flavor = "multi_thread")]
async fn l_02_a_mail_password_is_not_kept_for_a_server_it_was_not_written_for() {
    let house = house().await;
    let own = path("stages", "own");
    let patch = |settings: &Value| house.admin_json("PATCH", &own, &json!({"settings": settings}));
    let remedy = "write the password again: it is kept for the server it was written for";
    for elsewhere in [
        json!({"host": "127.0.0.1", "port": 25525, "use_ssl": false}),
        json!({"host": "127.0.0.1", "password": "********"}),
        json!({"port": 2525}),
        json!({"username": "mallory"}),
        json!({"use_tls": true}),
        json!({"use_ssl": true}),
    ] {
        let refused = patch(&elsewhere).await.expect(400).json;
        assert_eq!(details(&refused), ["settings.password:required"], "{elsewhere}");
        assert_eq!(refused["details"][0]["message"], remedy);
    }
    let blueprint = r#"
        [[stages]]
        name = "own"
        settings = { host = "127.0.0.1", password = "********" }
    "#;
    let applied = house
        .desk()
        .apply_blueprint(blueprint, BlueprintMode::Apply, Actor::Operator);
    let told = format!("{:?}", applied.await.unwrap_err());
    assert!(told.contains(remedy), "{told}");
    let server = |house: &House| {
        let flows = house.desk().flows();
        let stage = flows.stage("own").unwrap();
        stage.settings().mail_server().unwrap().host.clone()
    };
    assert_eq!(server(&house), "smtp.example.org");
    // What says nothing of where it goes keeps it, and so does the same said again.
    patch(&json!({"timeout": 20, "host": "smtp.example.org"}))
        .await
        .expect(200);
    assert_eq!(kept(&house).as_deref(), Some(CLEAR));
    patch(&json!({"host": "smtp.example.com", "password": "another"}))
        .await
        .expect(200);
    assert_eq!(kept(&house).as_deref(), Some("another"));
    patch(&json!({"host": "smtp.example.net", "password": ""}))
        .await
        .expect(200);
    assert_eq!(kept(&house), None);
    patch(&json!({"host": "smtp.example.org"})).await.expect(200);
}
