#!/usr/bin/env python3
"""Makes the font files beside it from Debian's fonts-inter (Inter 3.19).

    pip install fonttools==4.*
    ./subset.py [/usr/share/fonts/opentype/inter]

Kept: Latin, Latin-1, Latin Extended-A, Greek, Cyrillic, punctuation, and the few signs that the
screens use. Inter keeps its kerning in GPOS, which ab_glyph does not read: it is written out, for
the letters that meet in titles, as the older `kern` table, which ab_glyph does read.
"""
import pathlib
import sys

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables._k_e_r_n import KernTable_format_0

KEPT = [
    (0x20, 0x7E), (0xA0, 0x17F), (0x192, 0x192), (0x218, 0x21B), (0x2C6, 0x2C7), (0x2D8, 0x2DD),
    (0x370, 0x3FF), (0x400, 0x45F), (0x490, 0x493), (0x4E8, 0x4E9), (0x1E80, 0x1E85),
    (0x1E9E, 0x1E9E), (0x2010, 0x2027), (0x2030, 0x203A), (0x2044, 0x2044), (0x20AC, 0x20AC),
    (0x2116, 0x2116), (0x2122, 0x2122), (0x2190, 0x2193), (0x2212, 0x2212), (0x2248, 0x2248),
    (0x2260, 0x2260), (0x2264, 0x2265), (0x25CF, 0x25CF), (0x2713, 0x2713), (0xFFFD, 0xFFFD),
]
KERNED = [(0x20, 0x7E), (0xC0, 0xFF), (0x391, 0x3C9), (0x410, 0x44F), (0x2013, 0x2026)]
# In units of 1/2816 em: 1 % of an em, a quarter of a pixel in ordinary text at 1080 rows.
KERNED_BY_AT_LEAST = 28


def characters(ranges):
    return [c for first, last in ranges for c in range(first, last + 1)]


def gpos_kerning(font, left, right):
    for lookup in font["GPOS"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            if left not in table.Coverage.glyphs:
                continue
            if table.Format == 1:
                pairs = table.PairSet[table.Coverage.glyphs.index(left)].PairValueRecord
                found = [pair.Value1 for pair in pairs if pair.SecondGlyph == right]
                if not found:
                    continue
                value = found[0]
            else:
                row = table.Class1Record[table.ClassDef1.classDefs.get(left, 0)]
                value = row.Class2Record[table.ClassDef2.classDefs.get(right, 0)].Value1
            return (value and value.XAdvance) or 0
    return 0


def subset(source, target):
    font = TTFont(source)
    options = Options(layout_features=["kern"], hinting=False, desubroutinize=True,
                      notdef_outline=True, name_IDs=[0, 1, 2, 3, 4, 5, 6, 7, 13, 14])
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=characters(KEPT))
    subsetter.subset(font)

    cmap = font.getBestCmap()
    glyphs = sorted({cmap[c] for c in characters(KERNED) if c in cmap})
    kerning = {(a, b): gpos_kerning(font, a, b) for a in glyphs for b in glyphs}
    table = KernTable_format_0(apple=False)
    table.coverage, table.tupleIndex = 1, None
    table.kernTable = {k: v for k, v in kerning.items() if abs(v) >= KERNED_BY_AT_LEAST}
    # The table's length is 16 bits wide, and a pair takes 6 bytes.
    assert len(table.kernTable) <= 10_900, len(table.kernTable)
    font["kern"] = newTable("kern")
    font["kern"].version, font["kern"].kernTables = 0, [table]
    for unused in ("GPOS", "GSUB", "GDEF"):
        del font[unused]
    font.save(target)
    print(f"{target}: {len(table.kernTable)} kerning pairs, {target.stat().st_size} bytes")


if __name__ == "__main__":
    source = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/fonts/opentype/inter")
    for weight in ("Regular", "SemiBold"):
        subset(source / f"Inter-{weight}.otf", pathlib.Path(__file__).parent / f"Inter-{weight}.otf")
