//! What a `User-Agent` says, for people who look at their list of sessions. It is a claim, never evidence.

use crate::types::Locale;

/// Characters of a user agent that are kept.
pub const USER_AGENT_CHARS_MAX: usize = 256;

/// Browsers by the mark they leave, the more particular first: most of them also claim to be Chrome and Safari.
const BROWSERS: [(&str, &str); 15] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Whale/", "Whale"),
    ("KAKAOTALK", "KakaoTalk"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Programs by the product their user agent begins with.
const TOOLS: [(&str, &str); 12] = [
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("HTTPie/", "HTTPie"),
    ("PostmanRuntime/", "Postman"),
    ("insomnia/", "Insomnia"),
    ("python-requests/", "Python"),
    ("python-httpx/", "Python"),
    ("axios/", "axios"),
    ("node", "Node.js"),
    ("okhttp/", "OkHttp"),
    ("Dart/", "Dart"),
    ("Go-http-client/", "Go"),
];

/// Systems by the mark they leave, the more particular first: Android also says Linux, iPhones also say Mac OS X.
const SYSTEMS: [(&str, &str); 9] = [
    ("iPhone", "iOS"),
    ("iPod", "iOS"),
    ("iPad", "iPadOS"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// Makes a user agent fit for storing and showing: printable, at most [`USER_AGENT_CHARS_MAX`] characters, so that no
/// control character reaches a terminal, a log or a mail (L-02).
pub fn clean_user_agent(raw: &str) -> String {
    raw.chars()
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .take(USER_AGENT_CHARS_MAX)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Names a device in the words people use: "Chrome on macOS", "curl", "Unknown device".
pub fn device_name(user_agent: &str) -> String {
    device_name_in(Locale::En, user_agent)
}

/// The same in a reader's language: names of products stay, what connects them is translated ("Chrome (macOS)").
pub fn device_name_in(locale: Locale, user_agent: &str) -> String {
    let text = clean_user_agent(user_agent);
    if let Some((_, tool)) = TOOLS
        .iter()
        .find(|(mark, _)| starts_with_ignoring_case(&text, mark))
    {
        return (*tool).to_owned();
    }
    let find = |table: &[(&str, &'static str)]| {
        table
            .iter()
            .find(|(mark, _)| text.contains(mark))
            .map(|(_, name)| *name)
    };
    let on = |browser: &str, system: &str| match locale {
        Locale::En => format!("{browser} on {system}"),
        Locale::Ko => format!("{browser} ({system})"),
    };
    let (unknown_browser, unknown_device) = match locale {
        Locale::En => ("Unknown browser", "Unknown device"),
        Locale::Ko => ("알 수 없는 브라우저", "알 수 없는 기기"),
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => on(browser, system),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => on(unknown_browser, system),
        (None, None) => unknown_device.to_owned(),
    }
}

fn starts_with_ignoring_case(text: &str, mark: &str) -> bool {
    text.get(..mark.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(mark))
}

/// Characters that change how the text around them is shown: direction marks, zero-width characters, line separators.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_as_people_name_them() {
        for (agent, name) in [
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
                "Chrome on macOS",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0 Mobile Safari/537.36",
                "Samsung Internet on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0 Mobile/15E148 Safari/604.1",
                "Chrome on iOS",
            ),
            ("curl/8.5.0", "curl"),
            ("python-requests/2.32", "Python"),
            ("Go-http-client/1.1", "Go"),
            ("something (Windows NT 10.0)", "Unknown browser on Windows"),
            ("", "Unknown device"),
            ("¯\\_(ツ)_/¯", "Unknown device"),
        ] {
            assert_eq!(device_name(agent), name, "{agent}");
        }
    }

    #[test]
    fn devices_have_korean_names_for_korean_readers() {
        for (agent, name) in [
            (
                "Mozilla/5.0 (Macintosh) Chrome/126.0 Safari/537.36",
                "Chrome (macOS)",
            ),
            ("something (Windows NT 10.0)", "알 수 없는 브라우저 (Windows)"),
            ("curl/8.5.0", "curl"),
            ("?", "알 수 없는 기기"),
        ] {
            assert_eq!(device_name_in(Locale::Ko, agent), name);
        }
    }

    #[test]
    fn l_02_a_user_agent_is_stored_without_control_characters_and_bounded() {
        assert_eq!(clean_user_agent("a\r\nb\u{1b}[31mc\u{202e}d\0"), "ab[31mcd");
        assert_eq!(
            clean_user_agent(&"\u{1f600}".repeat(10_000)).chars().count(),
            USER_AGENT_CHARS_MAX
        );
    }
}
