// Logs, CSVs and models through the program's rooms: the same text as the native program's.
import assert from 'node:assert/strict';
import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { bits, csvNumbers, logs, native, read, root, samples, shared, tinymlp, withProgram } from './support.mjs';

const { inspect, load, names, runCsv, scoreLog, TinymlpError } = tinymlp;
const withoutKernel = (json) => json.replace(/"kernel": "\w+"/, '');

for (const [folder, name] of logs())
  test(`${name}: scores and messages are the program's`, withProgram, async () => {
    for (const model of ['mlp_small', 'mlp_large', 'mlp_medium_4k.int8']) {
      const told = native(folder, 'score', '--model', model, name);
      if (told.status !== 0) {
        await assert.rejects(scoreLog(read(folder, name), { name, model }), (error) => {
          assert.equal(error.code, 'failure');
          // The native program tells of rows that left already.
          assert.equal(error.message, told.messages.at(-1).text.replace('; what was written before this is incomplete', ''));
          return true;
        });
        continue;
      }
      const log = await scoreLog(read(folder, name), { name, model });
      assert.equal(log.csv(), told.out);
      assert.deepEqual(bits(log.scores), bits(csvNumbers(told.out)));
      assert.deepEqual(log.messages, told.messages);
      const json = native(folder, 'score', '--model', model, '--format', 'json', name).out;
      assert.equal(withoutKernel(log.json()), withoutKernel(json));
      const pooled = JSON.parse(json).pooled_metrics.tinymlp_vmaf;
      for (const [ours, theirs] of [['min', 'min'], ['max', 'max'], ['mean', 'mean'], ['harmonicMean', 'harmonic_mean']])
        assert.equal(Number(log.pooled[ours].toPrecision(9)), pooled[theirs]);
    }
  });

test('agreement is what the program tells', withProgram, async () => {
  for (const name of readdirSync(samples)) {
    const log = await scoreLog(read(samples, name), { name });
    const told = native(samples, 'score', '--format', 'view', name).out;
    const line = /agreement +PLCC ([\d.]+) +RMSE ([\d.]+)/.exec(told);
    assert.equal(log.compared, line !== null, name);
    if (line) assert.deepEqual([log.plcc.toFixed(6), log.rmse.toFixed(4)], line.slice(1));
  }
});

test('percentiles are linear between ranks', async () => {
  const log = await scoreLog(read(samples, 'vtest_x264_36.csv'));
  const sorted = Array.from(log.scores).sort((a, b) => a - b);
  for (const [key, share] of [['p1', 0.01], ['p5', 0.05], ['p10', 0.1]]) {
    const at = share * (sorted.length - 1), below = Math.floor(at);
    const wanted = sorted[below] + (sorted[below + 1] - sorted[below]) * (at - below);
    assert.ok(Math.abs(log.pooled[key] - wanted) < 1e-9, key);
  }
});

test('a text, bytes, a Blob, a stream, chunks of any size and a reader: the same', async () => {
  const bytes = read(samples, 'vtest_x264_36.json');
  const wanted = (await scoreLog(bytes)).csv();
  const pieces = async function* (size) {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };
  let at = 0;
  const reader = {
    read(into) {
      const piece = bytes.subarray(at, at + Math.min(into.length, 777));
      into.set(piece);
      at += piece.length;
      return piece.length;
    },
  };
  for (const input of [bytes.toString(), new Blob([bytes]), new Blob([bytes]).stream(), pieces(1), pieces(4096), reader,
    createReadStream(join(samples, 'vtest_x264_36.json')), Readable.from([bytes.subarray(0, 5000), bytes.subarray(5000)])])
    assert.equal((await scoreLog(input)).csv(), wanted);
  for (const wrong of [42, undefined, null, { read: async () => 0 }, { read: () => undefined }, { read: () => -1 }, { read: (into) => into.length + 1 }])
    await assert.rejects(scoreLog(wrong), TypeError);
});

test('options are the program\'s', withProgram, async () => {
  const name = 'vtest_x264_36.csv', bytes = read(samples, name);
  const same = async (options, ...args) =>
    assert.equal((await scoreLog(bytes, { name, ...options })).csv(), native(samples, 'score', ...args, name).out);
  await same({ clip: false }, '--raw');
  await same({ clip: true }, '--clip');
  await same({ ownScore: '' }, '--own-score', '');
  await same({ featureSuffix: '' }, '--feature-suffix', '');
  const model = read(root, 'model', 'mlp_medium.onnx');
  await same({ model }, '--model', join(root, 'model', 'mlp_medium.onnx'));
  await same({ model, clip: true }, '--clip', '--model', join(root, 'model', 'mlp_medium.onnx'));
  await assert.rejects(scoreLog(bytes, { ownScore: 'psnr_hvs' }), (e) => e.code === 'failure' && /psnr_hvs/.test(e.message));
  await assert.rejects(scoreLog(bytes, { model: 'nobody' }), (e) => e.code === 'unknown_name');
  for (const wrong of [{ clip: null }, { clip: 'yes' }, { ownScore: 5 }, { name: 5 }, { modelName: {} }])
    await assert.rejects(scoreLog(bytes, wrong), TypeError);
});

test('a model is what its bytes are, whatever it is called', async () => {
  const bytes = read(samples, 'vtest_x264_36.csv'), model = read(root, 'model', 'mlp_large.onnx');
  const wanted = (await scoreLog(bytes, { model })).csv();
  for (const modelName of ['mlp_small', '-', 'mlp_large.int8']) assert.equal((await scoreLog(bytes, { model, modelName })).csv(), wanted);
  assert.equal((await scoreLog(bytes, { name: '-' })).rows, 48);
  await assert.rejects(inspect(), TypeError);
});

test('progress is told, and what it throws ends the run', async () => {
  const [header, ...lines] = read(samples, 'vtest_x264_36.csv').toString().trim().split('\n');
  const text = [header, ...Array.from({ length: 100 }, () => lines).flat()].join('\n') + '\n';
  const seen = [];
  const log = await scoreLog(text, { onProgress: (rows, bytes) => seen.push([rows, bytes]) });
  assert.equal(log.rows, 4800);
  assert.ok(seen.length >= 4 && seen.at(-1)[0] === 4800 && seen.at(-1)[1] === text.length);
  const stop = new Error('enough');
  await assert.rejects(scoreLog(text, { onProgress: () => { throw stop; } }), stop);
  await assert.rejects(scoreLog(text, { signal: AbortSignal.abort(stop) }), stop);
  const controller = new AbortController();
  const stalled = new ReadableStream({ start: (to) => to.enqueue(read(samples, 'vtest_x264_36.csv')) });
  setTimeout(() => controller.abort(stop), 20);
  await assert.rejects(scoreLog(stalled, { signal: controller.signal }), stop);
  assert.equal((await scoreLog(text)).rows, 4800);
});

test('what inspect prints is the program\'s', withProgram, async () => {
  for (const name of names) {
    const modelName = `${name}.onnx`;
    assert.equal(await inspect(read(root, 'model', modelName), { modelName }),
      native(join(root, 'model'), 'inspect', modelName).out);
  }
});

// Public MLP files that people use.
const wild = join(shared, 'wild');
for (const name of existsSync(wild) ? readdirSync(wild) : [])
  test(`wild: ${name}`, withProgram, async () => {
    const folder = join(wild, name);
    const bytes = read(folder, 'model.onnx');
    const known = new Set(['model.onnx', 'about.json', 'inputs.csv', 'onnxruntime.csv', 'float64.csv']);
    const external = Object.fromEntries(readdirSync(folder).filter((file) => !known.has(file)).map((file) => [file, read(folder, file)]));
    const told = native(folder, 'run', 'model.onnx', 'inputs.csv');
    const options = { model: bytes, external, name: 'inputs.csv' };
    if (told.status !== 0) {
      await assert.rejects(runCsv(read(folder, 'inputs.csv'), options), TinymlpError);
      return;
    }
    const ours = await runCsv(read(folder, 'inputs.csv'), options);
    assert.equal(ours.csv, told.out);
    assert.deepEqual(ours.messages, told.messages);
    const net = await load(bytes, { external });
    const lines = readFileSync(join(folder, 'inputs.csv')).toString().trim().split('\n').map((l) => l.split(',').map(Number));
    const rows = lines.flatMap((line) => {
      let at = 0;
      return net.graphInputs.flatMap((input) => {
        at += input.count;
        return input.used ? line.slice(at - input.count, at) : [];
      });
    });
    assert.deepEqual(bits(net.run(Float32Array.from(rows))), bits(ours.values));
    assert.equal(await inspect(bytes, { external }), native(folder, 'inspect', 'model.onnx').out);
  });
