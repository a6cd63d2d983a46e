import { createHmac, hash } from 'node:crypto';

/** Hash that git names its objects by. */
export type ObjectFormat = 'sha1' | 'sha256';

/** Bytes of an object's id; as text it has twice as many characters. */
export function oidBytes(format: ObjectFormat): number {
  return format === 'sha256' ? 32 : 20;
}

/** The id that git writes for an object that is not there. */
export function absentOid(format: ObjectFormat): string {
  return '0'.repeat(2 * oidBytes(format));
}

/** Short fingerprint of bytes, for the cache: 22 characters, 128 bits. */
export function digestOf(data: Buffer | string): string {
  // Cut before it becomes text: a slice of a string keeps the complete string in memory.
  return hash('sha256', data, 'buffer').toString('base64url', 0, 16);
}

/** The name git gives to a file with this text, or these bytes. */
export function blobOid(text: string | Buffer, format: ObjectFormat): string {
  if (typeof text !== 'string') return hash(format, Buffer.concat([Buffer.from(`blob ${text.length}\0`), text]));
  return hash(format, `blob ${Buffer.byteLength(text, 'utf8')}\0${text}`);
}

/** Fingerprints of credentials under one mirror's key: a change shows, the value does not. */
export function createFingerprint(key: string): (secret: string) => string {
  return (secret) => createHmac('sha256', key).update(secret, 'utf8').digest('hex').slice(0, 12);
}
