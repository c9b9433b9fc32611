#!/usr/bin/env python3
"""Builds corpus rows from video: encodes each source in a ladder of variants and measures each
against its reference with libvmaf.

Encodes with ffmpeg and measures with an ffprobe that has libvmaf (tools/train/fetch_ffprobe gets
one). Finished variants are kept under the work directory, so a stopped run continues. The output
has the columns of model/corpus.csv.xz and works wherever that does.
"""
import argparse
import hashlib
import json
import pathlib
import re
import signal
import sys
import tempfile
import time

from tinymlp_train import corpus, files, ladder, measure, sources


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--output", type=pathlib.Path, metavar="FILE",
                   help="the CSV to write; compressed when the name ends in .xz")
    p.add_argument("--sources", nargs="+", metavar="NAME",
                   help="which of the sources to use (default: all; see --list)")
    p.add_argument("--clip", nargs="+", default=[], metavar="NAME=FILE",
                   help="add a video file as a source; with --clip and no --sources, only these")
    p.add_argument("--variants", nargs="+", metavar="CODEC:PARAM",
                   help="which variants to make (default: the whole ladder; see --list)")
    p.add_argument("--frames", type=int, metavar="N", help="frames of each source")
    p.add_argument("--small", action="store_true",
                   help="a quick look: 24 frames of vtest_a (or of each --clip) in five variants")
    p.add_argument("--extremes", action="store_true", help="other sources and variants, the worst that "
                   "real material can be: black, misaligned, frozen, flashing, hopeless (thousands of "
                   "rows in minutes)")
    p.add_argument("--list", action="store_true", help="print sources and variants and stop")
    p.add_argument("--work", default="build/train/corpus", type=pathlib.Path, metavar="DIR")
    p.add_argument("--ffmpeg", default="ffmpeg", metavar="PROGRAM")
    p.add_argument("--ffprobe", metavar="PROGRAM")
    args = p.parse_args()
    if not args.list and args.output is None:
        p.error("--output is missing")
    if args.frames is not None and args.frames < 2:
        p.error("--frames must be at least 2: motion needs two")
    return args


def refuse_repeats(option, names):
    """A row that is there twice would count twice."""
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise ValueError(f"{option}: given twice: {', '.join(repeated)}")


def chosen_sources(args):
    known = sources.extremes() if args.extremes else sources.defaults()
    wanted = args.sources or (["vtest_a"] if args.small and not args.clip else None)
    refuse_repeats("--clip", [text.partition("=")[0] for text in args.clip])
    refuse_repeats("--sources", args.sources or [])
    for text in args.clip:
        name, equals, path = text.partition("=")
        if not equals or not re.fullmatch(r"[a-z0-9][a-z0-9_]*", name):
            raise ValueError(f"--clip {text}: write NAME=FILE, NAME of a-z, 0-9 and _")
        known[name] = sources.clip(name, path)
    if wanted is None:
        wanted = [t.partition("=")[0] for t in args.clip] or list(known)
    unknown = [n for n in wanted if n not in known]
    if unknown:
        raise ValueError(f"no such source: {', '.join(unknown)} (--list names them)")
    frames = args.frames or (24 if args.small else None)
    return [sources.with_frames(known[n], frames) if frames else known[n] for n in wanted]


def chosen_variants(args):
    refuse_repeats("--variants", args.variants or [])
    named = args.variants or (ladder.SMALL if args.small else ladder.EXTREMES if args.extremes else None)
    return [ladder.parse(v) for v in named] if named else ladder.all_variants()


def part_path(work, source, variant, tools):
    """Where one variant's rows are kept: the name tells apart all that could change them."""
    stamp = None
    if source.path is not None and source.path.exists():
        stat = source.path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
    key = repr((source, stamp, variant, variant.filter(), variant.encoder(), tools))
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    return work / f"{source.name}_{variant.codec}_{variant.param}_{digest}.json"


def build_source(args, ffprobe, source, missing):
    """Measures the missing variants of one source; each result is kept as soon as it is there."""
    with tempfile.TemporaryDirectory(dir=args.work, prefix="run_") as name:
        folder = pathlib.Path(name).resolve()
        path = sources.unpacked(source, folder)
        size = measure.make_reference(args.ffmpeg, folder, source, path)
        for variant, part in missing:
            started = time.monotonic()
            distorted = measure.make_variant(args.ffmpeg, folder, variant, size, source.frames)
            rows = measure.measure(ffprobe, folder, distorted)
            if len(rows) != source.frames:
                raise corpus.CorpusError(
                    f"{source.name} {variant.codec} {variant.param}: {len(rows)} frames measured, "
                    f"{source.frames} expected")
            files.write_json(part, rows)
            print(f"corpus: {source.name} {variant.codec} {variant.param}: {len(rows)} frames, "
                  f"{time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)


def csv_lines(source, variant, rows):
    for frame, row in enumerate(rows):
        values = ",".join(f"{value:.9g}" for value in row)
        yield f"{source.name},{variant.codec},{variant.param},{frame},{values}\n"


def main():
    args = parse_arguments()
    # A stop from outside leaves through the same door as an error, so nothing stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("corpus: stopped; run it again to continue"))
    chosen, variants = chosen_sources(args), chosen_variants(args)
    if args.list:
        for source in chosen:
            print(f"{source.name:16} {source.frames:3} frames  {source.path or source.input[-1]}")
        print("variants:", " ".join(f"{v.codec}:{v.param}" for v in variants))
        return
    files.require_folder(args.output)
    args.work.mkdir(parents=True, exist_ok=True)
    ffprobe = measure.find_ffprobe(args.ffprobe)
    tools = (measure.version(args.ffmpeg), measure.version(ffprobe))
    lines = [",".join(corpus.COLUMNS) + "\n"]
    for done, source in enumerate(chosen, 1):
        parts = [(v, part_path(args.work, source, v, tools)) for v in variants]
        missing = [(v, part) for v, part in parts if not part.exists()]
        if missing:
            build_source(args, ffprobe, source, missing)
        for variant, part in parts:
            lines += csv_lines(source, variant, json.loads(part.read_text("utf-8")))
        print(f"corpus: {done}/{len(chosen)} sources", file=sys.stderr, flush=True)
    plain = "".join(lines).encode()
    corpus.parse(plain, str(args.output))
    packed = args.output.suffix == ".xz"
    files.write_bytes(args.output, corpus.pack(plain) if packed else plain)
    print(f"{args.output}: {len(lines) - 1} rows")


if __name__ == "__main__":
    try:
        main()
    except (measure.ToolError, ValueError, OSError) as error:
        sys.exit(f"corpus: {error}")
