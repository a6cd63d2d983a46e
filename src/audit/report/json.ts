import type { CommitLink } from '../../core/commit-links.ts';
import { fieldChangeJson } from '../../core/field-diff.ts';
import { jsonText } from '../../core/unseen.ts';
import { entryJson } from '../entry-json.ts';
import type { Report, ReportChange } from './model.ts';

function changeJson(account: string, { entry, fields, document }: ReportChange, link: CommitLink): unknown {
  const url = link(entry.commit);
  return {
    ...entryJson(account, entry),
    ...(url === undefined ? {} : { url }),
    fields: fields.map(fieldChangeJson),
    ...(document ? { document } : {}),
  };
}

/** The report as one JSON document, in pieces, since it may be large. Nothing is cut. */
export function* reportJson(report: Report, link: CommitLink): Generator<string> {
  const { account, from, to, madeAt, found, cut, byType, byPerson, changes } = report;
  const head = {
    version: 1,
    account,
    from: from?.toISOString() ?? null,
    to: to.toISOString(),
    madeAt: madeAt.toISOString(),
    found,
    cut,
    byType: byType.map(({ key, counts, total }) => ({ type: key, ...counts, total })),
    byPerson: byPerson.map(({ key, counts, total }) => ({ person: key, ...counts, total })),
  };
  yield `${jsonText(head, 0).slice(0, -2)},"changes":[`;
  for (const [i, change] of changes.entries()) {
    yield `${i > 0 ? ',' : ''}\n${jsonText(changeJson(account, change, link), 0).trimEnd()}`;
  }
  yield ']}\n';
}
