use secrecy::ExposeSecret;

use super::*;

/// The flow that a recovery leads into.
const FLOW: &str = "/flow/default-recovery-flow";

/// The cookie of an execution, as a browser sends it back.
fn carried(seen: &Seen) -> String {
    let cookie = seen.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-keyledger-flow="), "{cookie}");
    cookie
}

impl House {
    /// Sends the form of a stage.
    async fn go_on(&self, cookie: &str, form: &[(&str, &str)]) -> Seen {
        let headers = [("sec-fetch-site", "same-origin"), ("cookie", cookie)];
        self.post_with(FLOW, &headers, form).await
    }
}

#[tokio::test]
async fn r_24_opening_the_page_spends_nothing_and_asks_nobody() {
    let house = House::open();
    house.sign_up().await;
    let mailed = house.recovery().await;
    let before = house.events();
    for path in ["/recover", FLOW, "/verify", "/verify/disown", "/reopen"] {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            for prefetch in [&[][..], &[("sec-purpose", "prefetch;prerender")][..]] {
                // A scanner may even send the secret to the server: a query is no form.
                let path = format!("{path}?t={}", mailed.secret.expose_secret());
                let seen = house.ask(method.clone(), &path, prefetch, String::new()).await;
                assert_eq!(seen.status, 200, "{method} {path}");
                assert!(!seen.has(mailed.secret.expose_secret()), "{method} {path}");
            }
        }
    }
    assert_eq!(house.events(), before, "nothing was written");
    let entered = house
        .post("/recover", &[("token", mailed.secret.expose_secret())])
        .await;
    assert_eq!((entered.status, entered.header("location")), (303, FLOW));
    assert_eq!(house.events(), before, "and nothing is spent before the end");
}

#[tokio::test]
async fn r_36_a_link_sets_the_password_and_signs_nobody_in() {
    let house = House::open();
    let tokens = house.sign_up().await;
    let mailed = house.recovery().await;
    let secret = mailed.secret.expose_secret();
    let cookie = carried(&house.post("/recover", &[("token", secret)]).await);
    let form = [("password", NEW), ("password_repeat", NEW)];
    let seen = house.go_on(&cookie, &form).await;
    assert_eq!(seen.status, 303, "{}", seen.body);
    assert!(
        seen.header("location")
            .starts_with("/flow/default-authentication-flow")
    );
    let cookies = seen.headers.get_all("set-cookie").iter();
    let set: Vec<&str> = cookies.map(|cookie| cookie.to_str().unwrap()).collect();
    assert!(set.iter().all(|cookie| cookie.contains("Max-Age=0")), "{set:?}");
    assert!(
        house.desk.authenticate(&tokens.access).is_err(),
        "sessions have ended"
    );
    assert!(house.opens(NEW).await && !house.opens(OLD).await);
}

#[tokio::test]
async fn r_34_a_code_may_be_typed_as_people_type() {
    let house = House::open();
    house.sign_up().await;
    let mailed = house.recovery().await;
    let typed = mailed
        .code
        .expose_secret()
        .to_lowercase()
        .replace('-', " \u{2014} ")
        .replace('0', "o");
    let typed = format!(" {} ", typed.replace('1', "l"));
    let form = [("email", " ADA@Example.org"), ("code", &*typed)];
    let cookie = carried(&house.post("/recover", &form).await);
    assert_eq!(house.go_on(&cookie, &[("password", NEW)]).await.status, 303);
    assert!(house.opens(NEW).await);
}

#[tokio::test]
async fn every_broken_rule_is_told_and_the_link_stays_good() {
    let house = House::open();
    house.sign_up().await;
    let mailed = house.recovery().await;
    let secret = mailed.secret.expose_secret();
    let cookie = carried(&house.post("/recover", &[("token", secret)]).await);
    for (password, told) in [
        (
            "short",
            &[
                "at least 8 characters",
                "1 uppercase letter",
                "1 digit",
                "1 symbol",
            ][..],
        ),
        (OLD, &["It is your current password"]),
        ("P@ssw0rd", &["lists of leaked passwords"]),
    ] {
        let seen = house.go_on(&cookie, &[("password", password)]).await;
        assert_eq!(seen.status, 400);
        let (_, error) = seen.body.split_once("id=\"password-error\"").unwrap();
        let (error, _) = error.split_once("</div>").unwrap();
        for rule in told {
            assert!(error.contains(rule), "{password}: {rule} in {error}");
        }
        assert!(seen.has("aria-describedby=\"password-error password-rules\""));
        assert!(
            !seen.has(&format!("value=\"{password}\"")) && !seen.has(secret),
            "a password is never shown"
        );
    }
    assert_eq!(house.go_on(&cookie, &[("password", NEW)]).await.status, 303);
}

#[tokio::test]
async fn r_27_what_is_missing_is_told_beside_its_field() {
    let house = House::open();
    let seen = house
        .post("/recover", &[("token", ""), ("email", "nobody"), ("code", "")])
        .await;
    assert_eq!(seen.status, 400);
    for id in ["email-error", "code-error"] {
        assert!(seen.has(&format!("id=\"{id}\"")), "{id}");
    }
    assert!(seen.has("<title>Not done: "));
    for token in ["null", " ", "AAAA", "undefined", "[]"] {
        let seen = house.post("/recover", &[("token", token)]).await;
        assert_eq!(seen.status, 404, "{token}");
    }
}

#[tokio::test]
async fn a_dead_link_leads_to_a_new_one() {
    let house = House::open();
    house.sign_up().await;
    let first = house.recovery().await;
    let second = house.recovery().await;
    let post =
        async |secret: &SecretString| house.post("/recover", &[("token", secret.expose_secret())]).await;
    let superseded = post(&first.secret).await;
    house.clock.advance(Span::hours(24));
    let expired = post(&second.secret).await;
    assert_eq!((superseded.status, expired.status), (404, 401));
    assert!(superseded.has("This link does not work") && expired.has("This link is too old"));
    for seen in [superseded, expired] {
        assert!(seen.has(&format!("action=\"{FLOW}\"")) && seen.has("name=\"email\""));
        assert!(!seen.has(first.secret.expose_secret()) && !seen.has(second.secret.expose_secret()));
    }
    // The form there is that of the flow's first stage, from a browser that carries no execution.
    let seen = house.post(FLOW, &[("email", OWNER)]).await;
    assert_eq!((seen.status, seen.header("location")), (303, FLOW));
    assert!(house.opens(OLD).await);
}

#[tokio::test]
async fn r_01_known_and_unknown_addresses_see_the_same_pages() {
    let house = House::open();
    house.sign_up().await;
    house.recovery().await;
    let both = async |path: &str, rest: &[(&str, &str)]| {
        let mut pages = vec![];
        for email in [OWNER, "bob@example.org"] {
            let mut form = vec![("email", email)];
            form.extend_from_slice(rest);
            let mut seen = house.post(path, &form).await;
            seen.headers.remove("set-cookie");
            pages.push((seen.status, seen.headers, seen.body.replace(email, "?")));
        }
        (pages.swap_remove(0), pages.swap_remove(0))
    };
    let (known, unknown) = both(FLOW, &[]).await;
    assert_eq!(known, unknown);
    assert_eq!(known.0, 303);
    let (known, unknown) = both("/verify/request", &[]).await;
    assert_eq!(known, unknown);
    let wrong = [("code", "AAAAA-AAAAA")];
    let (known, unknown) = both("/recover", &wrong).await;
    assert_eq!(known, unknown);
    assert_eq!(known.0, 404);
    let (known, unknown) = both("/verify", &wrong).await;
    assert_eq!(known, unknown);
    assert_eq!(known.0, 404);
}

#[tokio::test]
async fn r_29_guessing_codes_ends_in_429_and_the_link_goes_on() {
    let house = House::open();
    house.sign_up().await;
    let mailed = house.recovery().await;
    let guess = [("email", OWNER), ("code", "AAAAA-AAAAA")];
    for _ in 0..20 {
        assert_eq!(house.post("/recover", &guess).await.status, 404);
    }
    // The network that signed up has a reserve of five more.
    let mut seen = house.post("/recover", &guess).await;
    for _ in 0..5 {
        seen = house.post("/recover", &guess).await;
    }
    assert_eq!(seen.status, 429);
    assert!(!seen.header("retry-after").is_empty() && !seen.header("x-ratelimit-limit").is_empty());
    assert!(seen.has("The link in the mail works at any time"));
    let form = [("token", mailed.secret.expose_secret())];
    assert_eq!(house.post("/recover", &form).await.status, 303);
}

#[tokio::test]
async fn a_stranger_who_asks_too_often_is_told_when_to_come_back() {
    let house = House::open();
    for _ in 0..30 {
        assert_eq!(house.post(FLOW, &[("email", OWNER)]).await.status, 303);
    }
    let seen = house.post(FLOW, &[("email", OWNER)]).await;
    assert_eq!(seen.status, 429);
    assert!(!seen.header("retry-after").is_empty());
    assert!(seen.has("Please wait") && seen.has("minute"), "{}", seen.body);
    let seen = house.post(FLOW, &[("email", "ada@")]).await;
    assert_eq!(seen.status, 400, "what is no address is told first");
    assert!(seen.has("id=\"identifier-error\"") && seen.has("value=\"ada@\""));
}

#[tokio::test]
async fn s_09_a_form_on_somebody_elses_page_does_nothing() {
    let house = House::open();
    house.sign_up().await;
    let mailed = house.recovery().await;
    let form = [("token", mailed.secret.expose_secret())];
    let before = house.events();
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "cross-site"),
        ],
        &[("origin", "https://evil.example")],
        &[("origin", "http://id.example.com")],
        &[("origin", "https://id.example.com.evil.example")],
        &[
            ("sec-fetch-site", "same-origin"),
            ("origin", "https://evil.example"),
        ],
    ] {
        for path in [
            "/recover",
            FLOW,
            "/verify",
            "/verify/request",
            "/verify/disown",
            "/reopen",
        ] {
            let seen = house.post_with(path, headers, &form).await;
            assert_eq!(seen.status, 403, "{path} {headers:?}");
            assert!(seen.has("came from another website") && !seen.has(mailed.secret.expose_secret()));
        }
    }
    assert_eq!(house.events(), before);
    let ours = [("sec-fetch-site", "same-origin"), ("origin", PUBLIC_URL)];
    assert_eq!(house.post_with("/recover", &ours, &form).await.status, 303);
}

#[tokio::test]
async fn what_is_no_form_is_refused_without_repeating_it() {
    let house = House::open();
    let json = [("content-type", "application/json")];
    for path in ["/recover", FLOW] {
        let body = "{\"token\":\"hunter2\"}".to_owned();
        let seen = house.ask(Method::POST, path, &json, body).await;
        assert_eq!(seen.status, 415);
        assert!(!seen.has("hunter2"));
        let twice = [("token", "hunter2"), ("token", "hunter3"), ("password", NEW)];
        let seen = house.post(path, &twice).await;
        assert_eq!(seen.status, 400);
        assert!(seen.has("incomplete or damaged") && !seen.has("hunter"));
    }
}

#[tokio::test]
async fn what_was_typed_is_escaped() {
    let house = House::open();
    let nasty = "\"><script>alert(1)</script>'{{ 7*7 }}";
    let seen = house.post("/recover", &[("email", nasty), ("code", nasty)]).await;
    assert_eq!(seen.status, 400);
    assert!(!seen.has("\"><script") && seen.has("&lt;script&gt;"));
    assert!(seen.has("{{ 7*7 }}"), "a value is no template");
}
