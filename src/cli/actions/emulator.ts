import ms, { type StringValue } from 'ms';
import { AppError, messageOf } from '../../core/errors.ts';
import { jsonText } from '../../core/unseen.ts';
import { type Emulator, emptyAccount, startEmulator } from '../../emulator/http/server.ts';
import { seedFromMirror } from '../../emulator/model/from-mirror.ts';
import type { AccountSeed } from '../../emulator/model/seed.ts';
import { keepBusy } from '../../emulator/sample/busy.ts';
import { sampleAccount } from '../../emulator/sample/index.ts';
import { readFiles } from '../../history/state.ts';
import { onlyAccount, placeNamed, stateOf } from '../input/mirror.ts';
import type { GlobalOptions, Io } from '../ui/io.ts';
import { styleFor, table } from '../ui/style.ts';

export interface EmulatorFlags {
  readonly port: string;
  readonly from?: string;
  readonly account?: string;
  readonly empty?: boolean;
  readonly rateLimit: boolean;
  readonly editEvery?: string;
  readonly json?: boolean;
}

function portOf({ port: text }: EmulatorFlags): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new AppError('USAGE', `--port: ${text} is not a valid port`, { hint: 'Use a number from 0 to 65535' });
}

/** Milliseconds between edits of `--edit-every`. */
function intervalOf({ editEvery }: EmulatorFlags): number | undefined {
  if (editEvery === undefined) return undefined;
  const intervalMs = editEvery === '' ? undefined : ms(editEvery as StringValue);
  if (intervalMs !== undefined && intervalMs >= 1000) return intervalMs;
  throw new AppError('USAGE', `--edit-every: "${editEvery}" is not a valid duration`, {
    hint: 'Use one second or more, such as 30s or 5m',
  });
}

/** @throws AppError `USAGE` */
async function seedOf(io: Io, flags: EmulatorFlags): Promise<AccountSeed> {
  if (flags.empty && flags.from) {
    throw new AppError('USAGE', '--empty and --from exclude each other', { hint: 'Use one of them' });
  }
  if (flags.account !== undefined && !flags.from) {
    throw new AppError('USAGE', '--account names an account of a mirror', { hint: 'Name the mirror with --from' });
  }
  if (flags.empty) return emptyAccount();
  if (!flags.from) return sampleAccount();
  const place = await placeNamed(io, flags.from);
  const account = onlyAccount(place, flags.account);
  const files = await readFiles(place.git, await stateOf(io, { ...place, account }));
  try {
    return seedFromMirror(files);
  } catch (cause) {
    throw new AppError('USAGE', `${account} in ${place.root} cannot be loaded: ${messageOf(cause)}`, {
      hint: 'To list every fault of a mirror: celigo-mirror verify',
      cause,
    });
  }
}

/** Serves until the signal is aborted. @throws AppError */
export async function runEmulator(io: Io, globals: GlobalOptions, flags: EmulatorFlags): Promise<void> {
  const port = portOf(flags);
  const intervalMs = intervalOf(flags);
  const seed = await seedOf(io, flags);
  const emulator = await startEmulator({ seed, port, ...(flags.rateLimit ? {} : { rateLimit: false }) }).catch(
    (cause: unknown) => {
      throw new AppError('API', `the emulator cannot listen on port ${port}: ${messageOf(cause)}`, {
        hint: 'Use another --port, or 0 for any free one',
        cause,
      });
    },
  );
  const editors = seed.people.filter(({ role }) => role === 'owner' || role === 'administrator');
  const tokens = editors.map(({ token }) => token);
  const rest = intervalMs === undefined ? undefined : keepBusy(emulator, tokens, intervalMs);
  announce(io, globals, flags, emulator, seed);
  await new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve();
    else io.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  rest?.();
  await emulator.close();
}

function announce(io: Io, globals: GlobalOptions, { json }: EmulatorFlags, { url }: Emulator, seed: AccountSeed): void {
  const owner = seed.people.find(({ role }) => role === 'owner');
  if (json) {
    io.out(jsonText({ version: 1, url, token: owner?.token, people: seed.people }, 0));
    return;
  }
  const people = table(seed.people.map(({ name, role, token }) => [`  ${name}`, role, token]));
  io.out(
    `Celigo API emulator at ${styleFor(io, globals).bold(url)}\n\n${people}\n\n` +
      `  export CELIGO_BASE_URL=${url} CELIGO_API_TOKEN=${owner?.token}\n\nPress Ctrl-C to stop.\n`,
  );
}
