//! What is asked of a share, each in one trip to the server and back.
//!
//! Nothing stays open at the server between two calls: what is opened is closed in the same compound
//! request, so that a file that we have read can be renamed and removed there like any other.

use smb2::client::connection::CompoundOp;
use smb2::msg::close::{CloseRequest, CloseResponse, SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB};
use smb2::msg::create::{
    CreateDisposition, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess,
};
use smb2::msg::read::{ReadRequest, ReadResponse, SMB2_CHANNEL_NONE};
use smb2::pack::{FileTime, Pack, ReadCursor, Unpack};
use smb2::types::flags::FileAccessMask;
use smb2::types::status::NtStatus;
use smb2::types::{Command, CreditCharge, FileId, OplockLevel};
use smb2::{DirectoryReader, FileAttributes, ListOptions};

use super::error::Failure;
use super::share::{Call, Share};
use crate::origin::ErrorKind;

/// Bytes of a payload that one credit stands for (MS-SMB2 §3.1.5.2).
const CREDIT: u32 = 64 * 1024;

/// The state of what is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) size: u64,
    pub(super) modified: FileTime,
    pub(super) attributes: FileAttributes,
}

/// What was read, and the states of the file before and after.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    pub(super) before: State,
    pub(super) after: State,
}

impl Share {
    /// The state of what is at `path`.
    pub(super) async fn look(&self, path: &str) -> Result<State, Failure> {
        let _call = self.begin();
        let open = open(path, FileAccessMask::FILE_READ_ATTRIBUTES);
        let close = close();
        let frames = self
            .ask(&[(Command::Create, &open, 1), (Command::Close, &close, 1)])
            .await?;
        match frames.as_slice() {
            [created, closed] => {
                let created: CreateResponse = created.body()?;
                self.close_again(created.file_id, closed).await;
                Ok(State::before(&created))
            }
            _ => Err(short()),
        }
    }

    /// Reads up to `len` bytes of the file at `path` from `offset`, at most
    /// [`max_read`](Self::max_read).
    pub(super) async fn read(&self, path: &str, offset: u64, len: u32) -> Result<Read, Failure> {
        let _call = self.begin();
        let access = FileAccessMask::FILE_READ_DATA | FileAccessMask::FILE_READ_ATTRIBUTES;
        let (open, close) = (open(path, access), close());
        let read = ReadRequest {
            // Where in the answer the bytes are to be: right after its header.
            padding: 0x50,
            flags: 0,
            length: len,
            offset,
            file_id: FileId::SENTINEL,
            minimum_count: 0,
            channel: SMB2_CHANNEL_NONE,
            remaining_bytes: 0,
            read_channel_info: vec![],
        };
        let charge = u16::try_from(len.div_ceil(CREDIT))
            .unwrap_or(u16::MAX)
            .max(1);
        let frames = self
            .ask(&[
                (Command::Create, &open, 1),
                (Command::Read, &read, charge),
                (Command::Close, &close, 1),
            ])
            .await?;
        let [created, bytes, closed] = frames.as_slice() else {
            return Err(short());
        };
        let created: CreateResponse = created.body()?;
        let before = State::before(&created);
        self.close_again(created.file_id, closed).await;
        let bytes = match bytes.status {
            NtStatus::END_OF_FILE => Vec::new(),
            _ => bytes.body::<ReadResponse>()?.data,
        };
        let closed: CloseResponse = closed.body()?;
        let after = match closed.flags & SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB {
            0 => self.look(path).await?,
            _ => State::after(&closed),
        };
        if bytes.len() > len as usize {
            let what = "the server gives more bytes than it was asked for";
            return Err(Failure::told_as(ErrorKind::Io, what));
        }
        Ok(Read {
            bytes,
            before,
            after,
        })
    }

    /// Begins to list the directory at `path`.
    pub(super) async fn list(&self, path: &str) -> Result<Listing<'_>, Failure> {
        let call = self.begin();
        let options = ListOptions::new().index_numbers(true);
        let reader = self
            .tree
            .open_directory_reader_with(self.connection.clone(), path, options)
            .await?;
        Ok(Listing {
            reader,
            _call: call,
        })
    }

    /// Sends requests as one, each on what the first of them opens.
    async fn ask(
        &self,
        requests: &[(Command, &(dyn Pack + Sync), u16)],
    ) -> Result<Vec<Frame>, Failure> {
        let tree = Some(self.tree.tree_id);
        let operations: Vec<_> = requests
            .iter()
            .map(|&(command, body, charge)| CompoundOp {
                command,
                body,
                tree_id: tree,
                credit_charge: CreditCharge(charge),
            })
            .collect();
        let answers = self.connection.execute_compound(&operations).await?;
        let frames = requests.iter().zip(answers).map(|((command, ..), answer)| {
            answer.map(|answer| Frame {
                command: *command,
                status: answer.header.status,
                body: answer.body,
            })
        });
        Ok(frames.collect::<Result<_, _>>()?)
    }

    /// Closes what a failed read may have left open.
    async fn close_again(&self, file: FileId, closed: &Frame) {
        if closed.status != NtStatus::SUCCESS {
            let request = CloseRequest {
                flags: 0,
                file_id: file,
            };
            let tree = Some(self.tree.tree_id);
            let again = self.connection.execute(Command::Close, &request, tree);
            if let Err(error) = again.await {
                tracing::debug!(%error, "a file stays open at the server until the session ends");
            }
        }
    }
}

/// A directory that is being listed; closed when dropped.
pub(super) struct Listing<'a> {
    reader: DirectoryReader,
    _call: Call<'a>,
}

impl Listing<'_> {
    /// Some more entries; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<smb2::DirectoryEntry>>, Failure> {
        Ok(self.reader.next_batch().await?)
    }
}

/// The answer to one request of several.
struct Frame {
    command: Command,
    status: NtStatus,
    body: Vec<u8>,
}

impl Frame {
    fn body<T: Unpack>(&self) -> Result<T, Failure> {
        if self.status != NtStatus::SUCCESS {
            return Err(Failure::Smb(smb2::Error::Protocol {
                status: self.status,
                command: self.command,
            }));
        }
        Ok(T::unpack(&mut ReadCursor::new(&self.body))?)
    }
}

fn short() -> Failure {
    Failure::told_as(
        ErrorKind::Io,
        "the server answers fewer requests than it got",
    )
}

impl State {
    fn before(created: &CreateResponse) -> Self {
        Self {
            size: created.end_of_file,
            modified: created.last_write_time,
            attributes: FileAttributes::new(created.file_attributes),
        }
    }

    fn after(closed: &CloseResponse) -> Self {
        Self {
            size: closed.end_of_file,
            modified: closed.last_write_time,
            attributes: FileAttributes::new(closed.file_attributes),
        }
    }
}

/// To open what is there, for reading, and to keep nobody from anything.
fn open(path: &str, access: u32) -> CreateRequest {
    CreateRequest {
        requested_oplock_level: OplockLevel::None,
        impersonation_level: ImpersonationLevel::Impersonation,
        desired_access: FileAccessMask::new(access),
        file_attributes: 0,
        share_access: ShareAccess(
            ShareAccess::FILE_SHARE_READ
                | ShareAccess::FILE_SHARE_WRITE
                | ShareAccess::FILE_SHARE_DELETE,
        ),
        create_disposition: CreateDisposition::FileOpen,
        create_options: 0,
        name: smb2::encode_path(path),
        create_contexts: vec![],
    }
}

fn close() -> CloseRequest {
    CloseRequest {
        flags: SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB,
        file_id: FileId::SENTINEL,
    }
}
