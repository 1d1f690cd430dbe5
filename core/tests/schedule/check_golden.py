#!/usr/bin/env python3
"""The schedule once more, from its description in core/src/schedule.rs, to confirm golden*.tsv.

It shares no code with the other and needs nothing but Python 3.11. Run it from anywhere.
"""

import hashlib
import struct
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
DAY = 24 * 60 * 60 * 1000
LINE_UPS = {"built-in": HERE / "../../line-up.toml", "small": HERE / "small.toml"}
ARRANGED = HERE / "arranged.toml"


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


def shuffled(words, order):
    order = list(order)
    for i in range(len(order) - 1, 0, -1):
        j = draw(words, i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def shuffle(key, r, n):
    return shuffled(chacha20_words(key, r % 2**64), range(n))


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


def key_of(label, seed, channel, part=None):
    key = label + b"\0" + struct.pack("<Q", channel.get("seed", seed)) + channel["id"].encode()
    return hashlib.sha256(key if part is None else key + b"\0" + part.encode()).digest()


def minutes(text):
    return int(text[:2]) * 60 + int(text[3:])


def windows_of(channel):
    """(starts, length, part) in milliseconds, from midnight on; the part None is between parts."""
    minute = [None] * 1440
    for part in channel["day_part"]:
        m = minutes(part["from"])
        while m != minutes(part["to"]):
            assert minute[m] is None
            minute[m] = part["name"]
            m = (m + 1) % 1440
    starts = [m for m in range(1440) if minute[m] != minute[m - 1]]
    for start, end in zip(starts, starts[1:] + [starts[0] + 1440]):
        yield start * 60_000, (end - start) * 60_000, minute[start]


def fill(channel, seed, gap, length):
    """What a gap plays, as (filler, duration)."""
    fillers = [milliseconds(p["duration"]) for p in channel.get("filler", [])]
    words = chacha20_words(key_of(b"testcard schedule 2 gap", seed, channel), gap % 2**64)
    for filler in shuffled(words, range(len(fillers))):
        if fillers[filler] <= length:
            yield len(channel["programme"]) + filler, fillers[filler]
            length -= fillers[filler]
    if length > 0:
        yield None, length


def window_programmes(channel, seed, slots, day, w):
    windows = list(windows_of(channel))
    _, length, part = windows[w]
    its = [i for i, p in enumerate(channel["programme"]) if p.get("part") == part]
    m = [
        other_length // max(slots[i] for i in its) if other_part == part else 0
        for _, other_length, other_part in windows
    ]
    tape_key = key_of(b"testcard schedule 2", seed, channel, part)
    placed = []
    for q in range(day * sum(m) + sum(m[:w]), day * sum(m) + sum(m[: w + 1])):
        placed.append(its[round_order(tape_key, q // len(its), len(its))[q % len(its)]])
    of_step_5 = set(placed)
    left = length - sum(slots[i] for i in placed)
    number = day * len(windows) + w
    words = chacha20_words(key_of(b"testcard schedule 2 window", seed, channel), number % 2**64)
    first = True
    while True:
        fitting = [i for i in its if slots[i] <= left and not (first and i in of_step_5)]
        if not fitting and not first:
            return placed
        first = False
        fitting = shuffled(words, fitting)
        if len(fitting) >= 2 and placed and fitting[0] == placed[-1]:
            fitting[0], fitting[1] = fitting[1], fitting[0]
        for i in fitting:
            if slots[i] <= left:
                placed.append(i)
                left -= slots[i]


def on_air_2(channel, seed, t):
    """Version 2."""
    names = {"hour": 60, "half hour": 30, "quarter hour": 15}
    grid = channel.get("start_on", "0 minutes")
    grid = (names.get(grid) or int(grid.split()[0])) * 60_000 or 1
    offset = channel.get("utc_offset", "+00:00")
    offset = minutes(offset[1:]) * (-60_000 if offset[0] == "-" else 60_000)
    durations = [milliseconds(p["duration"]) for p in channel["programme"]]
    slots = [-(-duration // grid) * grid for duration in durations]
    t += offset

    if "day_part" in channel:
        windows = list(windows_of(channel))
        day, time = divmod(t, DAY)
        w = len([start for start, _, _ in windows if start <= time]) - 1
        if w < 0:
            day, w = day - 1, len(windows) - 1
        at, length, _ = windows[w]
        at += day * DAY
        order = window_programmes(channel, seed, slots, day, w)
        starts = [at + sum(slots[i] for i in order[:n]) for n in range(len(order))]
        ends = starts[1:] + [at + length]
        if not order:
            order, starts, ends = [None], [at], [at + length]
    else:
        length = sum(slots)
        key = key_of(b"testcard schedule 2", seed, channel)
        order = round_order(key, t // length, len(slots))
        starts = [t // length * length + sum(slots[i] for i in order[:n]) for n in range(len(order))]
        ends = starts[1:] + [t // length * length + length]

    for programme, start, end in zip(order, starts, ends):
        if start <= t < end:
            turns = []
            gap = start
            if programme is not None:
                turns.append((programme, durations[programme]))
                gap += durations[programme]
            if gap < end:
                turns += fill(channel, seed, gap, end - gap)
            for programme, duration in turns:
                if start <= t < start + duration:
                    return programme, start - offset, start + duration - offset
                start += duration


def milliseconds(duration):
    whole, _, decimals = duration.partition(".")
    seconds = 0
    for part in whole.split(":"):
        seconds = seconds * 60 + int(part)
    return seconds * 1000 + int(decimals.ljust(3, "0"))


def check(name, read):
    vectors = 0
    for number, line in enumerate((HERE / name).read_text("utf-8").splitlines(), 1):
        if line.startswith("#"):
            continue
        found, expected = read(line.split("\t"))
        if found != expected:
            sys.exit(f"{name}, line {number}: expected {expected}, found {found}")
        vectors += 1
    if vectors == 0:
        sys.exit(f"{name} has no vectors")
    print(f"{vectors} vectors of {name} hold")


def main():
    channels = {}
    for name, path in LINE_UPS.items():
        for channel in tomllib.loads(path.read_text("utf-8"))["channel"]:
            channels[name, channel["id"]] = channel
    arranged = {c["id"]: c for c in tomllib.loads(ARRANGED.read_text("utf-8"))["channel"]}

    def version_1(fields):
        name, seed, channel, *numbers = fields
        at, *expected = map(int, numbers)
        return on_air(channels[name, channel], int(seed), at), tuple(expected)

    def version_2(fields):
        seed, channel, at, programme, starts, ends = fields
        programme = None if programme == "-" else int(programme)
        found = on_air_2(arranged[channel], int(seed), int(at))
        return found, (programme, int(starts), int(ends))

    check("golden.tsv", version_1)
    check("golden-2.tsv", version_2)


main()
