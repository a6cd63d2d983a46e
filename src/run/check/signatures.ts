import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import type { Git } from '../../git/git.ts';
import { logFormat, logRecords } from '../../git/log-records.ts';
import { temporaryFolder } from '../../git/temporary-folder.ts';
import { type HistoryCut, readCut } from '../../history/commits.ts';
import { findForged } from './forged.ts';
import { RECEIPT_NAMESPACE } from './receipt.ts';
import { uncommittedIn } from './uncommitted.ts';

/** A commit without a good signature of a trusted key. */
interface Unsigned {
  readonly commit: string;
  readonly time: string;
  readonly author: string;
  readonly problem: string;
}

/** What `verify --signatures` found. */
export interface SignatureReport {
  /** Commits that were checked. */
  readonly commits: number;
  /** Those with a good signature of a trusted key. */
  readonly good: number;
  /** Who signed them. */
  readonly signers: readonly string[];
  readonly faults: readonly Unsigned[];
  /** Where a shallow clone begins: what came before it cannot be checked, so that nothing is proved. */
  readonly cut: HistoryCut | null;
  /** What is in the place of objects, or is not what its id says: git would have shown it as the history. */
  readonly forged: readonly string[];
  /** Files of the account folders that are not as the last commit has them, from the root: no signature covers them. */
  readonly uncommitted: readonly string[];
}

/** What git's letters mean (git-log, `%G?`). */
const PROBLEMS: Readonly<Record<string, string>> = {
  B: 'the signature is bad: the commit was changed after it was signed',
  U: 'it is signed by a key that is not trusted',
  X: 'the signature has expired',
  Y: 'it is signed by a key that has expired',
  R: 'it is signed by a key that was revoked',
  E: 'the signature cannot be checked',
  N: 'it is not signed',
};

const FIELDS = ['%H', '%G?', '%GS', '%GF', '%ct', '%an'] as const;

/** Clocks of machines that keep them need not agree to the second. */
export const CLOCKS_MS = 5 * 60_000;

/** Signatures of other kinds count for nothing: keys that a keyring of this machine trusts were not named here. */
const OTHER_KEYS = ['gpg', 'gpg.openpgp', 'gpg.x509'].flatMap((kind) => ['-c', `${kind}.program=false`]);

/** Who is trusted to sign: a file of allowed signers, or the public key that belongs to the configured one. */
export type Trust = { readonly allowedSigners: string } | { readonly signingKeyFile: string };

/** A file of allowed signers for the time of `work`. @throws AppError `USAGE` when the public key cannot be read */
export async function withSigners<T>(trust: Trust, work: (file: string) => Promise<T>): Promise<T> {
  if ('allowedSigners' in trust) return work(trust.allowedSigners);
  const path = `${trust.signingKeyFile}.pub`;
  let key: string;
  try {
    key = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new AppError('USAGE', `the public key ${path} cannot be read`, {
      hint:
        `Create it with: ssh-keygen -y -f ${trust.signingKeyFile} > ${path}; ` +
        'or name a file of trusted keys with --allowed-signers',
      cause,
    });
  }
  const folder = temporaryFolder('signers');
  try {
    const file = join(folder, 'allowed_signers');
    // The holder of the key may sign in any name: the commit names its author, the signature its maker.
    writeFileSync(file, `* namespaces="git,${RECEIPT_NAMESPACE}" ${key}\n`);
    return await work(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether a file of allowed signers has keys that are valid for a time only. */
export function hasTimes(file: string): boolean {
  return /^[^#\r\n\u2028\u2029]*\bvalid-(?:after|before)=/im.test(readFileSync(file, 'utf8'));
}

/**
 * What is wrong with the dates of commits: git checks a key's time against the date of its commit, which whoever signs
 * it chooses. By commit, oldest first.
 */
function wrongDates(
  commits: readonly { readonly id: string; readonly time: number }[],
  now: Date,
): Map<string, string> {
  const wrong = new Map<string, string>();
  let latest = Number.NEGATIVE_INFINITY;
  for (const { id, time } of commits) {
    if (time > now.getTime() + CLOCKS_MS) wrong.set(id, 'it is dated in the future: its key may not be valid by then');
    else if (time < latest - CLOCKS_MS)
      wrong.set(id, 'it is dated before a commit that it follows: its key may be no longer valid');
    else latest = Math.max(latest, time);
  }
  return wrong;
}

/** Whether the signatures prove all that was asked. */
export function isProved({ faults, cut, forged, uncommitted }: SignatureReport): boolean {
  return [faults, forged, uncommitted].every(({ length }) => length === 0) && cut === null;
}

/**
 * Checks that every commit that touches the account folders was signed by a trusted key, that none is missing, and that
 * the folders are as the last one has them.
 * @param root folder of the repository
 * @param folders the accounts' folders
 * @param after a commit, branch or tag: only what came after it (`undefined`: from the beginning)
 * @throws AppError `USAGE` for a commit that does not exist, GitFailure
 */
export async function verifySignatures(
  git: Git,
  root: string,
  folders: readonly string[],
  trust: Trust,
  after: string | undefined,
  now: Date,
): Promise<SignatureReport> {
  let range = 'HEAD';
  if (after !== undefined) {
    const from = (await git.ask(['rev-parse', '--verify', '--quiet', '--end-of-options', `${after}^{commit}`]))?.trim();
    if (!from) {
      throw new AppError('USAGE', `--signed-after: ${after} is not a commit, branch or tag of the mirror`, {
        hint: 'git log --oneline shows the commits',
      });
    }
    range = `${from}..HEAD`;
  }
  const { out, timed } = await withSigners(trust, async (file) => ({
    timed: hasTimes(file),
    out: await git.run([
      '-c',
      'gpg.format=ssh',
      '-c',
      `gpg.ssh.allowedSignersFile=${file}`,
      ...OTHER_KEYS,
      'log',
      '--first-parent',
      '--no-show-signature',
      logFormat(FIELDS),
      '--end-of-options',
      range,
      '--',
      ...folders.map((folder) => `${folder}/`),
    ]),
  }));
  const commits = logRecords(out, FIELDS.length).map(({ values }) => {
    const [id = '', state = '', signer = '', print = '', seconds, author = ''] = values;
    return { id, state, signer, print, time: Number(seconds) * 1000, author };
  });
  const dates = timed ? wrongDates(commits.toReversed(), now) : new Map<string, string>();
  const signers = new Set<string>();
  const faults: Unsigned[] = [];
  for (const { id, state, signer, print, time, author } of commits) {
    const problem = state === 'G' ? dates.get(id) : (PROBLEMS[state] ?? PROBLEMS.E ?? '');
    if (problem === undefined) signers.add(signer === '' || signer === '*' ? print : signer);
    else faults.push({ commit: id, time: new Date(time).toISOString(), author, problem });
  }
  return {
    commits: commits.length,
    good: commits.length - faults.length,
    signers: [...signers].sort(),
    faults,
    cut: (await readCut(git, range)) ?? null,
    forged: await findForged(git, root),
    uncommitted: await uncommittedIn(git, root, folders),
  };
}
