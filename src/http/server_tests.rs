//! Real sockets on the loopback; short limits instead of sleeps.

#[path = "protocol_tests.rs"]
mod protocol;

use super::*;
use crate::http::reply::ApiError;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::router::{Answer, Hooks, Route, Router, RouterSettings};
use crate::http::{Code, Method, StatusCode};
use bytes::Bytes;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

/// Lets a test hold a request in its handler.
#[derive(Default)]
struct Stage {
    entered: Notify,
    leave: Notify,
}

fn echo(_: Arc<Stage>, request: Request) -> Answer {
    Box::pin(async move {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        request
            .voice
            .ok(&serde_json::json!({"path": request.path, "query": request.query, "body": body}))
    })
}

fn wait(stage: Arc<Stage>, request: Request) -> Answer {
    Box::pin(async move {
        stage.entered.notify_one();
        stage.leave.notified().await;
        request.voice.ok(&serde_json::json!({"waited": true}))
    })
}

fn fail(_: Arc<Stage>, request: Request) -> Answer {
    Box::pin(async move { ApiError::new(Code::InvalidToken).reply(&request.voice) })
}

fn stream(_: Arc<Stage>, _: Request) -> Answer {
    Box::pin(async move {
        let (send, parts) = mpsc::channel(4);
        for part in ["one,", "two,", "three"] {
            let _ = send.send(Bytes::from_static(part.as_bytes())).await;
        }
        Response::stream(StatusCode::OK, "text/plain", parts)
    })
}

/// An answer far larger than the buffers of a socket.
fn flood(_: Arc<Stage>, _: Request) -> Answer {
    Box::pin(async move { Response::text(StatusCode::OK, vec![b'x'; 64 << 20]) })
}

struct House {
    address: SocketAddr,
    stage: Arc<Stage>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<ServeReport>,
}

impl House {
    async fn open(change: impl FnOnce(&mut ServerLimits, &mut RouterSettings)) -> Self {
        let mut limits = ServerLimits::default();
        let mut settings = RouterSettings::new(Arc::new(|| [1; 16]));
        change(&mut limits, &mut settings);
        let stage = Arc::new(Stage::default());
        let routes = vec![
            Route::new(Method::GET, "/echo", (), echo),
            Route::new(Method::POST, "/echo", (), echo),
            Route::new(Method::GET, "/wait", (), wait),
            Route::new(Method::GET, "/fail", (), fail),
            Route::new(Method::GET, "/stream", (), stream),
            Route::new(Method::GET, "/flood", (), flood),
        ];
        let router = Router::new(routes, stage.clone(), settings, Hooks::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, router.into_filter(), limits, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            stage,
            stop: Some(stop),
            task,
        }
    }

    async fn dial(&self) -> Line {
        Line(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends bytes on a connection of its own and reads until the house closes it.
    async fn say(&self, text: &str) -> String {
        let mut line = self.dial().await;
        line.send(text).await;
        line.rest().await
    }

    fn ask_to_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

struct Line(TcpStream);

impl Line {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything until the other side closes; a test that waits 5 s for it has failed.
    async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        let reading = self.0.read_to_end(&mut all);
        // A reset after the answer is a way of closing too.
        let _ = timeout(Duration::from_secs(5), reading)
            .await
            .expect("the connection is closed");
        String::from_utf8_lossy(&all).into_owned()
    }

    /// One answer with a Content-Length.
    async fn answer(&mut self) -> String {
        let mut all = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&all).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .unwrap();
                if body.len() >= length.parse().unwrap() {
                    return text;
                }
            }
            let mut byte = [0; 1];
            let got = timeout(Duration::from_secs(5), self.0.read(&mut byte))
                .await
                .expect("an answer")
                .unwrap();
            assert_eq!(got, 1, "closed early: {text}");
            all.push(byte[0]);
        }
    }
}

const GET: &str = "GET /echo HTTP/1.1\r\nHost: a\r\n\r\n";
const GET_LAST: &str = "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

fn statuses(text: &str) -> Vec<&str> {
    text.match_indices("HTTP/1.1 ")
        .map(|(at, _)| &text[at + 9..at + 12])
        .collect()
}

#[tokio::test]
async fn requests_follow_each_other_on_one_connection() {
    let house = House::open(|_, _| {}).await;
    let mut line = house.dial().await;
    line.send(GET).await;
    assert!(line.answer().await.starts_with("HTTP/1.1 200"));
    line.send(&format!(
        "{GET}POST /echo?a=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi{GET_LAST}"
    ))
    .await;
    let rest = line.rest().await;
    assert_eq!(statuses(&rest), ["200", "200", "200"]);
    assert!(
        rest.contains(r#""query":"a=1","body":"hi""#) || rest.contains(r#""body":"hi""#),
        "{rest}"
    );
}

#[tokio::test]
async fn a_client_that_sends_nothing_or_half_a_head_is_let_go() {
    let house = House::open(|limits, _| limits.head_time_max = Span::millis(60)).await;
    assert_eq!(house.dial().await.rest().await, "");
    assert_eq!(house.say("GET /echo HTTP/1.1\r\nHos").await, "");
    // Drop by drop, each well within the limit; together not.
    let mut line = house.dial().await;
    let start = tokio::time::Instant::now();
    while line.0.write_all(b"x").await.is_ok() && start.elapsed() < Duration::from_secs(5) {
        let mut byte = [0; 1];
        match timeout(Duration::from_millis(10), line.0.read(&mut byte)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(_)) => panic!("no answer is due"),
            Err(_) => {}
        }
    }
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn an_idle_connection_is_let_go() {
    let house = House::open(|limits, _| limits.idle_time_max = Span::millis(60)).await;
    let mut line = house.dial().await;
    line.send(GET).await;
    assert!(line.answer().await.starts_with("HTTP/1.1 200"));
    assert_eq!(line.rest().await, "");
    assert_eq!(house.dial().await.rest().await, "");
}

#[tokio::test]
async fn a_slow_second_head_is_held_to_the_head_limit() {
    let house = House::open(|limits, _| limits.head_time_max = Span::millis(60)).await;
    let mut line = house.dial().await;
    line.send(GET).await;
    line.answer().await;
    line.send("GET /echo").await;
    assert_eq!(line.rest().await, "");
}

#[tokio::test]
async fn a_slow_body_is_answered_408() {
    let house = House::open(|_, settings| settings.body_time_max = Span::millis(60)).await;
    let text = house
        .say("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
        .await;
    assert_eq!(statuses(&text), ["408"]);
    assert!(text.contains("common/request-timeout"), "{text}");
}

#[tokio::test]
async fn a_body_that_breaks_off_reaches_no_handler() {
    let house = House::open(|_, _| {}).await;
    let mut line = house.dial().await;
    line.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        .await;
    let text = line.rest().await;
    assert!(!text.contains("HTTP/1.1 200"), "{text}");
}

#[tokio::test]
async fn an_oversize_body_is_refused_by_length_and_in_chunks() {
    let house = House::open(|_, _| {}).await;
    let big = "x".repeat(17 * 1024);
    let text = house
        .say(&format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{big}",
            big.len()
        ))
        .await;
    assert_eq!(statuses(&text), ["400"]);
    assert!(text.contains("too-large"), "{text}");
    let chunked = format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{big}\r\n0\r\n\r\n",
        big.len()
    );
    let text = house.say(&chunked).await;
    assert_eq!(statuses(&text), ["400"]);
    assert!(text.contains("too-large"), "{text}");
    // Not even read: the answer comes before any byte of the body.
    let text = house
        .say("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n")
        .await;
    assert_eq!(statuses(&text), ["400"]);
}

#[tokio::test]
async fn the_bound_of_the_listener_holds_whatever_a_route_allows() {
    let house = House::open(|limits, _| limits.body_bytes_max = 10).await;
    let text = house.say("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n").await;
    assert_eq!(statuses(&text), ["400"]);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go() {
    let mut house = House::open(|limits, _| {
        limits.write_time_max = Span::millis(60);
        limits.shutdown_time_max = Span::seconds(5);
    })
    .await;
    let mut line = house.dial().await;
    line.send("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut byte = [0; 1];
    line.0.read_exact(&mut byte).await.unwrap();
    house.ask_to_stop();
    let report = timeout(Duration::from_secs(4), house.task)
        .await
        .expect("the stalled client is dropped")
        .unwrap();
    assert_eq!(report.cut, 0, "by its own limit, not by the stop");
}

#[tokio::test]
async fn one_client_has_so_many_connections_and_another_is_not_disturbed() {
    let house = House::open(|limits, _| limits.connections_per_client_max = 2).await;
    let mut first = house.dial().await;
    let mut second = house.dial().await;
    first.send(GET).await;
    first.answer().await;
    second.send(GET).await;
    second.answer().await;
    let third = house.say(GET).await;
    assert_eq!(statuses(&third), ["503"]);
    for part in [
        "common/overloaded",
        "retry-after: 1",
        "x-request-id: ",
        "cache-control: no-store",
    ] {
        assert!(third.contains(part), "{third}");
    }
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = Line(socket.connect(house.address).await.unwrap());
    other.send(GET).await;
    assert!(other.answer().await.starts_with("HTTP/1.1 200"));
    // A place that was given back can be taken again.
    first.send(GET_LAST).await;
    first.rest().await;
    let mut again = String::new();
    while !again.starts_with("HTTP/1.1 200") {
        again = house.say(GET_LAST).await;
    }
}

#[tokio::test]
async fn all_clients_together_have_so_many_connections() {
    let house = House::open(|limits, _| {
        limits.connections_max = 1;
        limits.uncapped = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
    })
    .await;
    let mut first = house.dial().await;
    first.send(GET).await;
    first.answer().await;
    assert_eq!(statuses(&house.say(GET).await), ["503"]);
}

#[tokio::test]
async fn a_stop_lets_the_running_request_finish_and_closes_the_idle_ones() {
    let mut house = House::open(|limits, _| limits.shutdown_time_max = Span::seconds(5)).await;
    let mut idle = house.dial().await;
    idle.send(GET).await;
    idle.answer().await;
    let mut silent = house.dial().await;
    let mut busy = house.dial().await;
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    house.stage.entered.notified().await;
    house.ask_to_stop();
    assert_eq!(idle.rest().await, "");
    assert_eq!(silent.rest().await, "");
    assert!(TcpStream::connect(house.address).await.is_err(), "nobody new");
    house.stage.leave.notify_one();
    assert!(busy.rest().await.contains("waited"));
    let report = timeout(Duration::from_secs(2), house.task)
        .await
        .expect("the stop ends")
        .unwrap();
    assert_eq!(
        report,
        ServeReport {
            accepted: 3,
            turned_away: 0,
            cut: 0
        }
    );
}

#[tokio::test]
async fn a_stop_cuts_what_does_not_finish() {
    let mut house = House::open(|limits, _| limits.shutdown_time_max = Span::millis(60)).await;
    let mut busy = house.dial().await;
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    house.stage.entered.notified().await;
    house.ask_to_stop();
    let report = timeout(Duration::from_secs(2), house.task)
        .await
        .expect("the stop ends")
        .unwrap();
    assert_eq!(report.cut, 1);
    assert_eq!(busy.rest().await, "");
}
