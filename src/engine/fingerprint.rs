//! One hash over all state: equal hashes mean that a replay came to what is live.

use std::hash::{Hash, Hasher};

use crate::domain::State;
use crate::types::IdTable;

/// Feeds what `#[derive(Hash)]` visits (every field, so none can be forgotten) into BLAKE3. Numbers are written
/// little-endian, so the hash is the same on every machine of one word size.
struct Blake3Hasher(blake3::Hasher);

impl Hasher for Blake3Hasher {
    fn finish(&self) -> u64 {
        let bytes = self.0.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&bytes.as_bytes()[..8]);
        u64::from_le_bytes(first)
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    fn write_u16(&mut self, n: u16) {
        self.0.update(&n.to_le_bytes());
    }
    fn write_u32(&mut self, n: u32) {
        self.0.update(&n.to_le_bytes());
    }
    fn write_u64(&mut self, n: u64) {
        self.0.update(&n.to_le_bytes());
    }
    fn write_usize(&mut self, n: usize) {
        self.0.update(&(n as u64).to_le_bytes());
    }
}

/// The hash of everything that is folded from the ledger.
pub fn state_hash(state: &State) -> [u8; 32] {
    // Named one by one, so that a new table does not compile until it is part of the hash.
    let State {
        small,
        users,
        guards,
        addresses,
        sessions,
        tokens,
        requests,
        outbox,
        closings,
        erased,
        api_keys,
        policies,
        strangers,
    } = state;
    let mut hasher = Blake3Hasher(blake3::Hasher::new());
    small.hash(&mut hasher);
    table(users, &mut hasher);
    table(guards, &mut hasher);
    table(addresses, &mut hasher);
    table(sessions, &mut hasher);
    table(tokens, &mut hasher);
    requests.hash(&mut hasher);
    outbox.hash(&mut hasher);
    closings.hash(&mut hasher);
    erased.hash(&mut hasher);
    api_keys.hash(&mut hasher);
    policies.hash(&mut hasher);
    strangers.hash(&mut hasher);
    *hasher.0.finalize().as_bytes()
}

fn table<K: Hash, V: Hash>(table: &IdTable<K, V>, hasher: &mut Blake3Hasher) {
    table.len().hash(hasher);
    for entry in table {
        entry.hash(hasher);
    }
}
