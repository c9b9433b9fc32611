// Memory goes when a network is freed, or collected.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { read, root, samples, tinymlp } from './support.mjs';

const { load, scoreLog } = tinymlp;
const model = read(root, 'model', 'mlp_large.onnx');

// Bytes of WebAssembly memory of all instances show in what the process holds outside of its heap.
const held = () => process.memoryUsage().arrayBuffers + process.memoryUsage().external;

test('a thousand networks that are freed take the room of one', async () => {
  (await load(model)).free();
  const before = held();
  for (let i = 0; i < 1000; ++i) (await load(model)).free();
  assert.ok(held() - before < 4e6, `${held() - before} bytes more`);
});

test('networks that are kept do take room, so the test above can fail', async () => {
  const before = held(), kept = [];
  for (let i = 0; i < 200; ++i) kept.push(await load(model));
  assert.ok(held() - before > 4e6, `${held() - before} bytes more`);
  for (const net of kept) net.free();
});

test('networks that nobody holds any more are freed by the collector', { skip: globalThis.gc ? false : '--expose-gc is missing' }, async () => {
  const before = held();
  for (let round = 0; round < 20; ++round) {
    for (let i = 0; i < 100; ++i) await load(model);
    globalThis.gc();
    await wait(5); // finalisers run between tasks
  }
  assert.ok(held() - before < 40e6, `${held() - before} bytes more; 2000 networks would take 400 MB`);
});

test('a refused model leaves nothing behind', async () => {
  const short = model.subarray(0, 9000);
  await assert.rejects(load(short));
  const before = held();
  for (let i = 0; i < 1000; ++i) await assert.rejects(load(short));
  assert.ok(held() - before < 4e6);
});

test('logs take their instance with them', { skip: globalThis.gc ? false : '--expose-gc is missing' }, async () => {
  const log = read(samples, 'vtest_x264_36.csv');
  await scoreLog(log);
  globalThis.gc();
  const before = held();
  for (let i = 0; i < 30; ++i) {
    await scoreLog(log);
    await assert.rejects(scoreLog('nonsense'));
    if (i % 10 === 9) {
      globalThis.gc();
      await wait(5);
    }
  }
  globalThis.gc();
  await wait(5);
  assert.ok(held() - before < 30e6, `${held() - before} bytes more`);
});

test('using frees at the end of the block', async () => {
  const net = await load(model);
  if (!Symbol.dispose) return;
  net[Symbol.dispose]();
  assert.throws(() => net.score([1, 2, 3, 4, 5, 6]), (e) => e.code === 'freed');
});
