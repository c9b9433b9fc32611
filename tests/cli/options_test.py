#!/usr/bin/env python3
"""Values of options: numbers are finite and in range, words are text. Anything else is wrong usage,
told with the option, the value and what is accepted, before any file is opened."""
import os

import program
from program import ProgramTest

NOT_UTF8 = os.fsdecode(b"a\xff")
NO_NUMBERS = ("nan", "NaN", "-nan", "inf", "-inf", "infinity", "x", "", " 1", "1 ", "0x1", "1,5", "1e999",
              "1f", "--", "1_0")

# command, option, accepted range, values beyond it, further arguments
NUMBERS = (
    ("registry add", "--budget", "0 to 1", ("-0.001", "1.001", "1e300"),
     ("--id", "x", "absent.onnx")),
    ("quantize", "--percentile", "50 to 100", ("49.9", "100.1", "-1"),
     ("--static", "absent.csv", "--calibration", "percentile", "absent.onnx")),
    ("latency", "--frames", "1 to 100000000", ("0", "-1", "1.5", "1e3", "100000001",
                                               "18446744073709551616"), ()),
    ("latency", "--frames-per-reading", "1 to 1048576", ("0", "-1", "1.5", "1048577"), ()),
)

TEXTS = (
    *(("registry add", option, ("absent.onnx", *(() if option == "--id" else ("--id", "x"))))
      for option in ("--id", "--license", "--license-url", "--description", "--notes",
                     "--calibration-set")),
    ("quantize", "--output-name", ("absent.onnx",)),
    ("inspect", "--output-name", ("absent.onnx",)),
    ("run", "--output-name", ("absent.onnx", "absent.csv")),
    ("latency", "--output-name", ()),
)


class Numbers(ProgramTest):
    def test_what_is_no_number_in_range(self):
        for command, option, accepted, beyond, rest in NUMBERS:
            for value in NO_NUMBERS + beyond:
                with self.subTest(command=command, option=option, value=value):
                    self.refuse(*command.split(), f"{option}={value}", *rest, status=2,
                                because=[option, f"'{value}' is not a ", accepted] if value else
                                option)

    def test_both_ends_are_in_range(self):
        for value in ("0", "1", "1.0", "+0.5", "1e-3"):
            self.refuse("registry", "add", "--registry", self.folder / "registry.json", "--id", "x",
                        "--quant-mode", "dynamic", f"--budget={value}", self.folder / "absent.onnx", because="absent.onnx: ")

    def test_options_that_would_be_of_no_use(self):
        for option, value, because in (("--budget", "0.02", "--budget needs an int8 file"),
                                       ("--calibration-set", "rows.csv", "needs --quant-mode static")):
            self.refuse("registry", "add", "--registry", self.folder / "registry.json", "--id", "x",
                        option, value, self.folder / "absent.onnx", status=2, because=because)


class Texts(ProgramTest):
    def test_what_is_not_utf8(self):
        for command, option, rest in TEXTS:
            with self.subTest(command=command, option=option):
                self.refuse(*command.split(), option, NOT_UTF8, *rest, status=2,
                            because=[option, "'a?' is not text: UTF-8 is needed"])

    def test_ids(self):
        for command in (("registry", "sign", "--secret-key", "k"), ("quant-drop",),
                        ("registry", "verify-signature", "--public-key", "k")):
            self.refuse(*command, NOT_UTF8, status=2, because=["ID", "is not text"])


if __name__ == "__main__":
    program.main()
