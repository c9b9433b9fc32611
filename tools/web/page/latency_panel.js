// The figures of a measurement and a small histogram of each.
const svg = (tag, attributes, ...children) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const time = (ns) => (ns < 1e3 ? `${ns.toPrecision(3)} ns` : `${(ns / 1e3).toPrecision(3)} µs`);

// The slowest hundredth is left of the picture: it would squeeze the rest.
function histogram(spans, title) {
  const bars = 40, from = spans[0], to = Math.max(spans[Math.floor(0.99 * (spans.length - 1))], from * 1.01);
  const counts = new Array(bars).fill(0);
  for (const span of spans) if (span <= to) ++counts[Math.min(bars - 1, Math.floor((span - from) / (to - from) * bars))];
  const most = Math.max(...counts);
  const picture = svg('svg', { viewBox: '0 0 400 92', role: 'img', 'aria-label': `${title}: from ${time(from)} to ${time(to)}` });
  counts.forEach((count, i) => picture.append(svg('rect', { class: 'bar', x: i * 10 + 1, width: 8, y: 70 - 66 * count / most, height: 66 * count / most })));
  picture.append(svg('line', { x1: 0, x2: 400, y1: 70.5, y2: 70.5, stroke: 'currentColor' }));
  for (const [x, anchor, value] of [[0, 'start', from], [400, 'end', to]])
    picture.append(svg('text', { x, y: 86, 'font-size': 12, fill: 'currentColor', 'text-anchor': anchor }, time(value)));
  return picture;
}

export function showLatency(host, { step, isa, shape, precision, batchRows, one, batch }, name) {
  const paragraph = (text) => Object.assign(document.createElement('p'), { textContent: text });
  host.replaceChildren(
    paragraph(`${name}: ${shape}, ${precision}, ${isa}. This browser's clock advances in steps of ${step.toPrecision(3)} µs; ` +
      `${one.spans.length} readings of ${one.passes} frames each, so that a step is at most 2 % of a reading.`),
    paragraph(`One frame, each waiting for the one before: ${time(one.median)} (least ${time(one.min)}, 99 % within ${time(one.p99)}).`),
    histogram(one.spans, 'One frame'),
    paragraph(`In a batch of ${batchRows}: ${time(batch.median)} a frame (least ${time(batch.min)}, ${batch.spans.length} readings).`),
    histogram(batch.spans, 'A frame in a batch'));
}
