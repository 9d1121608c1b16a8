//! P11: the program itself, how large it is and how soon it answers; and what it takes while it idles.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::report::{Figure, Goal, Line, mebibytes};
use crate::{Size, disk, stats};

pub(crate) const FIGURE: Figure = Figure {
    name: "P11",
    about: "the program: size and start",
    measure,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_keyledger");

fn measure(size: Size) -> Vec<Line> {
    let bytes = fs::metadata(PROGRAM).map_or(0, |metadata| metadata.len()) as f64;
    let starts: Vec<f64> = (0..size.pick(9, 3))
        .filter_map(|_| Some(Server::start()?.took))
        .collect();
    let mut lines = vec![Line::plain(
        "P11 the stripped program",
        "optimised, thin LTO",
        bytes / 1_048_576.0,
        " MiB",
        Goal::AtMost(20.0),
    )];
    if starts.is_empty() {
        println!("  the program does not serve");
    } else {
        lines.push(Line::plain(
            "P11 from the start on a prepared directory to the first 200",
            format!("median of {}", starts.len()),
            stats::median(&starts),
            " ms",
            Goal::AtMost(50.0),
        ));
    }
    lines
}

/// P7's idle server.
pub(crate) fn idle() -> Option<Line> {
    let server = Server::start()?;
    thread::sleep(Duration::from_secs(1));
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(Line::plain(
        "P7 resident, idle on a fresh data directory",
        mebibytes(kibibytes * 1_024.0),
        kibibytes / 1_024.0,
        " MiB",
        Goal::AtMost(20.0),
    ))
}

/// A server of its own process; dropping it ends it.
struct Server {
    child: Child,
    /// Milliseconds until the first 200.
    took: f64,
    _directory: TempDir,
}

impl Server {
    fn start() -> Option<Self> {
        let directory = disk::directory();
        let addr = free_port();
        let data = directory.path().join("data");
        let keyledger = |command: &str| {
            let mut keyledger = Command::new(PROGRAM);
            keyledger
                .arg(command)
                .arg("--data")
                .arg(&data)
                .args(["--listen", &addr.to_string(), "--admin-listen", "127.0.0.1:0"])
                .args(["--public-url", "http://localhost"])
                .env_clear()
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            keyledger
        };
        if !keyledger("init").status().is_ok_and(|status| status.success()) {
            return None;
        }
        let began = Instant::now();
        let child = keyledger("serve").spawn().ok()?;
        let mut server = Self {
            child,
            took: 0.0,
            _directory: directory,
        };
        while began.elapsed() < Duration::from_secs(10) {
            if is_ready(addr) {
                server.took = began.elapsed().as_secs_f64() * 1e3;
                return Some(server);
            }
            if server.child.try_wait().ok()?.is_some() {
                return None;
            }
            thread::sleep(Duration::from_micros(500));
        }
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address")
}

fn is_ready(addr: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(addr) else {
        return false;
    };
    let mut heard = [0; 16];
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .is_ok()
        && stream
            .read(&mut heard)
            .is_ok_and(|read| heard[..read].starts_with(b"HTTP/1.1 200"))
}
