//! A headless Chromium, told what to do through chromedriver (W3C WebDriver): JSON over one connection a command.
//!
//! Of the protocol this needs ten commands; the client libraries bring a hundred packages along for them.

mod words;

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest wait for anything: a machine under load is slow.
const PATIENCE: Duration = Duration::from_mins(2);
/// Under which name an answer holds an element (WebDriver §12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Whether pages may run scripts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scripts {
    /// As browsers come.
    On,
    /// Switched off by their owner.
    Off,
}

/// A browser with a profile of its own; it and its driver end with it.
pub(crate) struct Chromium {
    driver: Child,
    port: u16,
    session: String,
    /// Removed when the browser is gone.
    profile: tempfile::TempDir,
}

impl Chromium {
    /// A browser that prefers a language.
    pub(crate) async fn start(language: &str, scripts: Scripts) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver can be started (tests/run installs chromium and chromium-driver)");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| {
                let line = line.unwrap();
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse().ok()
            })
            .expect("chromedriver says on which port it listens");
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self {
            driver,
            port,
            session: String::new(),
            profile,
        };
        let folder = format!("--user-data-dir={}", browser.profile.path().display());
        let mut arguments = vec![
            "--headless=new",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--window-size=1280,900",
            &folder,
        ];
        if rustix::process::geteuid().is_root() {
            arguments.push("--no-sandbox");
        }
        let mut preferences = json!({ "intl.accept_languages": language });
        if scripts == Scripts::Off {
            preferences["profile.managed_default_content_settings.javascript"] = 2.into();
        }
        let options = json!({ "args": arguments, "prefs": preferences });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let begun = browser.ask("POST", "/session", &wanted).await;
        let session = begun["sessionId"].as_str().expect("a session");
        browser.session = format!("/session/{session}");
        browser
    }

    /// One command; what it answers, or a panic that says what was asked and what went wrong.
    async fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        match self.try_ask(method, path, body).await {
            Ok(value) => value,
            Err(error) => panic!("{method} {path} {body}: {error}"),
        }
    }

    async fn try_ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let exchanged = timeout(PATIENCE, exchange(self.port, method, path, body));
        let answer = exchanged.await.map_err(|_| "no answer".to_owned())?;
        let answer = answer.map_err(|error| error.to_string())?;
        let value = answer["value"].clone();
        match value["error"].as_str() {
            Some(error) => Err(format!(
                "{error}: {}",
                value["message"].as_str().unwrap_or_default()
            )),
            None => Ok(value),
        }
    }

    async fn command(&self, name: &str, body: &Value) -> Value {
        self.ask("POST", &format!("{}/{name}", self.session), body).await
    }

    async fn look(&self, name: &str) -> Value {
        self.ask("GET", &format!("{}/{name}", self.session), &Value::Null)
            .await
    }

    /// Something that only Chromium has (DevTools protocol).
    async fn devtools(&self, command: &str, parameters: Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.command("goog/cdp/execute", &body).await;
    }

    /// Opens an address, as by typing it.
    pub(crate) async fn open(&self, url: &str) {
        self.command("url", &json!({ "url": url })).await;
    }

    /// Goes back, as by the button.
    pub(crate) async fn back(&self) {
        self.command("back", &json!({})).await;
    }

    /// Loads the page again.
    pub(crate) async fn reload(&self) {
        self.command("refresh", &json!({})).await;
    }

    /// The address in the bar, with its fragment.
    pub(crate) async fn url(&self) -> String {
        self.look("url").await.as_str().unwrap().to_owned()
    }

    /// Waits until the address in the bar contains something.
    pub(crate) async fn arrives(&self, part: &str) {
        self.until(part, async || self.url().await.contains(part).then_some(()))
            .await;
    }

    /// Waits until a person reads something on the page.
    pub(crate) async fn reads(&self, words: &str) {
        self.until(words, async || self.text().await.contains(words).then_some(()))
            .await;
    }

    /// What a person reads on the page.
    pub(crate) async fn text(&self) -> String {
        let script = json!({ "script": "return document.body.innerText", "args": [] });
        let path = format!("{}/execute/sync", self.session);
        let text = self.try_ask("POST", &path, &script).await;
        // Between two pages there is nothing to be read.
        let text = text.ok().and_then(|text| Some(text.as_str()?.to_owned()));
        text.unwrap_or_default()
    }

    /// Looks again until something holds: a page that was asked for by a click is not there at once.
    async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let looking = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
            }
        };
        let Ok(found) = timeout(PATIENCE, looking).await else {
            panic!("waited in vain for {what}; there is: {}", self.text().await);
        };
        found
    }

    async fn try_find(&self, css: &str) -> Option<String> {
        self.try_find_by("css selector", css).await
    }

    async fn try_find_by(&self, how: &str, what: &str) -> Option<String> {
        let body = json!({ "using": how, "value": what });
        let path = format!("{}/element", self.session);
        let found = self.try_ask("POST", &path, &body).await.ok()?;
        Some(found[ELEMENT].as_str()?.to_owned())
    }

    /// Does something to an element, once it is there; one that a new page took away is looked for again.
    async fn on(&self, css: &str, deeds: &[(&str, Value)]) {
        self.on_by("css selector", css, deeds).await;
    }

    async fn on_by(&self, how: &str, what: &str, deeds: &[(&str, Value)]) {
        self.until(what, async || {
            let element = self.try_find_by(how, what).await?;
            for (deed, body) in deeds {
                let path = format!("{}/element/{element}/{deed}", self.session);
                self.try_ask("POST", &path, body).await.ok()?;
            }
            Some(())
        })
        .await;
    }

    /// Clicks what a selector finds.
    pub(crate) async fn click(&self, css: &str) {
        self.on(css, &[("click", json!({}))]).await;
    }

    /// Types into a field, in place of what is there.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let deeds = [("clear", json!({})), ("value", json!({ "text": text }))];
        self.on(css, &deeds).await;
    }

    /// Waits until a selector finds something that is to be seen.
    pub(crate) async fn finds(&self, css: &str) {
        self.until(css, async || self.sees(css).await.then_some(())).await;
    }

    /// Waits until a selector finds nothing more that is to be seen.
    pub(crate) async fn loses(&self, css: &str) {
        self.until(css, async || (!self.sees(css).await).then_some(()))
            .await;
    }

    /// Whether a selector finds something that is to be seen now.
    pub(crate) async fn sees(&self, css: &str) -> bool {
        let body = json!({ "using": "css selector", "value": css });
        let path = format!("{}/elements", self.session);
        let Ok(found) = self.try_ask("POST", &path, &body).await else {
            // Between two pages there is nothing.
            return false;
        };
        for element in found.as_array().unwrap() {
            let element = element[ELEMENT].as_str().unwrap();
            let path = format!("{}/element/{element}/displayed", self.session);
            if self.try_ask("GET", &path, &Value::Null).await == Ok(json!(true)) {
                return true;
            }
        }
        false
    }

    /// A property of an element: `value`, `href`.
    pub(crate) async fn property(&self, css: &str, name: &str) -> String {
        self.until(css, async || {
            let element = self.try_find(css).await?;
            let path = format!("{}/element/{element}/property/{name}", self.session);
            let value = self.try_ask("GET", &path, &Value::Null).await.ok()?;
            Some(value.as_str()?.to_owned())
        })
        .await
    }

    /// Runs a script in the page, beside its policy; gives back what it returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({ "script": script, "args": [] }))
            .await
    }

    /// The same for a script that calls its last argument when it is done.
    pub(crate) async fn run_async(&self, script: &str) -> Value {
        self.command("execute/async", &json!({ "script": script, "args": [] }))
            .await
    }

    /// Gives the browser a cookie for the page that is open.
    pub(crate) async fn set_cookie(&self, name: &str, value: &str) {
        let cookie = json!({ "name": name, "value": value, "path": "/", "secure": true, "httpOnly": true });
        self.command("cookie", &json!({ "cookie": cookie })).await;
    }

    /// The cookies of the page that is open.
    pub(crate) async fn cookies(&self) -> Vec<Value> {
        self.look("cookie").await.as_array().unwrap().clone()
    }

    /// Sets the size of the page, and whether it is a phone.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Makes the person prefer a light or a dark page.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features }))
            .await;
    }

    /// Makes a picture of the page.
    pub(crate) async fn shoot(&self, file: &Path) {
        let picture = self.look("screenshot").await;
        let bytes = STANDARD.decode(picture.as_str().unwrap()).unwrap();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// Ends the browser in good order.
    pub(crate) async fn quit(self) {
        let ended = self.try_ask("DELETE", &self.session, &Value::Null).await;
        ended.expect("the browser ends");
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Driver and browser are one group of processes; the browser has ended already unless a test failed.
        if let Some(group) = rustix::process::Pid::from_raw(i32::try_from(self.driver.id()).unwrap_or(0)) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.driver.wait();
    }
}

/// One exchange with chromedriver, whose answers say how long they are.
async fn exchange(port: u16, method: &str, path: &str, body: &Value) -> std::io::Result<Value> {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut socket = tokio::io::BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
    socket.write_all(request.as_bytes()).await?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        socket.read_line(&mut line).await?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut bytes = vec![0; length];
    socket.read_exact(&mut bytes).await?;
    serde_json::from_slice(&bytes).map_err(std::io::Error::from)
}
