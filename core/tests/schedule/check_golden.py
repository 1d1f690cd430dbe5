#!/usr/bin/env python3
"""The schedule once more, from its description in core/src/schedule.rs, to confirm golden.tsv.

It shares no code with the other and needs nothing but Python 3.11. Run it from anywhere.
"""

import hashlib
import struct
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
LINE_UPS = {"built-in": HERE / "../../line-up.toml", "small": HERE / "small.toml"}


def chacha20_words(key, nonce):
    """The key stream as 32-bit words (RFC 8439 §2.3; the first nonce word is the counter's top)."""

    def quarter_round(x, a, b, c, d):
        for add, to, mix, turn in ((b, a, d, 16), (d, c, b, 12), (b, a, d, 8), (d, c, b, 7)):
            x[to] = (x[to] + x[add]) & 0xFFFFFFFF
            x[mix] ^= x[to]
            x[mix] = (x[mix] << turn | x[mix] >> (32 - turn)) & 0xFFFFFFFF

    counter = 0
    while True:
        start = struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key)
        start += struct.unpack("<4I", struct.pack("<QQ", counter, nonce))
        x = list(start)
        for _ in range(10):
            for i in range(4):
                quarter_round(x, i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                quarter_round(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        yield from ((a + b) & 0xFFFFFFFF for a, b in zip(x, start))
        counter += 1


def draw(words, m):
    while True:
        word = next(words)
        if word < 2**32 - 2**32 % m:
            return word % m


def shuffle(key, r, n):
    words = chacha20_words(key, r % 2**64)
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = draw(words, i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def round_order(key, r, n):
    if n < 3:
        return list(range(n))
    order = shuffle(key, r, n)
    if order[0] == shuffle(key, r - 1, n)[-1]:
        order[0], order[1] = order[1], order[0]
    return order


def on_air(channel, seed, t):
    durations = [milliseconds(p["duration"]) for p in channel["programme"]]
    label = b"testcard schedule 1\0"
    key = hashlib.sha256(label + struct.pack("<Q", seed) + channel["id"].encode()).digest()
    r = t // sum(durations)
    start = r * sum(durations)
    for programme in round_order(key, r, len(durations)):
        end = start + durations[programme]
        if start <= t < end:
            return programme, start, end
        start = end


def milliseconds(duration):
    whole, _, decimals = duration.partition(".")
    seconds = 0
    for part in whole.split(":"):
        seconds = seconds * 60 + int(part)
    return seconds * 1000 + int(decimals.ljust(3, "0"))


def main():
    channels = {}
    for name, path in LINE_UPS.items():
        for channel in tomllib.loads(path.read_text("utf-8"))["channel"]:
            channels[name, channel["id"]] = channel
    vectors = 0
    for number, line in enumerate((HERE / "golden.tsv").read_text("utf-8").splitlines(), 1):
        if line.startswith("#"):
            continue
        name, seed, channel, *numbers = line.split("\t")
        at, *expected = map(int, numbers)
        found = on_air(channels[name, channel], int(seed), at)
        if found != tuple(expected):
            sys.exit(f"golden.tsv, line {number}: expected {tuple(expected)}, found {found}")
        vectors += 1
    if vectors == 0:
        sys.exit("golden.tsv has no vectors")
    print(f"{vectors} vectors hold")


main()
