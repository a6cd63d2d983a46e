import type { JsonObject } from '../../core/json.ts';
import { sandboxed } from './build.ts';
import { credentials } from './credentials.ts';
import { createdAt, ids } from './ids.ts';

type Element = JsonObject;

/** One segment of an EDI message with its elements, named after the segment. */
function segment(name: string, elements: readonly Element[], more: JsonObject = {}): JsonObject {
  return {
    name,
    maxOccurrence: 1,
    elements: elements.map((element, index) => ({ name: `${name}${String(index + 1).padStart(2, '0')}`, ...element })),
    ...more,
  };
}

const value = (text: string): Element => ({ value: text });
const any: Element = {};
const fixed = (length: number): Element => ({ required: true, minLength: length, maxLength: length });

/** The envelope of an X12 message: ISA and GS around the transaction sets. */
function envelope(group: string, set: string, children: readonly JsonObject[]): readonly JsonObject[] {
  const transaction = segment('ST', [value(set), any], {
    maxOccurrence: 500,
    container: 'records',
    children,
    closeRule: segment('SE', [any, any]),
  });
  return [
    segment('ISA', [value('00'), any, value('00'), any, any, fixed(15), any, fixed(15)], {
      required: true,
      children: [segment('GS', [value(group), any, any], { children: [transaction], closeRule: segment('GE', [any]) })],
      closeRule: segment('IEA', [any, any]),
    }),
  ];
}

function x12(
  id: string,
  name: string,
  globalId: string,
  rules: readonly JsonObject[],
  more: JsonObject = {},
): JsonObject {
  return sandboxed(id, {
    name,
    description: '',
    version: '1',
    format: 'delimited/x12',
    globalId,
    delimited: { rowSuffix: '~', rowDelimiter: '\n', colDelimiter: '*', compositeDelimiter: ':' },
    strict: false,
    rules,
    ...more,
  });
}

export const fileDefinitions: readonly JsonObject[] = [
  x12(
    ids.fileDefinitions.order850,
    'X12 850 purchase order (4010)',
    '7d0c31aa-0850-4010-8000-00000000fjr1',
    envelope('PO', '850', [
      segment('BEG', [value('00'), any, { required: true }, any, any]),
      segment('REF', [any, any], { maxOccurrence: 20 }),
      segment('N1', [any, any, any, any], { maxOccurrence: 10, children: [segment('N4', [any, any, any])] }),
      segment('PO1', [any, { type: 'number' }, any, { type: 'number' }, any, any, any], { maxOccurrence: 9999 }),
    ]),
  ),
  x12(
    ids.fileDefinitions.shipNotice856,
    'X12 856 ship notice (4010)',
    '7d0c31aa-0856-4010-8000-00000000fjr2',
    envelope('SH', '856', [
      segment('BSN', [value('00'), any, any, any]),
      segment('TD1', [any, any, any, any, any, any, any, value('GR')]),
      segment('LIN', [any, value('EN'), any], {
        maxOccurrence: 9999,
        children: [segment('SN1', [any, any, value('EA')])],
      }),
    ]),
    { strict: true },
  ),
  x12(
    ids.fileDefinitions.ack997,
    'X12 997 acknowledgement',
    '7d0c31aa-0997-4010-8000-00000000fjr3',
    envelope('FA', '997', [segment('AK1', [any, any]), segment('AK9', [any, any, any, any])]),
    { documentType: '997' },
  ),
  sandboxed(ids.fileDefinitions.desadv, {
    name: 'Møller label file (fixed width)',
    description: 'Not EDI: one line of 48 characters per label.',
    version: '2',
    format: 'fixed',
    fixed: { rowDelimiter: '\r\n', paddingCharacter: ' ' },
    strict: false,
    rules: [
      {
        name: 'LABEL',
        maxOccurrence: 9999,
        elements: [
          { name: 'sscc', length: 20 },
          { name: 'article', length: 18 },
          { name: 'count', length: 10, type: 'number' },
        ],
      },
    ],
  }),
];

function x12Profile(id: string, name: string, partner: string, group: string, more: JsonObject): JsonObject {
  return sandboxed(id, {
    name,
    description: '',
    fileType: 'edix12',
    tpInterchangeId: partner.padEnd(15),
    myInterchangeId: 'FJELLRAND'.padEnd(15),
    tpIdQualifier: 'ZZ',
    myIdQualifier: '14',
    tpGroupId: group,
    myGroupId: 'FJR',
    controlNumber: 1204,
    isa01: '00',
    isa02: ' '.repeat(10),
    isa03: '00',
    isa04: ' '.repeat(10),
    isa11: 'U',
    isa12: '00401',
    isa14: '0',
    isa15: 'P',
    isa16: ':',
    gs07: 'X',
    gs08: '004010',
    ...more,
  });
}

export const ediProfiles: readonly JsonObject[] = [
  x12Profile(ids.ediProfiles.hartmann, 'Hartmann & Söhne X12', 'HARTMANN', 'HARTM', {
    isa01: '03',
    isa02: credentials.isaAuthorisation,
    isa03: '01',
    isa04: credentials.isaSecurity,
  }),
  x12Profile(ids.ediProfiles.moller, 'Møller Sport X12', 'MOLLERSPORT', 'MOLL', { controlNumber: 87, isa15: 'T' }),
  sandboxed(ids.ediProfiles.nordvik, {
    name: 'Nordvik EDIFACT (planned)',
    description: 'Agreed, not in use yet.',
    fileType: 'edifact',
    tpInterchangeId: '5790001330552'.padEnd(15),
    myInterchangeId: '7080005048215'.padEnd(15),
    tpIdQualifier: '14',
    myIdQualifier: '14',
    controlNumber: 1,
    unb010_0001: 'UNOC',
    unb010_0002: '3',
  }),
];

function partnerConnector(id: string, name: string, preset: string): JsonObject {
  return {
    ...sandboxed(id, { name, published: false, helpURL: `https://wiki.fjellrand.example.com/edi/${preset}` }),
    supportedBy: {
      ediProfile: { preConfiguredFields: [{ path: 'isa12', values: ['00401'] }] },
      export: { preConfiguredFields: [] },
      import: { preConfiguredFields: [] },
      connection: {
        preConfiguredFields: [{ path: 'ftp.type', values: ['sftp'] }],
        fieldsUserMustSet: [{ path: 'ftp.username' }],
      },
    },
  };
}

/** Two of the account and three of the public catalogue, which the same listing shows. */
export const partnerConnectors: readonly JsonObject[] = [
  partnerConnector(ids.partnerConnectors.hartmann, 'Hartmann & Söhne', 'hartmann'),
  partnerConnector(ids.partnerConnectors.moller, 'Møller Sport A/S', 'moller'),
  ...(
    [
      [ids.partnerConnectors.catalogueA, 'Greenleaf Markets'],
      [ids.partnerConnectors.catalogueB, 'Big Barn Stores'],
      [ids.partnerConnectors.catalogueC, 'Unterwegs Versand'],
    ] as const
  ).map(([id, name]) => ({
    _id: id,
    createdAt: createdAt(id),
    lastModified: createdAt(id),
    name,
    published: true,
    supportedBy: { connection: { preConfiguredFields: [{ path: 'as2.encrypt', values: ['true'] }] } },
  })),
];
