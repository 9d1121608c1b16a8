use std::collections::BTreeSet;
use std::fs;

use tempfile::TempDir;

use super::*;

fn templates() -> Templates {
    Templates::load(None).unwrap()
}

/// Loads with one override.
fn overridden(path: &str, source: &str) -> (TempDir, Result<Templates, TemplateFault>) {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, source).unwrap();
    let loaded = Templates::load(Some(dir.path()));
    (dir, loaded)
}

fn fault(path: &str, source: &str) -> String {
    let (dir, loaded) = overridden(path, source);
    loaded
        .unwrap_err()
        .to_string()
        .replace(&dir.path().display().to_string(), "DIR")
}

fn width(line: &str) -> usize {
    line.chars().map(|c| if c >= '\u{1100}' { 2 } else { 1 }).sum()
}

fn everything() -> impl Iterator<Item = (MailKind, Locale, Rendered)> {
    let templates = templates();
    MailKind::ALL
        .into_iter()
        .flat_map(|kind| Locale::ALL.map(|locale| (kind, locale)))
        .flat_map(move |(kind, locale)| {
            let full = templates.preview(kind, locale).unwrap();
            let bare = templates
                .render(kind, locale, &MailData::bare_sample(kind))
                .unwrap();
            [(kind, locale, full), (kind, locale, bare)]
        })
}

#[test]
fn both_languages_have_the_same_mails_with_the_same_variables_and_show_every_value() {
    let templates = templates();
    let variables = |names: &[String]| -> BTreeSet<String> {
        let of = |name: &String| {
            templates
                .environment
                .get_template(name)
                .unwrap()
                .undeclared_variables(false)
        };
        names.iter().flat_map(of).collect()
    };
    for kind in MailKind::ALL {
        for part in Part::ALL {
            let [en, ko] = Locale::ALL.map(|locale| variables(&[name_of(kind, locale, part)]));
            assert_eq!(en, ko, "{kind} {part:?}");
        }
    }
    let [en, ko] = Locale::ALL
        .map(|locale| variables(&[format!("{locale}/details.txt"), format!("{locale}/details.html")]));
    assert_eq!(en, ko);
    for kind in MailKind::ALL {
        for locale in Locale::ALL {
            let shown = templates.preview(kind, locale).unwrap();
            let html = shown.html.replace("&#x2f;", "/").replace("&amp;", "&");
            for (name, value) in MailData::sample(kind).values(kind, locale).unwrap() {
                assert!(shown.text.contains(&value), "{kind} {locale} text lacks {name}");
                assert!(html.contains(&value), "{kind} {locale} html lacks {name}");
            }
        }
    }
}

#[test]
fn the_folder_holds_what_is_compiled_in_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mail");
    let mut on_disk = BTreeSet::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                on_disk.insert(path.strip_prefix(&root).unwrap().display().to_string());
            }
        }
    }
    let compiled: BTreeSet<_> = built_in::SOURCES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(on_disk, compiled);
}

#[test]
fn mails_are_quiet_safe_and_narrow() {
    for (kind, locale, mail) in everything() {
        assert!(mail.html.starts_with("<!doctype html>"));
        assert!(mail.html.contains(&format!("<html lang=\"{locale}\">")), "{kind}");
        assert!(mail.html.contains("prefers-color-scheme: dark"));
        for banned in [
            "<img", "<script", "url(", "@import", "<link", "src=", " on", "<form",
        ] {
            let found = mail
                .html
                .match_indices(banned)
                .any(|(at, _)| banned != " on" || mail.html[at..].starts_with(" on="));
            assert!(!found, "{kind} {locale} has {banned}");
        }
        assert!(mail.html.len() < 20_000);
        for line in mail.text.lines() {
            assert!(
                width(line) <= 72 || line.starts_with("https://") || line.starts_with('\u{2014}'),
                "{kind} {locale}: {line}"
            );
        }
        assert!(!mail.text.contains(['{', '}', '<']) && !mail.text.contains("\n\n\n"));
        assert!(width(&mail.subject) <= 78, "{kind} {locale}: {}", mail.subject);
    }
}

#[test]
fn every_link_in_html_is_one_of_the_mail() {
    for (kind, _, mail) in everything() {
        for (at, _) in mail.html.match_indices("href=\"") {
            let link = mail.html[at + 6..].split('"').next().unwrap();
            let link = link.replace("&#x2f;", "/").replace("&amp;", "&");
            assert!(mail.text.lines().any(|line| line == link), "{kind}: {link}");
        }
    }
}

#[test]
fn r_42_the_notice_of_a_change_tells_what_to_do_and_has_no_way_in() {
    let mut data = MailData::sample(MailKind::PasswordChanged);
    data.link = Some("https://id.example.com/login#t=SECRET".to_owned());
    data.code = Some("SECRE-TSECR".to_owned());
    data.public_url = Some("https://id.example.com".to_owned());
    data.not_me_link = None;
    for locale in Locale::ALL {
        let mail = templates()
            .render(MailKind::PasswordChanged, locale, &data)
            .unwrap();
        for part in [&mail.text, &mail.html] {
            assert!(!part.contains("http") && !part.contains("SECRE"), "{part}");
            for told in ["192.0.2.7", "Chrome on macOS", "14:30"] {
                assert!(part.contains(told));
            }
        }
    }
}

#[test]
fn no_mail_but_those_that_need_one_can_carry_a_secret() {
    let with = |field| -> Vec<MailKind> {
        let has = |kind: &MailKind| kind.needs().contains(&field) || kind.may_have().contains(&field);
        MailKind::ALL.into_iter().filter(has).collect()
    };
    assert_eq!(
        with(MailField::Code),
        [
            MailKind::PasswordReset,
            MailKind::EmailVerification,
            MailKind::EmailOtp
        ]
    );
    assert_eq!(
        with(MailField::Link),
        [
            MailKind::PasswordReset,
            MailKind::EmailVerification,
            MailKind::AccountClosing,
            MailKind::Invitation
        ]
    );
}

#[test]
fn a29_hostile_values_stay_text_in_every_part() {
    let mut data = MailData::sample(MailKind::PasswordReset);
    data.client = Some("<script>alert(1)</script>\r\nhttps://evil.example/#t=EVIL\r\nABCDE-99999".to_owned());
    data.address = Some("\"><img src=x>@example.com\nBcc: all".to_owned());
    data.brand = Some("Key\r\nBcc: victim@example.com\r\n\r\n<b>ledger".to_owned());
    for locale in Locale::ALL {
        let mail = templates()
            .render(MailKind::PasswordReset, locale, &data)
            .unwrap();
        assert!(!mail.subject.contains(char::is_control), "{:?}", mail.subject);
        assert!(mail.subject.contains("Key Bcc: victim@example.com <b>ledger"));
        assert!(!mail.html.contains("<script") && !mail.html.contains("<img") && !mail.html.contains("<b>"));
        assert!(mail.html.contains("&lt;script&gt;"));
        let secrets: Vec<_> = mail
            .text
            .lines()
            .filter(|line| line.contains("#t=") && line.starts_with("http"))
            .collect();
        assert_eq!(secrets, [data.link.as_deref().unwrap()]);
        assert!(
            !mail
                .text
                .lines()
                .any(|line| line == "ABCDE-99999" || line.starts_with("Bcc"))
        );
        assert!(!mail.text.contains("evil.example"));
    }
}

#[test]
fn l_04_a_subject_is_one_line_whoever_wrote_it() {
    let mut data = MailData::sample(MailKind::Test);
    data.subject = Some(format!("Hello\r\nBcc: all {{{{ brand }}}}{}", "x".repeat(500)));
    let mail = templates().render(MailKind::Test, Locale::En, &data).unwrap();
    assert!(mail.subject.starts_with("Hello Bcc: all {{ brand }}xxx"));
    assert_eq!(mail.subject.chars().count(), SUBJECT_CHARS_MAX);
    assert!(fault("test/subject.txt", "a\nb").ends_with("subject.txt: a subject is one line"));
    assert!(fault("test/subject.txt", " \n").ends_with("the subject is empty"));
}

#[test]
fn l_04_a_link_that_is_none_and_a_value_that_is_missing_are_refused_without_being_quoted() {
    let mut data = MailData::sample(MailKind::PasswordReset);
    data.link = Some("javascript:steal('SECRET')".to_owned());
    let refused = templates()
        .render(MailKind::PasswordReset, Locale::En, &data)
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the mail password_reset needs a valid `link`"
    );
    data.link = None;
    assert!(
        templates()
            .render(MailKind::PasswordReset, Locale::En, &data)
            .is_err()
    );
    assert!(!format!("{data:?}").contains("ABCDE"));
}

#[test]
fn an_override_wins_and_one_for_a_language_wins_over_one_for_all() {
    let (dir, _) = overridden("test/subject.txt", "Hello from {{ brand }}");
    fs::create_dir_all(dir.path().join("test/ko")).unwrap();
    fs::write(
        dir.path().join("test/ko/subject.txt"),
        "\u{feff}{{ brand }}입니다\n",
    )
    .unwrap();
    fs::write(
        dir.path().join("layout.html"),
        "<html lang={{ lang }}>{% block content %}{% endblock %}",
    )
    .unwrap();
    fs::write(dir.path().join(".DS_Store"), [0xff]).unwrap();
    let templates = Templates::load(Some(dir.path())).unwrap();
    assert_eq!(
        templates.preview(MailKind::Test, Locale::En).unwrap().subject,
        "Hello from Keyledger"
    );
    assert_eq!(
        templates.preview(MailKind::Test, Locale::Ko).unwrap().subject,
        "Keyledger입니다"
    );
    assert!(
        templates
            .preview(MailKind::PasswordReset, Locale::Ko)
            .unwrap()
            .html
            .starts_with("<html lang=ko><h1")
    );
    assert!(Templates::load(Some(&dir.path().join("missing"))).is_ok());
}

#[test]
fn a_broken_override_is_named_with_file_and_line() {
    assert_eq!(
        fault("test/body.txt", "one\n{{ brnd }}\n"),
        "DIR/test/body.txt, line 2: there is no `brnd` in this mail; it has brand, public_url, when, lang"
    );
    assert!(
        fault("test/body.txt", "one\ntwo\n{% if %}").starts_with("DIR/test/body.txt, line 3: syntax error: ")
    );
    assert_eq!(
        fault("password_changed/en/body.txt", "\n{{ ip }}\n{{ not_me_link }}"),
        "DIR/password_changed/en/body.txt, line 2: a value that may be absent; ask `{% if … is defined %}` first"
    );
    assert_eq!(
        fault("test/body.html", "<p>\n{% include 'nothing.html' %}"),
        "DIR/test/body.html, line 2: it includes or extends a template that does not exist"
    );
    let endless = "{% for a in range(999) %}{% for b in range(999) %}x{% endfor %}{% endfor %}";
    assert_eq!(
        fault("test/body.txt", endless),
        "DIR/test/body.txt, line 1: engine ran out of fuel"
    );
    assert!(
        fault("test/body.html", "{% include 'en/test/body.html' %}")
            .starts_with("DIR/test/body.html, line 1: ")
    );
    assert!(
        fault("tset/body.txt", "x")
            .starts_with("DIR/tset: no template has this name; the mails are password_reset")
    );
    assert!(fault("test/body.md", "x").starts_with("DIR/test/body.md: no template has this name"));
    assert_eq!(
        fault("test/body.txt", &"x".repeat(70_000)),
        "DIR/test/body.txt: a template has at most 64 KiB"
    );
}

#[test]
fn an_override_that_would_lose_the_link_or_leak_it_is_refused() {
    let not_me = "{% if not_me_link is defined %}{{ not_me_link }}{% endif %}";
    assert_eq!(
        fault(
            "password_reset/body.txt",
            &format!("Open {{{{ link }}}}\n{{{{ code }}}}\n{not_me}")
        ),
        "DIR/password_reset/body.txt: {{ link }} must be on a line of its own"
    );
    assert_eq!(
        fault("password_reset/body.html", &format!("{{{{ link }}}} {not_me}")),
        "DIR/password_reset/body.html: {{ code }} is missing"
    );
    assert_eq!(
        fault("password_reset/subject.txt", "Your code: {{ code }}"),
        "DIR/password_reset/subject.txt: {{ code }} is a secret and cannot be in a subject"
    );
}

#[test]
fn the_reset_mail_reads_like_this() {
    let mail = templates().preview(MailKind::PasswordReset, Locale::En).unwrap();
    assert_eq!(mail.subject, "Reset your Keyledger password");
    insta::assert_snapshot!(mail.text, @r"
    Someone, hopefully you, asked to reset the password of your Keyledger
    account. To choose a new password, open this link:

    https://id.example.com/page#t=SAMPLE&e=a%40example.com

    Or type this code on the page where you asked:

    ABCDE-23456

    Link and code work once, within 30 minutes. Nobody from Keyledger will
    ever ask you for them.

    Account: a***@example.com
    Time: 2026-01-20 14:30 UTC
    Device: Chrome on macOS
    IP address: 192.0.2.7

    If this was not you, you need not do anything: your password stays as
    it is.

    You can also make this link and this code useless right away:

    https://id.example.com/not-me#n=SAMPLE
    ");
    let mail = templates().preview(MailKind::PasswordReset, Locale::Ko).unwrap();
    assert_eq!(mail.subject, "[Keyledger] 비밀번호 재설정 안내");
    insta::assert_snapshot!(mail.text, @r"
    안녕하세요. Keyledger 계정의 비밀번호 재설정 요청을 받았습니다. 새
    비밀번호를 설정하려면 아래 링크를 열어 주세요.

    https://id.example.com/page#t=SAMPLE&e=a%40example.com

    또는 재설정을 요청하신 화면에 아래 코드를 입력해 주세요.

    ABCDE-23456

    링크와 코드는 30분 동안 한 번만 사용할 수 있습니다.
    Keyledger에서는 어떤 경우에도 링크나 코드를 알려 달라고 요청하지
    않습니다.

    계정: a***@example.com
    일시: 2026년 1월 20일 14:30 (UTC)
    기기: Chrome on macOS
    IP 주소: 192.0.2.7

    본인이 요청하지 않았다면 이 메일을 무시하셔도 됩니다. 비밀번호는 그대로
    유지됩니다.

    아래 페이지에서 이 링크와 코드를 바로 무효로 만들 수도 있습니다.

    https://id.example.com/not-me#n=SAMPLE
    ");
}

#[test]
fn the_notices_read_like_this() {
    let text = |kind, locale| templates().preview(kind, locale).unwrap().text;
    insta::assert_snapshot!(text(MailKind::PasswordChanged, Locale::En), @r#"
    The password of your Keyledger account was changed, and all sessions
    were ended. You can sign in with the new password.

    Account: a***@example.com
    Time: 2026-01-20 14:30 UTC
    Device: Chrome on macOS
    IP address: 192.0.2.7

    If this was you, you need not do anything.

    If this was not you, open the following page and confirm. It blocks the
    new password and ends all sessions; it signs nobody in.

    https://id.example.com/not-me#n=SAMPLE

    This works for 30 minutes. Then:

    - Change the password of your mailbox, and check that nobody else can
      read it or has set up forwarding.
    - Open the sign-in page of Keyledger as you always do, not from a
      mail, and choose "Forgot password?".
    - If you cannot get in, tell the people who run Keyledger for you.
    "#);
    insta::assert_snapshot!(text(MailKind::SessionsRevoked, Locale::Ko), @r"
    안녕하세요. 한 번만 쓸 수 있는 Keyledger 로그인 키가 다시
    사용되었습니다. 누군가 회원님의 기기에서 키를 복사했을 수 있어, 안전을
    위해 모든 세션을 종료했습니다.

    계정: a***@example.com
    일시: 2026년 1월 20일 14:30 (UTC)
    기기: Chrome on macOS
    IP 주소: 192.0.2.7

    아래와 같이 조치해 주세요.

    - 평소 이용하시던 방법으로 Keyledger에 접속해 다시 로그인해 주세요.
      비밀번호는 바뀌지 않았습니다.
    - 낯선 기기나 로그인 기록이 있다면 비밀번호를 변경하고, 사용 중인
      기기에 악성 프로그램이 없는지 확인해 주세요.
    - 같은 일이 다시 생기면 Keyledger 관리자에게 알려 주세요.
    ");
    insta::assert_snapshot!(text(MailKind::EmailVerification, Locale::En), @r"
    To confirm that this address belongs to your Keyledger account, open
    this link:

    https://id.example.com/page#t=SAMPLE&e=a%40example.com

    Or type this code on the page where you asked:

    ABCDE-23456

    Link and code work once, within 30 minutes. Nobody from Keyledger will
    ever ask you for them.

    Account: a***@example.com
    Time: 2026-01-20 14:30 UTC
    Device: Chrome on macOS
    IP address: 192.0.2.7

    If you neither signed up nor expect an account, somebody may have used
    your address. This page deletes the account that was made with it, as
    long as the address was never confirmed:

    https://id.example.com/not-me#n=SAMPLE
    ");
    insta::assert_snapshot!(text(MailKind::AccountClosing, Locale::Ko), @r"
    안녕하세요. 요청하신 대로 Keyledger 계정을 닫고 모든 기기에서
    로그아웃했습니다. 계정의 데이터는 2026년 1월 23일 14:30 (UTC)에 완전히
    파기되며, 그 후에는 되돌릴 수 없습니다.

    계정: a***@example.com
    일시: 2026년 1월 20일 14:30 (UTC)
    기기: Chrome on macOS
    IP 주소: 192.0.2.7

    그 전까지는 아래 링크에서 탈퇴를 취소하고 계정을 계속 사용하실 수
    있습니다.

    https://id.example.com/page#t=SAMPLE&e=a%40example.com

    탈퇴를 원하신다면 따로 하실 일은 없습니다.

    본인이 요청하지 않았다면 다른 사람이 비밀번호를 알고 있을 수 있습니다.
    기한 안에 탈퇴를 취소한 뒤 바로 비밀번호를 변경해 주세요.
    ");
}

#[test]
fn mails_have_the_operators_name_and_colour_as_far_as_it_can_be_read() {
    let yellow = Colour::parse("#ffee00").unwrap();
    let templates = templates().in_colour(yellow);
    for kind in MailKind::ALL {
        for locale in Locale::ALL {
            let html = templates.preview(kind, locale).unwrap().html;
            assert!(
                html.contains("font-weight:700\">Keyledger</p>"),
                "{kind} {locale}"
            );
            assert!(!html.contains(&OURS.to_string()), "{kind} {locale}");
        }
    }
    let button = templates
        .preview(MailKind::PasswordReset, Locale::En)
        .unwrap()
        .html;
    let shade = yellow.shade(Colour::BLACK, &LIGHT, Colour::TEXT);
    assert!(
        button.contains(&format!("background:{shade}")) && shade != yellow,
        "{button}"
    );
}
