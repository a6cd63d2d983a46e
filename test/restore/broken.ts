import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { idOf } from './drill-scene.ts';

const FLOW = idOf('flows', 1);
const EXPORT = idOf('exports');
const IMPORT = idOf('imports');
const SCRIPT = idOf('scripts');
const SHOP = idOf('connections', 1);
const NOWHERE = '66d0000000000000000f0001';

/** One thing that is wrong with a mirror. */
export interface Broken {
  readonly what: string;
  /** Does it, in the folder of an account. */
  readonly damage: (folder: Folder) => void;
  /** What a drill names: `<type>/<id>`, or the path of a file. */
  readonly named: string | RegExp;
  /** What it says of that. */
  readonly why: RegExp;
  /** The API may refuse it: a warning of the rehearsal in the emulator. */
  readonly isWarning?: true;
  /** What it names besides, since that is wrong as well. */
  readonly also?: readonly (string | RegExp)[];
}

/** The files of an account in a mirror. */
export interface Folder {
  /** Path of the document with an id. */
  readonly of: (id: string) => string;
  readonly edit: (path: string, change: (text: string) => string) => void;
  readonly write: (path: string, bytes: string | Buffer) => void;
  readonly remove: (path: string) => void;
}

export function folderAt(root: string): Folder {
  const write: Folder['write'] = (path, bytes) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), bytes);
  };
  return {
    of(id) {
      const found = readdirSync(root, { recursive: true, encoding: 'utf8' }).find((path) =>
        path.endsWith(`${id}.yaml`),
      );
      if (found === undefined) throw new Error(`no document ${id}`);
      return found;
    },
    edit(path, change) {
      const before = readFileSync(join(root, path), 'utf8');
      const after = change(before);
      if (after === before) throw new Error(`${path} is as it was`);
      write(path, after);
    },
    write,
    remove: (path) => rmSync(join(root, path)),
  };
}

function inDocument(id: string, change: (text: string) => string): Broken['damage'] {
  return (folder) => folder.edit(folder.of(id), change);
}

const swap = (from: string | RegExp, to: string) => (text: string) => text.replace(from, to);

export const BROKEN: readonly Broken[] = [
  {
    what: 'a reference to nothing',
    damage: inDocument(FLOW, swap(IMPORT, NOWHERE)),
    named: `flows/${FLOW}`,
    why: new RegExp(`_importId refers to imports/${NOWHERE}`),
  },
  {
    what: 'invalid YAML',
    damage: inDocument(FLOW, (text) => `${text}a: [b\n`),
    named: /^prod\/flows\//,
    why: /line \d+ is not valid YAML/,
  },
  {
    what: 'another type in a field',
    damage: inDocument(EXPORT, swap(/^http:\n(?: {2}.*\n)*/m, 'http: text\n')),
    named: `exports/${EXPORT}`,
    why: /http/,
    isWarning: true,
  },
  {
    what: 'a side file that is cut off',
    damage: (folder) => folder.edit(folder.of(SCRIPT).replace(/yaml$/, 'js'), (text) => text.slice(0, text.length / 2)),
    named: `scripts/${SCRIPT}`,
    why: /content/,
    isWarning: true,
  },
  {
    what: 'the id of a resource of another type',
    damage: inDocument(FLOW, swap(IMPORT, SHOP)),
    named: `flows/${FLOW}`,
    why: new RegExp(`_importId refers to imports/${SHOP}`),
  },
  {
    what: 'a mask in a field that is none',
    damage: inDocument(EXPORT, swap('relativeURI: /orders', 'relativeURI: "******"')),
    named: `exports/${EXPORT}`,
    why: /http\.relativeURI/,
  },
  {
    what: 'a side file that is missing',
    damage: (folder) => folder.remove(folder.of(SCRIPT).replace(/yaml$/, 'js')),
    named: /^prod\/scripts\//,
    why: /refers to .*\.js, which is missing/,
  },
  {
    what: 'a folder of no type',
    damage: (folder) => folder.write(`gadgets/one.${NOWHERE}.yaml`, '_id: x\n'),
    named: /gadget/,
    why: /not a file of the mirror/,
  },
  {
    what: 'an id twice',
    damage: (folder) =>
      folder.edit(folder.of(EXPORT), (text) => {
        folder.write(`exports/again.${EXPORT}.yaml`, text);
        return `${text}\n`;
      }),
    named: /^prod\/exports\//,
    why: /has the same _id as/,
  },
  {
    what: 'an id that is not that of the file',
    damage: inDocument(FLOW, swap(`_id: "${FLOW}"`, `_id: "${NOWHERE}"`)),
    named: /^prod\/flows\//,
    why: /its name says/,
  },
  {
    what: 'the marks of a merge',
    damage: inDocument(FLOW, swap(/^name:.*$/m, '<<<<<<< HEAD\nname: a\n=======\nname: b\n>>>>>>> other')),
    named: /^prod\/flows\//,
    why: /not valid YAML/,
  },
  {
    what: 'a field that is missing',
    damage: inDocument(SHOP, swap(/^type: http\n/m, '')),
    named: `connections/${SHOP}`,
    why: /type/,
    isWarning: true,
  },
  {
    what: 'a script that is empty',
    damage: (folder) => folder.write(folder.of(SCRIPT).replace(/yaml$/, 'js'), ''),
    named: `scripts/${SCRIPT}`,
    why: /content/,
    isWarning: true,
  },
  {
    what: 'bytes that are no text in a document',
    damage: (folder) =>
      folder.write(
        folder.of(FLOW),
        Buffer.concat([
          readFileSync('/dev/null'),
          Buffer.from('_id: "'),
          Buffer.from([0xff, 0xfe, 0x80]),
          Buffer.from('"\n'),
        ]),
      ),
    named: /^prod\/flows\//,
    why: /not text in UTF-8/,
  },
  {
    what: 'bytes that are no text in a side file',
    damage: (folder) =>
      folder.write(folder.of(SCRIPT).replace(/yaml$/, 'js'), Buffer.from([0x2f, 0x2f, 0xff, 0xfe, 0x00])),
    named: /^prod\/scripts\/.*yaml$/,
    why: /\.js, which holds bytes that are not text/,
  },
  {
    what: 'a side file that no document names',
    damage: (folder) => folder.write('scripts/old.js', '// old\n'),
    named: 'prod/scripts/old.js',
    why: /belongs to no document|not a file/,
  },
  {
    what: 'a document that is empty',
    damage: (folder) => folder.write(folder.of(FLOW), ''),
    named: /^prod\/flows\//,
    why: /holds no document/,
  },
  { what: 'no id', damage: inDocument(FLOW, swap(/^_id:.*\n/m, '')), named: /^prod\/flows\//, why: /_id/ },
  {
    what: 'a side file outside its folder',
    damage: inDocument(SCRIPT, swap(/\$file: .*/, '$file: ../connections/x.yaml')),
    named: /^prod\/scripts\//,
    why: /outside|missing/,
    also: [/^prod\/scripts\/.*js$/],
  },
  {
    what: 'a document that is gone',
    damage: (folder) => folder.remove(folder.of(SHOP)),
    named: `exports/${EXPORT}`,
    why: new RegExp(`_connectionId refers to connections/${SHOP}`),
    // It registers the connection.
    also: [`integrations/${idOf('integrations')}`],
  },
  {
    what: 'a list in the place of the document',
    damage: (folder) => folder.write(folder.of(FLOW), '- a\n'),
    named: /^prod\/flows\//,
    why: /holds no document/,
  },
  {
    what: 'text of another tool',
    damage: (folder) => folder.write('flows/README', 'x\n'),
    named: /README/,
    why: /not a file of the mirror/,
  },
];
