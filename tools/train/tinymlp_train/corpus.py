"""The training corpus: rows of six libvmaf features and the teacher's score.

The file is a CSV with the header COLUMNS, plain or xz-compressed. Rows of one `source` come from
one piece of content; split by source, never by row, because frames of one source resemble each
other. Two halves of one clip are named `<clip>_a` and `<clip>_b`.
"""
import csv
import hashlib
import io
import lzma
import pathlib
from dataclasses import dataclass

import numpy as np

FEATURES = ("adm2", "vif_scale0", "vif_scale1", "vif_scale2", "vif_scale3", "motion2")
COLUMNS = ("source", "codec", "param", "frame") + FEATURES + ("vmaf",)
# Rows of public logs, for evaluation: the raw score is not read.
PUBLIC_COLUMNS = ("source", "variant", "frame") + FEATURES + ("vmaf_raw", "vmaf")

MODEL_DIR = pathlib.Path(__file__).resolve().parents[3] / "model"
SHIPPED = MODEL_DIR / "corpus.csv.xz"
EXTREMES = MODEL_DIR / "extremes.csv"  # by corpus.py --extremes; for measuring only


class CorpusError(ValueError):
    """A corpus file that cannot be used; the message names the file, the line and the reason."""


@dataclass(frozen=True)
class Corpus:
    """Rows in file order. source: str [N]; x: float64 [N,6], canonical-6; y: float64 [N], 0..100.
    sha256 is that of the whole unpacked file that the rows were read from."""

    source: np.ndarray
    x: np.ndarray
    y: np.ndarray
    sha256: str

    def __len__(self):
        return len(self.y)

    def sources(self):
        """Distinct sources, sorted by name."""
        return sorted(set(self.source))

    def mask(self, sources):
        """bool [N]: True where the row belongs to one of `sources`; an unknown one is an error."""
        unknown = sorted(set(sources) - set(self.source))
        if unknown:
            raise CorpusError(f"no such source in the corpus: {', '.join(unknown)}")
        return np.isin(self.source, list(sources))

    def rows(self, mask):
        return Corpus(self.source[mask], self.x[mask], self.y[mask], self.sha256)


def group(source):
    """The group a source is reported under: `vtest_a` -> `vtest`, `st_coffee` -> `st`."""
    return source.split("_", 1)[0]


def siblings(source, sources):
    """`source` and the other half of its clip, when there is one."""
    if source.endswith(("_a", "_b")):
        clip = source[:-2]
        return sorted({source} | ({f"{clip}_a", f"{clip}_b"} & set(sources)))
    return [source]


def pack(plain):
    """xz bytes of a CSV's bytes; the same input always gives the same output."""
    return lzma.compress(plain, format=lzma.FORMAT_XZ, preset=9 | lzma.PRESET_EXTREME)


def read_bytes(path):
    """The CSV's bytes, unpacked when the name ends in .xz."""
    try:
        raw = pathlib.Path(path).read_bytes()
        return lzma.decompress(raw) if str(path).endswith(".xz") else raw
    except (OSError, lzma.LZMAError) as error:
        raise CorpusError(f"{path}: {error}") from error


def parse(plain, name="corpus"):
    """Corpus from CSV bytes. Refuses, with its line, any row that is short, long or not finite."""
    try:
        reader = csv.reader(io.StringIO(plain.decode("utf-8"), newline=""))
    except UnicodeDecodeError as error:
        raise CorpusError(f"{name}: not UTF-8: {error}") from error
    header = next(reader, None)
    if header is None or tuple(header) not in (COLUMNS, PUBLIC_COLUMNS):
        raise CorpusError(f"{name}: line 1: the header must be {','.join(COLUMNS)}")
    numeric = [header.index(column) for column in FEATURES + ("vmaf",)]
    source, numbers = [], []
    for row in reader:
        if len(row) != len(header):
            raise CorpusError(
                f"{name}: line {reader.line_num}: {len(row)} fields, expected {len(header)}")
        try:
            values = [float(row[column]) for column in numeric]
        except ValueError as error:
            raise CorpusError(f"{name}: line {reader.line_num}: {error}") from error
        source.append(row[0])
        numbers.append(values)
    if not numbers:
        raise CorpusError(f"{name}: no rows")
    table = np.array(numbers, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1) | (table[:, 6] < 0) | (table[:, 6] > 100))
    if len(bad):
        raise CorpusError(
            f"{name}: row {bad[0] + 1}: features must be finite and vmaf within 0..100")
    digest = hashlib.sha256(plain).hexdigest()
    return Corpus(np.array(source), table[:, :6], table[:, 6], digest)


def variants(path):
    """`codec:param` of each row of a file that load() takes."""
    with io.StringIO(read_bytes(path).decode("utf-8"), newline="") as text:
        return np.array([f"{row['codec']}:{row['param']}" for row in csv.DictReader(text)])


def load(path=SHIPPED):
    return parse(read_bytes(path), str(path))
