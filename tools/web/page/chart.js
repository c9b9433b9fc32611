// One chart: lines over frames with the bands of what lies between their points; zoom, pan and a
// readout by mouse, touch and keyboard. The range of frames is shared: the owner sets it.
import uPlot from 'uplot';

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const wholeSteps = Array.from({ length: 36 }, (_, i) => [1, 2, 5][i % 3] * 10 ** Math.floor(i / 3));

export class Chart {
  #plot;
  #host;
  #owner;
  #label;

  // `owner`: range(), setRange(from, to), point(frame), and home().
  constructor(host, owner, label) {
    this.#host = host;
    this.#owner = owner;
    this.#label = label;
    this.#listen();
  }

  // series: [{ label, colour, dash, min, max, mean }] over x; bands where width > 1.
  draw({ x, width, series, from, to }) {
    const data = [x], lines = [{}], bands = [];
    for (const each of series) {
      lines.push({ label: each.label, stroke: each.colour, width: each.dash ? 1 : 1.5, dash: each.dash,
        points: { show: x.length < 120, size: 4 }, spanGaps: false });
      data.push(each.mean);
      if (width > 1 && each.band) {
        const at = lines.length;
        bands.push({ series: [at, at + 1], fill: `${each.colour}40` });
        for (const edge of [each.max, each.min]) {
          lines.push({ stroke: `${each.colour}60`, width: 0.5, points: { show: false } });
          data.push(edge);
        }
      }
    }
    const shape = lines.map((line) => `${line.stroke} ${line.dash}`).join() + bands.length + (x.length < 120) + style('--ink');
    if (this.#plot?.shape !== shape) {
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(lines, bands), data, this.#host);
      this.#plot.shape = shape;
      this.#plot.over.setAttribute('aria-hidden', 'true');
    } else {
      this.#plot.setData(data, false);
    }
    this.#plot.batch(() => {
      this.#plot.setScale('x', { min: from, max: Math.max(to, from + 1) });
      this.#plot.setScale('y', this.#extent(data));
    });
  }

  clear() {
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  resize() {
    this.#plot?.setSize(this.#size());
  }

  // Shows the readout's line at that frame, or hides it.
  mark(frame) {
    if (!this.#plot) return;
    const left = frame === null ? -10 : this.#plot.valToPos(frame, 'x');
    this.#plot.setCursor({ left, top: frame === null ? -10 : this.#plot.over.clientHeight / 2 }, false);
  }

  #extent(data) {
    let low = Infinity, high = -Infinity;
    for (const values of data.slice(1))
      for (const value of values)
        if (typeof value === 'number') {
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
    if (low > high) return { min: 0, max: 1 };
    const room = Math.max((high - low) * 0.08, 1e-3);
    return { min: low - room, max: high + room };
  }

  #size() {
    return { width: Math.max(200, this.#host.clientWidth), height: Number(this.#host.dataset.height) };
  }

  #options(series, bands) {
    const axis = { stroke: style('--ink'), grid: { stroke: style('--line'), width: 1 }, ticks: { stroke: style('--line'), width: 1 },
      font: '12px system-ui, sans-serif' };
    return {
      ...this.#size(), series, bands,
      scales: { x: { time: false, auto: false }, y: { auto: false } },
      axes: [{ ...axis, incrs: wholeSteps }, { ...axis, size: 56 }],
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { show: false } },
      hooks: {
        setSelect: [(u) => {
          if (u.select.width < 4) return;
          const [from, to] = [u.select.left, u.select.left + u.select.width].map((at) => u.posToVal(at, 'x'));
          u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          this.#owner.setRange(from, to);
        }],
        setCursor: [(u) => {
          if (u.cursor.event) this.#owner.point(u.cursor.left < 0 ? null : u.posToVal(u.cursor.left, 'x'));
        }],
      },
    };
  }

  #frameAt(clientX) {
    return this.#plot.posToVal(clientX - this.#plot.over.getBoundingClientRect().left, 'x');
  }

  #zoom(factor, about) {
    const [from, to] = this.#owner.range();
    this.#owner.setRange(about - (about - from) * factor, about + (to - about) * factor);
  }

  #listen() {
    const host = this.#host;
    host.addEventListener('wheel', (event) => {
      if (!this.#plot || !(event.ctrlKey || event.shiftKey || host.contains(document.activeElement))) return;
      event.preventDefault();
      const [from, to] = this.#owner.range();
      if (event.shiftKey) this.#owner.setRange(from + (to - from) * Math.sign(event.deltaY || event.deltaX) * 0.1, to + (to - from) * Math.sign(event.deltaY || event.deltaX) * 0.1);
      else this.#zoom(event.deltaY > 0 ? 1.25 : 0.8, this.#frameAt(event.clientX));
    }, { passive: false });
    host.addEventListener('dblclick', () => this.#owner.home());
    host.addEventListener('keydown', (event) => this.#key(event));
    this.#touch();
  }

  // One finger moves the readout, two zoom and pan.
  #touch() {
    const fingers = new Map();
    let start = null;
    this.#host.addEventListener('pointerdown', (event) => {
      if (event.pointerType !== 'touch' || !this.#plot) return;
      fingers.set(event.pointerId, event.clientX);
      start = fingers.size === 2 ? [...fingers.values()].map((x) => this.#frameAt(x)) : null;
      if (fingers.size === 1) this.#owner.point(this.#frameAt(event.clientX));
    });
    this.#host.addEventListener('pointermove', (event) => {
      if (!fingers.has(event.pointerId) || !this.#plot) return;
      fingers.set(event.pointerId, event.clientX);
      if (fingers.size === 1) return this.#owner.point(this.#frameAt(event.clientX));
      if (fingers.size !== 2 || !start) return;
      const box = this.#plot.over.getBoundingClientRect();
      const [a, b] = [...fingers.values()].map((x) => (x - box.left) / box.width);
      if (Math.abs(a - b) < 0.02) return;
      const width = (start[0] - start[1]) / (a - b);
      this.#owner.setRange(start[0] - a * width, start[0] + (1 - a) * width);
    });
    for (const end of ['pointerup', 'pointercancel', 'pointerleave'])
      this.#host.addEventListener(end, (event) => {
        fingers.delete(event.pointerId);
        start = null;
      });
  }

  #key(event) {
    if (!this.#plot || event.ctrlKey || event.metaKey || event.altKey) return;
    const [from, to] = this.#owner.range(), width = to - from;
    const keys = {
      ArrowLeft: () => (event.shiftKey ? this.#owner.setRange(from - width / 5, to - width / 5) : this.#owner.step(-1)),
      ArrowRight: () => (event.shiftKey ? this.#owner.setRange(from + width / 5, to + width / 5) : this.#owner.step(1)),
      PageUp: () => this.#owner.step(-10),
      PageDown: () => this.#owner.step(10),
      Home: () => this.#owner.step(-Infinity),
      End: () => this.#owner.step(Infinity),
      '+': () => this.#zoom(0.5, this.#owner.centre()),
      '=': () => this.#zoom(0.5, this.#owner.centre()),
      '-': () => this.#zoom(2, this.#owner.centre()),
      0: () => this.#owner.home(),
      Escape: () => this.#owner.home(),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }
}
