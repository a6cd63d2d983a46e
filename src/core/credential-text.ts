/** A credential in a text. Never holds the credential itself. */
export interface Credential {
  /** What it looks like: `JSON Web Token`, `private key`, … */
  readonly kind: string;
  /** Where it stands, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

/** Formats that give themselves away, wherever they stand. */
const FORMATS: readonly { readonly kind: string; readonly pattern: RegExp }[] = [
  {
    kind: 'private key',
    pattern:
      /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----(?:[\s\S]{0,8000}?-----END (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----)?/g,
  },
  { kind: 'JSON Web Token', pattern: /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g },
  { kind: 'bearer token', pattern: /\bBearer\s+[A-Za-z0-9._~+/-]{16,}=*/g },
  { kind: 'basic authorisation', pattern: /\bBasic\s+[A-Za-z0-9+/]{16,}={0,2}(?![A-Za-z0-9+/])/g },
  {
    kind: 'password in a URL',
    pattern: /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@{}"'<>]+:[^\s/@{}"'<>]+@[^\s/"'<>]+/gi,
  },
  { kind: 'AWS access key id', pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g },
  { kind: 'Google API key', pattern: /\bAIza[A-Za-z0-9_-]{35}\b/g },
  { kind: 'GitHub token', pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,})/g },
  { kind: 'GitLab token', pattern: /\bglpat-[A-Za-z0-9_-]{18,}/g },
  { kind: 'Slack token', pattern: /\bxox[abeprs]-[A-Za-z0-9-]{10,}/g },
  { kind: 'Slack webhook', pattern: /\bhttps:\/\/hooks\.slack\.com\/services\/[A-Za-z0-9/]{20,}/g },
  { kind: 'Stripe key', pattern: /\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}/g },
  { kind: 'Shopify token', pattern: /\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b/g },
  { kind: 'SendGrid key', pattern: /\bSG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{30,}/g },
  { kind: 'npm token', pattern: /\bnpm_[A-Za-z0-9]{36}\b/g },
];

/** A literal that a name calls a credential: `apiKey = "…"`, `"client_secret": "…"`. */
const ASSIGNED =
  /(?:password|passwd|passphrase|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|access[_-]?token|auth[_-]?token|api[_-]?token|client[_-]?secret|bearer)["'`]?\s*[:=]\s*["'`]([^"'`{}$<>\s]{8,200})["'`]/gi;

/** Cheap test before all patterns: each of them needs one of these. */
const MAY_HOLD =
  /-----BEGIN|eyJ|bearer|basic\s|:\/\/[^\s/@]+@|AKIA|ASIA|AIza|gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|hooks\.slack|[rs]k_(?:live|test)|shp(?:at|ca|pa|ss)_|SG\.|npm_|passw|passphrase|pwd|secret|[_-]?key|token/i;

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
    /\d/.test(value) &&
    /[A-Za-z]/.test(value) &&
    !/example|placeholder|changeme|^x+$/i.test(value) &&
    !/^https?:/.test(value) &&
    !/^[0-9a-f]{24}$/.test(value) &&
    entropy(value) >= 2.8
  );
}

/**
 * Finds credentials in code or configuration by their formats and by the names that they are given to, in their order,
 * none within another. Handlebars expressions are not credentials.
 */
export function credentialsIn(text: string): Credential[] {
  if (!MAY_HOLD.test(text)) return [];
  const found: Credential[] = [];
  const add = (kind: string, start: number, end: number): void => {
    if (text.slice(start, end).includes('{{')) return;
    if (!found.some((other) => start < other.end && other.start < end)) found.push({ kind, start, end });
  };
  for (const { kind, pattern } of FORMATS) {
    for (const match of text.matchAll(pattern)) add(kind, match.index, match.index + match[0].length);
  }
  for (const match of text.matchAll(ASSIGNED)) {
    const value = match[1] ?? '';
    const end = match.index + match[0].length - 1;
    if (looksSecret(value)) add('value of a credential', end - value.length, end);
  }
  return found.sort((a, b) => a.start - b.start);
}
