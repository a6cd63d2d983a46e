/**
 * What breaks a word: a space without width. People read on; no name of the account holds one in a message, since
 * `oneLine` removes it.
 */
const BREAK = '\u200b';

/** Verbs by which a forge or tracker closes what they name. */
const CLOSING = String.raw`\b(?:clos|complet|deliver|finish|fix|implement|resolv)\w{0,4}:?\s+(?:issues?\s+)?`;

/** Where words are broken that a forge, a tracker or a build server acts on. */
const PLACES: readonly RegExp[] = [
  // People and teams are called: @acme/ops.
  /(?<=(?<!\w)@)(?=\w)/,
  // Issues are closed or linked, work is logged: #12, org/repo#12, AB#12, #close, ^ABC-1; merge requests and epics.
  /(?<=[#^])(?=\w)/,
  /(?<=[!&])(?=\d)/,
  /(?<=\bgh-)(?=\d)/,
  /(?<=\/(?:epics|issues|merge_requests|pull|work_items)\/)(?=\d)/,
  new RegExp(String.raw`(?<=${CLOSING}\w+-)(?=\d)`),
  // Builds and checks are left out: [skip ci], [CF-Pages-Skip], [no ci], ***NO_CI***, skip-checks: true, --skip-ci.
  /(?<=\[)(?!\u200b)(?=[^\][]*(?:\bskip|skip\b|\bno[\s_-]*ci\b))/,
  /(?<=skip)(?=[\s_-]*(?:checks|ci))/,
  /(?<=ci)(?=[\s_-]+skip)/,
  /(?<=\bno)(?=[\s_-]+ci)/,
];
const DIRECTIVE = new RegExp(PLACES.map(({ source }) => source).join('|'), 'gi');

/** Breaks every word that a forge would act on if a commit held it: text of the account instructs no one. */
export function breakDirectives(text: string): string {
  return text.replace(DIRECTIVE, BREAK);
}

/** The text as it was before {@link breakDirectives}. */
export function joinDirectives(text: string): string {
  return text.replaceAll(BREAK, '');
}
