// Everything that takes long, beside the page's thread. A request is { id, task, ... }; answers carry
// its id. Cancelling ends the worker.
import { inspect, load, runCsv, scoreLog, TinymlpError } from 'tinymlp';
import { measure } from './latency.js';
import { prepare, worst } from './view.js';

const scored = new Map(); // kept for what is saved later

function onProgress(id, size) {
  let next = 0;
  return (rows, bytes) => {
    const now = performance.now();
    if (now < next) return;
    next = now + 50;
    self.postMessage({ id, progress: { rows, bytes, size } });
  };
}

const tasks = {
  async score({ id, file, name, log: key, options }) {
    scored.delete(key);
    const log = await scoreLog(file, { ...options, name, onProgress: onProgress(id, file.size) });
    scored.set(key, log);
    const { frames, scores, own, ...rest } = log;
    return { ...rest, at: prepare(log), worst: worst(log, 10) };
  },
  async save({ log: key, format }) {
    return scored.get(key)[format]();
  },
  forget({ log: key }) {
    scored.delete(key);
  },
  async look({ model, name, external }) {
    const text = await inspect(model, { modelName: name, external });
    const net = await load(model, { external });
    const { inputs, outputs, shape, precision, parameters } = net;
    net.free();
    return { text, inputs, outputs, shape, precision, parameters };
  },
  async run({ id, file, options }) {
    return runCsv(file, { ...options, name: file.name, onProgress: onProgress(id, file.size) });
  },
  measure({ model }) {
    return measure(model);
  },
};

self.onmessage = async ({ data }) => {
  try {
    const result = await tasks[data.task](data);
    const buffers = [];
    for (const column of [...Object.values(result?.at ?? {}), result?.values]) if (column) buffers.push(column.buffer);
    self.postMessage({ id: data.id, result }, buffers);
  } catch (error) {
    const known = error instanceof TinymlpError;
    self.postMessage({ id: data.id, error: { code: known ? error.code : 'defect', message: error.message, report: error.report ?? '' } });
  }
};
