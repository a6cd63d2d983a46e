import { shortened } from '../core/cut.ts';
import type { Json } from '../core/json.ts';
import type { Message } from './messages.ts';

/** Teams refuses messages of more than 28 KB. Characters of text; JSON and UTF-8 make more of some. */
const LONGEST = 6_000;
/** Buttons that lead to commits. */
const MOST_LINKS = 5;
const COLOURS = { info: 'Default', warning: 'Warning', critical: 'Attention' } as const;

/** Links of a message, each once. */
function linksOf({ changes, watched = [] }: Message): (readonly [commit: string, link: string])[] {
  const all = [...watched.flatMap((group) => group.changes), ...changes];
  const links = new Map(all.flatMap(({ commit, link }) => (link === undefined ? [] : [[commit, link] as const])));
  return [...links].slice(0, MOST_LINKS);
}

/**
 * A message for the webhook of a Teams workflow: an Adaptive Card in an envelope. Runs of text know no Markdown, so
 * names are shown as they are.
 */
export function teamsCard(text: string, message: Message): Json {
  const [head = '', ...lines] = shortened(text, LONGEST, '\n…')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const block = (line: string, more: Record<string, Json>): Json => ({
    type: 'RichTextBlock',
    inlines: [{ type: 'TextRun', text: line.trim(), ...more }],
  });
  const color = message.severity === undefined ? {} : { color: COLOURS[message.severity] };
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'Full' },
          body: [block(head, { weight: 'Bolder', ...color }), ...lines.map((line) => block(line, {}))],
          actions: linksOf(message).map(([commit, url]) => ({
            type: 'Action.OpenUrl',
            title: `Commit ${commit.slice(0, 10)}`,
            url,
          })),
        },
      },
    ],
  };
}
