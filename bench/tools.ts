import { execFileSync } from 'node:child_process';

/** What the shell loop needs and is not installed here. */
export function missingTools(): string[] {
  return ['curl', 'jq'].filter((name) => {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
}
