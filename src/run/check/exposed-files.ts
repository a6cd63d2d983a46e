import { readFileSync, statSync } from 'node:fs';
import type { Config } from '../../config/schema.ts';
import { secretsOf } from '../../config/secrets-of.ts';
import type { Finding } from './doctor.ts';

/** Read by anybody, or read or changed by the group: often the user's own. */
const SHARED = 0o064;
const CHANGED_BY_ANYBODY = 0o002;

/** Files that hold a secret: those named for one, and the configuration itself where one stands in it in clear. */
function filesWithSecrets(config: Config): string[] {
  const { sshKeyFile, signingKeyFile } = config.repository;
  const named = [...config.files.filter((file) => file !== config.source), sshKeyFile, signingKeyFile];
  const secrets = secretsOf(config);
  const own = config.files.filter((file) => {
    if (file !== config.source) return false;
    const text = readFileSync(file, 'utf8');
    return secrets.some((secret) => text.includes(secret));
  });
  return [...new Set([...own, ...named.filter((file) => file !== undefined)])];
}

/**
 * Who besides their owner may read or change the files that hold secrets. Only told where a file has such rights: on
 * Windows the mode says nothing.
 */
export function examineFiles(config: Config): Finding[] {
  if (process.platform === 'win32') return [];
  const findings = filesWithSecrets(config).flatMap((file): Finding[] => {
    const mode = statSync(file, { throwIfNoEntry: false })?.mode;
    if (mode === undefined) return [];
    const rights = `mode ${(mode & 0o777).toString(8).padStart(4, '0')}`;
    const remedy = `chmod 600 ${file}; in a container: mode 0400 for the secret (Docker), defaultMode 0400 (Kubernetes)`;
    if ((mode & CHANGED_BY_ANYBODY) !== 0) {
      const detail = `${file} can be changed by every user (${rights}): they choose what the mirror trusts`;
      return [{ area: 'secrets', check: 'file', verdict: 'fault', detail, remedy }];
    }
    if ((mode & SHARED) === 0) return [];
    const detail = `${file} is open to other users (${rights})`;
    return [{ area: 'secrets', check: 'file', verdict: 'note', detail, remedy }];
  });
  return findings.length > 0
    ? findings
    : [{ area: 'secrets', check: 'files', verdict: 'ok', detail: 'no other user can read or change them' }];
}
