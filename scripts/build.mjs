// Bundles the program into dist/: one file a command and shared chunks, so that a run loads a dozen files rather
// than several hundred (bench/README.md has the figures). Types are checked by `npm run check`, not here.
import { chmodSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const out = new URL('../dist/', import.meta.url).pathname;
rmSync(out, { recursive: true, force: true });
await build({
  entryPoints: [new URL('../src/main.ts', import.meta.url).pathname],
  outdir: out,
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
chmodSync(`${out}main.js`, 0o755);
