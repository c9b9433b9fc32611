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

    def log_of(self, form, frames):
        """A log of that many frames, as libvmaf writes it."""
        text = (SAMPLES / f"vtest_x264_36.{form}").read_text()
        begin, end = (text.index("    <frame "), text.index("  </frames>")) if form == "xml" else (
            text.index("    {", text.index('"frames"')), text.index("\n  ]"))
        path = self.folder / f"{frames}.{form}"
        block, between = text[begin:end], "" if form == "xml" else ",\n"
        with open(path, "w") as f:
            f.write(text[:begin])
            for n in range(frames // 48):
                f.write((between if n else "") + block)
            f.write(text[end:])
        return path

    def test_nor_do_json_and_xml(self):
        expected = [score for _, score in self.scores(SAMPLES / "vtest_x264_36.csv")]
        environment = dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=1")
        for form in ("json", "xml"):
            peaks = []
            for frames in (4_800, 96_000):
                out = self.folder / "scores"
                child = subprocess.Popen(
                    [PROGRAM, "score", "--output", out, self.log_of(form, frames)],
                    stderr=subprocess.DEVNULL, env=environment)
                _, status, usage = os.wait4(child.pid, 0)
                child.returncode = os.waitstatus_to_exitcode(status)
                self.assertEqual(child.returncode, 0)
                peaks.append(usage.ru_maxrss)
                self.assertEqual([line.split(",")[1] for line in out.read_text().split()[1:]],
                                 expected * (frames // 48))
            self.assertLess(peaks[1], peaks[0] + 4096, form)

    def test_a_broken_frame_far_down_is_told_by_its_line(self):
        for form, old, new in (("json", '"frameNum": 47', '"frameNum": x'),
                               ("xml", 'frameNum="47"', 'frameNum="x"')):
            path = self.log_of(form, 9_600)
            text = path.read_text()
            at = text.rindex(old)
            path.write_text(text[:at] + new + text[at + len(old):])
            kept = self.write("kept.csv", "before")
            line = text[:at].count("\n") + 1
            self.refuse("score", "--output", kept, path, because=f".{form}:{line}: ")
            self.assertEqual(kept.read_bytes(), b"before")
            done = self.refuse("score", path, because="is incomplete")
            self.assertTrue(done.stdout.startswith(b"frame,score\n0,"))

    def test_a_key_that_comes_late_is_told(self):
        path = self.log_of("json", 4_800)
        text = path.read_text()
        at = text.rindex('"metrics": {') + len('"metrics": {')
        path.write_text(text[:at] + '"vmaf_late": 1, ' + text[at:])
        done = program.run("score", path)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"vmaf_late (frame 47) is not used: keys are chosen from the first 512",
                      done.stderr)

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
