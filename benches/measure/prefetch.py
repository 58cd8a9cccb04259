"""What fetching ahead saves who listens to an album, and how long it takes to tell what comes next."""
import json
import os
import shutil
import subprocess
import time

from .figures import MusicFS, files
from .remote import Counting, Server, configured

TRACKS, MEGABYTES, SECONDS = 8, 12, 15
LATENCY = 0.05
PREDICTED = 100_000


def album(setting):
    """A folder of one album, its tracks as large as they are on a disc."""
    folder = setting.work / "album"
    if not folder.exists():
        folder.mkdir()
        first = min(files(setting.library(1_000)))
        for name in sorted(os.listdir(os.path.dirname(first)))[:TRACKS]:
            shutil.copy(os.path.join(os.path.dirname(first), name), folder)
            with open(folder / name, "ab") as file:
                file.write(os.urandom(MEGABYTES << 20))
    return folder


def play(path):
    """Reads a file on and on, as fast as it plays."""
    piece = 64 << 10
    pause = SECONDS * piece / os.path.getsize(path)
    began = time.monotonic()
    with open(path, "rb", buffering=0) as file:
        count = 0
        while file.read(piece):
            count += 1
            time.sleep(max(0, began + count * pause - time.monotonic()))


def misses(setting, daemon):
    command = [daemon.tool, "cache", "stats", "--json", "--state-dir", daemon.state]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return json.loads(said)["since_start"]["misses"]


def listening(setting, peers):
    """CAS-9: an album that is played through, over SFTP"""
    music, user = album(setting), os.environ.get("USER", "root")
    found = {}
    with Server(setting, "sshd", music) as server, Counting(server.port, LATENCY / 2) as line:
        hosts = server.dir / "hosts"
        known = (server.dir / "known_hosts").read_text()
        hosts.write_text(known.replace(f":{server.port}", f":{line.port}"))
        origin = {"type": "sftp", "url": f"sftp://{user}@127.0.0.1:{line.port}{music}",
                  "key_file": server.dir / "user", "known_hosts": hosts}
        for name, enabled in (("without", "false"), ("with", "true")):
            state = setting.fresh(f"state-{name}")
            with configured(setting, state, origin, f"[prefetch]\nenabled = {enabled}\n") as daemon:
                before = misses(setting, daemon)
                for path in sorted(files(daemon.mnt)):
                    play(path)
                found[name] = misses(setting, daemon) - before
    row = setting.report.row
    what = f"an album of {TRACKS} tracks played over SFTP with {LATENCY * 1e3:.0f} ms: reads that waited for it"
    row("CAS-9", f"{what}, nothing fetched ahead", "misses", "", musicfs=found["without"])
    row("CAS-9", f"{what}, fetched ahead", "misses", "≥ 50 % fewer", musicfs=found["with"])


def predictions(setting, peers):
    """CAS-9: what comes next in a library of 100,000 tracks"""
    state = setting.seeded(PREDICTED)
    with MusicFS(setting, state, wait=False) as daemon:
        while any(view["lag"] for view in daemon.status()["views"]):
            time.sleep(0.05)
    predict = setting.binaries / "examples" / "predict"
    said = json.loads(subprocess.run([predict, state, str(PREDICTED)], stdout=subprocess.PIPE, check=True).stdout)
    assert said["found"], said
    row = setting.report.row
    row("CAS-9", f"what follows a track, told among {PREDICTED:,}, p99", "ms", "< 10 ms", musicfs=said["p99"])
    row("CAS-9", "the longest", "ms", "< 10 ms", musicfs=said["longest"])


ALL = (listening, predictions)
