//! Evidence over REST: for administrators only, bare, and believed elsewhere.

use keyledger::audit::{Expected, Outcome, Proof, verify};
use keyledger::crypto::{Note, VerifierKey};
use keyledger::domain::{Actor, ApiKeyKind, Role};
use keyledger::types::Span;
use secrecy::ExposeSecret;

use super::call::Call;
use super::house::{BO, House, JI, OLD};

impl House {
    /// A call with a secret key.
    pub(super) async fn secret(&self, target: &str) -> Call<'_> {
        let (kind, by) = (ApiKeyKind::Secret, Actor::Operator);
        let made = self
            .desk()
            .create_api_key(kind, "auditor".into(), None, by)
            .await
            .unwrap();
        Call::new(self, "GET", target).header("x-api-key", made.text.expose_secret())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l_03_evidence_is_for_administrators() {
    let house = House::open().await;
    let person = house.resident(JI).await;
    for target in [
        "/v1/audit/events",
        "/v1/audit/state?at=0",
        "/v1/audit/checkpoint",
        "/v1/audit/proof/0",
        "/v1/audit/export",
    ] {
        Call::new(&house, "GET", target)
            .refused(401, "auth/invalid-api-key")
            .await;
        house.get(target).refused(401, "auth/unauthorized").await;
        let own = house.get(target).bearer(&person.access);
        own.refused(403, "user/forbidden").await;
        house.secret(target).await.ok().await;
    }
    let admin = keyledger::desk::NewPerson {
        address: keyledger::types::EmailAddress::parse(BO).unwrap(),
        name: None,
        username: None,
        role: Role::Admin,
        locale: keyledger::types::Locale::En,
    };
    house.desk().create_user(admin, Actor::Operator).await.unwrap();
    let mail = house.recovery(BO).await;
    house.confirm(BO, &mail.secret, OLD).ok().await;
    let tokens = house.sign_in(BO, OLD).ok().await.tokens();
    house
        .get("/v1/audit/checkpoint")
        .bearer(&tokens.access)
        .ok()
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l_01_events_are_listed_bare_and_page_by_page() {
    let house = House::open().await;
    house.resident(JI).await;
    let all = house
        .secret("/v1/audit/events?limit=1000")
        .await
        .ok()
        .await
        .value();
    let items = all["items"].as_array().unwrap();
    assert!(all["success"].is_null(), "bare");
    assert_eq!(items[0]["type"], "EpochStarted");
    let mut paged = vec![];
    let mut after = String::new();
    loop {
        let page = house.secret(&format!("/v1/audit/events?limit=3{after}")).await;
        let page = page.ok().await.value();
        paged.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["position"].clone()),
        );
        let Some(next) = page["next"].as_str() else { break };
        assert!(next.starts_with("1:"), "the cursor says the epoch: {next}");
        after = format!("&after={next}");
        if paged.len() >= items.len() {
            break;
        }
    }
    let positions: Vec<_> = items.iter().map(|item| item["position"].clone()).collect();
    assert_eq!(paged[..positions.len()], positions);
    let user = house.user_id(JI);
    let own = format!("/v1/audit/events?user={user}&type=user_created");
    let own = house.secret(&own).await.ok().await.value();
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    assert_eq!(own["items"][0]["userId"], user.to_string());
    let none = house.secret("/v1/audit/events?to=2020-01-01T00:00:00Z").await;
    assert_eq!(none.ok().await.value()["items"].as_array().unwrap().len(), 0);
    for wrong in [
        "limit=0",
        "limit=1001",
        "after=-1",
        "user=ann",
        "from=yesterday",
        "after=x",
        "after=1:x",
        "after=2:0",
        "after=1:999999",
    ] {
        house
            .secret(&format!("/v1/audit/events?{wrong}"))
            .await
            .refused(400, "common/invalid-parameters")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l_03_checkpoint_proof_and_export_agree_and_are_proven_without_the_server() {
    let house = House::open().await;
    house.resident(JI).await;
    house.secret("/v1/audit/checkpoint").await.ok().await;
    house.wait(Span::seconds(2));
    let answer = house.secret("/v1/audit/checkpoint").await.ok().await;
    let kind = answer.headers.iter().find(|(name, _)| name == "content-type");
    assert_eq!(kind.unwrap().1, "text/plain; charset=utf-8");
    let checkpoint = answer.text().to_owned();
    let signed = house.inner.app().notary().checkpoint().await.unwrap();
    let key: VerifierKey = signed.key.clone();
    Note::parse(&checkpoint).unwrap().verify(&key).unwrap();

    let proof = house.secret("/v1/audit/proof/4").await.ok().await;
    let proof = Proof::parse(proof.text()).unwrap();
    assert_eq!(proof.position.0, 4);
    proof.check(&key).unwrap();
    house
        .secret("/v1/audit/proof/999999")
        .await
        .refused(404, "common/not-found")
        .await;
    house
        .secret("/v1/audit/proof/four")
        .await
        .refused(400, "common/invalid-parameters")
        .await;

    house.wait(Span::seconds(2));
    let export = house.secret("/v1/audit/export").await.ok().await;
    let expected = Expected {
        key: Some(key),
        since: Some(checkpoint),
    };
    let outcome = verify(export.bytes.as_slice(), &expected, &mut |_, _| {});
    assert!(matches!(outcome, Outcome::Proven(_)), "{outcome:?}");
    let canary = JI.as_bytes();
    assert!(!export.bytes.windows(canary.len()).any(|window| window == canary));
    house
        .secret("/v1/audit/export?from=999999")
        .await
        .refused(400, "common/invalid-parameters")
        .await;
}
