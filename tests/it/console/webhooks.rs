//! Webhooks in the console: made, tried, changed and removed by forms, the secret shown once.

use std::time::Duration;

use keyledger::desk::WebhookSettings;
use keyledger::outgoing::{Neighbours, Outgoing};
use keyledger::system::tls_client;
use keyledger::types::Span;
use tokio::net::TcpListener;

use super::*;

const PATH: &str = "/admin/system/webhooks";

async fn house() -> House {
    House::with(|plan| {
        plan.desk.webhooks = WebhookSettings {
            outgoing: Outgoing::new(tls_client(None).unwrap(), Neighbours::Allowed),
            time_max: Duration::from_mins(1),
            give_up_after: Span::hours(24),
        };
    })
    .await
}

/// What the form of a webhook sends.
fn fields<'f>(name: &'f str, url: &'f str, events: &'f str, enabled: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![
        ("name", name),
        ("url", url),
        ("events", events),
        ("enabled", enabled),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_made_tried_changed_and_removed_in_the_console() {
    let house = house().await;
    house.appoint(ADA, PASSWORD).await;
    let ada = house.sit_down(ADA, PASSWORD).await;
    let empty = house.page_of(&ada, PATH).await.expect(200).markup();
    assert!(empty.contains("There are no webhooks.") && empty.contains("<code>UserRegistered</code>"));
    // Nobody listens there any more.
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/in", listener.local_addr().unwrap());
    drop(listener);
    let wrong = house.form_of(&ada, PATH, &fields("", "nowhere", "NoSuchEvent", "on"));
    let wrong = wrong.await.expect(400).markup();
    for sentence in [
        "A name has 1 to 100 characters",
        "Write an address such as",
        "One of these is no event",
    ] {
        assert!(wrong.contains(sentence), "{sentence}");
    }
    assert!(wrong.contains("value=\"nowhere\""), "what was typed is kept");
    let made = house.form_of(
        &ada,
        PATH,
        &fields("the shop", &url, "SignedIn\r\nuser_created", "on"),
    );
    let made = made.await.expect(200).markup();
    assert!(made.contains("whsec_"), "shown once");
    let hook = house.desk().webhooks().remove(0);
    let one = format!("{PATH}/{}", hook.id);
    assert!(made.contains(&one));
    let listed = house.page_of(&ada, PATH).await.expect(200).markup();
    assert!(listed.contains("the shop") && listed.contains("SignedIn, user_created"));
    let shown = house.page_of(&ada, &one).await.expect(200).markup();
    assert!(!shown.contains("whsec_") && shown.contains(&url));
    let tried = house.form_of(&ada, &format!("{one}/test"), &[]).await;
    let tried = tried.expect(200).markup();
    assert!(tried.contains("It was not taken:"), "{tried}");
    // Whoever did not see the last change is told so.
    let version = hook.version.to_string();
    let mut change = fields("another", &url, "*", "");
    change.push(("version", &version));
    assert_eq!(
        house.form_of(&ada, &one, &change).await.leads_to(),
        format!("{one}?notice=updated")
    );
    let late = house.form_of(&ada, &one, &change).await.expect(412).markup();
    assert!(late.contains("Somebody else changed this webhook"));
    let listed = house.page_of(&ada, PATH).await.expect(200).markup();
    assert!(listed.contains("another") && listed.contains("Disabled") && listed.contains("<td>All</td>"));
    let secret = house.form_of(&ada, &format!("{one}/secret"), &[]).await;
    assert!(secret.expect(200).markup().contains("whsec_"));
    let removed = house.form_of(&ada, &format!("{one}/remove"), &[]).await;
    assert_eq!(removed.leads_to(), format!("{PATH}?notice=deleted"));
    assert!(house.desk().webhooks().is_empty());
    house.page_of(&ada, &one).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_08_webhooks_are_changed_after_a_fresh_sign_in_only() {
    let house = house().await;
    house.appoint(ADA, PASSWORD).await;
    let ada = house.sit_down(ADA, PASSWORD).await;
    house.advance(Span::minutes(11));
    let fields = [
        ("name", "shop"),
        ("url", "https://hooks.example.org/"),
        ("events", "*"),
    ];
    let asked = house.form_of(&ada, PATH, &fields).await;
    assert_eq!(asked.leads_to(), format!("/account/confirm?next={PATH}"));
    assert!(house.desk().webhooks().is_empty());
}
