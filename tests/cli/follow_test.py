#!/usr/bin/env python3
"""Logs that grow while they are read: scores as frames are appended, and every way in which it ends."""
import json
import os
import select
import signal
import subprocess
import time

import program
from program import PROGRAM, SAMPLES, ProgramTest, csv_text, reference_rows, scores_of

FORMS = ("csv", "json", "xml")
PATIENCE_S = 60


def heed_interrupts():
    """SIGINT, which a shell's background jobs ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Followed:
    """`tinymlp score --follow` of a log, with its standard output as far as it has come."""

    def __init__(self, case, log, *arguments):
        self.case = case
        self.child = subprocess.Popen([PROGRAM, "score", "--follow", *map(str, arguments), log],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      preexec_fn=heed_interrupts)
        self.seen = b""
        case.addCleanup(self.close)

    def close(self):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()
        self.child.stderr.close()

    def wait_for_rows(self, count):
        while self.seen.count(b"\n") < count + 1:
            ready, _, _ = select.select([self.child.stdout], [], [], PATIENCE_S)
            self.case.assertTrue(ready, "no score although its frame was written")
            piece = os.read(self.child.stdout.fileno(), 65536)
            if not piece:
                self.case.fail(self.child.stderr.read().decode())
            self.seen += piece

    def end(self, by=None, status=0):
        """Waits for its end, or signals it; returns what it said on standard error."""
        if by is not None:
            self.child.send_signal(by)
        rest, said = self.child.communicate(timeout=PATIENCE_S)
        self.seen += rest
        self.case.assertEqual(self.child.returncode, status, said.decode())
        return said.decode()


class Follow(ProgramTest):
    def setUp(self):
        super().setUp()
        self.log = self.folder / "growing.log"
        self.log.touch()

    def append(self, data):
        with open(self.log, "ab") as f:
            f.write(data if isinstance(data, bytes) else data.encode())

    def cut(self, form, frames, extra=0):
        """The bytes of a real log up to the end of that many frames, and some of the next; the rest."""
        data = (SAMPLES / f"vtest_x264_36.{form}").read_bytes()
        if form == "csv":
            at = -1
            for _ in range(frames + 1):  # and the header
                at = data.index(b"\n", at + 1)
            at += 1
        else:
            mark = b'"frameNum": %d' % frames if form == "json" else b'frameNum="%d"' % frames
            at = data.rindex(b"{" if form == "json" else b"<", 0, data.index(mark))
        return data[:at + extra], data[at + extra:]

    def test_scores_come_as_frames_are_appended_and_equal_those_of_the_whole(self):
        for form in FORMS:
            with self.subTest(form=form):
                self.log.write_bytes(b"")
                whole = self.accept("score", SAMPLES / f"vtest_x264_36.{form}")
                followed = Followed(self, self.log)
                written = 0
                for frames in (1, 2, 17, 40):
                    begin, _ = self.cut(form, frames)
                    self.append(begin[written:])
                    written = len(begin)
                    followed.wait_for_rows(frames)
                self.append(self.cut(form, 40)[1])
                followed.wait_for_rows(48)
                followed.end(by=signal.SIGINT if form == "csv" else None)  # the others say that they end
                self.assertEqual(followed.seen, whole)

    def test_a_part_of_a_frame_is_no_frame(self):
        for form in FORMS:
            for extra in (1, 9, 30):
                with self.subTest(form=form, extra=extra):
                    self.log.write_bytes(self.cut(form, 20, extra)[0])
                    followed = Followed(self, self.log)
                    followed.wait_for_rows(20)
                    time.sleep(0.1)
                    said = followed.end(by=signal.SIGINT)
                    self.assertEqual(said, "")
                    whole = self.scores(SAMPLES / f"vtest_x264_36.{form}")
                    self.assertEqual(scores_of(followed.seen), whole[:20])

    def test_a_last_number_without_its_end_of_line_is_not_read(self):
        rows = reference_rows()
        text = csv_text(rows[:3])
        self.append(text[:-3])  # 0.123 of 0.12345
        followed = Followed(self, self.log)
        followed.wait_for_rows(2)
        self.append(text[-3:])
        followed.wait_for_rows(3)
        followed.end(by=signal.SIGTERM)
        expected = self.scores("-", stdin=text)
        self.assertEqual(scores_of(followed.seen), expected)

    def test_another_file_of_the_name_is_read_after_the_first(self):
        for form in FORMS:
            with self.subTest(form=form):
                begin = self.cut(form, 5, 7)[0]
                self.log.write_bytes(begin)
                followed = Followed(self, self.log)
                followed.wait_for_rows(5)
                self.log.rename(self.folder / "growing.log.1")
                time.sleep(0.2)  # for a moment there is none
                new = self.folder / "new.log"
                new.write_bytes((SAMPLES / "vtest_x264_36.json").read_bytes())
                new.rename(self.log)
                said = followed.end()
                self.assertIn("was replaced: reading the new log from its start", said)
                whole = self.scores(SAMPLES / "vtest_x264_36.json")
                self.assertEqual(scores_of(followed.seen), whole[:5] + whole)

    def test_what_was_written_before_the_name_went_is_read(self):
        begin, rest = self.cut("csv", 5)
        self.log.write_bytes(begin)
        followed = Followed(self, self.log)
        followed.wait_for_rows(5)
        with open(self.log, "ab") as f:
            self.log.rename(self.folder / "old.log")
            f.write(rest)
            f.flush()
        followed.wait_for_rows(48)
        followed.end(by=signal.SIGINT)
        self.assertEqual(followed.seen, self.accept("score", SAMPLES / "vtest_x264_36.csv"))

    def test_a_file_that_became_shorter_is_read_from_its_start(self):
        begin = self.cut("csv", 12)[0]
        self.log.write_bytes(begin)
        followed = Followed(self, self.log)
        followed.wait_for_rows(12)
        os.truncate(self.log, 0)
        time.sleep(0.3)
        self.append(self.cut("csv", 3)[0])
        followed.wait_for_rows(15)
        said = followed.end(by=signal.SIGINT)
        self.assertIn("became shorter: reading the new log from its start", said)
        whole = self.scores(SAMPLES / "vtest_x264_36.csv")
        self.assertEqual(scores_of(followed.seen), whole[:12] + whole[:3])

    def test_output_to_a_file_appears_whole_when_a_signal_ends_it(self):
        self.log.write_bytes(self.cut("json", 30, 5)[0])
        out = self.folder / "scores.json"
        followed = Followed(self, self.log, "--format", "json", "--output", out)
        time.sleep(0.5)
        self.assertFalse(out.exists())
        followed.end(by=signal.SIGINT)
        document = json.loads(out.read_text())
        self.assertEqual([f["frameNum"] for f in document["frames"]], list(range(30)))
        self.assertIn("harmonic_mean", document["pooled_metrics"]["tinymlp_vmaf"])

    def test_a_broken_frame_ends_it_and_says_where(self):
        self.log.write_bytes(self.cut("csv", 4)[0] + b"4,oops\n")
        followed = Followed(self, self.log)
        said = followed.end(status=1)
        self.assertIn("growing.log:6: ", said)
        self.assertEqual(followed.seen.count(b"\n"), 5)

    def test_a_log_without_frames_and_what_cannot_be_followed(self):
        followed = Followed(self, self.log)
        time.sleep(0.3)
        self.assertIn("had no frames when a signal came", followed.end(by=signal.SIGINT, status=1))
        self.refuse("score", "--follow", "-", because="without --follow", status=2)
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        self.refuse("score", "--follow", pipe, because="is no regular file", status=2)
        self.refuse("score", "--follow", self.folder / "none", because="cannot open")


if __name__ == "__main__":
    program.main()
