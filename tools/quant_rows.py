#!/usr/bin/env python3
"""Draw the feature rows on which `tinymlp quant-drop` compares int8 with fp32.

    tools/quant_rows.py [--corpus FILE] [--output FILE] [--per-source N]
    tools/quant_rows.py --check             exit 1 if the committed file is not what it would write

From each source of the corpus the N rows whose text has the smallest SHA-256, in corpus order: a
draw that looks random, is the same everywhere, and keeps the features' digits as they are. A row
that is drawn twice stands once in the file.
"""
import argparse
import csv
import hashlib
import io
import lzma
import pathlib
import sys

MODEL = pathlib.Path(__file__).resolve().parent.parent / "model"
FEATURES = ["adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2"]


def draw(lines, per_source):
    """Rows of the corpus (dicts), stratified by source."""
    by_source = {}
    for place, row in enumerate(lines):
        key = hashlib.sha256(",".join(row.values()).encode()).digest()
        by_source.setdefault(row["source"], {}).setdefault(key, (place, row))
    for rows in by_source.values():
        chosen = sorted(rows)[:per_source]
        yield from (row for _, row in sorted((rows[k] for k in chosen), key=lambda r: r[0]))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--corpus", default=MODEL / "corpus.csv.xz", type=pathlib.Path, metavar="FILE")
    p.add_argument("--output", default=MODEL / "quant_rows.csv", type=pathlib.Path, metavar="FILE")
    p.add_argument("--per-source", default=80, type=int, metavar="N")
    p.add_argument("--check", action="store_true", help="compare with --output instead of writing")
    args = p.parse_args()
    with lzma.open(args.corpus, "rt", encoding="utf-8", newline="") as text:
        rows = list(draw(csv.DictReader(text), args.per_source))
    out = io.StringIO()
    writer = csv.DictWriter(out, ["source"] + FEATURES, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    if args.check:
        if args.output.read_text(encoding="utf-8") == out.getvalue():
            return 0
        print(f"{args.output}: not what tools/quant_rows.py draws", file=sys.stderr)
        return 1
    temporary = args.output.with_name(args.output.name + ".tmp")
    temporary.write_text(out.getvalue(), encoding="utf-8")
    temporary.replace(args.output)
    print(f"{args.output}: {len(rows)} rows")
    return 0


sys.exit(main())
