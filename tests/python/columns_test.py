"""Tables by Arrow's C data interface: values, nulls, slices, types, and what is refused."""
import gc
import unittest

import numpy as np
import polars
import pyarrow as pa

import tinymlp
from onnx_files import mlp
from shared import many_rows, real_rows, same_bits

NAMES = tinymlp.VMAF_FEATURES


def table_of(rows, names=NAMES):
    return pa.table({n: rows[:, i] for i, n in enumerate(names)})


class Values(unittest.TestCase):
    def setUp(self):
        self.net = tinymlp.load("mlp_medium")
        self.rows = many_rows(3000)
        self.scores = self.net(self.rows)

    def assertScores(self, table, wanted=None, **keywords):
        got = self.net.score_columns(table, **keywords)
        self.assertTrue(same_bits(got.to_numpy(), self.scores if wanted is None else wanted))

    def test_whatever_speaks_the_interface(self):
        import duckdb
        table = table_of(self.rows)
        self.assertScores(table)
        self.assertScores(table.to_batches()[0])
        self.assertScores(table.to_batches()[0].to_struct_array())
        self.assertScores(table.to_reader(max_chunksize=700))
        self.assertScores(polars.DataFrame(table))
        self.assertScores(pa.concat_tables([table.slice(0, 1), table.slice(1, 0), table.slice(1)]))
        con = duckdb.connect()
        self.assertScores(con.from_arrow(table))

    def test_slices_begin_where_they_say(self):
        table = table_of(self.rows)
        for begin, count in ((1, 7), (2990, 10), (1023, 1026), (5, 0)):
            with self.subTest(begin=begin, count=count):
                part = slice(begin, begin + count)
                self.assertScores(table.slice(begin, count), self.scores[part])
                batch = table.to_batches()[0].slice(begin, count)
                self.assertScores(batch, self.scores[part])
                self.assertScores(batch.to_struct_array().slice(0, count // 2), self.scores[part][:count // 2])

    def test_columns_by_name_in_any_order(self):
        table = table_of(self.rows)
        self.assertScores(table.select(list(reversed(NAMES))).append_column("x", pa.array(["a"] * 3000)))
        renamed = table.rename_columns([f"integer_{n}" for n in NAMES])
        self.assertScores(renamed, columns=[f"integer_{n}" for n in NAMES])

    def test_nulls_are_nan_and_touch_their_row_only(self):
        columns = {n: pa.array([None if (r, i) in ((3, 0), (64, 5), (2999, 2)) else float(self.rows[r, i])
                                for r in range(3000)], pa.float32()) for i, n in enumerate(NAMES)}
        wanted = self.scores.copy()
        wanted[[3, 64, 2999]] = np.nan
        table = pa.table(columns)
        got = self.net.score_columns(table).to_numpy()
        self.assertEqual(list(np.flatnonzero(np.isnan(got))), [3, 64, 2999])
        keep = ~np.isnan(wanted)
        self.assertTrue(same_bits(got[keep], wanted[keep]))
        sliced = self.net.score_columns(table.slice(60, 10)).to_numpy()
        self.assertEqual(list(np.flatnonzero(np.isnan(sliced))), [4])
        empty = pa.table({n: pa.nulls(3) if n == "adm2" else pa.array([0.5] * 3) for n in NAMES})
        self.assertTrue(np.isnan(self.net.score_columns(empty).to_numpy()).all())

    def test_null_rows_of_a_struct_array(self):
        batch = table_of(self.rows[:9]).to_batches()[0]
        array = pa.StructArray.from_arrays(batch.columns, names=list(NAMES),
                                           mask=pa.array([i == 4 for i in range(9)]))
        self.assertEqual(list(np.flatnonzero(np.isnan(self.net.score_columns(array).to_numpy()))), [4])

    def test_doubles_and_integers_are_rounded_to_the_nearest_float32(self):
        random = np.random.default_rng(1)
        doubles = random.random((500, 6))
        self.assertScores(table_of(doubles), self.net(doubles.astype(np.float32)))
        for dtype in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64):
            info = np.iinfo(dtype)
            integers = random.integers(info.min, info.max, (50, 6), dtype=dtype, endpoint=True)
            self.assertScores(table_of(integers), self.net(integers.astype(np.float32)))

    def test_threads_give_the_same_bits(self):
        rows = many_rows(230_000)
        table = table_of(rows)
        wanted = self.net(rows)
        for threads in (1, 2, 5):
            self.assertTrue(same_bits(self.net.score_columns(table, threads=threads).to_numpy(), wanted))

    def test_threads_share_what_comes_in_small_batches(self):
        rows = many_rows(330_001)
        table, wanted = table_of(rows), self.net(rows)
        for size in (1_000, 122_880):
            for threads in (2, 3):
                reader = table.to_reader(max_chunksize=size)
                self.assertTrue(same_bits(self.net.score_columns(reader, threads=threads).to_numpy(), wanted))
        empty = pa.RecordBatch.from_pylist([], schema=table.schema)
        batches = [empty, *table.to_batches(max_chunksize=99_999), empty]
        reader = pa.RecordBatchReader.from_batches(table.schema, batches)
        self.assertTrue(same_bits(self.net.score_columns(reader, threads=4).to_numpy(), wanted))

    def test_a_table_that_ends_in_an_error_gives_no_scores_whatever_the_threads(self):
        table = table_of(many_rows(150_000))

        def batches():
            yield from table.to_batches(max_chunksize=40_000)
            raise RuntimeError("no more")
        for threads in (1, 3):
            reader = pa.RecordBatchReader.from_batches(table.schema, batches())
            with self.assertRaisesRegex(ValueError, "no more"):
                self.net.score_columns(reader, threads=threads)

    def test_scores_are_handed_on_without_a_copy(self):
        scores = self.net.score_columns(table_of(self.rows))
        values = scores.to_numpy()
        array = pa.array(scores)
        self.assertEqual(array.type, pa.float32())
        self.assertEqual(array.buffers()[1].address, values.ctypes.data)
        self.assertTrue(same_bits(pa.chunked_array(scores).to_numpy(), self.scores))
        self.assertTrue(same_bits(polars.Series("score", scores).to_numpy(), self.scores))
        self.assertTrue(same_bits(np.asarray(scores), self.scores))
        del scores, values
        gc.collect()
        self.assertTrue(same_bits(array.to_numpy(), self.scores))
        array.validate(full=True)

    def test_several_outputs_are_lists(self):
        net = tinymlp.load(mlp([6, 4, 3]))
        scores = net.score_columns(table_of(self.rows), columns=NAMES)
        array = pa.array(scores)
        self.assertEqual(array.type, pa.list_(pa.float32(), 3))
        array.validate(full=True)
        self.assertTrue(same_bits(scores.to_numpy(), net(self.rows)))
        self.assertTrue(same_bits(array.flatten().to_numpy().reshape(-1, 3), net(self.rows)))
        self.assertTrue(same_bits(polars.Series(scores).to_numpy(), net(self.rows)))

    def test_no_rows(self):
        table = table_of(self.rows[:0])
        self.assertEqual(len(self.net.score_columns(table)), 0)
        self.assertEqual(pa.array(self.net.score_columns(table)).type, pa.float32())
        self.assertEqual(self.net.score_columns(table.schema.empty_table().to_reader()).to_numpy().shape, (0,))


class Refusals(unittest.TestCase):
    def setUp(self):
        self.net = tinymlp.load("mlp_small")
        self.table = table_of(real_rows()[:10])

    def refuses(self, error, words, table, **keywords):
        with self.assertRaisesRegex(error, words):
            self.net.score_columns(table, **keywords)

    def test_columns(self):
        self.refuses(ValueError, "no column vif_scale1, motion2.*adm2", self.table.drop(["vif_scale1", "motion2"]))
        twice = pa.table([self.table["adm2"]] * 7, names=[*NAMES, "adm2"])
        self.refuses(ValueError, "adm2 is there twice", twice)
        self.refuses(ValueError, "6 features, and 5", self.table, columns=NAMES[:5])
        self.refuses(TypeError, "list of names", self.table, columns="adm2")
        self.refuses(TypeError, "list of names", self.table, columns=[0, 1, 2, 3, 4, 5])

    def test_types(self):
        text = self.table.set_column(0, "adm2", pa.array(["0.9"] * 10))
        for other in (pa.array(["0.9"] * 10), pa.array([True] * 10), pa.array([1] * 10, pa.decimal128(5)),
                      pa.array([b"x"] * 10), pa.array([[1.0]] * 10), pa.array([0.5] * 10, pa.float32()).dictionary_encode(),
                      pa.array([1] * 10, pa.timestamp("s")), pa.array([0.5] * 10, pa.float16())):
            self.refuses(TypeError, "the column adm2 is of Arrow's type", text.set_column(0, "adm2", other))

    def test_what_is_no_table(self):
        self.refuses(TypeError, "int", 7)
        self.refuses(TypeError, "ndarray", real_rows())
        self.refuses(TypeError, "not a table", pa.array([0.5, 0.25]))
        self.refuses(ValueError, "threads", self.table, threads=0)

    def test_a_stream_that_fails_half_way(self):
        def batches():
            yield self.table.to_batches()[0]
            raise RuntimeError("the disk is gone")
        reader = pa.RecordBatchReader.from_batches(self.table.schema, batches())
        self.refuses(ValueError, "the disk is gone", reader)

    def test_a_stream_is_read_once(self):
        reader = self.table.to_reader()
        self.net.score_columns(reader)
        self.assertEqual(len(self.net.score_columns(reader)), 0)

    def test_a_capsule_that_was_used_already(self):
        class Once:
            def __init__(self, capsule):
                self.capsule = capsule

            def __arrow_c_stream__(self, requested_schema=None):
                return self.capsule
        once = Once(self.table.__arrow_c_stream__())
        self.net.score_columns(once)
        self.refuses(ValueError, "released already", once)
        self.refuses((ValueError, TypeError, RuntimeError), "", Once(7))
        self.refuses((ValueError, TypeError, RuntimeError), "", Once(self.table.schema.__arrow_c_schema__()))


if __name__ == "__main__":
    unittest.main()
