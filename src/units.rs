//! Sizes and durations as a policy writes them.
//!
//! In: text such as `2 GiB` or `10m`. Out: a value that cannot be zero, or an error that names the unit.
#![forbid(unsafe_code)]

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

/// A size limit in bytes; zero is not a limit, so it cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(NonZeroU64);

/// A time limit; zero is not a limit, so it cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

/// Why a value with a unit was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// The unit is not one of the known ones.
    #[error("unknown unit `{found}`; use one of {known}")]
    Unit {
        /// What was written.
        found: String,
        /// What would be understood.
        known: &'static str,
    },
    /// Zero, no number, or more than fits.
    #[error("`{0}` is not a positive number in range")]
    Range(String),
}

impl ByteSize {
    /// The size in bytes.
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl Period {
    /// A period that a program made up rather than a policy.
    ///
    /// # Errors
    /// [`UnitError::Range`] for zero.
    pub fn new(duration: Duration) -> Result<Self, UnitError> {
        if duration.is_zero() { Err(UnitError::Range("0".into())) } else { Ok(Self(duration)) }
    }

    /// The period as the standard library takes it.
    pub fn get(self) -> Duration {
        self.0
    }
}

/// Splits `10 MiB` into its number and its unit.
fn number_and_unit(text: &str) -> Result<(u64, &str), UnitError> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.strip_suffix(unit).unwrap_or(text);
    let number = digits.parse().map_err(|_| UnitError::Range(text.to_owned()))?;
    Ok((number, unit.trim()))
}

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = number_and_unit(text.trim())?;
        let scale = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            other => {
                let known = "B, KiB, MiB, GiB, TiB";
                return Err(UnitError::Unit { found: other.to_owned(), known });
            }
        };
        let bytes = number.checked_mul(scale).and_then(NonZeroU64::new);
        bytes.map(Self).ok_or_else(|| UnitError::Range(text.to_owned()))
    }
}

impl FromStr for Period {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = number_and_unit(text.trim())?;
        let scale = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            other => {
                let known = "ms, s, m, h, d";
                return Err(UnitError::Unit { found: other.to_owned(), known });
            }
        };
        let millis = number.checked_mul(scale).filter(|millis| *millis > 0);
        millis.map(|millis| Self(Duration::from_millis(millis))).ok_or_else(|| UnitError::Range(text.to_owned()))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.get();
        let units = [(1_u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match units.into_iter().find(|(scale, _)| bytes.is_multiple_of(*scale)) {
            Some((scale, unit)) => write!(f, "{} {unit}", bytes / scale),
            None => write!(f, "{bytes} B"),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
        match units.into_iter().find(|(scale, _)| millis.is_multiple_of(*scale)) {
            Some((scale, unit)) => write!(f, "{}{unit}", millis / scale),
            None => write!(f, "{millis}ms"),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn byte_size_accepts_only_positive_sizes_with_known_units() {
        let unit = |found: &str| UnitError::Unit { found: found.into(), known: "B, KiB, MiB, GiB, TiB" };
        let cases = [
            ("binary unit after a space", "4 MiB", Ok(4 << 20)),
            ("no unit means bytes", "512", Ok(512)),
            ("zero is no limit", "0", Err(UnitError::Range("0".into()))),
            ("overflow is refused", "99999999 TiB", Err(UnitError::Range("99999999 TiB".into()))),
            ("decimal units are ambiguous", "4MB", Err(unit("MB"))),
            ("a sign is no number", "-1", Err(UnitError::Range("-1".into()))),
        ];
        for (why, input, want) in cases {
            assert_eq!(input.parse::<ByteSize>().map(ByteSize::get), want, "{why}: {input:?}");
        }
    }

    #[test]
    fn periods_need_a_unit_and_print_as_they_are_written() {
        for text in ["250ms", "10s", "5m", "1h", "2d"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        assert!("10".parse::<Period>().is_err(), "a bare number could be seconds or minutes");
        assert!("0s".parse::<Period>().is_err());
    }
}
