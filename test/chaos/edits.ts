import type { Dice } from '../support/random.ts';
import type { World } from './world.ts';

/** What people do to the account. Remembers what was ever deleted: only that may be missing from a mirror. */
export interface Editors {
  /** Ids that were deleted at some time. */
  readonly everDeleted: ReadonlySet<string>;
  /** One edit of somebody. Gives what was done. */
  edit(dice: Dice): string;
}

export function editorsOf({ emulator, people }: World): Editors {
  const made: string[] = [];
  const gone: string[] = [];
  const everDeleted = new Set<string>();
  let count = 0;

  return {
    everDeleted,
    edit(dice) {
      count += 1;
      const who = emulator.act(dice.pick(people).token);
      const kind = dice.next();
      if (kind < 0.15 || made.length === 0) {
        const { _id } = who.create('scripts', { name: `Made ${count}`, content: `// ${count}\n` });
        made.push(String(_id));
        return `create ${String(_id)}`;
      }
      if (kind < 0.25) {
        const [id = ''] = made.splice(dice.between(0, made.length - 1), 1);
        who.remove('scripts', id);
        gone.push(id);
        everDeleted.add(id);
        return `delete ${id}`;
      }
      if (kind < 0.33 && gone.length > 0) {
        const [id = ''] = gone.splice(dice.between(0, gone.length - 1), 1);
        who.restore('scripts', id);
        made.push(id);
        return `undelete ${id}`;
      }
      const type = dice.pick(['integrations', 'flows', 'exports', 'imports', 'connections', 'scripts']);
      const id = String(dice.pick(emulator.state.all(type))._id);
      if (kind < 0.5)
        who.set(type, id, { name: `Renamed ${type} ${count} ${'é/:*"<>|\u202e'.slice(0, dice.between(0, 9))}` });
      else if (type === 'scripts') who.set(type, id, { content: `// ${count}\r\nfunction f() {}\n` });
      else who.set(type, id, { description: `edit ${count}\n  with lines` });
      return `edit ${type}/${id}`;
    },
  };
}
