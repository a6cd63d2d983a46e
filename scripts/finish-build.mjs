// The compiler does not keep the mode of the entry file; npm needs it executable.
import { chmodSync } from 'node:fs';

chmodSync(new URL('../dist/main.js', import.meta.url), 0o755);
