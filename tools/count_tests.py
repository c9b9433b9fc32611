#!/usr/bin/env python3
"""Count the test cases in meson's testlog.json: those that doctest and unittest report of
themselves, and one for any other program. Prints `N passed, N failed`; exits 1 on failures.

    count_tests.py testlog.json
    count_tests.py --unittest OUTPUT STATUS     the same of one unittest run's output
"""
import json
import re
import sys

DOCTEST = re.compile(r"\[doctest\] test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed")
UNITTEST = re.compile(r"^Ran (\d+) tests? in", re.M)
UNITTEST_SKIPPED = re.compile(r"^(\w+) \([^)]*\)(?:\n.*)? \.\.\. skipped ['\"](.*)['\"]$", re.M)
UNITTEST_DETAIL = re.compile(r"\b(failures|errors|unexpected successes|skipped)=(\d+)")


def count(entry):
    """(passed, failed, skipped) of one test program."""
    output = entry.get("stdout", "") + "\n" + entry.get("stderr", "")
    ok = entry["result"] in ("OK", "EXPECTEDFAIL")
    if entry["result"] == "SKIP":
        return 0, 0, 1
    passed = failed = skipped = 0
    for m in DOCTEST.finditer(output):
        passed += int(m[1])
        failed += int(m[2])
    for m in UNITTEST.finditer(output):
        end = output.find("Ran ", m.end())
        detail = dict(UNITTEST_DETAIL.findall(output[m.end() : end if end > 0 else None]))
        bad = sum(int(detail.get(k, 0)) for k in ("failures", "errors", "unexpected successes"))
        skipped += int(detail.get("skipped", 0))
        failed += bad
        passed += int(m[1]) - bad - int(detail.get("skipped", 0))
    if passed + failed + skipped == 0:
        passed, failed = (1, 0) if ok else (0, 1)
    if not ok and failed == 0:
        failed = 1  # crashed, hung or failed beyond its cases
    return passed, failed, skipped


def skipped_tests(entry):
    """(name, reason) of each case, or of the program as a whole."""
    program = entry.get("name", "").removeprefix("tinymlp:")
    output = entry.get("stdout", "") + "\n" + entry.get("stderr", "")
    if entry["result"] == "SKIP":
        return [(program, output.strip().rpartition("\n")[2] or "it says no reason")]
    return [(f"{program} {name}".strip(), why) for name, why in UNITTEST_SKIPPED.findall(output)]


# Why cases are skipped -> what they want, for the one line that tells of them.
WANTS = (
    (re.compile(r"beside the checkout|reference (models|registry|files)"),
     "reference files, which are not part of a clone"),
    (re.compile(r"onnx|jsonschema|tools/train/environment|--get brings"),
     "Python's onnx and ONNX Runtime or a newer Clang (tools/check --all brings them)"),
    (re.compile(r"not installed|needs |no strace"), "a program that is not installed"),
)


def summary_of_skipped(cases):
    """'(7 skipped: 4 want ..., 3 want ...)', and cases by name whose reason is none of the usual."""
    lines, wanted = [], {}
    for name, why in cases:
        want = next((text for pattern, text in WANTS if pattern.search(why)), None)
        if want is None:
            lines.append(f"skipped: {name}: {why}")
        else:
            wanted[want] = wanted.get(want, 0) + 1
    parts = [f"{n} want{'s' if n == 1 else ''} {want}" for want, n in wanted.items()]
    if cases:
        others = f"{len(lines)} for the reason{'s' if len(lines) > 1 else ''} above"
        lines.append(f"({len(cases)} skipped: {', '.join(parts + [others] * bool(lines))})")
    return lines


def main():
    try:
        if sys.argv[1] == "--unittest":
            with open(sys.argv[2], encoding="utf-8") as output:
                entries = [{"stdout": output.read(), "result": "FAIL" if int(sys.argv[3]) else "OK"}]
        else:
            with open(sys.argv[1], encoding="utf-8") as log:
                entries = [json.loads(line) for line in log if line.strip()]
    except OSError as e:
        print(f"count_tests: {e}", file=sys.stderr)
        entries = []
    totals = [sum(column) for column in zip(*map(count, entries))] or [0, 1, 0]
    cases = [case for entry in entries for case in skipped_tests(entry)]
    cases += [("a test", "it says no reason")] * (totals[2] - len(cases))
    for line in summary_of_skipped(cases):
        print(line)
    print(f"{totals[0]} passed, {totals[1]} failed")
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main())
