import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { configJsonSchema } from '../../src/config/schema.ts';
import { secretsOf } from '../../src/config/secrets-of.ts';
import { parseSettings } from '../../src/config/settings-yaml.ts';
import { interpolate } from '../../src/config/values.ts';
import { tempDir } from '../support/workspace.ts';

let dir: string;

beforeEach(() => {
  dir = tempDir();
});

function write(text: string): void {
  writeFileSync(join(dir, 'celigo-mirror.yaml'), text);
}

async function load(env: Record<string, string> = {}, file?: string) {
  return loadConfig({ env, cwd: dir, file });
}

async function failure(env: Record<string, string> = {}, file?: string): Promise<string> {
  try {
    await load(env, file);
  } catch (error) {
    expect(error).toMatchObject({ name: 'AppError', code: 'USAGE', hint: expect.any(String) });
    return (error as Error).message;
  }
  throw new Error('the configuration was accepted');
}

describe('loadConfig', () => {
  it('needs nothing but the environment when there is no file', async () => {
    const config = await load({
      CELIGO_API_TOKEN: 'secret',
      CELIGO_REGION: 'eu',
      MIRROR_PATH: 'here',
      MIRROR_BRANCH: 'trunk',
    });

    expect(config.source).toBe('environment');
    expect(config.repository).toMatchObject({ path: join(dir, 'here'), branch: 'trunk' });
    expect(config.accounts).toMatchObject([
      { name: 'default', baseUrl: 'https://api.eu.integrator.io', token: 'secret', include: ['*'] },
    ]);
  });

  it.each([
    [{ CELIGO_REGION: 'mars' }, /^the environment is .*:\n {2}CELIGO_REGION: expected one of us, eu, au, ca$/],
    [{ CELIGO_BASE_URL: 'mars' }, /CELIGO_BASE_URL: expected a URL/],
    [{ CELIGO_BASE_URL: 'https://x.test', CELIGO_REGION: 'us' }, /CELIGO_BASE_URL: .*exclude each other/],
    [{ MIRROR_ACCOUNT: 'Main_1' }, /MIRROR_ACCOUNT: expected lower-case/],
    [{ MIRROR_STATELESS: 'maybe' }, /MIRROR_STATELESS: expected true or false/],
    [{ MIRROR_TIMEZONE: 'Mars', MIRROR_SCHEDULE: 'x' }, /MIRROR_TIMEZONE: unknown.*\n {2}MIRROR_SCHEDULE: expected/],
    [{ MIRROR_LISTEN: 'x', MIRROR_DRILL_RECEIPTS: 'x' }, /MIRROR_LISTEN: .*\n {2}MIRROR_DRILL_RECEIPTS: /],
    [{ CELIGO_API_TOKEN_FILE: 'missing' }, /^CELIGO_API_TOKEN_FILE: cannot read/],
    [{ CELIGO_API_TOKEN: 'with a blank' }, /^CELIGO_API_TOKEN: the token/],
  ])('names the variable that is wrong: %j', async (variables, message) => {
    expect(await failure({ CELIGO_API_TOKEN: 'secret', ...variables })).toMatch(message);
  });

  it('says what is missing when there is neither file nor token', async () => {
    expect(await failure()).toContain('CELIGO_API_TOKEN is not set');
  });

  it('replaces variables and their fallbacks inside strings', async () => {
    write('accounts:\n  a:\n    token: pre-${T}-post\n    baseUrl: ${URL:-http://127.0.0.1:9/v1/}\n');

    const config = await load({ T: 'x' });

    expect(config.accounts[0]).toMatchObject({ token: 'pre-x-post', baseUrl: 'http://127.0.0.1:9' });
  });

  it.each([
    ['{ token: ${T} }', 'x'],
    ['{ token: ${NONE:-a b} }', 'a b'],
    ['{ token: pre-${T}/${T}-post, region: us }', 'pre-x/x-post'],
    ['{ "token": ${T}, include: [flows, ${NONE:-scripts}] }', 'x'],
    ["{ token: 'a${T}, b' } # { token: ${T} }", 'ax, b'],
    ['{ token: "{ a: ${T} }" }', '{ a: x }'],
  ])('replaces variables without quotes inside brackets, too: %s', (text, token) => {
    const read = interpolate(parseSettings(`a: ${text}\nb: |\n  { c: ${'${T}'} }\n`), '', { T: 'x' }, []);

    expect(read).toMatchObject({ a: { token }, b: '{ c: x }\n' });
  });

  it('names every missing variable with its key', async () => {
    write('repository: { remote: "${REMOTE}" }\naccounts: { a: { token: "${T}" } }\n');

    const message = await failure();

    expect(message).toContain('repository.remote: the variable REMOTE is not set');
    expect(message).toContain('accounts.a.token: the variable T is not set');
  });

  it('needs no secret for a command that only reads the mirror, and names what else is missing', async () => {
    const secrets = 'daemon: { triggerTokenFile: x }\nnotifications: { a: { type: slack, url: "${U}" } }\n';
    write(`repository: { tokenFile: x }\naccounts: { a: { tokenFile: x }, b: { token: "\${T}" } }\n${secrets}`);
    const config = await loadConfig({ env: {}, cwd: dir, withoutMissing: true });
    expect(config.accounts.map(({ name }) => name)).toEqual(['a', 'b']);

    writeFileSync(join(dir, 'x'), 'remote-token\n');
    const held = await loadConfig({ env: { U: 'https://slack.test/hook' }, cwd: dir, withoutMissing: true });
    expect(held.accounts.map(({ token }) => token)).toEqual(['remote-token', 'the-token-was-not-read']);
    expect(secretsOf(held)).toEqual(expect.arrayContaining(['remote-token', 'https://slack.test/hook']));
    expect(held.repository.token).toBe('remote-token');

    write('accounts: { a: { token: "${T}", region: "${R}" }, b: 1 }\n');
    await expect(loadConfig({ env: {}, cwd: dir, withoutMissing: true })).rejects.toThrow(
      /valid configuration:\n {2}accounts.a.region: the variable R is not set$/,
    );
  });

  it('reads a secret from a file, without its line end', async () => {
    writeFileSync(join(dir, 'token'), 'from-file\n');
    write('accounts: { a: { tokenFile: token } }\n');

    expect((await load()).accounts[0]?.token).toBe('from-file');
  });

  it.each(['one\ntwo', 'with a blank', '\u201cquoted\u201d', '  '])(
    'refuses a token that no header can carry: %j',
    async (token) => {
      write('accounts: { a: { token: "${T}" } }\n');

      expect((await load({ T: ' plain\n' })).accounts[0]?.token).toBe('plain');
      await expect(load({ T: token })).rejects.toThrow('accounts.a.token: ');
    },
  );

  it('lets NAME_FILE stand in for ${NAME}', async () => {
    writeFileSync(join(dir, 'token'), 'from-file\n');
    write('accounts: { a: { token: "${T}" } }\n');

    expect((await load({ T_FILE: join(dir, 'token') })).accounts[0]?.token).toBe('from-file');
  });

  it('takes the token of the environment from a file too', async () => {
    writeFileSync(join(dir, 'token'), 'from-file\n');

    expect((await load({ CELIGO_API_TOKEN_FILE: join(dir, 'token') })).accounts[0]?.token).toBe('from-file');
  });

  it.each([
    ['', { perSecond: 40, burst: 300 }],
    [', requestsPerSecond: 40', { perSecond: 40, burst: 300 }],
    [', requestsPerSecond: 5', { perSecond: 5, burst: 38 }],
    [', requestsPerSecond: 300', { perSecond: 300, burst: 300 }],
    [', rateLimit: { burst: 500 }', { perSecond: 40, burst: 500 }],
    [', rateLimit: { perSecond: 10 }', { perSecond: 10, burst: 75 }],
    [', rateLimit: { perSecond: 100, burst: 1 }', { perSecond: 100, burst: 1 }],
  ])('takes the pace from both its forms: %j', async (keys, pace) => {
    write(`accounts: { a: { token: t${keys} } }\n`);

    expect((await load()).accounts[0]?.rateLimit).toEqual(pace);
  });

  it('names all unknown keys at once and guesses what was meant', async () => {
    write('acounts: {}\nguards: { maxDeletion: 3 }\naccounts: { a: { token: t, incude: [] } }\n');

    const message = await failure();

    expect(message).toContain('acounts: unknown key (did you mean accounts?)');
    expect(message).toContain('guards.maxDeletion: unknown key (did you mean maxDeletions?)');
    expect(message).toContain('accounts.a.incude: unknown key (did you mean include?)');
  });

  it('names what is wrong with values and with keys at once', async () => {
    write(
      'schedule: often\ntimezone: Mars/Olympus\nguards: { maxDeletion: 3 }\ndrill: { schedule: "0 0 31 2 *" }\n' +
        'accounts: { a: { include: [flow], ignore: { flow: [x], tags: ["*"] }, schedule: "" } }\n' +
        'notifications: { n: { type: slack, url: x, text: "{{#a}}" } }\n',
    );

    const keys = (await failure()).split('\n').flatMap((line) => /^ {2}([^:]+):/.exec(line)?.[1] ?? []);

    expect(keys.sort()).toEqual([
      'accounts.a.ignore',
      'accounts.a.ignore.tags[0]',
      'accounts.a.include[0]',
      'accounts.a.schedule',
      'accounts.a.token',
      'drill.schedule',
      'guards.maxDeletion',
      'notifications.n.text',
      'notifications.n.url',
      'schedule',
      'timezone',
    ]);
  });

  it('names the line of broken YAML', async () => {
    write('accounts:\n  a:\n    token: [\n');

    expect(await failure()).toMatch(/celigo-mirror\.yaml:\d/);
  });

  it.each([
    ['accounts: { A_B: { token: t } }', 'accounts.A_B: expected lower-case letters'],
    ['accounts: { a: { token: t, region: mars } }', 'accounts.a.region'],
    ['accounts: { a: { token: t, region: us, baseUrl: "https://x.test" } }', 'exclude each other'],
    ['accounts: { a: { token: t, baseUrl: "http://x.test" } }', 'expected https://'],
    ['accounts: { a: { token: t, baseUrl: "https://u:p@x.test" } }', 'without user name'],
    ['accounts: { a: {} }', 'a token is required'],
    ['accounts: { a: { token: t, requestsPerSecond: 5, rateLimit: {} } }', 'rateLimit and requestsPerSecond exclude'],
    [
      'accounts: { a: { token: t, rateLimit: { burst: 701 } } }',
      'accounts.a.rateLimit.burst: expected a number of at most 700',
    ],
    [
      'accounts: { a: { token: t, rateLimit: { perSecond: 301 } } }',
      'accounts.a.rateLimit.perSecond: expected a number of at most 300',
    ],
    ['accounts: { a: { token: t, rateLimit: { persecond: 9 } } }', 'did you mean perSecond?'],
    ['accounts: {}', 'at least one account'],
    ['accounts: { a: { token: t, include: [flow] } }', 'did you mean flows?'],
    ['accounts: { a: { token: t } }\nrepository: { remote: "https://u:p@x.test/r.git" }', 'without password'],
    ['accounts: { a: { token: t } }\nrepository: { branch: "--upload-pack=x" }', 'repository.branch'],
    ['accounts: { a: { token: t, ignore: { flow: [x] } } }', 'accounts.a.ignore: no resource type is called flow'],
    ['accounts: { a: { token: t, ignore: { flows: [_id] } } }', 'accounts.a.ignore.flows[0]: _id identifies flows'],
    [
      'accounts: { a: { token: t, ignore: { tags: [x, tag] } } }',
      'accounts.a.ignore.tags[1]: tag identifies error tags',
    ],
    ['accounts: { a: { token: t, ignore: { flows: ["a[0].b"] } } }', 'use [] for every element'],
    ['accounts: { a: { token: t, ignore: { flows: ["a..b"] } } }', 'a..b is not a path'],
    ['accounts: { a: { token: t, ignore: { flows: [""] } } }', ' is not a path'],
    ['accounts: { a: { token: t, ignore: { flows: ["*"] } } }', '* would ignore everything'],
    ['accounts: { a: { token: t, ignore: { flows: ["a[]"] } } }', 'use a to ignore the list'],
    ['accounts: { a: { token: t, ignore: { flows: x } } }', 'accounts.a.ignore.flows: expected'],
    ['accounts: { a: { token: t } }\nfullSweep: soon', 'fullSweep'],
    ['accounts: { a: { token: t } }\nfullSweep: ""', 'fullSweep: expected a duration'],
    ['accounts: { a: { token: 5 } }', 'accounts.a.token: expected a string'],
    ['[]', 'expected a mapping of keys'],
  ])('refuses %s', async (text, expected) => {
    write(`${text}\n`);

    expect(await failure()).toContain(expected);
  });

  it('never repeats a secret in a message', async () => {
    write('accounts: { a: { token: hunter2-hunter2, region: nowhere } }\n');

    expect(await failure()).not.toContain('hunter2');
  });

  it('names a configuration file that does not exist', async () => {
    expect(await failure({}, 'gone.yaml')).toContain('gone.yaml: configuration file not found');
  });

  it('accepts the commented example', async () => {
    writeFileSync(
      join(dir, 'celigo-mirror.yaml'),
      readFileSync(new URL('../../config/celigo-mirror.example.yaml', import.meta.url)),
    );

    expect((await load({ CELIGO_API_TOKEN: 't' })).accounts[0]?.name).toBe('production');
  });
});

describe('the JSON Schema in config/', () => {
  it('is the one of this version (npm run schema)', () => {
    expect(readFileSync(new URL('../../config/celigo-mirror.schema.json', import.meta.url), 'utf8')).toBe(
      configJsonSchema(),
    );
  });
});

describe('watch', () => {
  const rows: [string, string][] = [
    [
      '{}',
      'watch[0]: it asks for nothing; give at least one of type, field, what, where, by, channel, outside, moreThan',
    ],
    ['{ severity: critical }', 'watch[0]: it asks for nothing'],
    ['{ type: flos }', 'watch[0].type: no resource type is called flos; celigo-mirror types lists them'],
    ['{ field: "a..b" }', 'watch[0].field: "a..b" is not a valid path of a field'],
    ['{ where: disabled }', 'watch[0].where: "disabled" is not a valid condition'],
    [
      '{ outside: 8-18 }',
      'watch[0].outside: expected hours of the day and a time zone, such as "08:00-18:00 Europe/Oslo"',
    ],
    ['{ outside: "08:00-18:00" }', 'watch[0].outside: a time zone is missing'],
    ['{ outside: "08:00-18:00 Europe/Olso" }', 'watch[0].outside: unknown time zone Europe/Olso'],
    ['{ outside: "08:00-08:00 UTC" }', 'watch[0].outside: it begins when it ends'],
    ['{ felds: disabled }', 'watch[0].felds: unknown key (did you mean field?)'],
  ];
  it.each(rows)('refuses %s', async (rule, message) => {
    write(`
accounts: { a: { token: x } }
notifications: { ops: { type: slack, url: "http://x.example", watch: [${rule}] } }
`);
    expect(await failure()).toContain(`notifications.ops.${message}`);
  });

  it('takes a rule, and is enough for a channel without events', async () => {
    write(`
accounts: { a: { token: x } }
notifications:
  ops: { type: teams, url: "http://x.example", events: [], watch: [{ type: flow, moreThan: 20 }] }
`);
    expect((await load()).notifications).toMatchObject([
      { watch: [{ type: 'flow', moreThan: 20, severity: 'warning' }] },
    ]);
    write(
      'accounts: { a: { token: x } }\nnotifications: { ops: { type: slack, url: "http://x.example", events: [] } }\n',
    );
    expect(await failure()).toContain('notifications.ops.events: it is empty and there is no watch');
  });
});
