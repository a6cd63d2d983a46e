/** Makes the address of a commit's page; `undefined` where the forge is not known. */
export type CommitLink = (commit: string) => string | undefined;

const PLACEHOLDER = '{commit}';

/** Pages of a commit by how the host names itself; GitHub's form is that of Gitea and Forgejo too. */
function pathFor(host: string): string {
  if (host.includes('gitlab')) return '/-/commit/';
  return host.includes('bitbucket') ? '/commits/' : '/commit/';
}

/** Host and path of a remote in any of its spellings; never its user or password. */
function placeOf(remote: string): { host: string; path: string } | undefined {
  const scp = /^(?:[^@/\s]+@)?([A-Za-z0-9.-]+):(?!\/\/)([^\s]+)$/.exec(remote);
  const known = URL.canParse(remote) ? new URL(remote) : undefined;
  if (known && ['http:', 'https:', 'ssh:', 'git:'].includes(known.protocol)) {
    return { host: known.protocol.startsWith('http') ? known.host : known.hostname, path: known.pathname };
  }
  return scp?.[1] && scp[2] ? { host: scp[1], path: `/${scp[2]}` } : undefined;
}

/**
 * Links to the pages of commits.
 * @param template `https://git.example/acme/mirror/commit/{commit}`, where configured
 * @param remote the remote of the mirror, from which the pages of GitHub, GitLab, Bitbucket and Gitea are derived
 */
export function commitLinks(template: string | undefined, remote: string | undefined): CommitLink {
  if (template !== undefined) return (commit) => template.replaceAll(PLACEHOLDER, commit);
  const place = remote === undefined ? undefined : placeOf(remote);
  if (!place) return () => undefined;
  const path = place.path.replace(/(?<!\/)\/+$/, '').replace(/\.git$/, '');
  return (commit) => `https://${place.host}${path}${pathFor(place.host)}${commit}`;
}
