//! What people do with second factors.

use keyledger::domain::{
    Command, FactorKind, FactorProof, FactorShown, FactorVerdict, NewCodes, PasswordVerdict, ProofFound,
    Reauthenticated,
};
use keyledger::types::{AddressId, FactorId};

use super::{HOME, Net, Person, id, mail, origin, proof, sealed};

impl Person {
    /// A second factor as it was given.
    pub fn shows(self, verdict: FactorVerdict) -> FactorShown {
        FactorShown {
            verdict,
            mails: vec![(self.address(), mail(901))],
        }
    }

    pub fn factor(self, number: u32) -> FactorId {
        FactorId(id(9, self.0, number))
    }

    /// A code of the person's app for a time step.
    pub fn app_code(self, step: u64) -> FactorVerdict {
        let factor = self.factor(1);
        FactorVerdict::Right(FactorProof::Totp { factor, step })
    }

    /// A recovery code of the set that came with the app.
    pub fn paper_code(self, number: u8) -> FactorVerdict {
        let set = self.factor(1);
        FactorVerdict::Right(FactorProof::RecoveryCode { set, number })
    }

    /// The code of a challenge to the person's mailbox.
    pub fn mailed_code(self, token: u32) -> FactorVerdict {
        FactorVerdict::Right(FactorProof::Email {
            factor: self.factor(2),
            token: self.token(token),
        })
    }

    /// The person in a session, with the password once more.
    pub fn reauthenticated(self, session: u32, verdict: FactorVerdict) -> Reauthenticated {
        Reauthenticated {
            user: self.user(),
            session: self.session(session),
            against: self.password(1),
            shown: self.shows(verdict),
            origin: origin(),
        }
    }

    pub fn begins_app(self, session: u32, verdict: FactorVerdict) -> Command {
        Command::BeginTotp {
            who: self.reauthenticated(session, verdict),
            factor: self.factor(1),
            seed: sealed("seed"),
        }
    }

    pub fn confirms_app(self, session: u32, step: Option<u64>) -> Command {
        Command::ConfirmTotp {
            user: self.user(),
            session: self.session(session),
            factor: self.factor(1),
            step,
            codes: self.codes(1),
            mails: self.notices(),
            origin: origin(),
        }
    }

    pub fn codes(self, set: u32) -> NewCodes {
        NewCodes {
            set: self.factor(set),
            hashes: sealed("hashes"),
        }
    }

    /// Begins to add a mailbox: the person's own address, or one of the factor's own.
    pub fn begins_mailbox(self, session: u32, is_own: bool, token: u32, verdict: FactorVerdict) -> Command {
        Command::BeginMailbox {
            who: self.reauthenticated(session, verdict),
            factor: self.factor(2),
            address: if is_own {
                self.address()
            } else {
                AddressId(id(4, self.0, 9))
            },
            sealed: (!is_own).then(|| sealed("another address")),
            proof: proof(self.token(token)),
            mail: mail(902),
            lifetime: None,
            client: HOME.client(),
        }
    }

    pub fn confirms_mailbox(self, session: u32, token: u32, is_right: bool) -> Command {
        Command::ConfirmMailbox {
            user: self.user(),
            session: self.session(session),
            token: self.token(token),
            is_right,
            codes: Some(self.codes(3)),
            mails: self.notices(),
            origin: origin(),
        }
    }

    /// Asks for a code by mail with password 1.
    pub fn asks_for_code(self, net: Net, token: u32) -> Command {
        Command::ChallengeMailbox {
            ask: self.ask(net),
            verdict: PasswordVerdict::Right(self.password(1)),
            proof: proof(self.token(token)),
            mail: Some(mail(903)),
            lifetime: None,
        }
    }

    /// Signs in with password 1 and a second factor.
    pub fn signs_in_showing(self, net: Net, verdict: FactorVerdict, number: u32) -> Command {
        let right = PasswordVerdict::Right(self.password(1));
        let mut command = self.signs_in_with(net, right, number);
        if let Command::SignIn { factor, .. } = &mut command {
            factor.verdict = verdict;
        }
        command
    }

    /// A new password by a proof and a second factor.
    pub fn recovers_showing(self, proof: ProofFound, verdict: FactorVerdict) -> Command {
        let mut command = self.recovers(proof, 1, 2);
        if let Command::CompleteRecovery { factor, .. } = &mut command {
            factor.verdict = verdict;
        }
        command
    }

    pub fn removes(self, session: u32, kind: Option<FactorKind>, verdict: FactorVerdict) -> Command {
        Command::RemoveFactors {
            who: self.reauthenticated(session, verdict),
            kind,
            mails: self.notices(),
        }
    }
}
