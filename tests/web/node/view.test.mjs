// What the page's charts draw: against a plain reading of every row.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { root } from './support.mjs';

const { bucket, fixed, lowerBound, prepare, worst } = await import(join(root, 'tools', 'web', 'page', 'view.js'));

// Frames with gaps and scores with NaN among them, from a fixed generator.
function madeLog(count, step = 1) {
  let seed = 7, frame = 0;
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const frames = new Float64Array(count), scores = new Float32Array(count), own = new Float64Array(count);
  for (let i = 0; i < count; ++i) {
    frames[i] = frame;
    scores[i] = random() < 0.01 ? NaN : 100 * random();
    own[i] = random() < 0.02 ? NaN : 100 * random();
    frame += random() < 0.001 ? 500 * step : step;
  }
  const log = { frames, scores, own, compared: true, step };
  return { ...log, at: prepare(log) };
}

test('least, greatest and mean of each bucket are those of its rows', () => {
  const log = madeLog(100000);
  const last = log.frames.at(-1);
  for (const [from, to, most] of [[0, last, 900], [0, last, 100], [1234, 5678, 700], [5000, 5010, 900], [last - 3, last, 50]])
    for (const key of ['score', 'own', 'difference']) {
      const { x, width, series: [line] } = bucket([log], key, from, to, most, 1);
      assert.ok(x.length <= most + 1 && x[0] <= from && x.at(-1) + width > to);
      const values = { score: (i) => log.scores[i], own: (i) => log.own[i], difference: (i) => log.scores[i] - log.own[i] }[key];
      const rows = x.length <= 200 || key === 'score' ? x.keys() : [0, 1, 77];
      for (const at of rows) {
        const inside = [];
        for (let i = lowerBound(log.frames, x[at]); i < log.frames.length && log.frames[i] < x[at] + width; ++i)
          if (Number.isFinite(values(i))) inside.push(values(i));
        if (inside.length === 0) {
          assert.equal(line.mean[at], null, 'a gap stays a gap');
          continue;
        }
        assert.equal(line.min[at], Math.min(...inside));
        assert.equal(line.max[at], Math.max(...inside));
        const mean = inside.reduce((a, b) => a + b) / inside.length;
        assert.ok(Math.abs(line.mean[at] - mean) < 1e-9);
      }
    }
});

test('a missing frame is a gap; what lies between a log\'s own steps is none', () => {
  const frames = Float64Array.of(0, 5, 10, 30, 35), scores = Float32Array.of(1, 2, 3, 4, 5);
  const log = { frames, scores, own: null, compared: false, step: 5 };
  log.at = prepare(log);
  const alone = bucket([log], 'score', 0, 35, 100, 5).series[0].mean;
  assert.deepEqual(alone, [1, 2, 3, null, null, null, 4, 5]);
  const beside = bucket([log], 'score', 0, 35, 100, 1).series[0].mean; // another log has every frame
  assert.equal(beside[1], undefined);
  assert.equal(beside[12], null);
  assert.equal(bucket([log], 'difference', 0, 35, 100, 5).series[0].mean[0], null);
});

test('frames that step back are drawn in order, and stay as they were for all else', () => {
  const log = { frames: Float64Array.of(3, 1, 2), scores: Float32Array.of(30, 10, 20), own: Float64Array.of(31, 11, 21), compared: true };
  const at = prepare(log);
  assert.deepEqual([...at.frames], [1, 2, 3]);
  assert.deepEqual([...at.score], [10, 20, 30]);
  assert.deepEqual([...at.difference], [-1, -1, -1]);
  assert.deepEqual([...log.frames], [3, 1, 2]);
});

test('the worst frames are those of the lowest scores', () => {
  const log = madeLog(5000);
  const all = Array.from(log.scores, (score, i) => ({ frame: log.frames[i], score })).filter(({ score }) => !Number.isNaN(score))
    .sort((a, b) => a.score - b.score).slice(0, 10);
  assert.deepEqual(worst(log, 10).map(({ frame, score }) => ({ frame, score })), all);
  assert.equal(worst({ frames: Float64Array.of(1, 2), scores: Float32Array.of(NaN, 3), own: null }, 10).length, 1);
});

test('numbers are rounded as the program rounds: the middle goes to the even digit', () => {
  const wanted = [[93.03125, 4, '93.0312'], [93.09375, 4, '93.0938'], [-93.03125, 4, '-93.0312'], [0.125, 2, '0.12'], [0.375, 2, '0.38'],
    [0.5, 0, '0'], [1.5, 0, '2'], [2.675, 2, '2.67'], [100, 3, '100.000'], [NaN, 2, '–'], [-Infinity, 2, '–']];
  for (const [value, digits, text] of wanted) assert.equal(fixed(value, digits), text);
});
