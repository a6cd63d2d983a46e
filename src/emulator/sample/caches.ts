import type { Json, JsonObject } from '../../core/json.ts';
import { sandboxed } from './build.ts';
import { hook, map, transform2 } from './expressions.ts';
import { ids } from './ids.ts';
import { people } from './people.ts';

type Entry = { readonly key: string; readonly value: Json };

/** Objects: the delivery zone of a postcode. */
const POSTCODES: readonly Entry[] = (
  [
    ['0150', 'Oslo', 'A', 1],
    ['0484', 'Oslo', 'A', 1],
    ['1383', 'Asker', 'A', 2],
    ['3015', 'Drammen', 'B', 2],
    ['4005', 'Stavanger', 'B', 2],
    ['5003', 'Bergen', 'A', 1],
    ['5020', 'Bergen', 'A', 1],
    ['6002', 'Ålesund', 'C', 3],
    ['7011', 'Trondheim', 'B', 2],
    ['8006', 'Bodø', 'D', 4],
    ['9008', 'Tromsø', 'D', 5],
    ['9170', 'Longyearbyen', 'E', 9],
    ['41103', 'Göteborg', 'B', 2],
    ['11120', 'Stockholm', 'B', 3],
    ['20095', 'Hamburg', 'C', 4],
    ['80331', 'München', 'C', 5],
  ] as const
).map(([key, city, zone, days]) => ({ key, value: { city, zone, days, express: days <= 2 } }));

/** Strings, numbers, booleans, lists and null, as they came from a spreadsheet. */
const SKUS: readonly Entry[] = [
  { key: 'TENT-2P', value: '7090012345012' },
  { key: 'TENT-4P', value: '7090012345029' },
  { key: 'SKI-164', value: 7090012345104 },
  { key: 'SKI-178', value: 7090012345111 },
  { key: 'SKI-190', value: null },
  { key: 'BOOT-42', value: ['7090012345203', '7090012345210'] },
  { key: 'BOOT-43', value: ['7090012345227'] },
  { key: 'SOCK-ULL-ÆRLIG', value: '7090012345302' },
  { key: 'STOVE/GAS', value: { gtin: '7090012345401', hazardous: true } },
  { key: 'SERVICE-GIFT-WRAP', value: false },
  { key: 'no', value: 'a key that YAML would like to read as a boolean' },
  { key: '007', value: 7 },
  { key: '1e3', value: 0.5 },
];

const CARRIERS: readonly Entry[] = [
  { key: 'Postbud', value: { code: 'PB', tracking: 'https://postbud.example.test/t/{{number}}', cutOff: '14:30' } },
  {
    key: 'Postbud locker',
    value: { code: 'PBL', tracking: 'https://postbud.example.test/t/{{number}}', cutOff: '15:00' },
  },
  { key: 'Nordfrakt', value: { code: 'NF', tracking: null, cutOff: '11:00' } },
  { key: 'Bike messenger 🚲', value: { code: 'BIKE', tracking: null, cutOff: '17:45' } },
  { key: 'collect', value: true },
];

export const lookupData: Readonly<Record<string, readonly Entry[]>> = {
  [ids.lookupCaches.postcodes]: POSTCODES,
  [ids.lookupCaches.skus]: SKUS,
  [ids.lookupCaches.carriers]: CARRIERS,
};

function cache(id: string, name: string, integration: string, entries: readonly Entry[], more: JsonObject): JsonObject {
  return sandboxed(id, {
    name,
    _userId: people.ingrid._id,
    _integrationId: integration,
    includeDataInTemplatesAndCloning: false,
    size: entries.length,
    sizeInMB: 0.01,
    ...more,
  });
}

export const lookupCaches: readonly JsonObject[] = [
  cache(ids.lookupCaches.postcodes, 'Delivery zone by postcode', ids.integrations.shop, POSTCODES, {
    description: 'Filled by the nightly snapshot flow.',
    includeDataInTemplatesAndCloning: true,
  }),
  cache(ids.lookupCaches.skus, 'GTIN by SKU', ids.integrations.shop, SKUS, {
    description: 'From the product team’s sheet.',
  }),
  cache(ids.lookupCaches.carriers, 'Carriers / tracking links', ids.integrations.warehouse, CARRIERS, {
    description: '',
  }),
];

const { exports } = ids;

/** The API shows no creation time for these. */
function asyncHelper(id: string, name: string, http: JsonObject): JsonObject {
  const { createdAt: _unknown, ...rest } = sandboxed(id, { name, http });
  return rest;
}

export const asyncHelpers: readonly JsonObject[] = [
  asyncHelper(ids.asyncHelpers.slotReport, 'Slot report (carrier)', {
    submit: { sameAsStatus: false, resourcePath: 'report', transform: transform2([map('id', '$.report.id')]) },
    status: {
      _exportId: exports.slotReportStatus,
      statusPath: 'report.state',
      inProgressValues: ['queued', 'building'],
      doneValues: ['ready'],
      doneWithoutDataValues: ['empty'],
      errorValues: ['failed', 'expired'],
      initialWaitTime: 10_000,
      pollWaitTime: 5_000,
    },
    result: { _exportId: exports.slotReportRows, resourcePath: 'rows' },
  }),
  asyncHelper(ids.asyncHelpers.catalogueFeed, 'Catalogue feed', {
    submit: { sameAsStatus: true, transform: { type: 'script', script: hook('jobOf', ids.scripts.rates) } },
    status: {
      _exportId: exports.catalogueFeedStatus,
      statusPath: 'status',
      inProgressValues: ['RUNNING'],
      doneValues: ['DONE'],
      doneWithoutDataValues: [],
      errorValues: ['ERROR'],
    },
    result: { _exportId: exports.catalogueFeed },
  }),
];
