//! Amounts of bytes as people write them.

/// Names of powers of 1,000 and of 1,024 (IEC 80000-13).
const UNITS: [(&str, u64); 10] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Bytes out of `10 GB`, `1.5TiB` or `4096`.
///
/// # Errors
/// What it takes.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = match unit.trim() {
        "" => Some(1),
        name => UNITS.iter().find(|(unit, _)| *unit == name).map(|it| it.1),
    };
    let bytes = unit.and_then(|unit| scaled(number, unit));
    bytes.ok_or_else(|| {
        format!("is {text:?}, and has to be an amount such as \"10 GB\" or \"512 MiB\"")
    })
}

/// `number`, which may have a fraction, of that unit; exact.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 9 {
        return None;
    }
    let digits = u32::try_from(fraction.len()).ok()?;
    let part: u128 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let whole: u128 = whole.parse().ok()?;
    let scale = 10_u128.pow(digits);
    let bytes =
        (whole.checked_mul(scale)?.checked_add(part)?).checked_mul(u128::from(unit))? / scale;
    u64::try_from(bytes).ok()
}

/// Bytes as `10 GB` where that is exact, else as a number of bytes.
pub(crate) fn exact(bytes: u64) -> String {
    let fits = |(_, unit): &&(&str, u64)| bytes > 0 && bytes.is_multiple_of(*unit);
    let (name, unit) = UNITS
        .iter()
        .filter(fits)
        .max_by_key(|(_, unit)| *unit)
        .unwrap_or(&("B", 1));
    format!("{} {name}", bytes / unit)
}

/// Bytes for people, with three digits: `1.23 GB`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn rough(bytes: u64) -> String {
    let decimal = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let amount = bytes as f64;
    // Rounded up to a unit, it is one of that.
    let unit = decimal.iter().find(|(_, unit)| amount >= unit * 0.9995);
    let Some((name, unit)) = unit else {
        return format!("{bytes} B");
    };
    let amount = amount / unit;
    let digits = match amount {
        amount if amount < 9.995 => 2,
        amount if amount < 99.95 => 1,
        _ => 0,
    };
    format!("{amount:.digits$} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("10 GB", 10_000_000_000),
            ("1.5TiB", 3 << 39),
            ("4096", 4096),
            ("0", 0),
            (" 0.5 kB ", 500),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for bad in [
            "",
            "GB",
            "10 gigs",
            "-1",
            "1.2.3 GB",
            "1e9",
            "99999999999 TB",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn people_are_shown_three_digits() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (12_345, "12.3 kB"),
            (999_499, "999 kB"),
            (999_700, "1.00 MB"),
            (10_000_000_000, "10.0 GB"),
            (1_234_000_000_000, "1.23 TB"),
        ] {
            assert_eq!(rough(bytes), text);
        }
    }

    #[test]
    fn amounts_are_shown_as_they_are_read() {
        for bytes in [0, 1, 1_500, 4_096, 10_000_000_000, 1 << 40, u64::MAX] {
            assert_eq!(parse(&exact(bytes)), Ok(bytes));
        }
        assert_eq!(exact(10_000_000_000), "10 GB");
    }
}
