import type { JsonObject } from '../../src/core/json.ts';
import type { Acting } from '../../src/emulator/calls/acting.ts';
import { ApiFault } from '../../src/emulator/http/server.ts';
import { isPlain, PLAIN_TYPES } from '../support/documents.ts';
import type { Dice } from '../support/random.ts';
import type { World } from './world.ts';

function plainOf({ emulator }: World, dir: string): JsonObject[] {
  return emulator.state.all(dir).filter((doc) => isPlain(dir, doc));
}

/** What was made by mistake keeps its name: the checks know it by that. */
export function isMistake({ name }: JsonObject): boolean {
  return /^Made by mistake/.test(String(name));
}

/** Does what somebody asks for, unless the account refuses. */
function attempt(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof ApiFault) return false;
    throw error;
  }
}

/** One mishap in the account: a bad edit, a deletion with what hangs on it, a purge, things made by mistake. */
export async function damage(world: World, dice: Dice, n: number): Promise<string> {
  const { emulator } = world;
  const who = emulator.act(dice.pick(world.people).token);
  const kind = dice.next();
  if (kind < 0.45) {
    const dir = dice.pick(PLAIN_TYPES);
    const doc = dice.pick(plainOf(world, dir));
    const change: JsonObject =
      dir === 'scripts'
        ? { content: `// broken by mishap ${n}\n` }
        : dir === 'flows' && dice.chance(0.4)
          ? { disabled: true }
          : dice.chance(0.4) && !isMistake(doc)
            ? { name: `Mishap ${n}` }
            : { description: `mishap ${n}` };
    attempt(() => who.set(dir, String(doc._id), change));
    return `edit ${dir}/${String(doc._id)}`;
  }
  if (kind < 0.55) {
    attempt(() => who.create('scripts', { name: `Made by mistake ${n}`, content: `// ${n}\n` }));
    return 'create';
  }
  if (kind < 0.6) {
    makeCircle(world, who, n);
    return 'create flows that run each other';
  }
  if (kind < 0.68) {
    const _id = String(dice.pick(plainOf(world, 'integrations'))._id);
    const gone = takeDown(world, who, _id);
    if (dice.chance(0.4)) await purge(world, dice);
    return `take down integrations/${_id}: ${gone} deleted`;
  }
  const flow = dice.pick(plainOf(world, 'flows'));
  const gone = attempt(() => who.remove('flows', String(flow._id)));
  // What only this flow used can go, too; the account refuses the rest.
  if (gone && dice.chance(0.7)) {
    const text = JSON.stringify(flow);
    for (const dir of ['exports', 'imports', 'scripts']) {
      for (const { _id } of plainOf(world, dir))
        if (text.includes(String(_id)) && dice.chance(0.8)) attempt(() => who.remove(dir, String(_id)));
    }
  }
  if (dice.chance(0.4)) await purge(world, dice);
  return `delete flows/${String(flow._id)}`;
}

/** Two flows that run each other, in an integration that has an alias for one of them: none can be deleted as it is. */
function makeCircle(world: World, who: Acting, n: number): void {
  const [source] = plainOf(world, 'exports');
  attempt(() => {
    const integration = String(who.create('integrations', { name: `Made by mistake ${n}` })._id);
    const [ping = '', pong = ''] = ['a', 'b'].map((side) =>
      String(
        who.create('flows', {
          name: `Made by mistake ${n}${side}`,
          disabled: true,
          _integrationId: integration,
          pageGenerators: [{ _exportId: String(source?._id) }],
          pageProcessors: [],
        })._id,
      ),
    );
    who.set('flows', ping, { _runNextFlowIds: [pong] });
    who.set('flows', pong, { _runNextFlowIds: [ping] });
    who.set('integrations', integration, { aliases: [{ alias: 'ping', _flowId: ping }] });
  });
}

/** Deletes what the account lets go of an integration, and the integration when nothing is left in it. */
function takeDown({ emulator }: World, who: Acting, integration: string): number {
  const parts = () => emulator.state.all('flows').filter(({ _integrationId }) => _integrationId === integration);
  let gone = 0;
  for (let before = -1; before !== gone; ) {
    before = gone;
    for (const doc of parts())
      if (isPlain('flows', doc) && attempt(() => who.remove('flows', String(doc._id)))) gone += 1;
  }
  return gone + Number(attempt(() => who.remove('integrations', integration)));
}

/** Somebody empties the recycle bin, or a part of it. */
async function purge({ emulator, owner }: World, dice: Dice): Promise<void> {
  for (const { type: dir, doc } of emulator.state.bin()) {
    if (dice.chance(0.3)) continue;
    await fetch(`${emulator.url}/v1/recycleBinTTL/${dir}/${String(doc._id)}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${owner.token}` },
    });
  }
}
