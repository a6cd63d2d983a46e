import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** A request that arrived. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Somebody who takes messages over HTTP. */
export interface HttpReceiver {
  readonly url: string;
  readonly received: Received[];
  /** How it answers: a status, or `hang` for never. */
  mood: number | 'hang';
  /** Bodies of what arrived at a path, as JSON. */
  json(path: string): Record<string, unknown>[];
  close(): Promise<void>;
}

export async function httpReceiver(): Promise<HttpReceiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (receiver.mood === 'hang') return;
      if (receiver.mood < 300) {
        received.push({
          method: request.method ?? '',
          path: request.url ?? '',
          headers: request.headers,
          body: Buffer.concat(chunks).toString(),
        });
      }
      response.writeHead(receiver.mood).end('ok');
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const receiver: HttpReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    mood: 200,
    json: (path) =>
      received
        .filter((request) => request.path === path)
        .map(({ body }) => JSON.parse(body) as Record<string, unknown>),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}

/** A mail that arrived, encodings undone. */
export interface Mail {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

/** A mail server on this machine. */
export interface MailReceiver {
  readonly port: number;
  readonly mails: Mail[];
  close(): Promise<void>;
}

/** Undoes quoted-printable, as mails with long lines or umlauts come. */
function plain(raw: string): string {
  if (!/^content-transfer-encoding: quoted-printable/im.test(raw)) return raw;
  const bytes = raw
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

export async function mailReceiver(login?: { user: string; password: string }): Promise<MailReceiver> {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    disabledCommands: login ? ['STARTTLS'] : ['STARTTLS', 'AUTH'],
    allowInsecureAuth: true,
    authOptional: login === undefined,
    onAuth: ({ username, password }, _session, done) => {
      if (username === login?.user && password === login?.password) done(null, { user: username });
      else done(new Error('wrong password'));
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString('latin1');
        const end = raw.indexOf('\r\n\r\n');
        mails.push({
          to: session.envelope.rcptTo.map(({ address }) => address),
          subject: /^subject: (.*(?:\r\n[ \t].*)*)/im.exec(raw)?.[1]?.replace(/\r\n\s+/g, ' ') ?? '',
          text: plain(raw).slice(end > 0 ? plain(raw).indexOf('\r\n\r\n') + 4 : 0),
        });
        done();
      });
    },
  });
  // A client that breaks off is its own affair.
  server.on('error', () => undefined);
  const port = await new Promise<number>((resolve) => {
    const net = server.listen(0, '127.0.0.1', () => resolve((net.address() as AddressInfo).port));
  });
  return { port, mails, close: () => new Promise((resolve) => server.close(() => resolve())) };
}
