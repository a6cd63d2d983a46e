import { preAuthEncoding, readEnvelope } from '../../core/dsse.ts';
import { BINDING_FILE } from '../../core/layout.ts';
import { tipOf } from '../../git/commits.ts';
import type { Git } from '../../git/git.ts';
import { findCommit } from '../../git/object-reader.ts';
import { readCut } from '../../history/commits.ts';
import { RECEIPT_NAMESPACE, readStatement, type Statement } from './receipt.ts';
import { CLOCKS_MS, hasTimes, type Trust, withSigners } from './signatures.ts';
import { fingerprintIn, verifySsh } from './ssh-signatures.ts';

/** Why a receipt is refused. */
export type ReceiptRefusal =
  /** No receipt, or one whose bytes are not as they were written. */
  | 'malformed'
  | 'unsigned'
  /** What it states, or its signature, was changed after it was signed. */
  | 'altered'
  /** The key is not trusted, or not at that time. */
  | 'untrusted'
  /** The key is trusted for something else, such as commits. */
  | 'otherUse'
  /** Its times cannot be right. */
  | 'dated'
  /** The commit is not in the history of the mirror. */
  | 'unknownCommit'
  /** The history of this clone is cut: it may be before that. */
  | 'cut'
  /** The commit does not hold the account that the receipt names. */
  | 'otherSubject';

/** What a receipt is worth. */
export interface ReceiptReport {
  /** Absent for a file that states nothing. */
  readonly statement?: Statement;
  /** Who signed it, as the trusted keys name them, and the fingerprint of the key. */
  readonly signer?: { readonly principal: string; readonly key: string };
  readonly refusal?: { readonly reason: ReceiptRefusal; readonly detail: string; readonly remedy?: string };
}

interface ReceiptInput {
  readonly text: string;
  readonly git: Git;
  readonly trust: Trust;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: Date;
}

type Found = NonNullable<ReceiptReport['refusal']>;

function refuse(reason: ReceiptRefusal, detail: string, remedy?: string): { readonly refusal: Found } {
  return { refusal: { reason, detail, ...(remedy === undefined ? {} : { remedy }) } };
}

/**
 * Checks a receipt: its bytes, its signature by a trusted key, and that the commits that it names are in the history of
 * the mirror. The first reason against it is its refusal.
 * @throws AppError where the keys cannot be read or ssh-keygen cannot be run, GitFailure
 */
export async function verifyReceipt(input: ReceiptInput): Promise<ReceiptReport> {
  const envelope = readEnvelope(input.text);
  const statement = envelope && readStatement(envelope);
  if (!envelope || !statement) {
    const detail = 'it is not a receipt as celigo-mirror writes it: this is another file, or its bytes were changed';
    return refuse('malformed', detail);
  }
  const [signature, ...more] = envelope.signatures;
  if (!signature) {
    const remedy = 'Set repository.signingKeyFile, and drill again';
    return { statement, ...refuse('unsigned', 'it is not signed: anyone may have written it', remedy) };
  }
  const key = fingerprintIn(signature.sig);
  if (more.length > 0 || key !== signature.keyid) {
    const detail = 'the signature was changed: it is not of the key that the receipt names';
    return { statement, ...refuse('altered', detail) };
  }
  const bytes = preAuthEncoding(envelope.payloadType, envelope.payload);
  const at = new Date(statement.predicate.finishedAt);
  const verdict = await withSigners(input.trust, (allowedSigners) =>
    verifySsh({
      sig: signature.sig,
      namespace: RECEIPT_NAMESPACE,
      bytes,
      allowedSigners,
      at: hasTimes(allowedSigners) ? at : undefined,
      env: input.env,
    }),
  );
  if (verdict.state === 'bad') {
    const detail = `it was changed after it was signed, or the signature is of something else (key ${key})`;
    return { statement, ...refuse('altered', detail) };
  }
  if (verdict.state === 'untrusted')
    return {
      statement,
      ...refuse('untrusted', `it is signed by a key that is not trusted for ${at.toISOString()}: ${key}`),
    };
  const signer = { principal: verdict.principal, key };
  if (verdict.state === 'otherUse') {
    const detail = `it is signed by a key that is trusted for other uses only: ${key}`;
    const remedy = `Allow it in the file of trusted keys: namespaces="git,${RECEIPT_NAMESPACE}"`;
    return { statement, signer, ...refuse('otherUse', detail, remedy) };
  }
  return { statement, signer, ...(await subjectRefusal(input, statement)) };
}

/** What is wrong with the commits and times of a statement. @throws GitFailure */
async function subjectRefusal(
  { git, now }: ReceiptInput,
  { subject, predicate }: Statement,
): Promise<{ readonly refusal?: Found }> {
  const finished = Date.parse(predicate.finishedAt);
  if (finished > now.getTime() + CLOCKS_MS)
    return refuse('dated', `it says that the drill ended in the future: ${predicate.finishedAt}`);
  for (const { name, digest } of subject) {
    const { gitCommit: id } = digest;
    const found = await findCommit(git, id);
    if (found?.id !== id || (await git.ask(['merge-base', '--is-ancestor', id, 'HEAD'])) === undefined) {
      const cut = await readCut(git, 'HEAD');
      const lacks = `commit ${id} is not in the history of this mirror`;
      if (cut)
        return refuse('cut', `${lacks}, and that of this clone begins with ${cut.commit.slice(0, 12)}`, cut.remedy);
      return refuse('unknownCommit', lacks, 'Fetch the newest history, or name the mirror that the receipt is about');
    }
    const account = await git.find([`${id}:${name}/${BINDING_FILE}`]);
    if (account.length === 0) return refuse('otherSubject', `commit ${id} does not hold the account ${name}`);
    if (finished < tipOf(found).time.getTime() - CLOCKS_MS)
      return refuse('dated', `it says that the drill ended before commit ${id.slice(0, 12)} was made`);
  }
  const stated = new Set(predicate.accounts.map(({ account }) => account));
  const other = subject.find(({ name }) => !stated.has(name));
  return other ? refuse('otherSubject', `it states nothing about the account ${other.name}, which is its subject`) : {};
}
