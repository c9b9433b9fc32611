// What the tests share: where things are, and the native program to compare with.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
export const built = join(root, 'build-web');
export const packed = join(built, 'package');
export const shared = join(root, '..', 'shared'); // real files, where they lie beside the checkout
export const samples = join(root, 'model', 'samples');
export const program = process.env.TINYMLP ?? join(root, 'build', 'tools', 'tinymlp');
// Compared with where it is built, and of these sources: its signature is README's.
export const signature = /signature: `([0-9a-f]{16})`/.exec(readFileSync(join(root, 'README.md'), 'utf8'))[1];
const told = existsSync(program) ? spawnSync(program, ['signature']).stdout.toString().trim() : 'missing';
export const withProgram = { skip: told === signature ? false : told === 'missing' ? 'the native program is not built' :
  `the native program has the signature ${told}` };
export const tinymlp = await import(join(packed, 'tinymlp.js'));
// Relaxed simd is not everywhere: Node 20 has it only with a flag, which tests/web/run gives it.
const runs = (isa) => tinymlp.load('mlp_small', { isa }).then(() => true, ({ code }) => { if (code !== 'isa_unsupported') throw code; return false; });
export const isas = [...(await runs('relaxed') ? ['relaxed'] : []), 'simd128', 'plain'];

export const read = (...path) => readFileSync(join(...path));
export const bits = (values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

// { out, messages, status }: messages without the program's name, as [{ kind, text }].
export function native(folder, ...args) {
  const { stdout, stderr, status } = spawnSync(program, args, { cwd: folder, maxBuffer: 1 << 30 });
  const messages = stderr.toString().split('\n').filter((line) => line.startsWith('tinymlp: ')).map((line) => {
    const [, kind, text] = /^tinymlp: (?:(warning|note): )?(.*)$/.exec(line);
    return { kind: kind ?? '', text };
  });
  return { out: stdout.toString(), messages, status };
}

// Real logs of all formats, with some of kinds that readers trip over: [folder, name].
export function logs() {
  const all = readdirSync(samples).map((name) => [samples, name]);
  const more = join(shared, 'cases', 'logs');
  if (existsSync(more)) all.push(...readdirSync(more).map((name) => [more, name]));
  return all;
}

// The frames of a real log: [{ adm2, ... }].
export function rows() {
  const [header, ...lines] = read(samples, 'vtest_x264_36.csv').toString().trim().split('\n').map((l) => l.split(','));
  const columns = tinymlp.featureNames.map((name) => header.indexOf(`integer_${name}`));
  return lines.map((line) => columns.map((c) => Number(line[c])));
}

// Numbers of a CSV without its header and first column.
export function csvNumbers(text) {
  return Float32Array.from(text.trim().split('\n').slice(1).flatMap((line) => line.split(',').slice(1).map(Number)));
}
