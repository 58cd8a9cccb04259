//! MusicFS under a real systemd: the units of `dist/` and lines of fstab (UP-4, FS-13).

mod machine;

use std::time::Instant;

use self::machine::{Machine, song};
use crate::world::{LIMIT, not_tested};

/// The song in a mount.
const SONG: &str = "Ann/Box [FLAC]/01 - Song.flac";

/// Ann's configuration.
const CONFIG: &str = "/home/ann/.config/musicfs/config.toml";
const LIBRARY: &str = "mountpoint = \"~/view\"\norigins = [{ path = \"/srv/music\" }]\n";

/// How ann's own service manager is asked.
const ANN: &str = "runuser -u ann -- env XDG_RUNTIME_DIR=/run/user/1000 systemctl --user";

/// A unit of `dist/` that serves ann's library.
struct Service {
    machine: Machine,
    /// The command that asks its service manager.
    systemctl: &'static str,
    unit: &'static str,
    /// Where its drop-ins are.
    drop_ins: &'static str,
}

impl Service {
    fn new(systemctl: &'static str, unit: &'static str, drop_ins: &'static str) -> Self {
        let mut machine = Machine::boot("");
        // Those of users come a moment after the machine is up.
        machine.until("its service manager answers", |machine| {
            let asked = machine.run(&format!("{systemctl} list-units"));
            asked.status.success()
        });
        machine.write(CONFIG, LIBRARY);
        // As private as homes can be: what unmounts for ann has to get there, too.
        machine.told("mkdir /home/ann/view && chown -R ann: /home/ann && chmod 700 /home/ann");
        Self {
            machine,
            systemctl,
            unit,
            drop_ins,
        }
    }

    fn ask(&self, command: &str) -> String {
        let Self {
            systemctl, unit, ..
        } = self;
        self.machine.told(&format!("{systemctl} {command} {unit}"))
    }

    /// Runs it with other settings from its next start on.
    fn set(&self, settings: &str) {
        let path = format!("{}/test.conf", self.drop_ins);
        self.machine.write(&path, &format!("[Service]\n{settings}"));
        self.machine
            .told(&format!("{} daemon-reload", self.systemctl));
    }

    fn property(&self, name: &str) -> String {
        self.ask(&format!("show --value --property={name}"))
    }

    /// The mount answers now, to somebody outside the service.
    fn answers(&self) -> bool {
        let read = "timeout 5 runuser -u ann -- cat ~ann/view/.status/version";
        self.machine.run(read).status.success()
    }

    /// The song comes, as it is on the origin.
    fn plays(&mut self) {
        let read = format!("timeout 5 runuser -u ann -- cat ~ann/view/'{SONG}'");
        self.machine.until("the song is there", |machine| {
            machine.run(&read).stdout == song()
        });
    }

    /// Sends the daemon a signal, and waits until another one serves in its place.
    fn survives(&mut self, signal: &str) {
        let before = self.property("MainPID");
        self.machine.told(&format!("kill -{signal} {before}"));
        let began = Instant::now();
        let replaced = |service: &Self| {
            let now = service.property("MainPID");
            now != "0" && now != before && service.property("ActiveState") == "active"
        };
        while !replaced(self) {
            assert!(began.elapsed() < LIMIT, "{}", self.machine.messages());
        }
        assert!(self.answers(), "{}", self.machine.messages());
        self.plays();
    }

    /// A changed configuration is put in force while it serves; one that is wrong is refused.
    fn reloads(&mut self) {
        let daemon = self.property("MainPID");
        self.machine
            .write(CONFIG, &format!("{LIBRARY}log.level = \"debug\"\n"));
        self.ask("reload");
        let Self {
            systemctl, unit, ..
        } = self;
        self.machine.write(CONFIG, "mountpoint = \n");
        let refused = self.machine.run(&format!("{systemctl} reload {unit}"));
        assert!(!refused.status.success());
        self.machine.write(CONFIG, LIBRARY);
        self.ask("reload");
        assert_eq!(self.property("MainPID"), daemon);
        self.plays();
    }

    /// Everything that a service has to stand.
    fn stands_everything(&mut self) {
        self.set("WatchdogSec=2\nRestartSec=100ms\n");
        self.ask("start");
        assert!(self.answers(), "started means mounted");
        self.plays();
        self.ask("restart");
        assert!(self.answers(), "restarted means mounted");
        self.plays();
        self.survives("KILL");
        // It hangs: the watchdog finds out.
        self.survives("STOP");
        self.reloads();
        self.ask("stop");
        assert!(self.machine.mounts().is_empty());
        assert_eq!(self.property("Result"), "success");

        // With nobody to start it again, nothing is left of it.
        self.set("Restart=no\n");
        self.ask("start");
        assert_eq!(self.machine.mounts(), ["/home/ann/view"]);
        let daemon = self.property("MainPID");
        self.machine.told(&format!("kill -KILL {daemon}"));
        self.machine.until("the mount is cleared", |machine| {
            machine.mounts().is_empty()
        });

        for message in ["mounted within", "Watchdog timeout", "stopped within"] {
            let told = format!("the journal has {message:?}");
            self.machine
                .until(&told, |machine| machine.messages().contains(message));
        }
    }
}

fn may_boot() -> bool {
    let may = rustix::process::geteuid().is_root();
    if !may {
        not_tested("only root may boot a system");
    }
    may
}

#[test]
fn a_service_of_the_machine_stands_everything() {
    if may_boot() {
        let drop_ins = "/etc/systemd/system/musicfs@ann.service.d";
        Service::new("systemctl", "musicfs@ann", drop_ins).stands_everything();
    }
}

#[test]
fn a_service_of_a_user_stands_everything() {
    if may_boot() {
        let drop_ins = "/etc/systemd/user/musicfs.service.d";
        Service::new(ANN, "musicfs", drop_ins).stands_everything();
    }
}

#[test]
fn lines_of_fstab_are_mounted_at_boot_and_on_demand() {
    if !may_boot() {
        return;
    }
    let mut machine = Machine::boot(
        "/srv/music /mnt/music musicfs allow_other,_netdev,nofail,x-systemd.mount-timeout=30s 0 0\n\
         /srv/music /mnt/later musicfs noauto,x-systemd.automount,state_dir=/var/lib/later 0 0\n",
    );
    let plays = |machine: &mut Machine, place: &str, user: &str| {
        let read = format!("timeout 20 runuser -u {user} -- cat '{place}/{SONG}'");
        machine.until("the song is there", |machine| {
            machine.run(&read).stdout == song()
        });
    };
    assert!(machine.mounts().contains(&"/mnt/music".to_owned()));
    // Any user, as the line says.
    plays(&mut machine, "/mnt/music", "ann");
    let wanted = machine.told("systemctl show --value --property=WantedBy mnt-music.mount");
    assert_eq!(wanted, "remote-fs.target", "what _netdev asks for");

    // The one before is still on its way out.
    for _ in 0..3 {
        machine.told("systemctl restart mnt-music.mount");
        plays(&mut machine, "/mnt/music", "ann");
    }
    machine.told("kill -KILL $(cat /var/lib/musicfs/lock)");
    machine.told("systemctl restart mnt-music.mount");
    plays(&mut machine, "/mnt/music", "ann");
    machine.told("systemctl stop mnt-music.mount");
    assert!(machine.mounts().is_empty());

    if !std::path::Path::new("/dev/autofs").exists() {
        return not_tested("this kernel mounts nothing on demand");
    }
    plays(&mut machine, "/mnt/later", "root");
    assert_eq!(machine.mounts(), ["/mnt/later"]);
}
