// The floor: a process that only fetches the pages with undici, as concurrently as the program, and parses them.
import { Agent, type Dispatcher, request } from 'undici';
import { RESOURCE_TYPES } from '../src/catalogue/index.ts';

const base = process.argv[2] ?? '';
const dispatcher = new Agent({ connections: 6 });
let records = 0;
await Promise.all(
  RESOURCE_TYPES.filter((type) => type.presence !== 'optIn').map(async (type) => {
    let url: string | undefined = `${base}${type.list.path}?limit=1000`;
    while (url) {
      const answer: Dispatcher.ResponseData = await request(url, {
        dispatcher,
        headers: { authorization: 'Bearer bench-token' },
      });
      const text = await answer.body.text();
      if (text !== '') records += (JSON.parse(text) as unknown[]).length;
      url = /<([^>]+)>;\s*rel="next"/.exec(String(answer.headers.link ?? ''))?.[1];
    }
  }),
);
await dispatcher.close();
process.stdout.write(`${records}\n`);
