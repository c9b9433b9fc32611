// Models that are refused: code, offset, node, advice, and no crash for any bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isas, native, read, root, tinymlp, withProgram } from './support.mjs';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';

const { inspect, load, TinymlpError } = tinymlp;
const model = read(root, 'model', 'mlp_small.onnx');

// The model with its operator Relu renamed.
function withOperator(name) {
  const bytes = Buffer.from(model), at = bytes.indexOf('Relu');
  assert.ok(at > 0 && name.length === 4);
  bytes.write(name, at);
  return bytes;
}

test('an operator that is not supported is named, with what to do', async () => {
  await assert.rejects(load(withOperator('Sinh')), (error) => {
    assert.ok(error instanceof TinymlpError);
    assert.equal(error.code, 'unsupported_operator');
    assert.equal(error.operator, 'Sinh');
    assert.notEqual(error.node, '');
    assert.ok(error.offset > 0 && error.offset < model.length);
    assert.match(error.advice, /leave this operator out/);
    assert.equal(error.obstacles[0].code, error.code);
    return true;
  });
});

test('messages are the program\'s, of the first obstacle and of all', withProgram, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tinymlp-'));
  try {
    for (const [name, bytes] of [['sinh.onnx', withOperator('Sinh')], ['short.onnx', model.subarray(0, 1000)],
      ['none.onnx', Buffer.alloc(0)], ['text.onnx', read(root, 'README.md')]]) {
      writeFileSync(join(folder, name), bytes);
      const told = native(folder, 'inspect', name);
      assert.equal(told.status, 1);
      await assert.rejects(load(bytes), (error) => `${name}: ${error.message}` === told.messages[0].text);
      await assert.rejects(inspect(bytes, { modelName: name }), (error) =>
        error.code === 'refused' && error.message === told.messages[0].text && error.report.length > 0);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('every prefix of a model is refused, in both modules', async () => {
  for (const isa of isas)
    for (let size = 0; size < model.length; size += isa === 'plain' ? 37 : 1)
      await assert.rejects(load(model.subarray(0, size), { isa }), TinymlpError, `${size} bytes`);
});

test('changed bytes are refused or scored, never worse', async () => {
  let seed = 1;
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  let accepted = 0, refused = 0;
  for (let round = 0; round < 2000; ++round) {
    const bytes = Buffer.from(model);
    for (let i = 0; i < 3; ++i) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    try {
      const net = await load(bytes);
      net.run(new Float32Array(net.inputs));
      net.free();
      ++accepted;
    } catch (error) {
      assert.ok(error instanceof TinymlpError, String(error));
      ++refused;
    }
  }
  assert.ok(accepted > 0 && refused > 0);
});

test('a shipped network after refusals scores as before', async () => {
  const net = await load(model);
  assert.equal(net.score([0.956559, 0.402946, 0.8345, 0.915718, 0.95124, 0]), 81.1221923828125);
});
