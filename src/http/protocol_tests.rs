//! What is said on the wire, byte by byte: framing, smuggling, methods, `Host` (L-07, L-08, R-12).

use super::*;

#[tokio::test]
async fn heads_are_bounded_in_bytes_and_fields() {
    let house = House::open(|_, _| {}).await;
    let text = house
        .say(&format!(
            "GET /echo HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
            "x".repeat(17 * 1024)
        ))
        .await;
    assert_eq!(statuses(&text), ["431"]);
    let fields = |n| "X: y\r\n".repeat(n);
    let text = house
        .say(&format!("GET /echo HTTP/1.1\r\nHost: a\r\n{}\r\n", fields(64)))
        .await;
    assert_eq!(statuses(&text), ["400"]);
    let text = house
        .say(&format!(
            "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n",
            fields(62)
        ))
        .await;
    assert_eq!(statuses(&text), ["200"]);
}

#[tokio::test]
async fn l_08_smuggling_is_refused_and_nothing_behind_it_is_obeyed() {
    let house = House::open(|_, _| {}).await;
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length : 5\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\x0bchunked\r\n",
        "X: y\r\n folded\r\n",
        "Content-Length:\r\n 5\r\n",
        "X\x00Y: z\r\n",
        "X: a\rb\r\n",
    ] {
        let text = house
            .say(&format!(
                "POST /echo HTTP/1.1\r\nHost: a\r\n{lines}\r\n0\r\n\r\n{GET}{GET_LAST}"
            ))
            .await;
        assert_eq!(statuses(&text), ["400"], "{lines:?} {text}");
    }
    let text = house
        .say("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        .await;
    assert!(!text.contains(" 200 "), "{text}");
}

#[tokio::test]
async fn l_08_the_request_before_a_doubtful_one_is_answered() {
    let house = House::open(|_, _| {}).await;
    let bad = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi";
    let text = house
        .say(&format!(
            "{GET}POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi{bad}{GET}"
        ))
        .await;
    assert_eq!(statuses(&text), ["200", "200", "400"]);
}

#[tokio::test]
async fn l_08_a_request_in_chunks_is_the_last_of_its_connection() {
    let house = House::open(|_, _| {}).await;
    let text = house
        .say(&format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n{GET}"
        ))
        .await;
    assert_eq!(statuses(&text), ["200"]);
    assert!(
        text.contains("connection: close") && text.contains(r#""body":"hi""#),
        "{text}"
    );
}

#[tokio::test]
async fn r_12_the_host_is_demanded_once_and_never_used() {
    let house = House::open(|_, _| {}).await;
    let last = "Connection: close\r\n\r\n";
    assert_eq!(
        statuses(
            &house
                .say(&format!("GET /echo HTTP/1.1\r\nHost: a\r\nHost: a\r\n{last}"))
                .await
        ),
        ["400"]
    );
    assert_eq!(
        statuses(&house.say(&format!("GET /echo HTTP/1.1\r\n{last}")).await),
        ["400"]
    );
    let plain = house
        .say(&format!("GET /echo HTTP/1.1\r\nHost: a\r\n{last}"))
        .await;
    let evil = house.say(&format!("GET http://evil.example/echo HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n{last}")).await;
    let body = |text: &str| text.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert_eq!(body(&plain), body(&evil));
    assert!(!evil.contains("evil"));
}

#[tokio::test]
async fn l_07_trace_and_connect_are_refused() {
    let house = House::open(|_, _| {}).await;
    for text in [
        "TRACE /echo HTTP/1.1\r\nHost: a\r\nX-Secret: s\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        "TRACE http://a HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let answer = house.say(text).await;
        assert_eq!(statuses(&answer), ["405"]);
        assert!(
            answer.contains("allow:") && !answer.contains("X-Secret"),
            "{answer}"
        );
    }
    let text = house.say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!text.contains(" 200 "), "no HTTP/2 in clear text: {text}");
}

#[tokio::test]
async fn head_has_the_length_of_get_and_no_body() {
    let house = House::open(|_, _| {}).await;
    let get = house.say(GET_LAST).await;
    let head = house.say(&GET_LAST.replace("GET", "HEAD")).await;
    let length = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("content-length"))
            .unwrap()
            .to_owned()
    };
    assert_eq!(length(&head), length(&get));
    assert!(head.ends_with("\r\n\r\n"));
}

#[tokio::test]
async fn a_stream_arrives_whole() {
    let house = House::open(|_, _| {}).await;
    let text = house
        .say("GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    assert!(text.contains("transfer-encoding: chunked"), "{text}");
    for part in ["one,", "two,", "three"] {
        assert!(text.contains(part));
    }
}

#[tokio::test]
async fn a_domain_401_keeps_the_connection() {
    let house = House::open(|_, _| {}).await;
    let text = house
        .say(&format!("GET /fail HTTP/1.1\r\nHost: a\r\n\r\n{GET_LAST}"))
        .await;
    assert_eq!(statuses(&text), ["401", "200"]);
}
