// The package in Chromium: module, classic script and worker, under a policy that forbids all but
// WebAssembly; in all sets of instructions.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packed } from '../node/support.mjs';
import { browser, open, serve } from './support.mjs';

const use = `const row = [0.956559, 0.402946, 0.8345, 0.915718, 0.95124, 0];
  const all = [];
  for (const isa of ['relaxed', 'simd128', 'plain']) {
    const net = await load('mlp_small', { isa }).catch((error) => { if (isa !== 'relaxed' || error.code !== 'isa_unsupported') throw error; });
    if (!net) continue;
    all.push(net.score(row));
    all.push((await scoreLog('adm2,vif_scale0,vif_scale1,vif_scale2,vif_scale3,motion2\\n' + row + '\\n', { isa })).scores[0]);
  }
  const refused = await load(new Uint8Array([1, 2, 3])).catch((error) => error.code);`;
const wanted = new RegExp(`^(81\\.1221923828125,?){4}(,81\\.1221923828125){0,2} bad_field$`);
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";
let folder, server;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tinymlp-served-'));
  cpSync(packed, join(folder, 'tinymlp'), { recursive: true });
  const page = (script) => `<!doctype html><meta charset="utf-8"><div id="out"></div>${script}`;
  const write = (name, text) => writeFileSync(join(folder, name), text);
  const tell = `document.getElementById('out').textContent = all + ' ' + refused;`;
  write('module.html', page('<script type="module" src="module.js"></script>'));
  write('module.js', `import { load, scoreLog } from './tinymlp/tinymlp.js'; ${use} ${tell}`);
  write('classic.html', page('<script src="tinymlp/tinymlp.global.js"></script><script src="classic.js"></script>'));
  write('classic.js', `(async () => { const { load, scoreLog } = tinymlp; ${use} ${tell} })();`);
  write('worker.html', page('<script src="worker-page.js"></script>'));
  write('worker-page.js', `new Worker('worker.js', { type: 'module' }).onmessage = ({ data }) => { document.getElementById('out').textContent = data; };`);
  write('worker.js', `import { load, scoreLog } from './tinymlp/tinymlp.js'; ${use} postMessage(all + ' ' + refused);`);
  server = await serve(folder, policy);
});
after(async () => {
  server.close();
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

for (const kind of ['module', 'classic', 'worker'])
  test(`as a ${kind}, under a strict policy`, async () => {
    const { page, seen, close } = await open({}, `${server.url}/${kind}.html`);
    await page.waitForFunction(() => document.getElementById('out').textContent !== '', null, { timeout: 20000 });
    assert.match(await page.textContent('#out'), wanted);
    assert.deepEqual(seen.errors.filter((error) => !/favicon|icon/.test(error)), []);
    await close();
  });

test('the policy does forbid: a page without wasm-unsafe-eval is told so', async () => {
  const strict = await serve(folder, policy.replace(" 'wasm-unsafe-eval'", ''));
  const { page, seen, close } = await open({}, `${strict.url}/module.html`);
  await page.waitForTimeout(1000);
  assert.equal(await page.textContent('#out'), '');
  assert.ok(seen.errors.length > 0);
  await close();
  strict.close();
});
