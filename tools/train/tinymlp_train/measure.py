"""Runs ffmpeg, which makes references and variants, and an ffprobe with libvmaf, which measures."""
import json
import math
import os
import pathlib
import shutil
import subprocess

from .corpus import FEATURES, CorpusError

MODEL = "vmaf_v0.6.1"
# Written so that scaling gives the same bits on every CPU.
SCALER = "flags=bicubic+accurate_rnd+bitexact"
FETCHED = pathlib.Path("build/train/ffprobe/ffprobe")


class ToolError(RuntimeError):
    """A tool is missing or failed; the message holds its name and what it said last."""


def run(command, folder):
    """Standard output of a command run in `folder`; ToolError when it fails."""
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace")
    except OSError as error:
        raise ToolError(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        last = " / ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise ToolError(f"{command[0]} failed with status {done.returncode}: {last}")
    return done.stdout


def has_libvmaf(ffprobe):
    return " libvmaf " in run([ffprobe, "-hide_banner", "-filters"], ".")


def find_ffprobe(named):
    """The ffprobe to measure with: the named one, the fetched one, or the system's."""
    for candidate in filter(None, (named, FETCHED if FETCHED.exists() else None, "ffprobe")):
        path = shutil.which(candidate)
        if path and has_libvmaf(path):
            return os.path.abspath(path)
        if named:
            raise ToolError(f"{named}: not a program, or built without libvmaf")
    raise ToolError("no ffprobe with libvmaf; tools/train/fetch_ffprobe gets one")


def version(tool):
    return run([tool, "-version"], ".").splitlines()[0]


def ffmpeg(tool, folder, arguments):
    run([tool, "-nostdin", "-v", "error", "-y", "-bitexact"] + list(arguments), folder)


def y4m_geometry(path):
    """(width, height, frames) of an 8-bit 4:2:0 Y4M file, from its header and its length."""
    with open(path, "rb") as stream:
        header = stream.readline(1024)
    fields = {f[:1]: f[1:] for f in header.split()}
    width, height = int(fields[b"W"]), int(fields[b"H"])
    picture = width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    return width, height, (path.stat().st_size - len(header)) // (len(b"FRAME\n") + picture)


def make_reference(tool, folder, source, path):
    """Writes ref.y4m, exactly source.frames frames of 8-bit 4:2:0, and returns (width, height)."""
    arguments = [a.format(path=os.path.abspath(path)) if a == "{path}" else a for a in source.input]
    ffmpeg(tool, folder, arguments + [
        "-vf", source.filters, "-frames:v", str(source.frames), "-fps_mode", "passthrough", "-an",
        "-pix_fmt", "yuv420p", "ref.y4m"])
    width, height, frames = y4m_geometry(folder / "ref.y4m")
    if frames != source.frames:
        raise CorpusError(f"{source.name}: {source.path or 'the generator'} gives {frames} frames "
                          f"there, {source.frames} are needed")
    return width, height


def make_variant(tool, folder, variant, size, frames):
    """Writes what is measured against ref.y4m, at most as many frames, and returns its name."""
    raw = ["-frames:v", str(frames), "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "dis.y4m"]
    if variant.filter():
        ffmpeg(tool, folder, ["-i", "ref.y4m", "-vf", variant.filter()] + raw)
        return "dis.y4m"
    encoder = variant.encoder()
    if encoder is None:
        return "ref.y4m"
    arguments, scale = encoder
    width, height = size
    shrink = []
    if scale:
        up, down = scale
        shrink = ["-vf", f"scale={width * up // down // 2 * 2}:{height * up // down // 2 * 2}:"
                  + SCALER]
    ffmpeg(tool, folder, ["-i", "ref.y4m"] + shrink + arguments
           + ["-fps_mode", "passthrough", "dis.mkv"])
    grow = ["-vf", f"scale={width}:{height}:{SCALER}"] if scale else []
    ffmpeg(tool, folder, ["-i", "dis.mkv"] + grow + raw)
    return "dis.y4m"


def measure(ffprobe, folder, distorted):
    """Per frame, the six features and the score, of `distorted` against ref.y4m. Both files lie in
    `folder`, where their names need no escaping inside a filter graph."""
    log = folder / "log.json"
    log.unlink(missing_ok=True)
    # Without a common time base the filter pairs frames wrongly at some frame rates, and without
    # frame entries to show ffprobe stops after the first frame.
    graph = (f"movie={distorted},settb=AVTB,setpts=N[d];movie=ref.y4m,settb=AVTB,setpts=N[r];"
             f"[d][r]libvmaf=model='version={MODEL}':log_fmt=json:log_path=log.json:n_threads=1")
    run([ffprobe, "-v", "error", "-f", "lavfi", "-i", graph, "-show_entries", "frame=pts"], folder)
    return read_log(log)


def read_log(path):
    try:
        frames = json.loads(path.read_text("utf-8"))["frames"]
    except (OSError, ValueError, KeyError) as error:
        raise CorpusError(f"{path.name}: no libvmaf log: {error}") from error
    rows = []
    for expected, frame in enumerate(frames):
        metrics = frame["metrics"]
        row = [metrics.get("integer_" + f, metrics.get(f)) for f in FEATURES]
        row.append(metrics.get("vmaf"))
        if frame["frameNum"] != expected or any(v is None or not math.isfinite(v) for v in row):
            raise CorpusError(f"{path.name}: frame {frame['frameNum']} is incomplete")
        rows.append(row)
    return rows
