//! Mails as files, for development: one `.eml` each, which every mail program opens.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::fs::{OpenOptions, rename};
use tokio::io::AsyncWriteExt;

use super::fault::{Cause, SendError, Step};
use super::message::OutgoingMail;
use super::settings::SettingsFault;
use super::transport::Accepted;

/// A folder for mails that only its owner can read, because they hold live links.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder (mode 0700); one that others can enter is refused.
    pub fn open(path: &Path) -> Result<Self, SettingsFault> {
        let fault = |problem: String| SettingsFault::Folder {
            path: path.display().to_string(),
            problem,
        };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| fault(error.to_string()))?;
        let mode = std::fs::metadata(path)
            .map_err(|error| fault(error.to_string()))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            return Err(fault(
                "others can look into it, and mails hold live links: chmod 700".into(),
            ));
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Writes the mail beside its place and moves it there, so that nobody sees half a mail; the same mail again replaces it.
    pub(super) async fn write(&self, mail: &OutgoingMail) -> Result<Accepted, SendError> {
        let mime = mail.to_mime()?;
        let name = file_name(&mail.message_id);
        let place = self.path.join(format!("{name}.eml"));
        let beside = self.path.join(format!(".{name}.tmp"));
        let written: io::Result<()> = async {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&beside)
                .await?;
            file.write_all(&mime).await?;
            file.flush().await?;
            rename(&beside, &place).await
        }
        .await;
        written.map_err(|error| SendError::new(Step::Data, Cause::Disk, error.to_string()))?;
        Ok(Accepted::WITHOUT_SERVER)
    }
}

/// The Message-ID, which is checked already, without what paths give a meaning to.
fn file_name(message_id: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@') {
            c
        } else {
            '_'
        }
    };
    message_id.trim_matches(['<', '>']).chars().map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::a_mail;
    use super::*;

    #[tokio::test]
    async fn a_mail_becomes_one_file_that_only_its_owner_reads() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(&home.path().join("outbox/new")).unwrap();
        let mail = a_mail();
        folder.write(&mail).await.unwrap();
        folder.write(&mail).await.unwrap();
        let names: Vec<_> = std::fs::read_dir(&folder.path)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(names, ["0190-7f@mail_example_org.eml"]);
        let file = folder.path.join(&names[0]);
        assert_eq!(std::fs::read(&file).unwrap(), mail.to_mime().unwrap());
        assert_eq!(
            std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            std::fs::metadata(&folder.path).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[tokio::test]
    async fn a_message_id_does_not_lead_out_of_the_folder() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(&home.path().join("outbox")).unwrap();
        let mut mail = a_mail();
        mail.message_id = "../../etc/x@y".into();
        folder.write(&mail).await.unwrap();
        assert!(folder.path.join("______etc_x@y.eml").exists());
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("open");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Folder::open(&path).unwrap_err().to_string().contains("chmod 700"));
    }
}
