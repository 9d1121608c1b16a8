//! The binary as a process: a home for its data, short commands, and a server that speaks HTTP.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The longest wait for anything: a machine under load is slow, and nothing here waits when it need not.
const PATIENCE: Duration = Duration::from_mins(1);

/// A data directory, and the mail server that mails go to.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    mail: SocketAddr,
    variables: BTreeMap<String, String>,
}

impl Home {
    pub(crate) fn new(mail: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables = BTreeMap::new();
        Self {
            folder,
            mail,
            variables,
        }
    }

    /// Gives every process from now on a variable.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    /// The variables that processes are given.
    pub(crate) fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// Takes all variables back whose names begin so.
    pub(crate) fn unset(&mut self, prefix: &str) {
        self.variables.retain(|name, _| !name.starts_with(prefix));
    }

    /// The folder around the data.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the last server said on standard error.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyledger"));
        command
            .args(words)
            .arg("--json")
            .env_clear()
            .env("KEYLEDGER_DATA", self.data())
            .env("KEYLEDGER_EMAIL__HOST", self.mail.ip().to_string())
            .env("KEYLEDGER_EMAIL__PORT", self.mail.port().to_string())
            // Known to commands as well, so that they can write links with the server stopped.
            .env("KEYLEDGER_PUBLIC_URL", "https://id.example.org")
            .envs(&self.variables)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Starts a command that goes on until it is told to end; what it prints can be read meanwhile.
    pub(crate) fn begin(&self, words: &[&str]) -> Child {
        let mut command = self.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::inherit());
        command.spawn().expect("the binary can be run")
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        Ran(self.command(words).output().expect("the binary can be run"))
    }
}

/// What a command left.
pub(crate) struct Ran(Output);

impl Ran {
    /// The exit code; none if a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    /// Everything it said.
    pub(crate) fn said(&self) -> String {
        let (out, err) = (&self.0.stdout, &self.0.stderr);
        format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
    }

    /// The last line on standard output; the exit code must be this one.
    #[track_caller]
    pub(crate) fn json(&self, code: i32) -> Value {
        let out = String::from_utf8_lossy(&self.0.stdout);
        let err = String::from_utf8_lossy(&self.0.stderr);
        assert_eq!(self.0.status.code(), Some(code), "{out}{err}");
        serde_json::from_str(out.lines().last().unwrap_or_default()).expect("a line of JSON")
    }
}

/// Says something to a server's socket, and hears what it answers.
pub(crate) fn say(socket: &Path, words: &str) -> String {
    let mut stream = UnixStream::connect(socket).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // A server that has heard enough closes while we still speak.
    let _ = stream.write_all(words.as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// An HTTP answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// Speaks HTTP to a server; cheap to copy.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    key: String,
}

impl Client {
    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks, and says what went wrong on the way if the server did not answer whole.
    pub(crate) fn try_ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        bearer: Option<&str>,
    ) -> io::Result<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let bearer = bearer.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        let (address, key, length) = (self.address, &self.key, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\n{bearer}Content-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(cut)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok(Answer {
            status: status.ok_or_else(cut)?,
            body: serde_json::from_str(body).unwrap_or(Value::Null),
        })
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>, bearer: Option<&str>) -> Answer {
        self.try_ask(method, path, body, bearer)
            .expect("the server answers")
    }

    pub(crate) fn post(&self, path: &str, body: &Value, bearer: Option<&str>) -> Answer {
        self.ask("POST", path, Some(body), bearer)
    }

    pub(crate) fn get(&self, path: &str, bearer: &str) -> Answer {
        self.ask("GET", path, None, Some(bearer))
    }
}

/// A running server; dropping it kills it.
pub(crate) struct Server {
    child: Option<Child>,
    client: Client,
}

impl Deref for Server {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Server {
    /// Starts it on a port that the system picks, and waits for its ready line.
    pub(crate) fn start(home: &Home, key: &str) -> Self {
        Self::try_start(home, key).unwrap_or_else(|code| panic!("it ended with {code:?}: {}", home.said()))
    }

    /// The same, or the exit code of a server that did not become ready; what it said is in [`Home::said`].
    pub(crate) fn try_start(home: &Home, key: &str) -> Result<Self, Option<i32>> {
        let said = std::fs::File::create(home.folder().join("said")).expect("a file for what it says");
        let mut child = home
            .command(&[
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--admin-listen",
                "127.0.0.1:0",
            ])
            .stdout(Stdio::piped())
            .stderr(said)
            .spawn()
            .expect("the binary can be started");
        let out = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let (line, lines) = mpsc::channel();
        thread::spawn(move || {
            for text in out.lines().map_while(Result::ok) {
                if line.send(text).is_err() {
                    break;
                }
            }
        });
        let ready = match lines.recv_timeout(PATIENCE) {
            Ok(ready) => ready,
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(ended(child)),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("a start hangs: {}", home.said()),
        };
        let told: Value = serde_json::from_str(&ready).expect("the ready line is JSON");
        if told["ready"] != true {
            let code = ended(child);
            // Errors are told on standard output where JSON is asked for.
            std::fs::write(home.folder().join("said"), home.said() + &ready).unwrap();
            return Err(code);
        }
        let address = told["address"].as_str().unwrap().parse().unwrap();
        let key = key.to_owned();
        let client = Client { address, key };
        let child = Some(child);
        Ok(Self { child, client })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child().id()
    }

    fn child(&self) -> &Child {
        self.child.as_ref().expect("the server was not waited for")
    }

    fn wait(&mut self) -> Option<i32> {
        ended(self.child.take().expect("the server was not waited for"))
    }

    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Waits until it ends by itself; its exit code.
    pub(crate) fn ended(mut self) -> Option<i32> {
        self.wait()
    }

    /// Asks it to end in good order, and does not wait.
    pub(crate) fn ask_to_end(&self) {
        let pid = rustix::process::Pid::from_child(self.child());
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("the server runs");
    }

    /// Ends it with SIGTERM; it must be gone in good order within 10 seconds.
    pub(crate) fn terminate(mut self) {
        self.ask_to_end();
        let begun = Instant::now();
        assert_eq!(self.wait(), Some(0));
        assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    }

    /// Ends it at once; what it wrote stays with the system.
    pub(crate) fn kill(mut self) {
        let child = self.child.as_mut().expect("the server was not waited for");
        child.kill().expect("the server runs");
        self.wait();
    }
}

/// Waits for the end of a process that is to end: one that hangs is a failure.
fn ended(mut child: Child) -> Option<i32> {
    let pid = rustix::process::Pid::from_child(&child);
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(child.wait()));
    if let Ok(status) = told.recv_timeout(PATIENCE) {
        status.expect("a process that was started ends").code()
    } else {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        panic!("a process hangs");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, unless a test failed.
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
