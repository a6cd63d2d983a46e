// Loaded with the program (`node --import`): leaves its peak memory (bytes) and CPU time (ms) in a file when it ends.
import { writeFileSync } from 'node:fs';

const file = process.env.BENCH_PEAK_FILE;
if (file) {
  process.on('exit', () => {
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
    writeFileSync(file, JSON.stringify({ peak: maxRSS * 1024, cpuMs: (userCPUTime + systemCPUTime) / 1000 }));
  });
}
