"""SVG pictures that read on a light and on a dark page.

Whatever is drawn in INK takes the page's text colour through a style sheet inside the file; other
colours are chosen to stand out on both.
"""
import io
import re

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402  (after the backend is chosen)

from . import files  # noqa: E402

INK = "#0f1e2d"
COLOURS = {"mlp_small": "#2f81f7", "mlp_medium": "#d9822b", "mlp_large": "#3fa34d"}
STYLE = """<style type="text/css">
svg { color: #1f2328; }
@media (prefers-color-scheme: dark) { svg { color: #d7dde4; } }
</style>"""

pyplot.rcParams.update({
    "svg.fonttype": "none",
    "svg.hashsalt": "tinymlp",  # ids that are the same in every run
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.5,
    "axes.linewidth": 0.8,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "grid.color": "#8b949e",
    "grid.alpha": 0.3,
    "grid.linewidth": 0.6,
    "image.composite_image": False,
})


def save(figure, path, title):
    """Writes the figure with `title` as its accessible name; the same data give the same bytes."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Title": title})
    pyplot.close(figure)
    svg = buffer.getvalue().replace(INK, "currentColor")
    svg = re.sub(r"(<svg [^>]*>)", lambda m: m.group(1) + "\n" + STYLE, svg, count=1)
    files.write_text(path, svg)
