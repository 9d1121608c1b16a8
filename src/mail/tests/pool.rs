//! Connections kept between mails.

use std::sync::Arc;
use std::time::Duration;

use super::super::message::tests::a_mail;
use super::super::scripted::Act::{self, Hear, Say, Serve, Silence};
use super::super::scripted::{Scripted, envelope, greeted, script, takes_a_mail};
use super::super::{Kind, Step, Transport};

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_is_replaced_unnoticed() {
    let first = script([greeted(), takes_a_mail()]);
    let second = script([greeted(), takes_a_mail(), vec![Say("421 4.4.2 idle too long")]]);
    let third = script([greeted(), takes_a_mail()]);
    let server = Scripted::play([first, second, third]).await;
    let transport = Transport::open(&server.settings(|_| {})).unwrap();
    for _ in 0..3 {
        transport.send(&a_mail()).await.unwrap();
    }
    server.heard().await;
}

#[tokio::test]
async fn a_replaced_connection_is_not_replaced_again() {
    let server = Scripted::play([
        script([greeted(), takes_a_mail()]),
        script([greeted(), vec![Hear("MAIL"), Say("421 bye")]]),
    ])
    .await;
    let transport = Transport::open(&server.settings(|_| {})).unwrap();
    transport.send(&a_mail()).await.unwrap();
    let error = transport.send(&a_mail()).await.unwrap_err();
    assert_eq!(
        (error.step, error.status, error.kind),
        (Step::MailFrom, Some(421), Kind::Transient)
    );
    server.heard().await;
}

#[tokio::test]
async fn a_mail_whose_fate_is_unknown_is_not_sent_twice_in_one_attempt() {
    let vanishes = [envelope(), vec![Hear("DATA"), Say("354 go on"), Act::Mail]];
    let server = Scripted::play([script([greeted(), takes_a_mail(), script(vanishes)])]).await;
    let transport = Transport::open(&server.settings(|_| {})).unwrap();
    transport.send(&a_mail()).await.unwrap();
    let error = transport.send(&a_mail()).await.unwrap_err();
    assert_eq!((error.step, error.kind), (Step::Data, Kind::Transient));
    server.heard().await;
}

#[tokio::test]
async fn many_senders_share_few_connections() {
    let server = Scripted::play([script([greeted(), vec![Serve]]), script([greeted(), vec![Serve]])]).await;
    let transport = Arc::new(Transport::open(&server.settings(|d| d.connections_max = 2)).unwrap());
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let transport = Arc::clone(&transport);
        senders.spawn(async move { transport.send(&a_mail()).await });
    }
    while let Some(outcome) = senders.join_next().await {
        outcome.unwrap().unwrap();
    }
    transport.close().await;
    let mails: usize = server.heard().await.iter().map(|lines| lines.len() - 1).sum();
    assert_eq!(mails, 10);
}

#[tokio::test]
async fn an_unused_connection_is_closed() {
    let server = Scripted::play([script([greeted(), takes_a_mail(), vec![Silence]])]).await;
    let transport = Transport::open(&server.settings(|d| d.idle_limit = Duration::from_millis(40))).unwrap();
    transport.send(&a_mail()).await.unwrap();
    assert_eq!(server.heard().await[0].last().unwrap(), "QUIT");
    drop(transport);
}
