//! One hash over all state: equal hashes mean that a replay came to what is live.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::ops::Bound;

use crate::domain::State;
use crate::types::{IdTable, UserId};

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
        factors,
        unfinished,
        invitations,
        safeguards,
        objections,
        api_keys,
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
    table(factors, &mut hasher);
    unfinished.hash(&mut hasher);
    invitations.hash(&mut hasher);
    table(safeguards, &mut hasher);
    table(objections, &mut hasher);
    api_keys.hash(&mut hasher);
    strangers.hash(&mut hasher);
    *hasher.0.finalize().as_bytes()
}

/// Pieces in which two states are compared, so that nobody has to hold one still for longer than a piece takes: about
/// 250 users with all that is theirs, at a million.
pub const PIECES: usize = 1 + IdTable::<UserId, ()>::SHARDS;

/// Whether two states hold the same in one of [`PIECES`]: the first is all that is small or bounded, the others are parts
/// of the tables that grow with the users.
pub fn agree(one: &State, other: &State, piece: usize) -> bool {
    // Named one by one, so that a new table does not compile until it is compared.
    let State {
        users,
        guards,
        addresses,
        sessions,
        tokens,
        requests,
        outbox,
        closings,
        erased,
        factors,
        unfinished,
        invitations,
        safeguards,
        objections,
        api_keys,
        strangers,
        ..
    } = one;
    let Some(part) = piece.checked_sub(1) else {
        return one.small == other.small
            && *requests == other.requests
            && *outbox == other.outbox
            && *api_keys == other.api_keys;
    };
    users.shard(part) == other.users.shard(part)
        && guards.shard(part) == other.guards.shard(part)
        && addresses.shard(part) == other.addresses.shard(part)
        && sessions.shard(part) == other.sessions.shard(part)
        && tokens.shard(part) == other.tokens.shard(part)
        && factors.shard(part) == other.factors.shard(part)
        && safeguards.shard(part) == other.safeguards.shard(part)
        && objections.shard(part) == other.objections.shard(part)
        && same_part(unfinished, &other.unfinished, part, user_from)
        && same_part(invitations, &other.invitations, part, user_from)
        && same_part(closings, &other.closings, part, user_from)
        && same_part(erased, &other.erased, part, user_from)
        && same_part(strangers, &other.strangers, part, |first| first)
}

fn user_from(first: u16) -> UserId {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&first.to_be_bytes());
    UserId(bytes)
}

/// The same of an ordered map: the keys between the first of this part and the first of the next, where `key` makes one of
/// its first 16 bits.
fn same_part<K: Ord, V: PartialEq>(
    one: &BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
    part: usize,
    key: impl Fn(u16) -> K,
) -> bool {
    const WIDTH: usize = (1 << u16::BITS) / IdTable::<UserId, ()>::SHARDS;
    let first = |part: usize| u16::try_from(part * WIDTH).map(&key);
    let Ok(from) = first(part) else { return true };
    let until = first(part + 1).map_or(Bound::Unbounded, Bound::Excluded);
    let of = |map| BTreeMap::range(map, (Bound::Included(&from), until.as_ref()));
    of(one).eq(of(other))
}

fn table<K: Hash, V: Hash>(table: &IdTable<K, V>, hasher: &mut Blake3Hasher) {
    table.len().hash(hasher);
    for entry in table {
        entry.hash(hasher);
    }
}
