import { readFileSync, statSync } from 'node:fs';
import type { Config } from '../../config/schema.ts';
import { secretsOf } from '../../config/secrets-of.ts';
import type { Finding } from './finding.ts';

/** Readable by everyone, or readable or writable by the group, which is often the user's own. */
const SHARED = 0o064;
const WRITABLE_BY_ALL = 0o002;

/** Files that hold a secret: those named for one, and the configuration itself if it contains one in plain text. */
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
 * Who besides their owner may read or change the files that hold secrets. Not checked on Windows, where the mode says
 * nothing about it.
 */
export function examineFiles(config: Config): Finding[] {
  if (process.platform === 'win32') return [];
  const findings = filesWithSecrets(config).flatMap((file): Finding[] => {
    const mode = statSync(file, { throwIfNoEntry: false })?.mode;
    if (mode === undefined) return [];
    const rights = `mode ${(mode & 0o777).toString(8).padStart(4, '0')}`;
    const remedy = `chmod 600 ${file}; in a container: mode 0400 (Docker), defaultMode 0400 (Kubernetes)`;
    if ((mode & WRITABLE_BY_ALL) !== 0) {
      const detail = `${file} can be changed by every user (${rights}), who could replace the secret`;
      return [{ area: 'secrets', check: 'file', verdict: 'fault', detail, remedy }];
    }
    if ((mode & SHARED) === 0) return [];
    const detail = `${file} can be read or changed by other users (${rights})`;
    return [{ area: 'secrets', check: 'file', verdict: 'note', detail, remedy }];
  });
  return findings.length > 0
    ? findings
    : [{ area: 'secrets', check: 'files', verdict: 'ok', detail: 'no other user can read or change them' }];
}
