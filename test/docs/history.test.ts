import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CAPTURED_FIELDS } from '../../src/catalogue/common.ts';
import type { Json } from '../../src/core/json.ts';
import { parseYaml, renderYaml } from '../../src/core/yaml.ts';

const SECURITY = readFileSync(fileURLToPath(new URL('../../docs/security.md', import.meta.url)), 'utf8');
const [, SCRIPT = ''] = /^ {3}```python\n(.*?)^ {3}```$/ms.exec(SECURITY) ?? [];

/** The script of docs/security.md on one file, as git-filter-repo runs it. */
function rewritten(text: string): string {
  const program = [
    'import sys',
    'class Blob: pass',
    'blob = Blob()',
    'blob.data = sys.stdin.buffer.read()',
    SCRIPT.replace(/^ {3}/gm, ''),
    'sys.stdout.buffer.write(blob.data)',
  ].join('\n');
  const { stdout, stderr, status } = spawnSync('python3', ['-c', program], { input: text, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout;
}

const hasPython = spawnSync('python3', ['--version']).status === 0;

describe.skipIf(!hasPython)('the script that takes captured data out of the history', () => {
  it.each([...CAPTURED_FIELDS])('empties %s at any depth, and nothing else', (key) => {
    const doc = (captured: (held: Json) => Json): Json => ({
      _id: '66a000000000000000030001',
      [key]: captured({ page_of_records: [{ record: { name: 'Ola', [key]: 1 } }, 'x'] }),
      aaa: [{ [key]: captured(['one', { two: 2 }]), zzz: 1 }, [{ [key]: captured('text\n\n  of lines\n') }]],
      zzz: { [key]: captured([[1], [2]]), name: 'kept', text: 'two\nlines\n' },
    });

    expect(parseYaml(rewritten(renderYaml(doc((held) => held))))).toEqual(doc(() => null));
  });

  it('leaves code alone', () => {
    const code = 'function f(_id) {\n  return {\n    _id,\n    sampleData: [\n      1,\n    ],\n  };\n}\n';

    expect(rewritten(code)).toBe(code);
  });
});
