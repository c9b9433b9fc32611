// The tarball, installed into an empty project: what is in it, how large, in Node, with types, and in Vite.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createContext, Script } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { built } from './support.mjs';

const modules = join(built, 'tests', 'node_modules');
const tarball = join(built, readdirSync(built).find((name) => /^tinymlp-.*\.tgz$/.test(name)));
const row = '[0.956559, 0.402946, 0.8345, 0.915718, 0.95124, 0]', score = 81.1221923828125;
let project;

before(() => {
  project = mkdtempSync(join(tmpdir(), 'tinymlp-project-'));
  writeFileSync(join(project, 'package.json'), '{"name":"empty","private":true,"type":"module"}');
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--loglevel=error', tarball], { cwd: project });
});
after(() => rmSync(project, { recursive: true, force: true }));

const at = (...path) => join(project, 'node_modules', 'tinymlp', ...path);
const write = (name, text) => {
  mkdirSync(join(project, name, '..'), { recursive: true });
  writeFileSync(join(project, name), text);
};

test('the tarball holds what it should, and nothing more', () => {
  assert.deepEqual(readdirSync(at()).sort(), ['LICENSE', 'README.md', 'package.json', 'tinymlp.d.ts',
    'tinymlp.global.js', 'tinymlp.js', 'wasm']);
  const about = JSON.parse(readFileSync(at('package.json')));
  assert.deepEqual(Object.keys(about.dependencies ?? {}), []);
  assert.equal(about.scripts, undefined);
});

test('Node imports it', () => {
  write('use.mjs', `import { load, scoreLog, names } from 'tinymlp';
    const net = await load('mlp_small');
    console.log(net.score(${row}), names.length, (await scoreLog('adm2,vif_scale0,vif_scale1,vif_scale2,vif_scale3,motion2\\n1,1,1,1,1,0\\n')).rows);`);
  assert.equal(execFileSync('node', ['use.mjs'], { cwd: project }).toString(), `${score} 12 1\n`);
});

test('a classic script defines tinymlp, and evaluates nothing', async () => {
  const text = readFileSync(at('tinymlp.global.js'), 'utf8');
  const names = ['WebAssembly', 'TextDecoder', 'TextEncoder', 'Blob', 'Response', 'DecompressionStream', 'FinalizationRegistry',
    'Uint8Array', 'Float32Array', 'ArrayBuffer', 'DataView', 'atob', 'crypto', 'performance'];
  const context = createContext(Object.fromEntries(names.map((name) => [name, globalThis[name]])),
    { codeGeneration: { strings: false, wasm: true } });
  new Script(`${text};globalThis.tinymlp = tinymlp;`).runInContext(context);
  assert.equal((await context.tinymlp.load('mlp_small')).score(JSON.parse(row)), score);
});

test('types are right, and wrong uses are seen', () => {
  const check = (text) => {
    write('use.ts', text);
    return spawnSync('node', [join(modules, 'typescript', 'bin', 'tsc'), '--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2022',
      '--lib', 'es2022,esnext.disposable,dom,dom.asynciterable', '--module', 'nodenext', '--moduleResolution', 'nodenext', '--typeRoots', 'none', 'use.ts'], { cwd: project });
  };
  const right = check(`import { load, scoreLog, inspect, runCsv, clip, names, TinymlpError, type ShippedName } from 'tinymlp';
    const name: ShippedName = 'mlp_large_4k.int8';
    const net = await load(name, { isa: 'plain' });
    const score: number = clip(net.score([1, 2, 3, 4, 5, 6]));
    const out: Float32Array = net.run(new Float32Array(6));
    const log = await scoreLog(new Blob(['x']), { model: 'mlp_small', onProgress: (rows, bytes) => void (rows + bytes) });
    const mean: number = log.pooled.mean;
    try { await load(new Uint8Array(3)); } catch (e) { if (e instanceof TinymlpError && e.code === 'truncated') e.obstacles[0]?.advice; }
    export { score, out, mean, names, inspect, runCsv };`);
  assert.equal(right.status, 0, right.stdout.toString());
  const wrong = check(`import { load } from 'tinymlp'; await load('mlp_tiny'); (await load('mlp_small')).score('row');`);
  assert.match(wrong.stdout.toString(), /mlp_tiny/);
  assert.match(wrong.stdout.toString(), /'string' is not assignable to parameter of type 'ArrayLike<number>'/);
});

test('Vite bundles it; a shipped network takes less than 60 KiB', () => {
  write('index.html', '<!doctype html><div id="out"></div><script type="module" src="/main.js"></script>');
  write('main.js', `import { load } from 'tinymlp';
    load('mlp_small').then((net) => { document.getElementById('out').textContent = net.score(${row}); });`);
  symlinkSync(modules, join(project, 'tools'));
  execFileSync('node', [join(project, 'tools', 'vite', 'bin', 'vite.js'), 'build', '--logLevel', 'error'], { cwd: project });
  const assets = readdirSync(join(project, 'dist', 'assets'));
  const size = (pattern) => {
    const found = assets.filter((name) => pattern.test(name));
    assert.equal(found.length, 1, `${pattern}: ${assets}`);
    return gzipSync(readFileSync(join(project, 'dist', 'assets', found[0])), { level: 9 }).length;
  };
  let bytes;
  for (const isa of ['relaxed', 'simd128']) {
    bytes = size(/^index.*js$/) + size(new RegExp(`^shipped\\.${isa}.*js$`));
    assert.ok(bytes < 60 * 1024, `${isa}: ${bytes} bytes compressed`);
    const unbundled = ['tinymlp.js', `wasm/shipped.${isa}.js`].reduce((sum, name) => sum + gzipSync(readFileSync(at(name)), { level: 9 }).length, 0);
    assert.ok(unbundled < 60 * 1024, `${isa}: ${unbundled} bytes compressed, without a bundler`);
  }
  console.log(`a shipped network over the wire: ${bytes} bytes; with ONNX files ${bytes + size(/^engine\.simd128/)}; ` +
    `the reader of logs another ${size(/^program\.simd128/)}`);
});
