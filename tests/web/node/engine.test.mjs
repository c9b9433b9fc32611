// The shipped networks and those of ONNX files: the bits, and what is said of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bits, isas, native, read, root, rows, signature, tinymlp, withProgram } from './support.mjs';

const { clip, load, names, TinymlpError } = tinymlp;

// The rows of engine_signature.hpp: SplitMix64, then special values.
function signatureRows() {
  const mask = (1n << 64n) - 1n, values = [];
  let state = 0n;
  const uniform = () => {
    let z = (state = (state + 0x9e3779b97f4a7c15n) & mask);
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
    return Number((z ^ (z >> 31n)) >> 40n) * 2 ** -24;
  };
  for (let r = 0; r < 4096; ++r)
    for (let f = 0; f < 6; ++f) values.push(Math.fround(uniform() * (f === 5 ? 32 : r % 8 === 7 ? 64 : 1.25)));
  const special = [0, -0, 1, -1, 2 ** -149, -(2 ** -130), 2 ** -126, 1e4, -1e4, 3e38, -3e38, Infinity, -Infinity, NaN];
  for (const value of special)
    for (let place = 0; place <= 6; ++place)
      for (let f = 0; f < 6; ++f) values.push(place === 0 || place === f + 1 ? value : 0.5);
  return Float32Array.from(values);
}

function fnv1a(words) {
  let low = 0x84222325, high = 0xcbf29ce4; // 64 bits in two halves; times 0x100000001b3
  for (const byte of bits(words)) {
    low = (low ^ byte) >>> 0;
    const product = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + Math.imul(low, 0x100) + Math.floor(product / 2 ** 32)) >>> 0;
    low = product >>> 0;
  }
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}

async function signatureOf(open) {
  const from = signatureRows(), count = from.length / 6, all = [];
  for (const size of ['small', 'medium', 'large', 'small.int8', 'medium.int8', 'large.int8']) {
    const net = await open(`mlp_${size}`);
    const batch = net.run(from);
    for (let r = 0; r < count; ++r) all.push(batch[r], net.score(from.subarray(6 * r, 6 * r + 6)));
    net.free();
  }
  return fnv1a(Float32Array.from(all));
}

for (const isa of isas) {
  test(`shipped networks have the signature, ${isa}`, async () => {
    assert.equal(await signatureOf((name) => load(name, { isa })), signature);
  });
  test(`files of the shipped networks have the signature, ${isa}`, async () => {
    assert.equal(await signatureOf((name) => load(read(root, 'model', `${name}.onnx`), { isa })), signature);
  });
}

test('the signature notices a single bit', () => {
  const words = Float32Array.of(1, 2, 3), other = Float32Array.of(1, 2, 3);
  new Uint32Array(other.buffer)[1] ^= 1;
  assert.notEqual(fnv1a(words), fnv1a(other));
});

test('all twelve networks score as their files do, 4K and int8 too', async () => {
  assert.equal(names.length, 12);
  const from = Float32Array.from(rows().flat());
  for (const name of names) {
    const [shipped, file] = [await load(name), await load(read(root, 'model', `${name}.onnx`))];
    assert.deepEqual(bits(shipped.run(from)), bits(file.run(from)), name);
    assert.equal(shipped.predicts, name.includes('_4k') ? 'vmaf_4k_v0.6.1' : 'vmaf_v0.6.1');
    for (const key of ['inputs', 'outputs', 'parameters', 'precision', 'shape', 'outputName', 'graphInputs'])
      assert.deepEqual(shipped[key], file[key], `${name}: ${key}`);
  }
});

test('names, shapes and precision are those that the program tells', withProgram, async () => {
  for (const name of names) {
    const told = native(root, 'inspect', `model/${name}.onnx`).out;
    const net = await load(read(root, 'model', `${name}.onnx`));
    const line = (key) => new RegExp(`^${key} +(.*)$`, 'm').exec(told)[1];
    assert.equal(net.shape, line('network'));
    assert.ok(line('precision').startsWith(net.precision));
    assert.ok(line('total').startsWith(`${net.parameters} parameters`));
    assert.ok(line('input').startsWith(`${net.graphInputs[0].name} float32`));
    assert.ok(line('output').startsWith(`${net.outputName} float32`));
  }
});

test('one row, many rows, a block and a row more: the same bits', async () => {
  const real = rows();
  const net = await load('mlp_large');
  const alone = Float32Array.from(real, (row) => net.score(row));
  for (const count of [1, 47, 2048, 2049, 5000]) {
    const from = Float32Array.from(Array.from({ length: count }, (_, r) => real[r % real.length]).flat());
    const out = net.run(from);
    for (let r = 0; r < count; ++r) assert.ok(Object.is(out[r], alone[r % alone.length]), `${r} of ${count}`);
  }
});

test('run writes into what it is given, also a part of it, and in place', async () => {
  const net = await load('mlp_small');
  const from = Float32Array.from(rows().flat()), whole = net.run(from);
  const out = new Float32Array(50).fill(-7);
  assert.equal(net.run(from, out.subarray(1, 49)).buffer, out.buffer);
  assert.deepEqual(out.subarray(1, 49), whole);
  assert.deepEqual([out[0], out[49]], [-7, -7]);
  assert.equal(net.run(new Float32Array(0)).length, 0);
});

test('bad numbers stay bad, and clip leaves them', async () => {
  for (const name of names) {
    const net = await load(name);
    for (const bad of [NaN, Infinity, -Infinity]) assert.ok(Number.isNaN(net.score([1, 0.5, 0.5, 0.5, 0.5, bad])), name);
  }
  assert.ok(Number.isNaN(clip(NaN)));
  assert.deepEqual([clip(-3), clip(50.5), clip(101)], [0, 50.5, 100]);
});

test('wrong calls are refused with a code', async () => {
  const net = await load('mlp_small');
  const code = (code) => (error) => error instanceof TinymlpError && error.code === code;
  assert.throws(() => net.score([1, 2, 3]), code('size_mismatch'));
  assert.throws(() => net.run(new Float32Array(7)), code('size_mismatch'));
  assert.throws(() => net.run(new Float32Array(6), new Float32Array(2)), code('size_mismatch'));
  assert.throws(() => net.run([1, 2, 3, 4, 5, 6]), TypeError);
  net.free();
  net.free();
  assert.throws(() => net.score([1, 2, 3, 4, 5, 6]), code('freed'));
  assert.throws(() => net.run(new Float32Array(6)), code('freed'));
  await assert.rejects(load('mlp_tiny'), code('unknown_name'));
  await assert.rejects(load('mlp_small', { isa: 'avx2' }), code('isa_unsupported'));
  await assert.rejects(load(42), TypeError);
});

test('every code of the engine is in the types', () => {
  const types = read(root, 'build-web', 'package', 'tinymlp.d.ts').toString();
  const codes = [...read(root, 'include', 'tinymlp', 'error.hpp').toString().matchAll(/case status::(\w+):/g)].map((m) => m[1]);
  assert.ok(codes.length > 50);
  for (const code of codes.filter((c) => c !== 'ok')) assert.ok(types.includes(`'${code}'`), code);
});
