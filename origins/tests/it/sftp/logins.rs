//! Who we are: keys, the agent, passwords.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use origins::{ErrorKind, Secret, SftpLogin};

use super::support::{Sshd, origin};

fn keygen(path: &Path, kind: &str, passphrase: &str) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-C", "", "-N", passphrase, "-f"])
        .arg(path)
        .status();
    assert!(made.unwrap().success());
}

/// Lets the server accept another key.
fn accept(sshd: &Sshd, key: &Path) {
    let keys = sshd.dir().join("authorized_keys");
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    fs::write(&keys, fs::read_to_string(&keys).unwrap() + &public).unwrap();
}

async fn check(sshd: &Sshd, logins: Vec<SftpLogin>) -> Result<(), origins::OriginError> {
    let mut settings = sshd.settings();
    settings.logins = logins;
    origin(settings).check().await
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[tokio::test]
async fn keys_of_several_kinds_let_in() {
    let sshd = Sshd::new();
    for (kind, passphrase) in [("ecdsa", ""), ("ed25519", "open sesame")] {
        let key = sshd.folder.outer().join(kind);
        keygen(&key, kind, passphrase);
        accept(&sshd, &key);
        let passphrase = (!passphrase.is_empty()).then(|| secret(passphrase));
        check(&sshd, vec![SftpLogin::Key(key, passphrase)])
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn what_is_refused_is_told_without_secrets() {
    let sshd = Sshd::new();
    let outer = sshd.folder.outer();
    let [stranger, locked, old]: [PathBuf; 3] =
        ["stranger", "locked", "old"].map(|name| outer.join(name));
    keygen(&stranger, "ed25519", "");
    keygen(&locked, "ed25519", "open sesame");
    keygen(&old, "rsa", "");
    fs::write(outer.join("rubbish"), "no key").unwrap();
    let logins = vec![
        SftpLogin::Key(stranger, None),
        SftpLogin::Key(locked.clone(), None),
        SftpLogin::Key(locked, Some(secret("open barley"))),
        SftpLogin::Key(outer.join("nowhere"), None),
        SftpLogin::Key(outer.join("rubbish"), None),
        SftpLogin::Key(old, None),
        SftpLogin::Password(secret("hunter2")),
    ];
    let error = check(&sshd, logins).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    let message = error.message;
    for told in [
        "stranger: not accepted",
        "locked: it is encrypted; give its passphrase",
        "locked: it cannot be decrypted; check its passphrase",
        "nowhere: it cannot be read: No such file",
        "rubbish: it is no private key",
        "old: RSA keys are not read from files",
        "the password: not accepted",
    ] {
        assert!(message.contains(told), "no {told:?} in {message}");
    }
    assert!(!message.contains("barley") && !message.contains("hunter2"));
}

#[tokio::test]
async fn the_second_way_is_taken_where_the_first_is_refused() {
    // One refusal, and the server ends the connection.
    let sshd = Sshd::with(&["MaxAuthTries", "1"]);
    let stranger = sshd.folder.outer().join("stranger");
    keygen(&stranger, "ed25519", "");
    let right = sshd.settings().logins.remove(0);
    let logins = vec![SftpLogin::Key(stranger, None), right];
    check(&sshd, logins).await.unwrap();
}

/// In a process of its own, since the agent is named by the environment.
#[test]
fn the_agent_lets_in() {
    if let Ok(port) = std::env::var("TEST_AGENT_PORT") {
        let dir = PathBuf::from(std::env::var("TEST_AGENT_DIR").unwrap());
        let settings = origins::SftpSettings {
            host: "127.0.0.1".to_owned(),
            port: port.parse().unwrap(),
            user: super::support::user(),
            root: b".".to_vec(),
            logins: vec![SftpLogin::Agent],
            known_hosts: dir.join("known_hosts"),
            connections: 1,
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(async { origin(settings).check().await.unwrap() });
    }
    let sshd = Sshd::new();
    let key = sshd.folder.outer().join("rsa");
    keygen(&key, "rsa", "");
    accept(&sshd, &key);
    let socket = sshd.folder.outer().join("agent");
    let mut agent = Command::new("ssh-agent")
        .args(["-D", "-a"])
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let added = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        let add = Command::new("ssh-add")
            .arg(&key)
            .env("SSH_AUTH_SOCK", &socket)
            .stderr(Stdio::null())
            .status();
        add.unwrap().success()
    });
    assert!(added);
    let asked = |socket: &Path| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sftp::logins::the_agent_lets_in"])
            .env("TEST_AGENT_PORT", sshd.server.port.to_string())
            .env("TEST_AGENT_DIR", sshd.dir())
            .env("SSH_AUTH_SOCK", socket)
            .output()
            .unwrap()
    };
    let answer = asked(&socket);
    let nobody = asked(&sshd.folder.outer().join("nobody"));
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(answer.status.success(), "{answer:?}");
    let said = String::from_utf8_lossy(&nobody.stdout).into_owned();
    assert!(said.contains("the agent: it cannot be reached"), "{said}");
}
