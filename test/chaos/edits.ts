import type { Dice } from '../support/random.ts';
import type { World } from './world.ts';

/** One edit that somebody made in the account. */
export interface Edit {
  /** `<type>/<id>`. */
  readonly key: string;
  /** E-mail address of who made it. */
  readonly by: string;
  /** What the document holds since, as no other edit has it; absent where it is gone. */
  readonly mark?: string;
}

/** What people do to the account, and what they did. */
export interface Editors {
  /** Every edit so far, oldest first. */
  readonly edits: readonly Edit[];
  /** Ids that were deleted at some time: only these may be missing from a mirror. */
  readonly everDeleted: ReadonlySet<string>;
  /** One edit of somebody. Gives what was done. */
  edit(dice: Dice): string;
}

const EDITED = ['integrations', 'flows', 'exports', 'imports', 'connections', 'scripts'];

export function editorsOf({ emulator, people }: World): Editors {
  const made: string[] = [];
  const gone: string[] = [];
  const edits: Edit[] = [];
  const everDeleted = new Set<string>();

  return {
    edits,
    everDeleted,
    edit(dice) {
      const count = edits.length + 1;
      const person = dice.pick(people);
      const who = emulator.act(person.token);
      const note = (key: string, mark?: string): void => {
        edits.push({ key, by: person.email, ...(mark === undefined ? {} : { mark }) });
      };
      const kind = dice.next();
      if (kind < 0.15 || made.length === 0) {
        const mark = `// edit ${count}.`;
        const id = String(who.create('scripts', { name: `Made ${count}`, content: `${mark}\n` })._id);
        made.push(id);
        note(`scripts/${id}`, mark);
        return `create ${id}`;
      }
      if (kind < 0.25) {
        const [id = ''] = made.splice(dice.between(0, made.length - 1), 1);
        who.remove('scripts', id);
        gone.push(id);
        everDeleted.add(id);
        note(`scripts/${id}`);
        return `delete ${id}`;
      }
      if (kind < 0.33 && gone.length > 0) {
        const [id = ''] = gone.splice(dice.between(0, gone.length - 1), 1);
        who.restore('scripts', id);
        made.push(id);
        note(`scripts/${id}`);
        return `undelete ${id}`;
      }
      const type = dice.pick(EDITED);
      const id = String(dice.pick(emulator.state.all(type))._id);
      const mark = `edit ${count}.`;
      if (kind < 0.5) who.set(type, id, { name: `Renamed ${mark} ${'é/:*"<>|\u202e'.slice(0, dice.between(0, 9))}` });
      else if (type === 'scripts') who.set(type, id, { content: `// ${mark}\r\nfunction f() {}\n` });
      else who.set(type, id, { description: `${mark}\n  with lines` });
      note(`${type}/${id}`, mark);
      return `edit ${type}/${id}`;
    },
  };
}
