import { describe, expect, it } from 'vitest';
import { planMarkdown } from '../../src/cli/ui/plan-markdown.ts';
import { describePlan } from '../../src/cli/ui/restore-view.ts';
import { styleFor } from '../../src/cli/ui/style.ts';
import { diffLines } from '../../src/core/change-text.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import { digestOfWork } from '../../src/plan/planfile.ts';
import { planRestore } from '../../src/plan/planner.ts';
import type { Plan } from '../../src/plan/types.ts';
import { id, planInput, wanted } from '../plan/support.ts';
import { sample } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

const PLAIN = styleFor(
  { env: { NO_COLOR: '1' } } as unknown as Parameters<typeof styleFor>[0],
  { color: false } as never,
);

const script: JsonObject & { _id: string } = {
  _id: id('s', 1),
  name: 'Hooks',
  content: "function f(options) {\n  send('https://elsewhere.example.test');\n}\n",
};

const APPLIED = { base: 'a'.repeat(40), commit: 'b'.repeat(40) };

function planned(docs: readonly (JsonObject & { _id: string })[], dir: string, applied = true): Plan {
  return planRestore(
    planInput({ wanted: docs.map((doc) => wanted(dir, doc)), ...(applied ? { applied: APPLIED } : {}) }),
  );
}

describe('a plan shows of a new resource', () => {
  it('every field and the code, as text and as Markdown', () => {
    const plan = planned([script], 'scripts');

    for (const text of [describePlan(plan, PLAIN), planMarkdown(plan, { refusals: [] })]) {
      expect(text).toContain('+ name: "Hooks"');
      expect(text).toContain("send('https://elsewhere.example.test');");
    }
  });

  it('the markers of credentials that it lacks', () => {
    const doc = { _id: id('c', 1), name: 'API', type: 'http', http: { auth: { token: { token: '******' } } } };
    const note = { ...doc, settings: { note: { $secret: '0123456789ab' } } };

    expect(describePlan(planned([note], 'connections'), PLAIN)).toMatch(/\+ settings: .*\$secret.*0123456789ab/);
  });

  it('everything where the change comes from Git, however many there are; a long restore refers to --json', () => {
    const many = Array.from({ length: 30 }, (_, n) => ({ ...script, _id: id('s', n + 1), name: `Hooks ${n}` }));

    expect(describePlan(planned(many, 'scripts'), PLAIN).match(/\+ name: /g)).toHaveLength(30);
    const restore = describePlan(planned(many, 'scripts', false), PLAIN);
    expect(restore).not.toContain('+ name: ');
    expect(restore).toContain('the fields of the 30 new resources are in the output of --json');
  });

  it('under its digest: other content is another plan', () => {
    const other = { ...script, content: script.content?.toString().replace('elsewhere', 'nowhere') ?? '' };

    expect(digestOfWork(planned([script], 'scripts'))).not.toBe(digestOfWork(planned([other], 'scripts')));
  });
});

describe('a plan says what differs', () => {
  const live: JsonObject & { _id: string } = {
    _id: id('c', 1),
    name: 'caf\u00e9',
    type: 'http',
    http: { baseURI: 'https://a.test', headers: [{ name: 'X-Api-Key', value: { $secret: '0123456789ab' } }] },
    settings: { note: 'n' },
  };
  const change = (own: JsonObject): string[] => {
    const doc = { ...live, ...own } as typeof live;
    const there = { state: 'live', id: live._id, raw: live, doc: live, changed: false } as const;
    const named = { ...wanted('connections', doc), title: typeof doc.name === 'string' ? doc.name : '' };
    const plan = planRestore(planInput({ wanted: [named], live: new Map([[`connections/${live._id}`, there]]) }));
    return [describePlan(plan, PLAIN), planMarkdown(plan, { refusals: [] })];
  };

  it.each<[what: string, own: JsonObject, ...says: (string | RegExp)[]]>([
    ['another form of the same letter', { name: 'cafe\u0301' }, 'caf\\u00e9', 'cafe\\u0301'],
    ['a letter of another alphabet', { name: 'c\u0430f\u00e9' }, 'c\\u0430f'],
    ['a space of another width', { settings: { note: 'n\u00a0' } }, 'n\u00a0'],
    ['the end of a long text', { settings: { note: `${'x'.repeat(400)}y` } }, /^.{0,300}$/m],
    ['a marker', { settings: { note: { $secret: 'abc' } } }, 'settings.note', '{"$secret":"abc"}', 'marker of a'],
    [
      'one in what is new',
      { settings: { note: 'n', a: { b: { $secret: '0123456789ab' } } } },
      /settings.a.*:.*"0123456789ab"/,
    ],
    ['one that was moved', { name: { $secret: '0123456789ab' } }, 'marker of the credential at http.headers[0].value'],
  ])('of %s', (_, own, ...says) => {
    for (const text of change(own)) {
      for (const words of says)
        expect(text).toEqual(typeof words === 'string' ? expect.stringContaining(words) : expect.stringMatching(words));
      expect(text).not.toContain('{}');
    }
  });

  it.each([
    ['a tab', 'a\n\tb\nc\n', 'a\n  b\nc\n', ['\\tb', '  b']],
    ['a letter in two forms', '// caf\u00e9\n', '// cafe\u0301\n', ['// caf\\u00e9', '// cafe\\u0301']],
    ['the last line break', 'a\nb\n', 'a\nb', ['b', 'b  (no line break at the end)']],
    ['nothing that looks the same', 'a\nb', 'a\nc', ['b', 'c']],
  ])('of lines with %s', (_, before, after, texts) => {
    const differing = diffLines(before, after).filter(({ sign }) => sign === '-' || sign === '+');

    expect(differing.map(({ text }) => text)).toEqual(texts);
  });

  it('and cuts a name of 300 characters', () => {
    const [text = '', markdown = ''] = change({ name: 'x'.repeat(300), http: { baseURI: 'https://b.test' } });

    expect(
      text
        .split('\n')
        .filter((line) => !/^ +~ name: /.test(line))
        .join('\n'),
    ).not.toMatch(/x{101}/);
    expect(
      markdown
        .split('\n')
        .filter((line) => !/^[-+]/.test(line))
        .join('\n'),
    ).not.toMatch(/x{101}/);
  });
});

describe('a plan says of a deletion', () => {
  const connection: JsonObject & { _id: string } = { _id: id('c', 1), name: 'API', type: 'http' };
  const step = (n: number): JsonObject & { _id: string } => ({
    ...{ _id: id('e', n), name: `Orders ${n}`, adaptorType: 'HTTPExport', _connectionId: id('c', 1) },
  });
  const own = (dir: string, doc: JsonObject & { _id: string }) => ({ ...wanted(dir, doc), changed: false });
  const users = [1, 2].map((n) => own('exports', step(n)));
  const warned = (more: Parameters<typeof planInput>[0]): readonly string[] =>
    planRestore(planInput({ deletions: [own('connections', connection)], users, ...more })).warnings;

  it('what still uses the resource', () => {
    expect(warned({})).toEqual([
      `connections/${id('c', 1)} "API" is still used by exports/${id('e', 1)} "Orders 1", ` +
        `exports/${id('e', 2)} "Orders 2": the API will refuse to delete it`,
    ]);
  });

  it('nothing of what goes as well, or is changed to use it no longer', () => {
    const moved = { ...step(2), _connectionId: id('c', 2) };
    const there = { state: 'live', id: moved._id, raw: step(2), doc: step(2), changed: false } as const;

    expect(
      warned({
        deletions: [own('connections', connection), own('exports', step(1))],
        wanted: [wanted('exports', moved)],
        live: new Map([[`exports/${moved._id}`, there]]),
        exists: () => true,
      }),
    ).toEqual([]);
  });

  it('the same through the command, where a file was deleted in Git', async () => {
    const [CONNECTION, EXPORT] = ['64f0c0ffee64f0c0ffee64f4', '64f0c0ffee64f0c0ffee64f5'];
    const time = { lastModified: '2026-01-01T00:00:00.000Z' };
    const http = { formType: 'http', mediaType: 'json', baseURI: 'https://a.test' };
    const resources = {
      connections: [{ ...connection, ...time, _id: CONNECTION, http }],
      exports: [
        { ...step(1), ...time, _id: EXPORT, _connectionId: CONNECTION, http: { relativeURI: '/', method: 'GET' } },
      ],
    };
    const account = await sample({ seed: { ...emptyAccount(), resources } });
    const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
    await space.mirrored();
    space.git('rm', '-q', `prod/connections/api.${CONNECTION}.yaml`);
    space.git('-c', 'user.name=Eve', '-c', 'user.email=eve@x.test', 'commit', '-qm', 'gone');

    const { out, err } = await space.run('apply', 'HEAD', '--dry-run', '--json');

    expect(JSON.parse(out), err).toMatchObject({
      steps: [{ action: 'delete' }],
      warnings: [expect.stringContaining(`is still used by exports/${EXPORT} "Orders 1"`)],
    });
  });
});
