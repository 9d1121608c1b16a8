//! The story: an account, a lost password, a mail, a way back in, and the proof of it all.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Trouble;
use super::client::{Answer, exchange};
use super::stage::Stage;
use crate::app::App;
use crate::desk::{Desk, EventFilter, Line};
use crate::mail::sink::{ReceivedMail, Sink};
use crate::types::Locale;

const ADA: &str = "ada@example.org";
const NOBODY: &str = "nobody@example.org";
const OLD_PASSWORD: &str = "Lost-and-forgotten-1";
const NEW_PASSWORD: &str = "Found-and-remembered-2";
const LAPTOP: &str =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36";
const PHONE: &str = "Mozilla/5.0 (Android 14; Mobile; rv:126.0) Gecko/126.0 Firefox/126.0";

/// How long the demo waits for a mail, and for its fate to be in the ledger.
const MAIL_LIMIT: Duration = Duration::from_secs(5);

pub(super) struct Act<'a, 'o> {
    stage: &'a mut Stage<'o>,
    app: &'a App,
    sink: &'a Sink,
    api_key: &'a SecretString,
    folder: &'a Path,
}

/// A device that is signed in.
struct Device {
    name: &'static str,
    access: String,
    refresh: String,
}

impl<'a, 'o> Act<'a, 'o> {
    pub(super) fn new(
        stage: &'a mut Stage<'o>,
        app: &'a App,
        sink: &'a Sink,
        api_key: &'a SecretString,
        folder: &'a Path,
    ) -> Self {
        Self {
            stage,
            app,
            sink,
            api_key,
            folder,
        }
    }

    pub(super) async fn play(mut self) -> Result<(), Trouble> {
        self.open();
        self.sign_up().await?;
        let devices = self.sign_in_twice().await?;
        self.ask_for_a_reset().await?;
        let mail = self.receive_the_mail().await?;
        let token = mail.token().ok_or_else(|| broken("the mail has a link"))?;
        self.set_the_new_password(&token).await?;
        self.show_that_both_are_out(&devices).await?;
        self.show_that_the_old_is_refused(&token).await?;
        self.receive_the_notice().await?;
        self.tell_the_events().await?;
        self.prove_the_ledger().await
    }

    fn open(&mut self) {
        self.stage.step("A ledger, the service and a mail server start");
        let (folder, addr, sink) = (self.folder.display(), self.app.addr(), self.sink.addr());
        let text = format!(
            "data folder: {folder}\nservice:     http://{addr}\nmail server: {sink} (it keeps what it gets)"
        );
        self.stage.show(&text);
    }

    async fn sign_up(&mut self) -> Result<(), Trouble> {
        self.stage.step("Ada signs up");
        let body = json!({ "email": ADA, "password": OLD_PASSWORD, "name": "Ada" });
        let answer = self.post("/v1/auth/email/signup", LAPTOP, &body).await?;
        self.expect(&answer, 201, "the account is made")?;
        let mail = self.sink.next_mail(MAIL_LIMIT).await?;
        let subject = mail.subject();
        self.check(
            mail.header("X-Keyledger-Mail").as_deref() == Some("email_verification"),
            &format!("a mail asks to verify the address: \u{201c}{subject}\u{201d}"),
        )
    }

    async fn sign_in_twice(&mut self) -> Result<[Device; 2], Trouble> {
        self.stage.step("Ada signs in on two devices");
        let laptop = self.sign_in("laptop", LAPTOP).await?;
        let phone = self.sign_in("phone", PHONE).await?;
        Ok([laptop, phone])
    }

    async fn sign_in(&mut self, name: &'static str, agent: &str) -> Result<Device, Trouble> {
        let body = json!({ "email": ADA, "password": OLD_PASSWORD });
        let answer = self.post("/v1/auth/email/signin", agent, &body).await?;
        self.expect(&answer, 200, &format!("the {name} is signed in"))?;
        let body = answer.json();
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        let device = Device {
            name,
            access: text("accessToken"),
            refresh: text("refreshToken"),
        };
        let me = self.me(&device).await?;
        self.check(
            me.status == 200 && me.json()["email"] == ADA,
            &format!("the {name} sees Ada's account"),
        )?;
        Ok(device)
    }

    async fn ask_for_a_reset(&mut self) -> Result<(), Trouble> {
        self.stage
            .step("Somebody asks for a reset, for Ada and for an address without an account");
        let target = "/v1/auth/password/reset/request";
        let known = self.post(target, PHONE, &json!({ "email": ADA })).await?;
        let unknown = self.post(target, PHONE, &json!({ "email": NOBODY })).await?;
        for (address, answer) in [(ADA, &known), (NOBODY, &unknown)] {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            self.stage.show(&format!("{address}: {} {body}", answer.status));
        }
        self.check(
            known.status == 200 && known.status == unknown.status && known.body == unknown.body,
            "the answers are equal, byte for byte",
        )?;
        self.check(
            shape(&known) == shape(&unknown),
            "so are their header fields, but for the request's id",
        )
    }

    async fn receive_the_mail(&mut self) -> Result<Arc<ReceivedMail>, Trouble> {
        self.stage.step("The mail arrives");
        let mail = self.sink.next_mail(MAIL_LIMIT).await?;
        self.check(mail.to == [ADA], "it went to Ada, and nobody else got one")?;
        for name in ["From", "To", "Subject", "X-Keyledger-Mail"] {
            let value = mail.header(name).unwrap_or_default();
            self.stage.show(&format!("{name}: {value}"));
        }
        self.stage.show("\u{2500}".repeat(60).as_str());
        self.stage.show(&mail.text_part().unwrap_or_default());
        self.stage.show("\u{2500}".repeat(60).as_str());
        self.check(mail.code().is_some(), "it has a link, and a code to type instead")?;
        Ok(mail)
    }

    async fn set_the_new_password(&mut self, token: &str) -> Result<(), Trouble> {
        self.stage.step("Ada sets a new password with the mailed secret");
        let answer = self.confirm(token, NEW_PASSWORD).await?;
        self.expect(&answer, 200, "the password is set")?;
        self.check(
            answer.json()["accessToken"].is_null(),
            "nobody is signed in by that: proving a mailbox is not signing in",
        )
    }

    async fn show_that_both_are_out(&mut self, devices: &[Device]) -> Result<(), Trouble> {
        self.stage.step("Both devices are out");
        for device in devices {
            let name = device.name;
            let me = self.me(device).await?;
            self.expect(&me, 401, &format!("the {name}'s session is over"))?;
            let body = json!({ "refreshToken": device.refresh });
            let refreshed = self.post("/v1/auth/refresh", LAPTOP, &body).await?;
            self.expect(
                &refreshed,
                401,
                &format!("the {name}'s refresh token is worthless"),
            )?;
        }
        Ok(())
    }

    async fn show_that_the_old_is_refused(&mut self, token: &str) -> Result<(), Trouble> {
        self.stage
            .step("What was good before is refused, and the new password works");
        let sign_in = |password: &str| json!({ "email": ADA, "password": password });
        let target = "/v1/auth/email/signin";
        let old = self.post(target, LAPTOP, &sign_in(OLD_PASSWORD)).await?;
        self.expect(&old, 401, "the old password")?;
        let again = self.confirm(token, "Another-attempt-3").await?;
        self.expect(&again, 404, "the used token")?;
        let new = self.post(target, LAPTOP, &sign_in(NEW_PASSWORD)).await?;
        self.expect(&new, 200, "the new password signs in")
    }

    async fn receive_the_notice(&mut self) -> Result<(), Trouble> {
        self.stage.step("Ada is told");
        let mail = self.sink.next_mail(MAIL_LIMIT).await?;
        let subject = mail.subject();
        self.check(
            mail.header("X-Keyledger-Mail").as_deref() == Some("password_changed") && mail.token().is_none(),
            &format!("a notice came, which opens nothing: \u{201c}{subject}\u{201d}"),
        )?;
        let mail = self.sink.next_mail(MAIL_LIMIT).await?;
        let subject = mail.subject();
        self.check(
            mail.header("X-Keyledger-Mail").as_deref() == Some("new_sign_in") && mail.token().is_none(),
            &format!("and one of the first sign-in after it: \u{201c}{subject}\u{201d}"),
        )?;
        self.check(
            self.sink.received() == 4,
            "four mails left in all: nothing was sent for the unknown address",
        )
    }

    async fn tell_the_events(&mut self) -> Result<(), Trouble> {
        self.stage.step("What the ledger says happened");
        let desk = self.app.desk();
        settled(desk).await?;
        let reading = desk.clone();
        let lines = tokio::task::spawn_blocking(move || {
            let events = reading.events(&EventFilter::default())?;
            Ok::<_, Trouble>(
                events
                    .iter()
                    .map(|event| reading.describe(event, Locale::En))
                    .collect::<Vec<_>>(),
            )
        });
        let lines = lines.await.map_err(|_| broken("the events can be read"))??;
        for line in &lines {
            let clock = line.time.rfc3339();
            let clock = clock.get(11..23).unwrap_or_default();
            self.stage.show(&format!(
                "{:>3}  {clock}  {:<22} {}",
                line.position, line.name, line.text
            ));
        }
        self.stage
            .keep("events", lines.iter().map(shown).collect::<Vec<_>>().into());
        let told = |name: &str| lines.iter().filter(|line| line.name == name).count();
        self.check(
            told("RecoveryCompleted") == 1 && told("MailDelivered") == 4,
            &format!("{} events, and no address or secret in clear", lines.len()),
        )
    }

    async fn prove_the_ledger(&mut self) -> Result<(), Trouble> {
        self.stage.step("The ledger is proven");
        let desk = self.app.desk().clone();
        let report = tokio::task::spawn_blocking(move || desk.verify()).await;
        let report = report.map_err(|_| broken("the proof runs"))??;
        let (chain, state) = (hex(&report.head.chain), hex(&report.state_hash));
        self.stage.show(&format!("chain: {chain}\nstate: {state}"));
        self.stage.keep(
            "verify",
            json!({ "events": report.events, "frames": report.frames, "chain": chain, "state": state, "agrees": report.agrees }),
        );
        self.stage.holds(&format!(
            "every hash of the chain is right, and all {} events are lawful where they stand",
            report.events
        ));
        self.check(
            report.agrees == Some(true),
            "folding the events again gives the very state that the server holds",
        )
    }

    async fn me(&self, device: &Device) -> Result<Answer, Trouble> {
        let bearer = ("Authorization", format!("Bearer {}", device.access));
        self.send("GET", "/v1/auth/me", LAPTOP, Some(bearer), &[]).await
    }

    async fn confirm(&self, token: &str, password: &str) -> Result<Answer, Trouble> {
        let body = json!({ "email": ADA, "token": token, "newPassword": password });
        self.post("/v1/auth/password/reset/confirm", PHONE, &body).await
    }

    async fn post(&self, target: &str, agent: &str, body: &Value) -> Result<Answer, Trouble> {
        self.send("POST", target, agent, None, body.to_string().as_bytes())
            .await
    }

    async fn send(
        &self,
        method: &str,
        target: &str,
        agent: &str,
        extra: Option<(&str, String)>,
        body: &[u8],
    ) -> Result<Answer, Trouble> {
        let key = self.api_key.expose_secret().to_owned();
        let headers = [
            ("X-API-Key", key),
            ("User-Agent", agent.to_owned()),
            ("Accept-Language", "en".to_owned()),
        ];
        let json = (!body.is_empty()).then(|| ("Content-Type", "application/json".to_owned()));
        let headers: Vec<_> = headers
            .into_iter()
            .chain(json)
            .chain(extra)
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Ok(exchange(self.app.addr(), method, target, &headers, body).await?)
    }

    fn expect(&mut self, answer: &Answer, status: u16, claim: &str) -> Result<(), Trouble> {
        let code = answer.json()["code"].as_str().map(|code| format!(" {code}"));
        let code = code.unwrap_or_default();
        if answer.status == status {
            self.stage.holds(&format!("{claim} ({status}{code})"));
            return Ok(());
        }
        Err(Trouble::Broken(format!(
            "{claim} (expected {status}, got {}{code})",
            answer.status
        )))
    }

    fn check(&mut self, holds: bool, claim: &str) -> Result<(), Trouble> {
        if !holds {
            return Err(broken(claim));
        }
        self.stage.holds(claim);
        Ok(())
    }
}

fn broken(claim: &str) -> Trouble {
    Trouble::Broken(claim.to_owned())
}

/// Header fields without those that tell requests apart.
fn shape(answer: &Answer) -> Vec<(String, String)> {
    let mut fields = answer.headers.clone();
    fields.retain(|(name, _)| name != "x-request-id" && name != "date");
    fields
}

/// Waits until every mail's fate is in the ledger.
async fn settled(desk: &Desk) -> Result<(), Trouble> {
    let mut published = desk.engine().published();
    let empty = async {
        while !desk
            .engine()
            .read(|state| state.outbox.is_empty() && state.requests.is_empty())
        {
            if published.changed().await.is_err() {
                return;
            }
        }
    };
    timeout(MAIL_LIMIT, empty)
        .await
        .map_err(|_| broken("every mail's fate is known"))
}

fn shown(line: &Line) -> Value {
    json!({
        "position": line.position.0,
        "time": line.time.rfc3339(),
        "name": line.name,
        "term": line.term,
        "text": line.text,
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes every write");
        text
    })
}
