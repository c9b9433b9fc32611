// How long a frame takes here. Browsers round their clocks, so a reading covers as many frames as it
// takes for the clock's step to be 2 % of it.
import { load } from 'tinymlp';

const batchRows = 4096;

// The smallest step by which the clock is seen to advance, in ms.
function clockStep() {
  let step = Infinity;
  for (let i = 0; i < 30; ++i) {
    const from = performance.now();
    let now = from;
    while (now === from) now = performance.now();
    step = Math.min(step, now - from);
  }
  return step;
}

// Readings of ns a frame: `pass(n)` does n passes over `frames` frames each.
function sample(pass, frames, step, readings, budget) {
  pass(10);
  const enough = Math.max(50 * step, 0.2);
  let passes = 1, took = 0;
  const least = () => Math.min(...Array.from({ length: 3 }, () => time(() => pass(passes)))); // of what may be interrupted
  while ((took = least()) < enough) passes = Math.ceil(passes * Math.max(2, 1.2 * enough / Math.max(took, step)));
  for (;;) { // again with more, where code became faster meanwhile
    const spans = [], from = performance.now();
    while (spans.length < readings && (spans.length < 20 || performance.now() - from < budget)) spans.push(time(() => pass(passes)));
    const sorted = Float64Array.from(spans).sort();
    if (sorted[0] >= 0.9 * enough || sorted[0] === 0 || passes > 1e8)
      return { spans: sorted.map((ms) => ms * 1e6 / (passes * frames)), passes };
    passes = Math.ceil(passes * 1.2 * enough / sorted[0]);
  }
}

function time(work) {
  const from = performance.now();
  work();
  return performance.now() - from;
}

function figures({ spans, passes }) {
  const at = (share) => spans[Math.min(spans.length - 1, Math.floor(share * spans.length))];
  return { spans, passes, min: spans[0], median: at(0.5), p99: at(0.99) };
}

export async function measure(model) {
  const net = await load(model);
  const { inputs, outputs } = net;
  const count = 64, rows = Float32Array.from({ length: count * inputs }, (_, i) => ((i * 37) % 64) / 64);
  const single = Array.from({ length: count }, (_, i) => rows.slice(i * inputs, (i + 1) * inputs));
  const out = new Float32Array(outputs);
  let score = 0;
  // The next row is known only once the score before it is.
  const alone = (passes) => {
    for (let pass = 0; pass < passes; ++pass) {
      const row = single[pass % count];
      row[0] += 0 * (Number.isFinite(score) ? score : 0);
      score = outputs === 1 ? net.score(row) : net.run(row, out)[0];
    }
  };
  const block = Float32Array.from({ length: batchRows * inputs }, (_, i) => rows[i % (count * inputs)]);
  const blockOut = new Float32Array(batchRows * outputs);
  const step = clockStep();
  const one = figures(sample(alone, 1, step, 400, 800));
  const batch = figures(sample((passes) => {
    for (let pass = 0; pass < passes; ++pass) net.run(block, blockOut);
  }, batchRows, step, 100, 800));
  net.free();
  return { step: step * 1e3, isa: net.isa, shape: net.shape, precision: net.precision, batchRows, one, batch };
}
