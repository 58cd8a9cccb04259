//! Reading while the file is changed, and what else reading meets.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use origins::local::read_checked;
use origins::{ErrorKind, Origin, OriginFile};

use crate::support::{Folder, path};

async fn opened(origin: &dyn Origin, name: &str) -> Arc<dyn OriginFile> {
    let revision = origin.stat(&path(name)).await.unwrap();
    origin.open(&path(name), &revision).await.unwrap()
}

#[tokio::test]
async fn a_file_written_in_place_ends_its_readers() {
    let folder = Folder::new();
    folder.put("1", &[b'a'; 10_000]);
    let origin = folder.origin();
    let file = opened(&origin, "1").await;
    let writer = File::options().write(true).open(folder.at("1")).unwrap();
    writer.write_all_at(b"b", 9_999).unwrap();
    let error = file.read_at(0, 10).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Changed);
    assert!(error.message.contains("open it again"), "{error}");
    let again = opened(&origin, "1").await;
    assert_eq!(&*again.read_at(9_998, 10).await.unwrap(), b"ab");
}

#[tokio::test]
async fn a_truncated_file_is_changed_not_short() {
    let folder = Folder::new();
    folder.put("1", &[1; 10_000]);
    let file = opened(&folder.origin(), "1").await;
    File::options()
        .write(true)
        .open(folder.at("1"))
        .unwrap()
        .set_len(5_000)
        .unwrap();
    for offset in [0, 4_999, 5_000, 9_999, 20_000] {
        assert_eq!(
            file.read_at(offset, 100).await.unwrap_err().kind,
            ErrorKind::Changed
        );
    }
    let again = opened(&folder.origin(), "1").await;
    assert_eq!(again.read_at(4_990, 100).await.unwrap().len(), 10);
}

#[tokio::test]
async fn a_replaced_or_removed_file_is_read_to_its_end() {
    let folder = Folder::new();
    folder.put("1", b"old");
    let file = opened(&folder.origin(), "1").await;
    folder.put("new", b"new");
    fs::rename(folder.at("new"), folder.at("1")).unwrap();
    assert_eq!(&*file.read_at(0, 3).await.unwrap(), b"old");
    let other = opened(&folder.origin(), "1").await;
    fs::remove_file(folder.at("1")).unwrap();
    assert_eq!(&*other.read_at(0, 3).await.unwrap(), b"new");
}

/// One writer fills the file with one letter after another; whatever is read is of one letter.
#[test]
fn bytes_of_two_states_are_never_mixed() {
    const SIZE: usize = 256 * 1024;
    let folder = Folder::new();
    folder.put("1", &vec![b'a'; SIZE]);
    let origin = folder.origin();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let file = File::options().write(true).open(folder.at("1")).unwrap();
            for letter in b'b'..=b'z' {
                // Not faster than the clock that stamps the changes.
                std::thread::sleep(std::time::Duration::from_millis(8));
                file.write_all_at(&vec![letter; SIZE], 0).unwrap();
            }
        });
        let mut whole = 0;
        while !writer.is_finished() {
            runtime.block_on(async {
                let Ok(revision) = origin.stat(&path("1")).await else {
                    return;
                };
                let Ok(file) = origin.open(&path("1"), &revision).await else {
                    return;
                };
                let Ok(first) = file.read_at(0, SIZE / 2).await else {
                    return;
                };
                let Ok(second) = file.read_at(SIZE as u64 / 2, SIZE).await else {
                    return;
                };
                assert_eq!(first.len() + second.len(), SIZE);
                assert!(
                    first.iter().chain(&second).all(|byte| *byte == first[0]),
                    "{} and {}",
                    char::from(first[0]),
                    char::from(second[SIZE / 2 - 1])
                );
                whole += 1;
            });
        }
        assert!(whole > 0);
    });
}

#[tokio::test]
async fn the_open_file_is_for_reading_only() {
    let folder = Folder::new();
    folder.put("1", b"sound");
    let file = opened(&folder.origin(), "1").await;
    let mut plain = file.local().unwrap();
    assert_eq!(plain.write(b"x").unwrap_err().raw_os_error(), Some(9));
    assert!(plain.set_len(0).is_err());
    let mut buffer = [0; 8];
    assert_eq!(
        read_checked(plain, file.revision(), &mut buffer, 1).unwrap(),
        4
    );
    assert_eq!(&buffer[..4], b"ound");
}

#[tokio::test]
async fn a_file_that_may_not_be_read_is_denied() {
    let folder = Folder::new();
    folder.put("1", b"sound");
    let none = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    fs::set_permissions(folder.at("1"), none).unwrap();
    let error = crate::support::as_ordinary_user(|| {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let origin = folder.origin();
            let revision = origin.stat(&path("1")).await.unwrap();
            origin.open(&path("1"), &revision).await.err().unwrap()
        })
    });
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
}
