#!/usr/bin/env python3
"""Draws ICON0.PNG, what the PSP's menu shows: the set's test card at 144 × 80, which is too small for
the name on it. Colours and proportions are those of frontends/desktop/src/draw/test_card.rs."""

import pathlib
import struct
import zlib

WIDTH, HEIGHT = 144, 80
SUB = 8  # Each pixel is the mean of 8 × 8 points.

GROUND, GRID, WHITE, NIGHT = 0x595F6D, 0xD4D3CC, 0xF6F3EC, 0x0B0E16
TEAL, SAND, CORAL, INDIGO = 0x2FA396, 0xE8B84E, 0xE06A4C, 0x4455A8
BARS = [0xBFBFBF, 0xBFBF00, 0x00BFBF, 0x00BF00, 0xBF00BF, 0xBF0000, 0x0000BF, 0x000000]

SQUARE = 8  # Of the grid, and of the blocks at the edge, which are half as deep.
RADIUS = 34


def mix(start, end, step, steps):
    parts = [(start >> s & 255, end >> s & 255, s) for s in (16, 8, 0)]
    return sum((a + (b - a) * step // steps) << s for a, b, s in parts)


def disc(x, y):
    """The circle, by the height as a part of its radius."""
    row = y / RADIUS
    if x * x + y * y > (RADIUS - 1) ** 2 or row < -0.64:
        return WHITE
    if row < 0.1:
        return BARS[max(0, min(7, int((x / RADIUS + 0.94) / 1.88 * 8)))]
    if row < 0.5:
        field = max(0, min(3, int((x / RADIUS + 1) * 2)))
        width = [4, 3, 2, 1][field]
        return WHITE if int((x + RADIUS) // width) % 2 == 0 else NIGHT
    if row < 0.76:
        return mix(NIGHT, WHITE, max(0, min(6, int((x / RADIUS + 0.8) / 1.6 * 7))), 6)
    return CORAL if abs(x) < RADIUS / 8 else SAND


def card(x, y):
    """The colour at a point, counted from the middle."""
    if x * x + y * y <= RADIUS * RADIUS:
        return disc(x, y)
    if WIDTH / 2 - abs(x) < SQUARE / 2 or HEIGHT / 2 - abs(y) < SQUARE / 2:
        along = x if HEIGHT / 2 - abs(y) < SQUARE / 2 else y
        return WHITE if int(along // SQUARE) % 2 == 0 else NIGHT
    if SQUARE * 6 <= abs(x) < SQUARE * 8 and abs(y) < SQUARE:
        return [[TEAL, SAND], [CORAL, INDIGO]][x > 0][y > 0]
    on_line = min(x % SQUARE, SQUARE - x % SQUARE, y % SQUARE, SQUARE - y % SQUARE) < 0.5
    return GRID if on_line else GROUND


def pixel(column, row):
    total = [0, 0, 0]
    for j in range(SUB):
        for i in range(SUB):
            x = column + (i + 0.5) / SUB - WIDTH / 2
            y = row + (j + 0.5) / SUB - HEIGHT / 2
            for n, shift in enumerate((16, 8, 0)):
                total[n] += card(x, y) >> shift & 255
    return bytes(round(part / SUB**2) for part in total)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


lines = b"".join(
    b"\0" + b"".join(pixel(column, row) for column in range(WIDTH)) for row in range(HEIGHT)
)
pathlib.Path(__file__).with_name("ICON0.PNG").write_bytes(
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(lines, 9))
    + chunk(b"IEND", b"")
)
