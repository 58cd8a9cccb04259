"""Writes tags that no encoder at hand can write. Standard library only.

    odd_tags.py KIND FILE NAME=VALUE...

KIND is id3v22, id3v23, id3v24 (put before the file), id3v1, apev2 (put behind it) or wavid3 (an
ID3v2.4 tag in a chunk of its own at the end of a WAV). In values, \\0 stands for a zero byte.
"""

import struct
import sys


def synchsafe(number):
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))


def id3v2(version, tags):
    frames = b""
    for name, value in tags:
        if version == 4:
            text = b"\x03" + value.encode()
        else:
            text = b"\x01" + value.encode("utf-16")
        if name in ("COMM", "COM", "USLT", "ULT"):
            empty = b"\0" if version == 4 else b"\xff\xfe\0\0"
            text = text[:1] + b"eng" + empty + text[1:]
        if version == 2:
            frames += name.encode() + struct.pack(">I", len(text))[1:] + text
        else:
            size = synchsafe(len(text)) if version == 4 else struct.pack(">I", len(text))
            frames += name.encode() + size + b"\0\0" + text
    frames += bytes(64)
    return b"ID3" + bytes([version, 0, 0]) + synchsafe(len(frames)) + frames


def id3v1(tags):
    tags = dict(tags)

    def field(name, size):
        return tags.get(name, "").encode("latin-1")[:size].ljust(size, b"\0")

    track = int(tags.get("track", 0))
    return (
        b"TAG" + field("title", 30) + field("artist", 30) + field("album", 30) + field("year", 4)
        + field("comment", 28) + bytes([0, track, int(tags.get("genre", 255))])
    )


def apev2(tags):
    items = b""
    for name, value in tags:
        value = value.encode()
        items += struct.pack("<II", len(value), 0) + name.encode() + b"\0" + value
    counts = struct.pack("<III", 2000, len(items) + 32, len(tags))
    header = b"APETAGEX" + counts + struct.pack("<I", 0xA0000000) + bytes(8)
    footer = b"APETAGEX" + counts + struct.pack("<I", 0x80000000) + bytes(8)
    return header + items + footer


def main():
    kind, path = sys.argv[1:3]
    tags = [argument.replace("\\0", "\0").split("=", 1) for argument in sys.argv[3:]]
    with open(path, "rb") as file:
        audio = file.read()
    if kind == "wavid3":
        tag = id3v2(4, tags)
        audio += b"id3 " + struct.pack("<I", len(tag)) + tag + bytes(len(tag) % 2)
        audio = audio[:4] + struct.pack("<I", len(audio) - 8) + audio[8:]
    elif kind in ("id3v22", "id3v23", "id3v24"):
        audio = id3v2(int(kind[-1]), tags) + audio
    else:
        audio += {"id3v1": id3v1, "apev2": apev2}[kind](tags)
    with open(path, "wb") as file:
        file.write(audio)


main()
