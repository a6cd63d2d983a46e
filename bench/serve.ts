// The emulator in a process of its own, holding a made-up account of the given size.
import { emptyAccount, startEmulator } from '../src/emulator/http/server.ts';
import { benchAccount } from './account.ts';

const size = Number(process.argv[2]);
const seed = size === 0 ? { ...emptyAccount(), people: benchAccount(0).people } : benchAccount(size);
const emulator = await startEmulator({ seed, rateLimit: false });
process.stdout.write(`${emulator.url}\n`);
process.on('SIGTERM', () => void emulator.close().then(() => process.exit(0)));
