// The floor: a process that only fetches the pages with undici, as concurrently as the program, and parses them. With
// the words `scripts RATE BURST` it also fetches each script by its id, no faster than the program may.
import { setTimeout } from 'node:timers/promises';
import { Agent, type Dispatcher, request } from 'undici';
import { listings } from './listings.ts';

const [base = '', scripts, rate, burst] = process.argv.slice(2);
const dispatcher = new Agent({ connections: 6 });
let records = 0;

async function get(url: string): Promise<Dispatcher.ResponseData> {
  return request(url, { dispatcher, headers: { authorization: 'Bearer bench-token' } });
}

/** All records of a collection. */
async function list(path: string): Promise<{ _id: string }[]> {
  const found: { _id: string }[] = [];
  let url: string | undefined = `${base}${path}`;
  while (url) {
    const answer = await get(url);
    const text = await answer.body.text();
    if (text !== '') found.push(...(JSON.parse(text) as typeof found));
    url = /<([^>]+)>;\s*rel="next"/.exec(String(answer.headers.link ?? ''))?.[1];
  }
  records += found.length;
  return found;
}

/** Fetches each by its id: as many at once as may be sent at once, the others at the allowed rate. */
async function fetchEach(ids: readonly string[]): Promise<void> {
  const started = performance.now();
  await Promise.all(
    ids.map(async (id, i) => {
      const due = started + (Math.max(0, i - Number(burst)) * 1000) / Number(rate);
      if (due > started) await setTimeout(due - started);
      JSON.parse(await (await get(`${base}/v1/scripts/${id}`)).body.text());
    }),
  );
}

await Promise.all(
  Object.entries(listings()).map(async ([type, path]) => {
    const found = await list(path);
    if (type === 'scripts' && scripts) await fetchEach(found.map(({ _id }) => _id));
  }),
);
await dispatcher.close();
process.stdout.write(`${records}\n`);
