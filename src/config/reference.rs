//! Texts made from the table of keys: the file that `config init` writes, and the reference.

use std::fmt::Write;

use super::Config;
use super::change::is_live;
use super::collection::COLLECTION_KEYS;
use super::keys::{KEYS, Key};
use super::load::ORIGINS_VARIABLE;
use super::origin_keys::ORIGIN_KEYS;
use super::webhook_keys::WEBHOOK_KEYS;

/// A file that names every key with its default, all of it as comments.
#[must_use]
pub fn template() -> String {
    let mut text = String::from(
        "# The configuration of MusicFS. Every line is a comment: take the # away from those you want.\n\
         # Precedence: flag, environment, this file, default. `musicfs config check` checks the file.\n",
    );
    let mut table = "";
    for key in KEYS {
        let (in_table, name) = key.name.rsplit_once('.').unwrap_or(("", key.name));
        if in_table != table {
            let _ = write!(text, "\n# [{in_table}]\n");
            table = in_table;
        } else if table.is_empty() {
            text.push('\n');
        }
        commented(&mut text, key, name);
    }
    text.push_str("\n# [[origins]]\n");
    for key in ORIGIN_KEYS {
        commented(&mut text, key, key.name);
    }
    text.push_str("\n# [[webhooks]]\n");
    for key in WEBHOOK_KEYS {
        commented(&mut text, key, key.name);
    }
    text.push_str("\n# [[collections]]\n");
    for key in COLLECTION_KEYS {
        commented(&mut text, key, key.name);
    }
    text
}

fn commented<T>(text: &mut String, key: &Key<T>, name: &str) {
    let _ = writeln!(text, "## {}\n# {name} = {}", key.about, key.example);
}

/// A configuration as a file that says the same. Holds no secret.
#[must_use]
pub fn in_force(config: &Config) -> String {
    let mut text = String::new();
    for key in KEYS {
        if let Some(value) = (key.get)(config) {
            let _ = writeln!(text, "{} = {value}", key.name);
        }
    }
    for origin in &config.origins {
        entry(&mut text, "origins", ORIGIN_KEYS, origin);
    }
    for webhook in &config.webhooks {
        entry(&mut text, "webhooks", WEBHOOK_KEYS, webhook);
    }
    for collection in &config.collections {
        entry(&mut text, "collections", COLLECTION_KEYS, collection);
    }
    text
}

fn entry<T>(text: &mut String, list: &str, keys: &[Key<T>], entry: &T) {
    let _ = writeln!(text, "\n[[{list}]]");
    for key in keys {
        if let Some(value) = (key.get)(entry) {
            let _ = writeln!(text, "{} = {value}", key.name);
        }
    }
}

/// `docs/CONFIGURATION.md`.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         <!-- Made by `musicfs config reference`; a test keeps it current. -->\n\n\
         MusicFS needs no configuration. Where there is one, it is the TOML file\n\
         `$XDG_CONFIG_HOME/musicfs/config.toml` (`~/.config/musicfs/config.toml`), or the one that\n\
         `--config FILE` names. A flag wins over the environment, the environment over the file, the file\n\
         over the default. Unknown keys are errors.\n\n\
         `musicfs config init` writes a file with every key, `musicfs config show` tells every value and\n\
         where it comes from, `musicfs config check` checks a file.\n\n\
         `musicfs reload`, SIGHUP and `systemctl reload` have a running daemon read the file anew. It\n\
         tells which new values are in force and which wait for a restart; each key below says which of\n\
         the two it takes. A file that is wrong changes nothing.\n",
    );
    for key in KEYS {
        section(&mut text, key, key.name);
        let _ = writeln!(text, "- Environment: `{}`", key.variable());
        let when = if is_live(key.name) {
            "reload"
        } else {
            "restart"
        };
        let _ = writeln!(text, "- Takes effect: at a {when}");
    }
    let _ = write!(
        text,
        "\n## `[[origins]]`\n\nWhere the music is, one entry each; [ORIGINS](ORIGINS.md) shows how to add which. `--origin\n\
         [ID=]PATH|URL` adds to them. In the environment, `{ORIGINS_VARIABLE}` holds such entries joined by\n\
         `:`, in place of those of the file. Passwords and keys are never told here, only where they are\n\
         kept: an origin's entry is kept in the log and shown to whoever asks.\n\
         Origins stay in the library until `musicfs origin remove ID`: taking an entry out of the file\n\
         removes no track. Added and changed entries take effect at a reload.\n"
    );
    for key in ORIGIN_KEYS {
        section(&mut text, key, &format!("origins.{}", key.name));
    }
    text.push_str(
        "\n## `[[webhooks]]`\n\nWho is told of changes, one entry each; [WEBHOOKS](WEBHOOKS.md) shows how to use them. \
         Only in the\nfile. Secrets and tokens are shown nowhere: not by `config show`, not in `.status`, not in \
         messages.\nWhat a webhook got to stays in the state directory until `musicfs webhook drop NAME --all`.\n",
    );
    for key in WEBHOOK_KEYS {
        section(&mut text, key, &format!("webhooks.{}", key.name));
    }
    text.push_str(
        "\n## `[[collections]]`\n\nQueries that are shown as directories and playlists, one entry each; \
         [FINDING](FINDING.md#keep-a-search-as-a-collection) shows\nhow to use them. Only in the file. One that has the name of a \
         collection which was made by\n`musicfs collection add` is shown in its place. They take effect at a reload.\n",
    );
    for key in COLLECTION_KEYS {
        section(&mut text, key, &format!("collections.{}", key.name));
    }
    text
}

fn section<T>(text: &mut String, key: &Key<T>, name: &str) {
    let _ = write!(
        text,
        "\n### `{name}`\n\n{}\n\n- Takes: {}\n- In the file: `{} = {}`\n",
        key.about,
        key.takes,
        name.trim_start_matches("origins.")
            .trim_start_matches("webhooks.")
            .trim_start_matches("collections."),
        key.example
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_without_its_comment_signs_is_a_valid_file() {
        let text: String = template()
            .lines()
            .filter(|line| {
                line.starts_with("# ") && (line.contains(" = ") || line.starts_with("# ["))
            })
            .map(|line| format!("{}\n", line.trim_start_matches("# ")))
            .collect();
        let contents = super::super::file::parse(&text);
        assert_eq!(contents.faults, []);
        assert_eq!(contents.values.len(), KEYS.len());
        assert_eq!(contents.origins.len(), 1);
        assert_eq!(contents.webhooks.len(), 1);
        assert_eq!(contents.collections.len(), 1);
    }

    #[test]
    fn what_is_in_force_reads_as_what_it_says() {
        let origin = super::super::OriginConfig {
            root: super::super::Root::Folder("/m".into()),
            ..Default::default()
        };
        let config = Config {
            state_dir: "/s".into(),
            scan_threads: 3,
            origins: vec![origin],
            ..Default::default()
        };
        let contents = super::super::file::parse(&in_force(&config));
        assert_eq!(contents.faults, []);
        assert_eq!(contents.origins.len(), 1);
        assert!(
            contents
                .values
                .iter()
                .any(|value| value.key == "scan.threads")
        );
    }

    #[test]
    fn the_reference_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONFIGURATION.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == markdown(),
            "stale: run `cargo run -- config reference > docs/CONFIGURATION.md`"
        );
    }
}
