import type { Finding } from './lint.ts';
import type { Rule } from './types.ts';

/** A finding with the file it is in, from the root of the repository. */
export interface Located extends Finding {
  readonly path: string;
}

const LEVELS = { error: 'error', warning: 'warning', info: 'note' } as const;

/** Findings in the form that forges show beside the lines of a change (SARIF 2.1.0). */
export function sarif(findings: readonly Located[], rules: readonly Rule[], version: string) {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'celigo-mirror',
            version,
            rules: rules.map(({ id, about, severity }) => ({
              id,
              shortDescription: { text: about },
              defaultConfiguration: { level: LEVELS[severity] },
            })),
          },
        },
        results: findings.map(({ rule, severity, message, path, place, line, key }) => ({
          ruleId: rule,
          level: LEVELS[severity],
          message: { text: place === undefined ? message : `${place}: ${message}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: path.split('/').map(encodeURIComponent).join('/') },
                // The line is one of a text inside the document, whose own line is not known.
                region: { startLine: 1 },
              },
            },
          ],
          // The same finding stays the same one when the file is renamed or lines move.
          partialFingerprints: { 'celigoMirror/v1': [rule, key, place ?? '', line ?? ''].join(' ') },
        })),
      },
    ],
  };
}
