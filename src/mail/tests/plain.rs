//! Conversations in clear text, good and bad.

use super::super::message::tests::a_mail;
use super::super::scripted::Act::{self, Bytes, Hear, Say, Silence};
use super::super::scripted::{Scripted, envelope, greeted, script, takes_a_mail};
use super::super::{Accepted, Cause, Kind, Step, Transport};
use super::{SHORT, fails, send};

#[tokio::test]
async fn a_mail_arrives_byte_for_byte_at_a_server_without_pipelining() {
    let server = Scripted::play([script([greeted(), takes_a_mail()])]).await;
    assert_eq!(send(&server.settings(|_| {})).await, Ok(Accepted { status: 250 }));
    let heard = server.heard().await.remove(0);
    assert_eq!(
        heard[..4],
        [
            "EHLO client.example.org",
            "MAIL FROM:<no-reply@example.org>",
            "RCPT TO:<ann@example.org>",
            "DATA"
        ]
    );
    assert!(heard[4].contains("\r\n..hidden\r\n...\r\n"), "dots are doubled");
    let unstuffed = heard[4].strip_suffix(".\r\n").unwrap().replace("\r\n.", "\r\n");
    assert_eq!(unstuffed.as_bytes(), a_mail().to_mime().unwrap());
}

#[tokio::test]
async fn several_mails_go_over_one_connection() {
    let server = Scripted::play([script([
        greeted(),
        takes_a_mail(),
        takes_a_mail(),
        takes_a_mail(),
        vec![Silence],
    ])])
    .await;
    let transport = Transport::open(&server.settings(|_| {})).unwrap();
    for _ in 0..3 {
        transport.send(&a_mail()).await.unwrap();
    }
    transport.close().await;
    assert_eq!(server.heard().await[0].last().unwrap(), "QUIT");
}

#[tokio::test]
async fn a_temporary_refusal_is_transient_and_the_connection_stays() {
    let refused = vec![
        Hear("MAIL FROM:"),
        Say("250 ok"),
        Hear("RCPT TO:"),
        Say("450 4.2.0 greylisted, come back"),
        Hear("RSET"),
        Say("250 ok"),
    ];
    let server = Scripted::play([script([greeted(), refused, takes_a_mail()])]).await;
    let transport = Transport::open(&server.settings(|_| {})).unwrap();
    let error = transport.send(&a_mail()).await.unwrap_err();
    assert_eq!(
        (error.step, error.kind, error.status),
        (Step::RcptTo, Kind::Transient, Some(450))
    );
    assert_eq!(error.words, "4.2.0 greylisted, come back");
    transport.send(&a_mail()).await.unwrap();
    server.heard().await;
}

#[tokio::test]
async fn a_refused_mail_is_permanent() {
    let taken = [
        greeted(),
        envelope(),
        vec![Hear("DATA"), Say("354 go on"), Act::Mail],
    ];
    let no = vec![
        Say("554-5.7.1 no\r\n554 5.7.1 thanks"),
        Hear("RSET"),
        Say("250 ok"),
    ];
    let (error, _) = fails(script([script(taken), no]), |_| {}).await;
    assert_eq!(
        (error.step, error.kind, error.status),
        (Step::Data, Kind::Permanent, Some(554))
    );
    let refused = vec![
        Hear("MAIL"),
        Say("250 ok"),
        Hear("RCPT"),
        Say("550 5.1.1 no such user"),
        Silence,
    ];
    let (error, _) = fails(script([greeted(), refused]), |d| d.timeout = SHORT).await;
    assert_eq!(
        (error.step, error.kind, error.status),
        (Step::RcptTo, Kind::Permanent, Some(550))
    );
}

#[tokio::test]
async fn a_server_that_will_not_talk_does_not_end_the_mail() {
    let (error, _) = fails(vec![Say("554 5.7.1 blocked"), Silence], |_| {}).await;
    assert_eq!(
        (error.step, error.kind, error.status),
        (Step::Greeting, Kind::Transient, Some(554))
    );
}

#[tokio::test]
async fn a_silent_server_costs_the_time_limit_at_every_step() {
    for (step, acts) in [
        (Step::Greeting, vec![Silence]),
        (Step::Hello, vec![Say("220 mx"), Silence]),
        (Step::MailFrom, script([greeted(), vec![Silence]])),
        (
            Step::RcptTo,
            script([greeted(), vec![Hear("MAIL"), Say("250 ok"), Silence]]),
        ),
        (Step::Data, script([greeted(), envelope(), vec![Silence]])),
        (
            Step::Data,
            script([greeted(), envelope(), vec![Hear("DATA"), Say("354 go"), Silence]]),
        ),
    ] {
        let (error, _) = fails(acts, |d| d.timeout = SHORT).await;
        assert_eq!(
            (error.step, error.cause, error.kind),
            (step, Cause::Timeout, Kind::Transient)
        );
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_in_the_middle_of_a_mail_is_transient() {
    let acts = script([
        greeted(),
        envelope(),
        vec![Hear("DATA"), Say("354 go on"), Bytes(10)],
    ]);
    let (error, _) = fails(acts, |_| {}).await;
    assert_eq!(
        (error.step, error.cause, error.kind),
        (Step::Data, Cause::Network, Kind::Transient)
    );
}

#[tokio::test]
async fn nobody_listening_is_transient() {
    let server = Scripted::play([]).await;
    let settings = server.settings(|_| {});
    server.heard().await;
    let error = send(&settings).await.unwrap_err();
    assert_eq!(
        (error.step, error.cause, error.kind),
        (Step::Connect, Cause::Network, Kind::Transient)
    );
}

#[tokio::test]
async fn what_is_not_smtp_is_told_apart() {
    let (error, _) = fails(vec![Say("HTTP/1.1 400 Bad Request"), Silence], |_| {}).await;
    assert_eq!((error.step, error.cause), (Step::Greeting, Cause::Protocol));
    let endless: Vec<Act> = std::iter::repeat_n(Say("220-more and more and more and more"), 600).collect();
    let (error, _) = fails(script([endless, vec![Silence]]), |_| {}).await;
    assert_eq!((error.step, error.cause), (Step::Greeting, Cause::Protocol));
}

#[tokio::test]
async fn an_address_with_other_letters_needs_a_server_that_reads_them() {
    let mut mail = a_mail();
    mail.to = "앤@bücher.example".into();
    let able = vec![
        Say("220 mx"),
        Hear("EHLO"),
        Say("250-mx\r\n250-8bitmime\r\n250 smtputf8"),
        Hear("MAIL FROM:<no-reply@example.org> SMTPUTF8 BODY=8BITMIME"),
        Say("250 ok"),
        Hear("RCPT TO:<앤@xn--bcher-kva.example>"),
        Say("250 ok"),
        Hear("DATA"),
        Say("354 go on"),
        Act::Mail,
        Say("250 ok"),
    ];
    let server = Scripted::play([able, script([greeted(), vec![Silence]])]).await;
    Transport::open(&server.settings(|_| {}))
        .unwrap()
        .send(&mail)
        .await
        .unwrap();
    let error = Transport::open(&server.settings(|_| {}))
        .unwrap()
        .send(&mail)
        .await
        .unwrap_err();
    assert_eq!((error.cause, error.kind), (Cause::Missing, Kind::Permanent));
    server.heard().await;
}
