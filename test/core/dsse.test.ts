import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { preAuthEncoding, readEnvelope, renderEnvelope } from '../../src/core/dsse.ts';
import { cases } from '../support/fuzz.ts';

const bytes = fc.uint8Array({ maxLength: 60 }).map((found) => Buffer.from(found));
const envelopes = fc.record({
  payloadType: fc.string(),
  payload: bytes,
  signatures: fc.array(fc.record({ keyid: fc.string(), sig: bytes.map((found) => found.toString('base64')) }), {
    maxLength: 2,
  }),
});

describe('an envelope', () => {
  it('is signed as DSSE describes it', () => {
    const signed = preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
    expect(signed.toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
    // Lengths count bytes.
    expect(preAuthEncoding('é', Buffer.from('ü')).toString()).toBe('DSSEv1 2 é 2 ü');
  });

  it('is read as it was written', () => {
    fc.assert(
      fc.property(envelopes, (envelope) => {
        expect(readEnvelope(renderEnvelope(envelope))).toEqual(envelope);
      }),
      cases(100),
    );
  });

  it('with any byte changed is none, or says something else', () => {
    fc.assert(
      fc.property(envelopes, fc.nat(), fc.integer({ min: 1, max: 255 }), (envelope, place, by) => {
        const text = Buffer.from(renderEnvelope(envelope));
        const at = place % text.length;
        text[at] = (text[at] ?? 0) ^ by;
        // What is no UTF-8 is read as another text.
        const read = readEnvelope(text.toString('utf8'));
        if (read) expect(read).not.toEqual(envelope);
      }),
      cases(100),
    );
  });

  it.each(['', 'null', '[]', '{}', '{"payloadType":"a","payload":"YQ","signatures":[]}'])('is not %j', (text) => {
    expect(readEnvelope(text)).toBeUndefined();
  });
});
