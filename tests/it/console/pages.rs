//! The console's pages about users, events and the house, as an administrator's browser sees them.

use keyledger::desk::EventFilter;
use keyledger::domain::ApiKeyKind;
use keyledger::http::site::SettingShown;
use keyledger::types::{Span, UserId};
use serde_json::json;

use super::*;

const CY: &str = "cy@example.net";

/// The id of a user.
fn id_of(house: &House, email: &str) -> UserId {
    house.desk().find_user(email).unwrap()
}

/// A house with Ada, an administrator at her browser, and Ben.
async fn manned() -> (House, crate::support::Seat) {
    let house = House::start().await;
    house.appoint(ADA, PASSWORD).await;
    house.advance(Span::seconds(1));
    house.sign_up(BEN, PASSWORD).await;
    let seat = house.sit_down(ADA, PASSWORD).await;
    (house, seat)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_users_events_and_the_house_shows_in_both_languages() {
    let (house, seat) = manned().await;
    let person = format!("/admin/users/{}", id_of(&house, BEN));
    for path in [
        "/admin",
        "/admin/users",
        "/admin/users/new",
        "/admin/users/invitations",
        &person,
        "/admin/events",
        "/admin/events/0",
        "/admin/events/live",
        "/admin/system",
        "/admin/system/outbox",
        "/admin/system/templates",
        "/admin/system/templates/password_reset/ko",
        "/admin/system/keys",
        "/admin/system/webhooks",
        "/admin/system/configuration",
    ] {
        for (language, word) in [("en", "Events"), ("ko", "이벤트")] {
            let page = house.page_of(&seat, &format!("{path}?lang={language}")).await;
            let page = page.expect(200).markup();
            assert!(
                page.contains(word) && page.contains("</html>"),
                "{path} {language}"
            );
            // The policy of the pages would not run or show it.
            assert!(!page.contains(" style=") && !page.contains(" onclick"), "{path}");
        }
    }
    let html = house
        .page_of(&seat, "/admin/system/templates/password_reset/en/html")
        .await;
    let policy = html
        .expect(200)
        .header("content-security-policy")
        .unwrap()
        .to_owned();
    assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"));
    for nothing in [
        "/admin/users/nonsense",
        "/admin/users/07070707-0707-0707-0707-070707070707",
        "/admin/events/999999",
        "/admin/system/templates/nothing/en",
    ] {
        house.page_of(&seat, nothing).await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_searched_and_made_and_invited() {
    let (house, seat) = manned().await;
    let all = house.page_of(&seat, "/admin/users").await.expect(200).markup();
    assert!(all.contains(ADA) && all.contains(BEN) && all.contains("Users found: 2"));
    let found = house
        .page_of(&seat, "/admin/users?q=be")
        .await
        .expect(200)
        .markup();
    assert!(found.contains(BEN) && !found.contains(&format!(">{ADA}<")));
    let wrong = [("email", "nonsense"), ("role", "user"), ("language", "en")];
    let wrong = house.form_of(&seat, "/admin/users/new", &wrong).await.expect(400);
    assert!(wrong.markup().contains("not a valid e-mail address"));
    let taken = [("email", BEN), ("role", "user"), ("language", "en")];
    house.form_of(&seat, "/admin/users/new", &taken).await.expect(409);
    let new = [
        ("email", CY),
        ("name", "Cy <b>Bold</b>"),
        ("username", "cy.k"),
        ("role", "guest"),
        ("language", "ko"),
        ("invite", "on"),
        ("password", "Chosen-by-4-other"),
    ];
    let made = house.form_of(&seat, "/admin/users/new", &new).await;
    let path = made.leads_to().split('?').next().unwrap().to_owned();
    let page = house
        .page_of(&seat, &format!("{path}?notice=created"))
        .await
        .expect(200);
    let page = page.markup();
    assert!(page.contains("Created.") && page.contains("Cy &lt;b&gt;Bold&lt;/b&gt;"));
    assert!(page.contains("Not set"), "nobody chose a password for them");
    assert_eq!(house.next_mail_of("invitation").await.to, [CY]);
    let invitations = house.page_of(&seat, "/admin/users/invitations").await.expect(200);
    assert!(invitations.markup().contains(CY) && invitations.markup().contains("Mail another link"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_grave_takes_a_second_step() {
    let (house, seat) = manned().await;
    house.sign_in(BEN, PASSWORD).await.expect(200);
    let person = format!("/admin/users/{}", id_of(&house, BEN));
    for (path, act, sure) in [
        (person.as_str(), "/ban\"", "Yes, suspend"),
        (&person, "/password\"", "Yes, take it away"),
        (&person, "/sessions\"", "Yes, end all"),
        ("/admin/system/keys", "/keys/revoke", "Yes, revoke it"),
    ] {
        let page = house.page_of(&seat, path).await.expect(200).markup();
        let folded = page
            .split("<details class=\"danger\">")
            .skip(1)
            .filter_map(|part| part.split("</details>").next());
        let mut folded = folded.filter(|part| part.contains(act) && part.contains(sure));
        assert!(folded.next().is_some(), "{act} acts at one click: {page}");
    }
    let page = house.page_of(&seat, &person).await.expect(200).markup();
    assert!(!page.contains("here too"), "nobody else is signed out here");
}

#[tokio::test(flavor = "multi_thread")]
async fn s_08_what_is_done_to_others_asks_for_a_fresh_sign_in_and_a_genuine_form() {
    let (house, mut seat) = manned().await;
    let person = format!("/admin/users/{}", id_of(&house, BEN));
    let fresh = std::mem::replace(&mut seat.form, "0".repeat(64));
    let forged = house.form_of(&seat, &format!("{person}/ban"), &[]).await;
    assert_eq!(forged.status, 403, "{}", forged.markup());
    seat.form = fresh;
    house.advance(Span::minutes(11));
    for (act, fields) in [
        ("ban", vec![]),
        ("recovery", vec![]),
        ("factors", vec![("kind", "totp")]),
        ("erase", vec![("email", BEN)]),
        ("role", vec![("role", "admin")]),
    ] {
        let asked = house.form_of(&seat, &format!("{person}/{act}"), &fields).await;
        assert_eq!(
            asked.leads_to(),
            format!("/account/confirm?next={person}"),
            "{act}"
        );
    }
    let keys = house
        .form_of(&seat, "/admin/system/keys", &[("kind", "secret")])
        .await;
    assert_eq!(keys.leads_to(), "/account/confirm?next=/admin/system/keys");
    let names = house.event_names();
    assert!(!names.contains(&"UserBanned") && !names.contains(&"UserErased"));
    // To look is free.
    house.page_of(&seat, &person).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_08_a_mail_is_sent_and_tried_again_after_a_fresh_sign_in_and_to_verify_is_to_read() {
    let (house, seat) = manned().await;
    house.advance(Span::minutes(11));
    for (path, fields, back) in [
        ("/admin/system/mail", [("to", BEN)], "/admin/system"),
        (
            "/admin/system/outbox/retry",
            [("mail", "00000000-0000-0000-0000-000000000000")],
            "/admin/system/outbox",
        ),
    ] {
        let asked = house.form_of(&seat, path, &fields).await;
        assert_eq!(asked.leads_to(), format!("/account/confirm?next={back}"));
    }
    let verified = house.form_of(&seat, "/admin/events/verify", &[]).await;
    assert!(!verified.leads_to().starts_with("/account/confirm"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_says_where_it_belongs_and_leads_over_to_the_account_and_back() {
    let (house, seat) = manned().await;
    for (path, section) in [
        ("/admin/create/flow", "/admin/flows"),
        ("/admin/create/stage", "/admin/stages"),
        ("/admin/create/policy", "/admin/policies"),
        ("/admin/users/new", "/admin/users"),
    ] {
        let page = house.page_of(&seat, path).await.expect(200).markup();
        let here = format!("<a href=\"{section}\" aria-current=\"page\">");
        assert!(page.contains(&here), "{path}: {page}");
        assert!(page.contains("<a href=\"/account\">Your account</a>"), "{path}");
    }
    // The listener for everybody knows nothing of a console (L-07).
    let own = house.page_of(&seat, "/account").await.expect(200).markup();
    assert!(!own.contains("/admin"), "{own}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_setting_is_told_in_korean() {
    let (mut house, _) = manned().await;
    house.change_settings(|settings| {
        let shown = |setting: &keyledger::config::Setting| SettingShown {
            name: setting.name,
            value: String::new(),
            origin: "default".to_owned(),
            doc: setting.doc(),
        };
        settings.site.shown = keyledger::config::SETTINGS.iter().map(shown).collect();
    });
    house.restart().await;
    let seat = house.sit_down(ADA, PASSWORD).await;
    let path = "/admin/system/configuration?lang=ko";
    let page = house.page_of(&seat, path).await.expect(200).markup();
    let told = page.split("<p class=\"help\">").skip(1);
    let told: Vec<&str> = told.filter_map(|rest| rest.split("</p>").next()).collect();
    assert_eq!(told.len(), keyledger::config::SETTINGS.len());
    for doc in told {
        assert!(doc.contains(|c| ('가'..='힣').contains(&c)), "{doc}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r_46_a_link_is_shown_once_and_a_password_never() {
    let (house, seat) = manned().await;
    let person = format!("/admin/users/{}", id_of(&house, BEN));
    let shown = house
        .form_of(&seat, &format!("{person}/recovery"), &[])
        .await
        .expect(200);
    let shown = shown.markup();
    let (_, rest) = shown.split_once("/recover#t=").unwrap();
    let secret = rest.split('<').next().unwrap();
    let again = house.page_of(&seat, &person).await.expect(200).markup();
    assert!(!again.contains(secret) && !again.contains("type=\"password\""));
    assert!(
        again.contains("proof of a new password issued") || again.contains("issued for"),
        "the timeline tells"
    );
    house
        .confirm_reset(BEN, secret, "Brand-new-Passw0rd")
        .await
        .expect(200);
    // Only a mailbox that got the mail would prove it.
    let profile = house.desk().profile(id_of(&house, BEN)).unwrap();
    assert_eq!(profile.email_verified, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_suspended_let_in_renamed_and_erased_when_the_address_is_typed() {
    let (house, seat) = manned().await;
    let id = id_of(&house, BEN);
    let person = format!("/admin/users/{id}");
    let act = async |act: &str, fields: &[(&str, &str)]| {
        house.form_of(&seat, &format!("{person}/{act}"), fields).await
    };
    assert_eq!(
        act("ban", &[]).await.leads_to(),
        format!("{person}?notice=banned")
    );
    house
        .sign_in(BEN, PASSWORD)
        .await
        .expect_code(403, "auth/account-banned");
    act("unban", &[]).await.expect(303);
    house.sign_in(BEN, PASSWORD).await.expect(200);
    act("sessions", &[]).await.expect(303);
    let page = house.page_of(&seat, &person).await.expect(200).markup();
    assert!(page.contains("Not signed in anywhere"));
    let version = page.split("name=\"version\" value=\"").nth(1).unwrap();
    let version = version.split('"').next().unwrap().to_owned();
    house.advance(Span::seconds(1));
    act(
        "edit",
        &[("name", "Ben Bold"), ("language", "ko"), ("version", &version)],
    )
    .await
    .expect(303);
    // Somebody who still looks at the old page is told, and undoes nothing.
    let late = act("role", &[("role", "admin"), ("version", &version)]).await;
    late.expect(412);
    act("role", &[("role", "guest")]).await.expect(303);
    act("send", &[]).await.expect(303);
    let wrong = act("erase", &[("email", ADA)]).await.expect(400);
    assert!(wrong.markup().contains("Nothing was erased"));
    assert_eq!(
        act("erase", &[("email", "BEN@example.org")]).await.leads_to(),
        "/admin/users?notice=deleted"
    );
    house.page_of(&seat, &person).await.expect(404);
    // What happened stays told, by the id.
    let events = house
        .page_of(&seat, &format!("/admin/events?user={id}"))
        .await
        .expect(200)
        .markup();
    for name in [
        "UserErased",
        "RoleChanged",
        "ProfileEdited",
        "RecoverySent",
        "UserBanned",
    ] {
        assert!(events.contains(&format!("<td>{name}</td>")), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_index_leads_to_is_what_reading_everything_finds() {
    let (house, _) = manned().await;
    for n in 0..500 {
        let email = if n % 90 == 0 {
            BEN.to_owned()
        } else {
            format!("nobody.{n}@example.org")
        };
        let asked = house.post("/v1/auth/password/reset/request", json!({ "email": email }));
        asked.from_ip(&format!("198.51.{}.{}", n / 250, n % 250)).await;
    }
    house.settled().await;
    let (desk, people) = (house.desk().clone(), [ADA, BEN].map(|email| id_of(&house, email)));
    let compared = tokio::task::spawn_blocking(move || {
        assert!(desk.engine().head().next.0 > 512, "more than two blocks");
        let names = [
            "ResetRequested",
            "userregistered",
            "authn_password_reset",
            "EpochStarted",
            "None",
        ];
        let mut asked = vec![];
        for user in people.map(Some).into_iter().chain([None]) {
            for name in names.map(Some).into_iter().chain([None]) {
                asked.push(EventFilter {
                    user,
                    name: name.map(str::to_owned),
                    ..EventFilter::default()
                });
            }
        }
        for filter in &asked {
            let mut all = desk.events(filter).unwrap();
            all.reverse();
            let (mut found, mut before) = (vec![], None);
            loop {
                let page = EventFilter {
                    limit: Some(3),
                    ..filter.clone()
                };
                let (some, next) = desk.events_back(&page, before).unwrap();
                found.extend(some);
                before = next;
                if next.is_none() {
                    break;
                }
            }
            assert_eq!(found, all, "{filter:?}");
        }
    });
    compared.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_filtered_paged_read_raw_and_taken_away_as_evidence() {
    let (house, seat) = manned().await;
    for client in 1..=60 {
        let asked = house.post("/v1/auth/password/reset/request", json!({ "email": BEN }));
        asked.from_ip(&format!("192.0.2.{client}")).await.expect(200);
    }
    let page = async |target: &str| house.page_of(&seat, target).await.expect(200).markup();
    let first = page("/admin/events?type=ResetRequested").await;
    assert_eq!(first.matches("<td>ResetRequested</td>").count(), 50);
    let (_, older) = first.split_once("before=").unwrap();
    let older = older.split('"').next().unwrap();
    let second = page(&format!("/admin/events?type=ResetRequested&before={older}")).await;
    assert_eq!(second.matches("<td>ResetRequested</td>").count(), 10);
    let none = page("/admin/events?to=2020-01-01").await;
    assert!(none.contains("No such events"));
    let wrong = page("/admin/events?from=yesterday&user=nobody%40example.org").await;
    assert!(wrong.contains("A time is a day") && wrong.contains("There is no such user"));
    let found = page("/admin/events?user=ben%40example.org&type=UserRegistered").await;
    assert_eq!(found.matches("<td>UserRegistered</td>").count(), 1);
    let from_one = page("/admin/events?type=ResetRequested&ip=192.0.2.7").await;
    assert_eq!(from_one.matches("<td>ResetRequested</td>").count(), 1);
    assert!(
        page("/admin/events?ip=everywhere")
            .await
            .contains("not an IP address")
    );
    let raw = page("/admin/events/0").await;
    assert!(
        raw.contains("EpochStarted") && raw.contains("1:0"),
        "its cursor too"
    );
    let record = house
        .desk()
        .record_at(keyledger::types::Position(0))
        .unwrap()
        .unwrap();
    assert!(raw.contains(&keyledger::audit::hexadecimal(&record[..16])));
    let checkpoint = house.page_of(&seat, "/admin/events/checkpoint").await.expect(200);
    assert!(
        checkpoint
            .header("content-disposition")
            .unwrap()
            .starts_with("attachment")
    );
    assert!(checkpoint.markup().lines().count() >= 5, "a signed note");
    house.page_of(&seat, "/admin/events/0/proof").await.expect(200);
    house.page_of(&seat, "/admin/events/export").await.expect(200);
    house
        .form_of(&seat, "/admin/events/verify", &[])
        .await
        .expect(303);
    house
        .until("the ledger is proven", |desk| {
            let standing = desk.verification().map(|proof| proof.standing);
            matches!(standing, Some(keyledger::desk::VerificationStanding::Ended(report)) if report.is_sound())
        })
        .await;
    assert!(page("/admin/events").await.contains("Sound"));
    assert!(page("/admin").await.contains("Sound"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_counts_each_day_and_draws_it() {
    let (house, seat) = manned().await;
    house.request_reset(BEN).await.expect(200);
    let mail = house.next_mail_of("password_reset").await;
    house
        .confirm_reset(BEN, &mail.token().unwrap(), "Brand-new-Passw0rd")
        .await
        .expect(200);
    house.sign_in(BEN, "wrong").await.expect(401);
    let first = house.page_of(&seat, "/admin").await.expect(200).markup();
    // Ada was appointed with a handed-over recovery, and Ben asked for one.
    assert!(first.contains("Recoveries: begun 2, completed 2"), "{first}");
    assert!(first.contains("Sign-ins: signed in 2, refused 1"), "{first}");
    assert!(first.contains("New users: registered 2"));
    assert!(first.contains("<svg") && first.matches("<rect").count() >= 5);
    house.sit_down(BEN, "Brand-new-Passw0rd").await;
    let desk = house.desk().overview().await;
    assert_eq!((desk.users, desk.is_counting, desk.days.len()), (2, false, 30));
    let today = desk.days.last().unwrap().1;
    assert_eq!((today.signed_in, today.recovered), (3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_keys_and_the_test_mail_are_looked_after_in_the_console() {
    let (house, seat) = manned().await;
    let tried = house
        .form_of(&seat, "/admin/system/mail", &[("to", BEN)])
        .await
        .expect(200);
    assert!(tried.markup().contains("The mail is on its way") && tried.markup().contains("rcpt_to"));
    assert_eq!(house.next_mail_of("test").await.to, [BEN]);
    let bad = house.form_of(&seat, "/admin/system/mail", &[("to", "x")]).await;
    bad.expect(400);
    let made = [("kind", "secret"), ("label", "billing"), ("days", "30")];
    let made = house
        .form_of(&seat, "/admin/system/keys", &made)
        .await
        .expect(200)
        .markup();
    let (_, rest) = made.split_once("sk_").unwrap();
    let key = format!("sk_{}", &rest[..64]);
    let listed = house
        .page_of(&seat, "/admin/system/keys")
        .await
        .expect(200)
        .markup();
    assert!(listed.contains("billing") && !listed.contains(&key), "shown once");
    let users = house.get("/v1/users").header("X-API-Key", &key);
    users.await.expect(200);
    let (id, _) = house
        .desk()
        .api_keys()
        .into_iter()
        .find(|(_, key)| key.label == "billing")
        .unwrap();
    let revoked = house
        .form_of(&seat, "/admin/system/keys/revoke", &[("key", &id.to_string())])
        .await;
    revoked.expect(303);
    let users = house.get("/v1/users").header("X-API-Key", &key);
    users.await.expect_code(401, "auth/invalid-api-key");
    let keys = house.desk().api_keys();
    let open = keys.iter().find(|(_, key)| key.kind == ApiKeyKind::Publishable);
    let open = open.unwrap().0.to_string();
    let origins = |text: &str| {
        let fields = [("key", &*open), ("origins", text)];
        house.form_of(&seat, "/admin/system/keys/origins", &fields)
    };
    origins("https://app.example.org\r\nhttp://localhost:5173")
        .await
        .expect(303);
    let listed = house.page_of(&seat, "/admin/system/keys").await.expect(200);
    assert!(listed.markup().contains("localhost:5173"));
    let wrong = origins("https://app.example.org/path").await.expect(400).markup();
    assert!(wrong.contains("no wildcard") && wrong.contains("app.example.org"));
    let wrong = [("kind", "secret"), ("days", "never")];
    house
        .form_of(&seat, "/admin/system/keys", &wrong)
        .await
        .expect(400);
}
