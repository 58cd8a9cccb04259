//! `mount.musicfs`: what mount(8) and fstab call (FS-13). The same program under another name.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::report::{Kind, Report, Result};

/// Options that are for the tool, each with the flag that it stands for.
const OURS: [(&str, &str); 3] = [
    ("config", "--config"),
    ("state_dir", "--state-dir"),
    ("origin", "--origin"),
];

/// True where the program was called as a helper of mount(8): under a name such as
/// `mount.musicfs`, or by `mount.fuse3`, which runs `musicfs SOURCE DIR -o OPTIONS` for the type
/// `fuse.musicfs`. No command has a slash in it.
pub(super) fn is_asked(arguments: &[OsString]) -> bool {
    let bytes = |index: usize| {
        arguments
            .get(index)
            .map_or(&b""[..], |text| text.as_bytes())
    };
    let program = arguments.first().map(Path::new);
    let name = program.and_then(Path::file_name).unwrap_or_default();
    let by_fuse = matches!(bytes(1), b"musicfs" | b"none")
        || !bytes(1).starts_with(b"-") && bytes(1).contains(&b'/');
    name.as_bytes().starts_with(b"mount.") || by_fuse && bytes(2).starts_with(b"/")
}

/// The arguments of `musicfs` that do what `mount.musicfs SOURCE DIR [-sfnv] [-o OPTIONS]` asks;
/// `None` where nothing is to be done (`-f`).
///
/// SOURCE is `musicfs`, `none`, or origins as `[ID=]PATH`, joined by `:`.
pub(super) fn translated(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Option<Vec<OsString>>> {
    let mut plain = Vec::new();
    let mut options: Vec<u8> = Vec::new();
    let mut only_pretend = false;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_bytes() {
            b"-o" => {
                let more = arguments.next().unwrap_or_default();
                options.extend_from_slice(more.as_bytes());
                options.push(b',');
            }
            // The type, and the namespace: told by the program's name, and done by mount(8).
            b"-t" | b"-N" => drop(arguments.next()),
            [b'-', flags @ ..] => only_pretend |= flags.contains(&b'f'),
            _ => plain.push(argument),
        }
    }
    let [source, directory]: [OsString; 2] = plain.try_into().map_err(|_| {
        Report::new(Kind::Usage, "a mount helper takes a source and a directory")
            .hint("fstab: /srv/music /mnt/music musicfs allow_other,_netdev 0 0")
    })?;
    let mut all: Vec<OsString> = ["musicfs", "mount", "--daemon"]
        .map(OsString::from)
        .to_vec();
    for origin in origins(&source) {
        all.extend(["--origin".into(), origin]);
    }
    let mut left: Vec<&[u8]> = Vec::new();
    for option in options
        .split(|byte| *byte == b',')
        .filter(|option| !option.is_empty())
    {
        let name = option
            .split(|byte| *byte == b'=')
            .next()
            .unwrap_or_default();
        match OURS.iter().find(|(ours, _)| ours.as_bytes() == name) {
            Some((ours, flag)) => {
                let value = option.get(ours.len() + 1..).unwrap_or_default();
                all.extend([flag.into(), OsString::from_vec(value.to_vec())]);
            }
            None => left.push(option),
        }
    }
    if !left.is_empty() {
        all.extend(["-o".into(), OsString::from_vec(left.join(&b','))]);
    }
    all.extend(["--".into(), directory]);
    Ok((!only_pretend).then_some(all))
}

fn origins(source: &OsStr) -> Vec<OsString> {
    let parts = source.as_bytes().split(|byte| *byte == b':');
    parts
        .filter(|part| part.contains(&b'/'))
        .map(|part| OsString::from_vec(part.to_vec()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translate(line: &str) -> String {
        let arguments = translated(line.split(' ').map(OsString::from)).unwrap();
        let arguments = arguments.unwrap_or_default();
        arguments.join(OsStr::new(" ")).into_string().unwrap()
    }

    #[test]
    fn lines_of_fstab_become_commands() {
        let cases = [
            ("musicfs /mnt", "musicfs mount --daemon -- /mnt"),
            (
                "/srv/music:nas=/mnt/nas /mnt -o rw,allow_other,state_dir=/var/lib/m",
                "musicfs mount --daemon --origin /srv/music --origin nas=/mnt/nas \
                 --state-dir /var/lib/m -o rw,allow_other -- /mnt",
            ),
            (
                "none /mnt -s -n -t fuse.musicfs -o config=/etc/m.toml",
                "musicfs mount --daemon --config /etc/m.toml -- /mnt",
            ),
            ("/srv/music /mnt -fnv -o rw", ""),
        ];
        for (line, expected) in cases {
            assert_eq!(translate(line), expected, "{line}");
        }
        assert!(translated(["/mnt".into()]).is_err());
    }

    #[test]
    fn helpers_are_known_by_how_they_are_called() {
        for (line, expected) in [
            ("/sbin/mount.musicfs /srv/music /mnt", true),
            ("mount.fuse.musicfs none /mnt", true),
            ("musicfs /srv/music /mnt -o rw", true),
            ("musicfs nas=/srv/music:/srv/more /mnt -o rw", true),
            ("musicfs none /mnt -o rw", true),
            ("/usr/bin/musicfs mount /mnt", false),
            ("musicfs --state-dir /a /mnt", false),
            ("musicfs status", false),
            ("musicfs", false),
        ] {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(is_asked(&arguments), expected, "{line}");
        }
    }
}
