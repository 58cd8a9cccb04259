//! The system's journal, in its own protocol, so that fields stay fields
//! (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).

use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tracing::Level;

use super::record::Record;
use crate::report::{Kind, Report, Result, plain};

/// Where journald listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// Longest value of a field, in bytes. What is longer is cut, so that a message fits a datagram.
const LONGEST: usize = 32 * 1024;

/// A connection to the journal. It never waits: whoever logs would wait with it.
#[derive(Debug)]
pub(super) struct Journal {
    socket: PathBuf,
    datagram: UnixDatagram,
    /// Messages that it did not take since the last that it took.
    lost: u64,
}

impl Journal {
    /// Connects to the journal at that socket.
    ///
    /// # Errors
    /// [`Kind::Config`] where there is none.
    pub(super) fn open(socket: &Path) -> Result<Self> {
        let connected = UnixDatagram::unbound().and_then(|datagram| {
            datagram.set_nonblocking(true)?;
            datagram.connect(socket)?;
            Ok(Self {
                socket: socket.to_owned(),
                datagram,
                lost: 0,
            })
        });
        connected.map_err(|error| {
            let message = format!("log.target: there is no journal here: {}", plain(&error));
            Report::new(Kind::Config, message).hint("choose `stderr` or `file`")
        })
    }

    /// Sends a message. What the journal does not take at once is lost, and counted; how many were is
    /// told as soon as it takes messages again.
    pub(super) fn write(&mut self, record: &Record) -> io::Result<()> {
        let sent = self.tell_lost().and_then(|()| self.send(record));
        if sent.is_err() {
            self.lost += 1;
        }
        sent
    }

    fn tell_lost(&mut self) -> io::Result<()> {
        if self.lost > 0 {
            let lost = Record {
                level: Level::WARN,
                target: module_path!().to_owned(),
                message: "messages were lost: the journal did not take them".to_owned(),
                fields: vec![("lost".to_owned(), Value::from(self.lost))],
            };
            self.send(&lost)?;
            self.lost = 0;
        }
        Ok(())
    }

    fn send(&self, record: &Record) -> io::Result<()> {
        let bytes = datagram(record);
        let sent = match self.datagram.send(&bytes) {
            // Another journald listens in the place of the one that was.
            Err(error) if is_gone(&error) => {
                self.datagram.connect(&self.socket)?;
                self.datagram.send(&bytes)
            }
            sent => sent,
        };
        sent.map(drop)
    }
}

fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, NotConnected};
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionReset | NotConnected
    )
}

/// True where standard error is the journal already, so that a service manager started us
/// (systemd.exec(5), `$JOURNAL_STREAM`).
pub(super) fn is_stderr() -> bool {
    let told = std::env::var("JOURNAL_STREAM").ok();
    let parsed = told.as_deref().and_then(|text| text.split_once(':'));
    let is_it = |(device, inode): (&str, &str)| {
        let stderr = std::fs::metadata("/proc/self/fd/2").ok()?;
        let (device, inode): (u64, u64) = (device.parse().ok()?, inode.parse().ok()?);
        Some((stderr.dev(), stderr.ino()) == (device, inode))
    };
    parsed.and_then(is_it).unwrap_or_default()
}

fn datagram(record: &Record) -> Vec<u8> {
    // As of syslog(3).
    let priority = match record.level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        Level::DEBUG | Level::TRACE => "7",
    };
    let mut bytes = Vec::with_capacity(256);
    field(&mut bytes, "MESSAGE", &record.message);
    field(&mut bytes, "PRIORITY", priority);
    field(&mut bytes, "SYSLOG_IDENTIFIER", "musicfs");
    field(&mut bytes, "TARGET", &record.target);
    for (name, value) in &record.fields {
        let name: String = name.chars().map(in_names).collect();
        match value {
            Value::String(text) => field(&mut bytes, &format!("F_{name}"), text),
            other => field(&mut bytes, &format!("F_{name}"), &other.to_string()),
        }
    }
    bytes
}

/// Names of fields have capitals, digits and underscores.
fn in_names(c: char) -> char {
    if c.is_ascii_alphanumeric() {
        c.to_ascii_uppercase()
    } else {
        '_'
    }
}

/// Appends a field: in one line, or with its length where the value has several.
fn field(bytes: &mut Vec<u8>, name: &str, value: &str) {
    let value = value
        .get(..value.floor_char_boundary(LONGEST))
        .unwrap_or_default();
    bytes.extend(name.as_bytes());
    if value.contains('\n') {
        bytes.push(b'\n');
        bytes.extend((value.len() as u64).to_le_bytes());
    } else {
        bytes.push(b'=');
    }
    bytes.extend(value.as_bytes());
    bytes.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_arrives_with_its_fields() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let journald = UnixDatagram::bind(&socket).unwrap();
        let record = Record {
            level: Level::WARN,
            target: "musicfs::scan".to_owned(),
            message: "two\nlines".to_owned(),
            fields: vec![("origin.id".to_owned(), Value::from("music"))],
        };
        Journal::open(&socket).unwrap().write(&record).unwrap();
        let mut buffer = [0; 1024];
        let length = journald.recv(&mut buffer).unwrap();
        let expected =
            b"MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\nPRIORITY=4\nSYSLOG_IDENTIFIER=musicfs\n\
            TARGET=musicfs::scan\nF_ORIGIN_ID=music\n";
        assert_eq!(&buffer[..length], expected);
    }

    #[test]
    fn a_journal_that_stalls_or_is_replaced_keeps_nobody_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let journald = UnixDatagram::bind(&socket).unwrap();
        journald.set_nonblocking(true).unwrap();
        let record = Record {
            level: Level::INFO,
            target: "musicfs".to_owned(),
            message: "x".repeat(1000),
            fields: Vec::new(),
        };
        let mut journal = Journal::open(&socket).unwrap();
        // Returns at all: nobody reads.
        let taken = (0..).take_while(|_| journal.write(&record).is_ok()).count();
        journal.write(&record).unwrap_err();
        let mut buffer = [0; 4096];
        for _ in 0..taken {
            journald.recv(&mut buffer).unwrap();
        }
        journal.write(&record).unwrap();
        let length = journald.recv(&mut buffer).unwrap();
        let told = String::from_utf8_lossy(&buffer[..length]);
        assert!(told.starts_with("MESSAGE=messages were lost"), "{told}");
        assert!(told.contains("\nF_LOST=2\n"), "{told}");
        journald.recv(&mut buffer).unwrap();

        drop(journald);
        std::fs::remove_file(&socket).unwrap();
        journal.write(&record).unwrap_err();
        let journald = UnixDatagram::bind(&socket).unwrap();
        journal.write(&record).unwrap();
        let length = journald.recv(&mut buffer).unwrap();
        assert!(String::from_utf8_lossy(&buffer[..length]).contains("F_LOST=1"));
    }

    #[test]
    fn where_there_is_no_journal_it_is_told() {
        let report = Journal::open(Path::new("/nowhere/socket")).unwrap_err();
        assert!(
            report.message().contains("no journal here: no such file"),
            "{report}"
        );
    }
}
