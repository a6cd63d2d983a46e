import type { PhrasingContent, RootContent } from 'mdast';
import { changeDiff } from '../core/change-text.ts';
import { counted } from '../core/counted.ts';
import { bullets, code, heading, paragraph, renderMarkdown, text } from '../core/markdown.ts';
import { type Comparison, isSame, type Single } from './compare.ts';
import type { Side } from './sides.ts';
import { called, namedReferences, whyCandidate } from './view.ts';

/** Most lines of the changes of one resource. */
const MOST_LINES = 80;

function singles(own: Side, other: Side, found: readonly Single[]): RootContent[] {
  if (found.length === 0) return [];
  const items = found.map(({ document, candidates }): PhrasingContent[] => [
    text(`${called(own, document)} `),
    code(`${own.account}/${document.path}`),
    ...candidates.map((one) =>
      text(`; perhaps ${called(other, one.document)}, ${one.document.id} (${whyCandidate(one)})`),
    ),
  ]);
  return [heading(2, text(`Only in ${own.account}`)), ...bullets(items)];
}

/** The comparison as Markdown. No name or value of an account can pose as markup. */
export function comparisonMarkdown(comparison: Comparison): string {
  const { sides, paired, onlyLeft, onlyRight, ambiguous, differing } = comparison;
  const { left, right } = sides;
  const named = namedReferences(sides);
  const pairs = differing.flatMap((pair): RootContent[] => {
    const lines = pair.changes.flatMap((change) => changeDiff(named(change)));
    const shown = lines.slice(0, MOST_LINES);
    if (lines.length > shown.length) shown.push(`  … ${lines.length - shown.length} more lines`);
    return [
      heading(3, text(called(left, pair.left))),
      paragraph(code(`${left.account}/${pair.left.path}`), text(' ↔ '), code(`${right.account}/${pair.right.path}`)),
      { type: 'code', lang: 'diff', value: shown.join('\n') },
    ];
  });
  const unclear = ambiguous.map(({ left: ours, right: theirs }): PhrasingContent[] => [
    ...(ours[0] ? [text(`${called(left, ours[0])}: `)] : []),
    text(`${left.account} has ${ours.map(({ id }) => id).join(', ')}; `),
    text(`${right.account} has ${theirs.map(({ id }) => id).join(', ')}`),
  ]);
  const summary = isSame(comparison)
    ? `No differences (${counted(paired, 'pair')} compared).`
    : `${counted(differing.length, 'resource differs', 'resources differ')} (${counted(paired, 'pair')} compared); ` +
      `${onlyLeft.length} only in ${left.account}, ${onlyRight.length} only in ${right.account}.`;
  return renderMarkdown([
    heading(1, text(`${left.account} compared with ${right.account}`)),
    paragraph(text(`${summary} Lines with - are of ${left.account}, those with + of ${right.account}.`)),
    ...singles(left, right, onlyLeft),
    ...singles(right, left, onlyRight),
    ...(pairs.length > 0 ? [heading(2, text('Different')), ...pairs] : []),
    ...(unclear.length > 0
      ? [heading(2, text('Not compared: nothing shows which is which')), ...bullets(unclear)]
      : []),
  ]);
}
