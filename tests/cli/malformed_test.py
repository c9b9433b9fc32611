#!/usr/bin/env python3
"""Broken logs are refused: exit status 1, a message that names file, place and reason, and nothing
written."""
import json

import program
from program import FEATURES, SAMPLES, ProgramTest, csv_text, reference_rows

CSV_LOG = (SAMPLES / "vtest_x264_36.csv").read_text()
JSON_LOG = (SAMPLES / "vtest_x264_36.json").read_text()
XML_LOG = (SAMPLES / "vtest_x264_36.xml").read_text()


def replace_once(text, old, new):
    assert old in text, old
    return text.replace(old, new, 1)


class Csv(ProgramTest):
    def test_empty(self):
        self.refuse_log("", "is empty")
        self.refuse_log(" \r\n \n", "is empty")
        self.refuse_log(csv_text([]), "no rows after the header")

    def test_missing_column_is_named(self):
        for name in FEATURES:
            others = tuple(f for f in FEATURES if f != name)
            self.refuse_log(csv_text(reference_rows(), others), [":1: missing " + name, "integer_adm2"])

    def test_no_header(self):
        self.refuse_log(CSV_LOG.split("\n", 1)[1], ":1: the first line must name the columns")

    def test_other_separators(self):
        self.refuse_log(csv_text(reference_rows()).replace(",", ";"), "separated by commas")
        self.refuse_log(csv_text(reference_rows()).replace(",", "\t"), "separated by commas")

    def test_repeated_columns(self):
        text = csv_text(reference_rows(), (*FEATURES, "adm2"))
        self.refuse_log(text, ":1: the key adm2 occurs twice")
        text = csv_text(reference_rows(), (*FEATURES, "vmaf", "vmaf"))
        self.refuse_log(text, ":1: the key vmaf occurs twice")
        self.refuse_log("Frame," + csv_text(reference_rows(), ("frame", *FEATURES)),
                        ":1: two columns of frame numbers")

    def test_short_long_and_shifted_rows(self):
        lines = CSV_LOG.split("\n")
        short = lines[:7] + [lines[7].replace(",0.956013", "")] + lines[8:]
        self.refuse_log("\n".join(short), ":8: the row has 18 values, the header names 19")
        long = lines[:7] + ["7," + lines[7]] + lines[8:]
        self.refuse_log("\n".join(long), ":8: the row has 20 values, the header names 19")
        shifted = lines[:7] + [lines[7].replace(",0.956013", "") + "1"] + lines[8:]
        self.refuse_log("\n".join(shifted), ":8: the row does not end in a comma")
        longer = lines[:7] + [lines[7] + "1"] + lines[8:]
        self.refuse_log("\n".join(longer), ":8: the row has 20 values, the header names 19")
        bare = lines[:7] + [lines[7][:-1]] + lines[8:]
        self.refuse_log("\n".join(bare), ":8: the row does not end in a comma")
        self.refuse_log(csv_text(reference_rows()) + "1,2,3\n", ":50: the row has 3 values")

    def test_cut_off_anywhere_in_the_last_row(self):
        rows = CSV_LOG.rstrip("\n")
        begin = rows.rindex("\n") + 1
        for cut in range(begin + 1, len(rows)):
            done = program.run("score", "-", stdin=rows[:cut])
            self.assertEqual(done.returncode, 1, rows[begin:cut])
            self.assertIn(b":49: ", done.stderr)

    def test_what_is_not_a_number(self):
        rows = reference_rows()
        for value in ("", "x", "0x1p-1", "0.9x", "1,5", "--1", "1e", "1e+", ".", "-", "+-1", "nanx",
                      "1_000", "١", "0.9 5", "nan()", "1.#INF", "None", "NA"):
            bad = dict(rows[2], adm2=f'"{value}"')
            self.refuse_log(csv_text([*rows[:2], bad]), [":4: adm2 is ", "not a number"])

    def test_out_of_range(self):
        rows = reference_rows()
        midway = "340282356779733661637539395458142568448"  # from the largest float to 2^128
        for value in ("1e400", "-1e400", "3.5e38", midway, "9" * 400,
                      "0.00001e100000000000000000000"):
            bad = dict(rows[0], vif_scale2=value)
            self.refuse_log(csv_text([bad]), [":2: vif_scale2 is ", "outside the range"])

    def test_own_score_is_checked_too(self):
        bad = dict(reference_rows()[0], vmaf="good")
        self.refuse_log(csv_text([bad], (*FEATURES, "vmaf")), [":2: vmaf is 'good', not a number"])

    def test_frame_numbers(self):
        for value in ("-1", "1.0", "", "x", "99999999999999999999"):
            bad = dict(reference_rows()[0], frame=value)
            self.refuse_log(csv_text([bad], ("frame", *FEATURES)), ":2: the frame number is not")

    def test_row_after_an_empty_line(self):
        text = csv_text(reference_rows())
        self.refuse_log(text + "\n" + text.split("\n")[1] + "\n", ":51: a row after an empty line")

    def test_quotes(self):
        text = csv_text(reference_rows())
        self.refuse_log(text + '"0.9', [":50: ", "a quote is not closed"])
        self.refuse_log(text + '"0.9"1,', [":50: ", "text after a closing quote"])

    def test_nul_bytes(self):
        self.refuse_log(csv_text(reference_rows()).encode().replace(b"0.94", b"0\x0094", 1),
                        ["a NUL byte in column 2", ":3: "])

    def test_absurdly_long_lines(self):
        text = csv_text(reference_rows())
        self.refuse_log(text + "1" * (1 << 21), ":50: a line of more than 1048576 bytes")
        self.refuse_log("a" * (1 << 22), ":1: a line of more than")

    def test_carriage_returns_alone(self):
        self.refuse_log(csv_text(reference_rows()).replace("\n", "\r"), ":1: a carriage return")

    def test_other_encodings(self):
        self.refuse_log(CSV_LOG.encode("utf-16"), "is UTF-16")
        self.refuse_log(b"\x1f\x8b\x08\x00 and so on", "gzip")
        self.refuse_log(b"\x28\xb5\x2f\xfd and so on", "Zstandard")
        self.refuse_log(" " * 5000, "blank bytes")

    def test_control_characters_do_not_reach_the_terminal(self):
        done = program.run("score", "-", stdin="adm2\x1b[31m,vif\n1,2\n")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn(b"\x1b", done.stderr)
        rows = reference_rows()
        bad = dict(rows[0], adm2="\x1b[2J\x07")
        done = program.run("score", "-", stdin=csv_text([bad]))
        self.assertEqual(done.returncode, 1)
        self.assertNotIn(b"\x1b", done.stderr)

    def test_control_characters_of_unicode_neither(self):
        bad = dict(reference_rows()[0], adm2="\x9b2J\u202e")  # CSI as one character
        done = program.run("score", "-", stdin=csv_text([bad]))
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("\x9b", done.stderr.decode())
        done = program.run("score", "-", stdin=csv_text([bad]).encode().replace(b"\xc2\x9b", b"\xff\xc2"))
        self.assertEqual(done.returncode, 1)
        done.stderr.decode()  # is UTF-8

    def test_random_bytes(self):
        self.refuse_log(bytes(range(1, 256)) * 40, "")


class Json(ProgramTest):
    def line_of(self, text, part):
        return text[: text.index(part)].count("\n") + 1

    def test_cut_off_everywhere(self):
        for cut in range(1, len(JSON_LOG.rstrip()) - 1, 97):
            done = program.run("score", "-", stdin=JSON_LOG[:cut])
            self.assertEqual(done.returncode, 1, cut)
            self.assertEqual(done.stdout, b"")
            self.assertIn(b"standard input", done.stderr)
        in_key = JSON_LOG[: JSON_LOG.index("integer_vif_scale2", 2000) + 5]
        between = JSON_LOG[: JSON_LOG.index("{", 2000)]
        last_brace = JSON_LOG.rstrip()[:-1]
        for text in (in_key, between, last_brace, last_brace.rstrip()):
            self.refuse_log(text, [f":{text.count(chr(10)) + 1}: byte {len(text)}: ", "cut off?"])

    def test_missing_feature_names_frame_and_line(self):
        log = json.loads(JSON_LOG)
        del log["frames"][7]["metrics"]["integer_motion2"]
        text = json.dumps(log, indent=1)
        line = self.line_of(text, '"frameNum": 7')
        done = program.run("score", "-", stdin=text)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode(),
                         rf"standard input:({line}|{line - 1}): frame 7 has no integer_motion2")

    def test_frame_0_without_motion2(self):
        text = replace_once(JSON_LOG, '"integer_motion2": 0.000000,', "")
        self.refuse_log(text, "frame 0 has no integer_motion2")

    def test_no_motion2_at_all(self):
        self.refuse_log(JSON_LOG.replace('"integer_motion2"', '"integer_motion"'),
                        "missing motion2")

    def test_values_that_are_no_numbers(self):
        for value in ('"0.9"', "true", "[]", "{}", "0x10", "1.2.3", "none", "nope", "-"):
            text = replace_once(JSON_LOG, '"integer_adm2": 0.941045', f'"integer_adm2": {value}')
            line = self.line_of(text, f'"integer_adm2": {value}')
            self.refuse_log(text, [f":{line}: frame 1: integer_adm2 is ", "not a number"])

    def test_out_of_range(self):
        for value in ("1e400", "-3.5e38"):
            text = replace_once(JSON_LOG, '"integer_adm2": 0.941045', f'"integer_adm2": {value}')
            self.refuse_log(text, ["frame 1: integer_adm2 is ", "outside the range"])

    def test_repeated_keys(self):
        text = replace_once(JSON_LOG, '"integer_adm2": 0.941045',
                            '"integer_adm2": 0.9, "integer_adm2": 0.941045')
        self.refuse_log(text, "frame 1: the key integer_adm2 occurs twice")
        text = replace_once(JSON_LOG, '"frames": [', '"frames": [], "frames": [')
        self.refuse_log(text, 'a second "frames"')
        text = replace_once(JSON_LOG, '"frameNum": 3', '"frameNum": 3, "frameNum": 4')
        self.refuse_log(text, 'a second "frameNum"')

    def test_frame_numbers(self):
        for value in ("-1", "1.5", '"1"', "null", "1e3", "99999999999999999999"):
            text = replace_once(JSON_LOG, '"frameNum": 1,', f'"frameNum": {value},')
            self.refuse_log(text, ["frames[1]", '"frameNum" is not a whole number'])
        text = replace_once(JSON_LOG, '"frameNum": 1,', "")
        self.refuse_log(text, ["frames[1]", 'without "frameNum"'])

    def test_wrong_shapes(self):
        for text, reason in (
            ("{}", 'no "frames"'),
            ('{"frames": []}', "no frames"),
            ('{"frames": {}}', '"frames" is not an array'),
            ('{"frames": [1]}', "a frame is not an object"),
            ('{"frames": [{"frameNum": 0}]}', 'without "metrics"'),
            ('{"frames": [{"frameNum": 0, "metrics": 1}]}', '"metrics" is not an object'),
            ('{"frames": [{"frameNum": 0, "metrics": {}}]}', "missing adm2"),
            ("[1, 2]", "an array, not a libvmaf log"),
            ('{"version": 3, "frames": []}', '"version" is not a string'),
            ('{"a": ' + "[" * 100 + "]" * 100 + "}", "nested too deeply"),
        ):
            self.refuse_log(text, reason)

    def test_not_json(self):
        for old, new in (
            ('"frameNum": 5,', '"frameNum": 5'),
            ('"frameNum": 5,', '"frameNum" 5,'),
            ('"psnr_y": 33.917689', '"psnr_y": 33.9x'),
            ('"psnr_y": 33.917689', '"psnr_y": nul'),
            ('"aggregate_metrics"', '"bad": tru, "aggregate_metrics"'),
            ('"aggregate_metrics"', '"bad": "\\x", "aggregate_metrics"'),
            ('"mean": 0.941728', '"mean":: 0.941728'),
            ('"pooled_metrics"', "pooled_metrics"),
            ('"metrics": {', '"metrics": {,'),
        ):
            self.refuse_log(replace_once(JSON_LOG, old, new), "not valid JSON")
        for rest in ("{}", "x", "}", "]", "nul"):
            self.refuse_log(JSON_LOG + rest, "text after the end of the document")
        self.refuse_log(JSON_LOG.encode().replace(b"f85a8536", b"f85\xff536"), "not valid JSON")
        self.refuse_log(JSON_LOG.encode().replace(b"f85a8536", b"f85\x00536"), "a NUL byte at byte")

    def test_leading_comma_only_where_libvmaf_leaves_one(self):
        self.refuse_log(replace_once(JSON_LOG, '"frames": [', '"frames": [,,'), "")
        self.refuse_log(replace_once(JSON_LOG, '"metrics": {', '"metrics": {,'), "")


class Xml(ProgramTest):
    def test_cut_off_everywhere(self):
        for cut in range(1, len(XML_LOG.rstrip()) - 1, 97):
            done = program.run("score", "-", stdin=XML_LOG[:cut])
            self.assertEqual(done.returncode, 1, cut)
            self.assertEqual(done.stdout, b"")

    def test_missing_feature_names_frame_and_line(self):
        text = replace_once(XML_LOG, ' integer_motion2="1.514546"', "")
        self.refuse_log(text, ":8: frame 3 has no integer_motion2")
        text = replace_once(XML_LOG, ' integer_motion2="0.000000"', "")
        self.refuse_log(text, ":5: frame 0 has no integer_motion2")

    def test_values_that_are_no_numbers(self):
        for value in ("", "abc", "0.9 ", "0x1", "null", "1,5", "&lt;"):
            text = replace_once(XML_LOG, 'integer_adm2="0.941045"', f'integer_adm2="{value}"')
            self.refuse_log(text, [":6: frame 1: integer_adm2 is ", "not a number"])
        text = replace_once(XML_LOG, 'integer_adm2="0.941045"', 'integer_adm2="1e39"')
        self.refuse_log(text, [":6: frame 1: integer_adm2 is '1e39', outside the range"])

    def test_repeated_attribute(self):
        text = replace_once(XML_LOG, 'integer_adm2="0.941045"',
                            'integer_adm2="0.941045" integer_adm2="0.941045"')
        self.refuse_log(text, [":6: not well-formed XML", "duplicate attribute"])

    def test_frame_numbers(self):
        for value in ("-1", "x", "", "1.0"):
            text = replace_once(XML_LOG, 'frameNum="2"', f'frameNum="{value}"')
            self.refuse_log(text, ":7: a frame without a valid frameNum")

    def test_wrong_documents(self):
        for text, reason in (
            ("<html><body/></html>", "the root element is <html>"),
            ("<VMAF/>", "no <frames>"),
            ("<VMAF><frames/></VMAF>", "no frames"),
            ("<VMAF><frames></VMAF>", "not well-formed XML"),
            ("<", "not well-formed XML"),
            ("<VMAF", "not well-formed XML"),
            ('<VMAF><frames><frame frameNum="0"/></frames></VMAF>', "missing adm2"),
        ):
            self.refuse_log(text, reason)
        self.refuse_log(XML_LOG.encode().replace(b"f85a8536", b"f85\x00536"), "a NUL byte at byte")

    def test_text_after_the_root(self):
        for rest in ("<VMAF/>", XML_LOG, "x"):
            self.refuse_log(XML_LOG + rest, ["not well-formed XML", "something follows </VMAF>"])
        self.refuse_log(XML_LOG + "<", "not well-formed XML")

    def test_entities_are_not_expanded(self):
        for declared in ('<!ENTITY a SYSTEM "file:///etc/hostname">', '<!ENTITY a "0.941045">',
                         '<!ENTITY % a "x">'):
            text = (f'<?xml version="1.0"?><!DOCTYPE VMAF [{declared}]>'
                    + XML_LOG.replace("0.941045", "&a;", 1))
            self.refuse_log(text, ":1: declares entities of its own")
        self.refuse_log(XML_LOG.replace("0.941045", "&a;", 1), "undefined entity")

    def test_elements_without_end(self):
        self.refuse_log("<VMAF>" + "<a>" * 1_000_000, "nested too deeply")

    def test_frames_inside_frames(self):
        text = replace_once(XML_LOG, "/>\n", "><frame frameNum=\"1\"/></frame>\n")
        self.refuse_log(text, "")


class Files(ProgramTest):
    def test_long_files_of_nothing(self):
        for start, form in ((b"<VMAF>", "xml"), (b'{"frames": [', "json")):
            path = self.folder / form
            with open(path, "wb") as f:
                f.write(start)
                f.truncate(1 << 31)  # takes no room
            self.refuse("score", path, because=f"a NUL byte at byte {len(start)}")
        model = self.folder / "model.onnx"
        with open(model, "wb") as f:
            f.truncate(1 << 31)
        self.refuse("inspect", model, because="larger than 64 MiB")

    def test_a_value_without_end(self):
        blank = b" " * (1 << 20)
        for start, filling, reason in (
                (b'{"a": "', b"x" * (1 << 20), "a single value of more than 64 MiB"),
                (b'{"a": [', blank, "a single value of more than 64 MiB"),
                (b'{"frames": [{', blank, "a single value of more than 64 MiB"),
                (b"<VMAF><!--", blank, "more than 4 MiB without a tag"),
                (b"<VMAF a='", blank, "more than 4 MiB without a tag")):
            path = self.folder / "log"
            with open(path, "wb") as f:
                f.write(start)
                for _ in range(70):
                    f.write(filling)
            self.refuse("score", path, because=reason)

    def test_what_is_no_log_is_named(self):
        onnx = (SAMPLES.parent / "mlp_small.onnx").read_bytes()
        for content, reasons in (
                (onnx, ["is an ONNX model", "--model FILE"]),
                (b"\x89PNG\r\n\x1a\n0000", "is a PNG picture"),
                (b"\xff\xd8\xff\xe0", "is a JPEG picture"),
                (b"%PDF-1.7\n", "is a PDF document"),
                (b"\x00\x00\x00\x20ftypisom", "is a video"),
                (b"\x1a\x45\xdf\xa3....", "is a video"),
                (b"YUV4MPEG2 W576", "is a video"),
                (b"PK\x03\x04....", ["is a ZIP archive", "unpack it"]),
                (b"\xfd7zXZ\x00", "xz -dc FILE | tinymlp score -"),
                (b"BZh91AY", "bzip2 -dc FILE"),
                (b"PAR1....", "is a Parquet table"),
                (b"\x93NUMPY\x01", "is a NumPy array"),
                (b"[libvmaf @ 0x5581] VMAF score: 81.0\n", ["FFmpeg's console output", "log_path"]),
                (b"[Parsed_libvmaf_0 @ 0x55] VMAF", ["FFmpeg's console output", "log_path"]),
                (b"ffmpeg version 6.0 Copyright", "FFmpeg's console output"),
                (b"VMAF version 3.0.0\n", ["console output", "--output"])):
            self.refuse_log(content, reasons)

    def test_logs_put_one_behind_the_other(self):
        self.refuse_log(CSV_LOG + CSV_LOG, [":50: the header once more", "one by one"])
        self.refuse_log(JSON_LOG + JSON_LOG, "text after the end of the document")
        self.refuse_log(XML_LOG + XML_LOG, "one by one")

    def test_a_header_in_capitals(self):
        text = csv_text(reference_rows())
        header, rest = text.split("\n", 1)
        self.refuse_log(header.upper() + "\n" + rest,
                        [":1: missing adm2", "ADM2 is in capitals", "rename the columns"])

    def test_a_nul_does_not_cut_a_message(self):
        text = replace_once(JSON_LOG, '"integer_adm2": 0.941045', '"integer_adm2": "a\\u0000b"')
        self.refuse_log(text, "not a number")
        text = replace_once(JSON_LOG, '"frameNum": 3', '"frameNum": 3, "metrics\\u0000": tru')
        self.refuse_log(text, "not valid JSON: neither a number")
        done = program.run("score", "--own-score", "x", "-",
                           stdin=JSON_LOG.replace('"vmaf"', '"vmaf\\u0000hd"'))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"no key x; those that look like a score: vmaf?hd", done.stderr)

    def test_text_that_turns_the_direction_of_writing_is_not_repeated(self):
        for mark in "\u202e\u2066\u200f\u200b\ufeff\u2028":
            bad = dict(reference_rows()[0], adm2=f"1{mark}2")
            done = program.run("score", "-", stdin=csv_text([bad]))
            self.assertEqual(done.returncode, 1)
            self.assertIn("adm2 is '1?2'", done.stderr.decode())

    def test_what_cannot_be_read(self):
        self.refuse("score", self.folder / "absent.csv", because=["absent.csv: cannot open", "No such"])
        self.refuse("score", self.folder, because="is a folder")
        self.refuse("inspect", self.folder / "absent.onnx", because="cannot open")
        self.refuse("inspect", self.folder, because="is a folder")

    def test_a_read_that_fails(self):
        self.refuse("score", "/proc/self/mem", because="/proc/self/mem: cannot read: Input/output error")


if __name__ == "__main__":
    program.main()
