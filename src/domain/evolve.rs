//! From an event to the next state. It never fails, and it is the same at boot and live.

mod factors;
mod management;
mod newcomers;
mod safeguards;
mod steps;

use std::sync::Arc;

use crate::types::WebOrigins;

use super::event::{Event, FailCause, PasswordCause, Purpose, Recorded, Subject};
use super::factor::{MailboxBegun, RecoveryCodes, TotpBegun};
use super::mail::Mail;
use super::password_change::PASSWORD_WINDOW;
use super::session::stranger_pair;
use super::state::{ApiKey, CheckpointKey, Credential, Due, Epoch, Standing, TokenStanding};
use super::strangers::{StrangerClass, bump};
use super::world::{Table, World};

use steps::{
    Voided, count_code, count_mail, count_sign_in, end_sessions, erase, forget_past, guard_of,
    guard_of_subject, issue, register, remember_past, requested, set_standing, sign_in, stranger_wrote, told,
    touch, void_tokens,
};

#[expect(
    clippy::match_same_arms,
    reason = "the arms stand in the order of the events, topic by topic"
)]
/// Folds one event into the world.
pub fn evolve(world: &mut impl World, recorded: &Recorded) {
    let (position, time) = (recorded.position, recorded.time);
    let small = world.small_mut();
    small.next = position.next();
    small.last_time = time;
    match &recorded.event {
        Event::EpochStarted { number, reason } => {
            let epoch = &mut world.small_mut().epoch;
            *epoch = Epoch {
                number: *number,
                valid_from: position,
                trusted_from: if reason.is_distrust() {
                    position
                } else {
                    epoch.trusted_from
                },
            };
        }
        Event::KeyRotated { purpose, new, .. } => {
            let rotated = &mut world.small_mut().rotated;
            rotated.change(|all| all.retain(|(known, _)| known != purpose));
            rotated.push((*purpose, *new));
        }
        Event::ClockAccepted { .. } | Event::MasterKeyReplaced { .. } | Event::Suppressed { .. } => {}
        Event::PolicySaved { policy, .. } => {
            Arc::make_mut(&mut world.small_mut().flows).save_password_policy((**policy).clone(), position);
        }
        Event::FlowsChanged { change, .. } => {
            Arc::make_mut(&mut world.small_mut().flows).apply(change, position);
        }
        Event::CheckpointKeyNamed { key: id, public, .. }
        | Event::CheckpointKeyRotated {
            new: id,
            new_public: public,
            ..
        } => {
            let small = world.small_mut();
            small.checkpoint_key = Some(CheckpointKey {
                id: *id,
                public: *public,
                epoch: small.epoch.number,
            });
        }
        Event::ApiKeyCreated {
            key,
            kind,
            hash,
            hash_key,
            label,
            expires,
            ..
        } => {
            let made = ApiKey {
                kind: *kind,
                hash: *hash,
                hash_key: *hash_key,
                label: label.clone(),
                created: time,
                expires: *expires,
                revoked: None,
                confirmed: position,
                used: None,
                origins: WebOrigins::default(),
            };
            world.api_keys_mut().put(*key, made);
        }
        Event::ApiKeyRevoked { key, .. } => {
            if let Some(known) = world.api_keys_mut().edit(key) {
                known.revoked = Some(time);
            }
        }
        Event::ApiKeyOriginsNamed { key, origins, .. } => {
            if let Some(known) = world.api_keys_mut().edit(key) {
                known.origins.clone_from(origins);
            }
        }
        Event::ApiKeyUsed { key } => {
            if let Some(known) = world.api_keys_mut().edit(key) {
                known.used = Some(time);
            }
        }
        Event::ApiKeyConfirmed { key, .. } => {
            if let Some(known) = world.api_keys_mut().edit(key) {
                known.confirmed = position;
            }
        }
        event @ Event::UserRegistered { .. } => register(world, position, time, event),
        Event::SignUpCollided {
            address,
            allowance,
            client,
            ..
        } => {
            stranger_wrote(world, time, 1);
            bump(world, *client, StrangerClass::ClientSignUps, time, position);
            bump(world, *client, StrangerClass::ClientMails, time, position);
            if let Some(guard) = guard_of_subject(world, Subject::Address(*address)) {
                count_mail(guard, *allowance, time);
            }
        }
        Event::PasswordSet {
            user,
            credential,
            verifier,
            cause,
            history,
            ..
        } => {
            let set = Credential {
                id: *credential,
                verifier: verifier.clone(),
                set: time,
            };
            if let Some(found) = touch(world, *user, time) {
                remember_past(found, set, usize::from(*history));
                if matches!(cause, PasswordCause::Recovered(_)) {
                    // Whoever signed in before may have been somebody else (A26): no network keeps a reserve.
                    found.known = crate::types::Few::new();
                    found.proven = position;
                }
                if *cause != PasswordCause::SignUp {
                    found.valid_from = position;
                }
            }
            world.invitations_mut().remove(user);
            if *cause != PasswordCause::SignUp {
                void_tokens(world, *user, Voided::All);
                end_sessions(world, *user, None);
            }
        }
        Event::PasswordRevoked { user, .. } => {
            if let Some(found) = touch(world, *user, time) {
                found.credential = None;
                forget_past(found);
                found.valid_from = position;
            }
            void_tokens(world, *user, Voided::AllButReopen);
        }
        Event::VerifierUpgraded {
            user,
            credential,
            verifier,
        } => {
            if let Some(found) = world.users_mut().edit(user)
                && let Some(current) = found.credential.as_mut().filter(|c| c.id == *credential)
            {
                current.verifier = verifier.clone();
            }
        }
        Event::AddressVerified {
            user, address, token, ..
        } => {
            if let Some(found) = touch(world, *user, time) {
                found.proven = position;
                if let Some(known) = found.addresses.iter_mut().find(|known| known.id == *address) {
                    known.verified.get_or_insert(time);
                }
            }
            if let Some(token) = token {
                set_standing(world, *token, TokenStanding::Spent);
            }
        }
        Event::UserBanned { user, .. } => {
            if let Some(found) = touch(world, *user, time) {
                found.standing = Standing::Banned;
                found.valid_from = position;
            }
            void_tokens(world, *user, Voided::AllButReopen);
        }
        Event::UserUnbanned { user, .. } => {
            // A closing went on meanwhile: it is its owner's to take back, not an administrator's.
            let closing = world.closings().look(user).copied();
            if let Some(found) = touch(world, *user, time) {
                found.standing = closing.map_or(Standing::Active, Standing::Closing);
            }
        }
        Event::WithdrawRequested { user, until, .. } => {
            if let Some(found) = touch(world, *user, time) {
                found.standing = Standing::Closing(*until);
                found.valid_from = position;
                world.closings_mut().put(*user, *until);
            }
            void_tokens(world, *user, Voided::All);
        }
        Event::WithdrawCancelled { user, token, .. } => {
            if let Some(found) = touch(world, *user, time) {
                found.standing = Standing::Active;
            }
            world.closings_mut().remove(user);
            set_standing(world, *token, TokenStanding::Spent);
        }
        Event::ProfileChanged {
            user, name, locale, ..
        } => {
            if let Some(found) = touch(world, *user, time) {
                found.name.clone_from(name);
                found.locale = *locale;
            }
        }
        Event::UserErased { user, .. } => erase(world, *user, position),
        Event::ResetRequested {
            subject,
            allowance,
            client,
            origin,
            locale,
        } => {
            let due = |address| Due {
                address,
                purpose: Purpose::Recovery,
                locale: *locale,
                origin: origin.clone(),
                callback: None,
            };
            requested(world, position, time, *subject, *allowance, *client, due);
        }
        Event::VerificationRequested {
            subject,
            allowance,
            client,
            origin,
            locale,
        } => {
            let due = |address| Due {
                address,
                purpose: Purpose::VerifyEmail,
                locale: *locale,
                origin: origin.clone(),
                callback: None,
            };
            requested(world, position, time, *subject, *allowance, *client, due);
        }
        Event::CallbackNamed { request, callback } => {
            stranger_wrote(world, time, 1);
            if let Some(due) = world.requests_mut().edit(request) {
                due.callback = Some(callback.clone());
            }
        }
        Event::RequestDropped { request, .. } => world.requests_mut().remove(request),
        event @ Event::TokenIssued { .. } => issue(world, position, time, event),
        Event::CodeRefused {
            subject,
            token,
            allowance,
            ..
        } => {
            count_code(world, position, time, *subject, *allowance, *token);
        }
        Event::ProofRefused { token, .. } => {
            if let Some(found) = world.tokens_mut().edit(token) {
                found.refusals = found.refusals.saturating_add(1);
            }
        }
        Event::RecoveryCompleted { user, token, .. } => {
            set_standing(world, *token, TokenStanding::Spent);
            safeguards::recovered(world, *user, *token, position, time);
        }
        Event::SignUpDisowned { token, .. } => set_standing(world, *token, TokenStanding::Spent),
        event @ Event::SignedIn { .. } => sign_in(world, position, time, event),
        Event::SignInFailed {
            subject,
            network,
            cause,
            origin,
        } => {
            stranger_wrote(world, time, 1);
            match *subject {
                Subject::Stranger(tag) => {
                    bump(
                        world,
                        stranger_pair(tag, *network),
                        StrangerClass::SignIns,
                        time,
                        position,
                    );
                    bump(world, tag, StrangerClass::SignInsHour, time, position);
                }
                Subject::Address(address) => {
                    if let Some(guard) = guard_of_subject(world, *subject) {
                        count_sign_in(guard, *network, time);
                    }
                    if *cause == FailCause::FactorMissing {
                        factors::leave_unfinished(world, address, time, origin);
                    }
                }
            }
        }
        Event::CurrentPasswordWrong { user, .. } => {
            if let Some(guard) = guard_of(world, *user) {
                guard.current_password.bump(time, PASSWORD_WINDOW);
            }
        }
        Event::PasswordRefused { user, .. } => {
            if let Some(guard) = guard_of(world, *user) {
                guard.refused_passwords.bump(time, PASSWORD_WINDOW);
            }
        }
        Event::RefreshRotated {
            session,
            counter,
            refresh_key,
            idle,
            ..
        } => {
            if let Some(found) = world.sessions_mut().edit(session) {
                found.counter = *counter;
                found.refresh_key = *refresh_key;
                found.active = time;
                found.expires = time + *idle;
            }
        }
        Event::RefreshReplayed { .. } => {}
        Event::RefreshRefused { .. } => stranger_wrote(world, time, 1),
        Event::SessionEnded { user, session, .. } => {
            world.sessions_mut().remove(session);
            if let Some(found) = world.users_mut().edit(user) {
                found.sessions.change(|all| all.retain(|id| id != session));
            }
        }
        Event::SessionsEnded { user, except, .. } => {
            end_sessions(world, *user, *except);
            if except.is_none()
                && let Some(found) = touch(world, *user, time)
            {
                found.valid_from = position;
            }
        }
        Event::MailQueued {
            mail,
            kind,
            user,
            address,
            token,
            locale,
            details,
        } => {
            let queued = Mail {
                id: *mail,
                kind: *kind,
                user: *user,
                address: *address,
                token: *token,
                locale: *locale,
                details: details.clone(),
                queued: time,
                attempts: 0,
                next: time,
                status: 0,
            };
            world.outbox_mut().put(position, queued);
            told(world, *kind, *user, time);
        }
        Event::MailDelivered { queued, .. } | Event::MailEnded { queued, .. } => {
            world.outbox_mut().remove(queued);
        }
        Event::MailDeferred {
            queued,
            attempt,
            status,
            next,
            ..
        } => {
            if let Some(mail) = world.outbox_mut().edit(queued) {
                mail.attempts = *attempt;
                mail.next = *next;
                mail.status = *status;
            }
        }
        Event::TotpBegun {
            user,
            session,
            factor,
            seed,
            expires,
            ..
        } => {
            let begun = TotpBegun {
                id: *factor,
                seed: seed.clone(),
                session: *session,
                expires: *expires,
            };
            factors::change(world, *user, |factors| factors.totp_begun = Some(begun));
        }
        Event::MailboxBegun {
            user,
            session,
            factor,
            address,
            sealed,
            token,
            ..
        } => {
            let begun = MailboxBegun {
                id: *factor,
                address: *address,
                sealed: sealed.clone(),
                session: *session,
                token: *token,
            };
            factors::change(world, *user, |factors| factors.mailbox_begun = Some(begun));
        }
        Event::FactorConfirmed {
            user,
            session,
            kind,
            step,
            ..
        } => {
            touch(world, *user, time);
            factors::confirm(world, *user, *session, *kind, *step, time);
        }
        Event::FactorRemoved {
            user, factor, kind, ..
        } => {
            touch(world, *user, time);
            factors::take_away(world, *user, *kind, *factor);
        }
        Event::RecoveryCodesIssued {
            user, set, hashes, ..
        } => {
            touch(world, *user, time);
            let codes = RecoveryCodes {
                set: *set,
                hashes: hashes.clone(),
                used: 0,
                position,
                since: time,
            };
            factors::change(world, *user, |factors| factors.codes = Some(codes));
        }
        Event::FactorAccepted {
            user, proof, session, ..
        } => factors::accept(world, *user, *proof, *session, time),
        Event::FactorRemembered {
            user,
            session,
            kind,
            shown,
            ..
        } => factors::change(world, *user, |factors| {
            factors::remember(factors, *session, *kind, *shown, time);
        }),
        Event::FactorRefused { user, token, .. } => factors::refuse(world, *user, *token, time),
        Event::FactorCodeRequested {
            user,
            allowance,
            client,
            ..
        } => {
            bump(world, *client, StrangerClass::ClientMails, time, position);
            if let Some(guard) = guard_of(world, *user) {
                count_mail(guard, *allowance, time);
            }
        }
        Event::MailboxNamed { .. }
        | Event::AddressBegun { .. }
        | Event::AddressConfirmed { .. }
        | Event::AddressRemoved { .. }
        | Event::PrimaryChanged { .. }
        | Event::ObjectionOffered { .. }
        | Event::ObjectionRaised { .. }
        | Event::SafeguardsLapsed { .. } => safeguards::evolve(world, position, time, &recorded.event),
        Event::RoleChanged { .. }
        | Event::ProfileEdited { .. }
        | Event::RecoverySent { .. }
        | Event::MailCancelled { .. }
        | Event::MailHastened { .. } => management::evolve(world, time, &recorded.event),
        Event::Webhook(event) => super::webhook::evolve(world, position, time, event),
        Event::UserImported { .. }
        | Event::PasswordImported { .. }
        | Event::UserInvited { .. }
        | Event::InvitationAccepted { .. } => newcomers::evolve(world, time, &recorded.event),
    }
}
