"""The figures of the specification's table of performance, each a function of the setting."""
import json
import os
import random
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .plot import growth_plot
from .table import median, timed


@dataclass
class Setting:
    work: Path
    binaries: Path
    tracks: int
    large: int
    runs: int
    report: object

    def library(self, tracks):
        """A folder of that many files, made once."""
        path = self.work / f"library-{tracks}"
        if not path.exists():
            maker = Path(__file__).parent.parent / "library.py"
            subprocess.run(["python3", maker, path, str(tracks)], check=True)
        return path

    def seeded(self, tracks):
        """A state directory whose log has that many tracks of an origin that is not there."""
        path = self.work / f"state-{tracks}"
        if not path.exists():
            seed = self.binaries / "examples" / "seed"
            subprocess.run([seed, path, str(tracks)], check=True)
        return path

    def fresh(self, name):
        path = self.work / name
        subprocess.run(["rm", "-rf", path], check=True)
        path.mkdir()
        return path


class MusicFS:
    """A daemon in the background, for as long as a `with` block."""

    def __init__(self, setting, state, *more, origin=None, wait=True):
        self.tool = setting.binaries / "musicfs"
        self.mnt = setting.work / "mnt"
        self.mnt.mkdir(exist_ok=True)
        self.state, self.more, self.wait = state, more, wait
        self.origin = ["--origin", f"bench={origin}"] if origin else []

    def __enter__(self):
        began = time.monotonic()
        subprocess.run([self.tool, "mount", self.mnt, "--daemon", "--state-dir", self.state,
                        *self.origin, *self.more], check=True)
        os.listdir(self.mnt)
        self.first_ls = time.monotonic() - began
        if self.wait:
            # One process that waits; asking again and again would take the time that is measured.
            follow = [self.tool, "events", "--follow", "--type", "scan.finished", "--state-dir", self.state]
            with subprocess.Popen(follow, stdout=subprocess.PIPE) as events:
                events.stdout.readline()
                events.terminate()
            while self.status()["state"] != "ready":
                time.sleep(0.01)
        self.ready = time.monotonic() - began
        return self

    def status(self):
        output = subprocess.run([self.tool, "status", "--json", "--state-dir", self.state],
                                stdout=subprocess.PIPE, check=False).stdout
        return json.loads(output)

    def memory(self, field="VmRSS"):
        pid = (self.state / "lock").read_text().strip()
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise KeyError(field)

    def __exit__(self, *_):
        subprocess.run([self.tool, "shutdown", "--state-dir", self.state], check=True,
                       stdout=subprocess.DEVNULL)


def files(root, limit=None):
    found = []
    for folder, _, names in os.walk(root):
        found += (os.path.join(folder, name) for name in names)
        if limit and len(found) >= limit:
            break
    return found


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def mount_to_ls(setting, peers):
    """PERF-1, VIEW-7"""
    rows = {}
    for tracks in (1_000, setting.large):
        state, times = setting.seeded(tracks), []
        with MusicFS(setting, state, wait=False) as daemon:  # the views are built once
            while any(view["position"] < daemon.status()["position"] for view in daemon.status()["views"]):
                time.sleep(0.2)
        for _ in range(setting.runs):
            with MusicFS(setting, state, wait=False) as daemon:
                times.append(daemon.first_ls)
        rows[tracks] = median(times)
        with MusicFS(setting, state, wait=False) as daemon:
            names = len(os.listdir(daemon.mnt))
        setting.report.note(f"The root of the library of {tracks:,} tracks has {names:,} names to list.")
    for tracks, value in rows.items():
        setting.report.row("PERF-1", f"mount to first ls, {tracks:,} tracks", "ms", "< 100 ms", musicfs=value)


def memory(setting, peers):
    """PERF-2"""
    with MusicFS(setting, setting.seeded(setting.large), wait=False) as daemon:
        time.sleep(2)
        setting.report.row("PERF-2", f"RSS idle, {setting.large:,} tracks", "MB", "< 50 MB",
                           musicfs=daemon.memory())
        subprocess.run(["find", daemon.mnt, "-printf", ""], check=True)
        setting.report.row("PERF-2", f"RSS after find over {setting.large:,} tracks, and its peak", "MB",
                           "< 500 MB", musicfs=daemon.memory("VmHWM"))
    with MusicFS(setting, setting.fresh("state-memory"), origin=setting.library(setting.tracks)) as daemon:
        for path in files(daemon.mnt, 1_000)[:1_000]:
            Path(path).read_bytes()
        setting.report.row("PERF-2", "RSS, 1,000 files read", "MB", "< 200 MB", musicfs=daemon.memory())
        setting.report.row("PERF-2", f"peak RSS, first scan of {setting.tracks:,}", "MB", "< 500 MB",
                           musicfs=daemon.memory("VmHWM"))


def sample(paths, seed):
    return random.Random(seed).sample(paths, min(len(paths), 10_000))


def repeated(root, runs):
    """Seconds of a repeated stat, and of the first and the later finds."""
    find = ["find", str(root), "-type", "f", "-size", "+0", "-printf", ""]
    first = timed(find)
    later = [timed(find) for _ in range(runs)]
    paths = sample(files(root), 1)
    stats = []
    for _ in range(runs):
        began = time.monotonic()
        for path in paths:
            os.stat(path)
        stats.append((time.monotonic() - began) / len(paths))
    return first, median(later), median(stats)


def listing(setting, peers):
    """PERF-3"""
    library = setting.library(setting.tracks)
    found = {"native": repeated(library, setting.runs)}
    with MusicFS(setting, setting.fresh("state-listing"), origin=library) as daemon:
        found["musicfs"] = repeated(daemon.mnt, setting.runs)
    for peer in (peers.Bindfs, peers.Musefs):
        if not peer.available():
            setting.report.note(f"{peer.name} was not installed")
            continue
        with peer(setting, library) as other:
            found[peer.name] = repeated(other.mnt, setting.runs)
    texts = ("first find", "repeated find", "repeated stat")
    for index, (text, unit, target) in enumerate(
            zip(texts, ("s", "s", "µs"), ("", "≤ 3 × native", "≤ 1.2 × native"))):
        setting.report.row("PERF-3", f"{text}, {setting.tracks:,} files", unit, target,
                           **{name: values[index] for name, values in found.items()})


def first_stat(setting, peers):
    """PERF-4"""
    with MusicFS(setting, setting.fresh("state-stat"), origin=setting.library(setting.tracks)) as daemon:
        wanted = sample(files(daemon.mnt), 2)
    with MusicFS(setting, setting.work / "state-stat", origin=setting.library(setting.tracks)) as daemon:
        times = []
        parents = {os.path.dirname(path) for path in wanted}
        for parent in parents:
            os.stat(parent)
        for path in wanted:
            began = time.perf_counter()
            os.stat(path)
            times.append(time.perf_counter() - began)
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        setting.report.row("PERF-4", f"first stat of a name, {name}", "µs", "p99 < 100 µs",
                           musicfs=quantile(times, share))


def wide_directory(setting, peers):
    """PERF-5"""
    flat = setting.work / "flat"
    if not flat.exists():
        flat.mkdir()
        for index, path in enumerate(files(setting.library(setting.tracks))):
            os.link(path, flat / f"{index:07}{os.path.splitext(path)[1]}")
    count = len(os.listdir(flat))
    config = setting.work / "flat.toml"
    config.write_text('[layout]\ntemplate = "All/$filename.$format"\n')
    found = {"native": [], "musicfs": []}
    with MusicFS(setting, setting.fresh("state-flat"), "--config", str(config), origin=flat):
        pass
    for _ in range(setting.runs):
        with MusicFS(setting, setting.work / "state-flat", "--config", str(config), origin=flat) as daemon:
            for name, path in (("native", flat), ("musicfs", daemon.mnt / "All")):
                began = time.monotonic()
                assert len(os.listdir(path)) == count
                found[name].append(time.monotonic() - began)
    setting.report.row("PERF-5", f"first readdir of {count:,} entries", "ms", "< 200 ms",
                       **{name: median(values) for name, values in found.items()})


def throughput(path, runs):
    size, times = os.path.getsize(path), []
    buffer = bytearray(1 << 20)
    for _ in range(runs + 1):
        began = time.monotonic()
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
        times.append(time.monotonic() - began)
    return size / median(times[1:])


def sequential(setting, peers):
    """PERF-6"""
    music = setting.fresh("big")
    template = files(setting.library(1_000))[0]
    header = Path(template).read_bytes()
    with open(music / ("big" + os.path.splitext(template)[1]), "wb") as file:
        file.write(header)
        file.truncate(1 << 30)
    with open(music / ("big" + os.path.splitext(template)[1]), "r+b") as file:
        file.seek(1 << 20)
        block = os.urandom(1 << 20)
        for _ in range(1023):
            file.write(block)
    native = throughput(files(music)[0], setting.runs)
    with MusicFS(setting, setting.fresh("state-big"), origin=music) as daemon:
        passthrough = throughput(files(daemon.mnt)[0], setting.runs)
    with MusicFS(setting, setting.work / "state-big", "-o", "nopassthrough", origin=music) as daemon:
        plain = throughput(files(daemon.mnt)[0], setting.runs)
    others = {}
    for peer in (peers.Bindfs, peers.Musefs):
        if peer.available():
            with peer(setting, music) as other:
                others[peer.name] = throughput(files(other.mnt)[0], setting.runs)
    setting.report.row("PERF-6", "1 GiB read again, passthrough (root)", "MB/s", "≥ 0.9 × native",
                       musicfs=passthrough, native=native, **others)
    setting.report.row("PERF-6", "1 GiB read again, plain path", "MB/s", "≥ 1,000 MB/s",
                       musicfs=plain, native=native, **others)


def scans(setting, peers):
    """PERF-9, PERF-10"""
    library = setting.library(setting.tracks)
    first, again = [], []
    for _ in range(min(setting.runs, 3)):
        state = setting.fresh("state-scan")
        with MusicFS(setting, state, origin=library) as daemon:
            first.append(daemon.ready)
        with MusicFS(setting, state, origin=library) as daemon:
            rescan = ["origin", "rescan", "bench", "--state-dir", state]
            again += [timed([daemon.tool, *rescan]) for _ in range(setting.runs)]
    found = {"native": (timed(["find", str(library), "-printf", "%s %T@\n"]),) * 2,
             "musicfs": (median(first), median(again))}
    for peer in (peers.Musefs, peers.Mpd, peers.Beets):
        if peer.available():
            found[peer.name] = peer.scans(setting, library)
        else:
            setting.report.note(f"{peer.name} was not installed")
    setting.report.row("PERF-9", f"first scan of {setting.tracks:,} files", "s",
                       "≥ 3 × musefs, 2 × MPD, 50 × beets",
                       **{name: values[0] for name, values in found.items()})
    setting.report.row("PERF-10", "rescan, nothing changed", "s", "< 1 s, faster than musefs",
                       **{name: values[1] for name, values in found.items()})
    setting.report.note("A repeated stat leaves the kernel in neither; through FUSE it checks each part "
                        "of the path once more.")
    setting.report.note(f"beets imports {peers.Beets.SAMPLE:,} of the files; its time is scaled up.")


def log(setting, peers):
    """LOG-8"""
    bench = ["cargo", "bench", "-p", "musicfs-eventlog", "--bench", "log", "--", "300000", setting.work]
    root = Path(__file__).parent.parent.parent
    said = subprocess.run(bench, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout
    rounds = re.findall(r"append (\d+)/s, open ([\d.]+) ms, replay (\d+)/s", said)
    appended, _, replayed = (median(map(float, values)) for values in zip(*rounds))
    setting.report.row("LOG-8", "events appended, durable, 1,000 at a time", "/s", "≥ 200,000/s",
                       musicfs=appended)
    setting.report.row("LOG-8", "events replayed from disk through decoding", "/s", "≥ 500,000/s",
                       musicfs=replayed)


def growth(setting, peers):
    """PERF-12"""
    tracks, grown = 10_000, []
    while tracks <= setting.large:
        state = setting.fresh("state-growth")
        seed = setting.binaries / "examples" / "seed"
        appended = timed([seed, state, str(tracks)])
        tool = setting.binaries / "musicfs"
        timed([tool, "replay", "--check", "--state-dir", state])  # the first one makes the views
        folded = timed([tool, "replay", "catalog", "tree", "--state-dir", state])
        with MusicFS(setting, state, wait=False) as daemon:
            time.sleep(1)
            resident = daemon.memory()
            size = sum(file.stat().st_size for file in state.rglob("*") if file.is_file())
        for what, unit, value in (("append, a track", "µs", appended / tracks),
                                  ("tree and catalog rebuilt, a track", "µs", folded / tracks),
                                  ("state on disk, a thousand tracks", "MB", size / tracks * 1000),
                                  ("RSS idle", "MB", resident)):
            setting.report.row("PERF-12", f"{tracks:,} tracks: {what}", unit, "flat", musicfs=value)
        grown.append((tracks, appended / tracks, folded / tracks, resident))
        if tracks == setting.large:
            setting.report.row("PERF-11", f"rebuild of tree and catalog, {tracks:,} tracks", "s", "< 30 s",
                               musicfs=folded)
        tracks *= 10
    setting.report.plot("growth.svg", growth_plot(grown), "Cost of a track as the library grows (PERF-12)")


ALL = [mount_to_ls, memory, listing, first_stat, wide_directory, sequential, scans, log, growth]
