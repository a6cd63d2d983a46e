/** A signed statement on its way: the Dead Simple Signing Envelope, version 1 (github.com/secure-systems-lab/dsse). */

/** A signature of an envelope. */
export interface EnvelopeSignature {
  /** Names the key; says nothing of its own. */
  readonly keyid: string;
  /** Base64 of the signature. */
  readonly sig: string;
}

export interface Envelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signatures: readonly EnvelopeSignature[];
}

/** What is signed: type and payload, each with its length before it, so that neither can be taken for the other. */
export function preAuthEncoding(payloadType: string, payload: Buffer): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload]);
}

/** The envelope as a file. */
export function renderEnvelope({ payloadType, payload, signatures }: Envelope): string {
  return `${JSON.stringify({ payloadType, payload: payload.toString('base64'), signatures }, null, 2)}\n`;
}

function isSignature(value: unknown): value is EnvelopeSignature {
  const { keyid, sig } = (value ?? {}) as Record<string, unknown>;
  // Programs that read base64 pass over spaces and line breaks.
  return typeof keyid === 'string' && typeof sig === 'string' && Buffer.from(sig, 'base64').toString('base64') === sig;
}

/**
 * An envelope as {@link renderEnvelope} wrote it. Anything else is none: no byte of such a file may differ, not even
 * one that no signature covers.
 */
export function readEnvelope(text: string): Envelope | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { payloadType, payload, signatures } = (value ?? {}) as Record<string, unknown>;
  if (typeof payloadType !== 'string' || typeof payload !== 'string' || !Array.isArray(signatures)) return undefined;
  if (!signatures.every(isSignature)) return undefined;
  const bytes = Buffer.from(payload, 'base64');
  const envelope = { payloadType, payload: bytes, signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig })) };
  return renderEnvelope(envelope) === text ? envelope : undefined;
}
