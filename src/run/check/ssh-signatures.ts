import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, messageOf } from '../../core/errors.ts';
import { temporaryFolder } from '../../git/temporary-folder.ts';

/** What ssh-keygen gets of the environment: where programs are, and an agent that may hold the key. */
const NEEDED = ['PATH', 'HOME', 'TMPDIR', 'SSH_AUTH_SOCK'];
/** How long an agent may take that asks a person, in milliseconds. */
const LONGEST_MS = 60_000;

const BEGIN = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';
/** How OpenSSH breaks the lines of a signature. */
const LINE = 70;

interface Answer {
  readonly code: number | null;
  readonly out: string;
  readonly said: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs ssh-keygen, which never asks for a passphrase: there is no terminal. @throws AppError where it cannot be run */
function keygen(args: readonly string[], input: Buffer, env: Environment): Promise<Answer> {
  const given = NEEDED.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]));
  return new Promise((resolve, reject) => {
    const child = spawn('ssh-keygen', args, {
      env: { ...Object.fromEntries(given), LC_ALL: 'C', TZ: 'UTC0', SSH_ASKPASS: '', SSH_ASKPASS_REQUIRE: 'never' },
      stdio: 'pipe',
      detached: true,
      timeout: LONGEST_MS,
    });
    let [out, said] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.on('error', (cause) =>
      reject(
        new AppError('REPOSITORY', `ssh-keygen cannot be run: ${messageOf(cause)}`, {
          hint: 'Install OpenSSH 8.2 or later',
          cause,
        }),
      ),
    );
    child.on('close', (code) => resolve({ code, out, said: said.trim() }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** A signature as OpenSSH writes it into a file. @param sig base64 */
function armoured(sig: string): string {
  const lines = sig.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return `${[BEGIN, ...lines, END].join('\n')}\n`;
}

/** Fingerprint of the public key that a signature holds, `SHA256:…`; `undefined` where it holds none. */
export function fingerprintIn(sig: string): string | undefined {
  const bytes = Buffer.from(sig, 'base64');
  // "SSHSIG", a version, and the key with its length before it (PROTOCOL.sshsig).
  if (bytes.toString('latin1', 0, 6) !== 'SSHSIG' || bytes.length < 14) return undefined;
  const key = bytes.subarray(14, 14 + bytes.readUInt32BE(10));
  return `SHA256:${createHash('sha256')
    .update(key)
    .digest('base64')
    .replace(/={1,2}$/, '')}`;
}

/** @param keyFile a private key, or the public one of a key that an agent holds @returns base64 @throws AppError */
export async function signSsh(keyFile: string, namespace: string, bytes: Buffer, env: Environment): Promise<string> {
  const { code, out, said } = await keygen(['-Y', 'sign', '-f', keyFile, '-n', namespace], bytes, env);
  const lines = out.trim().split('\n');
  if (code === 0 && lines[0] === BEGIN && lines.at(-1) === END) return lines.slice(1, -1).join('');
  throw new AppError('REPOSITORY', `nothing can be signed with ${keyFile}: ${said || `exit code ${code}`}`, {
    hint:
      'repository.signingKeyFile must be an SSH key without a passphrase that this user alone can read, ' +
      'or the public key of one in an agent',
  });
}

/** What a signature is worth. */
export type SshVerdict =
  | { readonly state: 'good'; readonly principal: string }
  /** It is not one of these bytes. */
  | { readonly state: 'bad' }
  /** No trusted key made it, or none that is valid at that time. */
  | { readonly state: 'untrusted' }
  /** A trusted key made it, which is not trusted for this. */
  | { readonly state: 'otherUse'; readonly principal: string };

interface VerifyInput {
  readonly sig: string;
  readonly namespace: string;
  readonly bytes: Buffer;
  /** File of trusted keys, in the format of ssh-keygen. */
  readonly allowedSigners: string;
  /** When the key has to be valid; `undefined`: the keys of the file have no times. */
  readonly at: Date | undefined;
  readonly env: Environment;
}

/** @throws AppError where ssh-keygen cannot be run */
export async function verifySsh({ sig, namespace, bytes, allowedSigners, at, env }: VerifyInput): Promise<SshVerdict> {
  const folder = temporaryFolder('signature');
  try {
    const file = join(folder, 'sig');
    writeFileSync(file, armoured(sig));
    const stamp = at?.toISOString().replace(/[-:TZ]|\.\d+/g, '');
    const words = ['-s', file, ...(stamp === undefined ? [] : [`-Overify-time=${stamp}`])];
    const use = ['-n', namespace, ...words];
    const ask = (verb: string, ...args: readonly string[]): Promise<Answer> =>
      keygen(['-Y', verb, ...args], bytes, env);
    if ((await ask('check-novalidate', ...use)).code !== 0) return { state: 'bad' };
    const found = await ask('find-principals', '-f', allowedSigners, ...words);
    const principals = found.code === 0 ? found.out.trim().split('\n').filter(Boolean) : [];
    for (const principal of principals) {
      const { code } = await ask('verify', '-f', allowedSigners, '-I', principal, ...use);
      if (code === 0) return { state: 'good', principal };
    }
    const [first] = principals;
    return first === undefined ? { state: 'untrusted' } : { state: 'otherUse', principal: first };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
