import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Deployment } from 'kubernetes-models/apps/v1';
import { CronJob } from 'kubernetes-models/batch/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { ConfigMap, Namespace, PersistentVolumeClaim, Service } from 'kubernetes-models/v1';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import { tempDir } from '../support/workspace.ts';

const ROOT = fileURLToPath(new URL('../../deploy/kubernetes/', import.meta.url));

/** The official schemas of the kinds we ship. */
const KINDS: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  'apps/v1 Deployment': Deployment,
  'batch/v1 CronJob': CronJob,
  'networking.k8s.io/v1 NetworkPolicy': NetworkPolicy,
  'v1 ConfigMap': ConfigMap,
  'v1 Namespace': Namespace,
  'v1 PersistentVolumeClaim': PersistentVolumeClaim,
  'v1 Service': Service,
};

/** Those of the Prometheus operator have no package that runs on every supported Node: the fields that we use. */
const OPERATOR: Readonly<Record<string, z.ZodType>> = {
  ServiceMonitor: z.strictObject({
    selector: z.strictObject({ matchLabels: z.record(z.string(), z.string()) }),
    endpoints: z.array(z.strictObject({ port: z.string(), path: z.string(), interval: z.string() })),
  }),
  // test/deploy/monitoring compares its rules with those that promtool checks.
  PrometheusRule: z.strictObject({ groups: z.array(z.unknown()).min(1) }),
};

const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});
type Manifest = z.infer<typeof manifest>;

const files = readdirSync(ROOT, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));
/** Folders that people apply: a component is a part of others. */
const folders = files
  .filter((file) => file.endsWith('kustomization.yaml') && !/^kind: Component$/m.test(readFileSync(file, 'utf8')))
  .map((file) => relative(ROOT, dirname(file)));

const hasKubectl = spawnSync('kubectl', ['version', '--client']).error === undefined;

const known = new Map<string, Manifest[]>();

/** A folder beside those of the project, with this kustomization. Paths begin at deploy/kubernetes. */
function overlay(content: { readonly [key: string]: unknown; readonly resources: readonly string[] }): string {
  const dir = tempDir();
  const here = (path: string): string => relative(dir, join(ROOT, path));
  const { components = [] } = content as { components?: readonly string[] };
  const all = { ...content, resources: content.resources.map(here), components: components.map(here) };
  writeFileSync(join(dir, 'kustomization.yaml'), stringify(all));
  return relative(ROOT, dir);
}

/** What the schemas have against a manifest: faults, and keys that they do not know. */
function faultsOf(document: Manifest): string[] {
  const { apiVersion, kind } = document;
  const Model = KINDS[`${apiVersion} ${kind}`];
  if (!Model) throw new Error(`no schema of ${apiVersion} ${kind}`);
  const unread = new Set<string>();
  const model = new Model(document as never);
  for (const [key, held] of Object.entries(document)) Object.assign(model, { [key]: observed(held, key, unread) });
  model.validate();
  return [...unread];
}

/** What `kubectl apply -k` would send. */
function built(folder: string): Manifest[] {
  const before = known.get(folder);
  if (before) return before;
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', join(ROOT, folder)], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const all = parseAllDocuments(stdout).map((document) => {
    expect(document.errors).toEqual([]);
    return manifest.parse(document.toJS());
  });
  known.set(folder, all);
  return all;
}

/** The value at a JSON pointer; fails where there is none. */
function at(document: unknown, pointer: string): unknown {
  let value = document;
  for (const step of pointer.split('/').slice(1)) {
    value = (value as Record<string, unknown> | undefined)?.[step];
  }
  return value;
}

/**
 * A copy that notes what is read of it. The schemas let unknown keys pass, and their validators never look at them:
 * what was not looked at is a slip of the pen.
 */
function observed(value: unknown, path: string, unread: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item, i) => observed(item, `${path}[${i}]`, unread));
  const copy = Object.fromEntries(
    Object.entries(value).map(([key, held]) => [key, observed(held, `${path}.${key}`, unread)]),
  );
  for (const key of Object.keys(copy)) unread.add(`${path}.${key}`);
  return new Proxy(copy, {
    get(target, key, receiver) {
      unread.delete(`${path}.${String(key)}`);
      return Reflect.get(target, key, receiver);
    },
    // Maps of free keys (labels, limits) are walked through.
    ownKeys(target) {
      for (const key of Object.keys(target)) unread.delete(`${path}.${key}`);
      return Reflect.ownKeys(target);
    },
  });
}

describe.skipIf(!hasKubectl)('kubectl apply -k', () => {
  it.each(folders)('%s sends valid manifests', (folder) => {
    for (const document of built(folder)) {
      const operator = OPERATOR[document.kind];
      if (operator) operator.parse(document.spec);
      else expect(faultsOf(document)).toEqual([]);
    }
  });

  it.each(folders)('%s names no ConfigMap or claim that it does not make', (folder) => {
    const all = built(folder);
    const text = JSON.stringify(all);
    const made = new Set(all.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
    const named = [
      ...[...text.matchAll(/"configMap(?:Ref|KeyRef)?":\{[^{}]*"name":"([^"]+)"/g)].map(
        ([, name]) => `ConfigMap ${name}`,
      ),
      ...[...text.matchAll(/"claimName":"([^"]+)"/g)].map(([, name]) => `PersistentVolumeClaim ${name}`),
    ];
    expect(named.filter((one) => !made.has(one))).toEqual([]);
  });

  it.each(folders)('%s keeps to the restricted pod standard', (folder) => {
    for (const document of built(folder)) {
      const template =
        document.kind === 'Deployment'
          ? at(document, '/spec/template')
          : document.kind === 'CronJob'
            ? at(document, '/spec/jobTemplate/spec/template')
            : undefined;
      if (template === undefined) continue;
      expect(at(template, '/spec/securityContext')).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(at(template, '/spec/containers/0/securityContext')).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(at(template, '/spec/automountServiceAccountToken')).toBe(false);
    }
  });

  it('gives each account its own settings, secret, schedule and name', () => {
    const jobs = built('accounts').filter(({ kind }) => kind === 'CronJob');

    expect(jobs.length).toBeGreaterThan(1);
    const spec = '/spec/jobTemplate/spec/template/spec';
    for (const place of ['/spec/schedule', `${spec}/volumes/2/secret/secretName`, `${spec}/containers/0/envFrom`]) {
      const values = jobs.map((job) => JSON.stringify(at(job, place)));
      expect(new Set(values).size, place).toBe(jobs.length);
    }
  });
});

describe.skipIf(!hasKubectl)('an option', () => {
  it('for metrics gives each CronJob a file of its own on the node', () => {
    const jobs = built(overlay({ resources: ['accounts/acme-production', 'drill'] })).filter(
      ({ kind }) => kind === 'CronJob',
    );
    const plain = built(overlay({ resources: ['drill', 'cronjob'], components: ['textfile'] })).filter(
      ({ kind }) => kind === 'CronJob',
    );

    expect(jobs.flatMap((job) => JSON.stringify(job).match(/metrics-file/g) ?? [])).toEqual([]);
    const pod = '/spec/jobTemplate/spec/template/spec';
    expect(plain.map((job) => at(job, `${pod}/containers/0/args`))).toEqual([
      ['drill', '--metrics-file=/metrics/celigo-mirror-drill.prom'],
      ['sync', '--stateless', '--metrics-file=/metrics/celigo-mirror-$(MIRROR_ACCOUNT).prom'],
    ]);
    for (const job of plain) {
      expect(faultsOf(job)).toEqual([]);
      expect(at(job, `${pod}/nodeSelector`)).toEqual({ 'celigo-mirror/metrics': 'true' });
    }
  });

  it('for further ports is a patch, as the documentation has it', () => {
    const text = readFileSync(join(ROOT, '../../docs/deployment.md'), 'utf8');
    const [, patch = ''] = /```yaml\n(patches:\n(?:(?!```)[\s\S])*NetworkPolicy[\s\S]*?)```/.exec(text) ?? [];
    const [policy] = built(overlay({ resources: ['base'], ...(parse(patch) as object) })).filter(
      ({ kind }) => kind === 'NetworkPolicy',
    );

    const ports = at(policy, '/spec/egress/0/ports') as { port: number }[];
    expect(ports.map(({ port }) => port)).toEqual([53, 53, 443, 22, 587, 3128, 7999]);
  });
});

it('leaves no manifest out', () => {
  const named = files
    .filter((file) => file.endsWith('kustomization.yaml'))
    .flatMap((file) => {
      const { resources = [], configMapGenerator = [] } = parse(readFileSync(file, 'utf8')) as {
        resources?: string[];
        configMapGenerator?: { files?: string[] }[];
      };
      const own = [...resources, ...configMapGenerator.flatMap((map) => map.files ?? [])];
      return [file, ...own.map((name) => join(dirname(file), name))];
    });
  for (const file of named) expect(existsSync(file), file).toBe(true);
  expect(files.filter((file) => !named.includes(file))).toEqual([]);
});
