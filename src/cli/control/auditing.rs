//! Answers about evidence.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::clerk::Clerk;
use super::request::{Answer, CheckpointShown, ExportShown, RecordShown};
use super::telling::event_row;
use crate::audit::{AuditFault, ExportFault, Range, hexadecimal};
use crate::cli::exit::{Failure, is_damage};
use crate::ledger::StoreError;
use crate::ledger::tree::leaf_hash;
use crate::types::{Locale, Position};

impl Clerk {
    pub(super) async fn checkpoint(&self) -> Result<Answer, Failure> {
        let signed = self.notary.witnessed().await?;
        Ok(Answer::Checkpoint(CheckpointShown {
            checkpoint: signed.note.clone(),
            key: signed.key.to_string(),
            size: signed.checkpoint.size,
        }))
    }

    pub(super) async fn proof(&self, position: u64) -> Result<Answer, Failure> {
        let (signed, notary) = (self.notary.checkpoint().await?, Arc::clone(&self.notary));
        let key = signed.key.to_string();
        let proof = spawn_blocking(move || notary.proof(&signed, Position(position))).await;
        let proof = proof
            .map_err(|_| Failure::later("the proof could not be made"))??
            .text();
        Ok(Answer::Proof { position, proof, key })
    }

    pub(super) async fn show(&self, position: u64) -> Result<Answer, Failure> {
        let desk = self.desk.clone();
        let read = spawn_blocking(move || -> Result<Option<RecordShown>, StoreError> {
            let at = Position(position);
            let found = desk.event_at(at)?.zip(desk.record_at(at)?);
            let shown = found.map(|(recorded, record)| {
                Ok(RecordShown {
                    event: event_row(&desk, &recorded, Locale::En)?,
                    leaf: hexadecimal(&leaf_hash(&record)),
                    record: hexadecimal(&record),
                })
            });
            shown.transpose()
        });
        let found = read
            .await
            .map_err(|_| Failure::later("the record could not be read"))??;
        let next = self.desk.engine().head().next.0;
        let missing = || {
            let position = Position(position);
            AuditFault::NoSuchPosition { position, next }
        };
        Ok(Answer::Record(found.ok_or_else(missing)?))
    }

    pub(super) async fn export(
        &self,
        file: String,
        from: Option<u64>,
        to: Option<u64>,
    ) -> Result<Answer, Failure> {
        let (signed, notary) = (self.notary.witnessed().await?, Arc::clone(&self.notary));
        let size = signed.checkpoint.size;
        let range = Range::covering(from.map(Position), to.map(Position), size).ok_or_else(|| {
            let fault = format!("nothing lies there: the ledger ends before {size}");
            Failure::value("--from", fault).remedy("name a position below that, and --to above it")
        })?;
        let (path, key) = (PathBuf::from(&file), signed.key.to_string());
        let written = spawn_blocking(move || notary.export_file(&signed, range, &path)).await;
        let written = written.map_err(|_| Failure::later("the export could not be made"))??;
        Ok(Answer::Exported(ExportShown {
            file,
            bytes: written.bytes,
            from: range.from,
            to: range.to,
            size,
            key,
        }))
    }
}

impl From<AuditFault> for Failure {
    fn from(fault: AuditFault) -> Self {
        let message = fault.to_string();
        match fault {
            AuditFault::NoSuchPosition { .. } => Self::refused(message).field("position"),
            AuditFault::Ledger(_) => Self::later(message).remedy("try again in a few seconds"),
            AuditFault::Witness(_) => Self::later(message),
            AuditFault::Export(ExportFault::Io(_)) => Self::usage(message)
                .field("FILE")
                .remedy("name a new file where the server may write, with room for the whole ledger"),
            AuditFault::Export(ExportFault::Store(error)) | AuditFault::Store(error)
                if !is_damage(&error) =>
            {
                Self::unavailable(message)
            }
            AuditFault::KeyLost
            | AuditFault::Keys(_)
            | AuditFault::NotTheSame
            | AuditFault::Tiles(_)
            | AuditFault::Store(_)
            | AuditFault::Export(_) => Self::unavailable(message),
        }
    }
}
