import { type AddressInfo, connect, createServer } from 'node:net';
import { onTestFinished } from 'vitest';

/** A proxy that makes tunnels (CONNECT), closed when the test ends. `targets`: where to, in order. */
export async function tunnelProxy(): Promise<{ url: string; targets: string[] }> {
  const targets: string[] = [];
  const open = new Set<{ destroy(): unknown }>();
  const server = createServer((client) => {
    open.add(client);
    client.on('error', () => client.destroy());
    client.once('data', (head) => {
      const target = /^CONNECT (\S+):(\d+) HTTP/.exec(head.toString());
      if (!target) {
        client.destroy();
        return;
      }
      targets.push(`${target[1]}:${target[2]}`);
      const far = connect(Number(target[2]), target[1], () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(far).pipe(client);
      });
      open.add(far);
      far.on('error', () => client.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, targets };
}
