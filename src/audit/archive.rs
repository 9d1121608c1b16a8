//! The tar archive (POSIX ustar) that an export is, written and read one file after another.
//!
//! Every byte of it is determined by the names and contents of its files: no owner, no time, padding of zeros, two
//! empty blocks at the end and nothing after them. The reader accepts nothing else, so no byte can be changed in it
//! unnoticed; other programs read it like any tar file.

use std::io::{self, Read, Write};

/// Bytes of a block.
const BLOCK: usize = 512;
/// Where the size stands in a header.
const SIZE_FIELD: std::ops::Range<usize> = 124..136;

/// Why an archive cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveFault {
    /// The system refuses to read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It ends early.
    #[error("it ends within or before `{0}`: it was cut short")]
    Truncated(String),
    /// Another file, or a damaged header, stands where a file is due.
    #[error("`{expected}` is due, and {found} is there")]
    Other {
        /// What is due.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Longer than such a file can be.
    #[error("`{0}` is longer than it can be")]
    TooLong(String),
    /// Bytes where there are none.
    #[error("bytes follow {0} that do not belong there")]
    Trailing(String),
}

fn header(name: &str, size: u64) -> io::Result<[u8; BLOCK]> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(*header.as_bytes())
}

fn padding(size: usize) -> usize {
    size.next_multiple_of(BLOCK) - size
}

/// Writes an archive.
pub struct ArchiveWriter<W> {
    out: W,
    written: u64,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins one.
    pub fn new(out: W) -> Self {
        Self { out, written: 0 }
    }

    /// Adds a file.
    pub fn file(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.out.write_all(&header(name, content.len() as u64)?)?;
        self.out.write_all(content)?;
        self.out.write_all(&[0; BLOCK][..padding(content.len())])?;
        self.written += (BLOCK + content.len().next_multiple_of(BLOCK)) as u64;
        Ok(())
    }

    /// Ends it, and says how many bytes it has.
    pub fn finish(mut self) -> io::Result<u64> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        self.out.flush()?;
        Ok(self.written + 2 * BLOCK as u64)
    }
}

/// Reads an archive whose files are known in advance.
pub struct ArchiveReader<R> {
    input: R,
    last: String,
}

impl<R: Read> ArchiveReader<R> {
    /// Begins at the first file.
    pub fn new(input: R) -> Self {
        let last = "its beginning".to_owned();
        Self { input, last }
    }

    /// Reads the file that is due, of at most so many bytes.
    pub fn file(&mut self, name: &str, bytes_max: usize) -> Result<Vec<u8>, ArchiveFault> {
        let mut content = vec![];
        self.file_into(name, bytes_max, &mut content)?;
        Ok(content)
    }

    /// The same into a buffer, whatever it held.
    pub fn file_into(
        &mut self,
        name: &str,
        bytes_max: usize,
        content: &mut Vec<u8>,
    ) -> Result<(), ArchiveFault> {
        let mut found = [0; BLOCK];
        self.fill(&mut found, name)?;
        let size = size_of(&found);
        let is_due = size.is_some_and(|size| header(name, size).is_ok_and(|due| due == found));
        let Some(size) = size.filter(|_| is_due) else {
            let expected = name.to_owned();
            let found = describe(&found);
            return Err(ArchiveFault::Other { expected, found });
        };
        let size = usize::try_from(size).ok().filter(|size| *size <= bytes_max);
        let size = size.ok_or_else(|| ArchiveFault::TooLong(name.to_owned()))?;
        content.resize(size, 0);
        self.fill(content, name)?;
        let mut rest = [0; BLOCK];
        let rest = &mut rest[..padding(size)];
        self.fill(rest, name)?;
        if rest.iter().any(|byte| *byte != 0) {
            return Err(ArchiveFault::Trailing(format!("`{name}`")));
        }
        name.clone_into(&mut self.last);
        Ok(())
    }

    /// Reads the end.
    pub fn finish(mut self) -> Result<(), ArchiveFault> {
        let mut end = [0; 2 * BLOCK];
        self.fill(&mut end, "the end")?;
        let mut more = [0];
        let is_end = end.iter().all(|byte| *byte == 0) && self.input.read(&mut more)? == 0;
        is_end
            .then_some(())
            .ok_or_else(|| ArchiveFault::Trailing(format!("`{}`", self.last)))
    }

    fn fill(&mut self, bytes: &mut [u8], name: &str) -> Result<(), ArchiveFault> {
        self.input.read_exact(bytes).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                ArchiveFault::Truncated(name.to_owned())
            } else {
                ArchiveFault::Io(error)
            }
        })
    }
}

fn size_of(header: &[u8; BLOCK]) -> Option<u64> {
    let field = std::str::from_utf8(&header[SIZE_FIELD]).ok()?;
    u64::from_str_radix(field.trim_end_matches(['\0', ' ']), 8).ok()
}

/// What stands in place of a header, for people.
fn describe(header: &[u8; BLOCK]) -> String {
    if header.iter().all(|byte| *byte == 0) {
        return "the end".to_owned();
    }
    let name = tar::Header::from_byte_slice(header)
        .path()
        .ok()
        .map(|path| path.to_string_lossy().into_owned());
    match name {
        Some(name) if !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic()) => {
            format!("`{name}`, or a damaged header,")
        }
        Some(_) | None => "something else".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut archive = ArchiveWriter::new(&mut bytes);
        for (name, content) in files {
            archive.file(name, content).unwrap();
        }
        let length = archive.finish().unwrap();
        assert_eq!(length, bytes.len() as u64);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>, ArchiveFault> {
        let mut archive = ArchiveReader::new(bytes);
        let files = [archive.file("one", 600)?, archive.file("two/x001/002", 600)?];
        archive.finish()?;
        Ok(files.into())
    }

    #[test]
    fn every_byte_of_an_archive_matters_except_those_of_its_files() {
        let (one, two) = ([7; 512], [9; 3]);
        let whole = written(&[("one", &one), ("two/x001/002", &two)]);
        assert_eq!(read(&whole).unwrap(), [one.to_vec(), two.to_vec()]);
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            let is_content = (512..1024).contains(&at) || (1536..1539).contains(&at);
            assert_eq!(read(&changed).is_ok(), is_content, "byte {at}");
        }
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
        assert!(read(&[whole.as_slice(), &[0]].concat()).is_err());
        assert!(read(&written(&[("two/x001/002", &two), ("one", &one)])).is_err());
        assert!(read(&written(&[("one", &[0; 601]), ("two/x001/002", &two)])).is_err());
    }

    #[test]
    fn the_tar_package_reads_what_is_written_here() {
        let whole = written(&[("one", b"first"), ("two/x001/002", b"second")]);
        let mut names = vec![];
        for entry in tar::Archive::new(whole.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            names.push((entry.path().unwrap().display().to_string(), text));
        }
        let expected = [("one", "first"), ("two/x001/002", "second")];
        assert_eq!(
            names,
            expected.map(|(name, text)| (name.to_owned(), text.to_owned()))
        );
    }
}
