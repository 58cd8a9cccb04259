//! What origins behind an sshd and a Samba of this machine give: sequential reads, and a listing.
//!
//! `cargo bench -p musicfs-origins --bench remote`

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use eventlog::OriginPath;
use futures::StreamExt;
use origins::{Depth, Origin, SftpLogin, SftpOrigin, SftpSettings, SmbOrigin, SmbSettings};

/// Bytes of the file that is read.
const SIZE: usize = 1 << 30;
/// Bytes of one read.
const READ: usize = 1 << 20;
/// How many reads are under way at once: one by one, and as a read-ahead does it.
const DEPTHS: [usize; 2] = [1, 4];
/// Folders of the listing, and files in each.
const TREE: (usize, usize) = (1_000, 100);

fn main() -> Result<(), Box<dyn Error>> {
    let work = tempfile::tempdir()?;
    let root = work.path().join("music");
    make(&root)?;
    let runtime = tokio::runtime::Runtime::new()?;

    let dir = work.path().join("ssh");
    let sshd = Server::start("sshd", &dir, &root)?;
    let settings = SftpSettings {
        host: "127.0.0.1".to_owned(),
        port: sshd.port,
        user: std::env::var("USER").unwrap_or_else(|_| "root".to_owned()),
        root: root.clone().into_os_string().into_encoded_bytes(),
        logins: vec![SftpLogin::Key(dir.join("user"), None)],
        known_hosts: dir.join("known_hosts"),
        connections: 4,
    };
    let sftp = SftpOrigin::new("sftp".parse()?, settings)?;
    runtime.block_on(measure(&sftp))?;

    let samba = Server::start("samba", &work.path().join("smb"), &root)?;
    let settings = SmbSettings {
        host: "127.0.0.1".to_owned(),
        port: samba.port,
        share: "music".to_owned(),
        root: OriginPath::root(),
        login: None,
        connections: 4,
    };
    let smb = SmbOrigin::new("smb".parse()?, settings)?;
    runtime.block_on(measure(&smb))
}

fn make(root: &Path) -> io::Result<()> {
    fs::create_dir(root)?;
    let mut file = File::create(root.join("long"))?;
    let block: Vec<u8> = (0..READ).map(|at| (at % 251) as u8).collect();
    for _ in 0..SIZE / READ {
        file.write_all(&block)?;
    }
    for folder in 0..TREE.0 {
        let folder = root.join(format!("tree/{folder}"));
        fs::create_dir_all(&folder)?;
        for track in 0..TREE.1 {
            File::create(folder.join(format!("{track:02} - A title of usual length.flac")))?;
        }
    }
    Ok(())
}

async fn measure(origin: &dyn Origin) -> Result<(), Box<dyn Error>> {
    let id = origin.id();
    for depth in DEPTHS {
        let rate = read(origin, depth).await?;
        let status = fs::read_to_string("/proc/self/status")?;
        let memory = status.lines().find(|line| line.starts_with("VmHWM"));
        let memory = memory.unwrap_or_default();
        say(format_args!(
            "{id}: {depth} reads of 1 MiB at once: {rate:.0} MB/s, {memory}\n"
        ))?;
    }
    let started = Instant::now();
    let mut walk = origin.walk(&OriginPath::new(&b"tree"[..])?, Depth::All);
    let mut count = 0;
    while let Some(directory) = walk.next().await {
        count += directory?.files.len();
    }
    let took = started.elapsed();
    say(format_args!("{id}: {count} files listed in {took:?}\n"))?;
    Ok(())
}

/// Megabytes (10⁶ bytes) a second.
async fn read(origin: &dyn Origin, depth: usize) -> Result<f64, Box<dyn Error>> {
    let path = OriginPath::new(&b"long"[..])?;
    let file = origin.open(&path, &origin.stat(&path).await?).await?;
    let started = Instant::now();
    let offsets = (0..SIZE).step_by(READ);
    let reads = futures::stream::iter(offsets.map(|offset| file.read_at(offset as u64, READ)));
    let mut reads = reads.buffered(depth);
    let mut count = 0;
    while let Some(bytes) = reads.next().await {
        count += bytes?.len();
    }
    Ok(count as f64 / 1e6 / started.elapsed().as_secs_f64())
}

/// A server of `tests/servers`, until it is dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(name: &str, dir: &Path, root: &Path) -> Result<Self, Box<dyn Error>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/servers");
        let mut child = Command::new(scripts.join(name).with_extension("sh"))
            .args([dir, root])
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut ready = String::new();
        if let Some(said) = child.stdout.take() {
            BufReader::new(said).read_line(&mut ready)?;
        }
        let server = Self { child, port };
        match ready.as_str() {
            "ready\n" => Ok(server),
            _ => Err(format!("{name} did not start").into()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It ends by itself, and what it leaves is temporary.
        let _ = self.child.wait();
    }
}

fn say(what: std::fmt::Arguments<'_>) -> io::Result<()> {
    io::stdout().lock().write_fmt(what)
}
