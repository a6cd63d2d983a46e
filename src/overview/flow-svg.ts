import { html, raw } from 'hono/html';
import { replaceUnseen } from '../core/unseen.ts';
import { type FlowChanges, type Mark, type Marked, SIGNS } from './flow-changes.ts';
import { type ChartNode, LONGEST_LABEL } from './flow-diagram.ts';

/** Sizes in pixels: of a line of text, of the widest character of Latin letters, and between boxes. */
const LINE = 17;
const CHARACTER = 7;
const PADDING = 10;
const BETWEEN = 18;
const GAP = 44;
/** Height of a cubic curve, as a share of that of its control points. */
const PEAK = 0.75;

/** A box and where it is. */
interface Box {
  readonly node: Marked<ChartNode>;
  readonly lines: readonly string[];
  readonly column: number;
  readonly width: number;
  readonly height: number;
  x: number;
  y: number;
}

type Arrow = FlowChanges['edges'][number];

function shown(name: string): string {
  const plain = [...replaceUnseen(name, ' ')];
  return plain.length > LONGEST_LABEL ? `${plain.slice(0, LONGEST_LABEL - 1).join('')}…` : plain.join('');
}

/** About as wide as a text becomes, in pixels: characters of wide scripts count twice. */
function widthOf(text: string): number {
  return [...text].reduce((sum, char) => sum + (char > '\u2e7f' ? 2 : 1), 0) * CHARACTER;
}

/** The longest way to each part of the flow: its column. A circle of routers ends where it began. */
function columnsOf({ nodes, edges }: FlowChanges): Map<string, number> {
  const columns = new Map(nodes.map(({ item }) => [item.identity, 0]));
  for (let round = 0; round < nodes.length; round++) {
    let moved = false;
    for (const { item } of edges) {
      const next = (columns.get(item.from) ?? 0) + 1;
      if (next <= (columns.get(item.to) ?? 0) || next >= nodes.length) continue;
      columns.set(item.to, next);
      moved = true;
    }
    if (!moved) break;
  }
  return columns;
}

/** Boxes column by column, each beside what leads to it. */
function placed(changes: FlowChanges): Box[] {
  const columns = columnsOf(changes);
  const boxes = changes.nodes.map((node): Box => {
    const [first = '', ...rest] = node.item.lines.map(shown);
    const lines = [`${SIGNS[node.mark]}${first}`, ...rest];
    const width = Math.max(...lines.map(widthOf)) + 2 * PADDING;
    const height = lines.length * LINE + PADDING;
    return { node, lines, column: columns.get(node.item.identity) ?? 0, width, height, x: 0, y: 0 };
  });
  const byIdentity = new Map(boxes.map((box) => [box.node.item.identity, box]));
  let x = 0;
  for (let column = 0; ; column++) {
    const here = boxes.filter((box) => box.column === column);
    if (here.length === 0) return boxes;
    const arrows = here.map(({ node }) => changes.edges.filter(({ item }) => item.to === node.item.identity));
    const wish = new Map(here.map((box, i) => [box, wishOf(arrows[i] ?? [], byIdentity)]));
    const labels = arrows.flat().map(({ item, mark }) => widthOf(`${SIGNS[mark]}${shown(item.label ?? '')}`));
    if (column > 0) x += GAP + Math.max(0, ...labels);
    let y = 0;
    for (const box of here.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0))) {
      box.x = x;
      box.y = Math.max(y, (wish.get(box) ?? 0) - box.height / 2);
      y = box.y + box.height + BETWEEN;
    }
    x += Math.max(...here.map(({ width }) => width));
  }
}

/** The height at which a box would like to be: in the middle of those that lead to it. */
function wishOf(arrows: readonly Arrow[], boxes: ReadonlyMap<string, Box>): number {
  const middles = arrows.flatMap(({ item }) => {
    const from = boxes.get(item.from);
    return from ? [from.y + from.height / 2] : [];
  });
  return middles.length === 0 ? 0 : middles.reduce((sum, one) => sum + one, 0) / middles.length;
}

function boxMarkup({ node: { item, mark }, lines, x, y, width, height }: Box): string {
  const round = item.shape[0].startsWith('(') ? height / 2 : item.shape[0] === '{"' ? 0 : 4;
  const texts = lines.map(
    (line, i) => html`<text x="${x + width / 2}" y="${y + PADDING / 2 + 13 + i * LINE}">${line}</text>`,
  );
  const rect = html`<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${round}"/>`;
  return `<g class="${mark}">${rect}${texts.join('')}</g>`;
}

/** How far the ends of an arrow are drawn upwards: it leads over what is in the columns between, not behind it. */
function bowOf(from: Box, to: Box, boxes: ReadonlyMap<string, Box>): number {
  const between = [...boxes.values()].filter(({ column }) => column > from.column && column < to.column);
  if (between.length === 0) return 0;
  return (Math.max(...between.map(({ height }) => height)) / 2 + PADDING) / PEAK;
}

function arrowMarkup({ item, mark }: Arrow, boxes: ReadonlyMap<string, Box>): string {
  const [from, to] = [boxes.get(item.from), boxes.get(item.to)];
  if (!from || !to) return '';
  const [x1, y1] = [from.x + from.width, from.y + from.height / 2];
  const [x2, y2] = [to.x, to.y + to.height / 2];
  const bow = bowOf(from, to, boxes);
  const bend = bow > 0 ? 24 : Math.max(16, (x2 - x1) / 3);
  const line = html`<path d="M${x1} ${y1}C${x1 + bend} ${y1 - bow} ${x2 - bend} ${y2 - bow} ${x2 - 6} ${y2}"/>`;
  const tip = html`<path class="tip" d="M${x2} ${y2}l-8 -4v8z"/>`;
  const text = item.label === undefined ? '' : `${SIGNS[mark]}${shown(item.label)}`;
  const label =
    text === '' ? '' : html`<text x="${(x1 + x2) / 2}" y="${(y1 + y2) / 2 - bow * PEAK - 5}">${text}</text>`;
  return `<g class="${mark}">${line}${tip}${label}</g>`;
}

/** What the picture says, in a sentence. */
function described({ nodes }: FlowChanges): string {
  const named = (mark: Mark): string[] =>
    nodes.filter((one) => one.mark === mark).map(({ item }) => shown(item.lines[0] ?? ''));
  const parts = (['added', 'removed', 'changed'] as const).flatMap((mark) => {
    const names = named(mark);
    return names.length === 0 ? [] : [`${mark}: ${names.join(', ')}`];
  });
  return `Steps of the flow; ${parts.join('; ') || 'their order changed'}`;
}

/**
 * A flow before and after as an SVG image, with the marks as classes (`added`, `removed`, `changed`, `same`): the page
 * that it is part of has the colours. No name of the account is markup.
 */
export function flowChangesSvg(changes: FlowChanges): string {
  const boxes = placed(changes);
  const byIdentity = new Map(boxes.map((box) => [box.node.item.identity, box]));
  const width = Math.ceil(Math.max(...boxes.map((box) => box.x + box.width))) + 2;
  const height = Math.ceil(Math.max(...boxes.map((box) => box.y + box.height))) + 2;
  const parts = [...changes.edges.map((arrow) => arrowMarkup(arrow, byIdentity)), ...boxes.map(boxMarkup)].join('');
  const bows = changes.edges.map(({ item }) => {
    const [from, to] = [byIdentity.get(item.from), byIdentity.get(item.to)];
    return from && to ? bowOf(from, to, byIdentity) : 0;
  });
  // Room above for arrows that lead over boxes, with their labels.
  const above = Math.ceil(Math.max(1, ...bows));
  const tall = height + above;
  const size = html`width="${width}" height="${tall}" viewBox="-1 ${-above} ${width} ${tall}"`;
  const label = described(changes);
  return html`<svg class="flow" ${raw(size)} role="img" aria-label="${label}">${raw(parts)}</svg>`.toString();
}
