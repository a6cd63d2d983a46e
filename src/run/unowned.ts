import type { Git } from '../git/git.ts';
import { accountsInHead } from '../mirror/folder.ts';
import { bindingIn, bindsTo } from './binding.ts';

/** Folders of HEAD with mirrors that no account of the configuration owns: no run touches them again. */
export async function unownedFolders(git: Git, root: string, accounts: readonly string[]): Promise<string[]> {
  return (await accountsInHead(git, root)).filter((folder) => !accounts.includes(folder));
}

/** The one among them that holds the same account: the account was renamed. */
export async function formerFolder(
  git: Git,
  root: string,
  accounts: readonly string[],
  found: { readonly baseUrl: string; readonly userId: string },
): Promise<string | undefined> {
  for (const folder of await unownedFolders(git, root, accounts)) {
    const binding = await bindingIn(git, folder);
    if (binding && bindsTo(binding, found)) return folder;
  }
  return undefined;
}
