#!/usr/bin/env python3
"""CSV streams: constant memory for any length, and rows as soon as they are there."""
import os
import select
import subprocess
import threading

import program
from program import PROGRAM, SAMPLES, ProgramTest, csv_text, reference_rows

ROWS = 1_000_000


def feed(child, rows):
    header, *lines = csv_text(reference_rows()).encode().splitlines(keepends=True)
    block = b"".join(lines)
    try:
        child.stdin.write(header)
        for _ in range(rows // 48):
            child.stdin.write(block)
        child.stdin.write(b"".join(lines[: rows % 48]))
        child.stdin.close()
    except BrokenPipeError:
        pass


class Stream(ProgramTest):
    def peak_memory(self, rows, *arguments):
        """Peak resident size in KiB while `rows` rows pass from a pipe to a file."""
        # freed memory must not be held back by a sanitizer, or it would count as used
        environment = dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=1")
        out = self.folder / "scores"
        child = subprocess.Popen([PROGRAM, "score", *arguments, "--output", out, "-"],
                                 stdin=subprocess.PIPE, env=environment)
        writer = threading.Thread(target=feed, args=(child, rows))
        writer.start()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        writer.join()
        self.assertEqual(child.returncode, 0)
        return usage.ru_maxrss, out

    def test_a_million_rows_need_no_more_memory_than_ten_thousand(self):
        few, _ = self.peak_memory(10_000)
        many, out = self.peak_memory(ROWS)
        self.assertLess(many, few + 4096)
        expected = [score for _, score in self.scores(SAMPLES / "vtest_x264_36.csv")]
        with open(out) as f:
            next(f)
            count = 0
            for count, line in enumerate(f, 1):
                if count % 9973 == 0 or count > ROWS - 50:
                    self.assertEqual(line, f"{count - 1},{expected[(count - 1) % 48]}\n")
        self.assertEqual(count, ROWS)

    def test_nor_does_a_picture_or_json(self):
        plot = ("--format", "json", "--plot", str(self.folder / "plot.svg"))
        few, _ = self.peak_memory(10_000, *plot)
        many, _ = self.peak_memory(300_000, *plot)
        self.assertLess(many, few + 4096)
        self.assertLess((self.folder / "plot.svg").stat().st_size, 400_000)

    def test_a_broken_row_far_down_is_told_by_its_line(self):
        rows = reference_rows() * 1000
        text = csv_text(rows) + "1,2\n" + csv_text(rows)
        done = self.refuse("score", "-", stdin=text,
                           because=[":48002: the row has 2 values", "is incomplete"])
        self.assertTrue(done.stdout.startswith(b"frame,score\n0,"))
        kept = self.write("kept.csv", "before")
        done = self.refuse("score", "--output", kept, "-", stdin=text, because=":48002: ")
        self.assertNotIn(b"is incomplete", done.stderr)
        self.assertEqual(kept.read_bytes(), b"before")

    def test_rows_of_a_live_stream_come_at_once(self):
        expected = self.accept("score", SAMPLES / "vtest_x264_36.csv").splitlines()
        child = subprocess.Popen([PROGRAM, "score", "-"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
        lines = csv_text(reference_rows()).encode().splitlines(keepends=True)
        child.stdin.write(lines[0])
        seen = b""
        for n in range(1, 6):
            child.stdin.write(lines[n])
            child.stdin.flush()
            while seen.count(b"\n") < n + 1:
                ready, _, _ = select.select([child.stdout], [], [], 60)
                self.assertTrue(ready, "no score although its row was written")
                seen += os.read(child.stdout.fileno(), 4096)
        child.stdin.close()
        self.assertEqual(child.wait(), 0)
        child.stdout.close()
        self.assertEqual(seen.splitlines(), expected[:6])


if __name__ == "__main__":
    program.main()
