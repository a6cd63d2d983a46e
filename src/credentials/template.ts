import { counted } from '../core/counted.ts';
import { partOf } from '../core/cut.ts';
import { placeOf } from '../core/places.ts';
import { oneLine } from '../core/unseen.ts';
import { type AccountGraph, nameOf } from '../graph/account-graph.ts';
import type { CredentialHolder, NeededCredential } from './needed.ts';

/** Most characters of a text of which a credential is a part. */
const LONGEST_TEXT = 100;

/** A text as a part of the name of a variable: capitals, digits and `_`. */
function word(text: string): string {
  return text
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
}

/** Of every variable: whoever names a resource `GitHub` must not get the `GITHUB_TOKEN` of whoever restores it. */
const PREFIX = 'RESTORE';

/** `RESTORE_SHOP_API_TOKEN`: the resource, and the last names on the way to the value. */
function variableFor(name: string, place: string): string {
  const steps = placeOf(place).map(String);
  if (steps.at(-1) === 'value') steps.pop();
  const last = steps.slice(/^\d+$/.test(steps.at(-1) ?? '') ? -2 : -1);
  return [PREFIX, word(name), ...last.map(word)].filter((part) => part !== '').join('_');
}

/** Gives each variable a name of its own. */
function distinct(): (name: string) => string {
  const used = new Set<string>();
  return (name) => {
    let own = name;
    for (let count = 2; used.has(own); count++) own = `${name}_${count}`;
    used.add(own);
    return own;
  };
}

/** A place as a key of YAML. */
function yamlKey(place: string): string {
  return /^[A-Za-z_][\w.[\]]*$/.test(place) ? place : JSON.stringify(place);
}

/**
 * A file for `--secrets` with every credential that a restore into an empty account needs, each as a variable. Those
 * that a person gets by signing in are there as comments.
 * @param title the first line, without `#`
 * @param ascii the letters of a name as ASCII, for names of variables
 */
export function credentialsTemplate(
  graph: AccountGraph,
  title: string,
  holders: readonly CredentialHolder[],
  ascii: (text: string) => string,
): string {
  const own = distinct();
  const lines = (name: string, { place, bySignIn, text }: NeededCredential): string[] => [
    ...(text === undefined
      ? []
      : [`  # The whole text, of which the mirror has: ${partOf(oneLine(text), 0, LONGEST_TEXT)}`]),
    `${bySignIn ? '  # ' : '  '}${yamlKey(place)}: \${${own(variableFor(ascii(name), place))}}`,
  ];
  const blocks = holders.flatMap((holder) => {
    const { key, credentials, signIn, flows } = holder;
    const name = oneLine(nameOf(graph, key));
    const enabled = flows.filter((flow) => flow.enabled).length;
    const waiting =
      enabled === 0 ? '' : `: ${counted(enabled, 'enabled flow')} ${enabled === 1 ? 'waits' : 'wait'} for it`;
    const isEmpty = credentials.every(({ bySignIn }) => bySignIn);
    return [
      '',
      `# ${name}${waiting}`,
      ...(signIn ? ['# A person signs in in the browser, or the tokens come from a vault.'] : []),
      ...(credentials.length > 0
        ? [`${isEmpty ? '# ' : ''}${key}:`, ...credentials.flatMap((one) => lines(name, one))]
        : []),
    ];
  });
  const head = [
    title,
    'Set the variables, or replace them by { exec: [program, argument] }, which is what that program prints.',
    'Then: celigo-mirror secrets check --secrets FILE, and celigo-mirror restore … --secrets FILE',
  ];
  return `${[...head.map((text) => `# ${text}`), ...blocks].join('\n')}\n`;
}
