//! What a mail says: enough of MIME (RFC 2045, 2046, 2047) to read the mails of this house.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Multiparts within multiparts.
const DEPTH_MAX: u8 = 4;

/// A mail as the sink got it.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedMail {
    /// The address of MAIL FROM, empty for the null path.
    pub from: String,
    /// The addresses of RCPT TO.
    pub to: Vec<String>,
    /// Headers and body as sent, dots unstuffed, lines ending with CRLF.
    pub raw: Vec<u8>,
    /// The name that the client gave itself.
    pub helo: String,
    /// Whether it came over TLS.
    pub tls: bool,
    /// The name that the client signed in with.
    pub auth_user: Option<String>,
}

impl ReceivedMail {
    /// The first header of this name, unfolded, its encoded words decoded.
    pub fn header(&self, name: &str) -> Option<String> {
        header(head_and_body(&String::from_utf8_lossy(&self.raw)).0, name).map(|value| decoded_words(&value))
    }

    /// The subject, empty if there is none.
    pub fn subject(&self) -> String {
        self.header("Subject").unwrap_or_default()
    }

    /// The first `text/plain` part, decoded, lines ending with LF.
    pub fn text_part(&self) -> Option<String> {
        part(&String::from_utf8_lossy(&self.raw), "text/plain", 0)
    }

    /// The first `text/html` part, decoded, lines ending with LF.
    pub fn html_part(&self) -> Option<String> {
        part(&String::from_utf8_lossy(&self.raw), "text/html", 0)
    }

    /// The link with a secret: the first line of the text part of the form `http…#t=…`.
    pub fn link(&self) -> Option<String> {
        self.link_with("#t=")
    }

    /// The secret of that link: what follows `#t=`, up to a `&`.
    pub fn token(&self) -> Option<String> {
        let link = self.link()?;
        let (_, fragment) = link.split_once("#t=")?;
        Some(fragment.split('&').next().unwrap_or_default().to_owned())
    }

    /// The link of "this was not me": the first line of the text part of the form `http…#n=…`.
    pub fn not_me_link(&self) -> Option<String> {
        self.link_with("#n=")
    }

    /// The typed code: the first line of the text part of the form `XXXXX-XXXXX`.
    pub fn code(&self) -> Option<String> {
        self.text_part()?
            .lines()
            .map(str::trim)
            .find(|line| is_code(line))
            .map(str::to_owned)
    }

    fn link_with(&self, mark: &str) -> Option<String> {
        let text = self.text_part()?;
        let is_link = |line: &&str| {
            let web = line.starts_with("http://") || line.starts_with("https://");
            web && line.contains(mark) && !line.contains(char::is_whitespace)
        };
        text.lines().map(str::trim).find(is_link).map(str::to_owned)
    }
}

impl fmt::Debug for ReceivedMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither addresses nor the mail: it holds live secrets.
        f.debug_struct("ReceivedMail")
            .field("recipients", &self.to.len())
            .field("bytes", &self.raw.len())
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

fn is_code(line: &str) -> bool {
    let bytes = line.as_bytes();
    bytes.len() == 11
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            5 => *byte == b'-',
            _ => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        })
}

fn head_and_body(entity: &str) -> (&str, &str) {
    if let Some(body) = entity.strip_prefix("\r\n") {
        return ("", body);
    }
    entity.split_once("\r\n\r\n").unwrap_or((entity, ""))
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.split("\r\n").peekable();
    while let Some(line) = lines.next() {
        let Some((key, first)) = line.split_once(':') else {
            continue;
        };
        if !key.eq_ignore_ascii_case(name) {
            continue;
        }
        let mut value = first.to_owned();
        while let Some(folded) = lines.next_if(|next| next.starts_with([' ', '\t'])) {
            value.push_str(folded);
        }
        return Some(value.trim().to_owned());
    }
    None
}

/// Decodes `=?utf-8?b?…?=` and `=?utf-8?q?…?=`; space between two encoded words is not part of the text.
fn decoded_words(value: &str) -> String {
    let mut out: Vec<u8> = Vec::new();
    let mut rest = value;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (before, word) = rest.split_at(start);
        let Some((bytes, length)) = encoded_word(word) else {
            out.extend_from_slice(before.as_bytes());
            out.extend_from_slice(b"=?");
            rest = &word[2..];
            after_word = false;
            continue;
        };
        if !(after_word && before.trim().is_empty()) {
            out.extend_from_slice(before.as_bytes());
        }
        out.extend_from_slice(&bytes);
        rest = &word[length..];
        after_word = true;
    }
    out.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}

/// The bytes of an encoded word and its length in the text.
fn encoded_word(word: &str) -> Option<(Vec<u8>, usize)> {
    let mut fields = word.strip_prefix("=?")?.splitn(3, '?');
    let (charset, encoding, rest) = (fields.next()?, fields.next()?, fields.next()?);
    let text = rest.split_once("?=")?.0;
    if !(charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("us-ascii")) {
        return None;
    }
    let bytes = match encoding {
        "b" | "B" => BASE64.decode(text).ok()?,
        "q" | "Q" => quoted_printable(&text.replace('_', " ")),
        _ => return None,
    };
    Some((bytes, charset.len() + encoding.len() + text.len() + 6))
}

fn part(entity: &str, wanted: &str, depth: u8) -> Option<String> {
    let (head, body) = head_and_body(entity);
    let content_type = header(head, "Content-Type").unwrap_or_else(|| "text/plain".to_owned());
    let kind = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if kind.starts_with("multipart/") {
        let boundary = parameter(&content_type, "boundary").filter(|_| depth < DEPTH_MAX)?;
        return parts(body, &boundary)
            .into_iter()
            .find_map(|inner| part(inner, wanted, depth + 1));
    }
    if kind != wanted {
        return None;
    }
    let encoding = header(head, "Content-Transfer-Encoding")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let bytes = match encoding.as_str() {
        "quoted-printable" => quoted_printable(body),
        "base64" => BASE64
            .decode(body.split_ascii_whitespace().collect::<String>())
            .ok()?,
        _ => body.as_bytes().to_vec(),
    };
    Some(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
}

fn parameter(value: &str, name: &str) -> Option<String> {
    value.split(';').skip(1).find_map(|item| {
        let (key, text) = item.trim().split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case(name)
            .then(|| text.trim().trim_matches('"').to_owned())
    })
}

/// The entities between the boundaries (RFC 2046 §5.1.1); the CRLF before a boundary belongs to it.
fn parts<'a>(body: &'a str, boundary: &str) -> Vec<&'a str> {
    let mark = format!("--{boundary}");
    let mut found = Vec::new();
    let mut start = None;
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        let rest = line.trim_end().strip_prefix(&mark);
        if let Some(rest) = rest.filter(|rest| rest.is_empty() || *rest == "--") {
            if let Some(start) = start {
                let inner: &str = &body[start..at];
                found.push(inner.strip_suffix("\r\n").unwrap_or(inner));
            }
            if rest == "--" {
                break;
            }
            start = Some(at + line.len());
        }
        at += line.len();
    }
    found
}

/// RFC 2045 §6.7; an escape that is none stays as it is.
fn quoted_printable(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"=\r\n") {
            at += 3;
        } else if let [b'=', high, low, ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            at += 3;
        } else {
            out.push(rest[0]);
            at += 1;
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}
