// The WebAssembly modules: which set of instructions, where the bytes are, one instance of each.
import { TinymlpError } from './error.js';

// Best first. `probe` is a module that only compiles where there are such instructions. That of simd128
// is a function that makes the 128-bit constant 0, and drops it. Relaxed simd has a multiply-add that
// rounds once or twice, as the CPU has it: its probe exports f, (1 + 2^-12)^2 - (1 + 2^-11) by it, which is
// 2^-24, or 0 where the product was rounded as well; only the first will do. Its readers of logs are
// those of simd128, whose time is not in the network.
const variants = {
  relaxed: {
    probe: [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 125, 3, 2, 1, 0, 7, 5, 1, 1, 102,
      0, 0, 10, 31, 1, 29, 0, 67, 0, 8, 128, 63, 253, 19, 67, 0, 8, 128, 63, 253, 19, 67, 0, 16,
      128, 191, 253, 19, 253, 133, 2, 253, 31, 0, 11],
    rightWhen: ({ f }) => f() === 2 ** -24,
    shipped: () => import('./wasm/shipped.relaxed.js'),
    engine: () => import('./wasm/engine.relaxed.js'),
    program: () => import('./wasm/program.simd128.js'),
  },
  simd128: {
    probe: [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0,
      253, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 11],
    shipped: () => import('./wasm/shipped.simd128.js'),
    engine: () => import('./wasm/engine.simd128.js'),
    program: () => import('./wasm/program.simd128.js'),
  },
  plain: {
    probe: [0, 97, 115, 109, 1, 0, 0, 0],
    shipped: () => import('./wasm/shipped.plain.js'),
    engine: () => import('./wasm/engine.plain.js'),
    program: () => import('./wasm/program.plain.js'),
  },
};

const runs = {};
function supported(isa) {
  const { probe, rightWhen } = variants[isa];
  const bytes = new Uint8Array(probe);
  return (runs[isa] ??= WebAssembly.validate(bytes) &&
    (!rightWhen || rightWhen(new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports)));
}

// The set of instructions that was asked for, or the best that there is.
export function choose(wanted) {
  if (wanted === undefined) return Object.keys(variants).find(supported);
  if (!Object.hasOwn(variants, wanted))
    throw new TinymlpError('isa_unsupported', `no instruction set ${wanted}; known are ${Object.keys(variants).join(', ')}`);
  if (!supported(wanted)) throw new TinymlpError('isa_unsupported', `this browser does not support ${wanted}`);
  return wanted;
}

// The compiled module of that kind; compiled once.
const compiled = new Map();
export function module(kind, isa) {
  return once(compiled, `${kind} ${isa}`, async () => WebAssembly.compile(await unpack(await variants[isa][kind]())));
}

// What it exports, of the one instance that there is of it.
const instances = new Map();
export function instance(kind, isa) {
  return once(instances, `${kind} ${isa}`, async () => {
    const { exports } = await WebAssembly.instantiate(await module(kind, isa));
    exports._initialize();
    return exports;
  });
}

function once(kept, key, make) {
  if (!kept.has(key)) {
    const made = make();
    made.catch(() => kept.delete(key)); // to be tried again
    kept.set(key, made);
  }
  return kept.get(key);
}

// Modules are stored deflated, in base64, so that they need no fetch: they load from a file on disk,
// in a bundle, and under a policy that forbids connections.
async function unpack({ default: base64 }) {
  const packed = Uint8Array.fromBase64?.(base64) ?? Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const zlib = globalThis.process?.getBuiltinModule?.('node:zlib'); // Node's streams take 30 ms to start
  if (zlib) return zlib.inflateRawSync(packed);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Response(stream).arrayBuffer();
}
