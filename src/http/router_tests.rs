use super::*;
use warp::http::StatusCode;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Access {
    Open,
    Shut,
}

struct State;

/// Says what arrived.
fn echo(_: Arc<State>, request: Request) -> Answer {
    Box::pin(async move {
        let seen = serde_json::json!({
            "path": request.path,
            "id": request.param("id"),
            "length": request.body().len(),
            "found": request.found::<u8>(),
            "ip": request.client.ip.to_string(),
        });
        request.voice.ok(&seen)
    })
}

fn fixed(_: Arc<State>, request: Request) -> Answer {
    Box::pin(async move { request.voice.ok(&serde_json::json!({"fixed": true})) })
}

fn explode(_: Arc<State>, _: Request) -> Answer {
    Box::pin(async move { std::panic::panic_any("hunter2") })
}

fn explode_at_once(_: Arc<State>, _: Request) -> Answer {
    std::panic::panic_any("hunter2")
}

fn never(_: Arc<State>, _: Request) -> Answer {
    Box::pin(std::future::pending())
}

fn router() -> Router<State, Access> {
    let open = |method, pattern, handler: Handler<State>| Route::new(method, pattern, Access::Open, handler);
    let routes = vec![
        open(Method::GET, "/v1/auth/me", echo),
        open(Method::POST, "/v1/things", echo),
        open(Method::GET, "/v1/things/{id}", echo),
        open(Method::DELETE, "/v1/things/{id}", echo),
        open(Method::GET, "/v1/things/all", fixed),
        open(Method::GET, "/v1/{kind}/all", echo),
        open(Method::GET, "/explode", explode),
        open(Method::GET, "/explode-at-once", explode_at_once),
        open(Method::GET, "/never", never),
        Route::new(Method::POST, "/shut", Access::Shut, echo),
        open(Method::POST, "/large", echo).with_body_bytes_max(100_000),
        open(Method::GET, "/v1/admin/x", echo),
    ];
    let mut settings = RouterSettings::new(Arc::new(|| [7; 16]));
    settings.handler_time_max = Span::millis(30);
    let hooks = Hooks {
        gate: |_, access, request| match access {
            Access::Open => {
                request.keep(7_u8);
                Ok(())
            }
            Access::Shut => Err(Code::InvalidApiKey.into()),
        },
        finish: |_, access, head, response| {
            let known = if access.is_some() { "route" } else { "none" };
            response
                .headers
                .insert("x-finished", HeaderValue::from_static(known));
            assert!(!head.headers.contains_key("x-break-finish"), "on purpose");
        },
    };
    Router::new(routes, Arc::new(State), settings, hooks)
}

fn arrival(method: Method, path: &str) -> Arrival {
    Arrival {
        method,
        path: path.to_owned(),
        query: String::new(),
        headers: HeaderMap::new(),
        peer: Peer::at(([192, 0, 2, 1], 1).into()),
    }
}

async fn ask(method: Method, path: &str) -> Response {
    router().answer_whole(arrival(method, path), Bytes::new()).await
}

fn body(response: &Response) -> serde_json::Value {
    serde_json::from_slice(response.bytes().unwrap()).unwrap()
}

#[tokio::test]
async fn a_path_is_matched_exactly_and_its_parameters_decoded() {
    assert_eq!(
        body(&ask(Method::GET, "/v1/auth/me").await)["path"],
        "/v1/auth/me"
    );
    assert_eq!(
        body(&ask(Method::GET, "/v1/things/a%20b%2Fc+d").await)["id"],
        "a b/c+d"
    );
    assert_eq!(body(&ask(Method::GET, "/v1/things/all").await)["fixed"], true);
    assert_eq!(ask(Method::GET, "/v1/other/all").await.status, 200);
    for path in [
        "/",
        "",
        "/v1/auth/me/",
        "//v1/auth/me",
        "/v1/auth/%6de",
        "/v1/auth/../auth/me",
        "/v1/things/",
        "/v1/things/a/",
        "/v1/things/%zz",
        "/v1/things/%ff",
        "/v1/things/a%0Ab",
        "/V1/auth/me",
        "v1",
    ] {
        let response = ask(Method::GET, path).await;
        assert_eq!(response.status, 404, "{path}");
        assert_eq!(body(&response)["code"], "common/not-found");
    }
}

#[tokio::test]
async fn l_07_the_path_is_looked_at_before_the_method() {
    for (method, path, allow) in [
        (Method::POST, "/v1/auth/me", "GET, HEAD, OPTIONS"),
        (Method::GET, "/v1/things", "OPTIONS, POST"),
        (Method::PUT, "/v1/things/1", "DELETE, GET, HEAD, OPTIONS"),
        (Method::from_bytes(b"FOO").unwrap(), "/shut", "OPTIONS, POST"),
        (Method::TRACE, "/v1/auth/me", "GET, HEAD, OPTIONS"),
        (Method::TRACE, "/nothing", ""),
        (Method::CONNECT, "", ""),
        (Method::HEAD, "/v1/things", "OPTIONS, POST"),
    ] {
        let response = ask(method.clone(), path).await;
        assert_eq!(response.status, 405, "{method} {path}");
        assert_eq!(response.headers["allow"], allow);
    }
    assert_eq!(ask(Method::POST, "/nothing").await.status, 404);
    assert_eq!(ask(Method::OPTIONS, "/nothing").await.status, 404);
}

#[tokio::test]
async fn head_is_get_without_a_body_and_options_is_not_empty() {
    let head = ask(Method::HEAD, "/v1/auth/me").await;
    let get = ask(Method::GET, "/v1/auth/me").await;
    assert_eq!(head.status, 200);
    assert!(head.bytes().unwrap().is_empty());
    assert_eq!(
        head.headers["content-length"],
        get.bytes().unwrap().len().to_string()
    );
    let options = ask(Method::OPTIONS, "/shut").await;
    assert_eq!(
        (options.status, body(&options)["success"].as_bool()),
        (StatusCode::OK, Some(true))
    );
    assert_eq!(options.headers["allow"], "OPTIONS, POST");
    assert_eq!(ask(Method::OPTIONS, "*").await.status, 200);
}

#[tokio::test]
async fn every_answer_has_the_common_headers_and_passes_the_last_hook() {
    for (path, known) in [
        ("/v1/auth/me", "route"),
        ("/nothing", "none"),
        ("/explode", "route"),
    ] {
        let response = ask(Method::GET, path).await;
        assert_eq!(response.headers["x-request-id"], "07".repeat(16));
        assert_eq!(response.headers["cache-control"], "no-store");
        assert_eq!(response.headers["x-content-type-options"], "nosniff");
        assert_eq!(response.headers["x-finished"], known);
    }
}

#[tokio::test]
async fn the_gate_stands_before_the_body_and_can_leave_word() {
    let large = Bytes::from(vec![b'x'; BODY_BYTES_MAX + 1]);
    let shut = router()
        .answer_whole(arrival(Method::POST, "/shut"), large.clone())
        .await;
    assert_eq!(
        (shut.status.as_u16(), &body(&shut)["code"]),
        (401, &"auth/invalid-api-key".into())
    );
    assert_eq!(body(&ask(Method::GET, "/v1/auth/me").await)["found"], 7);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read() {
    let send = async |path, len: usize| {
        router()
            .answer_whole(arrival(Method::POST, path), Bytes::from(vec![b'x'; len]))
            .await
    };
    assert_eq!(
        body(&send("/v1/things", BODY_BYTES_MAX).await)["length"],
        BODY_BYTES_MAX
    );
    let refused = send("/v1/things", BODY_BYTES_MAX + 1).await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        body(&refused)["error"]["details"],
        serde_json::json!([{"field": "body", "reason": "too-large"}])
    );
    assert_eq!(refused.headers["connection"], "close");
    assert_eq!(send("/large", 100_000).await.status, 200);
}

#[tokio::test]
async fn l_05_a_panic_is_answered_without_its_message() {
    for path in ["/explode", "/explode-at-once"] {
        let response = ask(Method::GET, path).await;
        assert_eq!(response.status, 500);
        assert_eq!(body(&response)["code"], "common/internal");
        assert_eq!(body(&response)["error"]["requestId"], "07".repeat(16));
        assert!(!String::from_utf8_lossy(response.bytes().unwrap()).contains("hunter2"));
    }
    let mut broken = arrival(Method::GET, "/v1/auth/me");
    broken
        .headers
        .insert("x-break-finish", HeaderValue::from_static("1"));
    assert_eq!(router().answer_whole(broken, Bytes::new()).await.status, 500);
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_answered_for() {
    let response = ask(Method::GET, "/never").await;
    assert_eq!(response.status, 503);
    assert_eq!(response.headers["retry-after"], "1");
}

#[tokio::test]
async fn l_08_a_doubtful_request_reaches_no_handler() {
    for doubt in [Doubt::Length, Doubt::Host, Doubt::HeaderCount] {
        let mut arrival = arrival(Method::GET, "/v1/auth/me");
        arrival.peer.doubt = Some(doubt);
        let response = router().answer_whole(arrival, Bytes::new()).await;
        assert_eq!(response.status, 400);
        assert_eq!(response.headers["connection"], "close");
    }
}

#[tokio::test]
async fn the_admin_api_is_bare_whatever_the_setting() {
    let response = ask(Method::GET, "/v1/admin/x").await;
    assert!(body(&response).get("success").is_none());
}

#[test]
#[should_panic(expected = "one route for each method")]
fn two_routes_of_one_method_and_path_are_a_bug() {
    let route = || Route::new(Method::GET, "/a", Access::Open, echo as Handler<State>);
    let _ = Table::new(vec![route(), route()]);
}

#[test]
#[should_panic(expected = "patterns differ in more than names")]
fn two_patterns_that_differ_in_names_only_are_a_bug() {
    let route = |pattern| Route::new(Method::GET, pattern, Access::Open, echo as Handler<State>);
    let _ = Table::new(vec![route("/a/{x}"), route("/a/{y}")]);
}
