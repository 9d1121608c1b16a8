//! The Merkle tree of RFC 6962 over the ledger: what makes it provable to somebody who trusts nobody here.
//!
//! A leaf is the bytes of one stored record, verbatim; its hash is SHA-256(0x00 ‖ bytes), that of a node SHA-256(0x01 ‖
//! left ‖ right). Nothing else of the ledger (frames, their chain, keys) is part of the tree, so it stays the same
//! whoever keeps it.

pub mod proof;
pub mod tile;

use sha2::{Digest, Sha256};

/// A hash of the tree: SHA-256, 32 bytes.
pub type TreeHash = [u8; 32];

/// The hash of a leaf: one stored record.
pub fn leaf_hash(record: &[u8]) -> TreeHash {
    Sha256::new()
        .chain_update([0])
        .chain_update(record)
        .finalize()
        .into()
}

/// The hash of a node above two others.
pub fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    Sha256::digest(bytes).into()
}

/// The root over hashes that stand side by side, at least one, as RFC 6962 splits them.
pub fn root_of(hashes: &[TreeHash]) -> TreeHash {
    let mut frontier = Frontier::default();
    for hash in hashes {
        frontier.push(*hash);
    }
    frontier.root()
}

/// The right edge of a tree: enough to add leaves and to say its root, and nothing more.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frontier {
    size: u64,
    /// The roots of the perfect subtrees that the leaves fill, the largest first: one for each bit set in `size`.
    peaks: Vec<TreeHash>,
}

impl Frontier {
    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds the hash of the next leaf.
    pub fn push(&mut self, leaf: TreeHash) {
        self.push_telling(leaf, &mut |_, _| {});
    }

    /// The same, telling every node that is complete now, the leaf first: its height (0 is a leaf) and its hash.
    pub fn push_telling(&mut self, leaf: TreeHash, complete: &mut impl FnMut(u32, &TreeHash)) {
        complete(0, &leaf);
        let merges = self.size.trailing_ones();
        let mut node = leaf;
        for height in 1..=merges {
            let left = self
                .peaks
                .pop()
                .expect("a peak for each bit that is set in the size");
            node = node_hash(&left, &node);
            complete(height, &node);
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The root; of a tree without leaves it is the hash of nothing.
    pub fn root(&self) -> TreeHash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => Sha256::digest([]).into(),
            Some(last) => peaks.fold(*last, |right, left| node_hash(left, &right)),
        }
    }

    /// The tree that begins with the leaves below the nodes of `upper`, all of `height`, and goes on with the leaves of
    /// `lower`, which are fewer than one such node has.
    fn joined(upper: &Self, height: u32, lower: &Self) -> Self {
        debug_assert!(lower.size >> height == 0, "the lower tree fits below one node");
        Self {
            size: (upper.size << height) + lower.size,
            peaks: [upper.peaks.as_slice(), &lower.peaks].concat(),
        }
    }

    /// The stored form: the size, u64 big-endian, then the peaks, the largest first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.size.to_be_bytes().to_vec();
        out.extend_from_slice(self.peaks.as_flattened());
        out
    }

    /// The inverse of [`Frontier::to_bytes`]; `None` if the number of peaks does not fit the size.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (size, rest) = bytes.split_first_chunk()?;
        let size = u64::from_be_bytes(*size);
        let (peaks, rest) = rest.as_chunks();
        let fits = peaks.len() == size.count_ones() as usize && rest.is_empty();
        fits.then(|| Self {
            size,
            peaks: peaks.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests;
