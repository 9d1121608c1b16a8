//! `keyledger init`: makes the data directory.

use clap::Args;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::context::{Context, refuse_foreign_root};
use super::exit::{Exit, Failure};
use super::logs;
use super::setting_flags::SettingFlags;
use crate::app::Premises;

/// Its arguments.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Settings.
    #[command(flatten)]
    pub settings: SettingFlags,
}

pub(super) fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let config = context.config(arguments.settings)?;
    logs::open_quiet()?;
    refuse_foreign_root(&config.data)?;
    let keys = Premises::found(&config)?;
    let (publishable, secret) = (keys.publishable.expose_secret(), keys.secret.expose_secret());
    let text = format!(
        "Keyledger's data is in {}.\n\n\
         Publishable API key, for clients:  {publishable}\n\
         Secret API key, for your backend:  {secret}\n\n\
         The secret key is shown this once. Next:\n  \
         keyledger user create YOU@EXAMPLE.ORG --role admin --data {0}\n  \
         keyledger serve --data {0} --public-url https://YOUR.ADDRESS",
        config.data.display()
    );
    context.output.result(
        &json!({ "publishableKey": publishable, "secretKey": secret }),
        &text,
    );
    Ok(Exit::Done)
}
