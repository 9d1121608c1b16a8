//! The notary: signs what is durable, keeps the tiles, makes proofs and exports.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::checkpoint::{Checkpoint, origin_of};
use super::export::{self, ExportFault, Range, Written};
use super::keys::{hexadecimal, name_key, rotate_key};
use super::proof::Proof;
use super::tiles::{TileFault, Tiles};
use super::witness::{Witness, WitnessFault, WitnessSettings};
use crate::crypto::{KeyId, KeyName, Keyring, Purpose, Signer, VerifierKey};
use crate::desk::{Desk, KeysFault, Rotated};
use crate::domain::{Actor, Command, Refusal, Small, World as _};
use crate::engine::{Lane, Trouble};
use crate::ledger::tree::proof::{consistency, inclusion, root_from_inclusion};
use crate::ledger::tree::{leaf_hash, tile};
use crate::ledger::{Frontier, StoreError, TreeHash};
use crate::types::{Position, PublicKey, Span};

/// The shortest time between two checkpoints.
const SIGN_EVERY: Duration = Duration::from_secs(1);
/// How often the key is settled anew when somebody else is at it.
const TRIES_MAX: u32 = 4;

/// What the notary is told by configuration.
#[derive(Clone, Debug, Default)]
pub struct AuditSettings {
    /// What the ledger is called in checkpoints; by default after its id.
    pub origin: Option<KeyName>,
    /// Where the tiles lie; in memory if nowhere.
    pub tiles: Option<PathBuf>,
    /// How often administrators are mailed a checkpoint; never if that is none.
    pub mail_every: Option<Span>,
    /// Who cosigns checkpoints; nobody if that is none.
    pub witness: Option<WitnessSettings>,
}

/// A signed checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    /// What it states.
    pub checkpoint: Checkpoint,
    /// The signed note.
    pub note: String,
    /// The key that signed it.
    pub key: VerifierKey,
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum AuditFault {
    /// The key that the ledger names is not in the keyring.
    #[error(
        "the keyring does not hold the key that the ledger names for its checkpoints: put the keyring back that belongs \
         to this ledger, or begin an epoch"
    )]
    KeyLost,
    /// The keyring cannot be changed.
    #[error(transparent)]
    Keys(#[from] KeysFault),
    /// The ledger did not take the key's naming.
    #[error("the ledger did not take the checkpoint key ({0:?})")]
    Ledger(Trouble),
    /// Nothing is at that position.
    #[error("the ledger has no position {position}: it ends before {next}")]
    NoSuchPosition {
        /// What was asked for.
        position: Position,
        /// The end.
        next: u64,
    },
    /// The tiles cannot be kept.
    #[error(transparent)]
    Tiles(#[from] TileFault),
    /// The ledger cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The export cannot be made.
    #[error(transparent)]
    Export(#[from] ExportFault),
    /// There is no cosignature.
    #[error(transparent)]
    Witness(#[from] WitnessFault),
    /// The record and the tree contradict each other.
    #[error("the ledger on the disk is not the one that was signed: run `keyledger verify`")]
    NotTheSame,
}

struct Last {
    at: Duration,
    signed: Arc<Signed>,
}

/// Signs, keeps tiles, proves and exports; one for each running ledger.
pub struct Notary {
    desk: Desk,
    origin: KeyName,
    tiles: Tiles,
    mail_every: Option<Span>,
    witness: Option<Witness>,
    last: Mutex<Option<Last>>,
    /// Exports read the whole ledger: one at a time for clients.
    exporting: Arc<AtomicBool>,
}

/// The leave to export; given back when it is dropped.
pub struct ExportPass(Arc<AtomicBool>);

impl Drop for ExportPass {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Notary {
    /// The notary of a desk's ledger.
    pub fn new(desk: Desk, settings: AuditSettings) -> Self {
        let by_id = || format!("keyledger/{}", hexadecimal(&desk.engine().reader().ledger_id()));
        let origin = settings.origin.or_else(|| KeyName::parse(&by_id()));
        Self {
            origin: origin.expect("hexadecimal digits make a name"),
            desk,
            tiles: Tiles::new(settings.tiles),
            mail_every: settings.mail_every,
            witness: settings.witness.map(Witness::new),
            last: Mutex::default(),
            exporting: Arc::default(),
        }
    }

    /// The present checkpoint: of the durable ledger, or one that was signed within the last second.
    pub async fn checkpoint(&self) -> Result<Arc<Signed>, AuditFault> {
        if let Some(recent) = self.recent() {
            return Ok(recent);
        }
        self.settle_key(Actor::System).await?;
        let engine = self.desk.engine();
        let (tree, small) = self.moment().await;
        let known = small.checkpoint_key.ok_or(AuditFault::KeyLost)?;
        let signer =
            signer(&engine.keyring().current(), known.id, &known.public).ok_or(AuditFault::KeyLost)?;
        let checkpoint = Checkpoint {
            origin: origin_of(&self.origin, small.epoch.number),
            size: tree.size(),
            root: tree.root(),
        };
        let signed = Arc::new(Signed {
            note: signer.note(&checkpoint.origin, &checkpoint.to_string()),
            key: VerifierKey::new(checkpoint.origin.clone(), signer.public()),
            checkpoint,
        });
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(Last {
            at: engine.clock().monotonic(),
            signed: Arc::clone(&signed),
        });
        Ok(signed)
    }

    /// The tree and the state of one moment: a checkpoint is signed by the key, and in the epoch, that its last record
    /// left. The writer shows one shortly before the other.
    async fn moment(&self) -> (Frontier, Small) {
        loop {
            let durable = self.desk.engine().durable();
            let small = self.desk.engine().read(|state| state.small().clone());
            if small.next == durable.head.next {
                return (durable.tree, small);
            }
            tokio::task::yield_now().await;
        }
    }

    /// The last checkpoint, unless the ledger went on and a second is over.
    fn recent(&self) -> Option<Arc<Signed>> {
        let engine = self.desk.engine();
        let epoch = engine.read(|state| state.epoch().number);
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.as_ref()?;
        let signed = &last.signed.checkpoint;
        let is_young = engine.clock().monotonic().saturating_sub(last.at) < SIGN_EVERY;
        let is_present = engine.head().next.0 == signed.size;
        ((is_young || is_present) && signed.origin == origin_of(&self.origin, epoch))
            .then(|| Arc::clone(&last.signed))
    }

    /// Has the ledger name the keyring's active signing key: the first one, or one that was rotated to. Call it after a
    /// rotation in the keyring; a start that missed it makes up for it.
    pub async fn settle_key(&self, by: Actor) -> Result<(), AuditFault> {
        for _ in 0..TRIES_MAX {
            let Some(command) = self.key_command(by)? else {
                return Ok(());
            };
            match self.desk.engine().execute(Lane::Proof, command, vec![]).await {
                Ok(_) | Err(Trouble::Refused(Refusal::Outdated)) => {}
                Err(trouble) => return Err(AuditFault::Ledger(trouble)),
            }
        }
        Err(AuditFault::Ledger(Trouble::Refused(Refusal::Outdated)))
    }

    /// Has another key sign checkpoints from now on, and says which made way for which.
    pub async fn rotate_key(&self, by: Actor) -> Result<(KeyId, KeyId), AuditFault> {
        // The old key must be in the ledger before it can vouch for the new one.
        self.settle_key(by).await?;
        let desk = self.desk.clone();
        let drawn = tokio::task::spawn_blocking(move || desk.rotate_key(Purpose::Signing, by));
        let Rotated { old, new, .. } = drawn.await.map_err(|_| AuditFault::Ledger(Trouble::Stopped))??;
        self.settle_key(by).await?;
        Ok((KeyId(old), KeyId(new)))
    }

    /// What the ledger must be told about the active key, if anything.
    fn key_command(&self, by: Actor) -> Result<Option<Command>, AuditFault> {
        let engine = self.desk.engine();
        let ring = engine.keyring().current();
        let ledger = engine.reader().ledger_id();
        let (id, seed) = ring.active(Purpose::Signing);
        let active = Signer::new(seed);
        let (epoch, known) = engine.read(|state| (state.epoch().number, state.small().checkpoint_key));
        let name = || Command::NameCheckpointKey {
            named: name_key(ledger, id, &active),
        };
        let Some(known) = known else {
            return Ok(Some(name()));
        };
        if (known.id, known.public) == (id.0, active.public()) {
            return Ok(None);
        }
        match signer(&ring, known.id, &known.public) {
            Some(old) => Ok(Some(Command::RotateCheckpointKey {
                rotation: Box::new(rotate_key(ledger, (KeyId(known.id), &old), (id, &active))),
                by,
            })),
            None if known.epoch < epoch => Ok(Some(name())),
            None => Err(AuditFault::KeyLost),
        }
    }

    /// How often administrators are mailed a checkpoint.
    pub fn mail_every(&self) -> Option<Span> {
        self.mail_every
    }

    /// Whether a witness is asked to cosign checkpoints.
    pub fn is_witnessed(&self) -> bool {
        self.witness.is_some()
    }

    /// The present checkpoint, cosigned by the witness of the settings if there is one.
    pub async fn cosigned(self: &Arc<Self>) -> Result<Arc<Signed>, AuditFault> {
        let Some(witness) = &self.witness else {
            return self.checkpoint().await;
        };
        let _turn = witness.turn().await?;
        let signed = self.checkpoint().await?;
        if witness.has_cosigned(&signed.note) {
            return Ok(signed);
        }
        let (notary, given) = (Arc::clone(self), Arc::clone(&signed));
        let prove = move |old| notary.consistency(&given, old).map_err(|fault| fault.to_string());
        let cosigned = witness.cosign(&signed.checkpoint, &signed.note, prove).await;
        let note = cosigned.inspect_err(|fault| {
            // Tiles are never trusted: a proof that is not believed may be theirs.
            if let WitnessFault::Refused(422) = fault {
                self.tiles.distrust();
            }
        })?;
        let cosigned = Arc::new(Signed {
            note,
            ..(*signed).clone()
        });
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.as_mut();
        if let Some(last) = last.filter(|last| last.signed.checkpoint == cosigned.checkpoint) {
            last.signed = Arc::clone(&cosigned);
        }
        Ok(cosigned)
    }

    /// The same; without a cosignature if the witness does not answer, for evidence proves no less of itself then.
    pub async fn witnessed(self: &Arc<Self>) -> Result<Arc<Signed>, AuditFault> {
        match self.cosigned().await {
            Err(AuditFault::Witness(fault)) => {
                tracing::warn!(%fault, "evidence goes without a cosignature");
                self.checkpoint().await
            }
            other => other,
        }
    }

    /// The proof that what is signed grew out of the ledger of that size. Blocks on the disk.
    fn consistency(&self, signed: &Signed, old: u64) -> Result<Vec<TreeHash>, AuditFault> {
        self.keep_tiles(signed)?;
        let size = signed.checkpoint.size;
        let mut fetch = |name| self.tiles.fetch(name);
        Ok(consistency(old, size, &mut |height, index| {
            tile::node(size, height, index, &mut fetch)
        })?)
    }

    /// Brings the tiles up to a checkpoint. Blocks on the disk.
    pub fn keep_tiles(&self, signed: &Signed) -> Result<(), AuditFault> {
        let reader = self.desk.engine().reader();
        Ok(self.tiles.catch_up(&**reader, signed.checkpoint.size)?)
    }

    /// Proves that a record stands at a position. Blocks on the disk.
    pub fn proof(&self, signed: &Signed, position: Position) -> Result<Proof, AuditFault> {
        let size = signed.checkpoint.size;
        let missing = || AuditFault::NoSuchPosition { position, next: size };
        if position.0 >= size {
            return Err(missing());
        }
        let record = self.desk.record_at(position)?.ok_or_else(missing)?;
        let path = match self.path(signed, position, &record) {
            Ok(path) => path,
            // Tiles are never trusted: what does not lead to the root is made again from the ledger, once.
            Err(AuditFault::Tiles(_) | AuditFault::NotTheSame) => {
                self.tiles.distrust();
                self.path(signed, position, &record)?
            }
            Err(fault) => return Err(fault),
        };
        Ok(Proof {
            record,
            position,
            path,
            checkpoint: signed.note.clone(),
        })
    }

    fn path(&self, signed: &Signed, position: Position, record: &[u8]) -> Result<Vec<TreeHash>, AuditFault> {
        self.keep_tiles(signed)?;
        let size = signed.checkpoint.size;
        let mut fetch = |name| self.tiles.fetch(name);
        let path = inclusion(position.0, size, &mut |height, index| {
            tile::node(size, height, index, &mut fetch)
        })?;
        let root = root_from_inclusion(leaf_hash(record), position.0, size, &path);
        if root == Some(signed.checkpoint.root) {
            Ok(path)
        } else {
            Err(AuditFault::NotTheSame)
        }
    }

    /// Writes an export of what a checkpoint states. Reads the whole ledger, and blocks.
    pub fn export(
        &self,
        signed: &Signed,
        range: Range,
        out: impl Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Written, AuditFault> {
        let reader = self.desk.engine().reader();
        Ok(export::write(&**reader, signed, range, out, progress)?)
    }

    /// The leave to export, unless somebody else is at it.
    pub fn try_export_pass(&self) -> Option<ExportPass> {
        let was = self.exporting.swap(true, Ordering::Acquire);
        (!was).then(|| ExportPass(Arc::clone(&self.exporting)))
    }

    /// Writes an export into a new file, readable by its owner only; nothing is left under its name if that fails.
    pub fn export_file(&self, signed: &Signed, range: Range, path: &Path) -> Result<Written, AuditFault> {
        let reader = self.desk.engine().reader();
        Ok(export::write_file(&**reader, signed, range, path)?)
    }

    /// The desk of the ledger.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }
}

/// The signer of a key of the ring, if it is the one with this public half.
fn signer(ring: &Keyring, id: u32, public: &PublicKey) -> Option<Signer> {
    let signer = Signer::new(ring.get(Purpose::Signing, KeyId(id))?);
    (signer.public() == *public).then_some(signer)
}
