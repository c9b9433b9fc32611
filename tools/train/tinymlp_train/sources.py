"""Where pictures come from: reference clips as raw video, cut to a few frames.

Content is taken from Debian's opencv-doc package and from ffmpeg's generators, so that anyone can
make the same sources; any other video file can be added by name.
"""
import gzip
import pathlib
import shutil
from dataclasses import dataclass, replace

OPENCV_DOC = pathlib.Path("/usr/share/doc/opencv-doc")
CLIP_FRAMES = 48   # of each half of a clip
OTHER_FRAMES = 24  # of a still in motion and of synthetic content
EXTREME_FRAMES = 8


@dataclass(frozen=True)
class Source:
    """One reference. `input` are ffmpeg's arguments up to and with -i; `filters` follow it."""

    name: str
    frames: int
    input: tuple
    filters: str
    path: pathlib.Path = None  # the file that must exist, when there is one

    def packed(self):
        return self.path is not None and self.path.suffix == ".gz"


def clip(name, path, start=0.0, frames=CLIP_FRAMES):
    """Frames of a video file, from `start` seconds on, progressive and at their own size (made
    even, as 4:2:0 needs)."""
    return Source(name, frames, ("-ss", f"{start:g}", "-i", "{path}"),
                  "crop=trunc(iw/2)*2:trunc(ih/2)*2", pathlib.Path(path))


def still(name, path, dx, dy, grain):
    """A still in motion: a window that drifts by (dx, dy) pixels a frame while it closes in, with
    film-like grain of the given strength that differs from frame to frame."""
    motion = ("scale=1280:960:force_original_aspect_ratio=increase:flags=bicubic,crop=1280:960,"
              f"zoompan=z='1.25+0.004*on':x='(iw-iw/zoom)/2+{dx}*on':y='(ih-ih/zoom)/2+{dy}*on'"
              f":d={OTHER_FRAMES}:s=640x480:fps=25,noise=alls={grain}:allf=t:all_seed=7")
    return Source(name, OTHER_FRAMES, ("-i", "{path}"), motion, pathlib.Path(path))


def synthetic(name, generator):
    return Source(name, OTHER_FRAMES, ("-f", "lavfi", "-i", generator), "null")


def with_frames(source, frames):
    return replace(source, frames=frames)


def defaults():
    """Every source of a full run, by name. Halves of one clip end in _a and _b."""
    data, pages = OPENCV_DOC / "examples/data", OPENCV_DOC / "opencv4/html"
    found = []
    for name, path, half in (
            ("vtest", data / "vtest.avi", 40.0), ("megamind", data / "Megamind.avi", 5.0),
            ("box", pages / "box.mp4.gz", 8.0), ("cup", pages / "cup.mp4.gz", 4.0)):
        found += [clip(f"{name}_a", path), clip(f"{name}_b", path, half)]
    found.append(clip("tree", data / "tree.avi"))  # 68 frames: too short for two halves
    for i, picture in enumerate((
            "aloeL", "baboon", "board", "building", "butterfly", "fruits", "graf1", "home",
            "leuvenA", "messi5")):
        found.append(still(f"st_{picture.lower()}", next_file(data, picture),
                           dx=(i % 5) - 2, dy=(i % 3) - 1, grain=2 * (i % 4)))
    size = "size=640x480:rate=25"
    found += [
        synthetic("syn_testsrc2", f"testsrc2={size}"),
        synthetic("syn_gradients", f"gradients={size}:seed=1:speed=0.02"),
        synthetic("syn_life", "life=s=640x480:r=25:seed=1:mold=10"),
        synthetic("syn_cellauto", "cellauto=s=640x480:r=25:rule=110:seed=1"),
    ]
    return {s.name: s for s in found}


def extremes():
    """Sources of a run with --extremes, by name: film, video and a still that no network was trained on,
    and what cameras do not give: nothing, a still pattern, noise, every frame another, flashes."""
    size = "s=640x480:r=25"
    luma = f"nullsrc={size},geq=lum='{{}}':cb=128:cr=128"
    found = [replace(source, frames=EXTREME_FRAMES) for name, source in defaults().items()
             if name in ("megamind_a", "tree", "st_baboon")]
    found += [Source(name, EXTREME_FRAMES, ("-f", "lavfi", "-i", generator), "null") for name, generator in (
        ("ex_black", f"color=black:{size}"),
        ("ex_bars", f"smptehdbars={size}"),
        ("ex_noise", luma.format("16+219*random(1)")),
        # A picture that jumps: each frame is a far part of one pattern.
        ("ex_cuts", luma.format("126+60*sin((X+320*mod(7*N,11))/40)+49*sin((Y+240*mod(5*N,7))/23)")),
        ("ex_flashes", luma.format("if(mod(N,2),235,16)+0*X")))]
    return {s.name: s for s in found}


def next_file(folder, stem):
    """`folder/stem` with whichever picture ending is there; .jpg when none is, for the error."""
    for ending in (".jpg", ".png"):
        if (folder / (stem + ending)).exists():
            return folder / (stem + ending)
    return folder / (stem + ".jpg")


def unpacked(source, folder):
    """The path that ffmpeg can open; a .gz file is unpacked into `folder`."""
    if source.path is None:
        return None
    if not source.path.exists():
        hint = " (apt-get install opencv-doc)" if OPENCV_DOC in source.path.parents else ""
        raise FileNotFoundError(f"{source.name}: {source.path} is not there{hint}")
    if not source.packed():
        return source.path
    target = folder / source.path.stem
    with gzip.open(source.path) as packed, open(target, "wb") as plain:
        shutil.copyfileobj(packed, plain)
    return target
