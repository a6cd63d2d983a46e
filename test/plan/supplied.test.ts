import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { updateBody } from '../../src/plan/body.ts';
import { planRestore } from '../../src/plan/planner.ts';
import { fillSecrets } from '../../src/plan/secrets.ts';
import { id, planInput, type, wanted } from './support.ts';

const PLACEHOLDERS: readonly Json[] = ['******', '***', { $secret: 'abcdef123456' }, '', [], {}, ['******']];

describe('what is handed in but is not a value', () => {
  const doc: JsonObject = { _id: id('c', 1), name: 'SFTP', type: 'ftp', ftp: { password: '******', port: 22 } };

  it.each(PLACEHOLDERS)('%j supplies nothing: the credential is still missing', (value) => {
    const filled = fillSecrets(type('connections'), doc, new Map([['ftp.password', value]]), undefined);

    expect(filled.missing).toEqual(['ftp.password']);
    expect(filled.doc).toEqual({ _id: id('c', 1), name: 'SFTP', type: 'ftp', ftp: { port: 22 } });
  });

  it.each(PLACEHOLDERS)('%j leaves the step blocked, null agrees to the loss', (value) => {
    const live = { ...doc, ftp: { password: '******', port: 23 } };
    const plan = (handed: Json) =>
      planRestore(
        planInput({
          wanted: [wanted('connections', { ...doc, _id: id('c', 1) })],
          live: new Map([
            [`connections/${id('c', 1)}`, { state: 'live', id: id('c', 1), raw: live, doc: live, changed: false }],
          ]),
          supplied: () => new Map([['ftp.password', handed]]),
        }),
      ).steps.map(({ action, credentials }) => ({ action, credentials }));

    expect(plan(value)).toEqual([{ action: 'blocked', credentials: ['ftp.password'] }]);
    expect(plan('real')).toEqual([{ action: 'update', credentials: [] }]);
    expect(plan(null)).toEqual([{ action: 'update', credentials: [] }]);
  });
});

describe('the echo of a script at the top of an API', () => {
  const body = (own: JsonObject): JsonObject => {
    const live = { _id: id('a', 1), name: 'Ping', ...own };
    return updateBody({
      type: type('apis'),
      wanted: live,
      live: { raw: live, doc: live },
      ids: new Map([[id('s', 1), id('s', 2)]]),
      supplied: new Map(),
      sampleData: false,
    }).doc;
  };

  it('is not sent back, since it names the old script', () => {
    const sent = body({
      type: 'script',
      script: { _scriptId: id('s', 1), function: 'f' },
      _scriptId: id('s', 1),
      function: 'f',
    });

    expect(sent).toMatchObject({ script: { _scriptId: id('s', 2), function: 'f' } });
    expect(Object.keys(sent)).not.toContain('_scriptId');
    expect(Object.keys(sent)).not.toContain('function');
  });

  it('is the configuration itself on an API of the old kind', () => {
    expect(body({ _scriptId: id('s', 1), function: 'f' })).toMatchObject({ _scriptId: id('s', 2), function: 'f' });
  });
});
