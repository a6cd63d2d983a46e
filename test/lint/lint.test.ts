import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { renderYaml } from '../../src/core/yaml.ts';
import { sampleAccount } from '../../src/emulator/sample/index.ts';
import { sample } from '../support/account.ts';
import { Workspace } from '../support/workspace.ts';

interface LintJson {
  readonly findings: readonly {
    readonly rule: string;
    readonly severity: string;
    readonly type: string;
    readonly id: string;
    readonly name: string;
    readonly path: string;
    readonly place?: string;
    readonly line?: number;
    readonly message: string;
  }[];
  readonly allowed: number;
  readonly needless: readonly unknown[];
}

async function lint(space: Workspace, ...args: string[]): Promise<LintJson & { code: number }> {
  const { code, out, err } = await space.run('lint', '--json', ...args);
  expect(err).toBe('');
  return { ...(JSON.parse(out) as LintJson), code };
}

/** The faults that the sample account is made with: rule, type, name, place. */
const PLANTED = [
  ['endless-chain', 'flows', 'Orders: web shop → NetSuite', undefined],
  ['hard-coded-credential', 'exports', 'Delivery slot report', 'http.headers[0].value'],
  ['hard-coded-credential', 'imports', 'Post to the alert channel', 'http.headers[0].value'],
  ['duplicate-name', 'imports', 'Book sales order', 'name'],
  ['duplicate-name', 'imports', 'Post to the alert channel', 'name'],
  ['hard-coded-id', 'exports', 'Open errors of the order flow', 'http.relativeURI'],
  ['hard-coded-id', 'imports', 'Refill the postcode cache', 'http.relativeURI[0]'],
  ['hard-coded-id', 'scripts', 'Settings of Webshop / ERP', 'content'],
  ['unused-resource', 'ediprofiles', 'Møller Sport X12', undefined],
  ['unused-resource', 'ediprofiles', 'Nordvik EDIFACT (planned)', undefined],
  ['unused-resource', 'filedefinitions', 'Møller label file (fixed width)', undefined],
  ['unused-resource', 'lookupcaches', 'GTIN by SKU', undefined],
];

/** An allowance for everything that the sample account is made with. */
const KNOWN = {
  allow: [...new Set(PLANTED.map(([rule, type, name]) => `${rule} ${type}/${name}`))].map((text) => {
    const at = text.indexOf(' ');
    return { rule: text.slice(0, at), what: text.slice(at + 1), reason: 'the sample account is made so' };
  }),
};

async function mirrorOf(change: (docs: Map<string, JsonObject[]>) => void = () => {}): Promise<Workspace> {
  const seed = sampleAccount();
  const docs = new Map(Object.entries(seed.resources).map(([dir, list]) => [dir, [...list]]));
  change(docs);
  const account = await sample({ seed: { ...seed, resources: Object.fromEntries(docs) } });
  const space = new Workspace({ prod: { baseUrl: account.url, token: account.owner.token } });
  await space.mirrored();
  return space;
}

const id = (n: number): string => `6900000000000000000000${n.toString(16).padStart(2, '0')}`;

describe('lint', () => {
  it('finds the 12 faults that the sample account is made with, and nothing else', { tags: 'slow' }, async () => {
    const space = await mirrorOf();

    const { findings, code } = await lint(space);

    expect(findings.map(({ rule, type, name, place }) => [rule, type, name, place])).toEqual(PLANTED);
    expect(code).toBe(1);
    for (const { path } of findings) expect(space.git('ls-files', '--', path).trim()).toBe(path);
  });

  it('finds one planted fault of each kind, where it is, and nothing else', { tags: 'slow' }, async () => {
    const make = (docs: Map<string, JsonObject[]>, dir: string, doc: JsonObject): void => {
      docs.get(dir)?.push({ createdAt: '2026-01-01T00:00:00.000Z', lastModified: '2026-01-01T00:00:00.000Z', ...doc });
    };
    const space = await mirrorOf((docs) => {
      const [connection] = docs.get('connections') ?? [];
      const step = { _connectionId: connection?._id ?? '', adaptorType: 'HTTPExport' };
      make(docs, 'connections', { _id: id(1), name: 'Nobody works with me', type: 'http', http: {} });
      make(docs, 'scripts', { _id: id(2), name: 'Nobody calls me', content: 'function f() {}\n' });
      make(docs, 'exports', { _id: id(3), name: 'No flow has me', ...step });
      make(docs, 'imports', { _id: id(4), name: 'No flow has me either', ...step, adaptorType: 'HTTPImport' });
      make(docs, 'exports', { _id: id(5), name: 'A step', ...step });
      make(docs, 'imports', { _id: id(6), name: 'Another step', ...step, adaptorType: 'HTTPImport' });
      const pageGenerators = [{ _exportId: id(5) }];
      const pageProcessors = [{ type: 'import', _importId: id(6) }];
      const steps = { pageGenerators, pageProcessors };
      make(docs, 'flows', { _id: id(7), name: 'Never begins', disabled: false, ...steps });
      make(docs, 'flows', { _id: id(8), name: 'No end', disabled: true, pageGenerators });
      make(docs, 'flows', {
        _id: id(9),
        name: 'Leads to nothing',
        disabled: true,
        ...steps,
        _runNextFlowIds: [id(0xff)],
      });
      const chain = { schedule: '? 0 7 ? * 1-5', _runNextFlowIds: [id(8)] };
      make(docs, 'flows', { _id: id(10), name: 'Starts what is off', disabled: false, ...steps, ...chain });
      make(docs, 'flows', {
        _id: id(11),
        name: 'Round and round',
        disabled: true,
        ...steps,
        _runNextFlowIds: [id(11)],
      });
      const routers = [{ id: 'r1', branches: [{ name: 'b', pageProcessors, nextRouterId: 'r2' }] }];
      make(docs, 'flows', { _id: id(12), name: 'Dead branch', disabled: true, pageGenerators, routers });
      const hooks = { hooks: { preSavePage: { _scriptId: id(13), function: 'g' } } };
      make(docs, 'scripts', {
        _id: id(13),
        name: 'Writes down what it should not',
        content: 'function g() {\n  const apiKey = "k7Qz93hLmN20xWp4";\n  return apiKey;\n}\n',
      });
      make(docs, 'exports', { _id: id(14), name: ' a STEP ', ...step, ...hooks });
      make(docs, 'flows', {
        _id: id(15),
        name: 'Uses them',
        disabled: true,
        pageGenerators: [{ _exportId: id(14) }],
        pageProcessors,
      });
    });
    writeFileSync(join(space.mirror, 'celigo-lint.yaml'), renderYaml(KNOWN));

    const { findings, allowed, needless } = await lint(space);

    expect(findings.map((found) => [found.rule, found.type, found.id, found.place, found.line])).toEqual([
      ['missing-reference', 'flows', id(9), '_runNextFlowIds[0]', undefined],
      ['endless-chain', 'flows', id(11), undefined, undefined],
      ['dead-branch', 'flows', id(12), 'routers[0].branches[0].nextRouterId', undefined],
      ['hard-coded-credential', 'scripts', id(13), 'content', 2],
      ['unused-connection', 'connections', id(1), undefined, undefined],
      ['unused-script', 'scripts', id(2), undefined, undefined],
      ['orphan-export', 'exports', id(3), undefined, undefined],
      ['orphan-import', 'imports', id(4), undefined, undefined],
      ['empty-flow', 'flows', id(8), undefined, undefined],
      ['unscheduled-flow', 'flows', id(7), undefined, undefined],
      ['starts-disabled-flow', 'flows', id(10), '_runNextFlowIds[0]', undefined],
      ['duplicate-name', 'exports', id(5), 'name', undefined],
    ]);
    expect(allowed).toBe(PLANTED.length);
    expect(needless).toEqual([]);
    expect(JSON.stringify(findings)).not.toContain('k7Qz93hLmN20xWp4');
  });

  it('finds credentials by their names in settings that the mirror holds in plain text, and none in words', {
    tags: 'slow',
  }, async () => {
    const seed = sampleAccount();
    const flows = (seed.resources.flows ?? []).map(
      (doc, i): JsonObject =>
        i > 0
          ? doc
          : {
              ...doc,
              description: 'Basic authentication/authorization',
              settings: {
                secretKey: '9f8a7b6c5d4e3f2a1b0c',
                api_key_field: 'k7Qz93hLmN20xWp4',
                list: [
                  { name: 'X-Api-Key', value: '9f8a7b6c5d4e3f2a1b0c' },
                  { name: 'apiKey', value: 'custrecord_shop_api_key_2' },
                ],
              },
            },
    );
    const account = await sample({ seed: { ...seed, resources: { ...seed.resources, flows } } });
    const id = String(flows[0]?._id);
    for (const fields of ['warn', 'redact']) {
      const space = new Workspace({
        prod: { baseUrl: account.url, token: account.owner.token, credentials: { fields } },
      });
      await space.mirrored();
      const { findings } = await lint(space);
      const found = findings.filter((one) => one.id === id && one.rule === 'hard-coded-credential');
      expect(found.map(({ place }) => place).sort(), fields).toEqual(['settings.list[0].value', 'settings.secretKey']);
      expect(JSON.stringify(found)).not.toContain('9f8a7b6c5d4e3f2a1b0c');
    }
  });

  it('does not ask for a schedule where a file, a stream or a topic starts the flow', { tags: 'slow' }, async () => {
    const sources: readonly JsonObject[] = [
      { type: 'simple', adaptorType: 'SimpleExport', simple: { file: { type: 'csv' } } },
      { type: 'stream', adaptorType: 'MongodbExport', cdc: { snapshotMode: 'no_data' } },
      { adaptorType: 'TopicExport', topic: { _topicId: id(0x50) } },
    ];
    const space = await mirrorOf((docs) => {
      const dates = { createdAt: '2026-01-01T00:00:00.000Z', lastModified: '2026-01-01T00:00:00.000Z' };
      const [step] = docs.get('imports') ?? [];
      for (const [i, source] of sources.entries()) {
        const named = { name: `Starts by itself ${i}`, ...dates };
        docs.get('exports')?.push({ _id: id(0x10 + i), ...source, ...named });
        docs
          .get('flows')
          ?.push({
            _id: id(0x20 + i),
            disabled: false,
            pageGenerators: [{ _exportId: id(0x10 + i) }],
            pageProcessors: [{ type: 'import', _importId: step?._id ?? '' }],
            ...named,
          });
      }
    });

    const { findings } = await lint(space);

    expect(findings.filter(({ rule }) => rule === 'unscheduled-flow')).toEqual([]);
  });

  it('lets a policy change the severity of a rule, and reports allowances that nothing needs', {
    tags: 'slow',
  }, async () => {
    const space = await mirrorOf();
    const policy = join(space.dir, 'policy.yaml');
    writeFileSync(
      policy,
      renderYaml({
        rules: { 'endless-chain': 'off', 'unused-resource': 'error' },
        allow: [
          ...KNOWN.allow.filter(({ rule }) => rule !== 'unused-resource'),
          { rule: 'unused-script', what: 'scripts/*', reason: 'none is' },
        ],
      }),
    );

    const { findings, needless, code } = await lint(space, '--policy', policy);

    expect(findings.map(({ rule, severity }) => [rule, severity])).toEqual(
      Array.from({ length: 4 }, () => ['unused-resource', 'error']),
    );
    expect(code).toBe(1);
    // The allowance for a rule that is off is not called needless: it is for the day when the rule is on again.
    expect(needless).toEqual([{ rule: 'unused-script', what: 'scripts/*', reason: 'none is' }]);
  });

  it('ends as --fail-on says', { tags: 'slow' }, async () => {
    const space = await mirrorOf();
    writeFileSync(
      join(space.mirror, 'celigo-lint.yaml'),
      renderYaml({
        rules: Object.fromEntries(
          ['endless-chain', 'hard-coded-credential', 'duplicate-name', 'hard-coded-id'].map((rule) => [rule, 'off']),
        ),
      }),
    );
    const codes: number[] = [];
    for (const limit of ['error', 'warning', 'info', 'never']) {
      codes.push((await lint(space, '--fail-on', limit)).code);
    }
    expect(codes).toEqual([0, 0, 1, 0]);
  });

  it.each([
    ['rules: { unused-scrpt: off }\n', /unknown rule unused-scrpt \(did you mean unused-script\?\)/],
    ['rules: { unused-script: never }\n', /celigo-lint.yaml is not a valid policy:\n {2}rules.unused-script: /],
    ['allow: [{ rule: unused-script, what: scripts/* }]\n', /allow\[0\].reason: expected a string, but it is missing/],
    ['allow: [\n', /celigo-lint.yaml(:\d+)? is not valid/],
  ])('refuses a policy that it does not understand: %j', async (text, message) => {
    const space = await mirrorOf();
    writeFileSync(join(space.mirror, 'celigo-lint.yaml'), text);

    const outcome = await space.run('lint');

    expect(outcome.code).toBe(64);
    expect(outcome.err).toMatch(message);
  });

  it('checks rules of the policy, and prints all for a forge', { tags: 'slow' }, async () => {
    const space = await mirrorOf();
    const custom = [
      {
        id: 'flow-has-a-description',
        severity: 'info',
        type: 'flow',
        assert: 'description exists',
        message: 'say why',
      },
      {
        id: 'scheduled-in-oslo',
        type: 'flows',
        where: ['disabled = false', 'schedule exists'],
        assert: ['timezone = "Europe/Oslo"'],
        message: 'its schedule is of another zone',
      },
    ];
    const write = (policy: unknown): void =>
      writeFileSync(join(space.mirror, 'celigo-lint.yaml'), renderYaml(policy as never));
    write({ custom, allow: [{ rule: 'flow-has-a-description', what: 'flows/*', reason: 'not yet' }] });

    const { findings, allowed } = await lint(space);
    expect(allowed).toBeGreaterThan(0);
    const own = findings.filter(({ rule }) => rule === 'scheduled-in-oslo');
    expect(own.length).toBeGreaterThan(0);
    expect(own[0]).toMatchObject({ severity: 'warning', type: 'flows', message: 'its schedule is of another zone' });
    expect(findings.filter(({ rule }) => rule === 'flow-has-a-description')).toEqual([]);

    const { out, code } = await space.run('lint', '--format', 'sarif');
    expect(code).toBe(1);
    const { runs } = JSON.parse(out) as {
      runs: {
        tool: { driver: { rules: { id: string }[] } };
        results: {
          ruleId: string;
          level: string;
          locations: { physicalLocation: { artifactLocation: { uri: string } } }[];
          partialFingerprints: Record<string, string>;
        }[];
      }[];
    };
    const [run] = runs;
    const known = new Set(run?.tool.driver.rules.map((rule) => rule.id));
    expect(run?.results.length).toBe(findings.length);
    for (const { ruleId, locations } of run?.results ?? []) {
      expect(known).toContain(ruleId);
      const path = decodeURIComponent(locations[0]?.physicalLocation.artifactLocation.uri ?? '');
      expect(space.git('ls-files', '--', path).trim()).toBe(path);
    }
    const prints = run?.results.map(({ partialFingerprints }) => Object.values(partialFingerprints).join());
    expect(new Set(prints).size).toBe(findings.length);

    // A misspelt field would make a rule that never finds anything.
    write({ custom: [{ ...custom[0], where: ['schedul ~ x', 'descriptio missing'], assert: 'naem !~ x' }] });
    expect((await space.run('lint')).err).toBe(
      'rule flow-has-a-description, where: no resource here has the field schedul (did you mean schedule?)\n' +
        'rule flow-has-a-description, assert: no resource here has the field naem (did you mean name?)\n',
    );

    for (const [policy, words] of [
      [{ custom: [{ ...custom[0], id: 'duplicate-name' }] }, 'two rules are called duplicate-name'],
      [{ custom: [{ ...custom[0], type: 'flowz' }] }, 'no resource type is called flowz'],
      [{ custom: [{ ...custom[0], assert: 'description' }] }, 'rule flow-has-a-description, assert: "description"'],
      [{ custom: [{ ...custom[0], where: 'lastModified > 2026' }] }, 'where: lastModified is not in the mirror'],
      [{ custom: [{ ...custom[0], extra: 1 }] }, 'custom[0]'],
    ] as const) {
      write(policy);
      expect(await space.run('lint')).toMatchObject({ code: 64, err: expect.stringContaining(words) });
    }
  });
});
