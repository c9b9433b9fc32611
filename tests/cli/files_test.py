#!/usr/bin/env python3
"""What the program does to the file system: what it reads it does not overwrite, what it replaces keeps
its owner, and nothing is left behind however a run ends."""
import os
import pathlib
import resource
import signal
import stat
import subprocess
import time
import unittest

import program
from program import PROGRAM, ROOT, SAMPLES, ProgramTest, csv_text, reference_rows

LOG = SAMPLES / "vtest_x264_36.csv"
MODEL = ROOT / "model" / "mlp_small.onnx"

# Every catchable signal that ends a program by default, but for those of its own faults.
ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1,
          signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGXCPU)


def as_on_a_terminal():
    """Signals as a shell in the foreground leaves them, and no core files."""
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def open_files(pid, folder):
    """How many files in the folder a process has open to write, with a name or without."""
    count = 0
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += os.readlink(entry).startswith(f"{folder}/")
        except OSError:
            pass
    return count


class Inputs(ProgramTest):
    """No output goes into a file that is read from, by whatever name."""

    def refuse_from_stdin(self, content, *arguments, because="would overwrite standard input"):
        path = self.write("in.file", content)
        with open(path, "rb") as stdin:
            done = subprocess.run([PROGRAM, *(str(path) if a is ... else str(a) for a in arguments)],
                                  stdin=stdin, capture_output=True)
        self.assertEqual((done.returncode, done.stdout), (2, b""), done.stderr)
        self.assertIn(because, done.stderr.decode())
        self.assertEqual(path.read_bytes(), content)

    def test_standard_input(self):
        rows, model = LOG.read_bytes(), MODEL.read_bytes()
        self.refuse_from_stdin(model, "quantize", "-", "--output", ...)
        self.refuse_from_stdin(model, "embed", "-", "--name", "m", "--output", ...)
        self.refuse_from_stdin(rows, "quantize", MODEL, "--static", "-", "--output", ...)
        self.refuse_from_stdin(rows, "score", "-", "--output", ...)
        self.refuse_from_stdin(rows, "run", MODEL, "-", "--output", ...)
        self.refuse_from_stdin(model, "run", "-", LOG, "--output", ...)
        self.refuse_from_stdin(model, "latency", "--model", "-", "--output", ...)

    def test_pictures(self):
        svg = self.write("in.svg", LOG.read_bytes())
        for command in (("score", "-"), ("run", MODEL, "-")):
            with open(svg, "rb") as stdin:
                done = subprocess.run([PROGRAM, *map(str, command), "--plot", svg], stdin=stdin,
                                      capture_output=True)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(b"--plot would overwrite standard input", done.stderr)
        self.assertEqual(svg.read_bytes(), LOG.read_bytes())

    def test_other_names_of_it(self):
        log = self.write("log.csv", LOG.read_bytes())
        (self.folder / "soft.csv").symlink_to("log.csv")
        os.link(log, self.folder / "hard.csv")
        for other in ("soft.csv", "hard.csv", "./log.csv"):
            self.refuse("score", log, "--output", f"{self.folder}/{other}", status=2,
                        because=f"--output would overwrite {log}")

    def test_standard_output_that_is_the_input(self):
        """`>> FILE`: it would be read while it grows."""
        for name, content, command in (
                ("log.csv", LOG.read_bytes(), ("score",)), ("m.onnx", MODEL.read_bytes(), ("inspect",)),
                ("r.json", b"{}", ("registry", "validate", "--registry"))):
            path = self.write(name, content)
            with open(path, "ab") as out:
                done = subprocess.run([PROGRAM, *command, path], stdout=out, stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(f"standard output would overwrite {path}".encode(), done.stderr)
            self.assertEqual(path.read_bytes(), content)

    def test_a_picture_that_is_standard_output(self):
        svg = self.folder / "plot.svg"
        with open(svg, "wb") as out:
            done = subprocess.run([PROGRAM, "score", LOG, "--plot", svg], stdout=out,
                                  stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"--output and --plot are the same file", done.stderr)

    def test_devices_are_no_files(self):
        self.accept("score", "-", "--output", "/dev/null", stdin=LOG.read_bytes())
        with open("/dev/null", "rb") as null:
            done = subprocess.run([PROGRAM, "score", "-", "--output", "/dev/null"], stdin=null,
                                  capture_output=True)
        self.assertEqual(done.returncode, 1)  # no rows


class Links(ProgramTest):
    def test_a_loop_is_not_replaced(self):
        for name, target in (("a.csv", "b.csv"), ("b.csv", "a.csv"), ("self.csv", "self.csv")):
            (self.folder / name).symlink_to(target)
        for name in ("a.csv", "self.csv"):
            self.refuse("score", LOG, "--output", self.folder / name,
                        because=f"{name}: cannot write: Too many levels of symbolic links")
            self.assertTrue((self.folder / name).is_symlink())
        self.assertEqual(len(os.listdir(self.folder)), 3)


class Owners(ProgramTest):
    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_anothers_file_stays_anothers(self):
        path = self.write("out.csv", "before")
        os.chown(path, 12345, 23456)
        path.chmod(0o6754)
        self.accept("score", LOG, "--output", path)
        status = path.stat()
        self.assertEqual((status.st_uid, status.st_gid), (12345, 23456))
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o754)

    def test_set_id_bits_go(self):
        path = self.write("out.csv", "before")
        path.chmod(0o7751)
        self.accept("score", LOG, "--output", path)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o751)


class Endings(ProgramTest):
    """Nothing is left of a run that does not come to its end."""

    def start(self, *prefix):
        """A run that has its two files open and waits for more rows."""
        child = subprocess.Popen(
            [*prefix, PROGRAM, "score", "--output", self.folder / "out.csv", "--plot",
             self.folder / "plot.svg", "-"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
            preexec_fn=as_on_a_terminal)
        self.addCleanup(child.wait)
        self.addCleanup(child.stdin.close)
        self.addCleanup(child.kill)
        child.stdin.write(csv_text(reference_rows()).encode())
        child.stdin.flush()
        return child

    def test_signals(self):
        self.write("out.csv", "before")
        for number in (*ENDING, signal.SIGKILL, signal.SIGABRT):
            child = self.start()
            for _ in range(500):
                if open_files(child.pid, self.folder) == 2:
                    break
                time.sleep(0.02)
            self.assertEqual(open_files(child.pid, self.folder), 2)
            self.assertEqual(os.listdir(self.folder), ["out.csv"])  # no name before the end
            child.send_signal(number)
            self.assertEqual(child.wait(60), -number)
            self.assertEqual(os.listdir(self.folder), ["out.csv"])
        self.assertEqual((self.folder / "out.csv").read_text(), "before")

    def test_a_file_that_may_grow_no_more(self):
        def limit():
            as_on_a_terminal()
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        done = program.run("score", LOG, "--output", self.folder / "out.csv", preexec_fn=limit)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"out.csv: cannot write: File too large", done.stderr)
        self.assertEqual(os.listdir(self.folder), [])

    def test_where_files_need_a_name_from_the_start(self):
        hide = self.hiding_proc()
        out = self.folder / "out.csv"
        subprocess.run([*hide, PROGRAM, "score", LOG, "--output", out], check=True)
        self.assertEqual(out.read_bytes(), self.accept("score", LOG))
        self.assertEqual(os.listdir(self.folder), ["out.csv"])
        out.write_text("before")
        for number in ENDING:
            child = self.start(*hide)
            for _ in range(500):
                if len(os.listdir(self.folder)) == 3:
                    break
                time.sleep(0.02)
            self.assertEqual(len(os.listdir(self.folder)), 3)
            child.send_signal(number)
            self.assertEqual(child.wait(60), -number)
            self.assertEqual(os.listdir(self.folder), ["out.csv"])
        self.assertEqual(out.read_text(), "before")


class StandardOutput(ProgramTest):
    def commands(self):
        rows = self.write("rows.csv", csv_text(reference_rows()))
        registry = ROOT / "model" / "registry.json"
        return (("--help",), ("--version",), ("score", "--help"), ("registry", "add", "--help"),
                ("score", LOG), ("score", "--format", "json", LOG), ("inspect", MODEL), ("isa",),
                ("signature",), ("embed", MODEL), ("run", MODEL, rows), ("latency", "--frames", 9),
                ("quant-drop", "--all", "--registry", registry),
                ("registry", "validate", "--registry", registry))

    def test_a_full_disk(self):
        for command in self.commands():
            with self.subTest(command=command), open("/dev/full", "wb") as full:
                done = subprocess.run([PROGRAM, *map(str, command)], stdout=full,
                                      stderr=subprocess.PIPE)
                self.assertEqual(done.returncode, 2 if command[0] == "quant-drop" else 1)
                self.assertIn(b"standard output: cannot write: No space left", done.stderr)

    def test_a_reader_that_goes_away(self):
        """As SIGPIPE ends a program, and without a word; a picture is not left half-written."""
        picture = ("score", LOG, "--plot", self.folder / "plot.svg")
        for command in (*self.commands(), picture):
            with self.subTest(command=command):
                reader, writer = os.pipe()
                os.close(reader)
                done = subprocess.run([PROGRAM, *map(str, command)], stdout=writer,
                                      stderr=subprocess.PIPE)
                os.close(writer)
                self.assertEqual((done.returncode, done.stderr), (-signal.SIGPIPE, b""))
        self.assertEqual(os.listdir(self.folder), ["rows.csv"])

    def test_a_reader_that_goes_away_in_the_middle(self):
        rows = csv_text(reference_rows() * 5000)
        head = subprocess.run(["sh", "-c", '"$0" score - | head -n 2; exit 0', PROGRAM],
                              input=rows.encode(), capture_output=True)
        self.assertEqual((head.stdout.count(b"\n"), head.stderr), (2, b""))

    def test_little_memory(self):
        """However little there is beyond what the program's own start takes, it says so."""
        def run(kibibytes, *arguments):
            def limit():
                resource.setrlimit(resource.RLIMIT_AS, (kibibytes << 10, kibibytes << 10))
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            return program.run(*arguments, preexec_fn=limit)
        start = next((k for k in range(8000, 200_000, 200) if run(k, "--version").returncode == 0),
                     None)
        if start is None:
            self.skipTest("a sanitizer needs more address space than that")
        deep = "a/" * 60_000  # whose parts take as much again to hold one by one
        told = set()
        for kibibytes in range(start + 400, start + 40_000, 800):
            done = run(kibibytes, "score", deep + "log.csv", "--output", deep + "out.csv")
            self.assertEqual(done.returncode, 1, (kibibytes, done.stderr[:200]))
            told.add(done.stderr[:23])
        self.assertIn(b"tinymlp: out of memory\n", told)


if __name__ == "__main__":
    program.main()
