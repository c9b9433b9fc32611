// node node.js ENGINE MODULES MODEL: in a process of its own, { load_ms, ns, score } as JSON.
import { readFileSync } from 'node:fs';
import { engines, latency } from './engines.js';

const [engine, modules, model] = process.argv.slice(2);
const start = performance.now();
const made = await engines[engine]({ modules, model: async () => readFileSync(model) });
const load_ms = performance.now() - start;
console.log(JSON.stringify({ load_ms, ...await latency(made), about: made.about }));
process.exit();
