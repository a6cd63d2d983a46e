import { Lexer } from 'yaml';
import type { Json } from '../core/json.ts';
import { parseYaml } from '../core/yaml.ts';

/** Text with variables inside `{…}` or `[…]`, as the lexer splits it: each piece of plain text has a mark before it. */
const UNQUOTED = /\x1f((?:[^\x1f\n]*\$\{\x1f[A-Za-z_]\w*(?::-[^\x1f{}\n]*)?\}\x1f?)+[^\s,[\]{}]*)/g;
const MARKS = /[\x02\x18\x1f]/g;

/**
 * Reads YAML that a person writes with variables. In `{ token: ${NAME} }`, YAML takes the brace for a mapping where the
 * text is not in quotes; here it may be without.
 * @throws YamlError
 */
export function parseSettings(text: string): Json {
  const marked = text.includes('${') && !text.includes('\x1f') ? [...new Lexer().lex(text)].join('') : '';
  if (marked.search(UNQUOTED) < 0) return parseYaml(text);
  const quoted = marked.replace(UNQUOTED, (_all, held: string) => JSON.stringify(held.replace(MARKS, '')));
  return parseYaml(quoted.replace(MARKS, ''));
}
