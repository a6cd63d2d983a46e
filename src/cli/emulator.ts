import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import ms, { type StringValue } from 'ms';
import { AppError, messageOf } from '../core/errors.ts';
import { BINDING_FILE } from '../core/layout.ts';
import type { AccountSeed } from '../emulator/model/seed.ts';
import type { GlobalOptions, Io } from './ui/io.ts';
import { styleFor, table } from './ui/style.ts';

interface EmulatorFlags {
  readonly port: string;
  readonly from?: string;
  readonly account?: string;
  readonly empty?: boolean;
  readonly rateLimit: boolean;
  readonly editEvery?: string;
  readonly json?: boolean;
}

export function registerEmulator(program: Command, io: Io): void {
  program
    .command('emulator')
    .summary('serve a local Celigo API, for trying things out')
    .description(
      'Serves the documented Celigo API on this machine until it is stopped: the sample account, an empty one, or one loaded from a mirror. Nothing it is told is kept.',
    )
    .option('--port <number>', 'port on 127.0.0.1; 0 is any free one', '0')
    .option('--from <folder>', 'an account as this mirror holds it (credentials are invented)')
    .option('--account <name>', 'with --from: the account’s folder, where the mirror holds several')
    .option('--empty', 'an account with nothing but its owner')
    .option('--no-rate-limit', 'without the documented limit of requests')
    .option('--edit-every <duration>', 'let people of the account edit something now and then, such as 30s')
    .option('--json', 'print URL and tokens as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  celigo-mirror emulator --port 8700
  celigo-mirror emulator --from ./mirror --account production
  CELIGO_BASE_URL=http://127.0.0.1:8700 CELIGO_API_TOKEN=… celigo-mirror sync

Faults, edits by other people and a dump of the account, for tests: http://127.0.0.1:<port>/_emulator/…`,
    )
    .action(async (flags: EmulatorFlags, command: Command) => {
      const port = Number(flags.port);
      if (!Number.isInteger(port) || port < 0 || port > 65_535) {
        throw new AppError('USAGE', `--port: ${flags.port} is no port`, { hint: 'A number from 0 to 65535' });
      }
      if (flags.empty && flags.from) {
        throw new AppError('USAGE', '--empty and --from exclude each other', { hint: 'Choose one of them' });
      }
      const everyMs = flags.editEvery ? ms(flags.editEvery as StringValue) : undefined;
      if (flags.editEvery !== undefined && !(everyMs !== undefined && everyMs >= 1000)) {
        throw new AppError('USAGE', `--edit-every: ${flags.editEvery} is no duration`, {
          hint: 'One second or more, such as 30s or 5m',
        });
      }
      const { startEmulator } = await import('../emulator/http/server.ts');
      const seed = await seedOf(io, flags);
      const emulator = await startEmulator({
        seed,
        port,
        ...(flags.rateLimit ? {} : { rateLimit: false as const }),
      }).catch((cause: unknown) => {
        throw new AppError('API', `the emulator cannot listen on port ${port}: ${messageOf(cause)}`, {
          hint: 'Choose another --port, or 0 for any',
          cause,
        });
      });
      const { keepBusy } = await import('../emulator/sample/busy.ts');
      const editors = seed.people.filter(({ role }) => role === 'owner' || role === 'administrator');
      const rest =
        everyMs === undefined
          ? () => undefined
          : keepBusy(
              emulator,
              editors.map(({ token }) => token),
              everyMs,
            );
      const owner = seed.people.find(({ role }) => role === 'owner');
      if (flags.json) {
        io.out(`${JSON.stringify({ version: 1, url: emulator.url, token: owner?.token, people: seed.people })}\n`);
      } else {
        const style = styleFor(io, command.optsWithGlobals<GlobalOptions>());
        const people = table(seed.people.map(({ name, role, token }) => [`  ${name}`, role, token]));
        io.out(`Celigo API emulator at ${style.bold(emulator.url)}\n\n${people}\n\n`);
        io.out(`  export CELIGO_BASE_URL=${emulator.url} CELIGO_API_TOKEN=${owner?.token}\n\nCtrl-C ends it.\n`);
      }
      await new Promise<void>((resolve) => {
        if (io.signal.aborted) resolve();
        else io.signal.addEventListener('abort', () => resolve(), { once: true });
      });
      rest();
      await emulator.close();
    });
}

async function seedOf(io: Io, flags: EmulatorFlags): Promise<AccountSeed> {
  if (flags.empty) return (await import('../emulator/http/server.ts')).emptyAccount();
  if (!flags.from) return (await import('../emulator/sample/index.ts')).sampleAccount();
  const folder = mirrorFolder(resolve(io.cwd, flags.from), flags.account);
  const { seedFromMirror } = await import('../emulator/model/from-mirror.ts');
  try {
    return seedFromMirror(folder);
  } catch (cause) {
    throw new AppError('USAGE', `${folder} cannot be loaded: ${messageOf(cause)}`, {
      hint: 'celigo-mirror verify names every fault of a mirror',
      cause,
    });
  }
}

/** The account's folder: named itself, or the only one (or the one called so) of a mirror repository. */
function mirrorFolder(root: string, account: string | undefined): string {
  if (existsSync(join(root, BINDING_FILE))) return root;
  const folders = statSync(root, { throwIfNoEntry: false })?.isDirectory()
    ? readdirSync(root).filter((name) => existsSync(join(root, name, BINDING_FILE)))
    : [];
  const wanted = account ?? (folders.length === 1 ? folders[0] : undefined);
  if (wanted !== undefined && folders.includes(wanted)) return join(root, wanted);
  throw new AppError(
    'USAGE',
    folders.length > 1 ? `${root} holds several accounts` : `${root} holds no mirror${account ? ` of ${account}` : ''}`,
    {
      hint:
        folders.length > 0
          ? `Name one with --account: ${folders.join(', ')}`
          : 'Name the folder of a mirror repository, or of an account in it',
    },
  );
}
