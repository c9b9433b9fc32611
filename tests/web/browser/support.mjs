// A page in Chromium, watched: errors, network requests and long tasks of the main thread.
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { built } from '../node/support.mjs';

const require = createRequire(join(built, 'tests', 'package.json'));
const { chromium } = require('playwright-core');
export const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
export const pageUrl = pathToFileURL(join(built, 'page', 'index.html')).href;

export const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] });

export async function open(options = {}, url = pageUrl) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true, ...options });
  const page = await context.newPage();
  const seen = { errors: [], requests: [] };
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && seen.errors.push(message.text()));
  page.on('request', (request) => /^(file|blob|data):/.test(request.url()) || seen.requests.push(request.url()));
  await page.addInitScript(() => {
    globalThis.longTasks = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) globalThis.longTasks.push(entry.duration);
    }).observe({ type: 'longtask' });
  });
  await page.goto(url);
  return { page, seen, close: () => context.close() };
}

// Until so many logs are shown, their chart drawn.
export const shown = (page, count) =>
  page.waitForFunction((n) => document.querySelectorAll('#legend [aria-pressed]').length === n && document.querySelector('#busy').hidden &&
    (n === 0 || document.querySelector('#scores .u-over') !== null), count, { timeout: 60000 });

// Serves a folder under a strict policy; what a page needs to run WebAssembly is in it, and no more.
export async function serve(folder, policy) {
  const kinds = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.json': 'application/json' };
  const server = createServer((request, response) => {
    const path = join(folder, decodeURIComponent(new URL(request.url, 'http://x').pathname));
    if (!path.startsWith(folder) || !existsSync(path)) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': kinds[extname(path)] ?? 'application/octet-stream', 'content-security-policy': policy });
    response.end(readFileSync(path));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
