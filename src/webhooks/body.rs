//! The body of a request that tells of an event. Pure.

use std::time::SystemTime;

use eventlog::{EventId, Timestamp};
use serde_json::{Value, json};

use super::endpoint::Endpoint;
use super::request::Message;
use crate::control::json as shape;

/// The type of the request that `webhook test` sends; no event is of it.
const TEST: &str = "webhook.test";

/// The id and the body of what tells of a message.
pub(super) fn of(endpoint: &Endpoint, message: &Message, now: SystemTime) -> (String, Vec<u8>) {
    let value = match message {
        Message::Event(event) => event_json(event),
        Message::Folders(_) | Message::Test => {
            let since = now
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            let at = Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
            json!({
                "id": EventId::generate().to_string(),
                "position": 0,
                "event_type": TEST,
                "timestamp": at.to_string(),
                "subject": "library",
                "cause": null, "origin": null, "path": null, "track": null,
                "data": { "webhook": endpoint.name },
            })
        }
    };
    let id = value.get("id").and_then(Value::as_str).unwrap_or_default();
    (id.to_owned(), value.to_string().into_bytes())
}

/// An event. Members are added, never renamed or taken away; `docs/WEBHOOKS.md` describes them.
fn event_json(event: &proto::v1::Event) -> Value {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let path = String::from_utf8_lossy(&event.path);
    json!({
        "id": event.id,
        "position": event.position,
        "event_type": event.kind,
        "timestamp": event.recorded_at.as_ref().map(shape::time),
        "subject": event.subject,
        "cause": text(&event.cause),
        "origin": text(&event.origin),
        "path": text(&path),
        "track": (event.track != 0).then_some(event.track),
        "data": serde_json::from_str::<Value>(&event.data).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_members_that_are_documented() {
        let event = proto::v1::Event {
            position: 7,
            id: "019a".to_owned(),
            recorded_at: Some(prost_types::Timestamp {
                seconds: 1_700_000_000,
                nanos: 0,
            }),
            kind: "track.vanished".to_owned(),
            version: 1,
            subject: "track:3".to_owned(),
            origin: "nas".to_owned(),
            path: b"a/b\xff.flac".to_vec(),
            track: 3,
            data: r#"{"track":3}"#.to_owned(),
            ..Default::default()
        };
        assert_eq!(
            event_json(&event),
            json!({
                "id": "019a", "position": 7, "event_type": "track.vanished",
                "timestamp": "2023-11-14T22:13:20.000000Z", "subject": "track:3", "cause": null,
                "origin": "nas", "path": "a/b\u{fffd}.flac", "track": 3, "data": {"track": 3},
            })
        );
    }
}
