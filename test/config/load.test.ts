import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { configJsonSchema } from '../../src/config/schema.ts';
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

  it('says what is missing when there is neither file nor token', async () => {
    expect(await failure()).toContain('CELIGO_API_TOKEN is not set');
  });

  it('replaces variables and their fallbacks inside strings', async () => {
    write('accounts:\n  a:\n    token: pre-${T}-post\n    baseUrl: ${URL:-http://127.0.0.1:9/v1/}\n');

    const config = await load({ T: 'x' });

    expect(config.accounts[0]).toMatchObject({ token: 'pre-x-post', baseUrl: 'http://127.0.0.1:9' });
  });

  it('names every missing variable with its key', async () => {
    write('repository: { remote: "${REMOTE}" }\naccounts: { a: { token: "${T}" } }\n');

    const message = await failure();

    expect(message).toContain('repository.remote: the variable REMOTE is not set');
    expect(message).toContain('accounts.a.token: the variable T is not set');
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
    ['accounts: { a: { token: t, rateLimit: { burst: 701 } } }', 'accounts.a.rateLimit.burst: Too big'],
    ['accounts: { a: { token: t, rateLimit: { perSecond: 301 } } }', 'accounts.a.rateLimit.perSecond: Too big'],
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
