import { createHash, createHmac, hash } from 'node:crypto';
import stableStringify from 'fast-json-stable-stringify';
import type { Json } from './json.ts';
import type { Normalised } from './normalise.ts';

/** Hash that git names its objects by. */
export type ObjectFormat = 'sha1' | 'sha256';

/** Short fingerprint of bytes, for the cache: 22 characters, 128 bits. */
export function digestOf(data: Buffer | string): string {
  // Cut before it becomes text: a slice of a string keeps the complete string in memory.
  return hash('sha256', data, 'buffer').toString('base64url', 0, 16);
}

/** Fingerprint of what a person configured: the same for two documents that differ in order or noise only. */
export function digestOfDocument(normalised: Normalised): string {
  // Side texts are still in the document; where they will go is part of the layout, not of the content.
  return digestOf(stableStringify(normalised.doc as Json));
}

/** The name git gives to a file with this text. */
export function blobOid(text: string, format: ObjectFormat): string {
  const bytes = Buffer.from(text, 'utf8');
  return createHash(format).update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

/** Fingerprints of credentials under one mirror's key: a change shows, the value does not. */
export function createFingerprint(key: string): (secret: string) => string {
  return (secret) => createHmac('sha256', key).update(secret, 'utf8').digest('hex').slice(0, 12);
}
