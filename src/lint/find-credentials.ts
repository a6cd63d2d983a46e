import { lintSource } from '@secretlint/core';
import { secretLintProfiler } from '@secretlint/profiler';
import { creator } from '@secretlint/secretlint-rule-preset-recommend';
import { type Credential, credentialsIn } from '../core/credential-text.ts';

const RULES = [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: creator }];

// The profiler keeps every mark and searches all of them at each new one: minutes for some thousand texts.
secretLintProfiler.mark = () => undefined;

/** Finds credentials in a text as {@link credentialsIn} does, and by secretlint's recommended rules. */
export async function findCredentials(text: string): Promise<Credential[]> {
  const found = credentialsIn(text);
  const { messages } = await lintSource({
    source: { filePath: 'text', content: text, ext: '', contentType: 'text' },
    options: { config: { rules: RULES }, maskSecrets: true },
  });
  for (const { messageId, range } of messages) {
    const [start, end] = range;
    if (text.slice(start, end).includes('{{')) continue;
    if (found.some((other) => start < other.end && other.start < end)) continue;
    found.push({ kind: messageId.replace(/_/g, ' '), start, end });
  }
  return found.sort((a, b) => a.start - b.start);
}
