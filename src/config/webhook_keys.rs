//! The keys of an entry of `[[webhooks]]`, as [`super::keys`] has the others.

use super::keys::{Given, Key, list, number, one_of, path, quoted, text};
use super::{Address, Format, Secret, SecretSource, Start, WebhookConfig, event_type, shown};

/// What is shown in place of a secret.
const HIDDEN: &str = "\"(hidden)\"";

/// The keys of an entry of `[[webhooks]]`.
pub const WEBHOOK_KEYS: &[Key<WebhookConfig>] = &[
    Key {
        name: "name",
        takes: "1 to 64 of `a-z 0-9 . _ -`, first a letter or digit",
        about: "The webhook's name. Required. Under it MusicFS remembers how far it got: another \
                name is another webhook.",
        example: "\"my-script\"",
        set: |hook, given, _| {
            let name = text(given)?;
            // The same rule as for origins.
            let valid: Result<eventlog::OriginId, _> = name.parse();
            valid.map_err(|_| {
                format!(
                    "is {name:?}, and has to be 1 to 64 of a-z 0-9 . _ -, first a letter or digit"
                )
            })?;
            name.clone_into(&mut hook.name);
            Ok(())
        },
        get: |hook| Some(quoted(&hook.name)),
    },
    Key {
        name: "url",
        takes: "address that begins with `http://` or `https://`",
        about: "Where requests go. Required. For a media server, the address at which its own web \
                page is. Redirects are not followed and no proxy is used.",
        example: "\"http://127.0.0.1:8080/hook\"",
        set: |hook, given, _| {
            hook.url = Some(Address::parse(text(given)?)?);
            Ok(())
        },
        get: |hook| hook.url.as_ref().map(|url| quoted(&url.to_string())),
    },
    Key {
        name: "format",
        takes: "`musicfs`, `jellyfin`, `plex` or `navidrome`",
        about: "What is sent: events, or calls that make a media server scan the folders that changed.",
        example: "\"musicfs\"",
        set: |hook, given, _| {
            hook.format = one_of(given, &Format::NAMES)?;
            Ok(())
        },
        get: |hook| Some(quoted(hook.format.name())),
    },
    Key {
        name: "secret",
        takes: "text",
        about: "What requests are signed with, so that the receiver can tell them from forged ones. \
                Any text; `openssl rand -hex 32` makes a good one. Without it they are not signed.",
        example: "\"a long random text\"",
        set: |hook, given, _| inline(&mut hook.secret, given),
        get: |hook| shown_inline(hook.secret.as_ref()),
    },
    Key {
        name: "secret_env",
        takes: "name of an environment variable",
        about: "The variable of the daemon that holds the secret, in place of `secret`.",
        example: "\"MY_SCRIPT_SECRET\"",
        set: |hook, given, _| variable(&mut hook.secret, given),
        get: |hook| shown_variable(hook.secret.as_ref()),
    },
    Key {
        name: "secret_file",
        takes: "path",
        about: "The file that holds the secret, in place of `secret`.",
        example: "\"~/.config/musicfs/my-script.secret\"",
        set: |hook, given, env| once(&mut hook.secret, SecretSource::File(path(given, env)?)),
        get: |hook| shown_file(hook.secret.as_ref()),
    },
    Key {
        name: "token",
        takes: "text",
        about: "What a media server lets MusicFS in with: Jellyfin's API key, Plex's `X-Plex-Token`, \
                the password of Navidrome's user.",
        example: "\"0123456789abcdef\"",
        set: |hook, given, _| inline(&mut hook.token, given),
        get: |hook| shown_inline(hook.token.as_ref()),
    },
    Key {
        name: "token_env",
        takes: "name of an environment variable",
        about: "The variable of the daemon that holds the token, in place of `token`.",
        example: "\"JELLYFIN_TOKEN\"",
        set: |hook, given, _| variable(&mut hook.token, given),
        get: |hook| shown_variable(hook.token.as_ref()),
    },
    Key {
        name: "token_file",
        takes: "path",
        about: "The file that holds the token, in place of `token`.",
        example: "\"/etc/musicfs/jellyfin.token\"",
        set: |hook, given, env| once(&mut hook.token, SecretSource::File(path(given, env)?)),
        get: |hook| shown_file(hook.token.as_ref()),
    },
    Key {
        name: "user",
        takes: "text",
        about: "Navidrome's user: an administrator, since others may not start a scan.",
        example: "\"admin\"",
        set: |hook, given, _| {
            hook.user = Some(text(given)?.to_owned());
            Ok(())
        },
        get: |hook| hook.user.as_deref().map(quoted),
    },
    Key {
        name: "library",
        takes: "number",
        about: "The library as the media server numbers it: Plex's section (required), Navidrome's \
                library (1 unless told).",
        example: "1",
        set: |hook, given, _| {
            hook.library = Some(number(given, 0, i64::MAX)?);
            Ok(())
        },
        get: |hook| hook.library.map(|library| library.to_string()),
    },
    Key {
        name: "library_path",
        takes: "path",
        about: "Where the media server sees the root of the mount. Jellyfin and Plex: an absolute \
                path, by default the mount point. Navidrome: from the root of its library, by default \
                that root itself.",
        example: "\"/media/music\"",
        set: |hook, given, _| {
            let path = text(given)?.trim_end_matches('/');
            hook.library_path = Some(path.to_owned());
            Ok(())
        },
        get: |hook| hook.library_path.as_deref().map(quoted),
    },
    Key {
        name: "events",
        takes: "list of types of events",
        about: "Which events are told of, such as `track.moved` or `track.*`; see EVENTS.md. Default: \
                all.",
        example: "[]",
        set: |hook, given, _| {
            let events = list(given)?;
            for pattern in &events {
                event_type(pattern)
                    .map_err(|hint| format!("has {pattern:?}, which no event is of; {hint}"))?;
            }
            hook.events = events;
            Ok(())
        },
        get: |hook| Some(array(hook.events.iter().map(String::as_str))),
    },
    Key {
        name: "origins",
        takes: "list of ids of origins",
        about: "Only events of these origins and their tracks. Default: all.",
        example: "[]",
        set: |hook, given, _| {
            let ids = list(given)?.into_iter().map(|id| id.parse());
            let ids: Result<_, eventlog::id::InvalidId> = ids.collect();
            hook.origins = ids.map_err(|error| error.to_string())?;
            Ok(())
        },
        get: |hook| Some(array(hook.origins.iter().map(eventlog::OriginId::as_str))),
    },
    Key {
        name: "from",
        takes: "`now`, `start` or a position",
        about: "With which event a webhook of a new name begins: the next one, the first of the log, \
                or the one at that position. One that has begun goes on where it was.",
        example: "\"now\"",
        set: |hook, given, _| {
            hook.from = match given {
                Given::Text(text) if text == "now" => Start::Now,
                Given::Text(text) if text == "start" => Start::Position(1),
                Given::Integer(_) => Start::Position(number(given, 1, i64::MAX)?),
                _ => return Err("takes \"now\", \"start\" or a position".to_owned()),
            };
            Ok(())
        },
        get: |hook| {
            Some(match hook.from {
                Start::Now => quoted("now"),
                Start::Position(position) => position.to_string(),
            })
        },
    },
    Key {
        name: "retries",
        takes: "0 to 100",
        about: "How often a request that failed is repeated before it is put aside: see `musicfs \
                webhook list`.",
        example: "10",
        set: |hook, given, _| {
            hook.retries = number(given, 0, 100)?;
            Ok(())
        },
        get: |hook| Some(hook.retries.to_string()),
    },
    Key {
        name: "max_wait",
        takes: "seconds, 1 to 86400",
        about: "The longest pause between two tries. Pauses are random, up to 1 s after the first try, \
                2 s after the second, 4 s, 8 s, and so on.",
        example: "300",
        set: |hook, given, _| {
            hook.max_wait_secs = number(given, 1, 86_400)?;
            Ok(())
        },
        get: |hook| Some(hook.max_wait_secs.to_string()),
    },
    Key {
        name: "timeout",
        takes: "seconds, 1 to 300",
        about: "How long a request may take, from connecting to the end of the answer.",
        example: "10",
        set: |hook, given, _| {
            hook.timeout_secs = number(given, 1, 300)?;
            Ok(())
        },
        get: |hook| Some(hook.timeout_secs.to_string()),
    },
];

impl WebhookConfig {
    /// The webhook as a TOML inline table, for showing. Holds no secret.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let pairs: Vec<String> = WEBHOOK_KEYS
            .iter()
            .filter_map(|key| (key.get)(self).map(|value| format!("{} = {value}", key.name)))
            .collect();
        format!("{{ {} }}", pairs.join(", "))
    }
}

fn array<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = texts.map(quoted).collect();
    format!("[{}]", quoted.join(", "))
}

/// Sets a source of a secret; there is one each.
fn once(slot: &mut Option<SecretSource>, source: SecretSource) -> Result<(), String> {
    match slot.replace(source) {
        None => Ok(()),
        Some(_) => Err("comes beside another key for the same; keep one of them".to_owned()),
    }
}

fn inline(slot: &mut Option<SecretSource>, given: &Given) -> Result<(), String> {
    let secret = Secret::new(text(given)?.to_owned());
    once(slot, SecretSource::Inline(secret))
}

fn variable(slot: &mut Option<SecretSource>, given: &Given) -> Result<(), String> {
    once(slot, SecretSource::Environment(text(given)?.to_owned()))
}

fn shown_inline(source: Option<&SecretSource>) -> Option<String> {
    matches!(source, Some(SecretSource::Inline(_))).then(|| HIDDEN.to_owned())
}

fn shown_variable(source: Option<&SecretSource>) -> Option<String> {
    match source {
        Some(SecretSource::Environment(name)) => Some(quoted(name)),
        _ => None,
    }
}

fn shown_file(source: Option<&SecretSource>) -> Option<String> {
    match source {
        Some(SecretSource::File(path)) => Some(quoted(&shown(path))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(example: &str) -> Given {
        let table: toml::Table = format!("value = {example}").parse().unwrap();
        match &table["value"] {
            toml::Value::String(text) => Given::Text(text.clone()),
            toml::Value::Integer(number) => Given::Integer(*number),
            toml::Value::Array(_) => Given::List(Vec::new()),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn every_key_can_be_set_to_its_example_and_shown_again_but_for_secrets() {
        for key in WEBHOOK_KEYS {
            let mut hook = WebhookConfig::default();
            let env = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
            (key.set)(&mut hook, &given(key.example), &env).unwrap();
            let shown = (key.get)(&hook).unwrap();
            if matches!(key.name, "secret" | "token") {
                assert_eq!(shown, HIDDEN);
                assert!(!format!("{hook:?}").contains(key.example.trim_matches('"')));
            } else {
                assert_eq!(shown, key.example.replace('~', "/home/me"), "{}", key.name);
            }
        }
    }
}
