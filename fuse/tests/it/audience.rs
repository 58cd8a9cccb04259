//! Who is told of reads, and what (CTL-4).

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fuse::{Access, MountOptions};

use crate::harness::{Mount, World, noise, within};

/// What was told once there are as many.
fn told(world: &World, count: usize) -> Vec<Access> {
    let read = || world.read.lock().unwrap().clone();
    within(Duration::from_secs(10), "reads are told", || {
        read().len() >= count
    });
    read()
}

fn cat(path: &Path) {
    let status = Command::new("cat").arg(path).stdout(Stdio::null()).status();
    assert!(status.unwrap().success());
}

#[test]
fn a_read_is_told_with_its_bytes_its_time_and_its_reader() {
    let world = World::new();
    let (track, _) = world.add("f", &noise(300_000, 1));
    let mount = Mount::plain(&world);
    cat(&mount.path("f"));
    let first = told(&world, 1).remove(0);
    assert_eq!((first.track, first.bytes), (track, Some(300_000)));
    assert_eq!(first.reader.name.as_deref(), Some("cat"));
    assert!(first.reader.process > 0 && first.opened < first.closed);
    // Now the kernel has all of it, and need not ask.
    cat(&mount.path("f"));
    let again = told(&world, 2).remove(1);
    assert_eq!((again.track, again.bytes), (track, None));
    assert_ne!(again.reader.process, first.reader.process);
    mount.unmount();
}

#[test]
fn what_the_kernel_reads_by_itself_is_told_without_bytes() {
    let world = World::new();
    let (track, _) = world.add("f", &noise(300_000, 1));
    let mount = Mount::with(&world, &MountOptions::default());
    cat(&mount.path("f"));
    let read = told(&world, 1).remove(0);
    let expected = (!mount.mounted().passthrough()).then_some(300_000);
    assert_eq!((read.track, read.bytes), (track, expected));
    assert_eq!(read.reader.name.as_deref(), Some("cat"));
    mount.unmount();
}

#[test]
fn looking_is_no_reading() {
    let world = World::new();
    world.add("A/f", b"abc");
    let mount = Mount::plain(&world);
    let status = Command::new("ls")
        .args(["-lR", "--"])
        .arg(mount.root())
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    cat(&mount.path(".status/version"));
    cat(&mount.path(".status/rescan"));
    // This process serves the mount: what it reads there is no reader's.
    assert_eq!(fs::read(mount.path("A/f")).unwrap(), b"abc");
    cat(&mount.path("A/f"));
    assert_eq!(told(&world, 1).len(), 1);
    mount.unmount();
    assert_eq!(world.read.lock().unwrap().len(), 1);
}

#[test]
fn what_is_open_is_known_and_its_end_is_told_with_the_session() {
    let world = World::new();
    let (track, _) = world.add("f", b"abc");
    let fs = world.filesystem();
    let ino = fs
        .lookup(fuse::Ino::ROOT, OsStr::new("f"))
        .unwrap()
        .attr
        .ino;
    let open = || fs.open(fs.find(ino).unwrap(), 0, &|_| None).unwrap();
    let opened = open();
    for handle in [opened.handle, open().handle] {
        assert_eq!(fs.read(handle, 1, &mut [0; 9]), Ok(2));
    }
    let being_read = fs.being_read();
    assert_eq!(being_read.keys().collect::<Vec<_>>(), [&(0, track)]);
    let reading = being_read[&(0, track)];
    assert_eq!((reading.bytes, reading.size), (4, 3));
    drop(fs.release(opened.handle));
    drop(fs.release(opened.handle));
    drop(fs.abandon(open().handle));
    assert_eq!(world.read.lock().unwrap().len(), 1);
    drop(fs.session_ended());
    drop(fs.session_ended());
    assert_eq!(world.read.lock().unwrap().len(), 2);
    assert!(fs.being_read().is_empty());
}

#[test]
fn threads_are_told_as_their_process() {
    let world = World::new();
    world.add("f", b"abc");
    let mount = Mount::plain(&world);
    let script = "import sys, threading\n\
                  t = threading.Thread(target=lambda: open(sys.argv[1]).read())\n\
                  t.start()\nt.join()\n";
    let child = Command::new("python3")
        .args(["-c", script])
        .arg(mount.path("f"))
        .spawn();
    let mut child = child.unwrap();
    assert!(child.wait().unwrap().success());
    let read = told(&world, 1).remove(0);
    assert_eq!(read.reader.process, child.id());
    mount.unmount();
}
