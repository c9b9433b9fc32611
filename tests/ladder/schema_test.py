#!/usr/bin/env python3
"""model/registry.schema.json: documents that it must accept or refuse, judged by the program and,
where it is installed, by Python's jsonschema."""
import copy
import json
import unittest

import support
from support import MODEL, SHARED, ProgramTest

try:
    import jsonschema
except ImportError:
    jsonschema = None

HASH = "0123456789abcdef" * 4
ENTRY = {"id": "a", "kind": "fr", "onnx": "a.onnx", "sha256": HASH, "license": "MIT"}
INT8 = {"quant_mode": "dynamic", "int8_sha256": HASH}
ABSENT = object()
E_ACUTE, CLEF = "\u00e9", "\U0001d11e"  # two bytes; four bytes, two UTF-16 units


def document(version=1, **changes):
    entry = {**ENTRY, **changes}
    return {"schema_version": version,
            "models": [{k: v for k, v in entry.items() if v is not ABSENT}]}


GOOD = {
    "the smallest": document(),
    "no entries": {"schema_version": 0, "models": []},
    "its own schema": {"$schema": "./registry.schema.json", "schema_version": 1, "models": []},
    "version 0 without a licence": document(0, license=ABSENT),
    "version as 1.0": {"schema_version": 1.0, "models": []},
    "two entries": {"schema_version": 1, "models": [ENTRY, {**ENTRY, "id": "b", "onnx": "b.onnx"}]},
    "id of 64": document(id="a" * 64),
    "id of all kinds": document(id="0_a-z"),
    "kind nr": document(kind="nr"),
    "kind filter": document(kind="filter"),
    "path with folders": document(onnx="a/b-c/d_e.f.onnx"),
    "path of 256": document(onnx="a" * 251 + ".onnx"),
    "a name of three dots": document(onnx="a/.../b.onnx"),
    "a part that starts with dots": document(onnx="a/..b/c.onnx"),
    "opset 7": document(opset=7),
    "opset 26": document(opset=26),
    "opset 17.0": document(opset=17.0),
    "notes of 512": document(notes="x" * 512),
    "notes of 512 characters, 1,024 bytes": document(notes=E_ACUTE * 512),
    "notes of 512 characters, 2,048 bytes": document(notes=CLEF * 512),
    "description of 256": document(description=CLEF * 256),
    "smoke": document(smoke=True),
    "fp32": document(quant_mode="fp32"),
    "dynamic": document(**INT8),
    "qat": document(quant_mode="qat", int8_sha256=HASH),
    "qat with a set": document(quant_mode="qat", int8_sha256=HASH, quant_calibration_set="r.csv"),
    "static": document(quant_mode="static", int8_sha256=HASH, quant_calibration_set="r.csv"),
    "budget 0": document(**INT8, quant_accuracy_budget_plcc=0),
    "budget 1": document(**INT8, quant_accuracy_budget_plcc=1.0),
    "external data": document(external_data={"a.onnx.data": HASH, "sub/b": HASH}),
    "no external data": document(external_data={}),
    "licence of 128": document(license="M" * 128),
    "licence url": document(license_url="https://example.org/LICENSE"),
    "bundle": document(sigstore_bundle="a.onnx.sigstore.json"),
    "bundles": document(**INT8, sigstore_bundle="a.sigstore.json",
                        int8_sigstore_bundle="a.int8.sigstore.json"),
}

BAD = {
    "null": None,
    "a list": [],
    "no version": {"models": []},
    "no models": {"schema_version": 1},
    "version 2": {"schema_version": 2, "models": []},
    "version as text": {"schema_version": "1", "models": []},
    "version as true": {"schema_version": True, "models": []},
    "version 1 without a licence": document(license=ABSENT),
    "models as an object": {"schema_version": 1, "models": {}},
    "an entry that is a number": {"schema_version": 1, "models": [1]},
    "more at the top": {"schema_version": 1, "models": [], "more": 1},
    "$schema as a number": {"schema_version": 1, "models": [], "$schema": 1},
    "more in the entry": document(more=1),
    "no id": document(id=ABSENT),
    "no kind": document(kind=ABSENT),
    "no onnx": document(onnx=ABSENT),
    "no sha256": document(sha256=ABSENT),
    "id empty": document(id=""),
    "id of 65": document(id="a" * 65),
    "id in capitals": document(id="Abc"),
    "id that starts with a dash": document(id="-a"),
    "id with a dot": document(id="a.b"),
    "id with a blank": document(id="a b"),
    "id not ASCII": document(id="a" + E_ACUTE),
    "id as a number": document(id=3),
    "kind unknown": document(kind="FR"),
    "kind null": document(kind=None),
    "path of 257": document(onnx="a" * 252 + ".onnx"),
    "path without its suffix": document(onnx="a.bin"),
    "path with a suffix in capitals": document(onnx="a.ONNX"),
    "path in capitals": document(onnx="A.onnx"),
    "path of the suffix alone": document(onnx=".onnx"),
    "absolute path": document(onnx="/a.onnx"),
    "path upwards": document(onnx="../a.onnx"),
    "path upwards in the middle": document(onnx="a/../x.onnx"),
    "path upwards at length": document(onnx="a/../../x.onnx"),
    "path with a dot part": document(onnx="a/./x.onnx"),
    "path with an empty part": document(onnx="a//x.onnx"),
    "path with a backslash": document(onnx="a\\x.onnx"),
    "path with a blank": document(onnx="a b.onnx"),
    "path with a NUL": document(onnx="a\0.onnx"),
    "path as a list": document(onnx=["a.onnx"]),
    "hash too short": document(sha256=HASH[1:]),
    "hash too long": document(sha256=HASH + "0"),
    "hash in capitals": document(sha256=HASH.upper()),
    "hash not hexadecimal": document(sha256="g" + HASH[1:]),
    "hash empty": document(sha256=""),
    "opset 6": document(opset=6),
    "opset 27": document(opset=27),
    "opset 17.5": document(opset=17.5),
    "opset as text": document(opset="17"),
    "opset true": document(opset=True),
    "notes of 513": document(notes="x" * 513),
    "notes of 513 characters": document(notes=E_ACUTE * 513),
    "description of 257": document(description=CLEF * 257),
    "notes null": document(notes=None),
    "smoke as a number": document(smoke=1),
    "quant_mode unknown": document(quant_mode="int4", int8_sha256=HASH),
    "dynamic without a hash": document(quant_mode="dynamic"),
    "static without a hash": document(quant_mode="static", quant_calibration_set="r.csv"),
    "static without a set": document(quant_mode="static", int8_sha256=HASH),
    "static with an empty set": document(quant_mode="static", int8_sha256=HASH,
                                         quant_calibration_set=""),
    "static with a set outside": document(quant_mode="static", int8_sha256=HASH,
                                          quant_calibration_set="../r.csv"),
    "dynamic with a set": document(**INT8, quant_calibration_set="r.csv"),
    "int8 hash without a mode": document(int8_sha256=HASH),
    "int8 hash with fp32": document(quant_mode="fp32", int8_sha256=HASH),
    "set with fp32": document(quant_mode="fp32", quant_calibration_set="r.csv"),
    "int8 bundle with fp32": document(int8_sigstore_bundle="a.sigstore.json"),
    "int8 hash in capitals": document(quant_mode="dynamic", int8_sha256=HASH.upper()),
    "budget below 0": document(**INT8, quant_accuracy_budget_plcc=-0.001),
    "budget above 1": document(**INT8, quant_accuracy_budget_plcc=1.001),
    "budget as text": document(**INT8, quant_accuracy_budget_plcc="0.01"),
    "static with a set behind backslashes": document(quant_mode="static", int8_sha256=HASH,
                                                     quant_calibration_set="..\\..\\r.csv"),
    "external data behind a drive letter": document(external_data={"c:\\w": HASH}),
    "external data upwards": document(external_data={"../w": HASH}),
    "external data absolute": document(external_data={"/etc/passwd": HASH}),
    "external data without a hash": document(external_data={"w": ""}),
    "external data as a list": document(external_data=["w"]),
    "licence empty": document(license=""),
    "licence of 129": document(license="M" * 129),
    "licence as a list": document(license=["MIT"]),
    "licence url of another kind": document(license_url="ftp://example.org/x"),
    "licence url of 513": document(license_url="https://" + "x" * 505),
    "bundle of another kind": document(sigstore_bundle="a.json"),
    "bundle upwards": document(sigstore_bundle="a/../b.sigstore.json"),
}


def mutations():
    """Each field of a full entry in turn taken away, doubled, and given values of every type."""
    full = document(**INT8, opset=17, smoke=False, quant_accuracy_budget_plcc=0.01,
                    description="d", notes="n", license_url="https://a.b/c",
                    external_data={"w": HASH}, sigstore_bundle="a.sigstore.json")
    values = [None, True, 0, 1, 17, 0.5, -1, 1e300, "", "a", "..", "fp32", "static", "x" * 600, HASH,
              [], [HASH], {}, {"w": HASH}, {"w": 1}]
    for field in [*full["models"][0], "int8_sigstore_bundle", "quant_calibration_set", "surplus"]:
        for value in values:
            mutated = copy.deepcopy(full)
            mutated["models"][0][field] = value
            yield mutated
        mutated = copy.deepcopy(full)
        mutated["models"][0].pop(field, None)
        yield mutated


class SchemaTest(ProgramTest):
    def verdict(self, value):
        path = self.write("registry.json", json.dumps(value))
        done = support.run("registry", "validate", "--schema-only", "--registry", path)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.assertEqual(done.stdout.startswith(b"OK: "), done.returncode == 0)
        return done.returncode == 0


class Verdicts(SchemaTest):
    def test_good_documents(self):
        for name, value in GOOD.items():
            self.assertTrue(self.verdict(value), name)

    def test_bad_documents(self):
        for name, value in BAD.items():
            self.assertFalse(self.verdict(value), name)

    def test_operator_sets_are_those_that_the_engine_reads(self):
        b = support.onnx_bytes
        for opset in range(1, 40):
            path = self.write("m.onnx", b.model(
                [b.node("MatMul", ["x", "w"], ["y"])], [b.floats("w", [2, 1], [1, 2])],
                [b.value("x", ["N", 2])], [b.value("y", ["N", 1])], opset=opset))
            self.assertEqual(support.run("inspect", path).returncode == 0,
                             self.verdict(document(opset=opset)), opset)

    def test_a_final_newline_is_not_overlooked(self):
        """Python's $ also matches before one, ECMAScript's, which the draft asks for, does not."""
        for field, value in (("id", "a\n"), ("onnx", "a.onnx\n"), ("sha256", HASH + "\n")):
            self.assertFalse(self.verdict(document(**{field: value})), field)
            self.assertFalse(self.verdict(document(**{field: "\n" + value})), field)

    def test_lone_surrogates_and_bad_utf8_are_not_json(self):
        for text in (b'{"schema_version": 1, "models": [], "$schema": "\xff"}',
                     b'{"schema_version": 1, "models": [], "$schema": "\\ud800"}'):
            path = self.write("registry.json", text)
            done = support.run("registry", "validate", "--schema-only", "--registry", path)
            self.assertEqual(done.returncode, 2, text)


@unittest.skipIf(jsonschema is None, "needs jsonschema (tools/train/environment)")
class AgainstJsonschema(SchemaTest):
    @classmethod
    def setUpClass(cls):
        schema = json.loads((MODEL / "registry.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        cls.validator = jsonschema.Draft202012Validator(schema)

    def test_good_documents(self):
        for name, value in GOOD.items():
            self.assertTrue(self.validator.is_valid(value), name)

    def test_bad_documents(self):
        for name, value in BAD.items():
            self.assertFalse(self.validator.is_valid(value), name)

    def test_mutations(self):
        both = [0, 0]
        for value in mutations():
            expected = self.validator.is_valid(value)
            self.assertEqual(self.verdict(value), expected, value)
            both[expected] += 1
        self.assertGreater(min(both), 30, both)

    def test_registries(self):
        for path in (MODEL / "registry.json", SHARED / "models" / "registry.json"):
            if path.exists():
                self.assertTrue(self.validator.is_valid(json.loads(path.read_text())), path)

    def test_every_keyword_of_the_checker(self):
        """Schemas that the registry does not need, value by value."""
        values = [None, True, False, 0, 1, 1.0, 2.5, -3, 7, "", "a", "ab", "aXb", E_ACUTE * 3, CLEF,
                  [], [1], [1, 1.0], [1, 2, 3], ["a", "b"], [[1], [1]], {}, {"a": 1}, {"a": "x"},
                  {"b": 2}, {"a": 1, "b": 2}, {"a": {"a": {"a": 1}}}, {"ab": 1}]
        schemas = [
            True, False, {}, {"type": "integer"}, {"type": ["string", "null"]}, {"enum": [1, "a"]},
            {"const": 1}, {"const": {"a": 1}}, {"const": [1]}, {"minimum": 1, "maximum": 2.5},
            {"minLength": 2}, {"maxLength": 1}, {"pattern": "X"}, {"pattern": "^a"},
            {"pattern": "^.$"}, {"pattern": "^(a|b)+$"}, {"minItems": 1, "maxItems": 2},
            {"uniqueItems": True}, {"uniqueItems": False}, {"items": {"type": "string"}},
            {"items": False}, {"required": ["a"]}, {"properties": {"a": {"type": "integer"}}},
            {"properties": {"a": True}, "additionalProperties": False},
            {"properties": {"a": True}, "additionalProperties": {"minimum": 3}},
            {"propertyNames": {"maxLength": 1}}, {"propertyNames": False},
            {"allOf": [{"type": "number"}, {"minimum": 1}]},
            {"anyOf": [{"type": "string"}, {"minimum": 3}]}, {"not": {"type": "number"}},
            {"not": {"not": {"type": "object"}}},
            {"if": {"type": "object"}, "then": {"required": ["a"]}, "else": {"type": "string"}},
            {"if": {"type": "object"}, "then": {"required": ["a"]}}, {"then": False, "else": False},
            {"$defs": {"n": {"type": "number"}}, "$ref": "#/$defs/n"},
            {"$defs": {"t": {"properties": {"a": {"$ref": "#/$defs/n"}}, "not": {"const": 1}},
                       "n": {"not": {"type": "string"}}}, "$ref": "#/$defs/t", "minimum": 0},
            {"title": 1, "description": [], "default": 3, "examples": [1], "$comment": "x",
             "format": "uri"},
        ]
        document = self.write("values.json", json.dumps(values))
        for schema in schemas:
            each = {"items": schema}
            if isinstance(schema, dict) and "$defs" in schema:
                each["$defs"] = schema["$defs"]
            done = support.run("registry", "validate", "--schema-only", "--registry", document,
                               "--schema", self.write("schema.json", json.dumps(each)))
            # FAIL: registry: INDEX.NAME...: why
            refused = {int(line.split(": ")[2].split(".")[0])
                       for line in done.stdout.decode().splitlines() if line.startswith("FAIL")}
            theirs = jsonschema.Draft202012Validator(schema)
            expected = {i for i, value in enumerate(values) if not theirs.is_valid(value)}
            self.assertEqual(refused, expected, (schema, done.stdout, done.stderr))
            self.assertEqual(done.returncode, 1 if expected else 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
