import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DCLinter } from 'dclint';
import { validate } from 'dockerfile-utils';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Lines of the Dockerfile: comments out, continued ones joined. */
const lines = text('Dockerfile')
  .split('\n')
  .filter((line) => !/^\s*#/.test(line))
  .join('\n')
  .replace(/\s*\\\n\s*/g, ' ')
  .split('\n')
  .filter(Boolean);
const of = (word: string): string[] =>
  lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

const service = z.looseObject({
  profiles: z.array(z.string()),
  environment: z.record(z.string(), z.string()).default({}),
  command: z.array(z.string()).optional(),
  read_only: z.literal(true),
  cap_drop: z.array(z.literal('ALL')).length(1),
  security_opt: z.array(z.literal('no-new-privileges:true')).length(1),
  secrets: z.array(z.string()).default([]),
  network_mode: z.string().optional(),
});
const compose = z
  .looseObject({ services: z.record(z.string(), service) })
  .parse(parse(text('docker-compose.yml'), { merge: true }));

/** What the linter answers; its own types name modules that it does not ship. */
const lintResults = z.array(
  z.looseObject({ messages: z.array(z.looseObject({ line: z.number(), message: z.string() })) }),
);

describe('the Dockerfile', () => {
  it('is well-formed', () => {
    expect(validate(text('Dockerfile'))).toEqual([]);
    expect(validate('FROM scratch\nRUNN true\n')).toHaveLength(1);
  });

  it('begins each stage with a pinned image of Node 24', () => {
    expect(of('ARG')).toEqual([expect.stringMatching(/^NODE_IMAGE=node:24\.\d+\.\d+-bookworm-slim$/)]);
    expect(of('FROM')).toEqual(['${NODE_IMAGE} AS build', '${NODE_IMAGE}']);
  });

  it('runs as a user without rights, given by number', () => {
    expect(of('USER')).toEqual(['10001:10001']);
    const last = lines.findIndex((line) => line.startsWith('USER'));
    expect(lines.slice(last).some((line) => line.startsWith('RUN'))).toBe(false);
  });

  it('starts the daemon below tini, without a shell in between', () => {
    expect(JSON.parse(of('ENTRYPOINT')[0] ?? '')).toEqual(['tini', '--', 'celigo-mirror']);
    expect(JSON.parse(of('CMD')[0] ?? '')).toEqual(['daemon', '--listen', '0.0.0.0:8080']);
    expect(of('STOPSIGNAL')).toEqual(['SIGTERM']);
  });

  it('asks for health where the daemon serves it', () => {
    expect(of('HEALTHCHECK')[0]).toContain('http://127.0.0.1:8080/healthz');
  });

  it('takes packages without what they merely recommend, and leaves no lists behind', () => {
    const [install] = of('RUN').filter((run) => run.includes('apt-get install'));
    expect(install).toContain('--no-install-recommends');
    expect(install).toContain('rm -rf /var/lib/apt/lists/*');
  });

  it('copies only what .dockerignore lets through', () => {
    const let_through = text('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = of('COPY')
      .filter((copy) => !copy.startsWith('--from='))
      .flatMap((copy) => copy.split(' ').slice(0, -1));
    for (const path of copied) {
      expect(
        let_through.some((kept) => path === kept || kept.startsWith(`${path}/`)),
        path,
      ).toBe(true);
      expect(existsSync(join(ROOT, path)), path).toBe(true);
    }
  });

  it('holds no secret', () => {
    for (const line of [...of('ENV'), ...of('ARG')]) expect(line).not.toMatch(/token|password|secret|key/i);
  });
});

describe('docker-compose.yml', () => {
  it('is valid and without fault', () => {
    const style = ['service-keys-order', 'services-alphabetical-order', 'top-level-properties-order'];
    const off = Object.fromEntries([...style, 'require-quotes-in-ports'].map((rule) => [rule, 0]));
    const linter = new DCLinter({ rules: off, quiet: false, debug: false, exclude: [] });

    const results = lintResults.parse(linter.lintFiles([join(ROOT, 'docker-compose.yml')], false));

    expect(results.flatMap(({ messages }) => messages.map(({ line, message }) => `${line}: ${message}`))).toEqual([]);
  });

  it('starts the mirror alone by default, and the demo alone by its profile', () => {
    const byProfile = (profile: string): string[] =>
      Object.entries(compose.services).flatMap(([name, { profiles }]) => (profiles.includes(profile) ? [name] : []));
    expect(text('.env')).toContain('COMPOSE_PROFILES=mirror\n');
    expect(byProfile('mirror')).toEqual(['mirror']);
    expect(byProfile('demo')).toEqual(['demo', 'emulator']);
  });

  it('needs no secret for the demo, and takes those of the mirror from files', () => {
    const { mirror, demo, emulator } = compose.services;
    expect(demo?.secrets).toEqual([]);
    expect(emulator?.secrets).toEqual([]);
    expect(mirror?.secrets).toEqual(['celigo-api-token']);
    expect(mirror?.environment.CELIGO_API_TOKEN_FILE).toBe('/run/secrets/celigo-api-token');
    for (const [name, value] of Object.entries(mirror?.environment ?? {})) {
      if (/TOKEN|SECRET|PASSWORD/.test(name)) expect(value).toMatch(/^\/run\/secrets\//);
    }
  });

  it('lets the demo reach the emulator over the loopback they share', () => {
    const { demo, emulator } = compose.services;
    const port = emulator?.command?.[emulator.command.indexOf('--port') + 1];
    expect(emulator?.network_mode).toBe('service:demo');
    expect(demo?.environment.CELIGO_BASE_URL).toBe(`http://127.0.0.1:${port}`);
  });
});

describe('systemd units', () => {
  const analyse = existsSync('/usr/bin/systemd-analyze') ? it : it.skip;
  analyse('are valid', () => {
    const units = readdirSync(join(ROOT, 'deploy/systemd'))
      .filter((name) => !name.endsWith('.conf'))
      .map((name) => join(ROOT, 'deploy/systemd', name));
    let said = '';
    try {
      execFileSync('systemd-analyze', ['verify', ...units], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      said = String((error as { stderr?: unknown }).stderr);
    }
    // The program is not installed where tests run.
    const faults = said.split('\n').filter((line) => line !== '' && !line.includes('is not executable'));
    expect(faults).toEqual([]);
  });

  it('leave the daemon more time to stop than it takes', () => {
    const stop = /^TimeoutStopSec=(\d+)$/m.exec(text('deploy/systemd/celigo-mirror.service'))?.[1];
    expect(Number(stop)).toBeGreaterThan(20);
  });
});
