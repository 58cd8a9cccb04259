//! What an SFTP origin gives behind an sshd of this machine: sequential reads, and a listing.
//!
//! `cargo bench -p musicfs-origins --bench sftp`

#[path = "../tests/it/servers.rs"]
mod servers;

use std::fs::{self, File};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use eventlog::OriginPath;
use futures::StreamExt;
use origins::{Depth, Origin, SftpLogin, SftpOrigin, SftpSettings};

/// Bytes of the file that is read.
const SIZE: usize = 1 << 30;
/// Bytes of one read.
const READ: usize = 1 << 20;
/// How many reads are under way at once: one by one, and as a read-ahead does it.
const DEPTHS: [usize; 2] = [1, 4];
/// Folders of the listing, and files in each.
const TREE: (usize, usize) = (1_000, 100);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let work = tempfile::tempdir()?;
    let root = work.path().join("music");
    fs::create_dir(&root)?;
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
    let dir = work.path().join("ssh");
    let server = servers::Server::start("sshd", &dir, &root, servers::free_port(), &[]);
    let settings = SftpSettings {
        host: "127.0.0.1".to_owned(),
        port: server.port,
        user: std::env::var("USER").unwrap_or_else(|_| "root".to_owned()),
        root: root.into_os_string().into_encoded_bytes(),
        logins: vec![SftpLogin::Key(dir.join("user"), None)],
        known_hosts: dir.join("known_hosts"),
        connections: 4,
    };
    let origin = Arc::new(SftpOrigin::new("bench".parse()?, settings)?);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        for depth in DEPTHS {
            let rate = read(&*origin, depth).await?;
            let rss = fs::read_to_string("/proc/self/status")?;
            let rss = rss.lines().find(|line| line.starts_with("VmHWM"));
            say(format_args!(
                "{depth} reads of 1 MiB at once: {rate:.0} MB/s, {}\n",
                rss.unwrap_or_default()
            ))?;
        }
        let started = Instant::now();
        let mut walk = origin.walk(&OriginPath::new(&b"tree"[..])?, Depth::All);
        let mut count = 0;
        while let Some(directory) = walk.next().await {
            count += directory?.files.len();
        }
        say(format_args!(
            "{count} files listed in {:?}\n",
            started.elapsed()
        ))?;
        Ok(())
    })
}

/// Megabytes (10⁶ bytes) a second.
async fn read(origin: &dyn Origin, depth: usize) -> Result<f64, Box<dyn std::error::Error>> {
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

fn say(what: std::fmt::Arguments<'_>) -> io::Result<()> {
    io::stdout().lock().write_fmt(what)
}
