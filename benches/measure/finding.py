"""Search and collections."""
import os
import re
import subprocess
import time
from pathlib import Path

from .figures import MusicFS, quantile
from .table import median

# What is asked for most, and what costs most: a word anywhere, plays, a window of time, all at once.
COLLECTIONS = {
    "By artist": "artist:artist",
    "Loud": "title:title AND NOT genre:jazz SORT title LIMIT 1000",
    "Unplayed": "plays:0 AND year:[1990 TO 1999] SORT added DESC LIMIT 1000",
    "All at once": "(title:title OR album:album) AND added:<30d AND plays:<4 SORT date LIMIT 1000",
}


def search(setting, peers):
    """FIND-2"""
    bench = ["cargo", "bench", "-p", "musicfs-search", "--", str(setting.large)]
    root = Path(__file__).parent.parent.parent
    said = subprocess.run(bench, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout
    row = setting.report.row
    for name, value, unit in re.findall(r"^(index.*?|memory.*?|a new track.*?) +([\d.]+) (ms|MB)$", said, re.M):
        wanted = "< 2 s" if name.startswith("a new track") else ""
        row("FIND-2", f"{setting.large:,} tracks: {name}", unit, wanted,
            musicfs=float(value) * (1e6 if unit == "MB" else 1e-3))
    for name, _, p99 in re.findall(r"^(.+?) +([\d.]+) ms, p99 +([\d.]+) ms$", said, re.M):
        wanted = "< 50 ms" if "misspelt" in name else "< 10 ms"
        row("FIND-2", f"{setting.large:,} tracks: {name}, p99", "ms", wanted, musicfs=float(p99) / 1e3)


def collections(setting, peers):
    """FIND-3"""
    with MusicFS(setting, setting.seeded(setting.tracks), wait=False) as daemon:
        while any(view["position"] < daemon.status()["position"] for view in daemon.status()["views"]):
            time.sleep(0.2)
        add = [daemon.tool, "collection", "add", "--state-dir", daemon.state]
        for name, query in COLLECTIONS.items():
            subprocess.run([*add, name, query], check=True, stdout=subprocess.DEVNULL)
        shown = daemon.mnt / ".collections"
        times = {}
        for name in os.listdir(shown):
            if name.endswith(".m3u8"):
                continue
            for _ in range(setting.runs):
                began = time.monotonic()
                os.listdir(shown / name)
                times.setdefault(name, []).append(time.monotonic() - began)
                time.sleep(1)  # what was listed is remembered for a moment
    worst = {name: median(each) for name, each in times.items()}
    for what, value in (("median", quantile(worst.values(), 0.5)), ("slowest", max(worst.values()))):
        setting.report.row("FIND-3", f"{setting.tracks:,} tracks: a collection listed, {what} of {len(worst)}",
                           "ms", "< 100 ms", musicfs=value)
    setting.report.note(f"The slowest collection was {max(worst, key=worst.get)}.")


ALL = [search, collections]
