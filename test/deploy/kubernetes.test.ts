import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Deployment } from 'kubernetes-models/apps/v1';
import { CronJob } from 'kubernetes-models/batch/v1';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { Namespace, PersistentVolumeClaim, Service } from 'kubernetes-models/v1';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('../../deploy/kubernetes/', import.meta.url));

/** The official schemas of the kinds we ship. */
const KINDS: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  'apps/v1 Deployment': Deployment,
  'batch/v1 CronJob': CronJob,
  'networking.k8s.io/v1 NetworkPolicy': NetworkPolicy,
  'v1 Namespace': Namespace,
  'v1 PersistentVolumeClaim': PersistentVolumeClaim,
  'v1 Service': Service,
};

const manifest = z.looseObject({ apiVersion: z.string(), kind: z.string() });

/** The parts of a kustomization that we use; anything else is a slip of the pen. */
const kustomization = z.strictObject({
  apiVersion: z.literal('kustomize.config.k8s.io/v1beta1'),
  kind: z.literal('Kustomization'),
  namespace: z.string().optional(),
  nameSuffix: z.string().optional(),
  resources: z.array(z.string()).min(1),
  labels: z
    .array(
      z.strictObject({
        pairs: z.record(z.string(), z.string()),
        includeSelectors: z.boolean().optional(),
        includeTemplates: z.boolean().optional(),
      }),
    )
    .optional(),
  generatorOptions: z.strictObject({ disableNameSuffixHash: z.boolean() }).optional(),
  configMapGenerator: z
    .array(
      z.strictObject({
        name: z.string(),
        files: z.array(z.string()).optional(),
        literals: z.array(z.string()).optional(),
      }),
    )
    .optional(),
  images: z.array(z.strictObject({ name: z.string(), newName: z.string(), newTag: z.string() })).optional(),
  patches: z.array(z.strictObject({ target: z.record(z.string(), z.string()), patch: z.string() })).optional(),
});

const operations = z.array(z.strictObject({ op: z.literal('replace'), path: z.string(), value: z.unknown() }));

const files = readdirSync(ROOT, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));
const kustomizations = files.filter((file) => file.endsWith('kustomization.yaml'));

function documents(file: string): unknown[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => {
    expect(document.errors, file).toEqual([]);
    return document.toJS() as unknown;
  });
}

function read(file: string): z.infer<typeof kustomization> {
  const [only] = documents(file);
  return kustomization.parse(only);
}

/** Manifests that a kustomization takes in, those of the kustomizations below included. */
function manifestsOf(file: string): string[] {
  return read(file).resources.flatMap((resource) => {
    const path = join(dirname(file), resource);
    return statSync(path).isDirectory() ? manifestsOf(join(path, 'kustomization.yaml')) : [path];
  });
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
 * A copy that notes what is read of it. The schemas let unknown keys pass, and their validators never look at them: what
 * was not looked at is a slip of the pen.
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

const manifests = [...new Set(kustomizations.flatMap(manifestsOf))];

describe('kustomizations', () => {
  it.each(kustomizations.map((file) => [relative(ROOT, file), file]))('%s is whole', (_name, file) => {
    const own = read(file);

    for (const name of [...own.resources, ...(own.configMapGenerator ?? []).flatMap((map) => map.files ?? [])]) {
      expect(existsSync(join(dirname(file), name)), name).toBe(true);
    }
  });

  it('replace only what is there', () => {
    for (const file of kustomizations) {
      for (const { target, patch } of read(file).patches ?? []) {
        const [steps] = parseAllDocuments(patch).map((document) => document.toJS() as unknown);
        const targets = manifestsOf(file)
          .flatMap(documents)
          .map((document) => manifest.parse(document))
          .filter(({ kind }) => kind === target.kind);
        expect(targets.length, file).toBe(1);
        for (const { path } of operations.parse(steps)) expect(at(targets[0], path), path).toBeDefined();
      }
    }
  });

  it('leave no manifest out', () => {
    const loose = files.filter(
      (file) => !manifests.includes(file) && !kustomizations.includes(file) && !file.endsWith('celigo-mirror.yaml'),
    );
    expect(loose).toEqual([]);
  });
});

describe('manifests', () => {
  it.each(manifests.map((file) => [relative(ROOT, file), file]))('%s is valid', (_name, file) => {
    for (const document of documents(file)) {
      const { apiVersion, kind } = manifest.parse(document);
      const Model = KINDS[`${apiVersion} ${kind}`];
      if (!Model) throw new Error(`no schema of ${apiVersion} ${kind}`);

      // The selector is put in by kustomize, from the labels.
      const whole =
        kind === 'Deployment'
          ? { ...(document as object), spec: { ...(at(document, '/spec') as object), selector: {} } }
          : document;
      const unread = new Set<string>();
      const model = new Model(whole as never);
      for (const [key, held] of Object.entries(whole as object)) {
        Object.assign(model, { [key]: observed(held, key, unread) });
      }
      expect(() => model.validate()).not.toThrow();
      expect([...unread]).toEqual([]);
    }
  });

  it.each(['base/deployment.yaml', 'cronjob/cronjob.yaml', 'drill/cronjob.yaml'])(
    '%s keeps to the restricted pod standard',
    (name) => {
      const [document] = documents(join(ROOT, name));
      const template = at(document, name.startsWith('base') ? '/spec/template' : '/spec/jobTemplate/spec/template');

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
    },
  );
});
