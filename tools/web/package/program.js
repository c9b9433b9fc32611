// The program's rooms, compiled: its readers of logs, its writers, its words.
import { bytesOf, encode, sourceOf } from './bytes.js';
import { TinymlpError } from './error.js';
import { shipped } from './generated.js';
import { choose, module } from './modules.js';
import { Reader } from './reader.js';

// An instance for each run: what a broken log leaves half done goes with it.
class Session {
  messages = [];
  #files = [];
  #sources;
  #exports;
  #written = [];
  #onProgress;

  static async start(sources, options) {
    const session = new Session();
    session.#sources = sources;
    session.#onProgress = options.onProgress;
    const compiled = await module('program', choose(options.isa));
    options.signal?.throwIfAborted();
    const { exports } = await WebAssembly.instantiate(compiled,
      { host: session.#host(), wasi_snapshot_preview1: session.#wasi() });
    session.#exports = exports;
    exports._initialize();
    return session;
  }

  // Calls a function of the module; texts go as where they lie and their size, null as no text.
  call(name, ...values) {
    const flat = values.flatMap((value) => {
      if (typeof value === 'number') return [value];
      if (value === null) return [0, 0];
      const bytes = encode(value), at = this.#exports.allocate(bytes.length + 1) >>> 0;
      new Uint8Array(this.memory.buffer, at, bytes.length).set(bytes);
      return [at, bytes.length];
    });
    try {
      return this.#exports[name](...flat);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError)
        throw new TinymlpError('out_of_memory', `the reader stopped: ${error.message}`, { cause: error });
      throw error;
    }
  }
  get memory() {
    return this.#exports.memory;
  }
  told() {
    return new Reader(this.memory, this.#exports.told());
  }
  // What the call wrote, as a text.
  written(name, ...values) {
    this.#written = [];
    this.call(name, ...values);
    return this.text();
  }
  text() {
    const decoder = new TextDecoder();
    return this.#written.map((piece) => decoder.decode(piece, { stream: true })).join('') + decoder.decode();
  }

  #bytes(at, size) {
    return new Uint8Array(this.memory.buffer, at >>> 0, size >>> 0);
  }
  #text(at, size) {
    return new TextDecoder().decode(this.#bytes(at, size));
  }
  #word(at) {
    return this.#text(at, new Uint8Array(this.memory.buffer, at >>> 0, 32).indexOf(0));
  }

  #host() {
    return {
      open: (name, size) => {
        const source = this.#sources.get(this.#text(name, size));
        return source === undefined ? -1 : this.#files.push(source) - 1;
      },
      size: (file) => this.#files[file].size,
      read: (file, at, size) => this.#files[file].read(this.#bytes(at, size)),
      message: (kind, kindSize, text, size) =>
        this.messages.push({ kind: this.#text(kind, kindSize), text: this.#text(text, size) }),
      progress: (rows, bytes) => this.#onProgress?.(rows, bytes),
      write: (text, size) => this.#written.push(this.#bytes(text, size).slice()),
      fail: (kind, text, size, more, moreSize) => {
        throw new TinymlpError(this.#word(kind), this.#text(text, size), { report: this.#text(more, moreSize) });
      },
    };
  }

  // What is left of the C library's own: a clock, and bytes nobody can guess for expat's hashes.
  #wasi() {
    const view = () => new DataView(this.memory.buffer);
    const given = {
      clock_time_get: (clock, precision, to) => {
        view().setBigUint64(to, BigInt(Math.round(performance.now() * 1e6)), true);
        return 0;
      },
      environ_sizes_get: (count, size) => {
        view().setUint32(count, 0, true);
        view().setUint32(size, 0, true);
        return 0;
      },
      random_get: (at, size) => {
        crypto.getRandomValues(this.#bytes(at, size));
        return 0;
      },
    };
    const refused = ['environ_get', 'fd_close', 'fd_seek', 'fd_write', 'proc_exit'];
    return { ...Object.fromEntries(refused.map((name) => [name, () => 52])), ...given };
  }
}

// "-" is the program's standard input, and here a file as any other.
const asFile = (name) => (name === '-' ? './-' : name);

// What a caller without types may get wrong; the module takes texts and numbers as they come.
const kinds = { outputName: 'string', modelName: 'string', name: 'string', featureSuffix: 'string', ownScore: 'string', clip: 'boolean' };
function check(options) {
  for (const [option, kind] of Object.entries(kinds))
    if (options[option] !== undefined && typeof options[option] !== kind)
      throw new TypeError(`${option} is a ${kind}, not ${options[option] === null ? 'null' : `a ${typeof options[option]}`}`);
}

// The files of a run: the log or rows, and the model with its data where it is no shipped one.
function filesOf(input, options) {
  const sources = new Map();
  let model = options.model ?? 'mlp_small';
  const add = (name, data) => {
    if (sources.has(name)) throw new TinymlpError('usage', `two files are called ${name}`);
    sources.set(name, data);
  };
  if (typeof model === 'string') {
    if (!shipped.some((of) => of.name === model))
      throw new TinymlpError('unknown_name', `no shipped network ${model}; there are ${shipped.map((of) => of.name).join(', ')}`);
  } else {
    const bytes = model;
    model = asFile(options.modelName ?? 'model.onnx');
    if (shipped.some((of) => of.name === model)) model += '.onnx'; // or the shipped one would be taken
    add(model, bytes);
    for (const [location, data] of Object.entries(options.external ?? {})) add(location, data);
  }
  const name = asFile(options.name ?? (typeof input?.name === 'string' && input.name !== '' ? input.name : 'log'));
  if (input !== undefined) add(name, input);
  return { sources, model, name };
}

async function start(input, options) {
  check(options);
  const { sources, model, name } = filesOf(input, options);
  for (const [file, data] of sources)
    sources.set(file, await sourceOf(file === name ? data : bytesOf(data, file), options.signal));
  return { session: await Session.start(sources, options), model, name };
}

const clipping = { undefined: 0, true: 1, false: 2 };

function readNetwork(told) {
  const [name, predicts, network, shape, precision, kernel, sha256, outputName] = texts(told, 8);
  const [parameters, inputs, outputs, bytes, shipped] = Array.from({ length: 5 }, () => told.number());
  return { name, predicts, network, shape, precision, kernel, sha256, outputName, parameters, inputs, outputs,
    bytes, shipped: shipped === 1 };
}

function texts(told, count) {
  return Array.from({ length: count }, () => told.text());
}

function readPooled(told) {
  const [min, max, mean, harmonicMean, p1, p5, p10] = Array.from({ length: 7 }, () => told.number());
  return { min, max, mean, harmonicMean, p1, p5, p10 };
}

export async function scoreLog(input, options = {}) {
  if (input === undefined) throw new TypeError('scoreLog: no log is given');
  const { session, model, name } = await start(input, options);
  session.call('score_log', name, model, options.outputName ?? '', clipping[options.clip],
    options.featureSuffix ?? null, options.ownScore ?? null);
  const told = session.told();
  const network = readNetwork(told);
  const [format, version, logModel, ownKey, ownModel] = texts(told, 5);
  const hasOwn = told.number() === 1;
  const log = { name, format, version, model: logModel, ownKey, ownModel, keys: texts(told, 6) };
  const [clipped, compared, step] = [told.number() === 1, told.number() === 1, told.number()];
  const pooled = readPooled(told), ownPooled = readPooled(told);
  const [plcc, rmse, notFinite, rows] = Array.from({ length: 4 }, () => told.number());
  const column = (Type, of) => new Type(session.memory.buffer, session.call(of) >>> 0, rows).slice();
  const result = {
    network, log, clipped, compared, step, rows, notFinite,
    frames: column(Float64Array, 'frames'),
    scores: column(Float32Array, 'scores'),
    own: hasOwn ? column(Float64Array, 'own') : null,
    pooled, ownPooled: hasOwn ? ownPooled : null,
    plcc: compared ? plcc : NaN, rmse: compared ? rmse : NaN,
    messages: session.messages,
  };
  const written = (format) => () => session.written('write_scores', format);
  for (const [name, value] of Object.entries({ csv: written(0), json: written(1), svg: written(2) }))
    Object.defineProperty(result, name, { value });
  return result;
}

// What `tinymlp inspect` prints; throws with all obstacles in `report` where the model is refused.
export async function inspect(bytes, options = {}) {
  bytesOf(bytes, 'inspect');
  const { session, model } = await start(undefined, { ...options, model: bytes });
  return session.written('inspect', model, options.outputName ?? '');
}

// What `tinymlp run` prints of a CSV, and the outputs as numbers, row by row.
export async function runCsv(input, options = {}) {
  if (input === undefined) throw new TypeError('runCsv: no rows are given');
  const { session, model, name } = await start(input, { ...options, name: options.name ?? input?.name ?? 'rows.csv' });
  const csv = session.written('run_rows', name, model, options.outputName ?? '');
  const told = session.told();
  const network = readNetwork(told);
  const names = texts(told, network.outputs);
  const rows = told.number();
  const values = new Float32Array(session.memory.buffer, session.call('values') >>> 0, rows * network.outputs).slice();
  return { network, names, rows, values, csv, messages: session.messages };
}
