//! How long to wait before a request is tried again. Pure.

use std::time::{Duration, SystemTime};

/// The most that a first pause can be.
const FIRST: Duration = Duration::from_secs(1);

/// The longest that a receiver can ask for.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// The pause after that many tries that failed, from 1: exponential, at most `longest`, with full
/// jitter, so that receivers which come back are not met by all at once. `random` is in 0..1.
#[must_use]
pub(super) fn pause(failed: u32, longest: Duration, random: f64) -> Duration {
    let doublings = failed.saturating_sub(1).min(31);
    let most = FIRST.saturating_mul(1 << doublings).min(longest);
    most.mul_f64(random.clamp(0.0, 1.0))
}

/// The pause that a `Retry-After` asks for (RFC 9110 §10.2.3), at most an hour; `None` where it is
/// neither seconds nor a date.
#[must_use]
pub(super) fn asked(retry_after: &str, now: SystemTime) -> Option<Duration> {
    let text = retry_after.trim();
    let pause = match text.parse() {
        Ok(secs) => Duration::from_secs(secs),
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?;
            at.duration_since(now).unwrap_or_default()
        }
    };
    Some(pause.min(PATIENCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let longest = Duration::from_secs(300);
        let most: Vec<u64> = (1..=12)
            .map(|failed| pause(failed, longest, 1.0).as_secs())
            .collect();
        assert_eq!(most, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(pause(u32::MAX, longest, 1.0), longest);
        assert_eq!(pause(5, longest, 0.0), Duration::ZERO);
        assert_eq!(pause(2, longest, 0.25), Duration::from_millis(500));
    }

    #[test]
    fn receivers_may_say_when_to_come_back() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let cases = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("86400", Some(3_600)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ];
        for (text, secs) in cases {
            assert_eq!(asked(text, now), secs.map(Duration::from_secs), "{text:?}");
        }
    }
}
