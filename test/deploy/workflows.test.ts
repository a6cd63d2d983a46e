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
    z.looseObject({
      'timeout-minutes': z.number(),
      needs: z.array(z.string()).optional(),
      permissions: permissions.optional(),
      steps: z.array(step),
    }),
  ),
});
/** Those for the repository of a mirror, and the project's own. */
const paths = ['deploy/github', '.github/workflows'].flatMap((folder) =>
  readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`),
);

/** GitHub's own reader of workflows. It is written for bundlers: its import of a JSON file is none that Node accepts. */
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

  it('mirror on a schedule and drill after each push', () => {
    expect(workflow.parse(parse(text('deploy/github/sync.yml'))).on).toHaveProperty('schedule');
    expect(workflow.parse(parse(text('deploy/github/drill.yml'))).on).toMatchObject({
      push: {},
      workflow_run: { workflows: ['sync'] },
    });
    const gitlab = parse(text('deploy/gitlab/.gitlab-ci.yml')) as Record<string, { script?: string[] }>;
    expect(gitlab.sync?.script).toEqual(['celigo-mirror sync --stateless']);
    expect(gitlab.drill?.script).toContain('celigo-mirror drill .');
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

  it('lets the release alone sign in, after everything else has passed', () => {
    expect(common).toEqual({ contents: 'read' });
    const { release, ...others } = jobs;
    expect(release?.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
    expect(release?.needs?.sort()).toEqual(Object.keys(others).sort());
    for (const job of Object.values(others)) expect(job.permissions).toBeUndefined();
    expect(text('.github/workflows/ci.yml')).not.toContain('secrets.');
  });
});
