//! Settles every setting: the strongest source wins, its value is read, and defaults fill the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::layers::{Gathering, Given};
use super::problem::{Origin, Problem, Warning};
use super::setting::{Setting, Via};
use super::show::Shown;
use super::spec::SETTINGS;
use super::value::{Raw, Value};

/// A value for every setting, and everything that is wrong; a setting with a wrong value has its default.
pub(super) struct Resolved {
    pub(super) values: BTreeMap<&'static str, Value>,
    pub(super) shown: Vec<Shown>,
    pub(super) warnings: Vec<Warning>,
    pub(super) problems: Vec<Problem>,
    /// Settings with a problem of their own, which rules over several settings leave alone.
    pub(super) faulty: BTreeSet<&'static str>,
}

impl Gathering<'_> {
    pub(super) fn of(&self, setting: &Setting) -> impl Iterator<Item = &Given> {
        let name = setting.name;
        self.given.iter().filter(move |given| given.setting.name == name)
    }

    /// Settles all settings, in the order of the table.
    pub(super) fn settle(mut self) -> Resolved {
        let (mut values, mut shown, mut warnings) = (BTreeMap::new(), Vec::new(), Vec::new());
        let (mut faulty, mut problems) = (BTreeSet::new(), std::mem::take(&mut self.problems));
        for setting in SETTINGS {
            let name = setting.name;
            warnings.extend(self.alias_warning(setting));
            let (mut value, mut origin) = (Value::None, Origin::Default);
            match self.winner(setting) {
                Ok(Some(given)) => match self.value(given) {
                    Ok(Value::None) => origin = given.origin.clone(),
                    Ok(read) => (value, origin) = (read, given.origin.clone()),
                    Err(problem) => {
                        faulty.insert(name);
                        problems.push(*problem);
                    }
                },
                Ok(None) => {}
                Err(problem) => {
                    faulty.insert(name);
                    problems.push(*problem);
                }
            }
            if matches!(value, Value::None) {
                value = default(setting, &values, &self.sources.directory);
            }
            shown.push(Shown {
                name,
                value: value.to_string(),
                origin,
                doc: setting.doc(),
            });
            values.insert(name, value);
        }
        Resolved {
            values,
            shown,
            warnings,
            problems,
            faulty,
        }
    }

    fn winner(&self, setting: &'static Setting) -> Result<Option<&Given>, Box<Problem>> {
        let Some(layer) = self.of(setting).map(|given| given.layer).min() else {
            return Ok(None);
        };
        let via = |via| {
            self.of(setting)
                .find(|given| given.layer == layer && given.via == via)
        };
        match (via(Via::Value), via(Via::File)) {
            (Some(value), Some(file)) => {
                let (value, file) = (value.origin.clone(), file.origin.clone());
                Err(Box::new(Problem::Twice {
                    name: setting.name,
                    value,
                    file,
                }))
            }
            (value, file) => Ok(value.or(file)),
        }
    }

    fn alias_warning(&self, setting: &Setting) -> Option<Warning> {
        let own = self.of(setting).find(|given| given.layer.is_own_variable())?;
        let alias = self.of(setting).find(|given| given.layer.is_alias())?;
        let name = match own.via {
            Via::Value => setting.env(),
            Via::File => setting.env_file()?,
        };
        Some(Warning::AliasIgnored {
            name,
            alias: setting.alias()?,
            origin: alias.origin.clone(),
        })
    }

    fn value(&self, given: &Given) -> Result<Value, Box<Problem>> {
        let setting = given.setting;
        let wrong = |fault: String, expected: String, example: String| {
            let (name, origin) = (setting.name, given.origin.clone());
            Box::new(Problem::Wrong {
                name,
                fault,
                origin,
                expected,
                example,
            })
        };
        match given.via {
            Via::Value => setting.read(&given.raw, &given.base).map_err(|fault| {
                wrong(
                    fault,
                    setting.kind.expected(),
                    written(setting, given, &setting.example()),
                )
            }),
            Via::File => {
                let path = given.raw.text().map(str::trim).filter(|path| !path.is_empty());
                let path = path.ok_or_else(|| {
                    let fault = if given.raw.text().is_some() {
                        "it is empty"
                    } else {
                        given.raw.found()
                    };
                    let example = written(setting, given, "/run/secrets/keyledger");
                    wrong(
                        fault.to_owned(),
                        "the path of a file that holds the secret".to_owned(),
                        example,
                    )
                })?;
                let file = given.base.join(path);
                self.secret(setting, &file).map_err(|reason| {
                    let origin = given.origin.clone();
                    Box::new(Problem::SecretFile {
                        name: setting.name,
                        file,
                        reason,
                        origin,
                    })
                })
            }
        }
    }

    /// Reads a secret from its file; one line end after it is not part of it.
    fn secret(&self, setting: &Setting, file: &Path) -> Result<Value, String> {
        let bytes = (self.sources.read)(file).map_err(|error| format!("cannot be read: {error}"))?;
        let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
        let text = text
            .strip_suffix('\n')
            .map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
        setting
            .kind
            .read(&Raw::Plain(text.to_owned()), file)
            .map_err(|fault| format!("is of no use: {fault}"))
    }
}

/// An example in the notation of the place where the wrong value stands.
fn written(setting: &Setting, given: &Given, example: &str) -> String {
    let env = match given.via {
        Via::Value => setting.env(),
        Via::File => setting.env_file().unwrap_or_default(),
    };
    match &given.origin {
        Origin::Flag(flag) => format!("{flag} {example}"),
        Origin::Environment(name) => format!("{name}={example}"),
        Origin::DotEnv { .. } => format!("{env}={example}"),
        Origin::File { .. } | Origin::Default => {
            let key = setting.name.rsplit('.').next().unwrap_or(setting.name);
            match given.via {
                Via::Value => format!("{key} = {}", setting.kind.as_toml(example)),
                Via::File => format!("{key}_file = {example:?}"),
            }
        }
    }
}

/// The default; those that start from another setting need that one's value.
fn default(setting: &Setting, values: &BTreeMap<&'static str, Value>, directory: &Path) -> Value {
    if let Some(below) = setting.default.strip_prefix("{data}/") {
        return match values.get("data") {
            Some(Value::Path(data)) => Value::Path(data.join(below)),
            Some(_) | None => unreachable!("the data folder is settled first and always a path"),
        };
    }
    if let Some(path) = setting.default.strip_prefix("{public_url}") {
        return match values.get("public_url") {
            Some(Value::Url(url)) => Value::Url(url.join(path)),
            Some(_) | None => Value::None,
        };
    }
    setting
        .read(&Raw::Plain(setting.default.to_owned()), directory)
        .expect("the table's defaults are within its bounds")
}
