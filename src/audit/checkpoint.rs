//! Checkpoints of `c2sp.org/tlog-checkpoint`: a ledger's name, its size, and the root of the tree over it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::crypto::{KeyName, Note, NoteFault};
use crate::ledger::TreeHash;

/// What a checkpoint states.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Whose ledger, and from epoch 2 on which epoch: `auth.example.org#2`.
    pub origin: KeyName,
    /// How many records.
    pub size: u64,
    /// The root over them.
    pub root: TreeHash,
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root } = self;
        writeln!(f, "{origin}\n{size}\n{}", STANDARD.encode(root))
    }
}

impl Checkpoint {
    /// Reads the text of a note; lines after the third are extensions, which say nothing here.
    pub fn of_note(note: &Note<'_>) -> Result<Self, NoteFault> {
        Self::parse(note.text).ok_or(NoteFault::Malformed(
            "its text is not a checkpoint (a name, a size and a root, each on its line)",
        ))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = KeyName::parse(lines.next()?)?;
        let digits = lines.next()?;
        let size: u64 = digits.parse().ok()?;
        let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        let is_as_written = size.to_string() == digits && lines.all(|line| !line.is_empty());
        is_as_written.then_some(Self { origin, size, root })
    }
}

/// The name of a ledger's epoch: what was signed for one is never consistent with another by accident.
pub fn origin_of(base: &KeyName, epoch: u32) -> KeyName {
    if epoch < 2 {
        return base.clone();
    }
    KeyName::parse(&format!("{base}#{epoch}")).unwrap_or_else(|| base.clone())
}

/// The origin without its epoch, and the epoch.
pub fn split_origin(origin: &KeyName) -> (&str, u32) {
    let (base, epoch) = origin.as_str().rsplit_once('#').unwrap_or((origin.as_str(), ""));
    match epoch.parse() {
        Ok(epoch) if epoch >= 2 => (base, epoch),
        Ok(_) | Err(_) => (origin.as_str(), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of `c2sp.org/tlog-checkpoint`.
    const EXAMPLE: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_published_checkpoint_is_read_and_written_as_it_stands() {
        let read = Checkpoint::parse(EXAMPLE).unwrap();
        assert_eq!(read.size, 20_852_163);
        assert_eq!(read.origin.as_str(), "example.com/behind-the-sofa");
        assert_eq!(read.to_string(), EXAMPLE);
        let theirs = tlog_tiles::Checkpoint::from_bytes(EXAMPLE.as_bytes()).unwrap();
        assert_eq!((theirs.size(), theirs.hash().0), (read.size, read.root));
        let extended = format!("{EXAMPLE}more\n");
        assert_eq!(Checkpoint::parse(&extended), Some(read));
        for wrong in [
            EXAMPLE.replace("20852163", "020852163"),
            EXAMPLE.replace("20852163", "-1"),
            EXAMPLE.replace("20852163", ""),
            EXAMPLE.replace("q2I=", "q2J="),
            EXAMPLE.replace("CsUY", ""),
            EXAMPLE.trim_end().to_owned(),
            format!("{EXAMPLE}\n"),
        ] {
            assert_eq!(Checkpoint::parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_origin_names_its_epoch_from_the_second_on() {
        let base = KeyName::parse("auth.example.org").unwrap();
        assert_eq!(origin_of(&base, 1), base);
        let second = origin_of(&base, 2);
        assert_eq!(second.as_str(), "auth.example.org#2");
        assert_eq!(split_origin(&second), ("auth.example.org", 2));
        assert_eq!(split_origin(&base), ("auth.example.org", 1));
    }
}
