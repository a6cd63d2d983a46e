import { describe, expect, it } from 'vitest';
import { type Change, problemsOf } from '../support/undo-model.ts';

const KEY = 'imports/1';

/** What one commit did to one field: from what to what. */
interface Row extends Pick<Change, 'commit' | 'before' | 'after'> {
  readonly field?: string;
  /** The commits that it took back. */
  readonly undid?: readonly string[];
}

/** What the model finds wrong where taking some commits back leaves other fields as they are, and `b` like this. */
function wrong(rows: readonly Row[], undone: readonly string[], b: string | undefined): string[] {
  const changes = rows.map((row): Change => ({ key: KEY, by: row.commit, field: 'b', ...row }));
  const reverts = new Map(rows.flatMap(({ commit, undid }) => (undid ? [[`${commit} ${KEY}`, new Set(undid)]] : [])));
  const fields = new Map<string, string>();
  for (const { field, after } of changes) after === undefined ? fields.delete(field) : fields.set(field, after);
  const left = new Map(fields);
  b === undefined ? left.delete('b') : left.set('b', b);
  const isUndone = ({ commit }: Change): boolean => undone.includes(commit);
  const [before, after] = [new Map([[KEY, fields]]), new Map([[KEY, left]])];
  return problemsOf(before, after, { changes, reverts }, isUndone, new Map()).filter((line) => line.includes(' b '));
}

describe('the model of undo', () => {
  it('takes an undo of an undo back: the field is as the first undo left it', () => {
    const rows: Row[] = [
      { commit: 'edit', before: undefined, after: '3' },
      { commit: 'undo', before: '3', after: undefined, undid: ['edit'] },
      { commit: 'again', before: undefined, after: '3', undid: ['undo'] },
    ];
    expect(wrong(rows, ['again'], undefined)).toEqual([]);
    expect(wrong(rows, ['again'], '3')).toEqual([`${KEY} b is 3 and should be undefined`]);
  });

  it('takes it back also where the first undo found what is the value of someone else without another undo', () => {
    const rows: Row[] = [
      { commit: 'edit', before: undefined, after: '3' },
      { commit: 'first', before: '3', after: undefined, undid: ['edit'] },
      { commit: 'same', before: undefined, after: '3' },
      // Nothing is to be seen of it in the field: 3 is that of `edit` again.
      { commit: 'both', field: 'a', before: undefined, after: '1', undid: ['first', 'same'] },
      { commit: 'second', before: '3', after: undefined, undid: ['edit'] },
      { commit: 'again', before: undefined, after: '3', undid: ['second'] },
    ];
    expect(wrong(rows, ['again'], undefined)).toEqual([]);
    expect(wrong(rows, ['both', 'again'], undefined)).toEqual([]);
    expect(wrong(rows, ['both', 'again'], '3')).toEqual([`${KEY} b is 3 and should be undefined`]);
  });

  it('takes back what another undo had taken back together with what it found: nothing was to be seen of that', () => {
    const rows: Row[] = [
      { commit: 'edit', before: undefined, after: '1' },
      { commit: 'other', before: '1', after: undefined },
      { commit: 'undo', before: undefined, after: '1', undid: ['other'] },
      { commit: 'last', before: '1', after: undefined, undid: ['edit'] },
      { commit: 'both', field: 'a', before: undefined, after: '1', undid: ['undo', 'last'] },
    ];
    expect(wrong(rows, ['last'], '1')).toEqual([]);
    expect(wrong(rows, ['last'], undefined)).toEqual([`${KEY} b is undefined and should be 1`]);
    expect(wrong(rows, ['edit'], undefined)).toEqual([]);
  });

  it('lets a conflict name a resource that someone deleted after a field of it went', () => {
    const change = (commit: string, field: string, before: string): Change => {
      return { key: KEY, by: commit, commit, field, before, after: undefined };
    };
    const changes = [change('edit', 'b', '3'), change('deletion', 'rest', '{}')];
    const named = new Map([[KEY, [{ place: '' }]]]);
    const isEdit = ({ commit }: Change): boolean => commit === 'edit';
    const found = (all: readonly Change[], before: ReadonlyMap<string, ReadonlyMap<string, string>>): string[] =>
      problemsOf(before, before, { changes: all, reverts: new Map() }, isEdit, named);
    expect(found(changes, new Map())).toEqual([]);
    expect(found(changes.slice(0, 1), new Map([[KEY, new Map([['rest', '{}']])]]))).toContain(
      `${KEY}  is named as a conflict without need`,
    );
  });
});
