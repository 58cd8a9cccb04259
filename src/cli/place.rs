//! A place in the log, as commands name it.

use std::str::FromStr;

use eventlog::{EventStore, Position, StoreError, Timestamp};

/// A position, a moment, or the log's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Position(Position),
    Time(Timestamp),
    Now,
}

impl Place {
    /// The last event that belongs to what was known then.
    pub(super) async fn last(self, log: &dyn EventStore) -> Result<Position, StoreError> {
        match self {
            Self::Position(position) => Ok(position),
            Self::Time(time) => log.position_at(time).await,
            Self::Now => Ok(log.head()),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time = |text: &str| text.parse().map(Self::Time).ok();
        match text {
            "now" => Some(Self::Now),
            _ => (text.parse().map(|at| Self::Position(Position(at))).ok())
                .or_else(|| time(text))
                .or_else(|| time(&format!("{text}T00:00:00Z"))),
        }
        .ok_or_else(|| "neither a position nor a time such as 2026-11-20T08:00:00Z".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_position_or_a_time() {
        assert_eq!("12".parse(), Ok(Place::Position(Position(12))));
        assert_eq!("now".parse(), Ok(Place::Now));
        let time = |text: &str| text.parse::<Place>();
        let at = |micros| Ok(Place::Time(Timestamp(micros)));
        assert_eq!(time("1970-01-01T00:00:01Z"), at(1_000_000));
        assert_eq!(time("1970-01-02"), at(86_400_000_000));
        assert!(time("yesterday").is_err());
    }
}
