use super::forms::FORMS;
use super::tables::TABLES;
use super::*;

/// One line for each schema that was ever written; lines are only added.
const SCHEMAS: &[(u16, &str)] = &[
    (1, "ae11a84d18a93aea"),
    (2, "5ec772d55827b068"),
    (3, "fdd68a1912da7178"),
    (4, "2001b5d66d13279f"),
    (5, "1f4c5e04a8c86680"),
    (6, "597ec82909407241"),
];

#[test]
fn state_of_another_shape_has_another_schema_number() {
    // In the order of their codes: the order in which they are written says nothing about their shape.
    let mut tables = TABLES.to_vec();
    tables.sort_by_key(|table| {
        let code = table.split(' ').next();
        code.and_then(|code| code.parse::<u8>().ok())
            .expect("a table begins with its code")
    });
    let mut words: String = tables.iter().chain(FORMS).copied().collect();
    words.retain(|c| !c.is_whitespace());
    let hash = blake3::hash(words.as_bytes()).to_hex();
    let known = SCHEMAS.iter().find(|(schema, _)| *schema == SCHEMA);
    assert_eq!(
        known.map(|(_, hash)| *hash),
        Some(&hash[..16]),
        "state has another shape: give SCHEMA the next number, and add a line here"
    );
    assert_eq!(SCHEMAS.last().map(|(schema, _)| *schema), Some(SCHEMA));
}

#[test]
fn the_head_has_the_documented_layout() {
    let head = SnapshotHead {
        ledger: [1; 16],
        at: Head {
            next: Position(2),
            chain: [3; 32],
        },
        root: [4; 32],
        epoch: 5,
        time: Timestamp(-1),
        lookup_key: 6,
    };
    let bytes = head.to_bytes();
    assert_eq!(bytes.len(), HEAD_LEN);
    assert_eq!(&bytes[..12], b"KLSNAP\0\0\0\x01\0\x06");
    assert_eq!(&bytes[112..], [0, 0, 0, 6]);
    let bytes: [u8; HEAD_LEN] = bytes.try_into().unwrap();
    assert_eq!(SnapshotHead::from_bytes(&bytes).unwrap(), head);
}

#[test]
fn a_length_that_no_memory_holds_is_damage_and_not_the_end_of_the_process() {
    // A flow begins with the length of its slug; 253 says that it takes eight bytes.
    let mut bytes = vec![253];
    bytes.extend_from_slice(&(1_u64 << 51).to_le_bytes());
    assert!(kept::take_all::<crate::domain::flow::Flow>(&bytes, 1).is_err());
}
