//! Proofs of inclusion and of consistency: made as RFC 6962, section 2.1, says, and checked as RFC 9162, sections
//! 2.1.3.2 and 2.1.4.2, say.

use super::{TreeHash, node_hash};

/// The most hashes that a proof of either kind has: two for each level of a tree of 2⁶⁴ leaves.
pub const MAX_PROOF: usize = 128;

/// Where proofs find the hashes of complete nodes: a height (0 is a leaf) and a place counted from the left.
pub type Nodes<'n, E> = dyn FnMut(u32, u64) -> Result<TreeHash, E> + 'n;

/// The root of the tree of `size` leaves, at least one.
pub fn root<E>(size: u64, nodes: &mut Nodes<'_, E>) -> Result<TreeHash, E> {
    range(0, size, nodes)
}

/// The inclusion proof of leaf `index` in the tree of `size` leaves, from its sibling up; `index` is below `size`.
pub fn inclusion<E>(index: u64, size: u64, nodes: &mut Nodes<'_, E>) -> Result<Vec<TreeHash>, E> {
    let (mut from, mut to) = (0, size);
    let mut down = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            down.push(range(middle, to, nodes)?);
            to = middle;
        } else {
            down.push(range(from, middle, nodes)?);
            from = middle;
        }
    }
    down.reverse();
    Ok(down)
}

/// The proof that the tree of `new` leaves begins with the tree of `old` leaves, from the bottom up; empty if they
/// are of one size, or the old one has no leaf. `old` is not above `new`.
pub fn consistency<E>(old: u64, new: u64, nodes: &mut Nodes<'_, E>) -> Result<Vec<TreeHash>, E> {
    if old == 0 || old == new {
        return Ok(vec![]);
    }
    let (mut from, mut to) = (0, new);
    let mut down = Vec::new();
    while old < to {
        let middle = from + split(to - from);
        if old <= middle {
            down.push(range(middle, to, nodes)?);
            to = middle;
        } else {
            down.push(range(from, middle, nodes)?);
            from = middle;
        }
    }
    // Whoever checks knows the old root, so it is left out where the old tree is one whole subtree.
    if from != 0 {
        down.push(range(from, to, nodes)?);
    }
    down.reverse();
    Ok(down)
}

/// The root of the tree of `size` leaves in which `leaf` stands at `index`, if the proof fits such a tree.
pub fn root_from_inclusion(leaf: TreeHash, index: u64, size: u64, proof: &[TreeHash]) -> Option<TreeHash> {
    let mut last = size.checked_sub(1)?;
    if index > last {
        return None;
    }
    let (mut place, mut node) = (index, leaf);
    for sibling in proof {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            node = node_hash(sibling, &node);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            node = node_hash(&node, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(node)
}

/// Whether the tree `new` (size and root) begins with the tree `old`, by this proof.
pub fn is_consistent(old: (u64, TreeHash), new: (u64, TreeHash), proof: &[TreeHash]) -> bool {
    if old.0 == 0 || old.0 == new.0 {
        let same = old.0 == 0 || old.1 == new.1;
        return proof.is_empty() && same && old.0 <= new.0;
    }
    if old.0 > new.0 {
        return false;
    }
    roots_from_consistency(old, new.0, proof) == Some((old.1, new.1))
}

/// Both roots that a proof between two trees of different sizes leads to, given the old one.
fn roots_from_consistency(
    old: (u64, TreeHash),
    new_size: u64,
    proof: &[TreeHash],
) -> Option<(TreeHash, TreeHash)> {
    let (old_size, old_root) = old;
    let (mut place, mut last) = (old_size - 1, new_size - 1);
    let mut rest = proof.iter();
    let first = if old_size.is_power_of_two() {
        old_root
    } else {
        *rest.next()?
    };
    let shift = place.trailing_ones();
    place >>= shift;
    last >>= shift;
    let (mut old_node, mut new_node) = (first, first);
    for sibling in rest {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            old_node = node_hash(sibling, &old_node);
            new_node = node_hash(sibling, &new_node);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            new_node = node_hash(&new_node, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some((old_node, new_node))
}

/// The root over the leaves `from..to`, where `from` is where such a subtree may begin.
fn range<E>(from: u64, to: u64, nodes: &mut Nodes<'_, E>) -> Result<TreeHash, E> {
    let count = to - from;
    if count.is_power_of_two() {
        let height = count.trailing_zeros();
        return nodes(height, from >> height);
    }
    let middle = from + split(count);
    let left = range(from, middle, nodes)?;
    let right = range(middle, to, nodes)?;
    Ok(node_hash(&left, &right))
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}
