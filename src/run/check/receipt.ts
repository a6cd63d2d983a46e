import * as z from 'zod';
import { type Envelope, preAuthEncoding, renderEnvelope } from '../../core/dsse.ts';
import { type DrillTarget, isRestorable, type TimedDrill } from './drill-report.ts';
import { fingerprintIn, signSsh } from './ssh-signatures.ts';

/** A receipt of a drill: an in-toto Statement v1 in a DSSE envelope (docs/evidence.md). */

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PREDICATE_TYPE = 'https://git.example/celigo-mirror/celigo-mirror/attestation/drill/v1';
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
/** What keys are asked to sign: a signature of a commit is none of a receipt. */
export const RECEIPT_NAMESPACE = 'drill-receipt@celigo-mirror';

/** Never part of a receipt: what the drill did not touch. */
const PROVES_NOT = [
  'that the mirror holds everything that the account held: see celigo-mirror doctor and the commits of incomplete runs',
  'that the needed credentials are known to anyone: see celigo-mirror secrets check',
];
const EMULATED = 'that the API accepts each write today: the built-in emulator follows its documentation';

const finding = z.object({ what: z.string(), title: z.string(), why: z.string() });
const ACCOUNT = z.string().regex(/^[a-z0-9-]+$/);
const count = z.number().int().min(0);

const drilled = z.object({
  account: ACCOUNT,
  target: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('emulator') }),
    z.object({ kind: z.literal('account'), name: z.string(), baseUrl: z.string() }),
  ]),
  result: z.enum(['passed', 'failed']),
  documents: count,
  restored: count,
  types: z.record(z.string(), z.object({ documents: count, restored: count })),
  warnings: z.array(finding),
  explained: z.array(finding),
  unexplained: z.array(finding),
  needed: z.object({
    credentials: count,
    signIns: count,
    connections: z.array(z.string()),
    flows: z.array(z.string()),
  }),
  requests: count,
  durationMs: z.number(),
  /** Of an account of the configuration: what became of what was made there. */
  cleanUp: z.object({ deleted: count, kept: z.boolean(), left: count }).optional(),
  restoreTime: z.object({ requests: count, atRateMs: z.number(), atLimitMs: z.number() }),
});

const statement = z.object({
  _type: z.literal(STATEMENT_TYPE),
  subject: z
    .array(
      z.object({ name: ACCOUNT, digest: z.object({ gitCommit: z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/) }) }),
    )
    .min(1),
  predicateType: z.literal(PREDICATE_TYPE),
  predicate: z.object({
    program: z.object({ name: z.literal('celigo-mirror'), version: z.string() }),
    startedAt: z.iso.datetime(),
    finishedAt: z.iso.datetime(),
    result: z.enum(['passed', 'failed']),
    accounts: z.array(drilled).min(1),
    proves: z.array(z.string()),
    provesNot: z.array(z.string()),
  }),
});

/** What a receipt states. Its subjects are the commits that were restored, one an account. */
export type Statement = z.output<typeof statement>;

/** Where a drill restored to, in words. */
export function targetText(target: DrillTarget): string {
  return target.kind === 'emulator' ? 'the built-in emulator' : `the account ${target.name} (${target.baseUrl})`;
}

function provedBy({ account, commit, target, documents, restored }: TimedDrill): string {
  return (
    `${restored} of ${documents} resources of ${account}, as commit ${commit} holds them, were restored into ` +
    `${targetText(target)} and were the same when read again, except for ids and credentials`
  );
}

/** What drills showed, as a statement. @param at when they began and ended @param version of this program */
export function statementOf(
  drills: readonly TimedDrill[],
  at: { readonly startedAt: Date; readonly finishedAt: Date },
  version: string,
): Statement {
  const resultOf = (drill: TimedDrill): 'passed' | 'failed' => (isRestorable(drill) ? 'passed' : 'failed');
  return {
    _type: STATEMENT_TYPE,
    subject: drills.map(({ account, commit }) => ({ name: account, digest: { gitCommit: commit } })),
    predicateType: PREDICATE_TYPE,
    predicate: {
      program: { name: 'celigo-mirror', version },
      startedAt: at.startedAt.toISOString(),
      finishedAt: at.finishedAt.toISOString(),
      result: drills.every(isRestorable) ? 'passed' : 'failed',
      accounts: drills.map((drill) => {
        const { account, target, documents, restored, types, warnings, explained, unexplained, coverage } = drill;
        const { credentials, signIns, connections, flows } = coverage;
        const { requests, durationMs, restoreTime, cleanUp } = drill;
        const left = cleanUp && { deleted: cleanUp.deleted, kept: cleanUp.kept, left: cleanUp.left.length };
        return {
          ...{ account, target, result: resultOf(drill), documents, restored, types },
          warnings: [...warnings],
          explained: [...explained],
          unexplained: [...unexplained],
          needed: { credentials, signIns, connections: [...connections], flows: [...flows] },
          ...{ requests, durationMs, restoreTime, ...(left ? { cleanUp: left } : {}) },
        };
      }),
      proves: drills.map(provedBy),
      provesNot: [...(drills.some(({ target }) => target.kind === 'emulator') ? [EMULATED] : []), ...PROVES_NOT],
    },
  };
}

/** The statement in an envelope; `undefined` where it is none of ours. */
export function readStatement({ payloadType, payload }: Envelope): Statement | undefined {
  if (payloadType !== PAYLOAD_TYPE) return undefined;
  try {
    const read = statement.safeParse(JSON.parse(payload.toString('utf8')));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A statement as a file, signed where there is a key.
 * @param clean takes out what must not be written @throws AppError where the key cannot sign
 */
export async function sealReceipt(
  stated: Statement,
  signingKeyFile: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  clean: (text: string) => string,
): Promise<string> {
  const envelope = { payloadType: PAYLOAD_TYPE, payload: Buffer.from(clean(JSON.stringify(stated))), signatures: [] };
  if (signingKeyFile === undefined) return renderEnvelope(envelope);
  const signed = preAuthEncoding(envelope.payloadType, envelope.payload);
  const sig = await signSsh(signingKeyFile, RECEIPT_NAMESPACE, signed, env);
  return renderEnvelope({ ...envelope, signatures: [{ keyid: fingerprintIn(sig) ?? '', sig }] });
}
