#!/usr/bin/env python3
"""Writes, runs and keeps the notebook: write.py [--check]. With --check it is run and nothing is
kept; exits 1 where a cell fails, or prints other text than the one that is kept. Wants
tests/python/requirements.txt."""
import pathlib
import sys

import nbformat
from nbclient import NotebookClient

HERE = pathlib.Path(__file__).resolve().parent
NOTEBOOK = HERE / "quality.ipynb"


def cells(source):
    """quality.py: a cell a block; those of comments only are Markdown."""
    for block in source.split("\n# %%\n")[1:]:
        lines = block.strip("\n").split("\n")
        if all(line.startswith("#") for line in lines):
            yield nbformat.v4.new_markdown_cell("\n".join(line[2:] if line != "#" else "" for line in lines))
        else:
            yield nbformat.v4.new_code_cell("\n".join(lines))


def told(notebook):
    """(the number of a cell, its text), but for what depends on the machine: a fit by its linear algebra."""
    for number, cell in enumerate(notebook.cells):
        if "MLPRegressor(" not in cell["source"]:
            for output in cell.get("outputs", []):
                yield number, output.get("text") or output.get("data", {}).get("text/plain")


def main():
    made = nbformat.v4.new_notebook(cells=list(cells((HERE / "quality.py").read_text("utf-8"))))
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell{number}"
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    NotebookClient(made, timeout=600, resources={"metadata": {"path": str(HERE)}}).execute()
    for cell in made.cells:
        cell["metadata"] = {}
    made.metadata.pop("language_info", None)
    if "--check" not in sys.argv:
        nbformat.write(made, NOTEBOOK)
        return
    kept, fresh = (list(told(n)) for n in (nbformat.read(NOTEBOOK, as_version=4), made))
    if kept != fresh:
        other = next((k, f) for k, f in zip([*kept, None], [*fresh, None]) if k != f)
        sys.exit(f"{NOTEBOOK.name} keeps\n{other[0]}\nand now it is\n{other[1]}\nRun {pathlib.Path(__file__).name} to keep that")


if __name__ == "__main__":
    main()
