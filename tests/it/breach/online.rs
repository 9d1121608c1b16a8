//! The online check: what leaves, what is believed, and what a failure costs.

use std::time::Duration;

use keyledger::breach::{LeakSettings, LeakedHash, Leaks, RANGE_TIME_MAX};
use keyledger::domain::password_policy::{OnlineCheck, RangeUrl};
use keyledger::outgoing::Neighbours;
use tokio::net::TcpListener;

use super::ranges::{Ranges, client};

/// The rest of the hash of `P@ssw0rd`, and padding.
const LISTED: &str = "2DC183F740EE76F27B78EB39C8AD972A757:9\r\n00000000000000000000000000000000000:0";
const BOOT: Duration = Duration::from_secs(100);

fn later(seconds: u64) -> Duration {
    BOOT + Duration::from_secs(seconds)
}

#[tokio::test]
async fn p_07_five_digits_of_the_hash_leave_with_padding_asked_for_and_nothing_else() {
    let ranges = Ranges::answering("200 OK", LISTED).await;
    let (leaks, check) = (ranges.client(), ranges.check());
    assert!(leaks.online(&check, LeakedHash::of("P@ssw0rd"), BOOT).await);
    assert!(
        !leaks
            .online(&check, LeakedHash::of("Loud-Mountain-27"), BOOT)
            .await
    );
    let asked = ranges.asked();
    let port = check.url.port();
    assert_eq!(
        asked[0].replace(&format!(":{port}"), ""),
        "GET /range/21BD1 HTTP/1.1\r\nhost: localhost\r\nuser-agent: keyledger\r\nconnection: close\r\nadd-padding: \
         true\r\n\r\n"
    );
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn p_07_a_password_that_was_seen_no_more_often_than_the_policy_allows_passes() {
    let ranges = Ranges::answering("200 OK", LISTED).await;
    let leaks = ranges.client();
    for (allowed_count, refused) in [(0, true), (8, true), (9, false)] {
        let check = OnlineCheck {
            allowed_count,
            ..ranges.check()
        };
        assert_eq!(
            leaks.online(&check, LeakedHash::of("P@ssw0rd"), BOOT).await,
            refused
        );
    }
}

#[tokio::test]
async fn p_07_no_redirect_is_followed_and_what_is_no_range_is_no_answer() {
    let long = "0".repeat(2 << 20);
    for (status, body) in [
        ("302 Found", LISTED),
        ("503 Service Unavailable", LISTED),
        ("200 OK", "<html>2DC183F740EE76F27B78EB39C8AD972A757:9"),
        ("200 OK", long.as_str()),
    ] {
        let ranges = Ranges::answering(status, body).await;
        let refused = ranges
            .client()
            .online(&ranges.check(), LeakedHash::of("P@ssw0rd"), BOOT)
            .await;
        assert!(!refused, "{status}");
        assert_eq!(ranges.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn p_07_a_name_that_leads_into_a_private_network_is_not_called_unless_the_operator_says_so() {
    let ranges = Ranges::answering("200 OK", LISTED).await;
    let stranger = client(Neighbours::Refused, None);
    assert!(
        !stranger
            .online(&ranges.check(), LeakedHash::of("P@ssw0rd"), BOOT)
            .await
    );
    let port = ranges.check().url.port();
    let literal = OnlineCheck {
        url: RangeUrl::parse(&format!("https://127.0.0.1:{port}")).unwrap(),
        allowed_count: 0,
    };
    assert!(!stranger.online(&literal, LeakedHash::of("P@ssw0rd"), BOOT).await);
    assert!(ranges.asked().is_empty());
}

#[tokio::test]
async fn p_07_a_service_whose_certificate_nobody_vouches_for_learns_nothing() {
    let ranges = Ranges::answering("200 OK", LISTED).await;
    let leaks = client(Neighbours::Allowed, None);
    assert!(
        !leaks
            .online(&ranges.check(), LeakedHash::of("P@ssw0rd"), BOOT)
            .await
    );
    assert!(ranges.asked().iter().all(String::is_empty));
}

#[tokio::test]
async fn p_07_a_service_that_failed_is_left_alone_for_ten_seconds() {
    let ranges = Ranges::answering("500 Internal Server Error", "").await;
    let (leaks, check) = (ranges.client(), ranges.check());
    for seconds in [0, 1, 9, 10, 11] {
        assert!(
            !leaks
                .online(&check, LeakedHash::of("P@ssw0rd"), later(seconds))
                .await
        );
    }
    assert_eq!(ranges.asked().len(), 2);
}

#[tokio::test]
async fn p_07_a_service_that_says_nothing_is_given_up_when_its_time_is_over() {
    // The system takes the connection; nobody speaks.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let check = OnlineCheck {
        url: RangeUrl::parse(&format!(
            "https://localhost:{}",
            silent.local_addr().unwrap().port()
        ))
        .unwrap(),
        allowed_count: 0,
    };
    assert_eq!(LeakSettings::default().patience, RANGE_TIME_MAX);
    assert_eq!(RANGE_TIME_MAX, Duration::from_secs(1));
    let leaks = Leaks::open(LeakSettings {
        neighbours: Neighbours::Allowed,
        patience: Duration::from_millis(40),
        ..LeakSettings::default()
    })
    .unwrap();
    assert!(!leaks.online(&check, LeakedHash::of("P@ssw0rd"), BOOT).await);
}
