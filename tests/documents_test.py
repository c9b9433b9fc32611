#!/usr/bin/env python3
"""What Markdown files say can be done: each sample in a fence has a test that compiles or runs it, each command line
names what is there and options that it has, each link and each path in backticks leads somewhere."""
import os
import pathlib
import re
import shlex
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(p for p in ROOT.rglob("*.md")
                   if not any(part.startswith((".", "build")) or part == "node_modules"
                              for part in p.relative_to(ROOT).parts))
# Fences by document and language -> the test that takes them from there.
SAMPLES = {
    ("README.md", "cpp"): (3, "tests/readme_test.py"),
    ("README.md", "c"): (1, "tests/readme_test.py"),
    ("README.md", "python"): (1, "tests/python/samples_test.py"),
    ("README.md", "js"): (1, "tests/web/node/samples.test.mjs"),
    ("tools/python/README.md", "python"): (1, "tests/python/samples_test.py"),
    ("tools/web/package/README.md", "js"): (1, "tests/web/node/samples.test.mjs"),
}
SHOWN = "text"  # the language of fences that show what is printed, or a list
# Programs of others; what they are given is theirs to know.
OTHERS = {"apt-get", "c++", "cc", "cmake", "conan", "git", "gpg", "meson", "ninja", "pip", "python", "python3", "rustc",
          "sha256sum", "vcpkg", "xz"}
# Lines that look like commands and are none.
NO_COMMANDS = {"engine/network/precision/isa/mode"}  # how benchmarks are named


def name_of(document):
    return document.relative_to(ROOT).as_posix()


def indented_lines(text):
    """Lines of indented blocks, joined where they end in a backslash, outside of fences and lists."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"\\\n\s*", "", text)
    previous = ""
    for line in text.split("\n"):
        starts = not previous.strip() or previous.startswith("    ")
        if starts and re.match(r"    \S", line):
            yield line.strip()
        previous = line


def is_listing(line, folder):
    """`name   what it is`"""
    match = re.match(r"(\S+)(?:  +([^#\s].*))?$", line)
    return match is not None and any((base / match[1]).exists() for base in (folder, ROOT)) and \
        (match[2] is not None or match[1].endswith("/"))


def commands(line):
    """Words of each command of a line, without comments and variables set before it."""
    words = shlex.split(line, comments=True)
    command = []
    for word in [*words, "&&"]:
        if word in ("&&", "|", ";"):
            while command and re.match(r"\w+=", command[0]):
                command.pop(0)
            if command:
                yield command
            command = []
        else:
            command.append(word)


def missing_options(script, arguments):
    """Those that the script's text does not have."""
    text = script.read_text("utf-8")
    options = [a.split("=")[0] for a in arguments if re.match(r"--\w", a)]
    meson = (ROOT / "meson_options.txt").read_text()
    return [o for o in options if o not in text and f'add_argument("{o}"' not in text and
            f'"{o.removeprefix("--")}"' not in text] + \
        [a for a in arguments if re.match(r"-D\w+=", a) and not a.startswith("-Dpkg_config_path=") and  # Meson's own
         f"option('{a[2:].split('=')[0]}'" not in meson]


def wrong(command):
    """What is wrong with a command, or None."""
    first = command[0]
    if first in ("taskset", "nice"):
        return wrong(command[3:])
    if first.endswith("/python") or first in ("$python", "python3", "python"):
        if command[1:2] == ["-m"]:
            return None
        script = ROOT / command[1]
        return f"no {command[1]}" if not script.is_file() else missing_options(script, command[2:])
    if first.startswith("build") and "/" in first:
        target = pathlib.Path(first).name
        files = [p for p in ROOT.glob("**/meson.build") if "build" not in p.relative_to(ROOT).parts[0]]
        return None if any(f"executable('{target}'" in p.read_text() for p in files) else f"no program {target}"
    script = ROOT / first
    if "/" in first and not first.startswith("$"):
        if not script.is_file() or not os.access(script, os.X_OK):
            return f"{first} is no program here"
        if first == "tools/setup" and not re.search(rf"^{command[1]}\) wanted", script.read_text(), re.MULTILINE):
            return f"tools/setup knows no {command[1]}"
        return missing_options(script, command[1:])
    if first == "tinymlp":
        return None  # tests/cli/samples_test.py runs it
    if first == "tinymlp-player":
        return missing_options(ROOT / "tools/player/main.cpp", command[1:])
    return None if first in OTHERS else f"{first}: what is it?"


class Documents(unittest.TestCase):
    def test_every_fenced_sample_has_its_test(self):
        found = {}
        for document in DOCUMENTS:
            for language in re.findall(r"^```(\w*)\n.*?^```$", document.read_text("utf-8"), re.MULTILINE | re.DOTALL):
                if language == SHOWN:
                    continue
                key = name_of(document), language
                if language != "text":  # which is what something printed
                    found[key] = found.get(key, 0) + 1
        self.assertEqual(found, {key: count for key, (count, _) in SAMPLES.items()})
        for (document, language), (_, test) in SAMPLES.items():
            text = (ROOT / test).read_text("utf-8")
            self.assertIn(pathlib.Path(document).name, text)
            if document != "README.md":
                self.assertIn(document.removesuffix("/README.md"), text.replace("', '", "/"), (document, language))

    def test_command_lines_name_what_is_there(self):
        seen, faults = 0, []
        for document in DOCUMENTS:
            for line in indented_lines(document.read_text("utf-8")):
                if line.split()[0] in NO_COMMANDS or is_listing(line, document.parent):
                    continue
                for command in commands(line):
                    seen += 1
                    if fault := wrong(command):
                        faults.append(f"{name_of(document)}: {line}: {fault}")
        self.assertEqual(faults, [])
        self.assertGreater(seen, 40)

    def test_links_and_paths_lead_somewhere(self):
        faults = []
        for document in DOCUMENTS:
            text = document.read_text("utf-8")
            for link in re.findall(r"\]\(([^)#\s]+)", text):
                if "://" not in link and not (document.parent / link).exists():
                    faults.append(f"{name_of(document)}: ({link})")
            for path in re.findall(r"`((?:tools|tests|bench|model|include)/[\w./-]*)[^`]*`", text):
                if "<" not in path and not any((base / path).exists() for base in (ROOT, document.parent)) and \
                        not list(ROOT.glob(path + "*")):
                    faults.append(f"{name_of(document)}: `{path}`")
        self.assertEqual(faults, [])


class Checks(unittest.TestCase):
    """That the checks above see what they are for."""

    def test_a_command_that_is_wrong_is_told(self):
        for line in ("tools/no_such", "tools/check --nothing", "tools/setup nothing", "build/tools/nothing",
                     "README.md --x", "$python tools/train/nothing.py", "nonsense", "tools/build build -Dnothing=on"):
            with self.subTest(line=line):
                self.assertTrue(any(wrong(command) for command in commands(line)))

    def test_a_block_is_read_whole(self):
        text = "Text\n\n    one \\\n      --two\n    three && four # five\n\n```\n    six\n```\n"
        lines = list(indented_lines(text))
        self.assertEqual(lines, ["one --two", "three && four # five"])
        self.assertEqual([c for line in lines for c in commands(line)], [["one", "--two"], ["three"], ["four"]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
