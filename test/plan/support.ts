import fc from 'fast-check';
import { findType } from '../../src/catalogue/index.ts';
import type { ResourceType } from '../../src/catalogue/types.ts';
import type { Json, JsonObject } from '../../src/core/json.ts';
import { createNormaliser, type NormaliseOptions } from '../../src/core/normalise.ts';
import type { PlanInput } from '../../src/plan/planner.ts';
import type { LiveSecrets } from '../../src/plan/secrets.ts';
import type { Wanted } from '../../src/plan/types.ts';

export function type(dir: string): ResourceType {
  const found = findType(dir);
  if (!found) throw new Error(`no type ${dir}`);
  return found;
}

/** An id that says what it stands for: `id('f', 3)`. */
export function id(letter: string, n: number): string {
  return `${letter.charCodeAt(0).toString(16)}${n.toString(16).padStart(22, '0')}`;
}

export function wanted(dir: string, doc: JsonObject & { _id: string }): Wanted {
  return { type: type(dir), id: doc._id, title: String(doc.name ?? ''), path: `${dir}/x.${doc._id}.yaml`, doc };
}

/** A live document as a restore reads it: in the mirror's form, with what was taken out of it. */
export function read(type: ResourceType, raw: JsonObject, options: NormaliseOptions): Required<LiveSecrets> {
  const taken = new Map<string, string>();
  const fingerprint = (secret: string): string => {
    const print = options.fingerprint(secret);
    taken.set(print, secret);
    return print;
  };
  return { raw, doc: createNormaliser(type, { ...options, fingerprint })(raw).doc, taken };
}

/** What a plan within one account is made from: nothing is wanted and nothing is there, save what `own` says. */
export function planInput(own: Partial<PlanInput> = {}): PlanInput {
  return {
    account: 'prod',
    from: 'prod',
    target: { baseUrl: 'http://127.0.0.1', userId: id('u', 1) },
    state: { commit: '', date: '' },
    wanted: [],
    live: new Map(),
    ids: new Map(),
    exists: () => undefined,
    inState: () => false,
    supplied: () => new Map(),
    made: () => new Set(),
    enableFlows: false,
    sampleData: false,
    contested: [],
    deletions: [],
    dependents: [],
    users: [],
    replaced: new Map(),
    lends: () => true,
    endsInPath: () => false,
    precedents: () => [],
    versionOf: () => 'v',
    ...own,
  };
}

/** Documents with masks and placeholders of credentials anywhere. */
export const secretive: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('******', '****', 'plain', '', 'a****'),
    fc.integer(),
    fc.boolean(),
    fc.record({ $secret: fc.constantFrom('0123456789ab', 'ba9876543210') }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('http', 'auth', 'token', 'name', 'value', 'headers', 'a.b'), tie('value'), {
      maxKeys: 4,
    }),
  ),
})).value;

export const secretiveDocument: fc.Arbitrary<JsonObject> = fc
  .dictionary(fc.constantFrom('http', 'name', 'settings', 'type', 'webhook', 'list'), secretive, { maxKeys: 5 })
  .map((doc) => doc as JsonObject);
