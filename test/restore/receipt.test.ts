import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { emptyAccount } from '../../src/emulator/http/server.ts';
import type { AccountSeed } from '../../src/emulator/model/seed.ts';
import { sample, type TestAccount } from '../support/account.ts';
import { CANNOT_SIGN, cli, tempDir, Workspace } from '../support/workspace.ts';
import { commitByHand, expectCode, head } from './support.ts';

const NAMESPACE = 'drill-receipt@celigo-mirror';

function key(name: string): string {
  const file = join(tempDir(), name);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
  return file;
}

/** An account that a drill is quick with: one connection with a credential, one script. */
function small(): AccountSeed {
  const time = { createdAt: '2024-01-01T00:00:00.000Z', lastModified: '2024-02-01T00:00:00.000Z' };
  return {
    ...emptyAccount(),
    resources: {
      connections: [
        {
          _id: '66a000000000000000020001',
          name: 'Shop API',
          type: 'http',
          http: {
            baseURI: 'https://shop.example.test',
            mediaType: 'json',
            formType: 'http',
            auth: { type: 'token', token: { token: '******', location: 'header' } },
          },
          ...time,
        },
      ],
      scripts: [{ _id: '66a0000000000000000c0001', name: 'Hook', content: 'function f() {}\n', ...time }],
    },
  };
}

interface Scene {
  readonly account: TestAccount;
  readonly space: Workspace;
  readonly key: string;
  readonly signers: string;
}

async function scene(more: Record<string, Json> & { repository?: Record<string, Json> } = {}): Promise<Scene> {
  const account = await sample({ seed: small() });
  const file = key('mirror');
  const { repository, ...rest } = more;
  const space = new Workspace(
    { prod: { baseUrl: account.url, token: account.owner.token } },
    { repository: { signingKeyFile: file, ...repository }, ...rest },
  );
  await space.mirrored();
  const signers = join(tempDir(), 'allowed_signers');
  writeFileSync(signers, `auditor@x.test namespaces="git,${NAMESPACE}" ${readFileSync(`${file}.pub`, 'utf8')}`);
  return { account, space, key: file, signers };
}

interface EnvelopeJson {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

interface StatementJson {
  readonly _type: string;
  readonly subject: readonly { readonly name: string; readonly digest: { readonly gitCommit: string } }[];
  readonly predicateType: string;
  readonly predicate: JsonObject & { readonly accounts: readonly JsonObject[] };
}

function envelopeIn(path: string): EnvelopeJson {
  return JSON.parse(readFileSync(path, 'utf8')) as EnvelopeJson;
}

function statementIn(path: string): StatementJson {
  return JSON.parse(Buffer.from(envelopeIn(path).payload, 'base64').toString('utf8')) as StatementJson;
}

/** What DSSE says is signed, from its description and not from the program's code. */
function pae({ payloadType, payload }: EnvelopeJson): Buffer {
  const body = Buffer.from(payload, 'base64');
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${body.length} `;
  return Buffer.concat([Buffer.from(head), body]);
}

/** Signs a statement as whoever holds a key can, without the program. */
function signed(statement: Json, by: string, namespace = NAMESPACE): string {
  const payloadType = 'application/vnd.in-toto+json';
  const payload = Buffer.from(JSON.stringify(statement)).toString('base64');
  const armoured = execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-f', by, '-n', namespace], {
    input: pae({ payloadType, payload, signatures: [] }),
    stdio: ['pipe', 'pipe', 'ignore'],
  }).toString();
  const sig = armoured.trim().split('\n').slice(1, -1).join('');
  const keyid =
    execFileSync('ssh-keygen', ['-lf', `${by}.pub`])
      .toString()
      .split(' ')[1] ?? '';
  return `${JSON.stringify({ payloadType, payload, signatures: [{ keyid, sig }] }, null, 2)}\n`;
}

async function drilled({ space }: Scene, ...args: string[]): Promise<string> {
  const file = join(tempDir(), 'drill.json');
  expectCode(await space.run('drill', '--receipt', file, ...args), 0);
  return file;
}

/** What `verify --receipt` says of a file. */
async function verdict({ space, signers }: Scene, file: string): Promise<{ code: number; reason: string | undefined }> {
  const { code, out, err } = await space.run('verify', '--receipt', file, '--allowed-signers', signers, '--json');
  expect(err).toBe('');
  const { receipt } = JSON.parse(out) as { receipt: { genuine: boolean; refusal?: { reason: string } } };
  expect(receipt.genuine).toBe(receipt.refusal === undefined);
  return { code, reason: receipt.refusal?.reason };
}

/** Whether ssh-keygen alone takes a signature for one of these bytes. */
function isSigned({ signatures }: EnvelopeJson, bytes: Buffer, signers: string): boolean {
  const file = join(tempDir(), 'sig');
  const lines = signatures[0]?.sig.match(/.{1,70}/g) ?? [];
  writeFileSync(file, ['-----BEGIN SSH SIGNATURE-----', ...lines, '-----END SSH SIGNATURE-----', ''].join('\n'));
  const args = ['-Y', 'verify', '-f', signers, '-I', 'auditor@x.test', '-n', NAMESPACE, '-s', file];
  return spawnSync('ssh-keygen', args, { input: bytes }).status === 0;
}

describe.skipIf(CANNOT_SIGN)('a receipt', () => {
  it('states what the drill showed, is signed, and is refused with any byte changed', { tags: 'slow' }, async () => {
    const stage = await scene();
    const { space, signers } = stage;
    const file = await drilled(stage);

    // An in-toto statement about the commit.
    const { _type, subject, predicateType, predicate } = statementIn(file);
    expect(_type).toBe('https://in-toto.io/Statement/v1');
    expect(predicateType).toMatch(/^https:\/\/.*\/v1$/);
    expect(subject).toEqual([{ name: 'prod', digest: { gitCommit: head(space) } }]);
    const types = { connections: { documents: 1, restored: 1 }, scripts: { documents: 1, restored: 1 } };
    const needed = { credentials: 1, signIns: 0, connections: ['connections/66a000000000000000020001'], flows: [] };
    const prod = { account: 'prod', target: { kind: 'emulator' }, result: 'passed', types, unexplained: [], needed };
    expect(predicate).toMatchObject({ program: { name: 'celigo-mirror' }, result: 'passed', accounts: [prod] });
    expect(JSON.stringify(predicate)).not.toContain(stage.account.owner.token);

    // In a DSSE envelope, which ssh-keygen alone can check.
    const envelope = envelopeIn(file);
    expect(envelope.payloadType).toBe('application/vnd.in-toto+json');
    expect(isSigned(envelope, pae(envelope), signers)).toBe(true);
    expect(isSigned(envelope, Buffer.from(envelope.payload, 'base64'), signers)).toBe(false);
    const print = execFileSync('ssh-keygen', ['-lf', `${stage.key}.pub`]).toString();
    expect(print).toContain(envelope.signatures[0]?.keyid);

    // Genuine to whoever trusts the key.
    const ours = await space.run('verify', '--receipt', file);
    expectCode(ours, 0);
    expect(ours.out).toContain('genuine');
    expect(ours.out).toMatch(/it proves:\n.*restored into the built-in emulator.*it does not prove:\n.*API accepts/s);
    expect(ours.out).toMatch(/a full restore takes about \d+ seconds?, 1 credential/);
    expect(await verdict(stage, file)).toEqual({ code: 0, reason: undefined });

    const bytes = readFileSync(file);
    const places = [0, 5, bytes.indexOf('payload"') + 12, bytes.indexOf('keyid') + 20, bytes.indexOf('"sig"') + 200];
    for (const at of [...places, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const copy = join(tempDir(), 'changed.json');
      writeFileSync(copy, changed);
      const { code, reason } = await verdict(stage, copy);
      expect([code, ['malformed', 'altered'].includes(reason ?? '')], `byte ${at}: ${reason}`).toEqual([1, true]);
    }

    // A key that expired counts for the time when it was valid.
    const trust = (times: string): void =>
      writeFileSync(signers, `a@x.test ${times} ${readFileSync(`${stage.key}.pub`, 'utf8')}`);
    trust('valid-before="20900101"');
    expect(await verdict(stage, file)).toMatchObject({ code: 0 });
    trust('valid-before="20200101"');
    expect(await verdict(stage, file)).toEqual({ code: 1, reason: 'untrusted' });
  });

  it('is refused for each reason by its name', { tags: 'slow' }, async () => {
    const stage = await scene();
    const { space } = stage;
    const file = await drilled(stage);
    const statement = statementIn(file) as unknown as JsonObject;
    const written = (text: string): string => {
      const path = join(tempDir(), 'receipt.json');
      writeFileSync(path, text);
      return path;
    };
    const predicate = statement.predicate as JsonObject;
    const passed = (more: JsonObject): JsonObject => ({ ...statement, ...more });
    const of = (gitCommit: string, name = 'prod'): JsonObject => passed({ subject: [{ name, digest: { gitCommit } }] });
    // In the repository, but on another branch.
    const aside = space
      .git('-c', 'user.name=a', '-c', 'user.email=a@x.test', 'commit-tree', '-m', 'aside', 'HEAD^{tree}')
      .trim();
    const { payload, payloadType } = envelopeIn(file);
    const [ours] = envelopeIn(file).signatures;
    const edited = Buffer.from(JSON.stringify(passed({ predicate: { ...predicate, result: 'failed' } })));
    const withSignature = (sig: string | undefined): string =>
      `${JSON.stringify({ payloadType, payload, signatures: [{ ...ours, sig }] }, null, 2)}\n`;
    const unsigned = { payloadType, payload, signatures: [] };
    const swapped = { payloadType, payload: edited.toString('base64'), signatures: [ours] };
    const rows: readonly (readonly [reason: string, text: string])[] = [
      ['malformed', 'no receipt'],
      ['malformed', signed({ ...statement, predicateType: 'https://example.test/other/v1' }, stage.key)],
      ['unsigned', `${JSON.stringify(unsigned, null, 2)}\n`],
      ['altered', `${JSON.stringify(swapped, null, 2)}\n`],
      ['malformed', withSignature(ours?.sig.replace(/^.{40}/, '$& '))],
      ['malformed', withSignature(ours?.sig.replace(/^.{40}/, '$&\n'))],
      ['altered', signed(statement, stage.key, 'git')],
      ['untrusted', signed(statement, key('stranger'))],
      ['unknownCommit', signed(of('0123456789abcdef0123456789abcdef01234567'), stage.key)],
      ['unknownCommit', signed(of(aside), stage.key)],
      ['otherSubject', signed(of(head(space), 'sandbox'), stage.key)],
      ['dated', signed(passed({ predicate: { ...predicate, finishedAt: '2090-01-01T00:00:00.000Z' } }), stage.key)],
      ['dated', signed(passed({ predicate: { ...predicate, finishedAt: '2001-01-01T00:00:00.000Z' } }), stage.key)],
    ];
    for (const [reason, text] of rows) expect(await verdict(stage, written(text)), text).toEqual({ code: 1, reason });
    // The helper itself makes receipts that count.
    expect(await verdict(stage, written(signed(statement, stage.key)))).toMatchObject({ code: 0 });

    writeFileSync(stage.signers, `auditor@x.test namespaces="git" ${readFileSync(`${stage.key}.pub`, 'utf8')}`);
    const { out } = await space.run('verify', '--receipt', file, '--allowed-signers', stage.signers);
    expect(out).toMatch(/refused\n {2}otherUse: .*\n {2}→ .*namespaces="git,drill-receipt@celigo-mirror"/);
  });

  const hasJq = spawnSync('jq', ['--version']).status === 0;
  it.skipIf(!hasJq)('can be checked without this program, as the guide shows', { tags: 'slow' }, async () => {
    const stage = await scene();
    const { dir } = stage.space;
    const guide = readFileSync(new URL('../../docs/evidence.md', import.meta.url), 'utf8');
    const [, script = ''] = /^### Check a receipt without this program\n\n```sh\n(.*?)^```$/ms.exec(guide) ?? [];
    writeFileSync(join(dir, 'drill.json'), readFileSync(await drilled(stage)));
    const trusted = readFileSync(stage.signers, 'utf8').replace('auditor@x.test', 'mirror@acme.example');
    writeFileSync(join(dir, 'allowed_signers'), trusted);

    const { status, stdout } = spawnSync('bash', ['-ec', script], { cwd: dir, encoding: 'utf8' });

    expect(stdout).toContain('Good "drill-receipt@celigo-mirror" signature for mirror@acme.example');
    expect([status, stdout.trim().endsWith('in the history')]).toEqual([0, true]);
  });

  it('of a drill that failed is genuine, and no success', { tags: 'slow' }, async () => {
    const stage = await scene();
    const { space } = stage;
    const path = space.find('66a000000000000000020001');
    writeFileSync(join(space.mirror, path), 'not: [yaml\n');
    commitByHand(space);
    const file = join(tempDir(), 'drill.json');

    expectCode(await space.run('drill', '--receipt', file), 1);

    expect(statementIn(file).predicate).toMatchObject({ result: 'failed' });
    const { code, out } = await space.run('verify', '--receipt', file);
    expect([code, out.includes('genuine'), out.includes('failed')]).toEqual([1, true, true]);
  });

  it('of a repository with SHA-256 names its commit, and a shallow clone cannot tell', { tags: 'slow' }, async () => {
    const account = await sample({ seed: small() });
    const file = key('mirror');
    const space = new Workspace(
      { prod: { baseUrl: account.url, token: account.owner.token } },
      { repository: { signingKeyFile: file } },
    );
    execFileSync('git', ['init', '-q', '--object-format=sha256', '-b', 'main', space.mirror]);
    await space.sync();
    const receipt = await drilled({ account, space, key: file, signers: '' });
    expect(statementIn(receipt).subject).toEqual([{ name: 'prod', digest: { gitCommit: head(space) } }]);
    expect(head(space)).toHaveLength(64);
    expectCode(await space.run('verify', '--receipt', receipt), 0);

    account.emulator.act(account.owner.email).set('scripts', '66a0000000000000000c0001', { content: '// later\n' });
    await space.sync();
    const clone = join(tempDir(), 'clone');
    execFileSync('git', ['clone', '-q', '--depth=1', `file://${space.mirror}`, clone]);
    const signers = join(tempDir(), 'allowed_signers');
    writeFileSync(signers, `* ${readFileSync(`${file}.pub`, 'utf8')}`);
    const { out } = await cli(['verify', clone, '--receipt', receipt, '--allowed-signers', signers], tempDir());
    expect(out).toMatch(/refused\n {2}cut: .*\n {2}→ git fetch --unshallow/);
  });

  it('without a key is called unsigned, and is refused', { tags: 'slow' }, async () => {
    const stage = await scene();
    const file = join(tempDir(), 'drill.json');
    const outcome = await cli(['drill', stage.space.mirror, '--receipt', file], tempDir());

    expectCode(outcome, 0);
    expect(outcome.out).toContain('not signed');
    expect(envelopeIn(file).signatures).toEqual([]);
    expect(await verdict(stage, file)).toEqual({ code: 1, reason: 'unsigned' });
  });

  it('that cannot be signed or written leaves the result of the drill', { tags: 'slow' }, async () => {
    const other = await scene();
    rmSync(other.key);
    const outcome = await other.space.run('drill', '--receipt', join(tempDir(), 'drill.json'), '--json');
    expectCode(outcome, 3);
    expect(JSON.parse(outcome.out)).toMatchObject({ unexplained: [], receipt: { problem: expect.anything() } });
    expect((await other.space.run('drill', '--receipt', '/nonexistent/drill.json')).code).toBe(3);
  });
});
