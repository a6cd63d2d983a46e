import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENV, type Workspace } from '../support/workspace.ts';

const PEOPLE = ['Bob Roe', 'Carol Doe', 'Dan Poe'] as const;

/** Three people who commit in the mirror what never was in the account. */
export class OthersInGit {
  /** How often each thing was done. */
  readonly foreign = new Map<string, number>();
  readonly #space: Workspace;
  readonly #next: () => number;
  #count = 0;
  #now = new Date(0);

  /** @param next random numbers */
  constructor(space: Workspace, next: () => number) {
    this.#space = space;
    this.#next = next;
  }

  /** Does a few things, or nothing. @param now by the clock of the account */
  act(now: Date): void {
    this.#now = now;
    const things: Readonly<Record<string, () => void>> = {
      edit: () => this.#commit('edit', () => this.#edit()),
      delete: () => this.#commit('delete', () => this.#git('rm', '--quiet', this.#document())),
      add: () =>
        this.#commit('add', () => this.#write(`prod/flows/by-hand-${this.#count}.9${this.#count}.yaml`, 'a: 1\n')),
      rename: () => this.#commit('rename', () => this.#rename()),
      settings: () => this.#commit('settings', () => this.#write('prod/.gitattributes', `# ${this.#count}\n`)),
      readme: () => this.#commit('readme', () => this.#write('README.md', `${this.#count}\n`)),
      revert: () => this.#onto('revert', 'revert', '--no-edit', this.#commitOfMirror()),
      copy: () => this.#onto('copy', 'cherry-pick', this.#commitOfMirror()),
      pull: () => this.#pull(),
    };
    while (this.#next() < 0.65) this.#pick(Object.values(things))();
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#next() * list.length)] as T;
  }

  #git(...args: string[]): string {
    const person = this.#pick(PEOPLE);
    // A wrong clock now and then.
    const time = this.#next() < 0.05 ? '2031-05-05T12:00:00Z' : this.#now.toISOString();
    return execFileSync('git', ['-c', `user.name=${person}`, '-c', 'user.email=other@example.test', ...args], {
      cwd: this.#space.mirror,
      env: { ...ENV, GIT_AUTHOR_DATE: time, GIT_COMMITTER_DATE: time },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  #write(path: string, text: string): void {
    writeFileSync(join(this.#space.mirror, path), text);
  }

  #document(): string {
    const documents = this.#space.files().filter((path) => /^(?:flows|exports|scripts)\/.*\.yaml$/.test(path));
    return `prod/${this.#pick(documents)}`;
  }

  #commitOfMirror(): string {
    const own = this.#git('log', '--format=%H', '--max-count=12', '--grep=^Celigo-Account: ', '--max-parents=1');
    // Not the first listing.
    return this.#pick(own.trim().split('\n').slice(0, -1)) ?? 'HEAD';
  }

  #edit(): void {
    const path = this.#document();
    const text = this.#space.read(path);
    this.#write(
      path,
      /^description: .*$/m.test(text)
        ? text.replace(/^description: .*$/m, `description: by hand ${this.#count}`)
        : `${text}byHand: ${this.#count}\n`,
    );
  }

  #rename(): void {
    const path = this.#document();
    const to = path.replace(/\/[a-z0-9-]+\./, `/renamed-${this.#count}.`);
    if (!existsSync(join(this.#space.mirror, to))) this.#git('mv', path, to);
  }

  #commit(what: string, change: () => void): void {
    this.#count += 1;
    change();
    this.#git('add', '--all');
    this.#git('commit', '--quiet', '--allow-empty', '-m', `${what} by hand`);
    this.#done(what);
  }

  /** Something that may end in a conflict: then it is given up. */
  #onto(what: string, command: string, ...args: string[]): void {
    try {
      this.#git(command, ...args);
      this.#done(what);
    } catch {
      try {
        this.#git(command, '--abort');
      } catch {
        this.#git('reset', '--quiet', '--hard');
      }
    }
  }

  /** A commit on an older state, into which what the mirror did since is merged: the person's is the first parent. */
  #pull(): void {
    const base = this.#git('rev-list', '--max-count=4', '--first-parent', 'HEAD').trim().split('\n').at(-1) ?? 'HEAD';
    this.#git('checkout', '--quiet', '-B', 'theirs', base);
    this.#count += 1;
    this.#write('NOTES.md', `${this.#count}\n`);
    if (this.#next() < 0.5) this.#edit();
    this.#git('add', '--all');
    this.#git('commit', '--quiet', '-m', 'Notes');
    this.#onto('pull', 'merge', '--quiet', '--no-edit', '-X', this.#next() < 0.5 ? 'ours' : 'theirs', 'main');
    // Given up, the notes are not on main either.
    const merged = this.#git('rev-list', '--count', 'theirs..main').trim() === '0';
    this.#git('checkout', '--quiet', ...(merged ? ['-B', 'main', 'theirs'] : ['main']));
  }

  #done(what: string): void {
    this.foreign.set(what, (this.foreign.get(what) ?? 0) + 1);
  }
}
