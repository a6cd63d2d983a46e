import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A key made for these tests, and a certificate for 127.0.0.1 that nobody but itself vouches for. */
const KEY = [
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEyC+usaLf5OoC7P+iYQdD2KUS+SpdMWYMvZE9OcjQyqhRANC',
  'AASHB12Tt/W090JiQDnIFDZ94iVrx5PHR0zaFtHMk50CZ/UsiDL6BrJdKAObHsklQGJNUTJx2urtHIO0c8d+2zWY',
].join('');
const CERTIFICATE = [
  'MIIBkDCCATagAwIBAgIUQrRcGX1gB9gpbysVxjSZ6Etm6V4wCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJMTI3LjAuMC4xMCAX',
  'DTI2MTEyNzA3MjUzNVoYDzIxMjYxMTAzMDcyNTM1WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO',
  'PQMBBwNCAASHB12Tt/W090JiQDnIFDZ94iVrx5PHR0zaFtHMk50CZ/UsiDL6BrJdKAObHsklQGJNUTJx2urtHIO0c8d+2zWY',
  'o2QwYjAdBgNVHQ4EFgQUmNCeHB5cTNO0wN1IAnvFoNsfg60wHwYDVR0jBBgwFoAUmNCeHB5cTNO0wN1IAnvFoNsfg60wDwYD',
  'VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUCIAbDjeFIjFnBF9mboZvfjEuLLxd8SeIB',
  'wvycPQ+uzcRJAiEAyAa3KIAolstJbITjIHXp871OwlkBBfHuvzqtdE8Pozc=',
].join('');

function pem(kind: string, base64: string): string {
  return `-----BEGIN ${kind}-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END ${kind}-----\n`;
}

/** An HTTPS server that no client should trust, closed when the test ends. Gives its URL. */
export async function selfSigned(handler: RequestListener): Promise<string> {
  const server = createServer({ key: pem('PRIVATE KEY', KEY), cert: pem('CERTIFICATE', CERTIFICATE) }, handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
