//! Second factors, at the command line.

use super::clerk::{Clerk, page};
use super::request::{Answer, FactorRow};
use crate::cli::exit::Failure;
use crate::desk::FactorView;
use crate::domain::{Actor, FactorKind};

impl Clerk {
    pub(super) fn list_factors(&self, user: &str) -> Result<Answer, Failure> {
        let factors = self.desk.factors(self.find(user)?);
        let items: Vec<FactorRow> = factors.into_iter().map(factor_row).collect();
        Ok(Answer::Factors(page(items.len(), items)))
    }

    pub(super) async fn remove_factors(&self, user: &str, kind: Option<&str>) -> Result<Answer, Failure> {
        let id = self.find(user)?;
        let kind = kind.map(factor_kind).transpose()?;
        self.desk.revoke_factors(id, kind, Actor::Operator).await?;
        Ok(Answer::FactorsRemoved(self.row(id)?))
    }
}

fn factor_kind(name: &str) -> Result<FactorKind, Failure> {
    FactorKind::from_name(name)
        .ok_or_else(|| Failure::value("--kind", "there are totp, email and recovery_codes"))
}

fn factor_row(view: FactorView) -> FactorRow {
    FactorRow {
        kind: view.kind.name().to_owned(),
        since: view.since.rfc3339(),
        address: view.address,
        left: view.left,
    }
}
