//! Clients that nobody here wrote: the calls as the documents of hosted backends show them, sent by curl and by `fetch`, and
//! helpers as people put around them.

use std::process::Command;

use keyledger::types::Span;

use super::call::Tokens;
use super::house::{House, JI};

const OLD: &str = "MyP@ssw0rd!";
const NEW: &str = "NewP@ssw0rd!";
const USER: &str = "user@example.com";

const CURL_REQUEST: &str = r#"curl -X POST https://api.example.com/v1/auth/password/reset/request \
  -H "Content-Type: application/json" \
  -H "X-API-Key: {pk_publishable_key}" \
  -d '{
    "email": "user@example.com"
  }'"#;

const CURL_CONFIRM: &str = r#"curl -X POST https://api.example.com/v1/auth/password/reset/confirm \
  -H "Content-Type: application/json" \
  -H "X-API-Key: {pk_publishable_key}" \
  -d '{
    "email": "user@example.com",
    "token": "{reset_token}",
    "newPassword": "NewP@ssw0rd!"
  }'"#;

const CURL_CHANGE: &str = r#"curl -X POST https://api.example.com/v1/auth/password/change \
  -H "Content-Type: application/json" \
  -H "X-API-Key: {pk_publishable_key}" \
  -H "Authorization: Bearer {accessToken}" \
  -d '{
    "currentPassword": "MyP@ssw0rd!",
    "newPassword": "NewP@ssw0rd!"
  }'"#;

const FETCH_CHANGE: &str = r"const response = await fetch('https://api.example.com/v1/auth/password/change', {
  method: 'POST',
  headers: {
    'Content-Type': 'application/json',
    'X-API-Key': '{pk_publishable_key}',
    'Authorization': `Bearer ${accessToken}`,
  },
  body: JSON.stringify({
    currentPassword: 'MyP@ssw0rd!',
    newPassword: 'NewP@ssw0rd!',
  }),
});
console.log(response.status, (await response.json()).success);";

/// Repeats a call for as long as it is answered 401, as some helpers do.
const STUBBORN: &str = r"
async function stubborn(path, body, headers = {}) {
  for (let calls = 1; calls <= 100; calls++) {
    const response = await fetch(base + path, {
      method: body ? 'POST' : 'GET',
      headers: { 'Content-Type': 'application/json', 'X-API-Key': key, ...headers },
      body: body && JSON.stringify(body),
    });
    if (response.status !== 401) return `${response.status}`;
  }
  return 'never ended';
}
const bearer = { Authorization: `Bearer ${accessToken}` };
console.log([
  await stubborn('/v1/auth/me', null, { Authorization: 'Bearer nonsense' }),
  await stubborn('/v1/auth/refresh', { refreshToken: 'nonsense' }),
  await stubborn('/v1/auth/email/signin', { email: 'user@example.com', password: 'Wr0ng-password' }),
  await stubborn('/v1/auth/password/change', { currentPassword: 'Wr0ng-password', newPassword: 'NewP@ssw0rd!' }, bearer),
  await stubborn('/v1/auth/mfa/enable', { password: 'Wr0ng-password' }, bearer),
].join(' '));";

/// Exchanges the refresh token after a 401, and calls again: three calls at once, each by itself.
const REFRESHING: &str = r"
async function call(path) {
  const send = () => fetch(base + path, { headers: { 'X-API-Key': key, Authorization: `Bearer ${accessToken}` } });
  let response = await send();
  if (response.status === 401) {
    const refreshed = await fetch(base + '/v1/auth/refresh', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-API-Key': key },
      body: JSON.stringify({ refreshToken }),
    });
    if (!refreshed.ok) return 'signed out';
    const tokens = await refreshed.json();
    accessToken = tokens.accessToken;
    next.add(tokens.refreshToken);
    response = await send();
  }
  return response.status;
}
const next = new Set();
const statuses = await Promise.all([call('/v1/auth/me'), call('/v1/auth/sessions'), call('/v1/auth/addresses')]);
console.log(statuses.join(' '), next.size);";

/// Somebody whose password is the one of the documents.
async fn resident(house: &House) -> Tokens {
    let body = serde_json::json!({"email": USER, "password": OLD, "name": "User"});
    let answer = house.post("/v1/auth/email/signup", &body).send().await;
    answer.assert(201);
    answer.tokens()
}

/// The sample with this house's address and key in the place of theirs.
fn filled(house: &House, sample: &str) -> String {
    sample
        .replace(
            "https://api.example.com",
            &format!("http://{}", house.inner.addr()),
        )
        .replace("{pk_publishable_key}", house.key())
}

/// Runs a program, and says what it printed.
async fn run(program: &'static str, words: &'static [&'static str], text: String) -> String {
    let ran = tokio::task::spawn_blocking(move || Command::new(program).args(words).arg(&text).output());
    let ran = ran.await.unwrap();
    let ran = ran.unwrap_or_else(|error| panic!("{program}: {error} (tests/run installs it)"));
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

async fn shell(text: String) -> serde_json::Value {
    let said = run("bash", &["-c"], text.replacen("curl", "curl --silent", 1)).await;
    serde_json::from_str(&said).unwrap()
}

async fn node(house: &House, tokens: &Tokens, text: &str) -> String {
    let Tokens { access, refresh } = tokens;
    let known = format!(
        "const base = 'http://{}', key = '{}';\nlet accessToken = '{access}', refreshToken = '{refresh}';\n",
        house.inner.addr(),
        house.key()
    );
    run(
        "node",
        &["--input-type=module", "--eval"],
        known + &filled(house, text),
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_calls_of_curl_work_as_they_stand() {
    let house = House::open().await;
    let tokens = resident(&house).await;
    let asked = shell(filled(&house, CURL_REQUEST)).await;
    assert_eq!(asked["success"], true, "{asked}");
    let mail = house.mail("password_reset", USER).await;
    let confirm = filled(&house, CURL_CONFIRM).replace("{reset_token}", &mail.secret);
    let confirmed = shell(confirm.clone()).await;
    assert_eq!(confirmed["success"], true, "{confirmed}");
    house.sign_in(USER, NEW).ok().await;
    let again = shell(confirm).await;
    assert_eq!(again["error"]["code"], "auth/verification-token-not-found");
    let change = filled(&house, CURL_CHANGE).replace("{accessToken}", &tokens.access);
    let refused = shell(change).await;
    assert_eq!(
        refused["error"]["code"], "auth/session-expired",
        "the recovery ended it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_change_of_a_password_works_with_curl_and_with_fetch() {
    let house = House::open().await;
    let tokens = resident(&house).await;
    assert_eq!(node(&house, &tokens, FETCH_CHANGE).await, "200 true");
    house.sign_in(USER, NEW).ok().await;

    let house = House::open().await;
    let tokens = resident(&house).await;
    let change = filled(&house, CURL_CHANGE).replace("{accessToken}", &tokens.access);
    let changed = shell(change).await;
    assert_eq!(changed["success"], true, "{changed}");
    house.sign_in(USER, NEW).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_helper_that_repeats_after_every_401_is_told_to_stop() {
    let house = House::open().await;
    let tokens = resident(&house).await;
    assert_eq!(node(&house, &tokens, STUBBORN).await, "429 429 429 429 429");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_calls_at_once_with_an_expired_token_sign_nobody_out() {
    let house = House::open().await;
    let tokens = resident(&house).await;
    house.sign_up(JI).await;
    house.wait(Span::hours(1));
    assert_eq!(node(&house, &tokens, REFRESHING).await, "200 200 200 1");
    let events = house.events();
    assert!(!events.contains(&"RefreshReplayed"), "{events:?}");
    assert_eq!(house.user(USER, |user| user.sessions.len()), 1);
}
