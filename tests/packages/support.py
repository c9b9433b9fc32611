"""What the tests of packages share: running commands, clones, the consumer's score."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONSUMER = ROOT / "tests" / "packages" / "consumer"
# Which says the same with any flags, and is compiled soonest with these.
FAST = {"CXXFLAGS": "-O0"}


def run(*command, **options):
    environment = options.pop("environment", {})
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False,
                          env={**os.environ, **environment}, **options)


def must(*command, **environment):
    done = run(*command, environment=environment)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def clone(to, *configuration):
    """What is committed, as somebody else has it."""
    must("git", "clone", "--quiet", *configuration, ROOT, to)
    must("git", "-C", to, "config", "user.name", "tests")
    must("git", "-C", to, "config", "user.email", "tests@example.org")
    return to


def expected_score(folder):
    """What each consumer prints: compiled from this tree's header."""
    program = folder / "expected"
    must("c++", "-std=c++20", "-O0", f"-I{ROOT / 'include'}", CONSUMER / "player.cpp", "-o", program)
    return must(program)
