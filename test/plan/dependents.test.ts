import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { keyOf } from '../../src/core/keys.ts';
import { planRestore } from '../../src/plan/planner.ts';
import type { LiveDocument, Plan } from '../../src/plan/types.ts';
import { id, planInput, type, wanted } from './support.ts';

const [OLD, NEW] = [id('e', 1), id('e', 2)];

function dependent(dir: string, doc: JsonObject & { _id: string }): LiveDocument {
  const { type, id, title, path } = wanted(dir, doc);
  return { type, id, title, path, doc, changed: false };
}

function reported({ steps }: Plan): string[] {
  return steps.map(({ action, key, reason }) => `${action} ${key.split('/')[0]}: ${reason}`);
}

describe('a live document that names what an earlier restore recreated', () => {
  it('is updated, wherever the id is, whether it is wanted or not', () => {
    const plan = planRestore(
      planInput({
        replaced: new Map([[OLD, NEW]]),
        ids: new Map([[OLD, NEW]]),
        dependents: [
          dependent('flows', { _id: id('f', 1), name: 'A', pageGenerators: [{ _exportId: OLD }] }),
          dependent('flows', { _id: id('f', 2), name: 'B', settings: { [OLD]: 1, source: OLD } }),
          dependent('flows', { _id: id('f', 3), name: 'C', pageGenerators: [{ _exportId: NEW }] }),
        ],
      }),
    );

    expect(reported(plan)).toEqual([
      `update flows: still refers to ${OLD}, which is ${NEW} now`,
      `update flows: still refers to ${OLD}, which is ${NEW} now`,
    ]);
    expect(plan.steps.map(({ changes }) => changes.map(({ place }) => place.join('.')))).toEqual([
      ['pageGenerators.0._exportId'],
      [`settings.${OLD}`, 'settings.source'],
    ]);
  });

  it('is left alone where only a record of another system, its origin or an echo names it', () => {
    const plan = planRestore(
      planInput({
        replaced: new Map([[OLD, NEW]]),
        ids: new Map([[OLD, NEW]]),
        dependents: [
          dependent('exports', { _id: id('e', 9), name: 'A', mockOutput: { id: OLD }, _sourceId: OLD }),
          dependent('apis', { _id: id('a', 9), type: 'script', script: { _scriptId: NEW }, _scriptId: OLD }),
        ],
      }),
    );

    expect(plan.steps).toEqual([]);
  });

  it.each([
    ['ashares', { integrationAccessLevel: [{ _integrationId: OLD }] }, 'a restore never writes users'],
    ['notifications', { type: 'flow', _flowId: OLD }, 'cannot be moved'],
    ['flows', { _connectorId: id('c', 9), pageGenerators: [{ _exportId: OLD }] }, 'Integration App'],
  ])('is left to a person: %s', (dir, own, why) => {
    const plan = planRestore(
      planInput({
        replaced: new Map([[OLD, NEW]]),
        ids: new Map([[OLD, NEW]]),
        dependents: [dependent(dir, { _id: id('z', 1), ...own } as JsonObject & { _id: string })],
      }),
    );

    expect(plan.steps.map(({ action }) => action)).toEqual(['impossible']);
    expect(plan.warnings).toHaveLength(1);
    expect(plan.warnings[0]).toContain(why);
    expect(plan.warnings[0]).toContain(OLD);
  });

  it('is blocked where the place is fixed once it is made', () => {
    const [path = ''] = type('flows').restore.immutable ?? [];
    expect(path).toBe('_abstractFlowId');
    const plan = planRestore(
      planInput({
        replaced: new Map([[OLD, NEW]]),
        ids: new Map([[OLD, NEW]]),
        dependents: [dependent('flows', { _id: id('f', 1), name: 'A', [path]: OLD })],
      }),
    );

    expect(plan.steps.map(({ action }) => action)).toEqual(['blocked']);
  });
});

it('what stood in the place of something lost, and is lost as well, is followed too', () => {
  const plan = planRestore(
    planInput({
      wanted: [wanted('exports', { _id: OLD, name: 'Orders', adaptorType: 'HTTPExport' })],
      live: new Map([[`exports/${OLD}`, { state: 'gone' }]]),
      ids: new Map([[NEW, OLD]]),
      dependents: [dependent('flows', { _id: id('f', 1), name: 'A', pageGenerators: [{ _exportId: NEW }] })],
    }),
  );

  expect(reported(plan)).toEqual([
    'create exports: not in the account or its recycle bin: will be created with a new id',
    `update flows: refers to exports/${OLD}, which gets a new id`,
  ]);
});

it('a part of an Integration App that differs anyway is also reported to lead nowhere', () => {
  const flow = { _id: id('f', 1), _connectorId: id('c', 9), pageGenerators: [{ _exportId: OLD }] };
  const live = { ...flow, name: 'as it is' };
  const plan = planRestore(
    planInput({
      wanted: [wanted('exports', { _id: OLD, name: 'E' }), wanted('flows', { ...flow, name: 'as it was' })],
      live: new Map([
        [`exports/${OLD}`, { state: 'gone' }],
        [`flows/${flow._id}`, { state: 'live', id: flow._id, raw: live, doc: live, changed: false }],
      ]),
      dependents: [dependent('flows', live)],
    }),
  );

  expect(reported(plan)).toEqual([
    'create exports: not in the account or its recycle bin: will be created with a new id',
    expect.stringContaining(`refers to exports/${OLD}, which gets a new id`),
  ]);
  expect(plan.warnings).toEqual([expect.stringContaining('pageGenerators[0]._exportId')]);
});

describe('what is in the recycle bin and refers to what is created again', () => {
  const [template, instance] = [id('f', 1), id('f', 2)];
  const documents = [
    wanted('flows', { _id: template, name: 'Template', isAbstract: true }),
    wanted('flows', { _id: instance, name: 'Instance', _abstractFlowId: template }),
    wanted('flows', { _id: id('f', 3), name: 'Of the instance', _abstractFlowId: instance }),
    wanted('flows', { _id: id('f', 4), name: 'Runs it next', _runNextFlowIds: [template] }),
  ];
  const plan = planRestore(
    planInput({
      wanted: documents,
      live: new Map(
        documents.slice(1).map(({ id: one, doc }) => [keyOf('flows', one), { state: 'binned' as const, id: one, doc }]),
      ),
    }),
  );

  it('is created instead where the reference cannot be changed, and so is what refers to that', () => {
    expect(plan.steps.map(({ id: one, action }) => [one, action]).sort()).toEqual([
      [template, 'create'],
      [instance, 'create'],
      [id('f', 3), 'create'],
      [id('f', 4), 'undelete'],
    ]);
    expect(plan.steps.find(({ id: one }) => one === instance)?.reason).toBe(
      `refers to flows/${template}, which gets a new id, and _abstractFlowId cannot be changed: ` +
        'will be created with a new id',
    );
  });

  it('is created instead as well where an earlier restore made it refer to what is gone', () => {
    const [, binned] = documents;
    const resumed = planRestore(
      planInput({
        wanted: documents.slice(1, 2),
        live: new Map([[keyOf('flows', instance), { state: 'binned' as const, id: instance, doc: binned?.doc ?? {} }]]),
        ids: new Map([[template, NEW]]),
        exists: () => true,
      }),
    );

    expect(resumed.steps.map(({ id: one, action }) => [one, action])).toEqual([[instance, 'create']]);
  });
});
