// The page in Chromium, opened from the disk, with real logs: its figures are the program's.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { built, logs, native, root, samples, withProgram } from '../node/support.mjs';
import { axe, browser, open, shown } from './support.mjs';

const json = join(samples, 'vtest_x264_36.json'), xml = join(samples, 'ffprobe_libvmaf2_vtest_x264_36.xml');
const pictures = join(built, 'screenshots');
let folder;
before(() => {
  mkdirSync(pictures, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), 'tinymlp-page-'));
});
after(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

const cells = (page, row) => page.$$eval('#pooled tbody tr', (rows, at) => [...rows[at].children].map((cell) => cell.textContent), row);
// Chromium sometimes drops one of many downloads in a row: then once more, telling so; unless the page
// says what is wrong.
const download = async (page, format) => {
  const click = (timeout) => Promise.all([page.waitForEvent('download', { timeout }), page.click(`[data-save=${format}]`)]);
  const [file] = await click(10000).catch(async () => {
    assert.equal(await page.textContent('#errors'), '');
    console.log(`# no download of ${format}: again`);
    return click(30000);
  });
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
};
const withoutKernel = (text) => text.replace(/"kernel": "\w+"|, \w+ kernel<|\w+ kernel/g, '');
const fixed = (value, digits) => (value === null ? '–' : value.toFixed(digits));

test('every log: figures, warnings and saved files are the program\'s', withProgram, async () => {
  const { page, seen, close } = await open();
  for (const [where, name] of logs()) {
    await page.setInputFiles('#files', join(where, name));
    const told = native(where, 'score', name);
    if (told.status !== 0) {
      await page.waitForSelector('#errors p');
      assert.equal(await page.textContent('#errors p'),
        told.messages.at(-1).text.replace('; what was written before this is incomplete', ''));
      continue;
    }
    await shown(page, 1);
    const out = native(where, 'score', '--format', 'json', name).out, parsed = JSON.parse(out);
    const row = await cells(page, 0);
    // The program's view for people has the same digits.
    const view = native(where, 'score', '--format', 'view', name).out;
    const [ours, theirs] = view.split('\n').filter((line) => / pooled /.test(line) || /^ +\S+( +(-?[\d.]+|nan)){4}$/.test(line)).slice(1)
      .map((line) => line.trim().split(/ +/).slice(1).map((text) => (text === 'nan' ? '–' : text)));
    const pooled = (cells) => [cells[4], cells[2], cells[3], cells[8]]; // min, mean, harmonic mean, max
    assert.deepEqual(pooled(row), ours, name);
    if (theirs) assert.deepEqual(pooled(await cells(page, 1)), theirs, name);
    assert.equal((await page.$$('#pooled tbody tr')).length, theirs ? 2 : 1, name);
    const agreement = /agreement +PLCC (\S+) +RMSE (\S+)/.exec(view);
    assert.deepEqual(row.slice(9, 11), agreement ? agreement.slice(1).map((t) => (t === 'nan' ? '–' : t)) : ['–', '–'], name);
    assert.equal(row[11], String(parsed.frames.length));
    const notes = told.messages.map(({ kind, text }) => `${kind}: ${text}`);
    assert.deepEqual(await page.$$eval('#notes li', (all) => all.map((li) => li.textContent)), notes.length > 0 ? notes : ['None.']);
    const lowest = parsed.frames.map((f) => [f.metrics.tinymlp_vmaf, f.frameNum]).filter(([s]) => s !== null).sort((a, b) => a[0] - b[0]);
    assert.match(await page.textContent('#worst li'), new RegExp(`^Frame ${lowest[0][1]}: ${lowest[0][0].toFixed(3).replace('.', '\\.')}`));
    assert.equal((await download(page, 'csv')).bytes.toString(), told.out);
    assert.equal(withoutKernel((await download(page, 'json')).bytes.toString()), withoutKernel(out));
    const svg = join(folder, 'plot.svg');
    native(where, 'score', '--plot', svg, name);
    assert.equal(withoutKernel((await download(page, 'svg')).bytes.toString()), withoutKernel(readFileSync(svg, 'utf8')));
    await page.click(`[aria-label="Close ${name}"]`);
  }
  assert.deepEqual(seen, { errors: [], requests: [] });
  await close();
});

test('two encodes are compared; the network can be changed', withProgram, async () => {
  const { page, seen, close } = await open();
  await page.setInputFiles('#files', [json, xml]);
  await shown(page, 2);
  assert.equal((await page.$$('#pooled tbody tr')).length, 4);
  for (const model of ['mlp_large', 'mlp_medium_4k', 'mlp_small.int8']) {
    await page.selectOption('#network', model);
    await page.waitForFunction((name) => [...document.querySelectorAll('#pooled tbody tr')].filter((tr) => tr.children[1].textContent === name).length === 2, model);
    const mean = JSON.parse(native(samples, 'score', '--model', model, '--format', 'json', 'vtest_x264_36.json').out).pooled_metrics.tinymlp_vmaf.mean;
    assert.equal((await cells(page, 0))[2], mean.toFixed(4));
  }
  assert.deepEqual(seen, { errors: [], requests: [] });
  await close();
});

const readout = (page) => page.textContent('#readout');

test('drag, double click, wheel, buttons and keys move the range and the readout', async () => {
  const { page, seen, close } = await open();
  await page.setInputFiles('#files', json);
  await shown(page, 1);
  await page.focus('#scores');
  const frames = async () => {
    await page.keyboard.press('Home');
    const first = await readout(page);
    return Number(/^Frame (\d+):/.exec(first)[1]);
  };
  assert.equal(await frames(), 0);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  const log = JSON.parse(readFileSync(json));
  assert.match(await readout(page), new RegExp(`^Frame 2: score [\\d.]+, libvmaf ${log.frames[2].metrics.vmaf.toFixed(3)}, difference -?[\\d.]+$`));
  await page.keyboard.press('End');
  assert.match(await readout(page), /^Frame 47:/);
  await page.keyboard.press('PageUp');
  assert.match(await readout(page), /^Frame 37:/);

  const image = async () => (await page.$('#scores')).screenshot();
  const whole = await image();
  const box = await (await page.$('#scores .u-over')).boundingBox();
  const at = (share) => [box.x + box.width * share, box.y + box.height / 2];
  await page.mouse.move(...at(0.3));
  assert.match(await readout(page), /^Frame 1[34]:/);
  await page.mouse.down();
  await page.mouse.move(...at(0.6), { steps: 5 });
  await page.mouse.up();
  await page.waitForTimeout(100);
  assert.ok(!whole.equals(await image()), 'dragging zooms');
  await page.mouse.move(...at(0.01));
  assert.match(await readout(page), /^Frame 1[3-5]:/); // the zoomed range begins there
  await page.dblclick('#scores .u-over');
  await page.waitForTimeout(100);
  await page.mouse.move(...at(0.01));
  assert.match(await readout(page), /^Frame [01]:/);
  await page.mouse.move(...at(0.5));
  await page.mouse.wheel(0, -300);
  await page.waitForTimeout(100);
  await page.mouse.move(...at(0.02));
  assert.doesNotMatch(await readout(page), /^Frame [0-3]:/);
  await page.click('[data-range=home]');
  for (const button of ['in', 'right', 'left', 'home', 'in', 'out']) {
    const before = await image();
    await page.click(`[data-range=${button}]`);
    await page.waitForTimeout(100);
    assert.ok(!before.equals(await image()), `${button} shows other frames`);
  }
  await page.click('#worst button');
  assert.match(await readout(page), /^Frame 37:/);
  assert.deepEqual(seen, { errors: [], requests: [] });
  await close();
});

test('a touch moves the readout', async () => {
  const { page, close } = await open({ hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } });
  await page.setInputFiles('#files', json);
  await shown(page, 1);
  const box = await (await page.$('#scores .u-over')).boundingBox();
  await page.touchscreen.tap(box.x + box.width * 0.5, box.y + 40);
  assert.match(await readout(page), /^Frame 2[2-5]:/);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than a phone');
  await close();
});

test('files may be dropped, and PNG saved', async () => {
  const { page, seen, close } = await open();
  const text = readFileSync(json, 'utf8');
  await page.evaluate((text) => {
    const data = new DataTransfer();
    data.items.add(new File([text], 'dropped.json'));
    dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
  }, text);
  await shown(page, 1);
  const { name, bytes } = await download(page, 'png');
  assert.equal(name, 'dropped.png');
  assert.equal(bytes.subarray(1, 4).toString(), 'PNG');
  assert.ok(bytes.length > 5000);
  assert.deepEqual(seen, { errors: [], requests: [] });
  await close();
});

test('a picture of a long, noisy log is saved, and what is closed meanwhile stays closed', async () => {
  const { page, seen, close } = await open();
  const path = join(folder, 'noisy.csv'), name = `${'a_very_long_name_'.repeat(6)}.csv`;
  const lines = ['frame,adm2,vif_scale0,vif_scale1,vif_scale2,vif_scale3,motion2'];
  for (let i = 0; i < 60000; ++i) lines.push([i, 0.7 + 0.3 * ((i * 7919) % 1000) / 1000, 0.5, 0.8, 0.9, 0.95, (i * 104729) % 13].join());
  writeFileSync(path, `${lines.join('\n')}\n`);
  writeFileSync(join(folder, name), `${lines.slice(0, 20).join('\n')}\n`);
  await page.setInputFiles('#files', [path, join(folder, name)]);
  await shown(page, 2);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'a long name breaks');
  const png = await download(page, 'png');
  assert.ok(png.bytes.length > 5000);
  await page.evaluate(() => {
    const box = document.getElementById('network');
    box.value = 'mlp_large';
    box.dispatchEvent(new Event('change'));
    document.querySelector('#legend button[aria-label^="Close noisy"]').click(); // while it waits to be scored anew
  });
  await page.waitForFunction(() => /by mlp_large/.test(document.getElementById('which').textContent) && document.getElementById('busy').hidden, null, { timeout: 20000 });
  assert.equal((await page.$$('#legend [aria-pressed]')).length, 1);
  assert.deepEqual(seen, { errors: [], requests: [] });
  await close();
});

test('an ONNX file is inspected, scores logs and runs on a CSV; a refused one lists its obstacles', withProgram, async () => {
  const { page, seen, close } = await open();
  const model = join(root, 'model', 'mlp_medium.onnx');
  await page.setInputFiles('#files', model);
  await page.waitForSelector('#model:not([hidden])');
  assert.equal(await page.textContent('#inspection'), native(join(root, 'model'), 'inspect', 'mlp_medium.onnx').out);
  const csv = join(folder, 'rows.csv');
  writeFileSync(csv, '1,1,1,1,1,0\n0.9,0.5,0.8,0.9,0.95,2\n');
  await page.setInputFiles('#rows', csv);
  await page.waitForSelector('#outputs:not([hidden])');
  const [file] = await Promise.all([page.waitForEvent('download'), page.click('#save-rows')]);
  assert.equal(readFileSync(await file.path(), 'utf8'), native(folder, 'run', model, csv).out);
  await page.setInputFiles('#files', json);
  await shown(page, 1);
  await page.selectOption('#network', { label: 'mlp_medium.onnx' });
  await page.waitForFunction(() => document.querySelector('#pooled tbody td').textContent === 'mlp_medium.onnx');
  assert.equal((await download(page, 'csv')).bytes.toString(), native(samples, 'score', '--model', model, json).out);

  const bytes = readFileSync(model), broken = join(folder, 'broken.onnx');
  bytes.write('Sinh', bytes.indexOf('Relu'));
  writeFileSync(broken, bytes);
  await page.setInputFiles('#files', broken);
  await page.waitForSelector('#errors pre', { state: 'attached' });
  const told = native(folder, 'inspect', 'broken.onnx');
  assert.ok((await page.textContent('#errors p')).startsWith(told.messages[0].text));
  assert.match(await page.textContent('#errors pre'), /operator +Sinh/);
  assert.deepEqual(seen, { errors: [], requests: [] });
  await close();
});

test('latency is measured, with the clock\'s step', async () => {
  const { page, seen, close } = await open();
  await page.click('#measure');
  await page.waitForSelector('#measured svg', { timeout: 30000 });
  const text = await page.textContent('#measured');
  assert.match(text, /mlp_small: 6-16-8-1, fp32, (relaxed|simd128)\. This browser's clock advances in steps of [\d.]+ µs; \d+ readings of \d+ frames/);
  const ns = /the one before: ([\d.]+) (ns|µs)/.exec(text);
  const frame = Number(ns[1]) * (ns[2] === 'ns' ? 1 : 1000);
  assert.ok(frame > 5 && frame < 20000, text);
  assert.equal((await page.$$('#measured svg')).length, 2);
  assert.deepEqual(seen, { errors: [], requests: [] });
  await close();
});

// 500,000 frames of a real log, one after the other.
function bigLog() {
  const path = join(folder, 'big.csv');
  const [header, ...lines] = readFileSync(join(samples, 'vtest_x264_36.csv'), 'utf8').trim().split('\n');
  const parts = [header];
  for (let i = 0; i < 500000; ++i) parts.push(lines[i % lines.length].replace(/^\d+/, String(i)));
  writeFileSync(path, `${parts.join('\n')}\n`);
  return path;
}

test('500,000 frames: no long task, progress, cancel, and scored anew', async () => {
  const path = bigLog();
  const { page, seen, close } = await open();
  await page.evaluate(() => { globalThis.longTasks.length = 0; });
  await page.setInputFiles('#files', path);
  await page.waitForFunction(() => Number(document.querySelector('#progress').value) > 0.02);
  await page.click('#cancel');
  await page.waitForFunction(() => document.querySelector('#busy').hidden);
  assert.equal(await page.textContent('#status'), 'Cancelled.');
  assert.ok(await page.isHidden('#logs'));

  // Other programs only add to a task's time: the best of three counts.
  let longest = Infinity;
  for (let attempt = 0; attempt < 3 && longest >= 50; ++attempt) {
    if (attempt > 0) await page.click('[aria-label="Close big.csv"]');
    await page.evaluate(() => { globalThis.longTasks.length = 0; });
    await page.setInputFiles('#files', path);
    await shown(page, 1);
    assert.equal((await cells(page, 0))[11], '500000');
    await page.waitForTimeout(300);
    longest = Math.min(longest, Math.max(0, ...await page.evaluate(() => globalThis.longTasks)));
  }
  console.log(`the longest task while 500,000 frames load: ${longest || 'below 50'} ms`);
  assert.ok(longest < 50, `a task of ${longest} ms`);
  await page.focus('#scores');
  for (const key of ['+', '+', 'Shift+ArrowRight', '-', 'Escape']) await page.keyboard.press(key);
  await page.screenshot({ path: join(pictures, 'long.png'), fullPage: true });
  assert.deepEqual(seen, { errors: [], requests: [] });
  await close();
});

test('what was open before a cancel can still be read, saved and scored anew', withProgram, async () => {
  const { page, seen, close } = await open();
  await page.setInputFiles('#files', json);
  await shown(page, 1);
  await page.setInputFiles('#files', bigLog());
  await page.waitForFunction(() => Number(document.querySelector('#progress').value) > 0.02);
  await page.click('#cancel');
  await page.waitForFunction(() => document.querySelector('#busy').hidden);
  assert.equal((await page.$$('#legend [aria-pressed]')).length, 1);
  assert.equal((await download(page, 'csv')).bytes.toString(), native(samples, 'score', json).out);
  await page.selectOption('#network', 'mlp_large');
  await page.waitForFunction(() => document.querySelector('#pooled tbody td').textContent === 'mlp_large');
  assert.equal((await download(page, 'csv')).bytes.toString(), native(samples, 'score', '--model', 'mlp_large', json).out);
  assert.deepEqual(seen, { errors: [], requests: [] });
  await close();
});

for (const [name, options] of [['light', { colorScheme: 'light' }], ['dark', { colorScheme: 'dark' }],
  ['light-narrow', { colorScheme: 'light', viewport: { width: 360, height: 780 } }],
  ['dark-narrow', { colorScheme: 'dark', viewport: { width: 360, height: 780 } }]])
  test(`axe finds nothing: ${name}`, async () => {
    const { page, seen, close } = await open(options);
    const findings = async () => (await page.evaluate(() => globalThis.axe.run())).violations.map(({ id, nodes }) => [id, nodes.map((n) => n.html)]);
    await page.evaluate(axe);
    assert.deepEqual(await findings(), []);
    const broken = join(folder, 'broken.csv');
    writeFileSync(broken, 'adm2,vif_scale0,vif_scale1,vif_scale2,vif_scale3,motion2\n1,2,3,4,5\n');
    await page.setInputFiles('#files', [json, xml, join(root, 'model', 'mlp_small.onnx'), broken]);
    await shown(page, 2);
    await page.waitForSelector('#errors p');
    await page.click('#measure');
    await page.waitForSelector('#measured svg', { timeout: 30000 });
    assert.deepEqual(await findings(), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the window');
    await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
    assert.deepEqual(seen, { errors: [], requests: [] });
    await close();
  });
