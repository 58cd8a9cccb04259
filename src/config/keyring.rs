//! Secrets in the system's keyrings (ORG-10): the kernel's, and the desktop's.
//!
//! The kernel's is asked directly (keyrings(7)). The desktop's, the Secret Service of GNOME and KDE,
//! is asked through `secret-tool` of libsecret: a client of its own would bring a hundred libraries for
//! D-Bus along.

use std::ffi::OsStr;
use std::io;
use std::process::{Command, Stdio};

use linux_keyutils::{Key, KeyRing, KeyRingIdentifier};
use zeroize::Zeroizing;

use crate::report::plain;

/// The program that asks the desktop's keyring.
const TOOL: &str = "secret-tool";

/// The secret of that name: in the kernel's keyring the key `musicfs:NAME` of type `user`, in the
/// desktop's the entry with the attributes `service musicfs` and `username NAME`. Blocks, for as long
/// as somebody is asked to unlock it.
///
/// # Errors
/// Why there is none.
pub(super) fn read(name: &str) -> Result<Zeroizing<String>, String> {
    if let Some(key) = in_kernel(name) {
        let bytes = key.read_to_vec().map(Zeroizing::new);
        let bytes = bytes.map_err(|error| {
            format!("names the key musicfs:{name} of the kernel's keyring, which cannot be read: {error}")
        })?;
        return text(name, &bytes);
    }
    on_desktop(name, TOOL.as_ref())
}

fn in_kernel(name: &str) -> Option<Key> {
    let ring = |id| KeyRing::from_special_id(id, false).ok();
    let user = ring(KeyRingIdentifier::User);
    if let (Some(user), Ok(process)) = (
        user,
        KeyRing::from_special_id(KeyRingIdentifier::Process, true),
    ) {
        // A key can be read by those alone who can reach it from their own keyrings; a service's do
        // not hold the user's. Where this is refused, reading the key will tell.
        let _ = process.link_keyring(user);
    }
    let rings = [ring(KeyRingIdentifier::Session), user];
    let found = |ring: KeyRing| ring.search(&format!("musicfs:{name}")).ok();
    rings.into_iter().flatten().find_map(found)
}

fn on_desktop(name: &str, tool: &OsStr) -> Result<Zeroizing<String>, String> {
    let asked = Command::new(tool)
        .args(["lookup", "service", "musicfs", "username", name])
        .stdin(Stdio::null())
        .output();
    let output = match asked {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!(
                "names {name}, of which the kernel's keyring has no key musicfs:{name}; to ask the \
                 desktop's, install secret-tool (Debian: libsecret-tools)"
            ));
        }
        Err(error) => {
            return Err(format!(
                "names {name}: cannot start secret-tool: {}",
                plain(&error)
            ));
        }
    };
    let secret = Zeroizing::new(output.stdout);
    if output.status.success() && !secret.is_empty() {
        return text(name, &secret);
    }
    let why = String::from_utf8_lossy(&output.stderr);
    let why = match why.trim() {
        "" => "there is no such entry".to_owned(),
        why => why.to_owned(),
    };
    Err(format!(
        "names {name}, which no keyring has: {why}; put it there: secret-tool store \
         --label='MusicFS {name}' service musicfs username {name}"
    ))
}

fn text(name: &str, bytes: &[u8]) -> Result<Zeroizing<String>, String> {
    let text = std::str::from_utf8(bytes);
    text.map(|text| Zeroizing::new(text.to_owned()))
        .map_err(|_| format!("names {name}, whose secret is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_of_the_kernel_is_found() {
        let Ok(ring) = KeyRing::from_special_id(KeyRingIdentifier::User, true) else {
            // This kernel or container has none.
            return;
        };
        let name = format!("test-{}", std::process::id());
        let key = ring.add_key(&format!("musicfs:{name}"), b"hunter2");
        let Ok(key) = key else { return };
        let read = read(&name);
        key.invalidate().unwrap();
        assert_eq!(*read.unwrap(), "hunter2");
    }

    #[test]
    fn the_desktop_is_asked_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let tool = dir.path().join("secret-tool");
        let script =
            "#!/bin/sh\n[ \"$*\" = 'lookup service musicfs username nas' ] && printf hunter2\n";
        std::fs::write(&tool, script).unwrap();
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(*on_desktop("nas", tool.as_ref()).unwrap(), "hunter2");
        let told = on_desktop("other", tool.as_ref()).unwrap_err();
        assert!(told.contains("there is no such entry"), "{told}");
        let told = on_desktop("nas", "/nowhere/secret-tool".as_ref()).unwrap_err();
        assert!(told.contains("install secret-tool"), "{told}");
    }
}
