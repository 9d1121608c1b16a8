//! Services behind the server, and the cookie that browsers carry to them.

use super::World;

#[test]
fn a_service_that_the_cookie_does_not_reach_is_told() {
    let world = |origins: &str, domain: Option<&str>| {
        let world = World::new()
            .env("KEYLEDGER_PUBLIC_URL", "https://id.example.org")
            .env("KEYLEDGER_SERVICES__ORIGINS", origins);
        match domain {
            Some(domain) => world.env("KEYLEDGER_SERVICES__COOKIE_DOMAIN", domain),
            None => world,
        }
    };
    let wiki = "https://wiki.example.org,https://id.example.org:8443";
    assert!(world(wiki, Some("example.org")).problems().is_empty());
    assert!(world("https://id.example.org", None).problems().is_empty());
    for (origins, domain) in [
        (wiki, None),
        ("https://wiki.example.com", Some("example.org")),
        ("https://notexample.org", Some("example.org")),
        ("https://wiki.example.com", Some("example.com")),
    ] {
        assert!(
            world(origins, domain)
                .problem()
                .contains("services.cookie_domain")
        );
    }
    let wrong = world("https://wiki.example.org/", None).problem();
    assert!(
        wrong.contains("item 1") && wrong.contains("leave out the path"),
        "{wrong}"
    );
}
