// tinymlp for JavaScript: networks from ONNX files and the shipped ones; rows in, values out. The
// engine is the C++ one, compiled to WebAssembly. tinymlp.d.ts describes what is exported.
import { TinymlpError } from './error.js';
import { codes, features, shipped, version } from './generated.js';
import { bytesOf, encode } from './bytes.js';
import { choose, instance } from './modules.js';
import { Reader } from './reader.js';

export { TinymlpError, version };
export { inspect, runCsv, scoreLog } from './program.js';
export const names = Object.freeze(shipped.map((of) => of.name));
export const featureNames = Object.freeze(features);

const precisions = ['fp32', 'int8', 'static int8'];

// libvmaf's range; NaN stays NaN.
export function clip(score) {
  return score < 0 ? 0 : score > 100 ? 100 : score;
}

export async function load(model, options = {}) {
  const isa = choose(options.isa);
  if (typeof model === 'string') return loadShipped(model, isa);
  const engine = await instance('engine', isa);
  const owned = [];
  const put = (bytes) => {
    const at = engine.allocate(bytes.length) >>> 0;
    if (bytes.length > 0 && at === 0) throw new TinymlpError('out_of_memory', 'no memory for the model');
    owned.push(at);
    new Uint8Array(engine.memory.buffer, at, bytes.length).set(bytes);
    return [at, bytes.length];
  };
  try {
    const bytes = put(bytesOf(model, 'model'));
    const files = Object.entries(options.external ?? {}).map(([location, data]) => [
      ...put(encode(location)), ...put(bytesOf(data, location))]);
    const [table] = put(new Uint8Array(new Uint32Array(files.flat()).buffer));
    const output = put(encode(options.outputName ?? ''));
    const handle = engine.load(...bytes, table, files.length, ...output) >>> 0;
    const told = new Reader(engine.memory, engine.told());
    if (told.number() === 0) throw refusal(told);
    return new Network(engine, handle, readNetwork(told, isa));
  } finally {
    for (const at of owned) engine.release(at);
  }
}

async function loadShipped(name, isa) {
  const index = names.indexOf(name);
  if (index < 0)
    throw new TinymlpError('unknown_name', `no shipped network ${name}; there are ${names.join(', ')}`);
  const engine = await instance('shipped', isa);
  const told = new Reader(engine.memory, engine.describe(index));
  const about = { name: told.text(), predicts: told.text(), parameters: told.number(),
    precision: precisions[told.number()], isa, labels: [] };
  about.graphInputs = [{ name: told.text(), first: 0, count: features.length, used: true }];
  about.outputName = told.text();
  const layers = told.numbers();
  return new Network(engine, index, { ...about, inputs: features.length, outputs: 1,
    shape: [features.length, ...layers].join('-') });
}

function readNetwork(told, isa) {
  const [inputs, outputs, parameters] = [told.number(), told.number(), told.number()];
  const about = { name: '', predicts: '', isa, inputs, outputs, parameters,
    precision: precisions[told.number()], outputName: told.text() };
  about.graphInputs = Array.from({ length: told.number() }, () => ({
    name: told.text(), first: told.number(), count: told.number(), used: told.number() === 1 }));
  about.shape = [inputs, ...told.numbers()].join('-');
  about.labels = told.numbers();
  return about;
}

// One row in, its outputs back; blocks of rows likewise. Rows are copied into the module's memory
// once, and outputs out of it.
class Network {
  #engine;
  #handle;
  #score;
  #rows = new Float32Array(0); // the module's memory; empty when that has grown, or is freed
  #free = false;

  constructor(engine, handle, about) {
    this.#engine = engine;
    this.#handle = handle;
    this.#score = engine.score;
    Object.assign(this, about);
    Object.freeze(this);
    if (engine.unload) registry.register(this, { engine, handle }, this);
  }

  score(row) {
    if (this.#rows.length === 0) this.#look();
    const rows = this.#rows, inputs = this.inputs;
    if (row.length !== inputs || this.outputs !== 1) this.#refuseRow(row);
    for (let i = 0; i < inputs; ++i) rows[i] = row[i];
    return this.#score(this.#handle);
  }

  run(rows, out) {
    if (this.#rows.length === 0) this.#look();
    const { inputs, outputs } = this, engine = this.#engine;
    if (!(rows instanceof Float32Array)) throw new TypeError('rows are a Float32Array');
    const count = rows.length / inputs;
    out ??= new Float32Array(Math.floor(count) * outputs);
    if (!(out instanceof Float32Array)) throw new TypeError('out is a Float32Array');
    if (!Number.isInteger(count) || out.length !== count * outputs)
      throw new TinymlpError('size_mismatch', `${rows.length} values are no rows of ${inputs} for ` +
        `${out.length} values out, ${outputs} a row`);
    const block = engine.block_rows_of(this.#handle);
    const from = new Float32Array(engine.memory.buffer, engine.out_of(this.#handle) >>> 0, block * outputs);
    for (let done = 0; done < count; done += block) {
      const n = Math.min(block, count - done);
      const whole = n === count;
      this.#rows.set(whole ? rows : rows.subarray(done * inputs, (done + n) * inputs));
      const code = engine.run(this.#handle, n);
      if (code !== 0) throw new TinymlpError(codes[code], codes[code]);
      out.set(n === block ? from : from.subarray(0, n * outputs), done * outputs);
    }
    return out;
  }

  free() {
    if (this.#free) return;
    this.#free = true;
    this.#rows = new Float32Array(0);
    registry.unregister(this);
    this.#engine.unload?.(this.#handle);
  }

  #look() {
    if (this.#free) throw new TinymlpError('freed', 'the network has been freed');
    const engine = this.#engine;
    this.#rows = new Float32Array(engine.memory.buffer, engine.rows_of(this.#handle) >>> 0,
      engine.block_rows_of(this.#handle) * this.inputs);
  }

  #refuseRow(row) {
    if (this.outputs !== 1)
      throw new TinymlpError('size_mismatch', `score() is for one output, and there are ${this.outputs}: use run()`);
    throw new TinymlpError('size_mismatch', `a row of ${row.length} values, and the network takes ${this.inputs}`);
  }
}
if (Symbol.dispose) Network.prototype[Symbol.dispose] = Network.prototype.free;
export { Network };

const registry = new FinalizationRegistry(({ engine, handle }) => engine.unload(handle));

function refusal(told) {
  const first = readError(told);
  const total = told.number();
  const obstacles = Array.from({ length: told.number() }, () => readError(told));
  return new TinymlpError(first.code, first.text, { ...first, obstacles, obstacleCount: total });
}

function readError(told) {
  const code = codes[told.number()];
  const offset = told.number();
  const [found, accepted] = [told.number(), told.number()].map((n) => (n < 0 ? null : n));
  const shape = told.numbers().map((n) => (n === 0 ? null : n));
  told.number(); // what found and accepted count
  const [node, operator, reason, advice, section] = Array.from({ length: 5 }, () => told.text());
  const text = `byte ${offset}: ${reason}${node === '' ? '' : ` (${node})`}`;
  return { code, offset, node, operator, reason, advice, section, found, accepted, shape, text };
}

