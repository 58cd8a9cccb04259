#!/usr/bin/env python3
"""Makes a music library for measuring: library.py DIR TRACKS [--seed N]

Small, valid, distinct files: seven of ten albums FLAC (one constant frame, RFC 9639), the others
MP3 (ten frames behind an ID3v2.4 tag). Twelve tracks an album, five albums an artist; each tenth
album has two discs, each twentieth is a compilation. The same arguments give the same bytes.
"""
import argparse
import os
import random
import struct

WORDS = ("amber arrow basin cedar cinder copper coral delta ember fable flint harbor hazel indigo "
         "juniper lantern lichen marble meadow mirror opal orchid pepper quartz raven saffron "
         "thistle tundra umber willow").split()
ARTISTS = ("Sigur Rós", "Björk", "AC/DC", "椎名林檎", "Мумий Тролль", "...Trail of Dots", "CON")
GENRES = ("Rock", "Jazz", "Electronic", "Folk", "Metal", "Classical")
ID3 = {"TITLE": b"TIT2", "ARTIST": b"TPE1", "ALBUM": b"TALB", "ALBUMARTIST": b"TPE2",
       "TRACKNUMBER": b"TRCK", "DISCNUMBER": b"TPOS", "DATE": b"TDRC", "GENRE": b"TCON",
       "COMPILATION": b"TCMP"}


def crc(data, polynomial, bits):
    top, mask, value = 1 << (bits - 1), (1 << bits) - 1, 0
    for byte in data:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
    return value


FRAME = bytes((0xFF, 0xF8, 0xC9, 0x08, 0x00))
FRAME += bytes((crc(FRAME, 0x07, 8),))


def flac(tags, number):
    frame = FRAME + b"\0" + struct.pack(">H", number & 0xFFFF)
    frame += struct.pack(">H", crc(frame, 0x8005, 16))
    info = struct.pack(">HH6x", 4096, 4096) + (44100 << 44 | 15 << 36 | 4096).to_bytes(8, "big")
    info += (number + 1).to_bytes(16, "big")
    comments = struct.pack("<I", 5) + b"bench" + struct.pack("<I", len(tags))
    for name, value in tags:
        entry = f"{name}={value}".encode()
        comments += struct.pack("<I", len(entry)) + entry

    def block(kind, body):
        return bytes((kind,)) + len(body).to_bytes(3, "big") + body

    return b"fLaC" + block(0, info) + block(4, comments) + block(0x81, bytes(512)) + frame


def syncsafe(length):
    return bytes(length >> shift & 127 for shift in (21, 14, 7, 0))


def mp3(tags, rand):
    body = b""
    for name, value in tags:
        data = b"\x03" + value.encode()
        body += ID3[name] + syncsafe(len(data)) + b"\0\0" + data
    frames = b"".join(b"\xff\xfb\x90\xc4" + bytes(17) + rand.randbytes(396) for _ in range(10))
    return b"ID3\x04\0\0" + syncsafe(len(body)) + body + frames


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir")
    parser.add_argument("tracks", type=int)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rand, made, album = random.Random(args.seed), 0, 0
    while made < args.tracks:
        number = album // 5
        odd = number % 10 == 9
        artist = (f"{ARTISTS[number // 10 % len(ARTISTS)]} {number}" if odd
                  else f"{rand.choice(WORDS)} {rand.choice(WORDS)} {number}".title())
        title = f"{rand.choice(WORDS)} {rand.choice(WORDS)} {album}".title()
        compilation, discs = album % 20 == 19, 2 if album % 10 == 4 else 1
        suffix = "mp3" if rand.random() < 0.3 else "flac"
        folder = os.path.join(args.dir, f"{number // 100:04}", f"{number:06}", f"{album:07}")
        os.makedirs(folder, exist_ok=True)
        for index in range(min(12 * discs, args.tracks - made)):
            tags = [("TITLE", f"{rand.choice(WORDS)} {rand.choice(WORDS)}".title()),
                    ("ARTIST", f"Guest {made % 977}" if compilation else artist),
                    ("ALBUM", title), ("TRACKNUMBER", str(index % 12 + 1)),
                    ("DATE", str(1960 + album % 65)), ("GENRE", rand.choice(GENRES))]
            if compilation:
                tags += [("ALBUMARTIST", "Various Artists"), ("COMPILATION", "1")]
            if discs > 1:
                tags.append(("DISCNUMBER", str(index // 12 + 1)))
            data = flac(tags, made) if suffix == "flac" else mp3(tags, rand)
            with open(os.path.join(folder, f"{index + 1:02}.{suffix}"), "wb") as file:
                file.write(data)
            made += 1
        album += 1


main()
