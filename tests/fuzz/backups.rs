//! Parts of a backup: their check values are mended after a change, so that it meets what lies behind them.

use std::ops::ControlFlow;
use std::sync::OnceLock;

use keyledger::ledger::backup::{Destination, Item, Order, PartReader, Since, back_up};
use keyledger::ledger::{Batch, MemoryStore, Store};
use keyledger::types::{DataKeyId, Position, Timestamp, UserId};

use super::targets::{records, with_sound_header};

/// `KLBACKUP` and the version.
const MAGIC_LEN: usize = 9;
/// Kind and length of a block.
const LEAD_LEN: usize = 5;
const CHECK_LEN: usize = 32;
const CHECK_DOMAIN: &[u8; 25] = b"keyledger/backup-block/v1";

/// Parts of a small ledger: all of it, and what came after its beginning.
pub(super) fn parts() -> Vec<Vec<u8>> {
    static MADE: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    MADE.get_or_init(make_parts).clone()
}

fn make_parts() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let mut store = MemoryStore::new([1; 16]);
    let mut made = vec![];
    for number in 0..3_u8 {
        let next = store.reader().head().next;
        let mut record = with_sound_header(&records()[usize::from(number)]).unwrap();
        record[6..14].copy_from_slice(&next.0.to_be_bytes());
        record[5] = 1;
        let batch = Batch {
            epoch: 1,
            id: [number; 16],
            records: vec![record],
            keys: vec![(DataKeyId::User(UserId([number; 16])), vec![number; 80])],
        };
        store.append(next, &batch).unwrap();
        let since = if number == 1 {
            Since::Position(Position(1))
        } else {
            Since::Beginning
        };
        let file = folder.path().join(format!("{number}.klbackup"));
        let order = Order {
            to: Destination::File(file.clone()),
            since,
            now: Timestamp(1_800_000_000_000_000),
        };
        back_up(&*store.reader(), &order, &mut |_| ControlFlow::Continue(())).unwrap();
        made.push(std::fs::read(file).unwrap());
    }
    made
}

pub(super) fn read_part(bytes: &[u8]) -> String {
    let bytes = with_sound_checks(bytes);
    let read = PartReader::begin(bytes.as_slice()).and_then(|part| {
        let (from, to) = (part.header().from.next, part.header().to.next);
        let mut due = from;
        let whole = part.each(&mut |item| {
            if let Item::Frame(frame) = item {
                assert_eq!(frame.first, due, "frames of a part have no gaps");
                due = frame.next;
            }
            ControlFlow::Continue(())
        })?;
        assert!(
            whole.is_none() || due == to,
            "a whole part reaches what its header says"
        );
        Ok(())
    });
    match read {
        Ok(()) => "read".to_owned(),
        Err(fault) => fault.to_string(),
    }
}

/// Computes the check values anew, as far as blocks can be told apart.
fn with_sound_checks(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let (mut at, mut before) = (MAGIC_LEN, [0; CHECK_LEN]);
    while let Some(lead) = out.get(at..at + LEAD_LEN) {
        let length = u32::from_be_bytes([lead[1], lead[2], lead[3], lead[4]]);
        let Some(end) = usize::try_from(length)
            .ok()
            .and_then(|length| (at + LEAD_LEN).checked_add(length))
        else {
            break;
        };
        if end + CHECK_LEN > out.len() {
            break;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(CHECK_DOMAIN).update(&before).update(&out[at..end]);
        before = *hasher.finalize().as_bytes();
        out[end..end + CHECK_LEN].copy_from_slice(&before);
        at = end + CHECK_LEN;
    }
    out
}
