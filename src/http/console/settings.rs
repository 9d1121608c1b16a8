//! Settings as they hold, with what each is for in the reader's language.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Serialize;

use crate::http::site::SettingShown;
use crate::types::Locale;

static KOREAN: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let text = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/data/locales/ko/settings.toml"
    ));
    toml::from_str(text).expect("our own table is read by a test")
});

/// A setting for people.
#[derive(Serialize)]
pub(super) struct SettingTold<'a> {
    name: &'static str,
    value: &'a str,
    origin: &'a str,
    doc: &'a str,
}

/// Tells settings in a language.
pub(super) fn told<'a>(
    locale: Locale,
    settings: impl Iterator<Item = &'a SettingShown>,
) -> Vec<SettingTold<'a>> {
    let told = settings.map(|setting| SettingTold {
        name: setting.name,
        value: &setting.value,
        origin: &setting.origin,
        doc: match locale {
            Locale::En => setting.doc,
            Locale::Ko => KOREAN.get(setting.name).map_or(setting.doc, String::as_str),
        },
    });
    told.collect()
}
