//! The binary as a process: a home for its data, short commands, and a server that speaks HTTP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
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
}

impl Home {
    pub(crate) fn new(mail: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, mail }
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
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        Ran(self.command(words).output().expect("the binary can be run"))
    }
}

/// What a command left.
pub(crate) struct Ran(Output);

impl Ran {
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

/// A running server; dropping it kills it.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    key: String,
}

impl Server {
    /// Starts it on a port that the system picks, and waits for its ready line.
    pub(crate) fn start(home: &Home, key: &str) -> Self {
        let mut child = home
            .command(&["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
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
        let ready = lines
            .recv_timeout(PATIENCE)
            .expect("the server says that it is ready");
        let ready: Value = serde_json::from_str(&ready).expect("the ready line is JSON");
        assert_eq!(ready["ready"], true, "{ready}");
        let address = ready["address"].as_str().unwrap().parse().unwrap();
        let key = key.to_owned();
        Self { child, address, key }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn post(&self, path: &str, body: &Value, bearer: Option<&str>) -> Answer {
        self.ask("POST", path, Some(body), bearer)
    }

    pub(crate) fn get(&self, path: &str, bearer: &str) -> Answer {
        self.ask("GET", path, None, Some(bearer))
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>, bearer: Option<&str>) -> Answer {
        let body = body.map(Value::to_string).unwrap_or_default();
        let bearer = bearer.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        let (address, key, length) = (self.address, &self.key, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\n{bearer}Content-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer {
            status: status.expect("a status"),
            body: serde_json::from_str(body).unwrap_or(Value::Null),
        }
    }

    /// Ends it with SIGTERM; it must be gone in good order within 10 seconds.
    pub(crate) fn terminate(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("the server runs");
        let begun = Instant::now();
        let status = self.child.wait().expect("the server ends");
        assert_eq!(status.code(), Some(0));
        assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("the server ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
