// Bundles the program into dist/: one file a command and shared chunks, so that a run loads a dozen files rather
// than several hundred (bench/README.md has the figures). Types are checked by `npm run check`, not here.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
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
/** What the program uses of packages that otherwise load more than they are used for. */
const PARTS = [
  [/[\\/]node_modules[\\/]undici[\\/]index\.js$/, UNDICI],
  // Messages in 64 languages, which a package that imports zod as an object would bring into every command.
  [/[\\/]node_modules[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/, "export { default as en } from './en.js';"],
];
const partsOfPackages = {
  name: 'parts of packages',
  setup({ onLoad }) {
    for (const [filter, contents] of PARTS) onLoad({ filter }, ({ path }) => ({ contents, resolveDir: dirname(path) }));
  },
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
  plugins: bench ? [] : [partsOfPackages],
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  // Flat, since files beside the program are found relative to the chunk that asks.
  chunkNames: '[name]-[hash]',
  legalComments: 'eof',
  // Names stay, for traces; what is not loaded need not be read.
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: 'warning',
  // Some bundled libraries are CommonJS and call `require` for built-in modules.
  banner: {
    js: [
      "import { createRequire as createRequireOf } from 'node:module';",
      'const require = createRequireOf(import.meta.url);',
    ].join('\n'),
  },
});
if (!bench) {
  chmodSync(`${out}main.js`, 0o755);
  writeFileSync(`${out}THIRD_PARTY_LICENSES`, thirdPartyLicenses(metafile, process.cwd()));
  mkdirSync(`${out}man`);
  writeFileSync(`${out}man/celigo-mirror.1`, manPage());
}

/** The manual page, from the help of the program just built, dated by the last commit: builds are repeatable. */
function manPage() {
  const committed = spawnSync('git', ['log', '-1', '--format=%cs'], { cwd: out, encoding: 'utf8' }).stdout?.trim();
  const date = committed || new Date().toISOString().slice(0, 10);
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${out}main.js`, '__man', '--date', date], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the manual page cannot be made: ${stderr}`);
  return stdout;
}
