//! Two listeners, and who comes in by the administrators'.

use keyledger::desk::Reproof;

use super::*;

/// What only the administrators' listener answers: console, admin API, audit API, the reference.
const INSIDE: [&str; 7] = [
    "/admin",
    "/admin/flows",
    "/v1/admin/flows",
    "/v1/audit/events",
    "/v1/audit/checkpoint",
    "/docs",
    "/openapi.json",
];

#[tokio::test(flavor = "multi_thread")]
async fn l_07_the_main_listener_knows_nothing_of_what_administrators_do() {
    let house = House::start().await;
    house.appoint(ADA, PASSWORD).await;
    let seat = house.sit_down(ADA, PASSWORD).await;
    for path in INSIDE {
        for method in ["GET", "POST", "OPTIONS"] {
            let call = Call::new(house.addr(), method, path, &house.secret);
            let call = call.header("Cookie", &format!("__Host-keyledger={}", seat.cookie));
            call.await.expect_code(404, "common/not-found");
        }
    }
    assert_eq!(house.page_of(&seat, "/admin/flows").await.status, 200);
    let own = house.get("/v1/admin/flows").header("X-API-Key", &house.secret);
    own.await.expect(200);
    for listener in [house.addr(), house.app().admin_addr()] {
        for path in ["/healthz", "/readyz", "/flow/default-authentication-flow"] {
            let call = Call::new(listener, "GET", path, "").without("X-API-Key");
            assert_eq!(call.await.status, 200, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_name_leads_to_the_account_and_for_administrators_to_the_console() {
    let house = House::start().await;
    for (listener, to) in [(house.addr(), "/account"), (house.app().admin_addr(), "/admin")] {
        let led = Call::new(listener, "GET", "/", "").without("X-API-Key").await;
        assert_eq!(led.status, 303);
        let location = led.header("location").unwrap();
        assert!(location.ends_with(to), "{location}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l_07_one_listener_answers_everything_where_both_are_set_equal() {
    let house = House::with(|plan| plan.doors = Doors::One).await;
    house.appoint(ADA, PASSWORD).await;
    let seat = house.sit_down(ADA, PASSWORD).await;
    assert_eq!(house.addr(), house.app().admin_addr());
    assert_eq!(house.page_of(&seat, "/admin/flows").await.status, 200);
    let own = house.page_of(&seat, "/account").await.expect(200).markup();
    assert!(own.contains("<a href=\"/admin\">Console</a>"), "{own}");
    let flows = Call::new(house.addr(), "GET", "/v1/admin/flows", &house.secret);
    flows.await.expect(200);
    house.sign_in(ADA, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_for_administrators_who_are_signed_in() {
    let house = House::start().await;
    house.appoint(ADA, PASSWORD).await;
    house.sign_up(BEN, PASSWORD).await;
    let nobody = house.get("/admin/flows").without("X-API-Key");
    let nobody = nobody.header("Accept", "text/html").await;
    assert_eq!(
        nobody.leads_to(),
        "/flow/default-authentication-flow?next=/admin/flows"
    );
    let ben = house.sit_down(BEN, PASSWORD).await;
    let refused = house.page_of(&ben, "/admin/flows").await.expect(403);
    assert!(refused.markup().contains("no administrator"));
    let ada = house.sit_down(ADA, PASSWORD).await;
    let page = house.page_of(&ada, "/admin/flows").await.expect(200);
    assert!(page.markup().contains("default-recovery-flow"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let korean = house.page_of(&ada, "/admin/flows?lang=ko").await.expect(200);
    assert!(korean.markup().contains("플로우"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_can_be_demanded_for_the_console() {
    let mut house = House::start().await;
    house.appoint(ADA, PASSWORD).await;
    house.change_settings(|settings| settings.site.admin_second_factor = true);
    house.restart().await;
    let seat = house.sit_down(ADA, PASSWORD).await;
    let refused = house.page_of(&seat, "/admin").await.expect(403);
    assert!(
        refused.markup().contains("/account/factors"),
        "it says where one is set up"
    );
    let visitor = keyledger::desk::Desk::console();
    let desk = house.desk();
    let begun = desk
        .begin_mailbox(seat.caller, Reproof::FreshSession, None, None, &visitor)
        .await;
    let challenge = begun.unwrap().challenge;
    let text = house.next_mail_of("email_otp").await.text_part().unwrap();
    let code = text
        .lines()
        .find(|line| line.len() == 6 && line.parse::<u32>().is_ok());
    let code = secrecy::SecretString::from(code.unwrap().to_owned());
    house
        .desk()
        .confirm_mailbox(seat.caller, challenge, &code, &visitor)
        .await
        .unwrap();
    house.page_of(&seat, "/admin").await.expect(200);
}
