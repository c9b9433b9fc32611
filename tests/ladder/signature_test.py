#!/usr/bin/env python3
"""tinymlp registry sign and verify-signature, against minisign itself where it is installed, and
against files that are put together here from its documented format."""
import base64
import hashlib
import json
import shutil
import struct
import subprocess
import unittest

import support
from support import MODEL, SHIPPED, ProgramTest

LOG = MODEL / "samples" / "vtest_x264_36.csv"
MINISIGN = shutil.which("minisign")

# RFC 8032, 7.1, TEST 1 and TEST 2: secret seeds and public keys
KEYS = {
    "one": ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
    "two": ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
}


def line(data):
    return base64.b64encode(data).decode() + "\n"


def scrypt_cost(ops_limit, memory_limit):
    """N and p, beside r = 8, as libsodium chooses them for these limits."""
    few = ops_limit < memory_limit // 32
    most = ops_limit // 32 if few else memory_limit // 1024
    n = next(1 << k for k in range(1, 63) if 1 << k > most // 2)
    return n, 1 if few else ops_limit // 4 // n // 8


def key_files(name, password=None, ops_limit=1 << 20, memory_limit=1 << 24):
    """(secret key file, public key file)"""
    seed, public = map(bytes.fromhex, KEYS[name])
    key_id = bytes([1, 2, 3, 4, 5, 6, 7, 8]) if name == "one" else bytes(8)
    checksum = hashlib.blake2b(b"Ed" + key_id + seed + public, digest_size=32).digest()
    plain = key_id + seed + public + checksum
    salt = bytes(range(32))
    derivation = b"\0\0"
    if password is not None:
        n, p = scrypt_cost(ops_limit, memory_limit)
        stream = hashlib.scrypt(password.encode(), salt=salt, n=n, r=8, p=p, dklen=104,
                                maxmem=1 << 28)
        plain = bytes(a ^ b for a, b in zip(plain, stream))
        derivation = b"Sc"
    secret = b"Ed" + derivation + b"B2" + salt + struct.pack("<QQ", ops_limit, memory_limit) + plain
    return ("untrusted comment: minisign encrypted secret key\n" + line(secret),
            f"untrusted comment: minisign public key {key_id[::-1].hex().upper()}\n" +
            line(b"Ed" + key_id + public))


class SignatureTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.models = self.folder / "models"
        support.copy_models(self.models)
        secret, public = key_files("one")
        self.secret, self.public = self.write("one.key", secret), self.write("one.pub", public)

    def registry(self, command, *arguments, **options):
        return support.run("registry", command, "--registry", self.models / "registry.json",
                           *arguments, **options)

    def sign(self, *arguments, key=None):
        done = self.registry("sign", "--secret-key", key or self.secret, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)

    def verify(self, *ids, key=None):
        return self.registry("verify-signature", "--public-key", key or self.public, *ids)

    def assert_refused(self, *parts, count=1, ids=()):
        done = self.verify(*ids)
        failures = [x for x in done.stdout.decode().splitlines() if x.startswith("FAIL: ")]
        self.assertEqual((done.returncode, len(failures)), (1, count), done.stdout)
        for part in parts:
            self.assertIn(part, failures[0])


class Signing(SignatureTest):
    def test_covers_both_precisions(self):
        self.sign()
        names = sorted(p.name for p in self.models.glob("*.minisig"))
        self.assertEqual(names, sorted(f"{n}{s}.onnx.minisig" for n in SHIPPED for s in
                                       ("", ".int8")))
        done = self.verify()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count(b"OK: "), 6)
        self.assertEqual(self.registry("validate").returncode, 0)

    def refuse_to_sign(self, *arguments, because, **options):
        done = self.registry("sign", "--secret-key", self.secret, *arguments, **options)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(because, done.stderr.decode())

    def test_links_that_lead_out_are_not_written_through(self):
        precious = self.write("precious", "before")
        (self.models / "mlp_large.int8.onnx.minisig").symlink_to("../precious")
        self.refuse_to_sign(because="mlp_large.int8.onnx.minisig: a symbolic link leads out")
        self.assertEqual(precious.read_bytes(), b"before")
        self.assertFalse((self.models / "mlp_small.onnx.minisig").exists())

    def test_all_signatures_or_none(self):
        """No room for the last of them, which is the longest."""
        self.sign()
        paths = [self.models / f"{n}.onnx.minisig" for n in ("mlp_small", "mlp_medium.int8")]
        room = len(paths[-1].read_bytes()) - 1
        self.assertLessEqual(len(paths[0].read_bytes()), room)
        for path in self.models.glob("*.minisig"):
            path.unlink()
        self.refuse_to_sign("mlp_small", "mlp_medium", because="cannot write: File too large",
                            **support.room_per_file(room))
        self.assertEqual([p.name for p in self.models.iterdir() if "sig" in p.name or
                          p.name.startswith(".")], [])

    def test_any_number_of_files_that_have_a_name_from_the_start(self):
        """The last of forty cannot be written: none is left, nor any temporary."""
        hide = self.hiding_proc()
        entry = {"kind": "fr", "sha256": support.sha256((MODEL / "mlp_small.onnx").read_bytes()),
                 "license": "MIT"}
        names = [f"m{i}" for i in range(40)]
        for name in names:
            shutil.copy(MODEL / "mlp_small.onnx", self.models / f"{name}.onnx")
        (self.models / "registry.json").write_text(json.dumps({"schema_version": 1, "models": [
            {"id": name, "onnx": f"{name}.onnx", **entry} for name in names]}))
        sign = [support.PROGRAM, "registry", "sign", "--registry", self.models / "registry.json",
                "--secret-key", self.secret]
        (self.models / "m39.onnx.minisig").symlink_to("m39.onnx.minisig.d/x")
        before = sorted(p.name for p in self.models.iterdir())
        for command in ([*hide, *sign], sign):
            done = subprocess.run(command, capture_output=True)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(b"m39.onnx.minisig: cannot create a temporary file", done.stderr)
            self.assertEqual(sorted(p.name for p in self.models.iterdir()), before)
        (self.models / "m39.onnx.minisig").unlink()
        subprocess.run([*hide, *sign], check=True, capture_output=True)
        self.assertEqual(self.verify().stdout.count(b"OK: "), 40)

    def test_the_key_is_not_written_over(self):
        key = self.models / "mlp_large.onnx.minisig"
        shutil.copy(self.secret, key)
        done = self.registry("sign", "--secret-key", key)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(f"the signature {key} would overwrite {key}".encode(), done.stderr)
        self.assertEqual(key.read_bytes(), self.secret.read_bytes())
        self.assertEqual(list(self.models.glob("*.minisig")), [key])

    def test_the_same_key_and_bytes_give_the_same_signature(self):
        self.sign("mlp_small")
        first = (self.models / "mlp_small.onnx.minisig").read_bytes()
        self.sign("mlp_small")
        self.assertEqual((self.models / "mlp_small.onnx.minisig").read_bytes(), first)

    def test_the_bytes_are_those_that_the_format_prescribes(self):
        """The signed hash, put together from the other side: only Ed25519 itself is libcrypto's."""
        self.sign("mlp_small")
        untrusted, first, trusted, second, rest = (
            self.models / "mlp_small.int8.onnx.minisig").read_text().split("\n")
        self.assertTrue(untrusted.startswith("untrusted comment: "))
        self.assertEqual(trusted, "trusted comment: file:mlp_small.int8.onnx\tid:mlp_small\t"
                                  "precision:int8")
        first, second = base64.b64decode(first), base64.b64decode(second)
        self.assertEqual((first[:2], first[2:10]), (b"ED", bytes([1, 2, 3, 4, 5, 6, 7, 8])))
        self.assertEqual((len(first), len(second), rest), (74, 64, ""))

    def test_only_registered_bytes_are_signed(self):
        (self.models / "mlp_small.int8.onnx").write_bytes(b"other")
        done = self.registry("sign", "--secret-key", self.secret)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"not the bytes that were registered", done.stderr)
        self.assertEqual(list(self.models.glob("*.minisig")), [])  # all or none

    def test_keys_with_a_password(self):
        good, bad = self.write("good", "correct horse\n"), self.write("bad", "wrong horse\n")
        for limits in ((1 << 20, 1 << 24), (1 << 15, 1 << 24), (1 << 22, 1 << 20)):
            key = self.write("locked.key", key_files("one", "correct horse", *limits)[0])
            self.sign("--password-file", good, "mlp_small", key=key)
            self.assertEqual(self.verify("mlp_small").returncode, 0)
        done = self.registry("sign", "--secret-key", key, "--password-file", bad)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"wrong password for the secret key", done.stderr)
        done = self.registry("sign", "--secret-key", key, start_new_session=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"no terminal to ask for a password on", done.stderr)

    def test_what_is_no_key(self):
        for text in ("", "x", "untrusted comment: x\nAAAA\n", self.public.read_text()):
            key = self.write("bad.key", text)
            done = self.registry("sign", "--secret-key", key)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"bad.key: not a minisign secret key", done.stderr)
        for text in ("", "x", self.secret.read_text()):
            done = self.verify(key=self.write("bad.pub", text))
            self.assertIn(b"bad.pub: not a minisign public key", done.stderr)
        done = self.verify(key="RWQnotakey")
        self.assertIn(b"neither a file nor a minisign public key", done.stderr)

    def test_external_data_is_not_covered(self):
        data = (self.models / "mlp_small.onnx").read_bytes()
        model, outside = support.onnx_bytes.move_weights_out(data, "w.bin")
        (self.models / "mlp_small.onnx").write_bytes(model)
        (self.models / "w.bin").write_bytes(outside)
        document = json.loads((self.models / "registry.json").read_text())
        document["models"][0].update(sha256=support.sha256(model),
                                     external_data={"w.bin": support.sha256(outside)})
        (self.models / "registry.json").write_text(json.dumps(document))
        done = self.registry("sign", "--secret-key", self.secret, "mlp_small")
        self.assertIn(b"uses external data, which a signature of the ONNX file does not cover",
                      done.stderr)


class Verifying(SignatureTest):
    def setUp(self):
        super().setUp()
        self.sign()

    def signature(self, name="mlp_small.onnx"):
        return self.models / f"{name}.minisig"

    def test_key_given_as_text(self):
        self.assertEqual(self.verify(key=self.public.read_text().split("\n")[1]).returncode, 0)

    def test_another_key(self):
        other = self.write("two.pub", key_files("two")[1])
        done = self.verify("mlp_small", key=other)
        self.assertEqual(done.stdout.count(b"signed with key 0807060504030201, not with 00000000"),
                         2, done.stdout)

    def test_missing(self):
        self.signature("mlp_small.int8.onnx").unlink()
        self.assert_refused("mlp_small int8: ", "is not signed: no ")

    def test_one_flipped_bit_in_each_part(self):
        whole = self.signature().read_text()
        lines = whole.split("\n")
        for number, at, why in ((1, 12, "the signature is not of these bytes"),
                                (3, 5, "the trusted comment was changed after signing")):
            data = bytearray(base64.b64decode(lines[number]))
            data[at] ^= 1
            changed = [*lines[:number], base64.b64encode(data).decode(), *lines[number + 1:]]
            self.signature().write_text("\n".join(changed))
            self.assert_refused("mlp_small fp32: ", why)
        self.signature().write_text(whole.replace("id:mlp_small", "id:mlp_smaIl"))
        self.assert_refused("mlp_small fp32: ", "the trusted comment was changed after signing")

    def test_changed_files(self):
        (self.models / "mlp_small.int8.onnx").write_bytes(b"other")
        self.assert_refused("mlp_small int8: ", "not the bytes that were registered")

    def test_changed_file_and_registry(self):
        shutil.copy(self.models / "mlp_large.int8.onnx", self.models / "mlp_medium.int8.onnx")
        document = json.loads((self.models / "registry.json").read_text())
        document["models"][1]["int8_sha256"] = document["models"][2]["int8_sha256"]
        (self.models / "registry.json").write_text(json.dumps(document))
        self.assert_refused("mlp_medium int8: ", "the signature is not of these bytes")
        # with that file's own signature beside it
        shutil.copy(self.signature("mlp_large.int8.onnx"), self.signature("mlp_medium.int8.onnx"))
        self.assert_refused("mlp_medium int8: ",
                            "was made for file mlp_large.int8.onnx, not for mlp_medium.int8.onnx")

    def test_what_is_no_signature(self):
        for text in ("", "x\n" * 4, self.signature().read_text()[:60]):
            self.signature().write_text(text)
            self.assert_refused("not a minisign signature")

    def test_a_link_out_of_the_folder(self):
        self.signature().rename(self.folder / "away")
        self.signature().symlink_to("../away")
        self.assert_refused("a symbolic link leads out of the folder")

    def test_score_with_a_key(self):
        def score(*arguments):
            return support.run("score", "--registry", self.models / "registry.json", "--model",
                               "mlp_medium", "--public-key", self.public, "--verbose", *arguments,
                               LOG)
        done = score()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"signed by key 0807060504030201", done.stderr)
        self.signature("mlp_medium.int8.onnx").unlink()  # the file that is loaded
        done = score()
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"is not signed", done.stderr)
        self.assertEqual(score("--precision", "fp32").returncode, 0)


@unittest.skipIf(MINISIGN is None, "needs minisign")
class AgainstMinisign(SignatureTest):
    def minisign(self, *arguments, **options):
        return subprocess.run([MINISIGN, *map(str, arguments)], capture_output=True, **options)

    def test_it_accepts_ours(self):
        self.sign()
        for path in self.models.glob("*.onnx"):
            done = self.minisign("-V", "-p", self.public, "-m", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(b"Trusted comment: file:" + path.name.encode(), done.stdout)

    def test_we_accept_its(self):
        for flags in ([], ["-l"]):  # hashed; and the older form over the file itself
            for path in self.models.glob("*.onnx"):
                done = self.minisign("-S", *flags, "-s", self.secret, "-m", path)
                self.assertEqual(done.returncode, 0, done.stderr)
            done = self.verify()
            self.assertEqual((done.returncode, done.stdout.count(b"OK: ")), (0, 6), done.stdout)

    def test_its_own_keys(self):
        key, public = self.folder / "k.key", self.folder / "k.pub"
        self.assertEqual(self.minisign("-G", "-W", "-p", public, "-s", key).returncode, 0)
        self.sign(key=key)
        self.assertEqual(self.verify(key=public).returncode, 0)
        self.assertEqual(self.minisign("-V", "-p", public, "-m",
                                       self.models / "mlp_small.onnx").returncode, 0)

    def test_its_own_keys_with_a_password(self):
        key, public = self.folder / "k.key", self.folder / "k.pub"
        self.assertEqual(self.minisign("-G", "-p", public, "-s", key,
                                       input=b"secret\nsecret\n").returncode, 0)
        self.sign("--password-file", self.write("password", "secret"), "mlp_small", key=key)
        self.assertEqual(self.verify("mlp_small", key=public).returncode, 0)

    def test_both_refuse_the_same(self):
        self.sign("mlp_small")
        (self.models / "mlp_small.onnx.minisig").write_text(
            (self.models / "mlp_small.onnx.minisig").read_text().replace("precision:fp32",
                                                                         "precision:int8"))
        self.assertNotEqual(self.minisign("-V", "-p", self.public, "-m",
                                          self.models / "mlp_small.onnx").returncode, 0)
        self.assert_refused("changed after signing", ids=["mlp_small"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
