//! Gathers what every source says about each setting.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::problem::{Origin, Problem};
use super::setting::{self, Setting, Spelling, Via};
use super::settle::Resolved;
use super::spec::{SECTIONS, SETTINGS};
use super::value::{Raw, Value};
use super::{Sources, dotenv, toml_file};

const DOT_ENV: &str = ".env";
const TOML: &str = "keyledger.toml";

/// The sources, strongest first. Aliases are weaker than every `KEYLEDGER_…`, whichever source either stands in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    Flag,
    Environment,
    DotEnvData,
    DotEnvHere,
    AliasEnvironment,
    AliasDotEnvData,
    AliasDotEnvHere,
    File,
}

impl Layer {
    fn spelled(self, spelling: Spelling) -> Self {
        match (spelling, self) {
            (Spelling::Alias, Self::Environment) => Self::AliasEnvironment,
            (Spelling::Alias, Self::DotEnvHere) => Self::AliasDotEnvHere,
            (Spelling::Alias, Self::DotEnvData) => Self::AliasDotEnvData,
            (Spelling::Own | Spelling::Alias, layer) => layer,
        }
    }

    /// Whether it holds `KEYLEDGER_…` variables.
    pub(super) fn is_own_variable(self) -> bool {
        matches!(self, Self::Environment | Self::DotEnvHere | Self::DotEnvData)
    }

    /// Whether it holds aliases.
    pub(super) fn is_alias(self) -> bool {
        matches!(
            self,
            Self::AliasEnvironment | Self::AliasDotEnvHere | Self::AliasDotEnvData
        )
    }
}

/// What one source says about one setting.
pub(super) struct Given {
    pub(super) setting: &'static Setting,
    pub(super) via: Via,
    pub(super) layer: Layer,
    pub(super) origin: Origin,
    /// The folder that relative paths start from.
    pub(super) base: PathBuf,
    pub(super) raw: Raw,
}

/// Reads all sources and settles every setting.
pub(super) fn resolve(sources: &Sources<'_>) -> Resolved {
    let mut gathering = Gathering {
        sources,
        given: Vec::new(),
        problems: Vec::new(),
    };
    gathering.flags();
    gathering.environment();
    gathering.dot_env(&sources.directory, Layer::DotEnvHere);
    if let Some(file) = &sources.file {
        gathering.toml(&sources.directory.join(file), Presence::Required);
    }
    let data = gathering.data();
    let outside = gathering.given.len();
    if data.join(DOT_ENV) != sources.directory.join(DOT_ENV) {
        gathering.dot_env(&data, Layer::DotEnvData);
    }
    if sources.file.is_none() {
        gathering.toml(&data.join(TOML), Presence::Optional);
    }
    gathering.refuse_other_data(&data, outside);
    gathering.settle()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

/// What has been gathered so far.
pub(super) struct Gathering<'a> {
    pub(super) sources: &'a Sources<'a>,
    pub(super) given: Vec<Given>,
    pub(super) problems: Vec<Problem>,
}

impl Gathering<'_> {
    fn flags(&mut self) {
        for (name, value) in &self.sources.flags {
            let Some((setting, via)) = setting::by_name(name) else {
                let origin = Origin::Flag(format!("--{}", name.replace(['.', '_'], "-")));
                self.problems.push(Problem::Unknown {
                    name: name.clone(),
                    origin,
                    nearest: setting::nearest_name(name),
                });
                continue;
            };
            if setting.is_secret() && via == Via::Value {
                self.problems.push(Problem::SecretFlag {
                    name: setting.name,
                    env: setting.env(),
                });
                continue;
            }
            let suffix = match via {
                Via::Value => "",
                Via::File => "-file",
            };
            self.given.push(Given {
                setting,
                via,
                layer: Layer::Flag,
                origin: Origin::Flag(setting.flag() + suffix),
                base: self.sources.directory.clone(),
                raw: Raw::Plain(value.clone()),
            });
        }
    }

    fn environment(&mut self) {
        let base = self.sources.directory.clone();
        for (name, value) in &self.sources.environment {
            let Some(name) = name.to_str().filter(|name| setting::concerns_us(name)) else {
                continue;
            };
            let Some(value) = value.to_str() else {
                self.problems.push(Problem::NotText {
                    name: name.to_owned(),
                });
                continue;
            };
            if !is_service_link(name, value) {
                let origin = Origin::Environment(name.to_owned());
                self.variable(name, value.to_owned(), origin, Layer::Environment, &base);
            }
        }
    }

    fn dot_env(&mut self, folder: &Path, layer: Layer) {
        let file = folder.join(DOT_ENV);
        let Some(text) = self.text(&file, Presence::Optional) else {
            return;
        };
        let (entries, faults) = dotenv::parse(&text);
        for fault in faults {
            let reason = fault.reason.to_owned();
            self.problems.push(Problem::Syntax {
                file: file.clone(),
                line: fault.line,
                reason,
            });
        }
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for entry in entries {
            if !setting::concerns_us(&entry.name) {
                continue;
            }
            if let Some(first) = seen.insert(entry.name.clone(), entry.line) {
                let (name, file, second) = (entry.name, file.clone(), entry.line);
                self.problems.push(Problem::Repeated {
                    name,
                    file,
                    first,
                    second,
                });
                continue;
            }
            let line = entry.line;
            match entry.value {
                Ok(value) => {
                    let origin = Origin::DotEnv {
                        file: file.clone(),
                        line,
                    };
                    self.variable(&entry.name, value, origin, layer, folder);
                }
                Err(reason) => {
                    let reason = format!("{}: {reason}", entry.name);
                    self.problems.push(Problem::Syntax {
                        file: file.clone(),
                        line,
                        reason,
                    });
                }
            }
        }
    }

    fn variable(&mut self, name: &str, value: String, origin: Origin, layer: Layer, base: &Path) {
        if let Some((setting, via, spelling)) = setting::by_env(name) {
            let (layer, base, raw) = (layer.spelled(spelling), base.to_owned(), Raw::Plain(value));
            self.given.push(Given {
                setting,
                via,
                layer,
                origin,
                base,
                raw,
            });
        } else if setting::concerns_us(name) {
            let nearest = setting::nearest_env(name);
            self.problems.push(Problem::Unknown {
                name: name.to_owned(),
                origin,
                nearest,
            });
        }
    }

    fn toml(&mut self, file: &Path, presence: Presence) {
        let Some(text) = self.text(file, presence) else {
            return;
        };
        let entries = match toml_file::parse(&text) {
            Ok(entries) => entries,
            Err(faults) => {
                let syntax = |fault: toml_file::Fault| Problem::Syntax {
                    file: file.to_owned(),
                    line: fault.line,
                    reason: fault.reason,
                };
                self.problems.extend(faults.into_iter().map(syntax));
                return;
            }
        };
        let base = file.parent().unwrap_or(&self.sources.directory).to_owned();
        for entry in entries {
            let origin = Origin::File {
                file: file.to_owned(),
                line: entry.line,
            };
            if let Some((setting, via)) = setting::by_name(&entry.name) {
                let (layer, base, raw) = (Layer::File, base.clone(), entry.raw);
                self.given.push(Given {
                    setting,
                    via,
                    layer,
                    origin,
                    base,
                    raw,
                });
            } else if SECTIONS.contains(&entry.name.as_str()) {
                self.problems.push(Problem::Section {
                    name: entry.name,
                    origin,
                });
            } else {
                let nearest = setting::nearest_name(&entry.name);
                self.problems.push(Problem::Unknown {
                    name: entry.name,
                    origin,
                    nearest,
                });
            }
        }
    }

    fn text(&mut self, file: &Path, presence: Presence) -> Option<String> {
        let reason = match (self.sources.read)(file) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => return Some(text),
                Err(_) => "it is not UTF-8".to_owned(),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound && presence == Presence::Optional => {
                return None;
            }
            Err(error) => error.to_string(),
        };
        self.problems.push(Problem::Unreadable {
            file: file.to_owned(),
            reason,
        });
        None
    }

    /// The data folder, from the sources that lie outside it.
    fn data(&self) -> PathBuf {
        let setting = &SETTINGS[0];
        debug_assert_eq!(setting.name, "data", "the data folder is the first setting");
        let given = self.of(setting).min_by_key(|given| given.layer);
        let read = given.and_then(|given| setting.read(&given.raw, &given.base).ok());
        match read.or_else(|| {
            setting
                .read(&Raw::Plain(setting.default.to_owned()), &self.sources.directory)
                .ok()
        }) {
            Some(Value::Path(path)) => path,
            Some(_) | None => self.sources.directory.join(setting.default),
        }
    }

    /// The files of the data folder may repeat where it is, but not say that it is elsewhere.
    fn refuse_other_data(&mut self, data: &Path, outside: usize) {
        let inside = self.given.split_off(outside);
        for given in inside {
            if given.setting.name != "data" {
                self.given.push(given);
            } else if !matches!(given.setting.read(&given.raw, &given.base), Ok(Value::Path(path)) if path == data)
            {
                self.problems
                    .push(Problem::DataElsewhere { origin: given.origin });
            }
        }
    }
}

/// Kubernetes and Docker set variables about a service called `keyledger` beside ours: `KEYLEDGER_SERVICE_HOST`,
/// `KEYLEDGER_SERVICE_PORT`, `KEYLEDGER_PORT=tcp://…`, `KEYLEDGER_PORT_8080_TCP_ADDR`. Nobody wrote them, so they are not errors.
fn is_service_link(name: &str, value: &str) -> bool {
    let rest = name.strip_prefix("KEYLEDGER_").unwrap_or("");
    let numbered = rest
        .strip_prefix("PORT_")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    rest == "SERVICE_HOST"
        || rest == "SERVICE_PORT"
        || rest.starts_with("SERVICE_PORT_")
        || numbered
        || (rest == "PORT"
            && ["tcp://", "udp://", "sctp://"]
                .iter()
                .any(|scheme| value.starts_with(scheme)))
}
