//! `keyledger demo`: a recovery from beginning to end, over real sockets, on a ledger that is thrown away.
//!
//! Everything is what `keyledger serve` runs, with one exception: the mail server is our own, so that the mail that
//! arrives can be shown. The folder is removed at the end, whatever happens.

mod act;
pub mod client;
mod folder;
mod stage;

use std::io::{self, Write};
use std::time::Duration;

use tokio::net::TcpListener;

use crate::app::{App, AppError, AppSettings, Listeners, Premises};
use crate::config::{Config, Environment, Problems, Sources};
use crate::engine::Rollback;
use crate::mail::sink::{NoMail, Sink, SinkBehaviour};

use act::Act;
use folder::TemporaryFolder;
use stage::Stage;

/// For whom the demo speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// People: numbered steps, and a tick for each thing that holds.
    Text,
    /// Programs: one line of JSON at the end.
    Json,
}

/// How the demo went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Every step held: exit code 0.
    Passed,
    /// A step did not hold: exit code 1.
    Failed,
}

impl Ending {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
        }
    }
}

/// Why the demo could not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("this should hold, and does not: {0}")]
    Broken(String),
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Config(#[from] Problems),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    NoMail(#[from] NoMail),
    #[error(transparent)]
    Verify(#[from] crate::desk::VerifyFault),
    #[error(transparent)]
    Store(#[from] crate::ledger::StoreError),
}

/// Runs the demo and tells it to `out`; an error is one of writing there. Blocks, on a runtime of its own.
pub fn run(out: &mut dyn Write, form: Form) -> io::Result<Ending> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut stage = Stage::new(out, form);
    let outcome = runtime.block_on(play(&mut stage));
    runtime.shutdown_timeout(Duration::from_secs(2));
    stage.end(&outcome)
}

async fn play(stage: &mut Stage<'_>) -> Result<(), Trouble> {
    let folder = TemporaryFolder::make()?;
    let sink = Sink::start(SinkBehaviour::accepting()).await?;
    let main = TcpListener::bind(("127.0.0.1", 0)).await?;
    let admin = TcpListener::bind(("127.0.0.1", 0)).await?;
    let config = configure(&folder, &main, &admin, &sink)?;
    let serving = config.for_serve()?;
    let keys = Premises::found(&config)?;
    let premises = Premises::open(&config, "keyledger demo", Rollback::Refuse)?;
    let listeners = Listeners {
        main,
        admin: Some(admin),
    };
    let app = App::start(premises, AppSettings::from_config(&config, &serving)?, listeners).await?;
    let outcome = Act::new(stage, &app, &sink, &keys.publishable, folder.path())
        .play()
        .await;
    app.stop().await;
    sink.stop().await;
    outcome
}

/// The configuration that `serve` would have, from flags alone: neither the environment nor a file has a say.
fn configure(
    folder: &TemporaryFolder,
    main: &TcpListener,
    admin: &TcpListener,
    sink: &Sink,
) -> Result<Config, Trouble> {
    let here = main.local_addr()?;
    let flags = [
        ("data", folder.path().join("data").display().to_string()),
        ("listen", here.to_string()),
        ("admin_listen", admin.local_addr()?.to_string()),
        ("public_url", format!("http://{here}")),
        ("email.host", sink.addr().ip().to_string()),
        ("email.port", sink.addr().port().to_string()),
        (
            "email.from",
            "Keyledger demo <no-reply@keyledger.example>".to_owned(),
        ),
    ];
    let nothing = |_: &std::path::Path| Err(io::ErrorKind::NotFound.into());
    Ok(Config::load(&Sources {
        flags: flags.map(|(name, value)| (name.to_owned(), value)).into(),
        file: None,
        environment: Environment::new(),
        directory: folder.path().to_owned(),
        read: &nothing,
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_passes_and_leaves_nothing_behind() {
        let mut out = Vec::new();
        let ending = run(&mut out, Form::Text).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(ending, Ending::Passed, "{text}");
        assert!(text.contains("every hash of the chain is right"), "{text}");
        let folder = text
            .lines()
            .find_map(|line| line.split_once("data folder: "))
            .map(|(_, path)| path.trim().to_owned());
        assert!(!std::path::Path::new(&folder.unwrap()).exists());
    }
}
