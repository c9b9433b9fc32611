// What the charts show of a log: for each few frames the least, greatest and mean value, so that a
// drawing of any clip costs the same.

// Rows in the order of their frames, with the differences; frames of a log mostly are in order.
export function prepare(log) {
  const { frames, scores, own, compared } = log;
  const count = frames.length;
  let sorted = true;
  for (let i = 1; i < count && sorted; ++i) sorted = frames[i] >= frames[i - 1];
  const order = sorted ? null : Uint32Array.from(frames.keys()).sort((a, b) => frames[a] - frames[b] || a - b);
  const pick = (values) => (values && order ? values.constructor.from(order, (i) => values[i]) : values);
  const at = { frames: pick(frames), score: pick(scores), own: pick(own) };
  at.difference = own && compared ? new Float64Array(count) : null;
  for (let i = 0; at.difference && i < count; ++i) at.difference[i] = at.score[i] - at.own[i];
  for (const key of ['score', 'own', 'difference']) at[`${key}Blocks`] = at[key] && blocksOf(at[key]);
  return at;
}

// Of every 32 rows the least, greatest, sum and number of the finite values, so that drawing a long log
// does not look at each row.
const block = 32;

function blocksOf(values) {
  const blocks = new Float64Array(4 * Math.ceil(values.length / block));
  for (let b = 0; 4 * b < blocks.length; ++b)
    blocks.set(fold(values, null, b * block, Math.min((b + 1) * block, values.length)), 4 * b);
  return blocks;
}

// [least, greatest, sum, number] of the finite values in rows from..to.
function fold(values, blocks, from, to) {
  let low = Infinity, high = -Infinity, sum = 0, count = 0;
  for (let row = from; row < to;) {
    if (blocks && row % block === 0 && row + block <= to) {
      const at = 4 * (row / block);
      if (blocks[at] < low) low = blocks[at];
      if (blocks[at + 1] > high) high = blocks[at + 1];
      sum += blocks[at + 2];
      count += blocks[at + 3];
      row += block;
      continue;
    }
    const value = values[row++];
    if (!(value - value === 0)) continue; // NaN or infinite
    if (value < low) low = value;
    if (value > high) high = value;
    sum += value;
    ++count;
  }
  return [low, high, sum, count];
}

// The first row, `from` or behind, whose frame is not below `frame`.
export function lowerBound(frames, frame, from = 0) {
  let low = from, high = frames.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (frames[middle] < frame) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Frames from..to in at most `most` buckets of equal width, a multiple of `step`:
// { x, width, series: [{ min, max, mean }] }. A bucket without a finite value is null, a gap; but
// undefined, which is drawn over, between the frames of a log whose own step is wider.
export function bucket(logs, key, from, to, most, step) {
  const width = step * Math.max(1, Math.ceil((to - from + 1) / step / most));
  const first = Math.floor(from / width) * width;
  const count = Math.max(1, Math.floor((to - first) / width) + 1);
  const x = Float64Array.from({ length: count }, (_, i) => first + i * width);
  const series = logs.map((log) => one(log.at.frames, log.at[key], log.at[`${key}Blocks`], first, width, count, log.step));
  return { x, width, series };
}

function one(frames, values, blocks, first, width, count, step) {
  const min = new Array(count).fill(null), max = new Array(count).fill(null), mean = new Array(count).fill(null);
  if (!values) return { min, max, mean };
  const last = first + count * width;
  let row = lowerBound(frames, first), latest = -Infinity;
  while (row < frames.length && frames[row] < last) {
    const at = Math.floor((frames[row] - first) / width), end = lowerBound(frames, first + (at + 1) * width, row);
    const [low, high, sum, finite] = fold(values, blocks, row, end);
    row = end;
    if (finite === 0) continue;
    [min[at], max[at], mean[at]] = [low, high, sum / finite];
    if (at > latest + 1 && (at - latest) * width <= step)
      for (let i = latest + 1; i < at; ++i) min[i] = max[i] = mean[i] = undefined;
    latest = at;
  }
  return { min, max, mean };
}

// The rows of the lowest scores, lowest first, in the order of the log where they are equal.
export function worst(log, count) {
  const rows = [];
  for (let i = 0; i < log.scores.length; ++i) {
    const score = log.scores[i];
    if (!Number.isFinite(score) || (rows.length === count && score >= log.scores[rows[count - 1]])) continue;
    let at = rows.length;
    while (at > 0 && log.scores[rows[at - 1]] > score) --at;
    rows.splice(at, 0, i);
    rows.length = Math.min(rows.length, count);
  }
  return rows.map((i) => ({ frame: log.frames[i], score: log.scores[i], own: log.own ? log.own[i] : NaN }));
}

// A number with so many decimals, as the program prints it: what lies in the middle goes to the even digit,
// where toFixed() goes up.
export function fixed(value, digits) {
  if (!Number.isFinite(value)) return '–';
  const exact = value.toFixed(80), end = exact.indexOf('.') + digits + (digits > 0 ? 1 : 0);
  const isTie = /^\.?50*$/.test(exact.slice(end)), isEven = Number(exact[end - 1]) % 2 === 0;
  return isTie && isEven ? exact.slice(0, end) : value.toFixed(digits);
}
