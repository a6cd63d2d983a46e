import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { messageOf } from '../core/errors.ts';
import { TooLong } from '../net/exchange.ts';
import { ApiError } from './errors.ts';

/** Value of `Accept-Encoding`: what {@link decodersOf} understands. */
export const ACCEPTED_CODINGS = 'gzip, deflate, br';
/** Codings on top of each other. */
const MOST_CODINGS = 3;

/** Fewer and larger pieces than the default. Bytes. */
const OPTIONS = { chunkSize: 64 * 1024 };

function decoderOf(coding: string, first: Buffer | undefined): Transform | undefined {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip(OPTIONS);
    case 'deflate':
      // With the header of zlib as RFC 9110 wants it, or without as some servers send it.
      return first && ((first[0] ?? 0) & 0x0f) !== 8 ? createInflateRaw(OPTIONS) : createInflate(OPTIONS);
    case 'br':
      return createBrotliDecompress(OPTIONS);
    default:
      return undefined;
  }
}

/**
 * What takes off the codings that `Content-Encoding` names, in order.
 * @param first bytes of the body
 * @throws ApiError (final) for an unknown coding, or too many of them
 */
export function decodersOf(header: string | string[] | undefined, first: Buffer): readonly Transform[] {
  if (header === undefined) return [];
  const codings = String(header)
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length > MOST_CODINGS)
    throw new ApiError(`the body is compressed ${codings.length} times`, { transient: false });
  return codings.reverse().map((coding, i) => {
    const decoder = decoderOf(coding, i === 0 ? first : undefined);
    if (decoder) return decoder;
    const name = JSON.stringify(coding.slice(0, 40));
    const text = `the body has the unknown Content-Encoding ${name}; the request accepts ${ACCEPTED_CODINGS}`;
    throw new ApiError(text, { transient: false });
  });
}

/** Why the body of an answer to `what` could not be unpacked. */
export function damageError(what: string, header: string | string[] | undefined, cause: Error): ApiError {
  if (cause instanceof ApiError) return new ApiError(`${what}: ${cause.message}`, { transient: false });
  if (cause instanceof TooLong)
    return new ApiError(`${what}: the body ${cause.message} (maxResponse)`, { transient: false, cause });
  const text = `${what}: the body is not valid ${String(header).slice(0, 40)} (${messageOf(cause)})`;
  return new ApiError(text, { transient: true, cause });
}
