//! The pages behind mailed links, from the mail to the button, over real sockets.

mod verifying;

use super::support::{Call, House, Reply};

const ADA: &str = "ada@example.org";
const OLD: &str = "Lost-and-forgotten-1";
const NEW: &str = "Found-and-remembered-2";

/// Every page that opens.
const PAGES: [&str; 5] = [
    "/recover",
    "/verify",
    "/verify/request",
    "/verify/disown",
    "/reopen",
];

impl House {
    /// A page, as a browser opens it: without a key.
    fn page(&self, path: &str) -> Call {
        self.call("GET", path).without("X-API-Key")
    }

    /// A form, as a browser sends it from one of our pages.
    fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Call {
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", escape(value)))
            .collect();
        self.call("POST", path)
            .without("X-API-Key")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Origin", "null")
            .header("Sec-Fetch-Site", "same-origin")
            .body(pairs.join("&").into_bytes())
    }

    /// Path and fragment of a mailed link, which must lead to this house.
    fn behind(&self, link: &str) -> (String, String) {
        let base = format!("http://{}", self.addr());
        let (path, fragment) = link
            .strip_prefix(&base)
            .and_then(|rest| rest.split_once('#'))
            .unwrap_or_else(|| panic!("{link} does not lead to {base}"));
        (path.to_owned(), fragment.to_owned())
    }
}

trait Seen {
    fn html(&self) -> String;
    fn shows(&self, text: &str) -> bool;
}

impl Seen for Reply {
    /// The page; slashes in values are escaped, and both spellings are the same page.
    fn html(&self) -> String {
        String::from_utf8(self.bytes.clone())
            .unwrap()
            .replace("&#x2f;", "/")
    }

    fn shows(&self, text: &str) -> bool {
        self.html().contains(text)
    }
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            plain if plain.is_ascii_alphanumeric() => char::from(plain).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Undoes the percent-encoding of a fragment, as the page's script does.
fn decoded(text: &str) -> String {
    let mut bytes = vec![];
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn r_33_a30_pages_load_nothing_foreign_and_leak_nothing() {
    let house = House::start().await;
    for path in PAGES {
        let page = house.page(path).await.expect(200);
        let policy = page.header("Content-Security-Policy").unwrap();
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.split("; ").any(|part| part == rule), "{path}: {rule}");
        }
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(page.header("Referrer-Policy"), Some("no-referrer"), "{path}");
        assert_eq!(page.header("Cache-Control"), Some("no-store"), "{path}");
        assert_eq!(page.header("X-Content-Type-Options"), Some("nosniff"), "{path}");
        assert_eq!(
            page.header("Cross-Origin-Opener-Policy"),
            Some("same-origin"),
            "{path}"
        );
        assert_eq!(page.header("Set-Cookie"), None, "{path}");
        let html = page.html();
        for attribute in ["src", "href", "action"] {
            for rest in html.split(&format!(" {attribute}=\"")).skip(1) {
                let address = rest.split('"').next().unwrap();
                assert!(
                    address.starts_with('/') && !address.starts_with("//"),
                    "{path}: {address}"
                );
                if address.starts_with("/assets/") {
                    let file = house.page(address).await.expect(200);
                    assert!(file.header("Cache-Control").unwrap().contains("immutable"));
                    assert!(!file.shows("http:") || address.ends_with("icon.svg"), "{address}");
                    assert!(!file.shows("https:"), "{address}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_pages_do_not_have_and_a_method_that_they_do_not_take_are_refused() {
    let house = House::start().await;
    house.page("/recover/").await.expect(404);
    house.page("/assets/0000000000000000/app.css").await.expect(404);
    let refused = house.call("PUT", "/recover").await.expect(405);
    assert!(refused.header("Allow").unwrap().contains("POST"));
}
