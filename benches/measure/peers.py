"""Those that MusicFS is measured beside, each run as its documentation says."""
import os
import shutil
import socket
import subprocess
import time

from .table import median, timed


class Mounted:
    """A peer's mount of a library, for as long as a `with` block."""

    def __init__(self, setting, library):
        self.setting, self.library = setting, library
        self.mnt = setting.work / "peer-mnt"
        self.mnt.mkdir(exist_ok=True)
        self.process = None

    @classmethod
    def available(cls):
        return shutil.which(cls.name.lower()) is not None

    def wait(self):
        while not os.path.ismount(self.mnt):
            time.sleep(0.002)

    def __exit__(self, *_):
        subprocess.run(["fusermount3", "-u", self.mnt], check=True)
        if self.process:
            self.process.wait()


class Bindfs(Mounted):
    name = "bindfs"

    def __enter__(self):
        subprocess.run(["bindfs", "-o", "ro", self.library, self.mnt], check=True)
        return self


class Musefs(Mounted):
    name = "musefs"
    TEMPLATE = "$albumartist/$album/$track - $title"

    def __enter__(self):
        database = self.setting.work / f"musefs-{self.library.name}.db"
        if not database.exists():
            timed(["musefs", "scan", self.library, "--db", database])
        self.process = subprocess.Popen(
            ["musefs", "mount", self.mnt, "--db", database, "--template", self.TEMPLATE],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait()
        return self

    @classmethod
    def scans(cls, setting, library):
        """Seconds of the first scan, and of one that finds nothing changed."""
        first, again = [], []
        for _ in range(min(setting.runs, 3)):
            database = setting.work / "musefs-scan.db"
            for suffix in ("", "-wal", "-shm"):
                database.with_name(database.name + suffix).unlink(missing_ok=True)
            scan = ["musefs", "scan", library, "--db", database]
            first.append(timed(scan))
            again += [timed(scan) for _ in range(setting.runs)]
        return median(first), median(again)


class Mpd:
    name = "MPD"

    @classmethod
    def available(cls):
        return shutil.which("mpd") is not None and shutil.which("mpc") is not None

    def __init__(self, setting, library):
        self.folder = setting.fresh("mpd")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.config = self.folder / "mpd.conf"
        self.config.write_text(
            f'music_directory "{library}"\ndb_file "{self.folder}/db"\nlog_file "{self.folder}/log"\n'
            f'bind_to_address "127.0.0.1"\nport "{port}"\nauto_update "no"\n'
            'audio_output {\n  type "null"\n  name "null"\n}\n')
        self.mpc = ["mpc", "-h", "127.0.0.1", "-p", str(port)]

    def __enter__(self):
        self.server = subprocess.Popen(["mpd", "--no-daemon", self.config], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        while subprocess.run([*self.mpc, "version"], capture_output=True, check=False).returncode:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()

    def update(self):
        return timed([*self.mpc, "update", "--wait"])

    @classmethod
    def scan(cls, setting, library):
        """Seconds of a first scan."""
        with cls(setting, library) as mpd:
            return mpd.update()

    @classmethod
    def scans(cls, setting, library):
        first, again = [], []
        for _ in range(min(setting.runs, 3)):
            with cls(setting, library) as mpd:
                first.append(mpd.update())
                again += [mpd.update() for _ in range(setting.runs)]
        return median(first), median(again)


class Beets:
    """So slow that it is given a part of the files."""

    name = "beets"
    SAMPLE = 2_000

    @classmethod
    def available(cls):
        return shutil.which("beet") is not None

    @classmethod
    def scans(cls, setting, library):
        folder = setting.fresh("beets")
        sample = setting.library(cls.SAMPLE)
        config = folder / "config.yaml"
        config.write_text(f"directory: {folder}/music\nlibrary: {folder}/library.db\n"
                          "import:\n  copy: no\n  write: no\n")
        beet = ["beet", "-c", config, "import", "-A", "-q", "-C", "-W", sample]
        scale = setting.tracks / cls.SAMPLE
        first = timed(beet)
        return first * scale, timed([*beet[:4], "-i", *beet[4:]]) * scale
