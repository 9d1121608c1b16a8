//! The log, captured at its most talkative.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

use crate::support::{House, Plan};

const ADDRESS: &str = "canary.log.zebra@birdcage-lq9.example";
const PASSWORD: &str = "Canary-Logged-Passw0rd-51";
const NEXT_PASSWORD: &str = "Canary-Logged-Passw0rd-52";
const AGENT: &str = "CanaryAgent/9.4 \u{1b}[31mred";

/// Where the log goes.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Kept {
    /// Keeps everything this thread logs of our own from now on, as text without colours.
    fn begin(&self) -> tracing::subscriber::DefaultGuard {
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(self.clone())
            .with_ansi(false);
        let ours = Targets::new().with_target("keyledger", LevelFilter::TRACE);
        tracing::subscriber::set_default(registry().with(lines).with(ours))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).expect("a log is text")
    }
}

#[tokio::test]
async fn r_32_l_02_a_whole_recovery_at_trace_level_logs_no_secret_and_no_personal_data() {
    let kept = Kept::default();
    let _guard = kept.begin();
    tracing::info!(target: "keyledger::test", "the log is kept");
    let house = House::with(|_: &mut Plan| {}).await;
    let session = house.sign_up(ADDRESS, PASSWORD).await;
    let verification = house.next_mail_of("email_verification").await;
    let _ = house
        .post(
            "/v1/auth/email/signin",
            serde_json::json!({ "email": ADDRESS, "password": "Canary-Wrong-Passw0rd-53" }),
        )
        .user_agent(AGENT)
        .from_ip("2001:db8:ca4a:77:1:2:3:4")
        .await;
    house.request_reset(ADDRESS).await;
    let reset = house.next_mail_of("password_reset").await;
    let secret = reset.token().expect("a secret in the link");
    house.confirm_reset(ADDRESS, &secret, "short").await;
    house
        .confirm_reset(ADDRESS, &secret, NEXT_PASSWORD)
        .await
        .expect(200);
    let again = house.sign_in(ADDRESS, NEXT_PASSWORD).await.expect(200);
    house.settled().await;
    let log = kept.text();
    assert!(log.contains("the log is kept"));
    let mut canaries = vec![
        reset.code().expect("a code"),
        verification.token().expect("a secret in the link"),
        verification.code().expect("a code"),
        ADDRESS.to_owned(),
        "canary.log.zebra".to_owned(),
        PASSWORD.to_owned(),
        NEXT_PASSWORD.to_owned(),
        "Canary-Wrong-Passw0rd-53".to_owned(),
        secret,
        "CanaryAgent".to_owned(),
        "2001:db8:ca4a:77".to_owned(),
        house.publishable.clone(),
        house.secret.clone(),
    ];
    for reply in [&session, &again] {
        canaries.push(reply.text("accessToken"));
        canaries.push(reply.text("refreshToken"));
    }
    for canary in canaries {
        assert!(!log.contains(&canary), "the log holds {canary:?}:\n{log}");
    }
}

#[tokio::test]
async fn l_02_a_user_agent_or_path_cannot_forge_a_line_of_the_log() {
    let kept = Kept::default();
    let _guard = kept.begin();
    let house = House::start().await;
    for agent in ["x\u{1b}[2Jx", "x\u{7f}FORGED"] {
        let _ = house
            .get("/v1/nowhere/%0d%0aFORGED%1b[31m")
            .user_agent(agent)
            .await;
        let _ = house
            .post(
                "/v1/auth/password/reset/request",
                serde_json::json!({ "email": "a@b.example\r\nFORGED", "x\nFORGED": "\u{1b}[31mFORGED" }),
            )
            .user_agent(agent)
            .await;
    }
    let log = kept.text();
    assert!(!log.contains('\u{1b}'), "{log:?}");
    for line in log.lines() {
        assert!(!line.trim_start().starts_with("FORGED"), "{line:?}");
    }
}
