import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { messageOf } from '../core/errors.ts';
import { sizeText } from '../net/exchange.ts';
import { ApiError } from './errors.ts';

/** Value of `Accept-Encoding`: what {@link decodeBody} understands. */
export const ACCEPTED_CODINGS = 'gzip, deflate, br';
/** Codings on top of each other. */
const MOST_CODINGS = 3;

const unpack = {
  gzip: promisify(gunzip),
  inflate: promisify(inflate),
  inflateRaw: promisify(inflateRaw),
  br: promisify(brotliDecompress),
};

type Decoder = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

function decoderOf(coding: string, body: Buffer): Decoder | undefined {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return unpack.gzip;
    case 'deflate':
      // With the header of zlib as RFC 9110 wants it, or without as some servers send it.
      return ((body[0] ?? 0) & 0x0f) === 8 ? unpack.inflate : unpack.inflateRaw;
    case 'br':
      return unpack.br;
    default:
      return undefined;
  }
}

/**
 * The body without the codings that `Content-Encoding` names.
 * @param most bytes of the result, and of every step to it
 * @param what names the request in messages
 * @throws ApiError (transient) for a body that is cut off or damaged, (final) for an unknown coding or a body too large
 */
export async function decodeBody(
  body: Buffer,
  header: string | string[] | undefined,
  most: number,
  what: string,
): Promise<Buffer> {
  if (header === undefined || body.length === 0) return body;
  const codings = String(header)
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length > MOST_CODINGS) {
    throw new ApiError(`${what}: the body is compressed ${codings.length} times`, { transient: false });
  }
  let out = body;
  for (const coding of codings.reverse()) {
    const decode = decoderOf(coding, out);
    if (!decode) {
      throw new ApiError(
        `${what}: the body has the unknown Content-Encoding ${JSON.stringify(coding.slice(0, 40))}; ` +
          `the request accepts ${ACCEPTED_CODINGS}`,
        { transient: false },
      );
    }
    try {
      out = await decode(out, { maxOutputLength: most });
    } catch (cause) {
      const tooLarge = cause instanceof RangeError;
      const reason = tooLarge
        ? `unpacks to more than ${sizeText(most)} (maxResponse)`
        : `is not valid ${coding} (${messageOf(cause)})`;
      throw new ApiError(`${what}: the body ${reason}`, { transient: !tooLarge, cause });
    }
  }
  return out;
}
