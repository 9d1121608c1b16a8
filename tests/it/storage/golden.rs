//! Golden samples: records that a release wrote, which every later one must read as the same events and write as the
//! same bytes. Files in `data/events/` are added, never changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use keyledger::desk::tell_plainly;
use keyledger::domain::Recorded;
use keyledger::ledger::codec::{self, CodecFault, EVENT_NAMES, event_name};
use keyledger::ledger::{CommandPart, record};
use keyledger::types::Locale;
use proptest::prelude::*;

use super::samples::{earlier_samples, samples};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/events")
}

fn bytes(recorded: &Recorded) -> Vec<u8> {
    codec::encode(recorded, CommandPart::Last).expect("an event fits in its record")
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// The files that the present code would write: name and text.
fn files() -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for recorded in samples() {
        let bytes = bytes(&recorded);
        let (header, _) = record::decode(&bytes).unwrap();
        let (kind, schema, name) = (header.kind, header.schema, event_name(&recorded.event));
        let file = format!("{kind:03}_{}.{schema}.txt", snake(name));
        let text = files.entry(file).or_insert_with(|| {
            format!(
                "# {name}, kind {kind}, schema {schema}: whole records, in hexadecimal. Samples are added, never changed.\n"
            )
        });
        write!(text, "\n# {:?}\n", recorded.event).unwrap();
        for line in bytes.chunks(48) {
            for byte in line {
                write!(text, "{byte:02x}").unwrap();
            }
            text.push('\n');
        }
    }
    files
}

/// The records in a file's text.
fn records(text: &str) -> Vec<Vec<u8>> {
    let blocks = text.split("\n\n").map(|block| {
        let hex: String = block.lines().filter(|line| !line.starts_with('#')).collect();
        let pair = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
        (0..hex.len()).step_by(2).map(pair).collect::<Vec<u8>>()
    });
    blocks.filter(|record| !record.is_empty()).collect()
}

#[test]
fn law_16_every_sample_reads_as_its_event_and_writes_as_its_bytes() {
    let mut by_name: BTreeMap<&str, Vec<Recorded>> = BTreeMap::new();
    for recorded in samples() {
        by_name
            .entry(event_name(&recorded.event))
            .or_default()
            .push(recorded);
    }
    for (file, expected) in files() {
        let path = folder().join(&file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!("{} ({error}); a new event's file is:\n{expected}", path.display())
        });
        let records = records(&text);
        let name = event_name(&decoded(&records[0]).event);
        assert_eq!(records.len(), by_name[name].len(), "{file}");
        for (stored, expected) in records.iter().zip(&by_name[name]) {
            assert_eq!(decoded(stored), *expected, "{file}");
            assert_eq!(bytes(expected), *stored, "{file}");
        }
        assert_eq!(text, expected, "{file}");
    }
}

#[test]
fn law_16_a_sample_of_an_earlier_schema_reads_as_its_event_for_ever() {
    for (file, expected) in earlier_samples() {
        let text = std::fs::read_to_string(folder().join(file)).unwrap();
        let read: Vec<Recorded> = records(&text).iter().map(|record| decoded(record)).collect();
        assert_eq!(read, expected, "{file}");
    }
}

fn decoded(bytes: &[u8]) -> Recorded {
    let (header, payload) = record::decode(bytes).expect("a record");
    codec::decode(&header, payload).expect("an event")
}

#[test]
fn law_16_every_event_has_a_sample_and_every_file_an_event() {
    let named: BTreeSet<&str> = samples()
        .iter()
        .map(|recorded| event_name(&recorded.event))
        .collect();
    assert_eq!(named, EVENT_NAMES.iter().copied().collect());
    let there: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let earlier = earlier_samples().into_iter().map(|(file, _)| file.to_owned());
    assert_eq!(there, files().into_keys().chain(earlier).collect());
}

#[test]
fn law_16_an_unknown_kind_or_schema_and_a_damaged_payload_stop_the_boot() {
    let sample = bytes(&samples()[0]);
    let (header, payload) = record::decode(&sample).unwrap();
    let kind = 999;
    let unknown = codec::decode(&record::RecordHeader { kind, ..header }, payload);
    assert_eq!(unknown, Err(CodecFault::Unknown { kind, schema: 1 }));
    assert!(unknown.unwrap_err().to_string().contains("newer keyledger"));
    let schema = 2;
    let newer = codec::decode(&record::RecordHeader { schema, ..header }, payload);
    assert_eq!(
        newer,
        Err(CodecFault::Unknown {
            kind: header.kind,
            schema
        })
    );
    for recorded in samples() {
        let sample = bytes(&recorded);
        let (header, payload) = record::decode(&sample).unwrap();
        let damaged = Err(CodecFault::Payload { kind: header.kind });
        assert_eq!(codec::decode(&header, &payload[..payload.len() - 1]), damaged);
        assert_eq!(codec::decode(&header, &[payload, &[0]].concat()), damaged);
    }
}

/// What an event says, with every seal emptied.
fn without_seals(recorded: &Recorded) -> String {
    let text = format!("{recorded:?}");
    let mut parts = text.split("Sealed([");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once(']').expect("a seal ends");
        out.push_str("Sealed([]");
        out.push_str(rest);
    }
    out
}

#[test]
fn an_outline_lacks_nothing_of_an_event_but_the_bytes_of_its_seals() {
    for recorded in samples() {
        let sample = bytes(&recorded);
        let (header, payload) = record::decode(&sample).unwrap();
        let outline = codec::decode_outline(&header, payload).unwrap();
        assert_eq!(format!("{outline:?}"), without_seals(&recorded));
        for locale in Locale::ALL {
            let told = |recorded: &Recorded| tell_plainly(&recorded.event, locale);
            assert_eq!(told(&outline), told(&recorded), "{outline:?}");
        }
        let damaged = Err(CodecFault::Payload { kind: header.kind });
        assert_eq!(
            codec::decode_outline(&header, &payload[..payload.len() - 1]),
            damaged
        );
        assert_eq!(codec::decode_outline(&header, &[payload, &[0]].concat()), damaged);
    }
}

#[test]
fn no_two_events_share_a_kind() {
    let mut kinds = BTreeMap::new();
    for recorded in samples() {
        let sample = bytes(&recorded);
        let (header, _) = record::decode(&sample).unwrap();
        let name = event_name(&recorded.event);
        assert_eq!(*kinds.entry(header.kind).or_insert(name), name);
    }
    assert_eq!(kinds.len(), EVENT_NAMES.len());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What a disk may hold instead of a record never panics, and what it is read as is written as something that is
    /// read alike.
    #[test]
    fn whatever_bytes_are_read_the_codec_does_not_panic(at in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), value: u8) {
        let all = samples();
        let mut damaged = bytes(at.get(&all));
        let place = place.index(damaged.len());
        damaged[place] = value;
        if let Ok((header, payload)) = record::decode(&damaged)
            && let Ok(read) = codec::decode(&header, payload)
        {
            prop_assert_eq!(decoded(&codec::encode(&read, CommandPart::Last).unwrap()), read);
        }
    }
}
