// The page: files in, charts and figures out. What takes long is the worker's.
import { names } from 'tinymlp';
import { Chart } from './chart.js';
import { showLatency } from './latency_panel.js';
import { bucket, fixed, lowerBound } from './view.js';

const $ = (id) => document.getElementById(id);
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

// ---- the worker

let worker, nextId = 0;
const waiting = new Map();

function startWorker() {
  worker = new Worker(URL.createObjectURL(new Blob([WORKER_TEXT], { type: 'text/javascript' })));
  worker.onmessage = ({ data }) => {
    const asked = waiting.get(data.id);
    if (!asked) return;
    if (data.progress) return asked.onProgress?.(data.progress);
    waiting.delete(data.id);
    if (data.error) asked.reject(Object.assign(new Error(data.error.message), data.error));
    else asked.resolve(data.result);
  };
  worker.onerror = (event) => giveUp(new Error(event.message));
}

function giveUp(why) {
  for (const { reject } of waiting.values()) reject(why);
  waiting.clear();
}

function ask(task, request = {}, onProgress) {
  if (!worker) startWorker();
  const id = ++nextId;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject, onProgress });
    worker.postMessage({ id, task, ...request });
  });
}

const cancelled = Object.assign(new Error('cancelled'), { cancelled: true });
$('cancel').onclick = () => {
  worker?.terminate();
  worker = undefined;
  queue.length = 0;
  giveUp(cancelled);
  for (const log of logs) log.inWorker = false;
  if (logs.length > 0) { // the network is again that of what is shown
    $('network').value = logs[0].by;
    describe();
  }
  say('Cancelled.');
};

// Shows what is being done, with how far it is, while it is.
async function busy(text, task, request) {
  $('doing').textContent = text;
  $('progress').removeAttribute('value');
  $('busy').hidden = false;
  try {
    return await ask(task, request, ({ rows, bytes, size }) => {
      if (size > 0) $('progress').value = Math.min(1, bytes / size);
      $('doing').textContent = `${text}: ${rows.toLocaleString('en')} rows`;
    });
  } finally {
    $('busy').hidden = true;
  }
}

// ---- what is open

const logs = []; // { key, file, name, result, at, step, colour }
const queue = []; // files not yet scored
let model = null; // { file, bytes, name, external, about } of an ONNX file
let selected = null, working = false, nextKey = 0;

const say = (text) => ($('status').textContent = text);

function complain(name, error) {
  if (error.cancelled) return;
  const text = make('p', {}, error.message);
  if (error.report) text.append(make('details', {}, make('summary', {}, 'All obstacles'), make('pre', { tabIndex: 0 }, error.report)));
  $('errors').append(text);
}

const isModel = (file) => /\.onnx$/i.test(file.name);

async function openFiles(files) {
  $('errors').replaceChildren();
  const models = files.filter(isModel);
  const external = models.length > 0 ? files.filter((file) => !isModel(file) && !/\.(json|xml|csv|log|txt)$/i.test(file.name)) : [];
  for (const file of models) await openModel(file, external);
  for (const file of files) if (!isModel(file) && !external.includes(file)) queue.push({ file });
  await work();
}

async function work() {
  if (working) return;
  working = true;
  while (queue.length > 0) {
    const { file, log } = queue.shift();
    try {
      await score(file, log);
    } catch (error) {
      complain(file.name, error);
      if (log && !error.cancelled) remove(log);
    }
  }
  working = false;
}

function options() {
  const name = $('network').value;
  return name === '' ? { model: model.bytes, modelName: model.name, external: model.external } : { model: name };
}

const palette = ['--series-1', '--series-2', '--series-3', '--series-4', '--series-5', '--series-6'];
const styleOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colourOf = (log) => styleOf(palette[log.slot % palette.length]);
const inkOf = () => styleOf('--ink');

async function score(file, again) {
  const key = again?.key ?? ++nextKey, by = $('network').value;
  const result = await busy(`Scoring ${file.name}`, 'score', { file, name: file.name, log: key, options: options() });
  const log = again ?? { key, file, name: file.name, slot: Array.from(palette.keys()).find((i) => logs.every((l) => l.slot !== i)) ?? logs.length };
  if (again && !logs.includes(again)) return; // closed meanwhile
  const was = again ? range : null;
  Object.assign(log, { result, by, at: result.at, step: result.step, inWorker: true });
  if (!again) logs.push(log);
  if ($('network').value !== by && !queue.some((next) => next.log === log)) queue.push({ file, log }); // chosen meanwhile
  selected ??= log;
  range = was;
  cursor = null;
  showAll();
  say(`${file.name}: ${result.rows} frames, mean ${fixed(result.pooled.mean, 2)}`);
}

function remove(log) {
  if (!logs.includes(log)) return;
  logs.splice(logs.indexOf(log), 1);
  for (let i = queue.length - 1; i >= 0; --i) if (queue[i].log === log) queue.splice(i, 1);
  if (worker) ask('forget', { log: log.key });
  if (selected === log) selected = logs[0] ?? null;
  range = null;
  showAll();
}

// ---- charts

let range = null, cursor = null; // of frames; null: all, nowhere

const extent = () => {
  let from = Infinity, to = -Infinity;
  for (const { at } of logs) {
    from = Math.min(from, at.frames[0]);
    to = Math.max(to, at.frames[at.frames.length - 1]);
  }
  return [from, to];
};

const owner = {
  range: () => range ?? extent(),
  centre: () => cursor ?? (owner.range()[0] + owner.range()[1]) / 2,
  setRange(from, to) {
    const [first, last] = extent(), least = Math.min(8, Math.max(1, last - first));
    let width = Math.min(Math.max(to - from, least), last - first);
    let start = Math.min(Math.max(from + (to - from - width) / 2, first), last - width);
    range = width >= last - first ? null : [start, start + width];
    drawSoon();
  },
  home() {
    range = null;
    drawSoon();
  },
  // To the frame of the selected log that is nearest.
  point(frame) {
    if (frame === null || !selected) return;
    const { frames } = selected.at;
    let row = lowerBound(frames, frame);
    if (row === frames.length || (row > 0 && frame - frames[row - 1] < frames[row] - frame)) --row;
    read(frames[row]);
  },
  step(by) {
    if (!selected) return;
    const { frames } = selected.at;
    const row = lowerBound(frames, cursor ?? owner.range()[0]);
    let there = Math.min(Math.max(cursor === null && Number.isFinite(by) ? row : row + by, 0), frames.length - 1);
    while (by > 0 && there + 1 < frames.length && frames[there] === cursor) ++there; // numbers may repeat
    const to = frames[there];
    read(to);
    const [from, end] = owner.range();
    if (to < from || to > end) owner.setRange(to - (end - from) / 2, to + (end - from) / 2);
  },
};

const charts = [new Chart($('scores'), owner), new Chart($('difference'), owner)];

// Once the page is laid out, and each chart in a task of its own, so that none is long.
let asked = false;
function drawSoon() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => setTimeout(() => {
    asked = false;
    drawScores();
    setTimeout(drawDifference);
  }));
}

function cutter() {
  const [from, to] = owner.range();
  const step = Math.min(...logs.map((log) => log.step));
  const most = Math.max(100, Math.floor($('scores').clientWidth - 60));
  return { from, to, cut: (key) => bucket(logs, key, from, to, most, step) };
}

function drawScores() {
  if (logs.length === 0) return;
  const { from, to, cut } = cutter();
  const [score, own] = [cut('score'), cut('own')];
  const lines = logs.flatMap((log, i) => {
    const colour = colourOf(log);
    return [{ label: log.name, colour, band: true, ...score.series[i] },
      ...(log.at.own ? [{ label: `${log.name}, its own`, colour: logs.length > 1 ? colour : inkOf(), dash: [5, 3], ...own.series[i] }] : [])];
  });
  charts[0].draw({ ...score, series: lines, from, to });
  charts[0].mark(cursor);
}

function drawDifference() {
  if (logs.length === 0) return;
  const compared = logs.map((log, i) => ({ log, i })).filter(({ log }) => log.at.difference);
  $('difference').hidden = compared.length === 0;
  $('no-difference').hidden = compared.length > 0;
  if (compared.length === 0) return charts[1].clear();
  const { from, to, cut } = cutter();
  const difference = cut('difference');
  charts[1].draw({ ...difference, from, to, series: compared.map(({ log, i }) => ({ colour: colourOf(log), band: true, ...difference.series[i] })) });
  charts[1].mark(cursor);
}

// The readout of a frame, of all logs.
function read(frame) {
  cursor = frame;
  const parts = logs.map(({ name, at, result }) => {
    const row = lowerBound(at.frames, frame);
    const whose = logs.length > 1 ? `${name}: ` : '';
    if (row === at.frames.length || at.frames[row] !== frame) return `${whose}no such frame`;
    const own = at.own ? `, ${ownName(result)} ${fixed(at.own[row], 3)}` : '';
    const apart = at.difference ? `, difference ${fixed(at.difference[row], 3)}` : '';
    return `${whose}score ${fixed(at.score[row], 3)}${own}${apart}`;
  });
  $('readout').textContent = `Frame ${frame}: ${parts.join('; ')}`;
  for (const chart of charts) chart.mark(frame);
}

const ownName = ({ log }) => (log.ownKey === 'vmaf' ? 'libvmaf' : log.ownKey);

// ---- figures

function showAll() {
  $('logs').hidden = logs.length === 0;
  if (logs.length === 0) {
    for (const chart of charts) chart.clear();
    return;
  }
  showLegend();
  showPooled();
  showSelected();
  $('readout').textContent = 'Point at a frame, or move there with the arrow keys.';
  drawSoon();
}

function showLegend() {
  $('legend').replaceChildren(...logs.map((log) => {
    const swatch = make('span', { className: 'swatch' });
    swatch.style.borderColor = colourOf(log);
    const choose = make('button', { type: 'button', title: 'Show its worst frames and notes, save it' }, log.name);
    choose.setAttribute('aria-pressed', String(log === selected));
    choose.onclick = () => {
      selected = log;
      showLegend();
      showSelected();
    };
    const close = make('button', { type: 'button' }, '×');
    close.setAttribute('aria-label', `Close ${log.name}`);
    close.onclick = () => remove(log);
    return make('span', {}, swatch, choose, close);
  }));
  if (logs.some((log) => log.at.own)) $('legend').append(make('span', { className: 'hint' }, 'dashed: the log\'s own'));
}

const columns = [['mean', 'Mean'], ['harmonicMean', 'Harmonic mean'], ['min', 'Min'], ['p1', '1 %'], ['p5', '5 %'], ['p10', '10 %'], ['max', 'Max']];

function showPooled() {
  const head = ['Log', 'Score', ...columns.map(([, title]) => title), 'PLCC', 'RMSE', 'Frames'];
  $('pooled').tHead.replaceChildren(make('tr', {}, ...head.map((text) => make('th', { scope: 'col' }, text))));
  const rows = logs.flatMap(({ name, result }) => {
    const line = (who, pooled, ...more) => {
      const cells = [who, ...columns.map(([key]) => fixed(pooled[key], 4)), ...more];
      return make('tr', {}, make('th', { scope: 'row', title: name }, name), ...cells.map((text) => make('td', {}, text)));
    };
    const lines = [line(result.network.name, result.pooled, fixed(result.plcc, 6), fixed(result.rmse, 4), String(result.rows))];
    if (result.ownPooled) lines.push(line(ownName(result), result.ownPooled, '', '', ''));
    return lines;
  });
  $('pooled').tBodies[0].replaceChildren(...rows);
}

function showSelected() {
  const { result, name } = selected;
  $('worst').replaceChildren(...result.worst.map(({ frame, score, own }) => {
    const jump = make('button', { type: 'button' }, `Frame ${frame}: ${fixed(score, 3)}${Number.isFinite(own) ? ` (${ownName(result)} ${fixed(own, 3)})` : ''}`);
    jump.onclick = () => {
      const [first, last] = extent(), half = Math.min(60 * selected.step, (last - first) / 2);
      owner.setRange(frame - half, frame + half);
      read(frame);
      $('scores').scrollIntoView({ block: 'nearest' });
    };
    return make('li', {}, jump);
  }));
  const notes = result.messages.length > 0 ? result.messages : [{ kind: '', text: 'None.' }];
  $('notes').replaceChildren(...notes.map(({ kind, text }) => make('li', {}, kind ? `${kind}: ${text}` : text)));
  $('which').textContent = `Of ${name}, by ${result.network.name}:`;
}

for (const button of document.querySelectorAll('[data-range]'))
  button.onclick = () => {
    const [from, to] = owner.range(), width = to - from, centre = owner.centre();
    const act = {
      in: () => owner.setRange(centre - width / 4, centre + width / 4),
      out: () => owner.setRange(centre - width, centre + width),
      left: () => owner.setRange(from - width / 4, to - width / 4),
      right: () => owner.setRange(from + width / 4, to + width / 4),
      home: () => owner.home(),
    };
    act[button.dataset.range]();
  };

// ---- saving

function save(name, content, type) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  make('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// The program's picture as pixels, in the scheme that the page has.
async function toPng(svg) {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = make('canvas', { width: image.naturalWidth * 2, height: image.naturalHeight * 2 });
  canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}

const types = { csv: 'text/csv', json: 'application/json', svg: 'image/svg+xml' };
for (const button of document.querySelectorAll('[data-save]'))
  button.onclick = async () => {
    const log = selected, format = button.dataset.save;
    try {
      if (!log.inWorker) await score(log.file, log); // the worker that had it was ended
      const text = await ask('save', { log: log.key, format: format === 'png' ? 'svg' : format });
      const stem = log.name.replace(/\.[^.]*$/, '');
      if (format === 'png') save(`${stem}.png`, await toPng(text));
      else save(`${stem}.scores.${format}`, text, types[format]);
    } catch (error) {
      complain(log.name, error);
    }
  };

// ---- networks and models

function showNetworks() {
  const chosen = $('network').value;
  $('network').replaceChildren(...names.map((name) => make('option', { value: name }, name)));
  const usable = model && model.about.inputs === 6 && model.about.outputs === 1;
  if (usable) $('network').append(make('option', { value: '' }, model.name));
  $('network').value = names.includes(chosen) || (usable && chosen === '' && logs.length > 0 && logs[0].by === '') ? chosen : 'mlp_small';
  describe();
}

function describe() {
  const name = $('network').value;
  $('about').textContent = name === '' ? 'scores as they are, not clipped'
    : `follows ${name.includes('_4k') ? 'vmaf_4k_v0.6.1' : 'vmaf_v0.6.1'}${name.endsWith('.int8') ? ', in int8' : ''}`;
}

function scoreAnew() {
  for (const log of logs) if (!queue.some((next) => next.log === log)) queue.push({ file: log.file, log });
  return work();
}

$('network').onchange = () => {
  describe();
  $('errors').replaceChildren();
  scoreAnew();
};

async function openModel(file, others) {
  const chosen = $('network').value;
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const external = Object.fromEntries(await Promise.all(others.map(async (other) => [other.name, new Uint8Array(await other.arrayBuffer())])));
    const about = await busy(`Reading ${file.name}`, 'look', { model: bytes, name: file.name, external });
    model = { file, bytes, name: file.name, external, about };
    $('model-about').textContent = `${file.name}: ${about.shape}, ${about.precision}, ${about.parameters} parameters; ` +
      `${about.inputs} values a row in, ${about.outputs} out.` + (about.inputs === 6 && about.outputs === 1 ? ' It is among the networks above, too.' : '');
    $('inspection').textContent = about.text;
    $('model').hidden = false;
    $('outputs').hidden = $('save-rows').hidden = true;
    showNetworks();
    if (chosen === '' && logs.some((log) => log.by === '')) scoreAnew(); // which were scored by the model before
    say(`${file.name} read${others.length > 0 ? `, with ${others.map((other) => other.name).join(', ')} as its external data` : ''}`);
  } catch (error) {
    complain(file.name, error);
  }
}

$('rows').onchange = async () => {
  const [file] = $('rows').files;
  $('rows').value = '';
  if (!file) return;
  $('errors').replaceChildren();
  try {
    const result = await busy(`Running ${model.name} on ${file.name}`, 'run', { file, options: { model: model.bytes, modelName: model.name, external: model.external } });
    showOutputs(result, file);
  } catch (error) {
    complain(file.name, error);
  }
};

function showOutputs({ names: outputs, rows, csv, messages }, file) {
  const shown = csv.split('\n', 21).filter((line) => line !== '').map((line) => line.split(','));
  const table = make('table', {}, make('caption', {}, `${file.name}: ${rows} rows${rows > 20 ? ', the first 20' : ''}`),
    make('thead', {}, make('tr', {}, ...['row', ...outputs].map((name) => make('th', { scope: 'col' }, name)))),
    make('tbody', {}, ...shown.slice(1).map((cells) => make('tr', {}, ...cells.map((cell) => make('td', {}, cell))))));
  $('outputs').replaceChildren(table, ...messages.map(({ kind, text }) => make('p', {}, `${kind}: ${text}`)));
  $('outputs').hidden = $('save-rows').hidden = false;
  $('save-rows').onclick = () => save(`${file.name.replace(/\.[^.]*$/, '')}.outputs.csv`, csv, 'text/csv');
  say(`${file.name}: ${rows} rows`);
}

$('measure').onclick = async () => {
  $('measure').disabled = true;
  try {
    const which = options();
    showLatency($('measured'), await ask('measure', { model: which.model }), $('network').selectedOptions[0].textContent);
  } catch (error) {
    complain('', error);
  }
  $('measure').disabled = false;
};

// ---- files in

$('files').onchange = () => {
  const files = [...$('files').files];
  $('files').value = '';
  openFiles(files);
};
addEventListener('dragover', (event) => {
  event.preventDefault();
  $('open').classList.add('over');
});
addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) $('open').classList.remove('over');
});
addEventListener('drop', (event) => {
  event.preventDefault();
  $('open').classList.remove('over');
  openFiles([...event.dataTransfer.files]);
});

new ResizeObserver(() => {
  for (const chart of charts) chart.resize();
  drawSoon();
}).observe($('logs'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => showAll());
showNetworks();
