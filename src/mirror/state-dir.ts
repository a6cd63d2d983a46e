import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createGit, type GitSettings } from '../git/git.ts';
import { isRepository } from './folder.ts';

/** Our own folder beside the objects of the clone, where there is one already. Needs no lock. */
export async function existingStateDir(
  config: GitSettings & { readonly path: string },
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  if (!isRepository(config.path)) return undefined;
  const git = createGit({ cwd: config.path, config, env, signal: new AbortController().signal });
  const gitDir = (await git.ask(['rev-parse', '--absolute-git-dir']))?.trim();
  const folder = gitDir ? join(gitDir, 'celigo-mirror') : '';
  return folder !== '' && existsSync(folder) ? folder : undefined;
}
