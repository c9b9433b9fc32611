"""The ladder: the ways in which a reference is made worse, from barely to hopelessly."""
import math
from dataclasses import dataclass

# Every encoder runs on one thread: with more, some give other bits from run to run.
ENCODERS = {
    "x264": ("-c:v", "libx264", "-preset", "medium", "-threads", "1", "-crf", "{param}"),
    "x265": ("-c:v", "libx265", "-preset", "medium", "-x265-params",
             "log-level=error:pools=1:frame-threads=1", "-crf", "{param}"),
    "mpeg2": ("-c:v", "mpeg2video", "-threads", "1", "-q:v", "{param}"),
    "mpeg4": ("-c:v", "mpeg4", "-threads", "1", "-q:v", "{param}"),
    "vp9": ("-c:v", "libvpx-vp9", "-threads", "1", "-deadline", "good", "-cpu-used", "4",
            "-b:v", "0", "-crf", "{param}"),
    "av1": ("-c:v", "libsvtav1", "-preset", "8", "-svtav1-params", "lp=1", "-crf", "{param}"),
}
FILTERS = {
    "blur": "gblur=sigma={param}",
    "noise": "noise=alls={param}:allf=t:all_seed=3",
    "contrast": "eq=contrast={param}",
    "unsharp": "unsharp=5:5:{param}",
    # What no encoder does, and a broken chain of tools does:
    "level": "lutyuv=y={param}:u=128:v=128",  # one grey for all of the frame; 16 is black
    "delay": "tpad=start={param}:start_mode=clone",  # frames late
    "freeze": "trim=end_frame={param},loop=loop=-1:size=1",
    "shift": "crop=iw-{param}:ih-{param}:0:0,pad=iw+{param}:ih+{param}:{param}:{param}",  # pixels
    "turn": "rotate={param}*PI/180",  # 180: another picture with the same statistics
    "negate": "lutyuv=y=(maxval+minval-val)*{param}",
}
# What the encoders take. Beyond, they take the nearest bound in silence, and the row's label would
# be wrong; filters refuse by themselves.
RANGES = {"level": (0, 255), "freeze": (1, 1), "negate": (1, 1), "ref": (0, 0), "x264": (0, 51),
          "x265": (0, 51), "mpeg2": (2, 31), "mpeg4": (2, 31), "vp9": (0, 63), "av1": (1, 63)}
# Encoded at a fraction of the size and scaled back, as a streaming ladder's lower rungs are.
SCALES = {"": None, "_s2_3": (2, 3), "_s1_2": (1, 2), "_s1_3": (1, 3), "_s1_4": (1, 4)}

LADDER = {
    "ref": ("0",),
    "x264": ("16", "20", "24", "28", "32", "36", "40", "44", "48", "50"),
    "x264_s2_3": ("20", "26", "32", "38"),
    "x264_s1_2": ("18", "24", "30", "36"),
    "x264_s1_3": ("22", "30"),
    "x264_s1_4": ("20", "30"),
    "x265": ("20", "26", "32", "38", "44"),
    "mpeg2": ("3", "6", "12", "20", "31"),
    "mpeg4": ("4", "12", "26"),
    "vp9": ("24", "40", "54", "63"),
    "av1": ("30", "46", "60"),
    "blur": ("0.6", "1.2", "2.5"),
    "noise": ("10", "30"),
    "contrast": ("0.75", "1.2"),
    "unsharp": ("1.0",),
}
# What real material is at its worst: black, misaligned, frozen, hopeless, and sharper than its
# reference.
EXTREMES = ("ref:0", "level:16", "level:126", "level:235", "delay:1", "delay:4", "freeze:1", "shift:2",
            "shift:16", "turn:1", "turn:180", "negate:1", "contrast:0.1", "contrast:3", "unsharp:2.5",
            "unsharp:5", "noise:100", "blur:20", "x264:51", "x264_s1_4:51", "mpeg2_s1_4:31")
SMALL = ("ref:0", "x264:32", "x264_s1_2:30", "mpeg2:12", "blur:1.2")


@dataclass(frozen=True)
class Variant:
    """One rung: `codec` and `param` as the corpus names them."""

    codec: str
    param: str

    def filter(self):
        """The filter that makes it directly from the reference, or None."""
        pattern = FILTERS.get(self.codec)
        return pattern.format(param=self.param) if pattern else None

    def encoder(self):
        """(ffmpeg's encoder arguments, scale fraction or None), or None for what is no encode."""
        for suffix, scale in SCALES.items():
            pattern = ENCODERS.get(self.codec[:len(self.codec) - len(suffix)])
            if pattern and self.codec.endswith(suffix):
                return [a.format(param=self.param) for a in pattern], scale
        return None


def all_variants():
    return [Variant(codec, param) for codec, params in LADDER.items() for param in params]


def parse(text):
    """A Variant from `codec:param`; ValueError says which codecs there are. The parameter must be a
    number, since it becomes part of a command."""
    codec, colon, param = text.partition(":")
    variant = Variant(codec, param)
    if not colon or not (codec == "ref" or variant.filter() or variant.encoder()):
        known = ", ".join(LADDER)
        raise ValueError(f"{text!r} is no variant: write codec:param, with a codec of {known}")
    try:
        number = float(param)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{text!r}: the parameter must be a number")
    low, high = RANGES.get(codec.split("_")[0], (number, number))
    if not low <= number <= high:
        raise ValueError(f"{text!r}: the parameter must lie within {low} and {high}")
    return variant
