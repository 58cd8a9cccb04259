//! What the command line says of the configuration, and reading all of it, again and again.

use std::path::PathBuf;

use super::{Env, Loaded, OriginConfig, examine, load};
use crate::report::{Report, Result};

/// The flags that stand for keys of the configuration. Paths are absolute, so that they mean the
/// same once the process has left the directory that it was started in.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--state-dir`.
    pub state_dir: Option<PathBuf>,
    /// The level that a flag asks for, and the flag.
    pub level: Option<(&'static str, &'static str)>,
    /// MOUNTPOINT.
    pub mountpoint: Option<PathBuf>,
    /// `--origin`, in the order given.
    pub origins: Vec<OriginConfig>,
    /// `-o`.
    pub mount_options: Vec<String>,
}

impl Flags {
    /// Puts the flags over what file and environment say. An origin by flag takes the place of
    /// those with its root or its id; mount options are added.
    pub fn apply(&self, loaded: &mut Loaded) {
        if let Some(dir) = &self.state_dir {
            loaded.config.state_dir.clone_from(dir);
            loaded.by_flag("state_dir", "--state-dir");
        }
        if let Some((level, flag)) = self.level {
            level.clone_into(&mut loaded.config.log.level);
            loaded.by_flag("log.level", flag);
        }
        if let Some(path) = &self.mountpoint {
            loaded.config.mountpoint = Some(path.clone());
            loaded.by_flag("mountpoint", "MOUNTPOINT");
        }
        for origin in &self.origins {
            loaded.config.origins.retain(|other| {
                !other.is_same_place(origin) && (origin.id.is_none() || other.id != origin.id)
            });
            loaded.config.origins.push(origin.clone());
        }
        let options = &mut loaded.config.mount_options;
        options.extend(self.mount_options.iter().cloned());
    }
}

/// Where a process has its configuration from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file that was named; the default one, where it is there, if none was.
    pub file: Option<PathBuf>,
    /// The flags.
    pub flags: Flags,
}

impl Sources {
    /// Reads file and environment, and puts the flags over them.
    ///
    /// # Errors
    /// As [`load`].
    pub fn read(&self, env: Env<'_>) -> Result<Loaded> {
        let mut loaded = load(self.file.as_deref(), env)?;
        self.flags.apply(&mut loaded);
        Ok(loaded)
    }

    /// As [`read`](Self::read), and tells all that is wrong, which is as by default.
    #[must_use]
    pub fn examine(&self, env: Env<'_>) -> (Loaded, Vec<Report>) {
        let (mut loaded, faults) = examine(self.file.as_deref(), env);
        self.flags.apply(&mut loaded);
        (loaded, faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_and_origins_by_flag_replace_their_like() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        let text = "mountpoint = '/m'\nmount.options = ['ro']\n\
                    [[origins]]\nid = 'a'\npath = '/a'\n[[origins]]\npath = '/b'\n[[origins]]\npath = '/c'\n";
        std::fs::write(&file, text).unwrap();
        let origins = ["a=/x", "/b"].map(|text| OriginConfig::parse(text.as_ref()).unwrap());
        let flags = Flags {
            mountpoint: Some("/flag".into()),
            level: Some(("debug", "--verbose")),
            origins: origins.to_vec(),
            mount_options: vec!["allow_other".to_owned()],
            ..Flags::default()
        };
        let file = Some(file);
        let loaded = Sources { file, flags }.read(&|_| None).unwrap();
        let config = &loaded.config;
        assert_eq!(config.mountpoint, Some("/flag".into()));
        assert_eq!(config.log.level, "debug");
        assert_eq!(config.mount_options, ["ro", "allow_other"]);
        let roots: Vec<_> = config
            .origins
            .iter()
            .map(|it| it.root.to_string())
            .collect();
        assert_eq!(roots, ["/c", "/x", "/b"]);
        let by_flag = super::super::Source::Flag("MOUNTPOINT");
        assert_eq!(loaded.source("mountpoint"), by_flag);
    }
}
