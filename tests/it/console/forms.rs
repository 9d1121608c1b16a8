//! Flows, stages and policies changed by forms: what is typed wrong, too late, or from elsewhere.

use keyledger::desk::{BlueprintMode, ChangeWord};
use keyledger::domain::Actor;
use keyledger::types::Span;

use super::*;
use crate::support::{Reply, Seat};

/// What the form of an e-mail stage sends besides its name, as it stands on the page.
const EMAIL_STAGE: [(&str, &str); 14] = [
    ("settings.template", "password_reset"),
    ("settings.subject", ""),
    ("settings.token_expiry_minutes", "30"),
    ("settings.resend_max", "5"),
    ("settings.resend_window_minutes", "5"),
    ("settings.use_global_settings", "on"),
    ("settings.host", "localhost"),
    ("settings.port", "25"),
    ("settings.username", ""),
    ("settings.password", ""),
    ("settings.timeout", "10"),
    ("settings.from_address", "system@keyledger.local"),
    ("kind", "email"),
    ("name", "letters"),
];

async fn office() -> (House, Seat) {
    let house = House::start().await;
    house.appoint(ADA, PASSWORD).await;
    let seat = house.sit_down(ADA, PASSWORD).await;
    (house, seat)
}

/// The value of a field on a page.
fn value<'p>(page: &'p str, name: &str) -> &'p str {
    let field = page
        .split("<input")
        .find(|field| field.contains(&format!("name=\"{name}\"")));
    let field = field.unwrap_or_else(|| panic!("there is no field {name}"));
    let value = field.split("value=\"").nth(1).unwrap();
    value.split('"').next().unwrap()
}

/// A form's fields with others in the place of some.
fn with<'f>(fields: &[(&'f str, &'f str)], others: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    let kept = fields
        .iter()
        .filter(|(name, _)| others.iter().all(|(other, _)| other != name));
    kept.chain(others).copied().collect()
}

fn alerts(reply: &Reply) -> usize {
    reply.markup().matches("role=\"alert\"").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_wrong_is_told_beside_its_field_and_stays_in_the_form() {
    let (house, seat) = office().await;
    let wrong = [
        ("settings.token_expiry_minutes", "soon"),
        ("settings.port", "0"),
        ("settings.subject", "Your way back in"),
        ("name", ""),
    ];
    let typed = with(&EMAIL_STAGE, &wrong);
    let refused = house
        .form_of(&seat, "/admin/create/stage", &typed)
        .await
        .expect(400);
    let page = refused.markup();
    for field in ["name", "settings-port", "settings-token-expiry-minutes"] {
        assert!(page.contains(&format!("id=\"{field}-error\"")), "{field}: {page}");
    }
    let korean = house
        .form_of(&seat, "/admin/create/stage?lang=ko", &typed)
        .await
        .expect(400);
    assert!(
        korean.markup().contains("1~65535로 설정하세요."),
        "what to do, in words"
    );
    assert_eq!(value(&page, "settings.subject"), "Your way back in");
    assert_eq!(value(&page, "settings.token_expiry_minutes"), "soon");
    assert!(house.desk().flows().stage("letters").is_none());
    let made = house.form_of(&seat, "/admin/create/stage", &EMAIL_STAGE).await;
    assert_eq!(made.leads_to(), "/admin/stages?notice=created");
    let again = house
        .form_of(&seat, "/admin/create/stage", &EMAIL_STAGE)
        .await
        .expect(400);
    assert!(
        again.markup().contains("It is taken"),
        "the law's word is told as well"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_came_too_late_is_told_and_nothing_typed_is_lost() {
    let (house, seat) = office().await;
    house
        .form_of(&seat, "/admin/create/stage", &EMAIL_STAGE)
        .await
        .expect(303);
    let page = house
        .page_of(&seat, "/admin/stages/letters")
        .await
        .expect(200)
        .markup();
    let version = value(&page, "version").to_owned();
    let first = with(
        &EMAIL_STAGE,
        &[("version", &version), ("settings.subject", "From Ada")],
    );
    let second = with(
        &EMAIL_STAGE,
        &[("version", &version), ("settings.subject", "From Ben")],
    );
    house
        .form_of(&seat, "/admin/stages/letters", &first)
        .await
        .expect(303);
    let told = house
        .form_of(&seat, "/admin/stages/letters", &second)
        .await
        .expect(412);
    let page = told.markup();
    assert_eq!(value(&page, "settings.subject"), "From Ben", "what was typed");
    assert!(page.contains("From Ada"), "and what is there by now");
    assert_eq!(alerts(&told), 1);
    let newer = value(&page, "version").to_owned();
    let knowing = with(&second, &[("version", &newer)]);
    house
        .form_of(&seat, "/admin/stages/letters", &knowing)
        .await
        .expect(303);
    let page = house.page_of(&seat, "/admin/stages/letters").await.markup();
    assert_eq!(value(&page, "settings.subject"), "From Ben");
}

#[tokio::test(flavor = "multi_thread")]
async fn l_02_a_mail_password_behind_its_mask_does_not_go_to_another_server() {
    let (house, seat) = office().await;
    let made = with(&EMAIL_STAGE, &[("settings.password", "SG.quite-secret")]);
    house
        .form_of(&seat, "/admin/create/stage", &made)
        .await
        .expect(303);
    let path = "/admin/stages/letters";
    let elsewhere = [("settings.host", "127.0.0.1"), ("settings.password", "********")];
    let refused = house.form_of(&seat, path, &with(&EMAIL_STAGE, &elsewhere)).await;
    let page = refused.expect(400).markup();
    assert!(page.contains("rite the password again"), "{page}");
    assert_eq!(value(&page, "settings.host"), "127.0.0.1", "what was typed stays");
    let anew = [("settings.host", "127.0.0.1"), ("settings.password", "another")];
    house
        .form_of(&seat, path, &with(&EMAIL_STAGE, &anew))
        .await
        .expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_08_what_changes_the_configuration_asks_for_a_fresh_sign_in() {
    let (house, seat) = office().await;
    house.advance(Span::minutes(11));
    house.page_of(&seat, "/admin/flows").await.expect(200);
    for path in ["/admin/create/flow", "/admin/flows/default-recovery-flow/edit"] {
        let asked = house.page_of(&seat, path).await;
        assert_eq!(asked.leads_to(), format!("/account/confirm?next={path}"));
    }
    let removal = house
        .form_of(&seat, "/admin/flows/default-enrollment-flow/delete", &[])
        .await;
    assert_eq!(
        removal.leads_to(),
        "/account/confirm?next=/admin/flows/default-enrollment-flow"
    );
    assert!(house.desk().flows().flow("default-enrollment-flow").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn s_09_a_form_from_elsewhere_changes_nothing() {
    let (house, seat) = office().await;
    let fields = [("name", "mine"), ("designation", "recovery")];
    let path = "/admin/create/flow";
    let unsigned = Seat {
        form: "x".to_owned(),
        ..house.sit_down(ADA, PASSWORD).await
    };
    house.form_of(&unsigned, path, &fields).await.expect(403);
    let main = format!("http://{}", house.addr());
    for (name, value) in [("Origin", main.as_str()), ("Sec-Fetch-Site", "same-site")] {
        let foreign = house.form_of(&seat, path, &fields).header(name, value);
        foreign.await.expect(403);
    }
    assert!(house.desk().flows().flow("mine").is_none());
    let own = format!("http://{}", house.app().admin_addr());
    let all = [
        ("name", "mine"),
        ("title", ""),
        ("slug", ""),
        ("designation", "recovery"),
        ("authentication", "none"),
        ("denied_action", "message"),
    ];
    let made = house.form_of(&seat, path, &all).header("Origin", &own).await;
    assert_eq!(made.leads_to(), "/admin/flows/mine?notice=created");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_policy_is_tried_with_a_sample_that_is_kept_nowhere() {
    let (house, seat) = office().await;
    house.settled().await;
    let before = house.events().len();
    let sample = "abcdefgh";
    let path = "/admin/policies/classic/test";
    let tried = house
        .form_of(&seat, path, &[("sample", sample)])
        .await
        .expect(200);
    let page = tried.markup();
    assert!(!page.contains(sample), "not even on the page");
    let broken = page.matches("<li class=\"broken\">").count();
    assert!(broken >= 3, "upper case, digit and symbol are missing: {page}");
    assert!(page.contains("<li class=\"kept\">"), "it is long enough");
    let good = [("sample", "Correct-Horse-7-Battery")];
    let tried = house.form_of(&seat, path, &good).await.expect(200);
    assert_eq!(tried.markup().matches("<li class=\"broken\">").count(), 0);
    assert_eq!(house.events().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn bindings_change_places_and_are_taken_away() {
    let (house, seat) = office().await;
    let stages = |house: &House| -> Vec<(u16, String)> {
        let flows = house.desk().flows();
        let bound = flows.flow("default-recovery-flow").unwrap();
        let bindings = bound.bindings.values();
        bindings
            .map(|binding| (binding.order, binding.stage.as_str().to_owned()))
            .collect()
    };
    let before = stages(&house);
    let list = "/admin/flows/default-recovery-flow/bindings";
    let first = format!("{list}/{}/move", before[0].0);
    house.form_of(&seat, &first, &[("later", "1")]).await.expect(303);
    let after = stages(&house);
    assert_eq!(after[0], (before[0].0, before[1].1.clone()));
    assert_eq!(after[1], (before[1].0, before[0].1.clone()));
    house
        .form_of(&seat, &first, &[("earlier", "1")])
        .await
        .expect(303);
    assert_eq!(stages(&house), after, "the first has nothing before it");
    house.form_of(&seat, &first, &[("later", "1")]).await.expect(303);
    assert_eq!(stages(&house), before);
    let stale = [("version", "1")];
    let last = format!("{list}/{}/delete", before.last().unwrap().0);
    house.form_of(&seat, &last, &stale).await.expect(412);
    assert_eq!(stages(&house), before, "somebody else changed it meanwhile");
    house.form_of(&seat, &last, &[]).await.expect(303);
    assert_eq!(stages(&house), before[..before.len() - 1]);
    let page = house.page_of(&seat, list).await.expect(200).markup();
    assert!(page.contains("Nobody can come to the end of this flow"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_by_something_is_not_deleted_and_says_why() {
    let (house, seat) = office().await;
    let path = "/admin/flows/default-enrollment-flow/delete";
    let refused = house.form_of(&seat, path, &[]).await.expect(409);
    let page = refused.markup();
    assert!(page.contains("names it"), "{page}");
    assert!(page.contains("href=\"/admin/flows\""), "and leads back");
    assert!(house.desk().flows().flow("default-enrollment-flow").is_some());
    house.form_of(&seat, path, &[("detach", "on")]).await.expect(303);
    let flows = house.desk().flows();
    assert!(flows.flow("default-enrollment-flow").is_none());
    let page = house
        .page_of(&seat, "/admin/stages/default-authentication-identification")
        .await;
    assert!(!page.expect(200).markup().contains("default-enrollment-flow"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_the_pages_lead_to_is_not_deleted_so_that_nobody_is_locked_out() {
    let (house, seat) = office().await;
    for slug in ["default-authentication-flow", "default-recovery-flow"] {
        let path = format!("/admin/flows/{slug}/delete");
        for fields in [&[][..], &[("detach", "on")]] {
            let refused = house.form_of(&seat, &path, fields).await.expect(409);
            let page = refused.markup();
            assert!(page.contains("change its bindings instead"), "{page}");
        }
        let target = format!("/v1/admin/flows/{slug}?detach=true");
        let refused = house.call("DELETE", &target).header("X-API-Key", &house.secret);
        let detail = refused.await.expect(400).json["details"][0].clone();
        assert_eq!(
            (&detail["field"], &detail["reason"]),
            (&"slug".into(), &"fixed".into())
        );
        let absent = format!("[[flows]]\nslug = \"{slug}\"\nstate = \"absent\"\n");
        let applied = house
            .desk()
            .apply_blueprint(&absent, BlueprintMode::Apply, Actor::Operator);
        let told = format!("{:?}", applied.await.unwrap_err());
        assert!(told.contains("change its bindings instead"), "{told}");
        assert!(house.desk().flows().flow(slug).is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_was_exported_makes_the_same_flow_elsewhere() {
    let (house, seat) = office().await;
    house
        .form_of(&seat, "/admin/create/stage", &EMAIL_STAGE)
        .await
        .expect(303);
    let made = [
        ("name", "letters-flow"),
        ("title", ""),
        ("slug", ""),
        ("designation", "recovery"),
        ("authentication", "none"),
        ("denied_action", "message"),
    ];
    house
        .form_of(&seat, "/admin/create/flow", &made)
        .await
        .expect(303);
    let bound = [
        ("stage", "letters"),
        ("order", "10"),
        ("invalid_response_action", "retry"),
    ];
    let bind = "/admin/flows/letters-flow/bind";
    house.form_of(&seat, bind, &bound).await.expect(303);
    let file = house
        .page_of(&seat, "/admin/flows/letters-flow/export")
        .await
        .expect(200);
    assert_eq!(
        file.header("content-disposition"),
        Some("attachment; filename=\"letters-flow.toml\"")
    );
    let text = String::from_utf8(file.bytes).unwrap();
    let elsewhere = House::start().await;
    let changes = elsewhere
        .desk()
        .apply_blueprint(&text, BlueprintMode::Apply, Actor::Operator)
        .await
        .unwrap();
    let made: Vec<_> = changes
        .iter()
        .map(|change| (change.object.as_str(), change.change))
        .collect();
    assert_eq!(
        made,
        [
            ("stage \"letters\"", ChangeWord::Made),
            ("flow \"letters-flow\"", ChangeWord::Made)
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_is_looked_at_before_anybody_meets_it() {
    let (house, seat) = office().await;
    let page = "/admin/stages/default-password-change-prompt/preview";
    let shown = house.page_of(&seat, page).await.expect(200).markup();
    assert!(
        shown.contains("name=\"password\"") && shown.contains(" inert"),
        "{shown}"
    );
    let korean = format!("{page}?lang=ko");
    let shown = house.page_of(&seat, &korean).await.expect(200).markup();
    assert!(shown.contains("사용자에게 보이는 화면"));
    let none = "/admin/stages/default-authentication-login/preview";
    house.page_of(&seat, none).await.expect(404);
}
