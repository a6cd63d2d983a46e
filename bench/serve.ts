// The emulator in a process of its own, holding a made-up account of the given size.
import { startEmulator } from '../src/emulator/server.ts';
import { benchAccount } from './account.ts';

const emulator = await startEmulator({ seed: benchAccount(Number(process.argv[2])), rateLimit: false });
process.stdout.write(`${emulator.url}\n`);
process.on('SIGTERM', () => void emulator.close().then(() => process.exit(0)));
