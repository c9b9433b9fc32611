import hashlib
import lzma
import tempfile
import unittest

import support
from tinymlp_train import corpus, ladder

import numpy as np

HEADER = ",".join(corpus.COLUMNS) + "\n"
ROW = "vtest_a,x264,20,0,0.9,0.5,0.7,0.8,0.9,0,73.25\n"


class Parsing(unittest.TestCase):
    def test_values_come_back(self):
        rows = corpus.parse((HEADER + ROW).encode())
        self.assertEqual(list(rows.source), ["vtest_a"])
        np.testing.assert_array_equal(rows.x, [[0.9, 0.5, 0.7, 0.8, 0.9, 0.0]])
        np.testing.assert_array_equal(rows.y, [73.25])

    def test_packing_round_trips_and_is_deterministic(self):
        plain = (HEADER + ROW * 50).encode()
        packed = corpus.pack(plain)
        self.assertEqual(packed, corpus.pack(plain))
        self.assertEqual(lzma.decompress(packed), plain)

    def test_bad_files_are_refused_with_their_line(self):
        for text, message in (
                ("", "line 1: the header"),
                (HEADER.replace("adm2", "adm"), "line 1: the header"),
                (HEADER, "no rows"),
                (HEADER + ROW + ROW.replace(",73.25", ""), "line 3: 10 fields"),
                (HEADER + ROW.replace("0.9,", "0.9,1,", 1), "line 2: 12 fields"),
                (HEADER + ROW.replace("0.5", "abc"), "line 2: could not convert"),
                (HEADER + ROW.replace("0.5", ""), "line 2: could not convert"),
                (HEADER + ROW + ROW.replace("0.5", "nan"), "row 2: features must be finite"),
                (HEADER + ROW.replace("73.25", "100.5"), "row 1: .* within 0..100")):
            with self.subTest(text=text[-60:]):
                with self.assertRaisesRegex(corpus.CorpusError, message):
                    corpus.parse(text.encode())

    def test_not_utf8(self):
        with self.assertRaisesRegex(corpus.CorpusError, "not UTF-8"):
            corpus.parse(b"\xff\xfe")

    def test_truncated_archive(self):
        packed = corpus.SHIPPED.read_bytes()
        with tempfile.NamedTemporaryFile(suffix=".csv.xz") as f:
            f.write(packed[:len(packed) // 2])
            f.flush()
            with self.assertRaises(corpus.CorpusError):
                corpus.load(f.name)


class Shipped(unittest.TestCase):
    def test_is_what_the_documents_say(self):
        rows = support.shipped_corpus()
        self.assertEqual(len(rows), 40392)
        self.assertEqual(len(rows.sources()), 25)
        clipped = np.mean((rows.y == 0) | (rows.y == 100))
        self.assertEqual(round(100 * clipped), 11)
        self.assertGreater(rows.x[:, 0].max(), 1.0)  # features above 1 are legitimate

    def test_has_the_original_bytes(self):
        original = support.SHARED / "data/corpus.csv"
        if not original.exists():
            self.skipTest("the original is not on this machine")
        self.assertEqual(hashlib.sha256(original.read_bytes()).hexdigest(),
                         support.shipped_corpus().sha256)

    def test_ladder_has_its_variants(self):
        lines = corpus.read_bytes(corpus.SHIPPED).decode().splitlines()[1:]
        shipped = {tuple(line.split(",")[1:3]) for line in lines}
        self.assertEqual(shipped, {(v.codec, v.param) for v in ladder.all_variants()})


class Splitting(unittest.TestCase):
    def test_siblings(self):
        names = ["cup_a", "cup_b", "st_a", "st_picos"]
        self.assertEqual(corpus.siblings("cup_a", names), ["cup_a", "cup_b"])
        self.assertEqual(corpus.siblings("cup_b", names), ["cup_a", "cup_b"])
        self.assertEqual(corpus.siblings("st_a", names), ["st_a"])
        self.assertEqual(corpus.siblings("st_picos", names), ["st_picos"])

    def test_unknown_source(self):
        with self.assertRaisesRegex(corpus.CorpusError, "no such source in the corpus: nowhere"):
            support.shipped_corpus().mask(["vtest_a", "nowhere"])


if __name__ == "__main__":
    unittest.main()
