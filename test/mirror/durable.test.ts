import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sample } from '../support/account.ts';
import { ENV, gitBefore, PROGRAM, Workspace } from '../support/workspace.ts';

const hasTracer = spawnSync('strace', ['-V']).status === 0;

describe.skipIf(!hasTracer || gitBefore(2, 36))('what a branch names', () => {
  it('has reached the disk before the branch names it', { tags: 'slow' }, async () => {
    const account = await sample();
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    const trace = join(space.dir, 'trace');
    const calls = 'trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat';
    const words = ['-f', '-y', '-e', calls, '-e', 'signal=none', '-o', trace, process.execPath, PROGRAM, 'sync'];

    const child = spawn('strace', words, { cwd: space.dir, env: ENV, stdio: 'ignore' });
    expect((await once(child, 'close'))[0]).toBe(0);

    const lines = readFileSync(trace, 'utf8').split('\n');
    const moved = lines.findIndex((line) => /rename.*refs\/heads\/main\.lock.*refs\/heads\/main"/.test(line));
    expect(moved).toBeGreaterThan(0);
    const before = lines.slice(0, moved);
    const nth = (pattern: RegExp): number => before.findIndex((line) => pattern.test(line));
    const pack = nth(/f(?:data)?sync\(\d+<[^>]*tmp_pack_/);
    const index = nth(/f(?:data)?sync\(\d+<[^>]*(?:tmp_idx_|\.idx)/);
    const placed = nth(/rename.*\.idx".*objects\/pack\/[^"]*\.idx"/);
    expect(pack).toBeGreaterThanOrEqual(0);
    expect(index).toBeGreaterThanOrEqual(0);
    expect(placed).toBeGreaterThan(Math.max(pack, index));
    expect(nth(/rename.*\.pack".*objects\/pack\/[^"]*\.pack"/)).toBeLessThan(placed);
    expect(nth(/f(?:data)?sync\(\d+<[^>]*main\.lock>/)).toBeGreaterThan(placed);
    // It can be made again, and is as large as the mirror has files.
    expect(lines.filter((line) => /f(?:data)?sync\(\d+<[^>]*\/index\.lock>/.test(line))).toEqual([]);
  });
});
