"""How reads fare while others keep the daemon busy."""
import json
import os
import shutil
import subprocess
import threading

from .figures import MusicFS, files
from .table import median

READERS, FOLLOWERS, CALLERS = 32, 100, 50
SECONDS = 20
EVENTS_A_SECOND = 20


def streams(setting):
    """A folder of files to stream, and some small ones to move about."""
    folder = setting.work / "streams"
    if not folder.exists():
        folder.mkdir()
        for index, path in enumerate(files(setting.library(1_000))[:2 * READERS]):
            target = folder / f"{index}{os.path.splitext(path)[1]}"
            shutil.copy(path, target)
            if index < READERS:
                with open(target, "ab") as file:
                    for _ in range(16):
                        file.write(os.urandom(1 << 20))
    return folder


class Events:
    """Moves small files, for as long as a `with` block: each move is an event."""

    def __init__(self, folder):
        self.files = [folder / name for name in os.listdir(folder)]
        self.files = [path for path in self.files if path.stat().st_size < 1 << 20]
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.is_set():
            for path in self.files:
                moved = path.with_name("moved-" + path.name)
                for old, new in ((path, moved), (moved, path)):
                    os.rename(old, new)
                    self.over.wait(1 / EVENTS_A_SECOND)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def under_load(setting, peers):
    """UP-1, LOG-3: readers of files beside readers of events and callers"""
    load, folder = setting.binaries / "examples" / "load", streams(setting)
    found = {"alone": [], "beside": []}
    state = setting.fresh("state-load")
    # With passthrough, reads would not reach the daemon.
    with MusicFS(setting, state, "-o", "nopassthrough", origin=folder) as daemon, Events(folder):
        for _ in range(setting.runs):
            for name, others in (("alone", (0, 0)), ("beside", (FOLLOWERS, CALLERS))):
                command = [load, daemon.mnt, state, SECONDS, READERS, *others]
                said = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE).stdout
                found[name].append(json.loads(said))
    p99 = {name: median(run["p99"] for run in runs) for name, runs in found.items()}
    ratios = [beside["p99"] / alone["p99"] for alone, beside in zip(found["alone"], found["beside"])]
    calls, events = (median(run[what] for run in found["beside"]) / SECONDS for what in ("calls", "events"))
    row = setting.report.row
    row("LOAD", f"{READERS} files streamed: read of 128 KiB, p99", "µs", "", musicfs=p99["alone"])
    row("LOAD", f"the same beside {FOLLOWERS} readers of events and {CALLERS} callers", "µs",
        "≤ 1.5 × alone", musicfs=p99["beside"])
    row("LOAD", "median of the ratios", "", "≤ 1.5", musicfs=median(ratios))
    setting.report.note(f"LOAD: meanwhile {events:,.0f} events were delivered and {calls:,.0f} calls "
                        "answered a second, by the same cores that the readers run on.")
