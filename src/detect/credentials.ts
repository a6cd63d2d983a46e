import { lintSource } from '@secretlint/core';
import { creator } from '@secretlint/secretlint-rule-preset-recommend';

/** A credential in a text. Never holds the credential itself. */
export interface Credential {
  /** What it looks like: `AWS secret access key`, `private key`, … */
  readonly kind: string;
  /** Where it stands, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

const RULES = [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: creator }];

/** Names of the known formats that people would not guess from secretlint's own. */
const KINDS: Readonly<Record<string, string>> = {
  BasicAuth: 'password in a URL',
  PrivateKey: 'private key',
};

/** A literal that a name calls a credential: `apiKey = "…"`, `"client_secret": "…"`. */
const ASSIGNED =
  /(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|access[_-]?token|auth[_-]?token|api[_-]?token|client[_-]?secret|bearer)["'`]?\s*[:=]\s*["'`]([^"'`{}$<>\s]{8,200})["'`]/gi;

/** Formats that secretlint's preset leaves out. */
const FORMATS: readonly { readonly kind: string; readonly pattern: RegExp }[] = [
  { kind: 'JSON Web Token', pattern: /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g },
  { kind: 'private key', pattern: /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/g },
  { kind: 'bearer token', pattern: /\bBearer\s+[A-Za-z0-9._~+/-]{16,}=*/g },
  { kind: 'basic authorisation', pattern: /\bBasic\s+[A-Za-z0-9+/]{16,}={0,2}(?![A-Za-z0-9+/])/g },
  { kind: 'Stripe key', pattern: /\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}/g },
];

/** Bits of information a character: words of a language stay below about 3. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** Whether a value is one that a machine or a careful person made, and not a word, a field's name or a placeholder. */
function looksSecret(value: string): boolean {
  return (
    value.length >= 8 &&
    !/[\s{}<>$]/.test(value) &&
    /\d/.test(value) &&
    /[A-Za-z]/.test(value) &&
    !/^\*+$|^x+$|example|placeholder|changeme/i.test(value) &&
    !/^https?:/.test(value) &&
    !/^[0-9a-f]{24}$/.test(value) &&
    entropy(value) >= 2.8
  );
}

/**
 * Finds credentials in code or configuration by their formats (secretlint's recommended rules and a few more) and by the
 * names that they are given to. Handlebars expressions are not credentials.
 */
export async function findCredentials(text: string): Promise<Credential[]> {
  const found: Credential[] = [];
  const add = (kind: string, start: number, end: number): void => {
    if (text.slice(start, end).includes('{{')) return;
    if (found.some((other) => start < other.end && other.start < end)) return;
    found.push({ kind, start, end });
  };
  const { messages } = await lintSource({
    source: { filePath: 'text', content: text, ext: '', contentType: 'text' },
    options: { config: { rules: RULES }, maskSecrets: true },
  });
  for (const { messageId, range } of messages) {
    add(KINDS[messageId] ?? messageId.replace(/_/g, ' '), range[0], range[1]);
  }
  for (const { kind, pattern } of FORMATS) {
    for (const match of text.matchAll(pattern)) add(kind, match.index, match.index + match[0].length);
  }
  for (const match of text.matchAll(ASSIGNED)) {
    const value = match[1] ?? '';
    if (looksSecret(value)) add('value of a credential', match.index, match.index + match[0].length);
  }
  return found.sort((a, b) => a.start - b.start);
}
