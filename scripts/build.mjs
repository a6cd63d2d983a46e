// Bundles the program into dist/: one file a command and shared chunks, so that a run loads a dozen files rather
// than several hundred (bench/README.md has the figures). Types are checked by `npm run check`, not here.
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { thirdPartyLicenses } from './third-party.mjs';

const bench = process.argv.includes('--bench');
const out = fileURLToPath(new URL(bench ? '../.bench/' : '../dist/', import.meta.url));
const entries = bench
  ? ['run', 'serve', 'bare', 'peak', 'soak', 'chaos'].map((name) => `../bench/${name}.ts`)
  : ['../src/main.ts', '../src/run-thread.ts'];
const file = (entry) => fileURLToPath(new URL(entry, import.meta.url));
/** Only what the program uses of undici: its index loads fetch, WebSocket, mocks and caches, a tenth of a short run. */
const UNDICI = `
  import Dispatcher from './lib/dispatcher/dispatcher.js';
  import api from './lib/api/index.js';
  Object.assign(Dispatcher.prototype, api);
  export { default as Agent } from './lib/dispatcher/agent.js';
  export { default as EnvHttpProxyAgent } from './lib/dispatcher/env-http-proxy-agent.js';
  export { default as Pool } from './lib/dispatcher/pool.js';
  export { default as buildConnector } from './lib/core/connect.js';
  export { default as errors } from './lib/core/errors.js';
`;
const partOfUndici = {
  name: 'part of undici',
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]node_modules[\\/]undici[\\/]index\.js$/ }, ({ path }) => ({
      contents: UNDICI,
      resolveDir: dirname(path),
    })),
};

rmSync(out, { recursive: true, force: true });
const { metafile } = await build({
  metafile: true,
  entryPoints: [
    ...entries.map((entry) => ({ in: file(entry), out: entry.replace(/^.*\/|\.ts$/g, '') })),
    // Loaded late, by a file name of its own (src/cli/input/transliterate.ts).
    ...(bench ? [] : [{ in: 'any-ascii', out: 'any-ascii' }]),
  ],
  outdir: out,
  plugins: bench ? [] : [partOfUndici],
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  // Flat, since files beside the program are found relative to the chunk that asks.
  chunkNames: '[name]-[hash]',
  legalComments: 'eof',
  logLevel: 'warning',
  // Some bundled libraries are CommonJS and call `require` for built-in modules.
  banner: {
    js: "import { createRequire as createRequireOf } from 'node:module'; const require = createRequireOf(import.meta.url);",
  },
});
if (!bench) {
  chmodSync(`${out}main.js`, 0o755);
  writeFileSync(`${out}THIRD_PARTY_LICENSES`, thirdPartyLicenses(metafile, process.cwd()));
}
