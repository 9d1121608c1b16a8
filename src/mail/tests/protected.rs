//! TLS and signing in.

use super::super::message::tests::a_mail;
use super::super::scripted::Act::{self, Hear, Say, Silence, Tls};
use super::super::scripted::{Scripted, certificate, greeted, script, takes_a_mail};
use super::super::{
    Accepted, Cause, CertificateFault, Kind, MailSettings, MailSettingsDraft, Step, Transport,
};
use super::{fails, send, sign_in};

/// `\0ann\0pa55word`
const PLAIN: &str = "AUTH PLAIN AGFubgBwYTU1d29yZA==";

#[tokio::test]
async fn l_04_without_starttls_nothing_is_sent_in_clear() {
    let (error, heard) = fails(script([greeted(), vec![Silence]]), |d| {
        d.use_tls = true;
        sign_in(d);
    })
    .await;
    assert_eq!(
        (error.step, error.cause, error.kind),
        (Step::Tls, Cause::Missing, Kind::Transient)
    );
    assert_eq!(heard, ["EHLO client.example.org"]);
}

fn offers_starttls() -> Vec<Act> {
    vec![
        Say("220 mx"),
        Hear("EHLO"),
        Say("250-mx\r\n250-AUTH PLAIN\r\n250 STARTTLS"),
        Hear("STARTTLS"),
    ]
}

#[tokio::test]
async fn l_04_starttls_refused_sends_nothing_in_clear() {
    let (error, heard) = fails(
        script([offers_starttls(), vec![Say("454 4.7.0 not now"), Silence]]),
        |d| {
            d.use_tls = true;
            sign_in(d);
        },
    )
    .await;
    assert_eq!(
        (error.step, error.kind, error.status),
        (Step::Tls, Kind::Transient, Some(454))
    );
    assert_eq!(heard, ["EHLO client.example.org", "STARTTLS"]);
}

#[tokio::test]
async fn l_04_words_injected_before_tls_are_not_taken_for_answers() {
    let injected = vec![Say("220 go\r\n250 injected"), Silence];
    let (error, heard) = fails(script([offers_starttls(), injected]), |d| d.use_tls = true).await;
    assert_eq!((error.step, error.cause), (Step::Tls, Cause::Protocol));
    assert_eq!(heard, ["EHLO client.example.org", "STARTTLS"]);
}

#[tokio::test]
async fn starttls_protects_the_sign_in_and_the_mail() {
    let own = certificate("127.0.0.1");
    let under_tls = vec![
        Say("220 go"),
        Tls(own.acceptor.clone()),
        Hear("EHLO"),
        Say("250-mx\r\n250 auth LOGIN plain"),
        Hear(PLAIN),
        Say("235 2.7.0 welcome"),
    ];
    let server = Scripted::play([script([offers_starttls(), under_tls, takes_a_mail()])]).await;
    let settings = server.settings(|d| {
        (d.use_tls, d.ca_file) = (true, Some(own.ca_file.clone()));
        sign_in(d);
    });
    assert_eq!(send(&settings).await, Ok(Accepted { status: 250 }));
    server.heard().await;
}

#[tokio::test]
async fn tls_from_the_first_byte_carries_a_mail() {
    let own = certificate("127.0.0.1");
    let server = Scripted::play([script([
        vec![Tls(own.acceptor.clone())],
        greeted(),
        takes_a_mail(),
        vec![Silence],
    ])])
    .await;
    let settings = server.settings(|d| (d.use_ssl, d.ca_file) = (true, Some(own.ca_file.clone())));
    let transport = Transport::open(&settings).unwrap();
    transport.send(&a_mail()).await.unwrap();
    transport.close().await;
    assert_eq!(server.heard().await[0].last().unwrap(), "QUIT");
}

#[tokio::test]
async fn l_04_a_certificate_is_checked() {
    let (own, other) = (certificate("127.0.0.1"), certificate("mail.example.org"));
    let (error, _) = fails(vec![Tls(own.acceptor.clone())], |d| d.use_ssl = true).await;
    assert_eq!((error.step, error.kind), (Step::Tls, Kind::Transient));
    assert_eq!(error.cause, Cause::Certificate(CertificateFault::Issuer));
    let (error, heard) = fails(
        script([offers_starttls(), vec![Say("220 go"), Tls(other.acceptor)]]),
        |d| {
            (d.use_tls, d.ca_file) = (true, Some(other.ca_file.clone()));
            sign_in(d);
        },
    )
    .await;
    assert_eq!(error.cause, Cause::Certificate(CertificateFault::Name));
    assert!(error.words.contains("mail.example.org"), "{}", error.words);
    assert_eq!(heard.len(), 2, "no sign-in");
}

#[tokio::test]
async fn a_port_without_tls_is_told_apart() {
    let (error, _) = fails(vec![Say("220 mx ESMTP"), Silence], |d| d.use_ssl = true).await;
    assert_eq!((error.step, error.cause), (Step::Tls, Cause::NotTls));
}

#[test]
fn a_ca_file_that_cannot_be_used_is_a_clear_error() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ca.pem");
    let fault = || {
        let draft = MailSettingsDraft {
            use_tls: true,
            ca_file: Some(path.clone()),
            ..MailSettingsDraft::default()
        };
        Transport::open(&MailSettings::check(draft).unwrap())
            .err()
            .unwrap()
            .to_string()
    };
    assert!(fault().contains("No such file"));
    std::fs::write(&path, "hello").unwrap();
    assert!(fault().contains("no certificate"));
}

fn offers_auth(mechanisms: &'static str) -> Vec<Act> {
    vec![Say("220 mx"), Hear("EHLO"), Say(mechanisms)]
}

#[tokio::test]
async fn a_refused_sign_in_is_not_the_mail_s_fault() {
    let refused = vec![Hear(PLAIN), Say("535 5.7.8 bad credentials"), Silence];
    let (error, _) = fails(
        script([offers_auth("250-mx\r\n250 AUTH PLAIN"), refused]),
        sign_in,
    )
    .await;
    assert_eq!(
        (error.step, error.kind, error.status),
        (Step::Auth, Kind::Transient, Some(535))
    );
    assert_eq!(error.words, "5.7.8 bad credentials");
}

#[tokio::test]
async fn r_32_a_server_that_repeats_the_password_is_not_quoted() {
    for answer in ["500 unknown: AUTH PLAIN AGFubgBwYTU1d29yZA==", "500 pa55word?"] {
        let echo = vec![Hear(PLAIN), Say(answer), Silence];
        let (error, _) = fails(script([offers_auth("250-mx\r\n250 AUTH PLAIN"), echo]), sign_in).await;
        assert_eq!(error.status, Some(500));
        assert!(
            !error.words.contains("pa55") && !error.words.contains("AGFu"),
            "{}",
            error.words
        );
    }
}

#[tokio::test]
async fn auth_login_is_spoken_where_plain_is_not() {
    let login = vec![
        Hear("AUTH LOGIN"),
        Say("334 VXNlcm5hbWU6"),
        Hear("YW5u"),
        Say("334 UGFzc3dvcmQ6"),
        Hear("cGE1NXdvcmQ="),
        Say("235 welcome"),
    ];
    let server = Scripted::play([script([
        offers_auth("250-mx\r\n250 AUTH LOGIN"),
        login,
        takes_a_mail(),
    ])])
    .await;
    send(&server.settings(sign_in)).await.unwrap();
    server.heard().await;
}

#[tokio::test]
async fn a_server_without_a_sign_in_we_speak_is_told_apart() {
    let (error, heard) = fails(
        script([offers_auth("250-mx\r\n250 AUTH CRAM-MD5"), vec![Silence]]),
        sign_in,
    )
    .await;
    assert_eq!(
        (error.step, error.cause, error.kind),
        (Step::Auth, Cause::Missing, Kind::Transient)
    );
    assert_eq!(heard.len(), 1);
}
