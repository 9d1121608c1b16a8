//! From a command to events or a refusal. The topics hold the rules; this is their table of contents.

use super::command::{Command, Context, Outcome};
use super::event::{Actor, Event};
use super::flow::{Designation, Edit, Flows, MailServer, Policy, Presence, edited};
use super::key_purpose::KeyPurpose;
use super::refusal::{LimitKind, LimitReached, Refusal};
use super::sign_in::{self, SessionTerms};
use super::strangers::{StrangerClass, SuppressedClass};
use super::world::World;
use super::{
    access, address, codes, factor, mail, management, newcomer, objection, password_change, proof, recovery,
    session, user, verification, walk, webhook,
};
use crate::types::{Position, Span, Tag};

/// What follows from a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// What happened. A refusal can have events too: a wrong password is remembered before its verdict leaves.
    pub events: Vec<Event>,
    /// What the caller is told.
    pub verdict: Result<Outcome, Refusal>,
    /// What was left unwritten, to be counted.
    pub suppressed: Option<SuppressedClass>,
    /// What is to be counted of strangers although nothing is written.
    pub unwritten: Vec<(Tag, StrangerClass)>,
}

impl Decision {
    /// Whether something would have been written but for the strangers' budget. It was about an address of nobody, for
    /// what is about somebody's is written still; so it must take as long.
    pub fn is_left_unwritten(&self) -> bool {
        self.events.is_empty()
            && match self.suppressed {
                Some(SuppressedClass::Requests | SuppressedClass::SignIns | SuppressedClass::Codes) => true,
                Some(
                    SuppressedClass::Limited
                    | SuppressedClass::ApiKeys
                    | SuppressedClass::ForeignTokens
                    | SuppressedClass::DeadTokens,
                )
                | None => false,
            }
    }

    pub(super) fn accepted(events: Vec<Event>, outcome: Outcome) -> Self {
        Self {
            events,
            verdict: Ok(outcome),
            suppressed: None,
            unwritten: vec![],
        }
    }

    pub(super) fn refused(refusal: Refusal) -> Self {
        Self {
            events: vec![],
            verdict: Err(refusal),
            suppressed: None,
            unwritten: vec![],
        }
    }

    pub(super) fn refused_with(events: Vec<Event>, refusal: Refusal) -> Self {
        Self {
            events,
            verdict: Err(refusal),
            suppressed: None,
            unwritten: vec![],
        }
    }

    pub(super) fn limited(kind: LimitKind, limit: u32, wait: Span) -> Self {
        Self {
            events: vec![],
            verdict: Err(Refusal::Limited(LimitReached {
                kind,
                limit,
                wait: Span(wait.0.max(1)),
            })),
            suppressed: Some(SuppressedClass::Limited),
            unwritten: vec![],
        }
    }

    pub(super) fn leaving(self, class: SuppressedClass, unwritten: Vec<(Tag, StrangerClass)>) -> Self {
        Self {
            unwritten,
            ..self.suppressing(class)
        }
    }

    pub(super) fn suppressing(mut self, class: SuppressedClass) -> Self {
        self.suppressed = Some(class);
        self
    }
}

/// Decides a command against the world as it is. Pure: the same three inputs always give the same decision.
pub fn decide(world: &impl World, command: Command, context: &Context<'_>) -> Decision {
    match command {
        Command::Found {
            policies,
            keys,
            checkpoint,
        } => access::found(world, policies, keys, checkpoint),
        Command::StartEpoch { reason, erase } => access::start_epoch(world, reason, erase),
        Command::AcceptClock { kept } => access::accept_clock(world, kept),
        Command::CreateApiKey { key, by } => access::create_api_key(key, by),
        Command::RevokeApiKey { key, by } => access::revoke_api_key(world, key, by),
        Command::RecordKeyRotation {
            purpose,
            old,
            new,
            by,
        } => Decision::accepted(
            vec![Event::KeyRotated {
                purpose,
                old,
                new,
                by,
            }],
            Outcome::Done,
        ),
        Command::RecordMasterKeyReplaced { wrap: (old, new), by } => {
            let purpose = KeyPurpose::UserWrap;
            let rotated = Event::KeyRotated {
                purpose,
                old,
                new,
                by,
            };
            Decision::accepted(vec![rotated, Event::MasterKeyReplaced { by }], Outcome::Done)
        }
        Command::NameApiKeyOrigins { key, origins, by } => {
            access::name_api_key_origins(world, key, origins, by)
        }
        Command::ConfirmApiKey { key, by } => access::confirm_api_key(world, key, by),
        Command::TouchApiKey { key } => access::touch_api_key(world, context, key),
        Command::NameCheckpointKey { named } => access::name_checkpoint_key(world, named),
        Command::RotateCheckpointKey { rotation, by } => access::rotate_checkpoint_key(world, *rotation, by),
        Command::SavePolicy { policy, by } => {
            let policy = Box::new(Policy::Password(policy));
            let presence = Presence::Either;
            change_flows(world, vec![Edit::SavePolicy { policy, presence }], None, by)
        }
        Command::ChangeFlows { edits, against, by } => change_flows(world, edits, against, by),
        Command::SignUp {
            ask,
            username: _,
            new,
            credential,
            proof,
            mail,
            mode,
            lifetime,
        } => user::sign_up(world, context, ask, new, credential, proof, &mail, mode, lifetime),
        Command::CreateUser {
            lookup: _,
            username: _,
            new,
            origin,
            by,
        } => user::create(context, new, origin, by),
        Command::BanUser { user, by } => user::ban(world, user, by),
        Command::UnbanUser { user, by } => user::unban(world, user, by),
        Command::RevokePassword { user, by } => user::revoke_password(world, user, by),
        Command::EraseUser { user, by } => user::erase(world, user, by),
        Command::Withdraw {
            user,
            session,
            proof,
            mails,
            origin,
        } => user::withdraw(world, context, user, session, proof, &mails, origin),
        Command::ChangeProfile {
            user,
            session,
            name,
            locale,
            origin,
        } => user::change_profile(world, context, user, session, name, locale, origin),
        Command::CancelWithdraw { proof, origin } => user::cancel_withdraw(world, context, proof, origin),
        Command::RenewClosing { user, proof, mails } => {
            user::renew_closing(world, context, user, proof, &mails)
        }
        Command::EraseDue { user } => user::erase_due(world, context, user),
        Command::RequestProof {
            ask,
            purpose,
            callback,
        } => recovery::request(world, context, ask, purpose, callback),
        Command::IssueProof {
            request,
            proof,
            mail,
            lifetime,
        } => recovery::issue(world, context, request, proof, &mail, lifetime),
        Command::DropRequest { request, cause } => recovery::drop_request(world, request, cause),
        Command::IssueRecovery {
            user,
            proof,
            lifetime,
            mails,
            by,
        } => recovery::issue_by_administrator(world, context, user, proof, lifetime, &mails, by),
        Command::RefuseCode { ask, purpose } => codes::refuse_code(world, context, ask, purpose),
        Command::RefuseProof { proof, cause, origin } => proof::refuse_proof(world, proof, cause, origin),
        Command::CompleteRecovery {
            proof,
            client,
            against,
            credential,
            factor,
            mails,
        } => recovery::complete(
            world, context, proof, &client, against, credential, &factor, &mails,
        ),
        Command::VerifyAddress { proof, client } => {
            verification::verify_address(world, context, proof, &client)
        }
        Command::DisownSignUp { token, origin } => verification::disown(world, context, token, origin),
        Command::SignIn {
            ask,
            verdict,
            factor,
            session,
            require_verified,
        } => {
            let terms = SessionTerms::usual(context);
            sign_in::sign_in(
                world,
                context,
                ask,
                verdict,
                &factor,
                &session,
                terms,
                require_verified,
            )
        }
        Command::Walk(walk) => walk::decide(world, context, walk),
        Command::Address(command) => address::decide(world, context, command),
        Command::Objection(command) => objection::decide(world, context, command),
        Command::Manage(command) => management::decide(world, context, command),
        Command::Webhook(command) => webhook::decide(world, context, command),
        Command::Newcomer(command) => newcomer::decide(world, context, *command),
        Command::UpgradeVerifier { user, credential } => session::upgrade_verifier(world, user, credential),
        Command::ChangePassword {
            user,
            session,
            verdict,
            change,
            mails,
            origin,
        } => password_change::change_password(world, context, user, session, verdict, change, &mails, origin),
        Command::Refresh {
            session,
            counter,
            refresh_key,
            mails,
            origin,
        } => session::refresh(world, context, session, counter, refresh_key, &mails, origin),
        Command::SignOut {
            user,
            session,
            origin,
        } => session::sign_out(world, user, session, origin),
        Command::EndSession {
            user,
            session,
            by,
            origin,
        } => session::end(world, user, session, by, origin),
        Command::EndSessions {
            user,
            except,
            by,
            origin,
        } => session::end_all(world, user, except, by, origin),
        Command::ChallengeMailbox {
            ask,
            verdict,
            proof,
            mail,
            lifetime,
        } => factor::challenge(world, context, ask, verdict, proof, mail.as_ref(), lifetime),
        Command::TellUnfinished { user, mails } => factor::tell_unfinished(world, context, user, &mails),
        Command::BeginTotp { who, factor, seed } => factor::begin_totp(world, context, who, factor, seed),
        Command::ConfirmTotp {
            user,
            session,
            factor,
            step,
            codes,
            mails,
            origin,
        } => factor::confirm_totp(world, context, user, session, factor, step, codes, &mails, origin),
        Command::BeginMailbox {
            who,
            factor,
            address,
            sealed,
            mailbox,
            proof,
            mail,
            lifetime,
            client,
        } => factor::begin_mailbox(
            world, context, who, factor, address, sealed, mailbox, proof, &mail, lifetime, &client,
        ),
        Command::ConfirmMailbox {
            user,
            session,
            token,
            is_right,
            codes,
            mails,
            origin,
        } => factor::confirm_mailbox(
            world, context, user, session, token, is_right, codes, &mails, origin,
        ),
        Command::RemoveFactors { who, kind, mails } => factor::remove(world, context, &who, kind, &mails),
        Command::IssueRecoveryCodes { who, codes, mails } => {
            factor::issue_codes(world, context, &who, codes, &mails)
        }
        Command::RevokeFactors {
            user,
            kind,
            mails,
            by,
        } => factor::revoke(world, context, user, kind, &mails, by),
        Command::TellBackupFailed { mails } => mail::tell_backup_failed(world, context, &mails),
        Command::MailCheckpoint { every, mails } => mail::mail_checkpoint(world, context, every, &mails),
        Command::MailDelivered {
            queued,
            attempt,
            status,
        } => mail::settle(
            world,
            queued,
            Event::MailDelivered {
                queued,
                attempt,
                status,
            },
        ),
        Command::MailDeferred {
            queued,
            attempt,
            status,
            step,
            next,
        } => mail::settle(
            world,
            queued,
            Event::MailDeferred {
                queued,
                attempt,
                status,
                step,
                next,
            },
        ),
        Command::MailEnded {
            queued,
            attempt,
            status,
            step,
            cause,
        } => mail::settle(
            world,
            queued,
            Event::MailEnded {
                queued,
                attempt,
                status,
                step,
                cause,
            },
        ),
        Command::RecordSuppressed { class, count, first } => {
            Decision::accepted(vec![Event::Suppressed { class, count, first }], Outcome::Done)
        }
    }
}

fn change_flows(world: &impl World, edits: Vec<Edit>, against: Option<Position>, by: Actor) -> Decision {
    let flows = &world.small().flows;
    if against.is_some_and(|against| against != flows.changed()) {
        return Decision::refused(Refusal::Outdated);
    }
    match edited(flows, edits, by) {
        Ok(events) if matches!(by, Actor::ApiKey(_)) && diverts_recovery(flows, &events) => {
            Decision::refused(Refusal::NotAllowed)
        }
        Ok(events) => Decision::accepted(events, Outcome::Done),
        Err(refused) => Decision::refused(Refusal::FlowChange(refused)),
    }
}

/// Whether recovery mails leave over a server afterwards that none left over before. Whoever chooses that reads what lets
/// people back in, so it is a person's deed, never a key's.
fn diverts_recovery(flows: &Flows, events: &[Event]) -> bool {
    let mut after = flows.clone();
    for event in events {
        if let Event::FlowsChanged { change, .. } = event {
            after.apply(change, Position(0));
        }
    }
    let before: Vec<&MailServer> = recovery_servers(flows).collect();
    recovery_servers(&after).any(|server| !before.contains(&server))
}

/// The servers of their own that stages of recovery flows send over.
fn recovery_servers(flows: &Flows) -> impl Iterator<Item = &MailServer> {
    let recoveries = flows
        .flows()
        .filter(|bound| bound.flow.designation == Designation::Recovery);
    recoveries
        .flat_map(|bound| bound.bindings.values())
        .filter_map(|binding| flows.stage(binding.stage.as_str())?.settings().mail_server())
        .filter(|server| !server.use_global_settings)
}
