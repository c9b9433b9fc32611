"""DuckDB and Polars: the bits of the C++ batch call, and what is refused."""
import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile
import unittest

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

import tinymlp
import tinymlp.duckdb
import tinymlp.polars
from onnx_files import mlp
from shared import IS_LONG, ROOT, cpp_scores, many_rows, real_rows, same_bits

NAMES = tinymlp.VMAF_FEATURES
ARGUMENTS = ", ".join(NAMES)


def table_of(rows):
    return pa.table({"row": np.arange(len(rows)), **{n: rows[:, i] for i, n in enumerate(NAMES)}})


class SameBits(unittest.TestCase):
    def test_a_million_rows_everywhere(self):
        rows = many_rows(1_000_000 if IS_LONG else 300_000)
        rows[::1001, 3] = np.nan
        table = table_of(rows)
        for name in ("mlp_medium", "mlp_large.int8"):
            net = tinymlp.load(name)
            with tempfile.TemporaryDirectory() as folder:
                wanted = cpp_scores(net.model, rows, folder)
            con = duckdb.connect()
            tinymlp.duckdb.register(con, net)
            con.register("scored_rows", table)
            from_duckdb = con.sql(f"select vmaf({ARGUMENTS}) as score from scored_rows order by row")
            from_polars = pl.DataFrame(table).lazy().with_columns(tinymlp.polars.score(net)).collect()
            for got in (net(rows), net(rows, threads=2), net.score_columns(table, threads=2).to_numpy(),
                        from_duckdb.fetchnumpy()["score"], from_polars["score"].to_numpy()):
                got = np.asarray(got.filled(np.nan) if hasattr(got, "filled") else got)
                same = (got.view(np.uint32) == wanted.view(np.uint32)) | (np.isnan(got) & np.isnan(wanted))
                self.assertEqual(got.dtype, np.float32)
                self.assertTrue(same.all())
                self.assertEqual(int(np.isnan(wanted).sum()), len(range(0, len(rows), 1001)))


class DuckDB(unittest.TestCase):
    def setUp(self):
        self.con = duckdb.connect()
        self.addCleanup(self.con.close)
        tinymlp.duckdb.register(self.con)
        self.rows = real_rows()[:500]
        self.table = table_of(self.rows)
        self.con.register("log", self.table)

    def column(self, query):
        return np.asarray(self.con.sql(query).fetchnumpy()["s"], np.float32)

    def test_vmaf(self):
        got = self.column(f"select vmaf({ARGUMENTS}) as s from log order by row")
        self.assertTrue(same_bits(got, tinymlp.load("mlp_small")(self.rows)))

    def test_doubles_and_constants(self):
        one = self.con.sql("select vmaf(0.956559::double, 0.402946, 0.8345, 0.915718, 0.95124, 0)").fetchall()[0][0]
        row = np.array([0.956559, 0.402946, 0.8345, 0.915718, 0.95124, 0], np.float32)
        self.assertEqual(np.float32(one), tinymlp.load("mlp_small")(row))

    def test_any_model_by_path_or_name(self):
        got = self.column(f"select tinymlp('mlp_large', {ARGUMENTS}) as s from log order by row")
        self.assertTrue(same_bits(got, tinymlp.load("mlp_large")(self.rows)))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "policy.onnx")
            path.write_bytes(mlp([3, 8, 1]))
            got = self.column(f"select tinymlp('{path}', adm2, vif_scale0, motion2) as s from log order by row")
            self.assertTrue(same_bits(got, tinymlp.load(path)(self.rows[:, [0, 1, 5]]).reshape(-1)))

    def test_nulls_are_nan(self):
        got = self.con.sql("select vmaf(null, 1, 1, 1, 1, 0), vmaf(1, 1, 1, 1, 1, 0)").fetchall()[0]
        self.assertTrue(np.isnan(got[0]) and got[1] > 90)

    def test_two_versions_of_a_model(self):
        tinymlp.duckdb.register(self.con, "mlp_small_4k", name="vmaf_4k")
        both = self.con.sql(f"select vmaf({ARGUMENTS}) a, vmaf_4k({ARGUMENTS}) b from log order by row").fetchnumpy()
        self.assertTrue(same_bits(np.asarray(both["a"]), tinymlp.load("mlp_small")(self.rows)))
        self.assertTrue(same_bits(np.asarray(both["b"]), tinymlp.load("mlp_small_4k")(self.rows)))
        tinymlp.duckdb.register(self.con, "mlp_small_4k")
        got = self.column(f"select vmaf({ARGUMENTS}) as s from log order by row")
        self.assertTrue(same_bits(got, tinymlp.load("mlp_small_4k")(self.rows)))

    def test_clip_and_several_outputs(self):
        tinymlp.duckdb.register(self.con, clip=True)
        self.assertEqual(self.con.sql("select vmaf(0.3, 0.3, 0.3, 0.3, 0.3, 0)").fetchall()[0][0], 0)
        net = tinymlp.load(mlp([2, 5, 3]))
        tinymlp.duckdb.register(self.con, net, name="policy")
        got = self.con.sql("select policy(0.5, 0.25)").fetchall()[0][0]
        self.assertEqual(list(np.float32(got)), list(net(np.array([0.5, 0.25], np.float32))))
        with self.assertRaisesRegex(ValueError, "clipped"):
            tinymlp.duckdb.register(self.con, net, clip=True)

    def one(self, con, function="vmaf"):
        return np.float32(con.execute(f"select {function}(0.9, 0.8, 0.8, 0.8, 0.8, 1)").fetchall()[0][0])

    def scored_by(self, network):
        return tinymlp.load(network)(np.array([0.9, 0.8, 0.8, 0.8, 0.8, 1], np.float32))

    def test_cursors_and_connections_of_a_database_share_its_functions(self):
        with tempfile.TemporaryDirectory() as folder:
            for database in (":memory:", ":memory:named", str(pathlib.Path(folder, "log.db"))):
                with self.subTest(database), duckdb.connect(database) as con, con.cursor() as older:
                    tinymlp.duckdb.register(con)
                    other = con.cursor() if database == ":memory:" else duckdb.connect(database)
                    with other:
                        for who, network in ((other, "mlp_large"), (older, "mlp_medium"), (con, "mlp_small"), (other, "mlp_large")):
                            tinymlp.duckdb.register(who, network)
                            self.assertEqual({self.one(c) for c in (con, older, other)}, {self.scored_by(network)})
                        tinymlp.duckdb.register(other, name="of_other")
                        tinymlp.duckdb.register(other, mlp([6, 3]), name="lists")
                    self.assertEqual(self.one(con), self.scored_by("mlp_large"))
                    self.assertEqual(self.one(con, "of_other"), self.scored_by("mlp_small"))
                    with self.assertRaisesRegex(ValueError, "made by another connection, which gives FLOAT\\[\\], not FLOAT, of the name lists"):
                        tinymlp.duckdb.register(con, name="lists")
                    tinymlp.duckdb.register(con, mlp([6, 3]))
                    self.assertEqual(len(con.execute("select vmaf(1, 1, 1, 1, 1, 1)").fetchall()[0][0]), 3)

    def test_a_cursor_that_registered_and_is_gone(self):
        """In a process of its own: DuckDB calls what it has freed."""
        done = subprocess.run([sys.executable, "-c", "import duckdb, gc, tinymlp.duckdb\n"
                               "con = duckdb.connect()\n"
                               "cursor = con.cursor(); tinymlp.duckdb.register(cursor); cursor.close(); del cursor; gc.collect()\n"
                               "junk = [object() for _ in range(10000)]\n"
                               "query = 'select vmaf(0.9, 0.8, 0.8, 0.8, 0.8, 1)'\n"
                               "first = con.sql(query).fetchall(); tinymlp.duckdb.register(con, 'mlp_small')\n"
                               "assert first == con.sql(query).fetchall(); print(first[0][0])"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(np.float32(done.stdout), self.scored_by("mlp_small"))

    def test_threads_with_a_cursor_each(self):
        wanted = tinymlp.load("mlp_small")(self.rows)

        def work(_):
            with self.con.cursor() as cursor:
                tinymlp.duckdb.register(cursor)
                cursor.register("mine", self.table)
                got = cursor.sql(f"select vmaf({ARGUMENTS}) as s from mine order by row").fetchnumpy()["s"]
                return same_bits(np.asarray(got, np.float32), wanted)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.assertEqual(list(pool.map(work, range(24))), [True] * 24)

    def test_registered_in_a_transaction_that_is_rolled_back(self):
        with duckdb.connect() as con:
            con.execute("begin")
            tinymlp.duckdb.register(con, "mlp_large")
            self.assertEqual(self.one(con), self.scored_by("mlp_large"))
            con.execute("rollback")
            with self.assertRaises(duckdb.CatalogException):
                self.one(con)
            tinymlp.duckdb.register(con)
            self.assertEqual(self.one(con), self.scored_by("mlp_small"))

    def test_names_that_are_taken_or_none(self):
        self.con.execute("create macro mine(a) as a + 1")
        for name, words in (("sum", "a function of the name sum already: take another"), ("", "name ''"), (None, "name None"),
                            ("TinyMLP", "take another")):
            with self.subTest(name), self.assertRaisesRegex(ValueError, words):
                tinymlp.duckdb.register(self.con, name=name)
        self.assertEqual(self.con.sql("select sum(3), mine(3)").fetchall(), [(3, 4)])
        with self.assertRaisesRegex(TypeError, "con is a NoneType"):
            tinymlp.duckdb.register(None)
        self.assertEqual(self.one(self.con), self.scored_by("mlp_small"))

    def test_no_rows(self):
        self.assertEqual(len(self.column(f"select vmaf({ARGUMENTS}) as s from log where row < 0")), 0)

    def test_refusals(self):
        for query, words in (("select vmaf(1, 2)", "6 features, and 2"), ("select tinymlp('mlp_small', 1, 2)", "6 features, and 2"),
                             (f"select tinymlp('/nowhere.onnx', {ARGUMENTS}) from log", "nowhere"),
                             (f"select tinymlp(case when row = 3 then 'mlp_large' else 'mlp_small' end, {ARGUMENTS}) from log",
                              "the same in all rows"),
                             (f"select tinymlp('mlp_small', 'a', {ARGUMENTS.removeprefix('adm2, ')}) from log", "feature 1 is of Arrow's type")):
            with self.subTest(query), self.assertRaisesRegex(duckdb.Error, words):
                self.con.sql(query).fetchall()
        self.assertEqual(len(self.column(f"select vmaf({ARGUMENTS}) as s from log")), 500)


class Polars(unittest.TestCase):
    def setUp(self):
        self.rows = real_rows()[:500]
        self.frame = pl.DataFrame(table_of(self.rows))
        self.net = tinymlp.load("mlp_small")

    def test_expressions(self):
        wanted = self.net(self.rows)
        got = self.frame.with_columns(tinymlp.polars.score("mlp_small").alias("vmaf"))
        self.assertEqual(got["vmaf"].dtype, pl.Float32)
        self.assertTrue(same_bits(got["vmaf"].to_numpy(), wanted))
        columns = [pl.col(n).cast(pl.Float64) for n in NAMES]
        self.assertTrue(same_bits(self.frame.select(tinymlp.polars.score(self.net, columns))["score"].to_numpy(), wanted))

    def test_lazy_filters_groups_and_streaming(self):
        wanted = self.net(self.rows)
        lazy = self.frame.lazy().with_columns(tinymlp.polars.score(self.net).alias("s"))
        got = lazy.filter(pl.col("row") % 7 == 3).collect(engine="streaming").sort("row")
        self.assertTrue(same_bits(got["s"].to_numpy(), wanted[3::7]))
        grouped = lazy.group_by(pl.col("row") % 2).agg(pl.col("s").max()).sort("row").collect()
        self.assertEqual(list(grouped["s"]), [wanted[::2].max(), wanted[1::2].max()])

    def test_nulls_lists_and_no_rows(self):
        frame = self.frame.with_columns(pl.when(pl.col("row") == 2).then(None).otherwise(pl.col("adm2")).alias("adm2"))
        scores = frame.select(tinymlp.polars.score(self.net))["score"]
        self.assertEqual([i for i, v in enumerate(scores) if np.isnan(v)], [2])
        net = tinymlp.load(mlp([2, 5, 3]))
        lists = frame.select(tinymlp.polars.score(net, ["vif_scale0", "motion2"]))["score"]
        self.assertEqual(lists.dtype, pl.List(pl.Float32))
        self.assertTrue(same_bits(np.array(lists.to_list(), np.float32), net(np.ascontiguousarray(self.rows[:, [1, 5]]))))
        self.assertEqual(len(self.frame.clear().select(tinymlp.polars.score(self.net))), 0)

    def test_refusals(self):
        with self.assertRaisesRegex(ValueError, "6 features, and 2"):
            tinymlp.polars.score(self.net, ["a", "b"])
        with self.assertRaisesRegex(TypeError, "columns is 3; a list"):
            tinymlp.polars.score(self.net, 3)
        with self.assertRaisesRegex(ValueError, "threads is 0"):  # before the query runs
            tinymlp.polars.score(self.net, threads=0)
        with self.assertRaises(pl.exceptions.ColumnNotFoundError):
            self.frame.drop("adm2").select(tinymlp.polars.score(self.net))
        with self.assertRaisesRegex(Exception, "f0"):
            self.frame.with_columns(adm2=pl.lit("x")).select(tinymlp.polars.score(self.net))


if __name__ == "__main__":
    unittest.main()
