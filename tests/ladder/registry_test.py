#!/usr/bin/env python3
"""tinymlp registry: what it must catch, each with its own message, and what it must let pass."""
import json
import os
import shutil
import subprocess
import unittest

import support
from support import MODEL, REGISTERED, ROOT, SHARED, SHIPPED, ProgramTest, onnx_bytes

LOG = MODEL / "samples" / "vtest_x264_36.csv"


def flip(path, bit=3):
    """One flipped bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1 << bit
    path.write_bytes(data)


class RegistryTest(ProgramTest):
    """Each test has a registry of its own: a copy of the shipped one and its files."""

    def setUp(self):
        super().setUp()
        self.models = self.folder / "models"
        support.copy_models(self.models)
        self.path = self.models / "registry.json"

    # ---- editing

    def edit_json(self, name, change):
        path = self.models / name
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document, indent=2))

    def edit_entry(self, change, index=0):
        """The entry of mlp_small, unless told otherwise."""
        self.edit_json("registry.json", lambda d: change(d["models"][index]))

    def set_entry(self, index=0, **fields):
        self.edit_entry(lambda entry: entry.update(fields), index)

    def rehash(self, name="mlp_small"):
        """The registry and the sidecars say what the files are now."""
        fp32 = support.sha256((self.models / f"{name}.onnx").read_bytes())
        int8 = support.sha256((self.models / f"{name}.int8.onnx").read_bytes())
        index = SHIPPED.index(name)
        self.set_entry(index, sha256=fp32, int8_sha256=int8)
        self.edit_json(f"{name}.json", lambda s: s.update(sha256=fp32, int8_sha256=int8))
        self.edit_json(f"{name}.int8.json", lambda s: s.update(sha256=int8))

    # ---- expectations

    def registry(self, command, *arguments, **options):
        return support.run("registry", command, "--registry", self.path, *arguments, **options)

    def assert_valid(self, entries=3):
        done = self.registry("validate")
        self.assertEqual((done.returncode, done.stdout.decode()),
                         (0, f"OK: {entries} registry entries valid against "
                             "registry.schema.json\n"), done.stderr)

    def assert_invalid(self, *parts, count=1):
        """`count` failures, the first of which has all these parts."""
        done = self.registry("validate")
        lines = done.stdout.decode().splitlines()
        self.assertEqual(done.returncode, 1, lines)
        self.assertTrue(all(line.startswith("FAIL: ") for line in lines), lines)
        for part in parts:
            self.assertIn(part, lines[0])
        self.assertEqual(len(lines), count, lines)

    def score(self, *arguments, model="mlp_small"):
        return support.run("score", "--registry", self.path, "--model", model, *arguments, LOG)

    def refuse_to_score(self, *parts, arguments=(), model="mlp_small"):
        done = self.score(*arguments, model=model)
        self.assertEqual((done.returncode, done.stdout), (1, b""), done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr.decode())


class Valid(RegistryTest):
    def test_the_shipped_registry(self):
        self.path = MODEL / "registry.json"
        self.assert_valid(len(REGISTERED))

    def test_a_copy_of_it(self):
        self.assert_valid()

    def test_an_empty_one(self):
        self.path.write_text('{"schema_version": 1, "models": []}')
        self.assert_valid(0)

    def test_a_link_that_stays_inside(self):
        (self.models / "files").mkdir()
        (self.models / "mlp_small.onnx").rename(self.models / "files" / "a.onnx")
        (self.models / "mlp_small.onnx").symlink_to("files/../files/a.onnx")
        self.assert_valid()

    def test_files_in_a_subfolder(self):
        (self.models / "sub").mkdir()
        for path in self.models.glob("mlp_small.*"):
            path.rename(self.models / "sub" / path.name)
        self.set_entry(onnx="sub/mlp_small.onnx")
        self.edit_json("sub/mlp_small.json", lambda s: s.update(onnx="sub/mlp_small.onnx"))
        self.edit_json("sub/mlp_small.int8.json", lambda s: s.update(onnx="sub/mlp_small.int8.onnx"))
        self.assert_valid()
        self.assertEqual(self.score().returncode, 0)

    def test_a_file_that_the_engine_would_refuse(self):
        """Registries hold other networks too: hashed, but not looked into."""
        for path in self.models.glob("mlp_small.int8.*"):
            path.unlink()
        softmax = (self.models / "mlp_small.onnx").read_bytes().replace(b"Relu", b"Sign")
        (self.models / "mlp_small.onnx").write_bytes(softmax)
        self.edit_entry(lambda e: [e.pop("int8_sha256"), e.update(
            quant_mode="fp32", sha256=support.sha256(softmax))])
        self.edit_json("mlp_small.json", lambda s: [s.pop("int8_sha256"), s.update(
            quant_mode="fp32", sha256=support.sha256(softmax))])
        self.assert_valid()
        self.refuse_to_score("the operator is not supported")


class SevenGaps(RegistryTest):
    """What upstream's validator lets pass."""

    def test_missing_int8_file(self):
        (self.models / "mlp_small.int8.onnx").unlink()
        self.assert_invalid("mlp_small: int8_sha256: ", "mlp_small.int8.onnx: cannot open: No such")

    def test_static_mode_without_a_calibration_set(self):
        self.set_entry(quant_mode="static")
        self.assert_invalid("mlp_small: quant_calibration_set: is missing")

    def test_fp32_with_a_stray_int8_hash(self):
        self.set_entry(quant_mode="fp32")
        self.assert_invalid("mlp_small: int8_sha256: is not allowed here")
        self.edit_entry(lambda e: e.pop("quant_mode"))  # fp32 is the default
        self.assert_invalid("mlp_small: int8_sha256: is not allowed here")

    def test_a_path_that_goes_back(self):
        (self.models / "a").mkdir()
        self.set_entry(onnx="a/../mlp_small.onnx")
        self.assert_invalid("mlp_small: onnx: 'a/../mlp_small.onnx' holds '..'")

    def test_unhashed_external_data(self):
        data = (self.models / "mlp_small.onnx").read_bytes()
        model, outside = onnx_bytes.move_weights_out(data, "mlp_small.onnx.data")
        (self.models / "mlp_small.onnx").write_bytes(model)
        (self.models / "mlp_small.onnx.data").write_bytes(outside)
        self.rehash()
        self.assert_invalid("mlp_small: external_data: ",
                            "external data 'mlp_small.onnx.data' is not listed with a hash")
        self.refuse_to_score("external data 'mlp_small.onnx.data' is not registered",
                             arguments=["--precision", "fp32"])
        # listed, it passes; then its bytes count
        self.set_entry(external_data={"mlp_small.onnx.data": support.sha256(outside)})
        self.assert_valid()
        self.assertEqual(self.score("--precision", "fp32").stdout, support.run(
            "score", "--model", MODEL / "mlp_small.onnx", LOG).stdout)
        flip(self.models / "mlp_small.onnx.data")
        self.assert_invalid("mlp_small: external_data: ", "mlp_small.onnx.data: sha256 is ")
        self.refuse_to_score("external data 'mlp_small.onnx.data': sha256 is ",
                             arguments=["--precision", "fp32"])

    def test_sidecar_and_registry_that_disagree(self):
        for field, value in (("id", "mlp_tiny"), ("kind", "nr"), ("onnx", "mlp_large.onnx"),
                             ("opset", 16), ("quant_mode", "qat"),
                             ("quant_accuracy_budget_plcc", 0.5)):
            before = (self.models / "mlp_small.json").read_bytes()
            self.edit_json("mlp_small.json", lambda s: s.update({field: value}))
            self.assert_invalid(f"mlp_small: sidecar.{field}: ", "but the registry says ")
            (self.models / "mlp_small.json").write_bytes(before)
        self.edit_json("mlp_small.json", lambda s: s.pop("int8_sha256"))
        self.assert_invalid("mlp_small: sidecar.int8_sha256: ", "is missing, but the registry says")

    def test_sidecar_that_disagrees_where_it_need_not_speak(self):
        for name, prefix in (("mlp_small", ""), ("mlp_small.int8", "int8 ")):
            before = (self.models / f"{name}.json").read_bytes()
            for field, value in (("quant_calibration_set", "rows.csv"), ("smoke", True),
                                 ("license", "GPL-2.0-only"), ("license_url", "https://a.b/c"),
                                 ("external_data", {"w": "0" * 64}),
                                 ("sigstore_bundle", "a.sigstore.json"),
                                 ("int8_sigstore_bundle", "a.sigstore.json")):
                self.edit_json(f"{name}.json", lambda s: s.update({field: value}))
                self.assert_invalid(f"mlp_small: {prefix}sidecar.{field}: ",
                                    "but the registry says ")
                (self.models / f"{name}.json").write_bytes(before)
            self.edit_json(f"{name}.json", lambda s: s.update(license="MIT", smoke=False))
            self.assert_valid()

    def test_a_signature_of_fp32_that_leaves_out_the_int8_file(self):
        self.set_entry(sigstore_bundle="mlp_small.sigstore.json")
        (self.models / "mlp_small.sigstore.json").write_text("{}")
        self.assert_invalid("mlp_small: int8_sigstore_bundle: is missing",
                            "covers the fp32 file, not mlp_small.int8.onnx")
        self.set_entry(int8_sigstore_bundle="mlp_small.int8.sigstore.json")
        self.assert_invalid("mlp_small: int8_sigstore_bundle: ", "no such file")
        (self.models / "mlp_small.int8.sigstore.json").write_text("{}")
        self.assert_valid()
        (self.models / "mlp_small.onnx.minisig").write_text("")
        self.assert_invalid("mlp_small: signature: mlp_small.onnx.minisig is there, "
                            "mlp_small.int8.onnx.minisig is not")


class Tampering(RegistryTest):
    """One flipped bit, seen by the validator and by everything that loads."""

    def test_in_the_fp32_file(self):
        registered = support.sha256((self.models / "mlp_small.onnx").read_bytes())
        flip(self.models / "mlp_small.onnx")
        self.assert_invalid("mlp_small: sha256: ", "mlp_small.onnx: sha256 is ",
                            "the registry says ")
        self.refuse_to_score("mlp_small.onnx: sha256 is ", "not the bytes that were registered",
                             arguments=["--precision", "fp32"])
        done = self.registry("verify", self.models / "mlp_small.onnx")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"the registry says {registered}", done.stderr.decode())
        self.assertIn(b"for mlp_small fp32", done.stderr)
        self.assertEqual(self.score().returncode, 0)  # the int8 file is loaded, and is sound

    def test_in_the_int8_file(self):
        flip(self.models / "mlp_small.int8.onnx")
        self.assert_invalid("mlp_small: int8_sha256: ", "mlp_small.int8.onnx: sha256 is ")
        self.refuse_to_score("mlp_small.int8.onnx: sha256 is ")
        done = support.run("quant-drop", "--registry", self.path, "mlp_small")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"mlp_small.int8.onnx: sha256 is ", done.stderr)

    def test_in_the_sidecars_hash(self):
        for field in ("sha256", "int8_sha256"):
            before = (self.models / "mlp_small.json").read_text()
            value = json.loads(before)[field]
            flipped = value[:-1] + ("1" if value[-1] == "0" else "0")  # '0' and '1' differ by a bit
            (self.models / "mlp_small.json").write_text(before.replace(value, flipped))
            self.assert_invalid(f"mlp_small: sidecar.{field}: ", flipped, value)
            (self.models / "mlp_small.json").write_text(before)

    def test_in_the_registrys_hash(self):
        value = json.loads(self.path.read_text())["models"][0]["int8_sha256"]
        self.set_entry(int8_sha256="0" * 64 if value[0] != "0" else "1" * 64)
        self.assert_invalid("mlp_small: sidecar.int8_sha256: ", 'the registry says "0000', count=3)
        self.refuse_to_score("the registry says 0000")

    def test_one_models_file_in_anothers_place(self):
        shutil.copy(self.models / "mlp_large.onnx", self.models / "mlp_small.onnx")
        self.assert_invalid("mlp_small: sha256: ")
        done = self.registry("verify", self.models / "mlp_small.onnx")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"for mlp_small fp32", done.stderr)

    def test_fp32_registered_as_int8(self):
        shutil.copy(self.models / "mlp_small.onnx", self.models / "mlp_small.int8.onnx")
        self.rehash()
        self.assert_invalid("mlp_small: int8_sha256: ", "is not int8")
        self.refuse_to_score("holds fp32 weights where int8 are registered")

    def test_int8_registered_as_fp32(self):
        shutil.copy(self.models / "mlp_small.int8.onnx", self.models / "mlp_small.onnx")
        self.rehash()
        for edit in (self.edit_entry, lambda change: self.edit_json("mlp_small.json", change)):
            edit(lambda e: [e.pop("int8_sha256"), e.update(quant_mode="fp32")])
        self.assert_invalid("mlp_small: onnx: ", "is not fp32")
        self.refuse_to_score("holds int8 weights where fp32 are registered")

    def test_int8_of_another_shape(self):
        shutil.copy(self.models / "mlp_large.int8.onnx", self.models / "mlp_small.int8.onnx")
        self.rehash()
        self.assert_invalid("mlp_small: int8_sha256: ",
                            "its layers are 6-64-32-16-1, those of the fp32 file 6-16-8-1", count=5)


class Paths(RegistryTest):
    def escape(self, path, *parts, count=1):
        self.set_entry(onnx=path)
        self.assert_invalid("mlp_small: onnx: ", *parts, count=count)
        self.refuse_to_score("mlp_small: onnx ", *parts)

    def test_absolute(self):
        self.escape(str(self.models / "mlp_small.onnx"), "is an absolute path", count=2)

    def test_upwards(self):
        self.escape("../models/mlp_small.onnx", "holds '..'", count=2)

    def test_backslashes(self):
        self.escape("..\\models\\mlp_small.onnx", "holds a backslash", count=2)

    def test_upwards_after_a_folder(self):
        self.escape("models/../../x.onnx", "holds '..'")

    def test_empty_and_dot_parts(self):
        self.escape("a//mlp_small.onnx", "holds an empty part or '.'")
        self.escape("a/./mlp_small.onnx", "holds an empty part or '.'")

    def outside(self, name="mlp_small.onnx"):
        """A sound copy of a file, outside the registry's folder; the file inside is gone."""
        away = self.folder / "outside"
        away.mkdir(exist_ok=True)
        (self.models / name).rename(away / name)
        return away / name

    def test_link_to_an_absolute_path(self):
        (self.models / "mlp_small.onnx").symlink_to(self.outside())
        self.assert_invalid("mlp_small: onnx: ", "a symbolic link has an absolute target")
        self.refuse_to_score("a symbolic link has an absolute target",
                             arguments=["--precision", "fp32"])

    def test_link_that_leads_out(self):
        self.outside("mlp_small.int8.onnx")
        (self.models / "mlp_small.int8.onnx").symlink_to("../outside/mlp_small.int8.onnx")
        self.assert_invalid("mlp_small: int8_sha256: ", "a symbolic link leads out of the folder")
        self.refuse_to_score("a symbolic link leads out of the folder")

    def test_linked_folder_that_leads_out(self):
        self.outside()
        (self.models / "sub").symlink_to("../outside")
        self.set_entry(onnx="sub/mlp_small.onnx")
        done = self.registry("validate")
        self.assertIn(b"a symbolic link leads out of the folder", done.stdout)
        self.refuse_to_score("a symbolic link leads out", arguments=["--precision", "fp32"])

    def test_linked_sidecar_that_leads_out(self):
        self.outside("mlp_small.json")
        (self.models / "mlp_small.json").symlink_to("../outside/mlp_small.json")
        self.assert_invalid("mlp_small: sidecar: ", "a symbolic link leads out of the folder")

    def test_link_in_a_circle(self):
        (self.models / "mlp_small.onnx").unlink()
        (self.models / "mlp_small.onnx").symlink_to("mlp_small.onnx")
        self.assert_invalid("mlp_small: onnx: ", "a symbolic link cannot be followed")

    def test_what_is_no_regular_file(self):
        (self.models / "mlp_small.onnx").unlink()
        (self.models / "mlp_small.onnx").mkdir()
        self.assert_invalid("mlp_small: onnx: ", "is not a regular file")
        (self.models / "mlp_small.onnx").rmdir()
        os.mkfifo(self.models / "mlp_small.onnx")  # must not wait for a writer
        self.assert_invalid("mlp_small: onnx: ", "is not a regular file")

    def test_external_data_outside(self):
        for location, why in (("../outside/weights", "the location holds '..'"),
                              ("/etc/passwd", "the location is an absolute path")):
            data = (MODEL / "mlp_small.onnx").read_bytes()
            model, _ = onnx_bytes.move_weights_out(data, location)
            (self.models / "mlp_small.onnx").write_bytes(model)
            self.rehash()
            self.assert_invalid("mlp_small: external_data: ", location, why)
            self.refuse_to_score(location, why, arguments=["--precision", "fp32"])

    def test_external_data_in_places_the_engine_does_not_look(self):
        """In a tensor of a node's subgraph, in a model that is refused anyway."""
        entry = onnx_bytes.encode([(1, 2, b"location"), (2, 2, b"../../etc/passwd")])
        tensor = onnx_bytes.encode([(8, 2, b"t"), (13, 2, entry)])
        inner = onnx_bytes.encode([(5, 2, tensor)])
        attribute = onnx_bytes.encode([(1, 2, b"then_branch"), (6, 2, inner)])
        node = onnx_bytes.encode([(4, 2, b"If"), (5, 2, attribute)])
        model = onnx_bytes.encode([(7, 2, onnx_bytes.encode([(1, 2, node)]))])
        (self.models / "mlp_small.onnx").write_bytes(model)
        self.rehash()
        self.assert_invalid("mlp_small: opset: ", count=2)
        self.assertIn(b"external data at '../../etc/passwd': the location holds '..'",
                      self.registry("validate").stdout)


class Documents(RegistryTest):
    """What is wrong with the registry itself."""

    def test_each_failure_is_listed_with_entry_and_field(self):
        self.set_entry(0, kind="xx", sha256="ABC")
        self.set_entry(2, opset=42)
        done = self.registry("validate")
        lines = done.stdout.decode().splitlines()
        self.assertEqual([line.split(": ")[:3] for line in lines],
                         [["FAIL", "mlp_small", "kind"], ["FAIL", "mlp_small", "sha256"],
                          ["FAIL", "mlp_large", "opset"]])

    def test_ids_and_files_used_twice(self):
        self.set_entry(1, id="mlp_small")
        self.assert_invalid("mlp_small: id: an earlier entry has the same")
        self.refuse_to_score("mlp_small: two entries")
        self.set_entry(1, id="other", onnx="mlp_small.onnx")
        self.assert_invalid("other: onnx: an earlier entry has the same")

    def test_an_entry_without_an_id_is_called_by_its_index(self):
        self.edit_entry(lambda e: e.pop("id"), 1)
        self.assert_invalid("models[1]: id: is missing")

    def test_a_field_given_twice(self):
        self.path.write_text(self.path.read_text().replace(
            '"id": "mlp_small"', '"id": "mlp_small", "id": "mlp_small"'))
        done = self.registry("validate")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b'"id" occurs twice in one object', done.stderr)

    def test_unreadable_registries(self):
        for text in ("", "{", "[1,", '{"models": nan}', '{"a": "\udcff"}', "x" * 10):
            self.path.write_bytes(text.encode("utf-8", "surrogateescape"))
            self.assertEqual(self.registry("validate").returncode, 2, text)
        self.path.unlink()
        self.assertEqual(self.registry("validate").returncode, 2)

    def test_a_document_of_another_form(self):
        for text in ("[]", "3", '{"models": {}}', '{"schema_version": 1, "models": [3]}'):
            self.path.write_text(text)
            self.assertEqual(self.registry("validate").returncode, 1, text)

    def test_opset_of_the_file(self):
        self.set_entry(opset=16)
        self.edit_json("mlp_small.json", lambda s: s.update(opset=16))
        self.assert_invalid("mlp_small: opset: the registry says 16, ", "imports 17", count=2)

    def test_missing_sidecar(self):
        (self.models / "mlp_small.json").unlink()
        self.assert_invalid("mlp_small: sidecar: ", "mlp_small.json: cannot open")

    def test_sidecar_that_is_no_json(self):
        (self.models / "mlp_small.json").write_text("{]")
        self.assert_invalid("mlp_small: sidecar: ", "mlp_small.json: not valid JSON")

    def test_sidecar_against_the_file(self):
        for field, value in (("input_name", "x"), ("output_shape", [-1, 1]), ("n_params", 258),
                             ("input_mean", [0] * 6), ("input_std", [1] * 5), ("features", ["a"]),
                             ("features", ["a"] * 6), ("features", list(range(6))),
                             ("arch", "mlp_large"), ("arch", "6-16-1")):
            before = (self.models / "mlp_small.json").read_bytes()
            self.edit_json("mlp_small.json", lambda s: s.update({field: value}))
            self.assert_invalid(f"mlp_small: sidecar.{field}: ", "ONNX file")
            (self.models / "mlp_small.json").write_bytes(before)

    def test_external_data_that_nothing_uses(self):
        self.set_entry(external_data={"weights.bin": "0" * 64})
        self.assert_invalid("mlp_small: external_data: 'weights.bin' is listed, but no file")

    def test_calibration_set_must_be_there(self):
        int8 = self.models / "mlp_small.int8.onnx"
        self.accept("quantize", self.models / "mlp_small.onnx", "--static", MODEL / "quant_rows.csv",
                    "--output", int8)
        sha256 = support.sha256(int8.read_bytes())
        self.set_entry(quant_mode="static", quant_calibration_set="rows.csv", int8_sha256=sha256)
        self.edit_json("mlp_small.json", lambda s: s.update(quant_mode="static", int8_sha256=sha256))
        self.edit_json("mlp_small.int8.json", lambda s: s.update(sha256=sha256))
        self.assert_invalid("mlp_small: quant_calibration_set: ", "rows.csv: no such file")
        shutil.copy(MODEL / "quant_rows.csv", self.models / "rows.csv")
        self.assert_valid()

    def test_what_is_no_onnx_file(self):
        (self.models / "mlp_small.onnx").write_bytes(b"\xff" * 40)
        self.rehash()
        self.assert_invalid("mlp_small: onnx: ", "not an ONNX model")

    def test_another_schema(self):
        schema = self.write("schema.json", '{"type": "array"}')
        self.assertIn(b"is not of type array", self.registry("validate", "--schema", schema).stdout)
        schema = self.write("schema.json", '{"multipleOf": 3}')
        done = self.registry("validate", "--schema", schema)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b'the keyword "multipleOf" is not supported', done.stderr)

    def test_a_schema_without_end(self):
        """Each refused by itself, whatever it would be checked against."""
        def ref(name):
            return {"$ref": f"#/$defs/{name}"}
        doubling = {str(i): {"allOf": [ref(i + 1), ref(i + 1)]} for i in range(24)}
        for schema, why in (
            ({"$defs": {"a": ref("a")}, **ref("a")}, "leads back to itself"),
            ({"$defs": {"a": {"not": ref("b")}, "b": {"items": ref("a")}}, **ref("a")},
             "leads back to itself"),
            ({"$defs": {**doubling, "24": {}}, **ref(0)}, "more than 10000 rules"),
            ({"allOf": [True] * 10001}, "more than 10000 rules"),
            ({"pattern": "(" * 5000 + ")" * 5000}, "more than 4096 characters"),
            ({"pattern": "(a?){5000}"}, "more than 4096 characters"),
            ({"pattern": "(a)\\1"}, "is not taken"),
        ):
            done = self.registry("validate", "--schema",
                                 self.write("schema.json", json.dumps(schema)))
            self.assertEqual((done.returncode, done.stdout), (2, b""), done.stderr)
            self.assertIn(b"schema.json: ", done.stderr)
            self.assertIn(why, done.stderr.decode())

    def test_a_schema_that_takes_too_long(self):
        """Minutes; the limit is on the processor's time."""
        self.path.write_text(json.dumps(["a" * 4096] * 4000))
        schema = self.write("schema.json", json.dumps(
            {"items": {"pattern": "(a|b|ab)*c(a?b?c?d?){100}"}}))
        done = self.registry("validate", "--schema", schema)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"schema.json: takes more than 5 seconds over this registry", done.stderr)

    def test_patterns_that_make_others_hang(self):
        self.path.write_text(json.dumps(["a" * 4000 + "!"]))
        for pattern in ("^(a+)+$", "^(a|a)*$", "^(.*a){12}$", "(x+x+)+y"):
            schema = self.write("schema.json", json.dumps({"items": {"pattern": pattern}}))
            done = self.registry("validate", "--schema", schema)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(f"does not match {pattern}".encode(), done.stdout)

    def test_an_entry_of_many_keys(self):
        """Each is told; comparing each with each would take minutes."""
        keys = {f"k{i}": 1 for i in range(80_000)}
        self.edit_entry(lambda e: e.update(keys))
        done = self.registry("validate")
        lines = done.stdout.decode().splitlines()
        self.assertEqual((done.returncode, len(lines)), (1, 80_000))
        self.assertEqual(lines[0], "FAIL: mlp_small: k0: is not allowed here")

    def test_another_schema_of_models_that_are_no_list(self):
        for name in ("0", "5", "small", "9" * 30):
            self.path.write_text(json.dumps({"models": {name: 1}}))
            schema = self.write("schema.json", json.dumps(
                {"properties": {"models": {"properties": {name: {"type": "string"}}}}}))
            done = self.registry("validate", "--schema", schema)
            self.assertEqual((done.returncode, done.stdout.decode()), (
                1, f"FAIL: registry: models.{name}: is not of type string\n"), done.stderr)

    def test_models_that_are_no_list_are_told_once(self):
        self.path.write_text('{"schema_version": 1, "models": {}}')
        self.assert_invalid("registry: models: is not of type array")


@unittest.skipUnless((SHARED / "models" / "registry.json").exists(), "no reference registry here")
class Upstream(ProgramTest):
    PATH = SHARED / "models" / "registry.json"

    def test_its_document_is_valid(self):
        self.assertEqual(
            self.accept("registry", "validate", "--registry", self.PATH, "--schema-only"),
            b"OK: 24 registry entries valid against registry.schema.json\n")

    def test_what_is_missing_beside_it_is_told(self):
        done = support.run("registry", "validate", "--registry", self.PATH)
        self.assertEqual(done.returncode, 1)
        lines = done.stdout.decode().splitlines()
        self.assertTrue(any(line.startswith("FAIL: vmaf_tiny_v4: int8_sha256: ")
                            and "cannot open" in line for line in lines))
        # of the three that are there, files and sidecars agree
        about = [line for line in lines if "vmaf_tiny_v3" in line or "vmaf_tiny_v2:" in line]
        self.assertTrue(all("sigstore" in line for line in about), about)

    def test_its_files_are_verified(self):
        for name in ("vmaf_tiny_v2", "vmaf_tiny_v3", "vmaf_tiny_v3.int8", "vmaf_tiny_v4"):
            out = self.accept("registry", "verify", "--registry", self.PATH,
                              SHARED / "models" / f"{name}.onnx").decode()
            self.assertTrue(out.startswith("OK: "), out)


class Verify(RegistryTest):
    def test_registered_bytes(self):
        for name, what in (("mlp_small.onnx", "mlp_small fp32"),
                           ("mlp_small.int8.onnx", "mlp_small int8")):
            out = self.accept("registry", "verify", "--registry", self.path, self.models / name)
            self.assertIn(what, out.decode())

    def test_a_copy_and_a_pipe(self):
        copy = self.write("anything.onnx", (MODEL / "mlp_large.onnx").read_bytes())
        self.assertIn(b"mlp_large fp32", self.accept("registry", "verify", "--registry", self.path,
                                                     copy))
        self.assertIn(b"mlp_large fp32",
                      self.accept("registry", "verify", "--registry", self.path, "-",
                                  stdin=copy.read_bytes()))

    def test_unknown_bytes(self):
        self.refuse("registry", "verify", "--registry", self.path, self.write("x.onnx", b"abc"),
                    because="not the bytes of any registered file")


class Score(RegistryTest):
    def details(self, *arguments, model="mlp_medium"):
        done = self.score("--verbose", *arguments, model=model)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [line.partition(" ") for line in done.stderr.decode().splitlines()]
        return done.stdout, {name: value.strip() for name, _, value in lines}

    def direct(self, name):
        return support.run("score", "--model", self.models / name, LOG).stdout

    def test_quant_mode_redirects_to_the_int8_file(self):
        scores, said = self.details()
        self.assertEqual(scores, self.direct("mlp_medium.int8.onnx"))
        self.assertEqual(said["precision"], "int8")
        self.assertTrue(said["model"].endswith("mlp_medium.int8.onnx"))
        self.assertIn(support.sha256((MODEL / "mlp_medium.int8.onnx").read_bytes()), said["sha256"])
        self.assertIn("mlp_medium in ", said["registry"])
        self.assertIn("quant_mode dynamic", said["registry"])

    def test_precision_overrides(self):
        scores, said = self.details("--precision", "fp32")
        self.assertEqual(scores, self.direct("mlp_medium.onnx"))
        self.assertEqual(said["precision"], "fp32")
        self.assertIn("precision asked for", said["registry"])

    def make_fp32_only(self):
        self.edit_entry(lambda e: [e.pop("int8_sha256"), e.pop("quant_accuracy_budget_plcc"),
                                   e.update(quant_mode="fp32")])

    def test_fp32_entries_load_the_fp32_file_though_an_int8_file_lies_there(self):
        self.make_fp32_only()
        scores, said = self.details(model="mlp_small")
        self.assertEqual(scores, self.direct("mlp_small.onnx"))
        self.assertEqual(said["precision"], "fp32")

    def test_no_fallback(self):
        self.make_fp32_only()
        self.refuse_to_score("has no int8 file", arguments=["--precision", "int8"])
        (self.models / "mlp_medium.int8.onnx").unlink()
        self.refuse_to_score("mlp_medium.int8.onnx: cannot open", model="mlp_medium")

    def test_output_does_not_replace_what_the_model_came_from(self):
        before = {p: p.read_bytes() for p in self.models.iterdir()}
        for name in ("registry.json", "mlp_small.int8.onnx"):
            for option in ("--output", "--plot"):
                done = self.score(option, self.models / name)
                self.assertEqual((done.returncode, done.stdout), (2, b""), done.stderr)
                self.assertIn(f"{option} would overwrite {self.models / name}", done.stderr.decode())
        self.assertEqual({p: p.read_bytes() for p in self.models.iterdir()}, before)

    def test_standard_output_is_none_of_the_registered_files(self):
        for name in ("mlp_small.onnx", "mlp_small.int8.onnx", "mlp_small.json"):
            path = self.models / name
            before = path.read_bytes()
            for command in (("registry", "validate"), ("quant-drop", "mlp_small")):
                if command[0] == "quant-drop" and name.endswith(".json"):
                    continue
                with open(path, "ab") as out:
                    done = subprocess.run([support.PROGRAM, *command, "--registry",
                                           self.models / "registry.json"], stdout=out,
                                          stderr=subprocess.PIPE, timeout=240)
                self.assertEqual(done.returncode, 2, (command, name))
                self.assertIn(b"standard output would overwrite", done.stderr)
                self.assertEqual(path.read_bytes(), before)

    def test_ids_without_a_registry(self):
        done = support.run("score", "--model", "my_model", LOG)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"ids of a registry need --registry FILE", done.stderr)

    def test_unknown_ids_and_precisions(self):
        self.refuse_to_score("no model mlp_huge; registered are mlp_small, mlp_medium, mlp_large",
                             model="mlp_huge")
        self.assertEqual(self.score("--precision", "int4").returncode, 2)

    def test_a_registry_that_the_schema_refuses_loads_nothing(self):
        self.set_entry(2, kind="xx")  # another entry than the one that is asked for
        self.refuse_to_score("mlp_large: kind 'xx' is not one of")

    def test_precision_without_a_registry(self):
        def score(*arguments):
            return support.run("score", *arguments, LOG)
        self.assertEqual(score("--model", "mlp_small", "--precision", "int8").stdout,
                         score("--model", "mlp_small.int8").stdout)
        self.assertEqual(score("--model", "mlp_small", "--precision", "fp32").stdout,
                         score("--model", "mlp_small").stdout)
        for model, precision in (("mlp_small.int8", "fp32"),
                                 (self.models / "mlp_small.onnx", "int8"),
                                 (self.models / "mlp_small.int8.onnx", "fp32")):
            done = score("--model", model, "--precision", precision)
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn(b"was asked for", done.stderr)

    def test_the_bytes_that_are_hashed_are_the_bytes_that_are_parsed(self):
        """A file that changes while the program runs: one read, seen from outside."""
        trace = shutil.which("strace")
        if trace is None:
            self.skipTest("no strace")
        log = self.folder / "trace"
        subprocess.run([trace, "-f", "-o", log, "-e", "trace=openat,open", support.PROGRAM, "score",
                        "--registry", self.path, "--model", "mlp_small", LOG],
                       check=True, stdout=subprocess.DEVNULL,
                       # a program under trace cannot look for leaks
                       env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        opened = [line for line in log.read_text().splitlines() if "mlp_small.int8.onnx" in line]
        self.assertEqual(len(opened), 1, opened)


class Add(RegistryTest):
    def add(self, file, *arguments, **options):
        return self.accept("registry", "add", "--registry", self.path, self.models / file,
                           *arguments, **options)

    def snapshot(self):
        return {p.name: p.read_bytes() for p in self.models.iterdir() if p.is_file()}

    def refuse_to_add(self, *arguments, because, status=1):
        before = self.snapshot()
        self.refuse("registry", "add", "--registry", self.path, *arguments, because=because,
                    status=status)
        self.assertEqual(self.snapshot(), before)

    def start_anew(self):
        for path in [self.path, *self.models.glob("*.json")]:
            path.unlink(missing_ok=True)

    def test_rebuilds_the_shipped_registry(self):
        """From the bare ONNX files: everything but the words."""
        self.start_anew()
        for name in SHIPPED:
            self.add(f"{name}.onnx", "--id", name, "--quant-mode", "dynamic", "--license", "MIT")
        self.assert_valid()
        ours = json.loads(self.path.read_text())
        shipped = json.loads((MODEL / "registry.json").read_text())
        for entry in shipped["models"]:
            entry.pop("description"), entry.pop("notes")
        shipped["models"] = shipped["models"][:len(SHIPPED)]
        self.assertEqual(ours, shipped)
        for name in SHIPPED:
            ours = json.loads((self.models / f"{name}.json").read_text())
            shipped = json.loads((MODEL / f"{name}.json").read_text())
            for field in ("input_mean", "input_std"):
                for a, b in zip(ours.pop(field), shipped.pop(field)):
                    self.assertAlmostEqual(a / b, 1, 6)
            shipped.pop("notes")
            self.assertEqual(ours, shipped)

    def test_keeps_what_a_sidecar_holds_beyond(self):
        self.path.unlink()
        before = json.loads((self.models / "mlp_small.json").read_text())
        self.edit_json("mlp_small.json", lambda s: s.update(extra={"a": [1, 2.5]}, sha256="old"))
        self.add("mlp_small.onnx", "--id", "mlp_small", "--quant-mode", "dynamic", "--license",
                 "MIT", "--budget", "0.002")
        after = json.loads((self.models / "mlp_small.json").read_text())
        self.assertEqual(after.pop("extra"), {"a": [1, 2.5]})
        self.assertEqual(after.pop("quant_accuracy_budget_plcc"), 0.002)
        before.pop("quant_accuracy_budget_plcc")
        self.assertEqual(after, before)  # mean and std with all their digits
        self.assert_valid(1)

    def test_duplicates(self):
        self.refuse_to_add(self.models / "mlp_small.onnx", "--id", "mlp_small", "--license", "MIT",
                           because="mlp_small is registered already")
        self.refuse_to_add(self.models / "mlp_small.onnx", "--id", "other", "--license", "MIT",
                           because="mlp_small.onnx is registered already, as mlp_small")

    def test_replace_brings_what_a_sidecar_repeats_up_to_date(self):
        self.set_entry(license="CC0-1.0")
        for name in ("mlp_small.json", "mlp_small.int8.json"):
            self.edit_json(name, lambda s: s.update(license="CC0-1.0", smoke=False))
        self.assert_valid()
        self.add("mlp_small.onnx", "--id", "mlp_small", "--quant-mode", "dynamic", "--replace",
                 "--license", "MIT", "--smoke")
        self.assert_valid()
        sidecar = json.loads((self.models / "mlp_small.int8.json").read_text())
        self.assertEqual((sidecar["license"], sidecar["smoke"]), ("MIT", True))

    def test_replace_keeps_the_budget(self):
        arguments = ("mlp_small.onnx", "--id", "mlp_small", "--quant-mode", "dynamic", "--replace")
        for flags, budget in ((("--budget", "0.001"), 0.001), ((), 0.001), (("--budget", "0.002"), 0.002)):
            self.add(*arguments, *flags)
            self.assert_valid()
            entry = json.loads(self.path.read_text())["models"][0]
            self.assertEqual(entry["quant_accuracy_budget_plcc"], budget)

    def test_replace_hashes_anew_and_keeps_place_and_words(self):
        shutil.copy(self.models / "mlp_large.onnx", self.models / "mlp_medium.onnx")
        (self.models / "mlp_medium.json").unlink()
        self.assert_invalid("mlp_medium: sha256: ", count=2)
        self.accept("quantize", self.models / "mlp_medium.onnx")
        self.add("mlp_medium.onnx", "--id", "mlp_medium", "--quant-mode", "dynamic", "--replace")
        self.assert_valid()
        entries = json.loads(self.path.read_text())["models"]
        self.assertEqual([e["id"] for e in entries], list(SHIPPED))
        self.assertIn("6-32-16-1", entries[1]["description"])
        self.assertEqual(entries[1]["sha256"], entries[2]["sha256"])

    def test_replace_describes_the_network_that_is_there_now(self):
        shutil.copy(self.models / "mlp_large.onnx", self.models / "mlp_medium.onnx")
        self.edit_json("mlp_medium.json", lambda s: s.update(features=["a"], extra="kept"))
        self.accept("quantize", self.models / "mlp_medium.onnx")
        self.add("mlp_medium.onnx", "--id", "mlp_medium", "--quant-mode", "dynamic", "--replace")
        sidecar = json.loads((self.models / "mlp_medium.json").read_text())
        self.assertEqual((sidecar["arch"], sidecar["n_params"], sidecar["features"],
                          sidecar["extra"]), ("mlp_large", 3073, list(support.FEATURES), "kept"))
        self.assert_valid()
        self.edit_json("mlp_medium.json", lambda s: s.update(arch="three layers of mine"))
        self.assert_valid()

    def test_files_outside(self):
        self.refuse_to_add(MODEL / "mlp_small.onnx", "--id", "x", "--license", "MIT",
                           because="is not inside the registry's folder")

    def test_missing_and_wrong_int8_files(self):
        self.start_anew()
        (self.models / "mlp_small.int8.onnx").unlink()
        arguments = (self.models / "mlp_small.onnx", "--id", "x", "--license", "MIT",
                     "--quant-mode", "dynamic")
        self.refuse_to_add(*arguments, because="`tinymlp quantize ")
        shutil.copy(self.models / "mlp_large.int8.onnx", self.models / "mlp_small.int8.onnx")
        self.refuse_to_add(*arguments, because="not the int8 form of ")

    def test_int8_files_are_not_registered_as_fp32(self):
        self.refuse_to_add(self.models / "mlp_small.int8.onnx", "--id", "mlp_small_int8",
                           "--license", "MIT", because="is int8 already")

    def test_what_the_schema_refuses(self):
        self.start_anew()
        file = self.models / "mlp_small.onnx"
        self.refuse_to_add(file, "--id", "No", "--license", "MIT", because="'No' does not match")
        self.refuse_to_add(file, "--id", "x", because="license is missing")
        self.refuse_to_add(file, "--id", "x", "--license", "MIT", "--notes", "\u00e9" * 513,
                           because="is 513 characters long; 512 are allowed")
        self.accept("registry", "add", "--registry", self.path, file, "--id", "x", "--license",
                    "MIT", "--notes", "\u00e9" * 512)  # 1,024 bytes

    def test_sidecar_of_another_model(self):
        self.path.unlink()
        self.refuse_to_add(self.models / "mlp_small.onnx", "--id", "x", "--license", "MIT",
                           because="belongs to another model, mlp_small")

    def test_int8_sidecar_of_another_model(self):
        self.path.unlink()
        self.edit_json("mlp_small.int8.json", lambda s: s.update(id="mlp_tiny_int8"))
        self.refuse_to_add(self.models / "mlp_small.onnx", "--id", "mlp_small", "--license", "MIT",
                           "--quant-mode", "dynamic",
                           because="mlp_small.int8.json: belongs to another model, mlp_tiny_int8")

    def test_what_is_no_sidecar_is_not_written_over(self):
        for name, because in (("registry", "the sidecar would take the registry's place"),
                              ("registry.schema", "is not a sidecar: it has no id")):
            shutil.copy(MODEL / "registry.schema.json", self.models)
            shutil.copy(MODEL / "mlp_small.onnx", self.models / f"{name}.onnx")
            self.refuse_to_add(self.models / f"{name}.onnx", "--id", "x", "--license", "MIT",
                               because=[f"{name}.json: ", because])

    def test_links_that_lead_out_are_not_written_through(self):
        self.start_anew()
        precious = self.write("precious", "before")
        for name in ("mlp_small.json", "mlp_small.int8.json"):
            for target in ("../precious", precious, "../yet_to_be_made"):
                (self.models / name).symlink_to(target)
                self.refuse_to_add(self.models / "mlp_small.onnx", "--id", "mlp_small",
                                   "--license", "MIT", "--quant-mode", "dynamic",
                                   because=[f"{name}: a symbolic link "])
                (self.models / name).unlink()
        self.assertEqual(precious.read_bytes(), b"before")
        self.assertFalse((self.folder / "yet_to_be_made").exists())

    def test_all_files_or_none(self):
        """No room for the registry, though for its sidecars."""
        arguments = (self.models / "mlp_small.onnx", "--id", "mlp_small", "--quant-mode", "dynamic",
                     "--replace", "--budget", "0.002")
        room = len(self.path.read_bytes()) - 500
        self.assertGreater(room, len((self.models / "mlp_small.json").read_bytes()) + 100)
        before = self.snapshot()
        self.refuse("registry", "add", "--registry", self.path, *arguments,
                    because="registry.json: cannot write: File too large",
                    **support.room_per_file(room))
        self.assertEqual(self.snapshot(), before)
        self.add(*arguments)
        self.assert_valid()

    def test_a_broken_registry_is_not_touched(self):
        self.path.write_text("{")
        self.refuse_to_add(self.models / "mlp_small.onnx", "--id", "x", because="not valid JSON")

    def test_external_data_is_hashed(self):
        self.start_anew()
        data = (self.models / "mlp_small.onnx").read_bytes()
        model, outside = onnx_bytes.move_weights_out(data, "w.bin")
        (self.models / "mlp_small.onnx").write_bytes(model)
        (self.models / "w.bin").write_bytes(outside)
        self.add("mlp_small.onnx", "--id", "x", "--license", "MIT")
        self.assert_valid(1)
        self.assertEqual(json.loads(self.path.read_text())["models"][0]["external_data"],
                         {"w.bin": support.sha256(outside)})

    def test_locations_that_start_with_a_dot(self):
        """PyTorch writes './w.bin': the same file as 'w.bin', wherever locations are looked at."""
        self.start_anew()
        data = (self.models / "mlp_small.onnx").read_bytes()
        model, outside = onnx_bytes.move_weights_out(data, "./w.bin")
        (self.models / "mlp_small.onnx").write_bytes(model)
        (self.models / "w.bin").write_bytes(outside)
        self.add("mlp_small.onnx", "--id", "mlp_small", "--license", "MIT")
        self.assert_valid(1)
        self.assertEqual(json.loads(self.path.read_text())["models"][0]["external_data"],
                         {"w.bin": support.sha256(outside)})
        done = self.score()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.accept("registry", "verify", "--registry", self.path, self.models / "mlp_small.onnx")
        flip(self.models / "w.bin")
        self.assert_invalid("mlp_small: external_data: ", "w.bin: sha256 is ")
        self.refuse_to_score("external data './w.bin': sha256 is ")

    def network(self, name, mean, scale=None):
        """A scaler and one layer, written beside the registry; its path."""
        b, wide = onnx_bytes, len(mean)
        tensors = [b.floats("m", [wide], mean), b.floats("w", [wide, 1], [1] * wide)]
        nodes = [b.node("Sub", ["x", "m"], ["c"])]
        if scale:
            tensors.append(b.floats("s", [wide], scale))
            nodes.append(b.node("Mul", ["c", "s"], ["z"]))
        nodes.append(b.node("MatMul", ["z" if scale else "c", "w"], ["y"]))
        path = self.models / name
        path.write_bytes(b.model(nodes, tensors, [b.value("x", ["N", wide])],
                                 [b.value("y", ["N", 1])]))
        return path

    def test_scalers_without_a_finite_inverse(self):
        """A factor of 0 or near it, whose inverse no float32 is: the sidecar is silent on it."""
        self.start_anew()
        for name, factor in (("zero", 0), ("tiny", 1e-40)):
            file = self.network(f"{name}.onnx", [1, 2], [2, factor])
            self.add(file.name, "--id", name, "--license", "MIT")
            sidecar = json.loads(file.with_suffix(".json").read_text())
            self.assertEqual((sidecar["input_mean"], "input_std" in sidecar), ([1, 2], False))
        self.assert_valid(2)

    def test_sidecars_of_wide_networks_read_back(self):
        """The widest that the engine takes: each value has a line of its own."""
        self.start_anew()
        file = self.network("wide.onnx", [1 / 3] * 65536, [1e-9 / 7] * 65536)
        self.add(file.name, "--id", "wide", "--license", "MIT")
        self.assert_valid(1)

    def test_sidecars_that_would_be_too_large_to_read(self):
        """The fields that are kept and those that are added, together."""
        self.start_anew()
        file = self.network("wide.onnx", [1 / 3] * 65536)
        file.with_suffix(".json").write_text(json.dumps({"id": "wide", "extra": "x" * (15 << 20)}))
        self.refuse_to_add(file, "--id", "wide", "--license", "MIT",
                           because=["wide.json: would be ", "at most 16 MiB are read"])

    def test_names_from_the_model_that_are_not_utf8(self):
        self.start_anew()
        data = (MODEL / "mlp_small.onnx").read_bytes()
        for name, broken, what in ((b"features", b"feature\xff", "input"),
                                   (b"vmaf", b"vma\xff", "output")):
            (self.models / "mlp_small.onnx").write_bytes(data.replace(name, broken))
            self.accept("inspect", self.models / "mlp_small.onnx")
            self.refuse_to_add(self.models / "mlp_small.onnx", "--id", "x", "--license", "MIT",
                               because=[f"mlp_small.onnx: the name of its {what}, ", "is not UTF-8"])

    def test_locations_that_are_not_utf8(self):
        self.start_anew()
        data = (MODEL / "mlp_small.onnx").read_bytes()
        model, outside = onnx_bytes.move_weights_out(data, "w.bi?")
        (self.models / "mlp_small.onnx").write_bytes(model.replace(b"w.bi?", b"w.bi\xff"))
        with open(os.fsencode(self.models) + b"/w.bi\xff", "wb") as f:
            f.write(outside)
        self.refuse_to_add(self.models / "mlp_small.onnx", "--id", "x", "--license", "MIT",
                           because=["mlp_small.onnx: external data at 'w.bi?': the location is not UTF-8"])

    def test_the_calibration_set_is_not_written_over(self):
        self.start_anew()
        (self.models / "rows.json").write_text('{"id": "mlp_small"}')
        (self.models / "mlp_small.json").symlink_to("rows.json")
        self.accept("quantize", self.models / "mlp_small.onnx", "--static", LOG, "--output",
                    self.models / "mlp_small.int8.onnx")
        self.refuse_to_add(self.models / "mlp_small.onnx", "--id", "mlp_small", "--license", "MIT",
                           "--quant-mode", "static", "--calibration-set", "rows.json",
                           because="the sidecar would take the calibration set's place")

    def test_quantising_raised_the_operator_set(self):
        self.start_anew()
        b = onnx_bytes
        (self.models / "old.onnx").write_bytes(b.model(
            [b.node("MatMul", ["x", "w"], ["y"])], [b.floats("w", [2, 1], [1, 2])],
            [b.value("x", ["N", 2])], [b.value("y", ["N", 1])], opset=8))
        self.accept("quantize", self.models / "old.onnx")
        self.add("old.onnx", "--id", "old", "--quant-mode", "dynamic", "--license", "MIT")
        self.assertEqual(json.loads(self.path.read_text())["models"][0]["opset"], 8)
        self.assert_valid(1)

    def test_whatever_is_added_reads_back(self):
        """Odd but lawful values of every option."""
        for i, (option, value) in enumerate((
                ("--budget", "1e-300"), ("--budget", "0"), ("--notes", "\x7f\n\t\"\\\u2028\U0001d11e"),
                ("--notes", ""), ("--description", "\u00e9" * 256), ("--license", " "),
                ("--license-url", "https://a.b/\u00e9"))):
            self.add("mlp_small.onnx", "--id", "mlp_small", "--quant-mode", "dynamic", "--replace",
                     option, value)
            self.assert_valid()

    def test_two_at_once_both_stay(self):
        self.start_anew()
        running = [subprocess.Popen([support.PROGRAM, "registry", "add", "--registry", self.path,
                                     self.models / f"{name}.onnx", "--id", name, "--license", "MIT"],
                                    stderr=subprocess.DEVNULL)
                   for name in SHIPPED]
        self.assertEqual([p.wait() for p in running], [0, 0, 0])
        self.assert_valid()


if __name__ == "__main__":
    unittest.main(verbosity=2)
