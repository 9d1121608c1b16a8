use std::collections::{HashMap, HashSet};

use secrecy::ExposeSecret;

use super::super::look::CONTENT_SECURITY_POLICY;
use super::*;

const PAGES: [&str; 9] = [
    "/recover",
    "/flow/default-recovery-flow",
    "/flow/default-authentication-flow",
    "/flow/default-enrollment-flow",
    "/verify",
    "/verify/request",
    "/not-me",
    "/reopen",
    "/invitation",
];
const CSS: &str = include_str!("../../../../data/web/app.css");
const JS: &str = include_str!("../../../../data/web/app.js");

/// Every page there is, in both languages, as opened and as refused.
async fn all_pages(house: &House) -> Vec<(String, Seen)> {
    let mut all = vec![];
    for path in PAGES {
        for lang in ["en", "ko"] {
            let path = format!("{path}?lang={lang}");
            all.push((format!("GET {path}"), house.get(&path).await));
            for form in [
                &[][..],
                &[
                    ("token", "x"),
                    ("password", "short"),
                    ("repeat", "other"),
                    ("email", "x@example.org"),
                ],
                &[("token", "x"), ("password", NEW), ("email", "x@example.org")],
                &[
                    ("code", "AAAAA-AAAAA"),
                    ("password", NEW),
                    ("email", "x@example.org"),
                ],
            ] {
                all.push((format!("POST {path} {form:?}"), house.post(&path, form).await));
            }
            let foreign = [("sec-fetch-site", "cross-site")];
            all.push((
                format!("foreign {path}"),
                house.post_with(&path, &foreign, &[]).await,
            ));
        }
    }
    // What leads elsewhere is no page.
    all.retain(|(_, seen)| seen.status != 303);
    all
}

/// The values of an attribute, in the order of the page.
pub(super) fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    html.split(&*start)
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect()
}

pub(super) fn tags<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!("<{name} ");
    html.split(&*start)
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap())
        .collect()
}

#[tokio::test]
async fn r_33_a30_every_page_keeps_to_itself() {
    let house = House::open();
    for (what, seen) in all_pages(&house).await {
        assert!(seen.header("content-type").starts_with("text/html"), "{what}");
        assert_eq!(
            seen.header("content-security-policy"),
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'",
            "{what}"
        );
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(seen.header(name), value, "{what}: {name}");
        }
        let html = seen.body;
        for inline in [
            "<style",
            " style=",
            "javascript:",
            "//",
            " onclick=",
            " onsubmit=",
            " onload=",
        ] {
            assert!(!html.contains(inline), "{what}: {inline}");
        }
        assert_eq!(
            html.matches("<script").count(),
            html.matches("<script src=\"/assets/").count()
        );
        for address in values(&html, "src")
            .into_iter()
            .chain(values(&html, "href"))
            .chain(values(&html, "action"))
        {
            assert!(address.starts_with('/'), "{what}: {address}");
        }
    }
    for word in [
        "fetch(",
        "XMLHttpRequest",
        "sendBeacon",
        "localStorage",
        "sessionStorage",
        "cookie",
        "submit()",
        "innerHTML",
    ] {
        assert!(
            !JS.contains(word),
            "the script neither sends, keeps nor writes: {word}"
        );
    }
    assert!(JS.contains("history.replaceState(null, '', location.pathname + location.search)"));
    assert!(!CSS.contains("url(") && !CSS.contains("@import"));
}

#[tokio::test]
async fn every_page_can_be_used_without_seeing_it() {
    let house = House::open();
    for (what, seen) in all_pages(&house).await {
        let html = &seen.body;
        let lang = if what.contains("lang=ko") { "ko" } else { "en" };
        assert!(html.contains(&format!("<html lang=\"{lang}\"")), "{what}");
        assert_eq!(
            (html.matches("<h1>").count(), html.matches("<main ").count()),
            (1, 1),
            "{what}"
        );
        let ids = values(html, "id");
        let distinct: HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len(), "{what}: {ids:?}");
        for described in values(html, "aria-describedby")
            .iter()
            .flat_map(|all| all.split(' '))
        {
            assert!(ids.contains(&described), "{what}: {described}");
        }
        let labels = values(html, "for");
        for input in tags(html, "input") {
            if !input.contains("type=\"hidden\"") {
                let id = values(&format!(" {input}"), "id")[0].to_owned();
                assert!(labels.contains(&&*id), "{what}: {id} has a label");
            }
        }
        let invalid = tags(html, "input")
            .into_iter()
            .filter(|tag| tag.contains("aria-invalid"));
        for tag in invalid {
            assert!(
                tag.contains("-error"),
                "{what}: an error belongs to its field: {tag}"
            );
        }
        assert_eq!(html.contains("role=\"alert\""), seen.status >= 400, "{what}");
        assert_eq!(
            html.contains("<title>Not done") || html.contains("<title>완료되지"),
            seen.status >= 400
        );
        assert!(
            !html.contains("{{") && !html.contains("{brand}") && !html.contains("{wait}"),
            "{what}"
        );
        assert!(html.contains("Acme &amp; Söhne"), "{what}");
    }
}

/// The page on which somebody chooses a new password.
async fn choosing(house: &House) -> Seen {
    house.sign_up().await;
    let mailed = house.recovery().await;
    let entered = house
        .post("/recover", &[("token", mailed.secret.expose_secret())])
        .await;
    let cookie = entered.header("set-cookie").split(';').next().unwrap();
    let headers = [("cookie", cookie)];
    house
        .ask(Method::GET, entered.header("location"), &headers, String::new())
        .await
}

#[tokio::test]
async fn p_14_password_managers_and_paste_are_welcome() {
    let house = House::open();
    let (entry, seen) = (house.get("/recover").await, choosing(&house).await);
    let pages = [entry.body, seen.body.clone()].concat();
    let inputs: HashMap<_, _> = tags(&pages, "input")
        .into_iter()
        .map(|tag| {
            (
                values(&format!(" {tag}"), "id")
                    .first()
                    .map_or("token", |id| *id)
                    .to_owned(),
                tag,
            )
        })
        .collect();
    for (name, attributes) in [
        (
            "password",
            &["type=\"password\"", "autocomplete=\"new-password\"", "required"][..],
        ),
        (
            "password_repeat",
            &["type=\"password\"", "autocomplete=\"new-password\""],
        ),
        ("identifier", &["autocomplete=\"username\"", OWNER]),
        ("code", &["autocomplete=\"one-time-code\"", "type=\"text\""]),
        ("email", &["type=\"email\"", "autocomplete=\"username\""]),
        ("token", &["type=\"hidden\"", "value=\"\"", "data-take=\"t\""]),
    ] {
        for attribute in attributes {
            assert!(inputs[name].contains(attribute), "{name}: {attribute}");
        }
        assert!(!inputs[name].contains("maxlength"), "nothing is cut off");
    }
    assert!(seen.has("data-show=\"password\""), "the script offers to show it");
    assert!(!JS.contains("paste"), "nobody meddles with pasting");
    for words in [
        "at least 8 characters",
        "1 uppercase letter",
        "1 digit",
        "1 symbol",
        "lists of leaked",
    ] {
        assert!(seen.has(words), "told beforehand: {words}");
    }
    assert_eq!(
        seen.body.matches("</li>").count(),
        house.desk.password_policy().rules().len() + crate::types::Locale::ALL.len()
    );
}

#[tokio::test]
async fn a_page_speaks_the_language_that_was_chosen_or_else_accepted() {
    let house = House::open();
    let lang = async |path: &str, accept: &str| {
        let seen = house
            .ask(Method::GET, path, &[("accept-language", accept)], String::new())
            .await;
        values(&seen.body, "lang")[0].to_owned()
    };
    assert_eq!(lang("/recover", "fr").await, "en");
    assert_eq!(lang("/recover", "ko-KR,ko;q=0.9").await, "ko");
    assert_eq!(lang("/recover?lang=en", "ko").await, "en");
    assert_eq!(lang("/recover?lang=xx&lang=ko&x=%zz", "ko").await, "ko");
    let seen = house.get("/verify?lang=ko").await;
    assert!(
        seen.has("action=\"/verify?lang=ko\""),
        "a chosen language stays chosen"
    );
    assert!(seen.has("href=\"/verify?lang=en\""));
    let answer = house.post("/verify?lang=ko", &[]).await;
    // The secret of a mailed link may be in the form, and would be lost.
    assert!(answer.has("이메일 주소 인증") && !answer.has("data-language"));
    let answer = house.post("/flow/default-recovery-flow?lang=ko", &[]).await;
    assert!(
        answer.has("href=\"/flow/default-recovery-flow?lang=en\""),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn files_are_named_after_their_content_and_kept() {
    let house = House::open();
    let page = house.get("/recover").await.body;
    let mut addresses = values(&page, "href");
    addresses.extend(values(&page, "src"));
    addresses.retain(|address| address.starts_with("/assets/"));
    assert_eq!(addresses.len(), 3);
    for address in addresses {
        let seen = house.get(address).await;
        assert_eq!(seen.status, 200, "{address}");
        assert_eq!(
            seen.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(seen.header("x-content-type-options"), "nosniff");
        let (_, name) = address.rsplit_once('/').unwrap();
        assert_eq!(
            house
                .get(&format!("/assets/0123456789abcdef/{name}"))
                .await
                .status,
            404
        );
    }
}

#[tokio::test]
async fn behind_a_path_every_address_begins_with_it() {
    let house = House::at("https://example.com/way/in");
    for path in PAGES {
        let html = house.get(path).await.body;
        let addresses = ["src", "href", "action"]
            .map(|attribute| values(&html, attribute))
            .concat();
        assert!(
            addresses.len() > 4 && addresses.iter().all(|a| a.starts_with("/way/in/")),
            "{addresses:?}"
        );
    }
}

/// Relative luminance and contrast (WCAG 2.2).
fn contrast(a: &str, b: &str) -> f64 {
    let luminance = |hex: &str| {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn text_and_edges_stand_out_in_light_and_dark() {
    let themes: Vec<HashMap<&str, &str>> = CSS
        .split(":root {")
        .skip(1)
        .map(|rest| {
            let lines = rest.split('}').next().unwrap().lines();
            lines
                .filter_map(|line| {
                    line.trim()
                        .strip_prefix("--")?
                        .strip_suffix(';')?
                        .split_once(": ")
                })
                .collect()
        })
        .collect();
    assert_eq!(themes.len(), 2);
    for theme in themes {
        for (front, back, least) in [
            ("text", "card", 7.0),
            ("text", "ground", 7.0),
            ("muted", "card", 4.5),
            ("muted", "ground", 4.5),
            ("accent", "card", 4.5),
            ("accent", "ground", 4.5),
            ("accent-strong", "card", 4.5),
            ("on-accent", "accent", 4.5),
            ("on-accent", "accent-strong", 4.5),
            ("good", "good-ground", 4.5),
            ("bad", "bad-ground", 4.5),
            ("bad", "card", 4.5),
            ("on-bad", "bad", 4.5),
            ("edge", "card", 3.0),
        ] {
            let found = contrast(theme[front], theme[back]);
            assert!(found >= least, "{front} on {back}: {found:.2}");
        }
    }
}

#[tokio::test]
async fn a_browser_meets_a_page_where_the_router_or_the_gate_refuses_and_a_client_json() {
    let house = House::open();
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    for (method, path, status) in [
        (Method::GET, "//evil.example/nowhere", 404),
        (Method::GET, "/nowhere?lang=ko", 404),
        (Method::DELETE, "/recover", 405),
    ] {
        let seen = house.ask(method.clone(), path, &browser, String::new()).await;
        assert_eq!(seen.status, status);
        assert!(seen.header("content-type").starts_with("text/html"), "{path}");
        assert_eq!(seen.header("content-security-policy"), CONTENT_SECURITY_POLICY);
        assert!(!seen.has("evil"), "nothing of the path comes back");
        let plain = house.ask(method, path, &[], String::new()).await;
        assert_eq!(plain.status, status);
        assert_eq!(plain.header("content-type"), "application/json");
        assert_eq!(seen.header("allow"), plain.header("allow"));
    }
    let api = house
        .ask(Method::GET, "/v1/nowhere", &browser, String::new())
        .await;
    assert_eq!(
        (api.status, api.header("content-type")),
        (404, "application/json")
    );
    let mut seen = house.get("/recover").await;
    while seen.status == 200 {
        seen = house.ask(Method::GET, "/recover", &browser, String::new()).await;
    }
    assert_eq!(seen.status, 429);
    assert!(seen.has("Too many tries") && !seen.header("retry-after").is_empty());
    assert!(
        !seen.header("x-ratelimit-limit").is_empty() && seen.header("content-type").starts_with("text/html")
    );
}
