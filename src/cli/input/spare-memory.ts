import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Collects garbage, and makes V8 do so sooner from now on: a first run makes much of it, and what it holds when the
 * account is listed decides how much memory it takes.
 */
export function spareMemory(): void {
  // The room for what is young stays what it is.
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=10');
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
