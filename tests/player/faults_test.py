"""What goes wrong: a clear end that names file, place, reason and remedy, and nothing lost of what was
scored before."""
import os
import pty
import re
import select
import signal
import subprocess
import time
import unittest

from clips import (FOLDER, FRAMES, PATIENCE_S, PLAYER, PlayerTest, converted, encoded, ffmpeg, heed_interrupts, play,
                   reference)


class Faults(PlayerTest):
    def test_another_size(self):
        small = encoded("small.mp4", "-vf", "scale=192:144")
        self.refuse(reference(), small, because=["small.mp4: is 192x144", "384x288", "scale=384:288", "--scale"])
        frames, summary = self.accept("--scale", reference(), small)
        self.assertEqual((len(frames), summary["width"]), (FRAMES, 384))
        self.assertLess(summary["score"]["mean"], 80)

    def test_a_size_that_changes(self):
        parts = [encoded(f"part{w}.h264", "-vf", f"scale={w}:288", "-frames:v", "8") for w in (384, 192)]
        both = FOLDER / "both.h264"
        both.write_bytes(b"".join(p.read_bytes() for p in parts))
        self.refuse("--by-number", reference(), both, scored=8, because=["both.h264: picture 8 is 192x288", "384x288"])
        frames, _ = self.accept("--by-number", "--shortest", "--scale", reference(), both)
        self.assertEqual(len(frames), 16)

    def test_another_rate(self):
        fast = FOLDER / "fast.mkv"
        ffmpeg("-r", "25", "-i", reference(), "-c:v", "ffv1", fast)
        self.refuse(reference(), fast, because=["fast.mkv: has 25 pictures a second", "has 10", "fps=10", "--by-number"])
        frames, _ = self.accept("--by-number", reference(), fast)
        self.assertEqual(len(frames), FRAMES)

    def test_a_variable_rate(self):
        vfr = encoded("vfr.mkv", "-vf", "select='not(between(n,9,10))'", "-vsync", "vfr")
        self.refuse(reference(), vfr, scored=9,
                    because=["vfr.mkv: shows picture 9 at 1.100 s", "at 0.900 s", "--by-number"])
        # both alike: nothing is missing
        lossless = converted("vfr_reference.mkv", "-vf", "select='not(between(n,9,10))'", "-vsync", "vfr", "-c:v", "ffv1")
        frames, _ = self.accept(lossless, vfr)
        self.assertEqual(len(frames), FRAMES - 2)

    def test_one_ends_early(self):
        short = encoded("short.mp4", "-frames:v", "10")
        because = ["short.mp4: ends after 10 pictures, while", "goes on", "--shortest"]
        cut = self.refuse(reference(), short, scored=10, because=because)
        self.refuse(short, reference(), scored=10, because=because)
        frames, _ = self.accept("--shortest", reference(), short)
        self.assertEqual([f["score"] for f in frames], [f["score"] for f in cut])

    def test_a_damaged_packet(self):
        """A picture that nothing refers to, and that others, decoded before it, follow."""
        whole = encoded("whole.mkv", variant="x264:20")
        listed = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "packet=pos,size", "-of", "csv=p=0", whole],
                                check=True, capture_output=True, text=True).stdout
        place = [tuple(map(int, line.strip(",").split(","))) for line in listed.split()]
        size, position = place[14]
        data = bytearray(whole.read_bytes())
        for at in range(position + size // 3, position + size - 4):
            data[at] ^= 0x5A
        damaged = FOLDER / "damaged.mkv"
        damaged.write_bytes(data)
        undamaged, _ = self.accept(reference(), whole)
        for pair in ((reference(), damaged), (damaged, whole)):
            done = play(*pair)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("damaged.mkv: damaged after", done.stderr)
            after = int(re.search(r"damaged\.mkv: damaged after (\d+) pictures, the last at \d\.\d+ s: ", done.stderr)[1])
            self.assertTrue(8 <= after <= 14, after)
            self.assertIn("mend it, or encode it anew", done.stderr)
        frames = self.refuse(reference(), damaged, scored=after, because=["damaged.mkv: damaged after"])
        # all before it, to the last, whose motion2 alone does not know of the next
        self.assertEqual([f["score"] for f in frames[:-1]], [f["score"] for f in undamaged[:after - 1]])

    def test_damage_before_the_decoder_has_given_a_picture(self):
        """It holds pictures back to reorder them: they are shown, and counted."""
        whole = encoded("early.ts", variant="x264:28")
        listed = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "packet=pos", "-of", "csv=p=0", whole],
                                check=True, capture_output=True, text=True).stdout
        second = int(listed.split()[1].strip(","))
        damaged = FOLDER / "early_damage.ts"
        damaged.write_bytes(whole.read_bytes()[:second + 3 * 188])
        self.refuse(reference(), damaged, scored=1, because=["early_damage.ts: damaged after 1 picture, the last at 0.000 s: "])

    def test_a_file_that_is_cut_off(self):
        whole = converted("whole.avi", "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p")
        cut = FOLDER / "cut.avi"
        cut.write_bytes(whole.read_bytes()[:whole.stat().st_size // 2])
        done = play(reference(), cut)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"cut\.avi: damaged after \d+ pictures, the last at .* s: a packet that is marked as "
                                      r"damaged or is cut off")

    def test_what_is_no_video(self):
        sound, text, empty = (FOLDER / name for name in ("sound.wav", "text.mp4", "empty.mkv"))
        ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", sound)
        text.write_text("no video\n")
        empty.touch()
        self.refuse(reference(), sound, because=["sound.wav: has no video stream"])
        self.refuse(reference(), text, because=["text.mp4: cannot open: "])
        self.refuse(reference(), empty, because=["empty.mkv: cannot open: "])
        self.refuse(reference(), FOLDER / "none.mp4", because=["none.mp4: cannot open: No such file"])
        self.refuse(FOLDER, reference(), because=["cannot open: Is a directory"])
        self.refuse(reference(), "http://127.0.0.1:1/a.mp4", because=["cannot open: No such file"])

    def test_pictures_that_are_too_small(self):
        tiny = converted("tiny.mkv", "-vf", "scale=24:24", "-c:v", "ffv1")
        self.refuse(tiny, tiny, because=["tiny.mkv: pictures of 24x24 are too small"])

    def test_wrong_usage(self):
        for arguments, because in (((reference(),), "DISTORTED is required"),
                                   ((reference(), reference(), "--model", "mlp_tiny"), "mlp_tiny"),
                                   ((reference(), reference(), "--json", reference()), "--json would overwrite"),
                                   ((reference(), reference(), "--bogus"), "--bogus")):
            done = play(*arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(because, done.stderr)

    def long_clip(self):
        """So long that it plays when the signal comes."""
        path = FOLDER / "long.mkv"
        if not path.exists():
            ffmpeg("-stream_loop", "40", "-i", reference(), "-c:v", "libx264", "-preset", "ultrafast", path)
        return path

    def test_a_signal_keeps_what_was_scored(self):
        out = self.folder / "scores.jsonl"
        for number in (signal.SIGINT, signal.SIGTERM):
            out.write_text("before")
            child = subprocess.Popen([PLAYER, "--compare", "--json", out, self.long_clip(), self.long_clip()], text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed_interrupts)
            time.sleep(1.5)
            self.assertEqual(out.read_text(), "before")
            child.send_signal(number)
            shown, said = child.communicate(timeout=PATIENCE_S)
            self.assertEqual((child.returncode, said), (-number, ""))
            frames, summary = self.lines(out.read_text())
            self.assertGreater(len(frames), 0)
            self.assertLess(len(frames), 41 * FRAMES)
            self.assertEqual((summary["complete"], summary["ended"]), (False, "by a signal"))
            self.assertIn(f"frames     {len(frames)} of", shown)
            self.assertEqual([p.name for p in self.folder.iterdir()], ["scores.jsonl"])

    def test_whoever_reads_may_leave(self):
        child = subprocess.Popen([PLAYER, "--json", "-", reference(), reference()], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        child.stdout.readline()
        child.stdout.close()
        self.assertEqual((child.wait(PATIENCE_S), child.stderr.read()), (-signal.SIGPIPE, b""))
        child.stderr.close()

    def test_one_line_on_a_terminal_and_a_line_a_frame_elsewhere(self):
        done = play(reference(), reference())
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        for n, line in enumerate(lines[:FRAMES]):
            self.assertRegex(line, rf"^frame {n}: \d+\.\d\d, mean \d+\.\d\d; .* of 100 ms: decode .*, features .*, "
                                   r"scoring .* us \(.* %\)$")
        self.assertEqual([line.split()[0] for line in lines[FRAMES:]], ["frames", "score", "a"])
        self.assertNotIn("\x1b", done.stdout)

        ours, theirs = pty.openpty()
        child = subprocess.Popen([PLAYER, reference(), reference()], stdout=theirs, stderr=subprocess.PIPE)
        os.close(theirs)
        seen = b""
        while select.select([ours], [], [], PATIENCE_S)[0]:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # closed at the other end
                break
            if not piece:
                break
            seen += piece
        os.close(ours)
        self.assertEqual((child.wait(PATIENCE_S), child.stderr.read()), (0, b""))
        child.stderr.close()
        updates, _, summary = seen.rpartition(b"\r\x1b[K")
        self.assertNotIn(b"\n", updates)
        self.assertIn(b"\r\x1b[Kframe 0: ", updates)
        self.assertEqual([line.split()[0] for line in summary.decode().splitlines()], ["frames", "score", "a"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
