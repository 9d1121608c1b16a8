//! Against published vectors, against the definition, and against two implementations from elsewhere.

use std::convert::Infallible;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;

use super::proof::{Nodes, consistency, inclusion, is_consistent, root, root_from_inclusion};
use super::tile::{MAX_LEVEL, TILE_WIDTH, TileKind, TileName, all_hashes, node};
use super::*;

/// Leaves and roots that the tests of Google's certificate-transparency project (`merkletree/merkle_tree_test.cc`)
/// and after it many others use.
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

fn hash(text: &str) -> TreeHash {
    from_hex(text).try_into().unwrap()
}

fn published() -> Vec<TreeHash> {
    LEAVES.iter().map(|leaf| leaf_hash(&from_hex(leaf))).collect()
}

/// Leaves that differ.
fn leaves(count: u64) -> Vec<TreeHash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn nodes_of(leaves: &[TreeHash]) -> impl FnMut(u32, u64) -> Result<TreeHash, Infallible> {
    move |height, index| {
        let from = usize::try_from(index << height).unwrap();
        Ok(definition(&leaves[from..from + (1 << height)]))
    }
}

/// MTH of RFC 6962, section 2.1, word by word.
fn definition(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [one] => *one,
        more => {
            let half = more.len().next_power_of_two() / 2;
            node_hash(&definition(&more[..half]), &definition(&more[half..]))
        }
    }
}

fn grown(leaves: &[TreeHash]) -> Frontier {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.push(*leaf);
    }
    frontier
}

#[test]
fn the_published_roots_are_ours() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Frontier::default().root(), hash(empty));
    let leaves = published();
    for (count, expected) in (1..).zip(ROOTS) {
        let frontier = grown(&leaves[..count]);
        assert_eq!(frontier.root(), hash(expected), "{count} leaves");
        assert_eq!(frontier.size(), count as u64);
    }
}

#[test]
fn the_published_proofs_are_ours() {
    let leaves = published();
    let mut nodes = nodes_of(&leaves);
    let nodes: &mut Nodes<'_, Infallible> = &mut nodes;
    let expect = |texts: &[&str]| texts.iter().map(|text| hash(text)).collect::<Vec<_>>();
    let first = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ];
    let sixth = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        ROOTS[3],
    ];
    let from_six = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        sixth[1],
        ROOTS[3],
    ];
    assert_eq!(inclusion(0, 8, nodes), Ok(expect(&first)));
    assert_eq!(inclusion(5, 8, nodes), Ok(expect(&sixth)));
    assert_eq!(consistency(1, 8, nodes), Ok(expect(&first)));
    assert_eq!(consistency(6, 8, nodes), Ok(expect(&from_six)));
    assert_eq!(inclusion(0, 1, nodes), Ok(vec![]));
    assert_eq!(consistency(8, 8, nodes), Ok(vec![]));
}

#[test]
fn every_proof_of_small_trees_holds_and_no_other() {
    let leaves = leaves(33);
    let mut nodes = nodes_of(&leaves);
    for size in 1..=33_u64 {
        let whole = definition(&leaves[..usize::try_from(size).unwrap()]);
        assert_eq!(root(size, &mut nodes), Ok(whole));
        for index in 0..size {
            let leaf = leaves[usize::try_from(index).unwrap()];
            let proof = inclusion(index, size, &mut nodes).unwrap();
            assert_eq!(root_from_inclusion(leaf, index, size, &proof), Some(whole));
            for other in (0..=size).filter(|other| *other != index) {
                assert_ne!(root_from_inclusion(leaf, other, size, &proof), Some(whole));
            }
            if let Some((_, shorter)) = proof.split_last() {
                assert_ne!(root_from_inclusion(leaf, index, size, shorter), Some(whole));
            }
        }
        for old in 0..=size {
            let part = definition(&leaves[..usize::try_from(old).unwrap()]);
            let proof = consistency(old, size, &mut nodes).unwrap();
            assert!(is_consistent((old, part), (size, whole), &proof));
            if old != 0 {
                assert!(!is_consistent((old, [7; 32]), (size, whole), &proof));
                assert!(!is_consistent((old, part), (size, [7; 32]), &proof));
            }
            let mut longer = proof;
            longer.push([7; 32]);
            assert!(!is_consistent((old, part), (size, whole), &longer));
        }
    }
    assert!(!is_consistent((5, [0; 32]), (4, [0; 32]), &[]));
}

#[test]
fn ct_merkle_believes_our_proofs_and_makes_the_same() {
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut ours = Frontier::default();
    let mut hashes = vec![];
    for n in 0..70_u64 {
        let record = n.to_be_bytes().to_vec();
        hashes.push(leaf_hash(&record));
        ours.push(leaf_hash(&record));
        theirs.push(record);
        assert_eq!(ours.root().as_slice(), theirs.root().as_bytes().as_slice());
        let mut nodes = nodes_of(&hashes);
        for index in 0..=n {
            let proof = inclusion(index, n + 1, &mut nodes).unwrap();
            let made = theirs.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(made.as_bytes(), proof.as_flattened());
            let believed = theirs
                .root()
                .verify_inclusion(&index.to_be_bytes().to_vec(), index, &made);
            assert!(believed.is_ok());
            if index > 0 {
                let proof = consistency(index, n + 1, &mut nodes).unwrap();
                let made = theirs.prove_consistency(usize::try_from(n + 1 - index).unwrap());
                assert_eq!(made.as_bytes(), proof.as_flattened());
            }
        }
    }
}

#[test]
fn the_tree_of_the_specification_has_the_tiles_that_it_says() {
    // c2sp.org/tlog-tiles, "Partial Tiles": a tree of 70,000 leaves, and one of 256.
    let count = |level| {
        let all: Vec<_> = all_hashes(70_000)
            .filter(|tile| tile.kind == TileKind::Hashes(level))
            .collect();
        let partial = all.iter().find(|tile| !tile.is_full()).map(|tile| tile.width);
        (all.iter().filter(|tile| tile.is_full()).count(), partial)
    };
    assert_eq!(count(0), (273, Some(112)));
    assert_eq!(count(1), (1, Some(17)));
    assert_eq!(count(2), (0, Some(1)));
    let paths: Vec<_> = all_hashes(256).map(|tile| tile.path()).collect();
    assert_eq!(paths, ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(all_hashes(0).count(), 0);
}

#[test]
fn tile_paths_are_those_of_the_specification_and_of_tlog_tiles() {
    let name = |kind, index, width| TileName { kind, index, width };
    assert_eq!(
        name(TileKind::Hashes(3), 1_234_067, 256).path(),
        "tile/3/x001/x234/067"
    );
    assert_eq!(name(TileKind::Entries, 0, 17).path(), "tile/entries/000.p/17");
    for (level, index, width) in [(0, 0, 1), (1, 999, 256), (2, 1_000, 255), (0, 123_456_789, 256)] {
        let ours = name(TileKind::Hashes(level), index, width);
        // Theirs names the height of a tile too, which ours leave out: it is always 8.
        let theirs = tlog_tiles::Tile::new(8, level, index, u32::from(width), false).path();
        assert_eq!(theirs, ours.path().replacen("tile/", "tile/8/", 1));
    }
    for wrong in [
        "tile/8/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/300",
        "tile/0/000.p/+7",
        "tile/00/000",
        "tile/0/00",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/entries/",
        "tile/data/000",
        "checkpoint",
    ] {
        assert_eq!(TileName::parse(wrong), None, "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_tile_name_survives_its_path(kind in prop_oneof![(0..=MAX_LEVEL).prop_map(TileKind::Hashes), Just(TileKind::Entries)],
        index in prop_oneof![any::<u32>().prop_map(u64::from), any::<u64>()], width in 1_u16..=256) {
        let name = TileName { kind, index, width };
        prop_assert_eq!(TileName::parse(&name.path()), Some(name));
    }

    #[test]
    fn proofs_from_tiles_hold(size in 1_u64..1_500, old: prop::sample::Index, index: prop::sample::Index) {
        let leaves = leaves(size);
        let frontier = grown(&leaves);
        let mut fetch = |name: TileName| {
            let TileKind::Hashes(level) = name.kind else { panic!("proofs need no records") };
            let each = 1_u64 << (8 * u32::from(level));
            let first = name.index * TILE_WIDTH * each;
            let hash = |n: u64| {
                let from = usize::try_from(first + n * each).unwrap();
                definition(&leaves[from..from + usize::try_from(each).unwrap()])
            };
            Ok::<_, Infallible>((0..u64::from(name.width)).map(hash).collect())
        };
        let mut nodes = |height, at| node(size, height, at, &mut fetch);
        let whole = frontier.root();
        prop_assert_eq!(root(size, &mut nodes), Ok(whole));
        let at = index.index(leaves.len());
        let proof = inclusion(at as u64, size, &mut nodes).unwrap();
        prop_assert_eq!(root_from_inclusion(leaves[at], at as u64, size, &proof), Some(whole));
        let old = old.index(leaves.len() + 1);
        let proof = consistency(old as u64, size, &mut nodes).unwrap();
        prop_assert!(is_consistent((old as u64, grown(&leaves[..old]).root()), (size, whole), &proof));
    }

    #[test]
    fn a_frontier_survives_its_stored_form_and_grows_on(size in 0_u64..600, more in 0_u64..40) {
        let all = leaves(size + more);
        let before = grown(&all[..usize::try_from(size).unwrap()]);
        let bytes = before.to_bytes();
        let mut again = Frontier::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&again, &before);
        for leaf in &all[usize::try_from(size).unwrap()..] {
            again.push(*leaf);
        }
        prop_assert_eq!(again.root(), definition(&all));
        prop_assert_eq!(Frontier::from_bytes(&bytes[..bytes.len() - 1]), None);
        prop_assert_eq!(Frontier::from_bytes(&[bytes.as_slice(), &[0; 32]].concat()), None);
    }

    #[test]
    fn every_complete_node_is_told_once(size in 1_u64..300) {
        let all = leaves(size);
        let mut told = vec![];
        let mut frontier = Frontier::default();
        for leaf in &all {
            frontier.push_telling(*leaf, &mut |height, hash| told.push((height, *hash)));
        }
        let mut expected = vec![];
        let mut nodes = nodes_of(&all);
        for last in 1..=size {
            expected.extend((0..=last.trailing_zeros()).map(|h| (h, nodes(h, (last >> h) - 1).unwrap())));
        }
        prop_assert_eq!(told, expected);
    }
}
