// The licences of what is bundled, from the bundle's own list of inputs: what is not loaded is not named.
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Files that hold terms or notices which have to go along. */
const TERMS = /^(licen[cs]e|copying|notice)/i;

/**
 * One section a package and version, by name: its licence and the texts of its files of terms.
 *
 * @param metafile of esbuild
 * @param folder that the paths of the inputs are relative to
 * @throws Error for a package that names no licence
 */
export function thirdPartyLicenses({ inputs }, folder) {
  const roots = new Set(
    Object.keys(inputs)
      .map((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path.replace(/^[\w-]+:/, ''))?.[0])
      .filter((root) => root !== undefined),
  );
  const sections = [...roots].map((root) => {
    const home = resolve(folder, root);
    const { name, version, license, author } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
    if (typeof license !== 'string') throw new Error(`${name}@${version} names no licence`);
    const texts = readdirSync(home)
      .filter((file) => TERMS.test(file) && !/\.(js|ts|json)$/.test(file))
      .sort()
      .map((file) => readFileSync(join(home, file), 'utf8').trim());
    const by = typeof author === 'string' ? author : author?.name;
    const terms = texts.length > 0 ? texts : [`Copyright ${by ?? `the authors of ${name}`}. Licence: ${license}.`];
    return [`${name}@${version} (${license})`, ...terms].join('\n\n');
  });
  return `${[...new Set(sections)].sort().join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}
