"""Files on other machines: what is kept of them, and what is asked of them, beside rclone's mount."""
import asyncio
import os
import random
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

from .figures import MusicFS, files, quantile
from .table import median

SERVERS = Path(__file__).resolve().parents[2] / "tests" / "servers"
STREAMS = 32
TRACKS = 2_000


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Server:
    """A server of `tests/servers`, for as long as a `with` block."""

    def __init__(self, setting, name, root):
        self.dir, self.root, self.port = setting.fresh("server"), root, free_port()
        self.command = [SERVERS / f"{name}.sh", self.dir, root, str(self.port)]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        while self.process.stdout.readline().strip() != b"ready":
            assert self.process.poll() is None, self.command
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Counting:
    """Passes connections on to a port, and counts what goes through, for as long as a `with` block."""

    def __init__(self, target, delay=0):
        """`delay` is how many seconds everything is under way, in each direction."""
        self.target, self.delay, self.port = target, delay, free_port()
        self.requests = self.bytes = 0

    async def pump(self, reader, writer, requests):
        try:
            while data := await reader.read(1 << 16):
                if requests:
                    self.requests += data.count(b" HTTP/1.1\r\n")
                else:
                    self.bytes += len(data)
                self.later(writer.write, data)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.later(writer.close)

    def later(self, call, *args):
        if self.delay:
            self.loop.call_later(self.delay, call, *args)
        else:
            call(*args)

    async def connected(self, reader, writer):
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(self.pump(reader, to_writer, True), self.pump(to_reader, writer, False))

    async def serve(self):
        self.over = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        async with await asyncio.start_server(self.connected, "127.0.0.1", self.port):
            self.ready.set()
            await self.over.wait()

    def __enter__(self):
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)
        self.thread.start()
        self.ready.wait()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join(5)

    def taken(self):
        """What went through since this was last asked."""
        taken = self.requests, self.bytes
        self.requests = self.bytes = 0
        return taken


class Rclone:
    """rclone's mount of a remote with the whole of its cache, for as long as a `with` block."""

    def __init__(self, setting, remote, cache):
        self.mnt, self.remote, self.cache = setting.work / "rclone-mnt", remote, cache
        self.mnt.mkdir(exist_ok=True)

    @classmethod
    def available(cls):
        return shutil.which("rclone") is not None

    def __enter__(self):
        self.process = subprocess.Popen(
            ["rclone", "mount", self.remote, self.mnt, "--vfs-cache-mode", "full", "--read-only",
             "--cache-dir", self.cache, "--dir-cache-time", "1h", "--config", "/dev/null"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not os.path.ismount(self.mnt):
            assert self.process.poll() is None, "rclone mount ended"
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        subprocess.run(["fusermount3", "-u", self.mnt], check=True)
        self.process.wait()


def configured(setting, state, origin, more=""):
    """The arguments of a daemon with that one origin."""
    config = setting.work / "config.toml"
    keys = "".join(f'{key} = "{value}"\n' for key, value in origin.items())
    config.write_text(f'[[origins]]\nid = "bench"\n{keys}\n[cache]\nsize = "50 GB"\n{more}')
    return MusicFS(setting, state, "--config", config)


def forget(path):
    """Has the kernel forget a file's pages, so that the filesystem is asked for each."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read(path):
    buffer = bytearray(1 << 20)
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def sequential(path, runs):
    """Bytes a second of reading what the filesystem has, and the kernel has not."""
    times = []
    for _ in range(runs + 1):
        forget(path)
        began = time.monotonic()
        read(path)
        times.append(time.monotonic() - began)
    return os.path.getsize(path) / median(times[1:])


def scattered(path, count=2_000):
    """Seconds of each of many reads of 128 KiB, here and there."""
    dice, times = random.Random(7), []
    forget(path)
    size = os.path.getsize(path)
    with open(path, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for _ in range(count):
            at = dice.randrange(size - (128 << 10))
            began = time.monotonic()
            os.pread(file.fileno(), 128 << 10, at)
            times.append(time.monotonic() - began)
    return times


def big(setting):
    """A folder of one file of 1 GiB, and some to be read side by side."""
    folder = setting.work / "remote-music"
    if folder.exists():
        return folder
    folder.mkdir()
    samples = files(setting.library(1_000))
    for index in range(STREAMS + 1):
        template = samples[index]
        target = folder / f"{index:02}{os.path.splitext(template)[1]}"
        shutil.copy(template, target)
        with open(target, "ab") as file:
            for _ in range(1_024 if index == 0 else 30):
                file.write(os.urandom(1 << 20))
    return folder


def content_store(setting, peers):
    """PERF-7, PERF-8, PERF-2: files behind SFTP"""
    music = big(setting)
    user = os.environ.get("USER", "root")
    with Server(setting, "sshd", music) as server:
        key = server.dir / "user"
        origin = {"type": "sftp", "url": f"sftp://{user}@127.0.0.1:{server.port}{music}",
                  "key_file": key, "known_hosts": server.dir / "known_hosts"}
        state = setting.fresh("state-remote")
        with configured(setting, state, origin) as daemon:
            paths = sorted(files(daemon.mnt), key=os.path.getsize)
            streams = [threading.Thread(target=read, args=(path,)) for path in paths[:-1]]
            began = time.monotonic()
            for stream in streams:
                stream.start()
            for stream in streams:
                stream.join()
            cold = sum(map(os.path.getsize, paths[:-1])) / (time.monotonic() - began)
            peak = daemon.memory("VmHWM")
            read(paths[-1])
            time.sleep(2)
            ours = {"sequential": sequential(paths[-1], setting.runs), "scattered": scattered(paths[-1])}
        theirs = {}
        if Rclone.available():
            remote = (f":sftp,host=127.0.0.1,port={server.port},user={user},key_file={key},"
                      f"known_hosts_file={server.dir / 'known_hosts'}:{music}")
            with Rclone(setting, remote, setting.fresh("rclone-cache")) as rclone:
                paths = sorted(files(rclone.mnt), key=os.path.getsize)
                began = time.monotonic()
                streams = [threading.Thread(target=read, args=(path,)) for path in paths[:-1]]
                for stream in streams:
                    stream.start()
                for stream in streams:
                    stream.join()
                theirs["cold"] = sum(map(os.path.getsize, paths[:-1])) / (time.monotonic() - began)
                read(paths[-1])
                time.sleep(2)
                theirs |= {"sequential": sequential(paths[-1], setting.runs),
                           "scattered": quantile(scattered(paths[-1]), 0.99)}
    row = setting.report.row
    row("PERF-7", "1 GiB that is kept read in sequence", "MB/s", "≥ 1,000 MB/s, faster than rclone",
        musicfs=ours["sequential"], rclone=theirs.get("sequential"))
    row("PERF-8", "128 KiB that are kept read here and there, p99", "ms", "< 1 ms",
        musicfs=quantile(ours["scattered"], 0.99), rclone=theirs.get("scattered"))
    row("CAS-2", f"{STREAMS} files of 30 MB read side by side for the first time, over SFTP", "MB/s", "",
        musicfs=cold, rclone=theirs.get("cold"))
    row("PERF-2", "peak RSS meanwhile", "MB", "< 500 MB", musicfs=peak)


def asked(setting, peers):
    """CAS-2: what a bucket is asked for by programs that look at everything"""
    # rclone cannot do with this one.
    os.environ.pop("AWS_CA_BUNDLE", None)
    os.environ["MUSICFS_BENCH_SECRET"] = "SKSKSKSK"
    with Server(setting, "s3", setting.work) as server, Counting(server.port) as proxy:
        bucket = ["rclone", "--config", "/dev/null", "copy", str(setting.library(TRACKS))]
        remote = (f":s3,provider=Ceph,endpoint='http://127.0.0.1:{proxy.port}',access_key_id=AKAKAKAK,"
                  "secret_access_key=SKSKSKSK:music")
        subprocess.run([*bucket, remote], check=True)
        proxy.taken()
        steps = {
            "find": lambda mnt: subprocess.run(["find", mnt], stdout=subprocess.DEVNULL, check=True),
            "ls -lR": lambda mnt: subprocess.run(["ls", "-lR", mnt], stdout=subprocess.DEVNULL, check=True),
            "MPD's scan": lambda mnt: peers.Mpd.scan(setting, mnt),
            "MPD's second scan": lambda mnt: peers.Mpd.scan(setting, mnt),
        }
        origin = {"type": "s3", "url": "s3://music", "endpoint": f"http://127.0.0.1:{proxy.port}",
                  "access_key_id": "AKAKAKAK", "secret_access_key_env": "MUSICFS_BENCH_SECRET"}
        found = {}
        with configured(setting, setting.fresh("state-asked"), origin) as daemon:
            found["musicfs"] = {"first scan of its own": proxy.taken()}
            for name, step in steps.items():
                step(daemon.mnt)
                found["musicfs"][name] = proxy.taken()
        if Rclone.available():
            with Rclone(setting, remote, setting.fresh("rclone-cache")) as rclone:
                found["rclone"] = {}
                for name, step in steps.items():
                    step(rclone.mnt)
                    found["rclone"][name] = proxy.taken()
    for name in found["musicfs"]:
        for part, unit in ((0, "requests"), (1, "MB")):
            row = {who: steps[name][part] for who, steps in found.items() if name in steps}
            setting.report.row("CAS-2", f"{TRACKS:,} tracks in a bucket, {name}", unit, "", **row)


ALL = (content_store, asked)
