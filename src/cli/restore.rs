//! `keyledger restore`: a ledger put back from its backups.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::context::{Context, refuse_foreign_root};
use super::control::{ProgressRow, show_progress};
use super::exit::{Exit, Failure};
use super::logs;
use super::passphrase::{Asked, passphrase};
use super::setting_flags::SettingFlags;
use crate::app::{RestoreOrder, RestoreReport, restore};
use crate::crypto::KeyMaterial;
use crate::ledger::backup::Progress;

/// What is put back.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The parts of one backup, in any order, or the folder that they are in: its newest backup is taken
    #[arg(value_name = "FROM", required = true, num_args = 1..=100_000)]
    pub from: Vec<PathBuf>,
    /// A key backup, made by `backup --with-keys`; not needed if the keys lie in the keys' folder already
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// A newer erasure list (`erasures` in the keys' folder of the lost ledger): who is on it is erased again
    #[arg(long, value_name = "FILE")]
    pub erasures: Option<PathBuf>,
    /// Settings.
    #[command(flatten)]
    pub settings: SettingFlags,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let Arguments {
        from,
        keys,
        erasures,
        settings,
    } = arguments;
    logs::open_quiet()?;
    let config = context.config(settings)?;
    refuse_foreign_root(&config.data)?;
    let keys = match keys {
        Some(file) => {
            let opened = KeyMaterial::open(&file, &passphrase(&config, Asked::Once)?);
            Some(opened.map_err(|fault| Failure::from(fault).field("--keys"))?)
        }
        None => None,
    };
    let order = RestoreOrder {
        from: &from,
        keys: keys.as_ref(),
        erasures: erasures.as_deref(),
    };
    let report = restore(&config, &order, &mut |Progress { doing, done, of }| {
        let doing = doing.to_owned();
        show_progress(&ProgressRow { doing, done, of });
        ControlFlow::Continue(())
    })?;
    let data = config.data.display();
    let RestoreReport {
        ledger,
        parts,
        made,
        head,
        keys,
        erased_again,
        epoch,
        state_hash,
    } = report;
    let ledger = uuid::Uuid::from_bytes(ledger).to_string();
    let hex = |bytes: [u8; 32]| blake3::Hash::from_bytes(bytes).to_hex().to_string();
    let text = format!(
        "{data} holds the ledger {ledger} as it was at {made}: {} events from {parts} parts, {keys} data keys, all \
         proven.\n{erased_again} users who had been erased since were erased again. Epoch {epoch} began: all sessions and \
         tokens ended. What happened after {made} is not there.\n\n{}",
        head.next,
        next_steps(&config.data)
    );
    let shown = json!({
        "ledger": ledger,
        "parts": parts,
        "made": made.rfc3339(),
        "events": head.next.0,
        "chain": hex(head.chain),
        "keys": keys,
        "erasedAgain": erased_again,
        "epoch": epoch,
        "stateHash": hex(state_hash),
    });
    context.output.result(&shown, &text);
    Ok(Exit::Done)
}

/// What is to be done by whoever put a ledger back.
fn next_steps(data: &Path) -> String {
    let data = data.display();
    format!(
        "Next:\n\
         1. keyledger serve --data {data}          starts the server on it\n\
         2. keyledger verify --data {data}         proves the ledger and the state that runs\n\
         3. keyledger key list --data {data}       secret API keys wait for a person's word: key confirm KEY\n\
         4. keyledger backup --data {data} DIR     begins a new chain of backups: parts of the old one do not follow on it\n\
         People sign in with the passwords they had; the first sign-in of each mails a code that proves the mailbox."
    )
}
