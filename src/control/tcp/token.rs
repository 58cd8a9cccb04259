//! The token that TCP control takes (SEC-2).

use std::fmt;
use std::path::Path;

use subtle::ConstantTimeEq;
use tonic::metadata::{Ascii, MetadataValue};
use zeroize::Zeroizing;

use crate::config::Env;
use crate::report::{Kind, Report, Result, plain};

/// The variable that holds the token itself, for daemon and client; it wins over a file.
pub const TOKEN_VARIABLE: &str = "MUSICFS_CONTROL_TOKEN";

/// Fewest characters of a token: as many as 16 random bytes have in Base64, nearly.
const LEAST: usize = 20;
/// Most characters, so that it fits a header.
const MOST: usize = 1024;

/// What who calls over TCP has to know. Never shown, and wiped from memory when dropped.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// A token out of its text; blanks and line ends around it do not count.
    ///
    /// # Errors
    /// Where it could be guessed, or does not fit a header; says what it has to be.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if !(LEAST..=MOST).contains(&text.len())
            || !text.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(
                "a token has 20 to 1024 letters, digits and signs of ASCII, without blanks",
            );
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The token of the environment, else the one that a file holds; `None` where neither is given.
    /// `name` is what the file was given by.
    ///
    /// # Errors
    /// [`Kind::Config`], naming the variable or the file, and never what it holds.
    pub fn find(name: &str, file: Option<&Path>, env: Env<'_>) -> Result<Option<Self>> {
        let hint = "make one with `openssl rand -hex 32`";
        if let Some(text) = env(TOKEN_VARIABLE).map(Zeroizing::new) {
            let token = Self::new(&text).map_err(|why| {
                Report::new(Kind::Config, format!("{TOKEN_VARIABLE}: {why}")).hint(hint)
            });
            return token.map(Some);
        }
        let Some(file) = file else {
            return Ok(None);
        };
        let shown = file.display();
        let text = std::fs::read_to_string(file).map(Zeroizing::new);
        let text = text.map_err(|error| {
            let why = plain(&error);
            Report::new(Kind::Config, format!("{name}: cannot read {shown}: {why}"))
                .hint("a token file holds one line: the token")
        })?;
        let token = Self::new(&text)
            .map_err(|why| Report::new(Kind::Config, format!("{name}: {shown}: {why}")).hint(hint));
        token.map(Some)
    }

    /// Compares in a time that tells nothing but the length.
    #[must_use]
    pub fn is(&self, other: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(other).into()
    }

    /// The header that shows it (RFC 6750 §2.1).
    pub(in crate::control) fn header(&self) -> Option<MetadataValue<Ascii>> {
        let text = Zeroizing::new(format!("Bearer {}", *self.0));
        let mut value: MetadataValue<Ascii> = text.parse().ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.is(other.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// The token of an `authorization` header; its scheme may be written in any case.
pub(super) fn shown(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn only_the_same_token_is_it() {
        let token = Token::new(&format!(" {TEXT}\n")).unwrap();
        assert!(token.is(TEXT.as_bytes()));
        for other in ["", "0123456789abcdef0123456789abcdeF", &TEXT[1..]] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
        assert!(!format!("{token:?} {:?}", token.header()).contains("0123"));
    }

    #[test]
    fn tokens_that_can_be_guessed_or_sent_by_no_header_are_refused() {
        for text in [
            "",
            "secret",
            "0123456789 abcdef 0123456789",
            "löwe-löwe-löwe-löwe-löwe",
        ] {
            assert!(Token::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn headers_show_tokens() {
        let cases: [(&[u8], Option<&[u8]>); 4] = [
            (b"Bearer abc", Some(b"abc")),
            (b"bearer abc", Some(b"abc")),
            (b"Basic abc", None),
            (b"", None),
        ];
        for (header, token) in cases {
            assert_eq!(shown(header), token);
        }
    }

    #[test]
    fn the_environment_wins_and_errors_keep_the_secret() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "hunter2").unwrap();
        let none: Env<'_> = &|_| None;
        let report = Token::find("--token-file", Some(&file), none).unwrap_err();
        assert!(report.message().contains(&file.display().to_string()));
        assert!(!format!("{report:?}").contains("hunter2"));
        let by_env: Env<'_> = &|name| (name == TOKEN_VARIABLE).then(|| TEXT.to_owned());
        let token = Token::find("--token-file", Some(&file), by_env).unwrap();
        assert!(token.unwrap().is(TEXT.as_bytes()));
        assert!(Token::find("x", None, none).unwrap().is_none());
    }
}
