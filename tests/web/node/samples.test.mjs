// The samples of README.md and tools/web/package/README.md run as they stand, but for the package's name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packed, read, root, samples } from './support.mjs';

const AsyncFunction = (async () => {}).constructor;

// The sample's own names, after it ran with these of its context.
async function run(document, context, wanted) {
  const [, code] = /^```js\n(.*?)^```$/ms.exec(read(root, ...document).toString());
  const module = pathToFileURL(join(packed, 'tinymlp.js'));
  const body = code.replace(/^import (\{.*\}) from 'tinymlp';$/m, `const $1 = await import('${module}');`);
  assert.notEqual(body, code);
  return new AsyncFunction(...Object.keys(context), `${body}\nreturn ${wanted};`)(...Object.values(context));
}
const log = () => new File([read(samples, 'vtest_x264_36.json')], 'log.json');

test('the front page', async () => {
  const { net, log: scored } = await run(['README.md'], { file: log() }, '{ net, log }');
  assert.ok(Math.abs(net.score([0.956559, 0.402946, 0.8345, 0.915718, 0.95124, 0]) - 81.12) < 0.01);
  assert.equal(scored.scores.length, 48);
  assert.ok(scored.pooled.mean > 50);
});

test("the package's page", async () => {
  // one file is a network and a log in turn
  const file = log();
  file.arrayBuffer = async () => new Uint8Array(read(root, 'model', 'mlp_medium.onnx')).buffer;
  const [observations, actions] = [new Float32Array(12).fill(0.5), new Float32Array(2)];
  const { vmaf, log: scored } = await run(['tools', 'web', 'package', 'README.md'], { file, observations, actions },
    '{ vmaf, log }');
  assert.match(String(vmaf.score([0.956559, 0.402946, 0.8345, 0.915718, 0.95124, 0])), /^81\.122/);
  assert.ok(actions[0] !== 0 && actions[0] === actions[1]);
  assert.equal(scored.scores.length, 48);
});
