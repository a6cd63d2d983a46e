import type { AccountConfig } from '../../config/schema.ts';
import { AppError } from '../../core/errors.ts';
import type { Git } from '../../git/git.ts';
import { leftOutTypes } from '../sync/left-out.ts';
import type { Finding } from './finding.ts';

/** Types that the configuration leaves out and HEAD holds files of: other commands show them as they once were. */
export async function examineLeftOut(git: Git, account: AccountConfig): Promise<Finding[]> {
  const listed = await git
    .ask(['ls-tree', '-d', '-z', '--name-only', `HEAD:${account.name}`])
    .catch((error: unknown) => {
      // A clone in which git cannot be run is a finding of its own.
      if (error instanceof AppError) return undefined;
      throw error;
    });
  const left = leftOutTypes(account, (listed ?? '').split('\0'));
  if (left.length === 0) return [];
  const folders = left.map((name) => `${account.name}/${name}`);
  return [
    {
      area: 'repository',
      check: 'types',
      verdict: 'note',
      detail: `${account.name}: the configuration leaves out ${left.join(', ')}: these files are not mirrored any more`,
      remedy: `To remove them: git rm -r ${folders.join(' ')}, and commit; or include the types again`,
    },
  ];
}
