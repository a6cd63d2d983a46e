import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RepositoryConfig } from '../config/schema.ts';
import { createGit } from './git.ts';

/** Our own folder below `.git` of the clone, where there is one already. Needs no lock. */
export async function existingStateDir(
  config: RepositoryConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  if (!existsSync(join(config.path, '.git'))) return undefined;
  const git = createGit({ cwd: config.path, config, env, signal: new AbortController().signal });
  const gitDir = (await git.ask(['rev-parse', '--absolute-git-dir']))?.trim();
  const type = gitDir ? join(gitDir, 'celigo-mirror') : '';
  return type !== '' && existsSync(type) ? type : undefined;
}
