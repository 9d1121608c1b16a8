//! What administrators do in a simulation about users, mails, keys and flows, beside keeping people out and letting them in.

use std::collections::{BTreeMap, BTreeSet};

use keyledger::desk::{Editor, NewPerson, ProfileEdit};
use keyledger::domain::flow::{
    Binding, DeniedAction, Designation, Edit, Flow, Naming, ObjectKey, Presence, Requirement,
};
use keyledger::domain::{Actor, Command, ManagementCommand, Purpose, Role, State};
use keyledger::types::{
    ApiKeyId, Locale, MailId, ObjectName, PersonName, Position, Slug, UserId, WebOrigin, WebOrigins,
};

use super::attempt::Attempt;
use super::compare::same;
use super::follow::{ADMIN_RECOVERY, Followed, Void};
use super::life::Life;
use super::machine::Machine;
use super::oracle::{Access, Expect, News, Oracle};

/// Flows that administrators here make and remove.
const FLOWS: usize = 3;
/// A stage that ships.
const STAGE: &str = "default-authentication-password";
const NAMES: [&str; 3] = ["Ada", "Grace", "Barbara"];

/// Something that an administrator does.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Managed {
    ChangeRole {
        user: UserId,
        role: Role,
    },
    EditProfile {
        user: UserId,
        name: &'static str,
        locale: Locale,
    },
    SendRecovery(UserId),
    CancelMail {
        queued: Position,
        mail: MailId,
    },
    HastenMail {
        queued: Position,
        mail: MailId,
    },
    NameOrigins {
        key: ApiKeyId,
        origins: WebOrigins,
    },
    ChangeFlows(Vec<Wish>),
}

/// A change of one of a few flows.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Wish {
    Save { flow: usize, title: String },
    Bind { flow: usize, order: u16 },
    Unbind { flow: usize, order: u16 },
    Remove { flow: usize },
}

/// The flows that are there: their titles, and where something is bound.
pub(super) type FlowsMade = BTreeMap<usize, (String, BTreeSet<u16>)>;

fn slug(flow: usize) -> Slug {
    Slug::parse(&format!("made-{flow}")).expect("a slug")
}

fn name(text: &str) -> ObjectName {
    ObjectName::parse(text).expect("a name")
}

impl Wish {
    fn edit(&self) -> Edit {
        match self {
            Self::Save { flow, title } => Edit::SaveFlow {
                flow: Flow {
                    slug: slug(*flow),
                    name: name(&format!("Made {flow}")),
                    title: name(title),
                    designation: Designation::Authentication,
                    authentication: Requirement::None,
                    denied_action: DeniedAction::MessageContinue,
                },
                presence: Presence::Either,
            },
            Self::Bind { flow, order } => Edit::SaveBinding {
                flow: slug(*flow),
                binding: Binding::plain(*order, name(STAGE)),
                presence: Presence::Either,
            },
            Self::Unbind { flow, order } => Edit::RemoveBinding {
                flow: slug(*flow),
                order: *order,
            },
            Self::Remove { flow } => Edit::Remove {
                key: ObjectKey::Flow(slug(*flow)),
                naming: Naming::Keep,
            },
        }
    }

    /// Whether it comes true, and then that it has.
    fn comes_true(&self, flows: &mut FlowsMade) -> bool {
        match self {
            Self::Save { flow, title } => {
                flows.entry(*flow).or_default().0.clone_from(title);
                true
            }
            Self::Bind { flow, order } => flows.get_mut(flow).is_some_and(|(_, bound)| {
                bound.insert(*order);
                true
            }),
            Self::Unbind { flow, order } => flows.get_mut(flow).is_some_and(|(_, bound)| bound.remove(order)),
            Self::Remove { flow } => flows.remove(flow).is_some(),
        }
    }
}

/// The flows after all the wishes, if all come true.
fn granted(flows: &FlowsMade, wishes: &[Wish]) -> Option<FlowsMade> {
    let mut flows = flows.clone();
    wishes
        .iter()
        .all(|wish| wish.comes_true(&mut flows))
        .then_some(flows)
}

impl Managed {
    /// The command of what needs no keys.
    pub(super) fn command(&self) -> Option<Command> {
        let by = Actor::Operator;
        Some(match self {
            Self::ChangeRole { user, role } => Command::Manage(ManagementCommand::ChangeRole {
                user: *user,
                role: *role,
                against: None,
                by,
            }),
            Self::CancelMail { queued, .. } => {
                Command::Manage(ManagementCommand::CancelMail { queued: *queued, by })
            }
            Self::HastenMail { queued, .. } => {
                Command::Manage(ManagementCommand::HastenMail { queued: *queued, by })
            }
            Self::NameOrigins { key, origins } => Command::NameApiKeyOrigins {
                key: *key,
                origins: origins.clone(),
                by,
            },
            Self::ChangeFlows(wishes) => Command::ChangeFlows {
                edits: wishes.iter().map(Wish::edit).collect(),
                against: None,
                by,
            },
            Self::EditProfile { .. } | Self::SendRecovery(_) => return None,
        })
    }
}

impl Oracle {
    /// What may come of it.
    pub(super) fn expects_of_management(&self, managed: &Managed) -> Expect {
        let holds = match managed {
            Managed::ChangeRole { user, .. } | Managed::EditProfile { user, .. } => {
                self.accounts.contains_key(user)
            }
            Managed::SendRecovery(user) => self
                .accounts
                .get(user)
                .is_some_and(|account| account.access() == Access::Open),
            Managed::CancelMail { mail, .. } | Managed::HastenMail { mail, .. } => {
                self.mails.contains_key(mail)
            }
            Managed::NameOrigins { key, .. } => {
                self.keys.get(key).is_some_and(|key| key.lives && !key.secret)
            }
            Managed::ChangeFlows(wishes) => granted(&self.flows, wishes).is_some(),
        };
        if holds { Expect::Yes } else { Expect::No }
    }

    /// Notes what it led to.
    pub(super) fn follow_management(&mut self, managed: &Managed, news: &News) -> Followed {
        match managed {
            Managed::ChangeRole { user, role } => {
                let account = self.accounts.get_mut(user).ok_or("their account is gone")?;
                if std::mem::replace(&mut account.role, *role) != *role {
                    // What was handed over to somebody with another role opens nothing of the new one.
                    self.void(*user, Void::Only(Purpose::Recovery));
                }
                Ok(())
            }
            Managed::EditProfile { user, name, locale } => {
                let account = self.accounts.get_mut(user).ok_or("their account is gone")?;
                account.edited = Some(((*name).to_owned(), *locale));
                Ok(())
            }
            Managed::SendRecovery(user) => {
                let account = self.accounts.get(user).ok_or("their account is gone")?;
                self.asked(account.address, Purpose::Recovery, news)
            }
            Managed::CancelMail { mail, .. } => {
                self.mails.remove(mail);
                Ok(())
            }
            Managed::HastenMail { .. } => Ok(()),
            Managed::NameOrigins { key, origins } => {
                self.origins.insert(*key, origins.clone());
                Ok(())
            }
            Managed::ChangeFlows(wishes) => {
                self.flows = granted(&self.flows, wishes).ok_or("a wish that cannot come true")?;
                Ok(())
            }
        }
    }
}

/// Whether house and oracle agree on what administrators did.
pub(super) fn compare_management(state: &State, oracle: &Oracle) -> Result<(), String> {
    let flows = state.flows();
    let made = (0..FLOWS).filter_map(|number| {
        let bound = flows.flow(slug(number).as_str())?;
        let title = bound.flow.title.as_str().to_owned();
        Some((number, (title, bound.bindings.keys().copied().collect())))
    });
    same("the flows", &made.collect(), &oracle.flows)?;
    let origins = state.api_keys.iter().map(|(id, key)| (*id, key.origins.clone()));
    let named = origins.filter(|(_, origins)| !origins.is_empty()).collect();
    let mut known = oracle.origins.clone();
    known.retain(|_, origins| !origins.is_empty());
    same("which pages may call with a key", &named, &known)
}

/// Whether people are called what administrators called them.
pub(super) fn compare_names(machine: &Machine, oracle: &Oracle) -> Result<(), String> {
    for (user, account) in &oracle.accounts {
        let Some(edited) = &account.edited else { continue };
        let profile = machine.desk().profile(*user).ok_or("a user without a profile")?;
        same("their name", &profile.name, &Some(edited.0.clone()))?;
        same("their language", &profile.locale, &edited.1)?;
    }
    Ok(())
}

impl Life {
    /// A plain one.
    pub(super) fn a_managed(&mut self) -> Option<Managed> {
        Some(match self.chance.below(6) {
            0 => Managed::ChangeRole {
                user: self.a_user()?,
                role: self.chance.one_of(&[Role::Admin, Role::User, Role::Guest])?,
            },
            1 => {
                let (queued, mail) = self.a_due_mail()?;
                Managed::CancelMail { queued, mail }
            }
            2 => {
                let (queued, mail) = self.a_due_mail()?;
                Managed::HastenMail { queued, mail }
            }
            3 => {
                let count = self.chance.below(3);
                let origin = |number| WebOrigin::parse(&format!("https://app{number}.example.org"));
                let origins = (0..count).map(|number| origin(number).expect("an origin"));
                Managed::NameOrigins {
                    key: self.a_key()?,
                    origins: WebOrigins::new(origins.collect()).expect("few origins"),
                }
            }
            _ => {
                let count = 1 + self.chance.below(3);
                Managed::ChangeFlows((0..count).map(|_| self.a_wish()).collect())
            }
        })
    }

    fn a_wish(&mut self) -> Wish {
        let flow = self.chance.below(FLOWS);
        let order = if self.chance.one_in(2) { 10 } else { 20 };
        match self.chance.below(6) {
            0 => Wish::Remove { flow },
            1 => Wish::Unbind { flow, order },
            2 | 3 => Wish::Bind { flow, order },
            _ => Wish::Save {
                flow,
                // Long ones too: a record of several is a command of several.
                title: "t".repeat(1 + self.chance.below(100)),
            },
        }
    }

    fn a_due_mail(&mut self) -> Option<(Position, MailId)> {
        let due = self.machine.engine().read(|state| {
            let mails = state.outbox.iter();
            mails.map(|(queued, mail)| (*queued, mail.id)).collect::<Vec<_>>()
        });
        self.chance.one_of(&due)
    }

    /// What needs keys, or hands something over.
    pub(super) fn administrate(&mut self) -> Result<(), String> {
        if self.chance.one_in(3) {
            return self.create();
        }
        let Some(user) = self.a_user() else { return Ok(()) };
        match self.chance.below(3) {
            0 => {
                let asked = self
                    .machine
                    .ask(|desk| async move { desk.send_recovery(user, Actor::Operator).await });
                self.note(&Attempt::Manage(Managed::SendRecovery(user)), asked)
                    .map(drop)
            }
            1 => {
                let name = self.chance.one_of(&NAMES).ok_or("there are names")?;
                let locale = if self.chance.one_in(2) {
                    Locale::En
                } else {
                    Locale::Ko
                };
                let edit = ProfileEdit {
                    name: Some(PersonName::parse(name).expect("a name")),
                    locale: Some(locale),
                };
                let edited = self.machine.ask(|desk| async move {
                    let by = Editor::Administrator(Actor::Operator);
                    desk.edit_profile(user, &edit, None, by).await
                });
                let attempt = Attempt::Manage(Managed::EditProfile { user, name, locale });
                self.note(&attempt, edited).map(drop)
            }
            _ => self.hand_over_recovery(user),
        }
    }

    fn create(&mut self) -> Result<(), String> {
        let of = self.an_address();
        let person = NewPerson {
            address: super::people::address(of),
            name: None,
            username: None,
            role: Role::User,
            locale: Locale::En,
        };
        let answer = self
            .machine
            .ask(|desk| async move { desk.create_user(person, Actor::Operator).await });
        self.note(&Attempt::Create { address: of }, answer).map(drop)
    }

    fn hand_over_recovery(&mut self, user: UserId) -> Result<(), String> {
        let answer = self
            .machine
            .ask(|desk| async move { desk.admin_recovery(user, ADMIN_RECOVERY, Actor::Operator).await });
        if let Some((recovery, _)) = self.note(&Attempt::AdminRecovery(user), answer)? {
            let of = self.oracle.accounts[&user].address;
            self.post.hand_over(of, recovery.secret, recovery.code)?;
        }
        Ok(())
    }
}
