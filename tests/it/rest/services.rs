//! What services behind Keyledger ask: whose a token is, and whether a proxy may let somebody through.

use keyledger::domain::{Actor, ApiKeyKind, Role};
use keyledger::http::NetList;
use keyledger::types::{Span, WebOrigin};
use secrecy::ExposeSecret;
use serde_json::json;

use super::call::{Answer, Call};
use super::house::{House, JI, OLD};

const WIKI: &str = "https://wiki.example.org";

/// The house with one service behind it, and a secret key.
async fn house() -> (House, String) {
    let house = House::open_with(|plan| {
        let door = std::mem::replace(&mut plan.settings, Box::new(|_| {}));
        plan.settings = Box::new(move |settings| {
            door(settings);
            let services = &mut settings.site.services;
            services.origins = vec![WebOrigin::parse(WIKI).unwrap()];
            services.cookie_domain = Some("example.org".to_owned());
            services.proxies = NetList::new(vec!["127.0.0.0/8".parse().unwrap()]);
        });
    })
    .await;
    let made = house
        .desk()
        .create_api_key(ApiKeyKind::Secret, "gateway".into(), None, Actor::Operator)
        .await
        .unwrap();
    let secret = made.text.expose_secret().to_owned();
    (house, secret)
}

fn introspect<'h>(house: &'h House, token: &str) -> Call<'h> {
    let form = format!("token={token}&token_type_hint=access_token");
    Call::new(house, "POST", "/v1/introspect").body("application/x-www-form-urlencoded", &form)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_told_whose_a_token_is_while_it_is_good() {
    let (house, secret) = house().await;
    let tokens = house.resident(JI).await;
    let ask = |token: &str| introspect(&house, token).header("x-api-key", &secret);
    let access = ask(&tokens.access).ok().await.value();
    let id = house.user_id(JI).to_string();
    assert_eq!(
        (&access["active"], &access["sub"], &access["username"]),
        (&json!(true), &json!(id), &json!(JI))
    );
    assert_eq!(
        (&access["token_type"], &access["role"]),
        (&json!("Bearer"), &json!("user"))
    );
    assert_eq!(
        access["exp"].as_i64().unwrap() - access["iat"].as_i64().unwrap(),
        3600
    );
    assert!(
        access.get("data").is_none() && access.get("success").is_none(),
        "{access}"
    );
    let refresh = ask(&tokens.refresh).ok().await.value();
    assert_eq!(
        (&refresh["active"], &refresh["jti"]),
        (&json!(true), &access["jti"])
    );
    let events = house.events();
    let gone = json!({"active": false});
    for token in ["x", "", "eyJhbGciOiJIUzI1NiJ9.e30.x"] {
        assert_eq!(ask(token).ok().await.value(), gone, "{token}");
    }
    assert_eq!(house.events(), events, "asking leaves no trace");
    let next = house.refresh(&tokens.refresh).ok().await.tokens();
    assert_eq!(ask(&tokens.refresh).ok().await.value(), gone);
    assert_eq!(ask(&next.refresh).ok().await.field("active"), true);
    let out = house.call("POST", "/v1/auth/signout").bearer(&next.access);
    out.ok().await;
    for token in [&next.access, &next.refresh] {
        assert_eq!(ask(token).ok().await.value(), gone);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_and_their_programs_ask_about_tokens() {
    let (house, secret) = house().await;
    let tokens = house.resident(JI).await;
    let ask = || introspect(&house, &tokens.access);
    ask().refused(401, "auth/invalid-api-key").await;
    let publishable = || ask().header("x-api-key", house.key());
    publishable().refused(401, "auth/unauthorized").await;
    publishable()
        .bearer(&tokens.access)
        .refused(403, "user/forbidden")
        .await;
    ask().bearer(&secret).ok().await;
    // As most libraries send it: the key as the password of HTTP Basic, whatever the user name is.
    let basic = |pair: &str| {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        ask().header("authorization", &format!("Basic {pair}"))
    };
    basic(&format!("gateway:{secret}")).ok().await;
    basic("gateway:sk_wrong")
        .refused(401, "auth/invalid-api-key")
        .await;
    let json = introspect(&house, "x").json(&json!({"token": "x"}));
    let refused = json
        .header("x-api-key", &secret)
        .refused(415, "common/unsupported-media-type");
    assert_eq!(refused.await.value()["details"][0]["reason"], "not-a-form");
    let empty = introspect(&house, "x").body("application/x-www-form-urlencoded", "");
    let refused = empty
        .header("x-api-key", &secret)
        .refused(400, "common/invalid-parameters");
    assert_eq!(refused.await.value()["details"][0]["field"], "token");
}

fn knock<'h>(house: &'h House, query: &str) -> Call<'h> {
    Call::new(house, "GET", &format!("/v1/forward-auth{query}"))
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "wiki.example.org")
        .header("x-forwarded-uri", "/page?a=b")
        .header("accept", "text/html,*/*")
}

fn known(answer: &Answer) -> (&str, &str, &str) {
    let of = |name| answer.header(name);
    (of("remote-user"), of("remote-email"), of("remote-groups"))
}

/// The value of a cookie that an answer sets, and its attributes.
fn cookie<'a>(answer: &'a Answer, name: &str) -> Option<(&'a str, &'a str)> {
    let fields = answer.headers.iter().filter(|(known, _)| known == "set-cookie");
    let mut fields = fields.filter_map(|(_, field)| field.strip_prefix(name)?.strip_prefix('='));
    fields.next()?.split_once("; ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_lets_through_who_is_signed_in_and_learns_as_whom() {
    let (house, _) = house().await;
    let tokens = house.resident(JI).await;
    let id = house.user_id(JI).to_string();
    let through = || knock(&house, "").bearer(&tokens.access);
    let spoofed = through()
        .header("remote-user", "somebody-else")
        .header("remote-groups", "admin");
    assert_eq!(known(&spoofed.ok().await), (&*id, JI, "user"));
    knock(&house, "?role=admin")
        .bearer(&tokens.access)
        .refused(403, "user/forbidden")
        .await;
    knock(&house, "?role=user").bearer(&tokens.access).ok().await;
    for wrong in ["?role=root", "?x=1", "?redirect=perhaps"] {
        knock(&house, wrong)
            .bearer(&tokens.access)
            .refused(400, "common/invalid-parameters")
            .await;
    }
    let out = house.call("POST", "/v1/auth/signout").bearer(&tokens.access);
    out.ok().await;
    let over = through().refused(401, "auth/session-expired").await;
    assert!(
        !over.header("location").is_empty(),
        "a proxy is told where the sign-in is"
    );
    // Whose address nobody has proven could be anybody's.
    let unproven = house.sign_up("bo@example.org").await;
    knock(&house, "")
        .bearer(&unproven.access)
        .refused(403, "auth/email-not-verified")
        .await;
    assert_eq!(house.user(JI, |user| user.role), Role::User);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_13_a_browser_is_led_to_the_sign_in_and_back_to_services_of_the_list_only() {
    let (house, _) = house().await;
    let at = |answer: &Answer| answer.header("location").to_owned();
    let refused = knock(&house, "").refused(401, "auth/unauthorized").await;
    let sign_in = at(&refused);
    assert!(
        sign_in.ends_with("/account/return?to=https%3A%2F%2Fwiki.example.org%2Fpage%3Fa%3Db"),
        "{sign_in}"
    );
    let led = knock(&house, "?redirect=true").send().await;
    assert_eq!((led.status, at(&led)), (302, sign_in.clone()));
    let posting = knock(&house, "?redirect=true").header("x-forwarded-method", "POST");
    posting.refused(401, "auth/unauthorized").await;
    let program = knock(&house, "?redirect=true").without("accept");
    program.refused(401, "auth/unauthorized").await;
    let elsewhere = |host: &str| {
        let call = knock(&house, "").without("x-forwarded-host");
        call.header("x-forwarded-host", host)
    };
    for host in [
        "evil.example",
        "wiki.example.org.evil.example",
        "wiki.example.org@evil.example",
    ] {
        let refused = elsewhere(host).refused(401, "auth/unauthorized").await;
        assert!(
            at(&refused).ends_with("/flow/default-authentication-flow"),
            "{host}"
        );
    }
    let back = |to: &str| Call::new(&house, "GET", &format!("/account/return?to={to}"));
    let wiki = "https%3A%2F%2Fwiki.example.org%2Fpage";
    let begun = back(wiki).send().await;
    assert_eq!(begun.status, 303);
    assert!(at(&begun).ends_with("/flow/default-authentication-flow?next=/account/return"));
    let (kept, attributes) = cookie(&begun, "__Host-keyledger-return").unwrap();
    assert_eq!(kept, wiki);
    assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600");
    let foreign = back("https%3A%2F%2Fevil.example%2F").send().await;
    assert_eq!(cookie(&foreign, "__Host-keyledger-return"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_signed_in_carries_a_cookie_to_services_that_opens_nothing_here() {
    let (house, _) = house().await;
    house.resident(JI).await;
    let visitor = keyledger::desk::Desk::console();
    let address = keyledger::types::EmailAddress::parse(JI).unwrap();
    let session = house
        .desk()
        .sign_in_browser(&address, &OLD.to_owned().into(), None, &visitor)
        .await
        .unwrap();
    let own = house
        .desk()
        .browser_secret(keyledger::crypto::BrowserUse::Cookie, session.session);
    let own = format!("__Host-keyledger={}", own.expose_secret());
    let returning = Call::new(&house, "GET", "/account/return").header(
        "cookie",
        &format!("{own}; __Host-keyledger-return=https%3A%2F%2Fwiki.example.org%2Fpage"),
    );
    let led = returning.send().await;
    assert_eq!(
        (led.status, led.header("location")),
        (303, "https://wiki.example.org/page")
    );
    assert_eq!(cookie(&led, "__Host-keyledger-return").unwrap().0, "");
    let (secret, attributes) = cookie(&led, "__Secure-keyledger-services").unwrap();
    assert_eq!(
        attributes,
        "Domain=example.org; Path=/; Secure; HttpOnly; SameSite=Lax"
    );
    let carried = format!("__Secure-keyledger-services={secret}");
    let through = knock(&house, "").header("cookie", &carried).ok().await;
    assert_eq!(known(&through).1, JI);
    // Not even under the name of the other cookie.
    for cookie in [carried.clone(), format!("__Host-keyledger={secret}")] {
        let account = Call::new(&house, "GET", "/account").header("cookie", &cookie);
        assert_eq!(account.send().await.status, 303, "{cookie}");
    }
    let swapped = own.replace("__Host-keyledger", "__Secure-keyledger-services");
    knock(&house, "")
        .header("cookie", &swapped)
        .refused(401, "auth/unauthorized")
        .await;
    house.wait(Span::hours(1));
    knock(&house, "").header("cookie", &carried).ok().await;
    house.desk().sign_out(session, &visitor).await.unwrap();
    knock(&house, "")
        .header("cookie", &carried)
        .refused(401, "auth/unauthorized")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_strangers_at_the_proxy_are_counted() {
    let (house, _) = house().await;
    let tokens = house.resident(JI).await;
    for _ in 0..620 {
        knock(&house, "").bearer(&tokens.access).ok().await;
    }
    let mut last = 401;
    for _ in 0..620 {
        last = knock(&house, "").send().await.status;
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_07_a_stranger_is_not_believed_about_where_it_wanted_to_go() {
    let house = House::open().await;
    let refused = knock(&house, "").refused(401, "auth/unauthorized").await;
    assert!(
        refused
            .header("location")
            .ends_with("/flow/default-authentication-flow")
    );
}
