//! Servers that ask for a password, in either of two ways. sshd knows only the passwords of the
//! machine's own users, so the login is of a server made here; behind it is OpenSSH's sftp-server.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use origins::{ErrorKind, Secret, SftpLogin, SftpSettings};
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Response, Session, run_stream};
use russh::{Channel, ChannelId, MethodKind, MethodSet};
use tokio::net::TcpListener;
use tokio::process::Command;

use super::support::origin;
use crate::support::Folder;

/// How a server wants to be told the password.
#[derive(Clone, Copy, PartialEq)]
enum Asks {
    /// As itself.
    Plainly,
    /// As the answer to a question.
    Question,
    /// As one of two answers, of which the other is no password.
    TwoQuestions,
    /// As an answer that everybody sees.
    Aloud,
}

struct Gate {
    asks: Asks,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

fn no() -> Auth {
    Auth::reject()
}

impl Handler for Gate {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        let right = (user, password) == ("listener", "open sesame");
        Ok(if right && self.asks == Asks::Plainly {
            Auth::Accept
        } else {
            no()
        })
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        let question = |echo| (std::borrow::Cow::Borrowed("Password: "), echo);
        let questions = match self.asks {
            Asks::Plainly => return Ok(no()),
            Asks::Question => vec![question(false)],
            Asks::TwoQuestions => vec![question(false), question(false)],
            Asks::Aloud => vec![question(true)],
        };
        let Some(answers) = response else {
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: questions.into(),
            });
        };
        let answers: Vec<_> = answers.collect();
        assert!(self.asks == Asks::Question, "it was told the password");
        Ok(if answers.len() == 1 && *answers[0] == *b"open sesame" {
            Auth::Accept
        } else {
            no()
        })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_success(id)?;
        let mut stream = self.channels.remove(&id).unwrap().into_stream();
        let mut sftp = Command::new("/usr/lib/openssh/sftp-server")
            .arg("-R")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        tokio::spawn(async move {
            let (input, output) = (sftp.stdin.take().unwrap(), sftp.stdout.take().unwrap());
            let mut inside = tokio::io::join(output, input);
            // Ends when either side does.
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut inside).await;
            drop(inside);
            sftp.wait().await.unwrap();
        });
        Ok(())
    }
}

/// Starts a server; gives its port and public key.
async fn serve(asks: Asks) -> (u16, PublicKey) {
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]));
    let public = key.public_key().clone();
    let config = Arc::new(Config {
        methods: MethodSet::from(&[MethodKind::Password, MethodKind::KeyboardInteractive][..]),
        auth_rejection_time: std::time::Duration::ZERO,
        keys: vec![key],
        ..Config::default()
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let channels = HashMap::new();
            let session = run_stream(Arc::clone(&config), stream, Gate { asks, channels });
            tokio::spawn(async move { session.await.unwrap().await });
        }
    });
    (port, public)
}

async fn check(asks: Asks, password: &str) -> Result<(), origins::OriginError> {
    let folder = Folder::new();
    let (port, key) = serve(asks).await;
    let known_hosts = folder.outer().join("known_hosts");
    know(&known_hosts, port, &key);
    let settings = SftpSettings {
        host: "127.0.0.1".to_owned(),
        port,
        user: "listener".to_owned(),
        root: folder.root().into_os_string().into_encoded_bytes(),
        logins: vec![SftpLogin::Password(Secret::new(password.to_owned()))],
        known_hosts,
        connections: 1,
    };
    origin(settings).check().await
}

fn know(file: &Path, port: u16, key: &PublicKey) {
    let line = format!("[127.0.0.1]:{port} {}\n", key.to_openssh().unwrap());
    fs::write(file, line).unwrap();
}

#[tokio::test]
async fn a_password_lets_in() {
    check(Asks::Plainly, "open sesame").await.unwrap();
}

#[tokio::test]
async fn a_password_answers_the_only_question() {
    check(Asks::Question, "open sesame").await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_denied_and_not_shown() {
    for asks in [Asks::Plainly, Asks::Question] {
        let error = check(asks, "open barley").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        assert!(
            error.message.contains("the password: not accepted"),
            "{error}"
        );
        assert!(!error.message.contains("barley"));
    }
}

#[tokio::test]
async fn a_password_answers_no_other_questions() {
    for asks in [Asks::TwoQuestions, Asks::Aloud] {
        let error = check(asks, "open sesame").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    }
}
