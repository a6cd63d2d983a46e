import { Script } from 'node:vm';
import type { FieldPath, ResourceType } from '../../catalogue/types.ts';
import type { MirrorDocument } from '../../core/documents.ts';
import { messageOf } from '../../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { secretOf } from '../../core/markers.ts';
import { valuesAt } from '../../core/paths.ts';
import { atPlace, covers, type Place, placeText } from '../../core/places.ts';
import { secretPlaces } from '../../core/secret-places.ts';
import { kindOfName } from '../../core/secret-words.ts';
import { isMask, labelOf } from '../../core/secrets.ts';

/** Whether the API is known to mask what is here, or a name shows that it is a credential. */
function isForCredentials(type: ResourceType, doc: JsonObject, place: Place): boolean {
  const { secrets = [], credentialTexts = [], unshown = {}, parameters = [] } = type;
  const known = [...secrets, ...credentialTexts, ...parameters, ...Object.keys(unshown)];
  const within = place.map((_, i) => place.slice(0, i + 1));
  if (type.holdsCredentials || known.some((path) => within.some((part) => covers(path, part)))) return true;
  const parent = atPlace(doc, place.slice(0, -1));
  const names = place.filter((step) => typeof step === 'string');
  return (
    names.some((name) => kindOfName(name) !== undefined) ||
    (isObject(parent) && place.length > 1 && place.at(-1) === 'value' && labelOf(parent) !== undefined)
  );
}

/** Places of masks in fields that are for no credential: what was there is in no mirror and in no vault. */
export function strayMasks({ type, doc }: MirrorDocument): string[] {
  return secretPlaces(doc)
    .filter(({ fingerprint, place }) => fingerprint === undefined && !isForCredentials(type, doc, place))
    .map(({ place }) => placeText(place));
}

function kindOf(value: Json): string {
  if (isArray(value)) return 'a list';
  return isObject(value) ? 'an object' : `a ${typeof value}`;
}

/** Every path of the type's rules, of which each part says what it is in. */
function pathsOf(type: ResourceType): FieldPath[] {
  const {
    secrets = [],
    volatile = [],
    hooks = [],
    refs = {},
    sets = {},
    sideFiles = {},
    defaults = {},
    restore,
  } = type;
  const { switches = [], late = [], immutable = [] } = restore;
  const named = [refs, sets, sideFiles, defaults].flatMap((rules) => Object.keys(rules));
  return [...new Set([...secrets, ...volatile, ...hooks, ...named, ...switches, ...late, ...immutable])];
}

/** What is not an object or a list although the rules of its type look into it: path → what it is. */
function shapesOf({ type, doc }: MirrorDocument): Map<string, string> {
  const wrong = new Map<string, string>();
  for (const path of pathsOf(type)) {
    const steps = path.split('.');
    for (let length = 1; length < steps.length; length++) {
      const part = steps.slice(0, length).join('.');
      const isList = part.endsWith('[]');
      for (const value of valuesAt(doc, isList ? part.slice(0, -2) : part)) {
        const fits = isList ? isArray(value) : isObject(value);
        if (fits || value === null || isMask(value) || secretOf(value) !== undefined) continue;
        wrong.set(part, `${part} is ${kindOf(value)}, not ${isList ? 'a list' : 'an object'}`);
      }
    }
  }
  return wrong;
}

/** `import` and `export`, which a script of no module has not. */
const MODULE_WORDS = /^[ \t]*(?:import\b[^;'"]*(?:from\s*)?(?:'[^']*'|"[^"]*");?|export\s+(?:default\s+)?)/gm;

/** Why a text is not JavaScript, if it is not; nothing of it is executed. */
export function syntaxFault(code: string): string | undefined {
  try {
    new Script(`(async function () {${code.replace(MODULE_WORDS, '')}\n})`);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function scriptsOf({ type, doc }: MirrorDocument): string[] {
  return Object.entries(type.sideFiles ?? {}).flatMap(([path, { extension, when }]) =>
    extension !== 'js' || when !== 'always'
      ? []
      : valuesAt(doc, path).flatMap((code) => {
          const fault = typeof code === 'string' ? syntaxFault(code) : undefined;
          return fault === undefined ? [] : [`${path} is not valid JavaScript, so it may be cut off: ${fault}`];
        }),
  );
}

/** What looks wrong in a document, although a server may take it: a sentence for each. */
export function doubtsOf(document: MirrorDocument): string[] {
  return [
    ...[...shapesOf(document).values()].map((what) => `may be refused by the API: ${what}`),
    ...scriptsOf(document),
  ];
}
