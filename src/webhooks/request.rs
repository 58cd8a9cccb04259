//! Requests as they are sent. Pure.

use std::time::SystemTime;

use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::endpoint::{Endpoint, Target};
use super::folder::{Change, Folder, scans};
use super::sign::signature;
use super::{body, subsonic};

/// What one request is to tell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Message {
    /// An event, as the RPC sends it.
    Event(Box<proto::v1::Event>),
    /// Folders that changed; at least one.
    Folders(Vec<Folder>),
    /// Nothing; only whether it would be taken.
    Test,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// What does not follow from the message: when it is sent, and what is drawn by lot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    /// When it is sent.
    pub(super) now: SystemTime,
    /// Makes each signature of Subsonic's another.
    pub(super) salt: u64,
}

/// The request that tells a message to an endpoint.
pub(super) fn request(endpoint: &Endpoint, message: &Message, with: Circumstances) -> Request {
    match &endpoint.target {
        Target::Events { secret } => {
            let (id, body) = body::of(endpoint, message, with.now);
            let timestamp = unix_secs(with.now).to_string();
            let mut headers = vec![
                ("Content-Type", "application/json".to_owned()),
                ("X-MusicFS-Event-Id", id),
            ];
            if let Some(secret) = secret {
                headers.push(("X-MusicFS-Signature", signature(secret, &timestamp, &body)));
            }
            headers.push(("X-MusicFS-Timestamp", timestamp));
            Request {
                method: Method::POST,
                url: endpoint.address.url().clone(),
                headers,
                body,
            }
        }
        Target::Jellyfin { key, root } => {
            // As Jellyfin's own schema of the header has it, whatever is in the key.
            let key = key.reveal().replace(['"', '\\'], "");
            let mut headers = vec![("Authorization", format!("MediaBrowser Token=\"{key}\""))];
            let Message::Folders(folders) = message else {
                return get(endpoint.page(&["System", "Info"]), headers);
            };
            headers.push(("Content-Type", "application/json".to_owned()));
            let updates: Vec<Value> = folders
                .iter()
                .map(|it| json!({ "Path": below(root, &it.path), "UpdateType": named(it.change) }))
                .collect();
            Request {
                method: Method::POST,
                url: endpoint.page(&["Library", "Media", "Updated"]),
                headers,
                body: json!({ "Updates": updates }).to_string().into_bytes(),
            }
        }
        Target::Plex {
            token,
            section,
            root,
        } => {
            let headers = vec![
                ("Accept", "application/json".to_owned()),
                ("X-Plex-Token", token.reveal().to_owned()),
            ];
            let section = section.to_string();
            let Message::Folders(folders) = message else {
                return get(endpoint.page(&["library", "sections", &section]), headers);
            };
            let mut url = endpoint.page(&["library", "sections", &section, "refresh"]);
            let scan = folders.first().map_or("", |folder| folder.scan.as_str());
            ask(&mut url, "path", &below(root, scan));
            get(url, headers)
        }
        Target::Navidrome {
            user,
            password,
            library,
            below: prefix,
        } => {
            let page = match message {
                Message::Folders(_) => "startScan",
                Message::Event(_) | Message::Test => "ping",
            };
            let mut url = endpoint.page(&["rest", page]);
            subsonic::log_in(&mut url, user, password, with.salt);
            if let Message::Folders(folders) = message {
                let scans = scans(folders);
                let whole = prefix.is_empty() && scans.contains(&"");
                for scan in scans.iter().filter(|_| !whole) {
                    let path = below(prefix, scan);
                    let path = path.trim_start_matches('/');
                    let target = format!("{library}:{path}");
                    ask(&mut url, "target", &target);
                }
            }
            get(url, vec![("Accept", "application/json".to_owned())])
        }
    }
}

/// The request that asks whether Navidrome scans at the moment: it forgets a scan that is asked for
/// meanwhile. `None` for whoever need not be asked.
pub(super) fn before(
    endpoint: &Endpoint,
    message: &Message,
    with: Circumstances,
) -> Option<Request> {
    match (&endpoint.target, message) {
        (Target::Navidrome { user, password, .. }, Message::Folders(_)) => {
            let mut url = endpoint.page(&["rest", "getScanStatus"]);
            subsonic::log_in(&mut url, user, password, with.salt);
            Some(get(url, vec![("Accept", "application/json".to_owned())]))
        }
        _ => None,
    }
}

/// Folders that go into one request of an endpoint each.
pub(super) fn portions(endpoint: &Endpoint, folders: Vec<Folder>) -> Vec<Vec<Folder>> {
    if !matches!(endpoint.target, Target::Plex { .. }) {
        return vec![folders];
    }
    let scan = |scan: &str| {
        vec![Folder {
            path: scan.to_owned(),
            change: Change::Modified,
            scan: scan.to_owned(),
        }]
    };
    scans(&folders).into_iter().map(scan).collect()
}

fn get(url: Url, headers: Vec<(&'static str, String)>) -> Request {
    Request {
        method: Method::GET,
        url,
        headers,
        body: Vec::new(),
    }
}

/// Adds a pair to an address's query. A blank is `%20` there, which every server understands, not
/// `+`, which only those do that take queries for forms.
pub(super) fn ask(url: &mut Url, name: &str, value: &str) {
    let mut query = url
        .query()
        .map_or_else(String::new, |query| format!("{query}&"));
    query.push_str(name);
    query.push('=');
    for byte in value.bytes() {
        // The unreserved characters of RFC 3986 §2.3, and those of paths that need no escape.
        if byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte) {
            query.push(char::from(byte));
        } else {
            query.push_str(&format!("%{byte:02X}"));
        }
    }
    url.set_query(Some(&query));
}

/// A path of the tree below the place where a server sees its root.
fn below(root: &str, path: &str) -> String {
    match (root, path) {
        ("", "") => "/".to_owned(),
        (root, "") => root.to_owned(),
        (root, path) => format!("{root}/{path}"),
    }
}

const fn named(change: Change) -> &'static str {
    match change {
        Change::Created => "Created",
        Change::Modified => "Modified",
        Change::Deleted => "Deleted",
    }
}

fn unix_secs(now: SystemTime) -> u64 {
    now.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_needs_no_knowledge_of_forms() {
        let mut url = Url::parse("http://a/x").unwrap();
        ask(&mut url, "path", "/m/Björk + Co & so=on/50%");
        ask(&mut url, "b", "");
        assert_eq!(
            url.as_str(),
            "http://a/x?path=/m/Bj%C3%B6rk%20%2B%20Co%20%26%20so%3Don/50%25&b="
        );
    }
}
