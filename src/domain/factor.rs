//! Second factors: what a user proves beside the password or beside a mailbox.
//!
//! A code is judged where the keys are; here it is a verdict that names the factor it was held against. Every wrong one
//! is remembered before its answer leaves, and counts for the user over all factors and doors (M-04).

mod challenge;
mod enrol;
mod held;
mod manage;
mod recovery;

use crate::types::{AddressId, CredentialId, FactorId, Sealed, SessionId, Span, TokenId, UserId};

use super::command::{Context, NewMail};
use super::decide::Decision;
use super::event::{Event, Purpose};
use super::mail_kind::MailKind;
use super::password_change::current_password_gate;
use super::recovery::notices;
use super::refusal::{LimitKind, LimitReached, Refusal};
use super::session::signed_in_user;
use super::state::{Token, TokenStanding, User};
use super::strangers::counted;
use super::world::{Table, World};

pub(super) use challenge::{challenge, tell_unfinished};
pub use enrol::mailbox_brings_codes;
pub(super) use enrol::{begin_mailbox, begin_totp, confirm_mailbox, confirm_totp};
pub use held::{FactorMailbox, Factors, MailboxBegun, RecoveryCodes, Totp, TotpBegun, Unfinished};
pub(super) use manage::{cleared, issue_codes, remove, revoke};
pub(super) use recovery::proves_first;
pub use recovery::{RecoveryFactors, recovery_factors};

/// Wrong second factors are counted in windows of this length.
pub(super) const TRIES_WINDOW: Span = Span::minutes(15);
/// A user is told of failed second factors once in this time.
pub(super) const NOTICES_WINDOW: Span = Span::hours(1);
/// So long an enrolment waits for its first code.
const ENROLMENT_LIFE: Span = Span::minutes(10);
/// So long a session counts as having proved a factor.
pub(super) const PROVED_FOR: Span = Span::minutes(10);
/// A sign-in that was right so far and then left alone for so long is told to the user (M-08).
pub const UNFINISHED_AFTER: Span = Span::minutes(10);
/// Recovery codes of one set.
pub const RECOVERY_CODES: u8 = 10;

/// What a second factor is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum FactorKind {
    /// An authenticator app (RFC 6238).
    Totp,
    /// Codes by mail.
    Email,
    /// Codes on paper, each for one use.
    RecoveryCodes,
}

impl FactorKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Totp, Self::Email, Self::RecoveryCodes];

    /// The word in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Email => "email",
            Self::RecoveryCodes => "recovery_codes",
        }
    }

    /// The inverse of [`FactorKind::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The way a proof takes. Two proofs of one channel are worth one: who holds the channel holds both.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Channel {
    /// A mailbox.
    Mailbox(AddressId),
    /// A device with a seed.
    Device(FactorId),
    /// Paper with codes.
    Paper(FactorId),
}

/// What a second factor is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FactorUse {
    /// To sign in.
    SignIn,
    /// To set a new password by a mailed proof.
    Recovery,
    /// To enrol it: the first code.
    Enrolment,
    /// To change the factors of the account.
    Change,
}

/// A second factor that was right, and what it was held against.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FactorProof {
    /// The code of a time step, in steps of 30 seconds since 1970.
    Totp {
        /// The app.
        factor: FactorId,
        /// The step.
        step: u64,
    },
    /// The code of a mail.
    Email {
        /// The mailbox.
        factor: FactorId,
        /// The challenge.
        token: TokenId,
    },
    /// A recovery code.
    RecoveryCode {
        /// Its set.
        set: FactorId,
        /// Its number in the set, from 0.
        number: u8,
    },
}

impl FactorProof {
    /// What kind of factor it proves.
    pub fn kind(self) -> FactorKind {
        match self {
            Self::Totp { .. } => FactorKind::Totp,
            Self::Email { .. } => FactorKind::Email,
            Self::RecoveryCode { .. } => FactorKind::RecoveryCodes,
        }
    }
}

/// Whether a second factor was right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FactorVerdict {
    /// None was given.
    Absent,
    /// It matches nothing.
    Wrong,
    /// It has the form of a recovery code, and all of them are used.
    Exhausted,
    /// It is right.
    Right(FactorProof),
}

/// A second factor as it was given, and the notices to the user's addresses that may follow from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FactorShown {
    /// Whether it was right.
    pub verdict: FactorVerdict,
    /// Prepared notices: of a used recovery code, or of a failure.
    pub mails: Vec<(AddressId, NewMail)>,
}

/// A signed-in user who gave the password once more, and perhaps a second factor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reauthenticated {
    /// Who.
    pub user: UserId,
    /// In which session.
    pub session: SessionId,
    /// The password that was right.
    pub against: CredentialId,
    /// The second factor.
    pub shown: FactorShown,
    /// Where from, sealed.
    pub origin: Sealed,
}

/// A set of recovery codes to keep.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewCodes {
    /// Its id.
    pub set: FactorId,
    /// The keyed hashes of the codes, in their order, sealed.
    pub hashes: Sealed,
}

/// The sealed text of an address that mails to a user may go to: their own, or that of a factor of theirs.
pub fn sealed_address(world: &impl World, user: UserId, address: AddressId) -> Option<&Sealed> {
    let own = world.users().look(&user)?.address(address);
    own.map(|own| &own.sealed)
        .or_else(|| world.factors().look(&user)?.own_address(address))
}

/// The live challenge of one purpose of a user, if one is out.
pub fn live_challenge<'w>(
    world: &'w impl World,
    user: &User,
    purpose: Purpose,
) -> Option<(TokenId, &'w Token)> {
    user.tokens.iter().rev().find_map(|id| {
        let token = world.tokens().look(id)?;
        (token.purpose == purpose && token.standing == TokenStanding::Live).then_some((*id, token))
    })
}

/// Whether a second factor of a user may be tried now. Asked again at the commit, also for right ones: or trying on
/// beside others would still find it (M-04).
pub(super) fn factor_gate(
    world: &impl World,
    context: &Context<'_>,
    user: UserId,
) -> Result<(), LimitReached> {
    counted(world, user, |guard| guard.factors).room(
        context.now,
        TRIES_WINDOW,
        LimitKind::SecondFactor,
        context.limits.factor_tries,
    )
}

/// Whether mailed codes of a user may still be tried today.
pub(super) fn mailed_codes_left(world: &impl World, context: &Context<'_>, user: UserId) -> bool {
    let tried = counted(world, user, |guard| guard.mailed_codes).count(context.now, Span::days(1));
    tried < context.limits.code_tries_per_address_day
}

/// The purpose of the challenge whose code a use may be answered with, if mailed codes are good for it (M-03).
fn challenge_for(action: FactorUse) -> Option<Purpose> {
    match action {
        FactorUse::SignIn => Some(Purpose::SignInCode),
        FactorUse::Enrolment => Some(Purpose::EnrolMailbox),
        FactorUse::Recovery | FactorUse::Change => None,
    }
}

/// Notices of a failed second factor, if the user was not told lately (M-08).
pub(super) fn failure_notices(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    mails: &[(AddressId, NewMail)],
) -> Vec<Event> {
    let told = world
        .guards()
        .look(&id)
        .is_some_and(|guard| guard.factor_notices.count(context.now, NOTICES_WINDOW) > 0);
    match world.users().look(&id) {
        Some(user) if !told => notices(user, id, MailKind::SecondFactorFailed, mails),
        Some(_) | None => vec![],
    }
}

/// Remembers a wrong second factor.
pub(super) fn refused(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    action: FactorUse,
    origin: &Sealed,
    mails: &[(AddressId, NewMail)],
    refusal: Refusal,
) -> Decision {
    let token = challenge_for(action).and_then(|purpose| {
        let user = world.users().look(&id)?;
        live_challenge(world, user, purpose).map(|(token, _)| token)
    });
    let mut events = vec![Event::FactorRefused {
        user: id,
        action,
        token,
        origin: origin.clone(),
    }];
    events.extend(failure_notices(world, context, id, mails));
    Decision::refused_with(events, refusal)
}

/// What a proof is worth at this moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worth {
    Good,
    /// It was right, and is spent or too old.
    Spent,
    /// It was held against something that has changed.
    Outdated,
}

fn worth(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    proof: FactorProof,
    action: FactorUse,
) -> Worth {
    let Some(factors) = world.factors().look(&id) else {
        return Worth::Outdated;
    };
    let good = match proof {
        FactorProof::Totp { factor, step } => match &factors.totp {
            Some(totp) if totp.id == factor => step > totp.step,
            Some(_) | None => return Worth::Outdated,
        },
        FactorProof::RecoveryCode { set, number } => match factors.codes_in(world.small().epoch) {
            Some(codes) if codes.set == set => codes.is_unused(number),
            Some(_) | None => return Worth::Outdated,
        },
        FactorProof::Email { factor, token } => match &factors.mailbox {
            Some(mailbox) if mailbox.id == factor => {
                challenge_for(action) == Some(Purpose::SignInCode)
                    && world.tokens().look(&token).is_some_and(|found| {
                        found.purpose == Purpose::SignInCode && answers(world, context, id, found)
                    })
            }
            Some(_) | None => return Worth::Outdated,
        },
    };
    if good { Worth::Good } else { Worth::Spent }
}

/// Whether the right code of a challenge may be taken for it now: live, fresh, of this epoch and password, and not
/// guessed at too often.
fn answers(world: &impl World, context: &Context<'_>, id: UserId, token: &Token) -> bool {
    let current = world.users().look(&id).and_then(User::credential_id);
    token.user == id
        && token.standing == TokenStanding::Live
        && token.position > world.small().epoch.valid_from
        && token.credential == current
        && context.now < token.expires
        && u32::from(token.tries) < context.limits.code_tries_per_challenge
        && mailed_codes_left(world, context, id)
}

/// What follows from a second factor: its acceptance, or the refusal to answer with.
pub(super) fn present(
    world: &impl World,
    context: &Context<'_>,
    id: UserId,
    shown: &FactorShown,
    action: FactorUse,
    session: Option<SessionId>,
    origin: &Sealed,
) -> Result<Vec<Event>, Decision> {
    let refuse = |refusal| refused(world, context, id, action, origin, &shown.mails, refusal);
    if shown.verdict == FactorVerdict::Absent {
        return Err(Decision::refused(Refusal::FactorRequired));
    }
    if let Err(reached) = factor_gate(world, context, id) {
        return Err(Decision::limited(reached.kind, reached.limit, reached.wait));
    }
    let proof = match shown.verdict {
        FactorVerdict::Absent | FactorVerdict::Wrong => return Err(refuse(Refusal::FactorWrong)),
        FactorVerdict::Exhausted => return Err(refuse(Refusal::CodesExhausted)),
        FactorVerdict::Right(proof) => proof,
    };
    match worth(world, context, id, proof, action) {
        Worth::Outdated => Err(Decision::refused(Refusal::Outdated)),
        Worth::Spent => Err(refuse(Refusal::FactorWrong)),
        Worth::Good => {
            let mut events = vec![Event::FactorAccepted {
                user: id,
                proof,
                action,
                session,
                origin: origin.clone(),
            }];
            if let (FactorKind::RecoveryCodes, Some(user)) = (proof.kind(), world.users().look(&id)) {
                events.extend(notices(user, id, MailKind::FactorChanged, &shown.mails));
            }
            Ok(events)
        }
    }
}

/// A user who may change their factors: signed in, with the password once more, and with a factor they have, unless
/// this session proved one a short while ago (M-07, S-08).
fn reauthenticated<'w>(
    world: &'w impl World,
    context: &Context<'_>,
    who: &Reauthenticated,
) -> Result<(&'w User, Vec<Event>), Decision> {
    let user = signed_in_user(world, context, who.user, who.session).map_err(Decision::refused)?;
    if let Err(reached) = current_password_gate(world, context, who.user) {
        return Err(Decision::limited(reached.kind, reached.limit, reached.wait));
    }
    if user.credential_id() != Some(who.against) {
        return Err(Decision::refused(Refusal::Outdated));
    }
    let enrolled = world
        .factors()
        .look(&who.user)
        .filter(|factors| factors.is_enrolled());
    let Some(factors) = enrolled else {
        return Ok((user, vec![]));
    };
    if who.shown.verdict == FactorVerdict::Absent && factors.is_fresh(who.session, context.now) {
        return Ok((user, vec![]));
    }
    let action = FactorUse::Change;
    let events = present(
        world,
        context,
        who.user,
        &who.shown,
        action,
        Some(who.session),
        &who.origin,
    )?;
    Ok((user, events))
}
