/** Colours keep a contrast of at least 4.5 to 1 with their background: light, dark and on paper. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --bg: #fff; --fg: #1c2024; --soft: #59616b; --line: #d5d9de; --panel: #f5f6f8;
  --link: #0b57b7; --add: #0f6a33; --addbg: #e4f6ea; --del: #a3191f; --delbg: #fdeaea; --chg: #1f5fae; --chgbg: #fff1cf;
  --kw: #8a2a86; --str: #0b5d3b; --num: #8c4a00; --com: #5d6570; --fn: #0b57b7; }
@media (prefers-color-scheme: dark) { :root { --bg: #14171a; --fg: #e6e8ea; --soft: #a4adb6; --line: #3a4148;
  --panel: #1d2125; --link: #7db7ff; --add: #6fd694; --addbg: #12301d; --del: #ff9c9c; --delbg: #3b1719;
  --chg: #78aef0; --chgbg: #3a2e10; --kw: #e29be0; --str: #8fd9b0; --num: #f0b878; --com: #9aa3ad; --fn: #7db7ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 75rem; padding: 1.5rem; background: var(--bg); color: var(--fg);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
a { color: var(--link); } .n, .lead { color: var(--soft); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; } .skip:focus { position: static; }
.two { display: grid; gap: 0 2rem; grid-template-columns: repeat(auto-fit, minmax(min(32rem, 100%), 1fr));
  align-items: start; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .5rem 0; }
th, td { padding: .2rem .5rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; overflow-wrap: break-word; min-width: 7rem; max-width: 16rem; }
thead th { color: var(--soft); font-weight: 500; }
tbody th { font-weight: 400; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font-size: 12px; }
svg line { stroke: var(--line); } .changed { --c: var(--chg); } .added, .restored { --c: var(--add); }
.deleted { --c: var(--del); } .renamed { --c: var(--chg); }
svg rect { fill: var(--c); }
.drawn { margin: 0 0 .8rem 1rem; border: 1px solid var(--line); padding: .6rem; }
svg.flow { width: auto; height: auto; max-width: none; } svg.flow g { --c: var(--soft); --cbg: var(--panel); }
svg.flow g.added { --c: var(--add); --cbg: var(--addbg); } svg.flow g.removed { --c: var(--del); --cbg: var(--delbg); }
svg.flow g.changed { --c: var(--num); --cbg: var(--chgbg); } svg.flow rect { fill: var(--cbg); stroke: var(--c); }
svg.flow .added :is(rect, path), svg.flow .changed rect, svg.flow .removed :is(rect, path) { stroke-width: 2px; }
svg.flow path { fill: none; stroke: var(--c); } svg.flow path.tip { fill: var(--c); }
svg.flow .removed :is(rect, path) { stroke-dasharray: 5 4; } svg.flow .removed path.tip { stroke-dasharray: none; }
svg.flow text { fill: var(--fg); text-anchor: middle; }
.key { display: flex; gap: 1.5rem; padding: 0; margin: .3rem 0; list-style: none; }
.key span { display: inline-block; width: .8em; height: .8em; background: var(--c); margin-right: .4em; }
form { position: sticky; top: 0; z-index: 1; background: var(--bg); border-bottom: 1px solid var(--line);
  padding: .6rem 0;
  display: flex; flex-wrap: wrap; gap: .5rem .8rem; align-items: end; }
form[hidden] { display: none; } label { display: grid; font-size: .85rem; color: var(--soft); }
label.q { flex: 1 1 14rem; }
input, select, button { font: inherit; color: var(--fg); background: var(--panel); border: 1px solid var(--soft);
  border-radius: 4px; padding: .25rem .5rem; max-width: 16rem; }
label.q input { max-width: none; width: 100%; } output { font-size: .9rem; color: var(--soft); min-width: 9rem; }
details.x { border-bottom: 1px solid var(--line); content-visibility: auto; contain-intrinsic-height: auto 2.2rem; }
summary { padding: .3rem 0; cursor: pointer; overflow-wrap: anywhere; }
summary time { color: var(--soft); font-variant-numeric: tabular-nums; }
.w { color: var(--c); font-weight: 600; display: inline-block; min-width: 5.2em; } .k, .a, .f { color: var(--soft); }
.a::before { content: '· '; }
.f { margin: .2rem 0 .4rem 1rem; font-size: .9rem; overflow-wrap: anywhere; } dl { margin: 0 0 .8rem 1rem; }
dt { font-family: ui-monospace, monospace; font-size: .85rem; color: var(--soft); overflow-wrap: anywhere; }
dd { margin: 0 0 .4rem; overflow-wrap: anywhere; }
ins, del, pre, code { font-family: ui-monospace, monospace; font-size: .85rem; }
ins { color: var(--add); background: var(--addbg); text-decoration: none; padding: 0 .2em; }
del { color: var(--del); background: var(--delbg); padding: 0 .2em; }
pre { margin: 0; border: 1px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere; }
pre span.p, pre span.m, pre span.c, pre span.g { display: block; padding-left: 4.6em; text-indent: -4.6em; }
pre span.p { background: var(--addbg); } pre span.m { background: var(--delbg); }
pre span.g { color: var(--soft); text-indent: 0; }
pre i { display: inline-block; width: 3.4em; text-align: right; color: var(--soft); font-style: normal;
  user-select: none; text-indent: 0; }
pre b { display: inline-block; width: 1.2em; text-align: center; font-weight: 600; text-indent: 0; }
.hljs-keyword, .hljs-literal, .hljs-built_in, .hljs-name { color: var(--kw); }
.hljs-string, .hljs-regexp, .hljs-bullet { color: var(--str); }
.hljs-number, .hljs-symbol { color: var(--num); } .hljs-comment { color: var(--com); }
.hljs-title, .hljs-attr, .hljs-section { color: var(--fn); }
@media print {
  :root { color-scheme: light; --bg: #fff; --fg: #000; --soft: #444; --line: #bbb; --panel: #fff; --link: #000;
    --add: #0b5a2b; --addbg: #eef8f1; --del: #8c1116;
    --delbg: #fdf0f0; --chg: #174f94; --chgbg: #fff6e0; --kw: #6d1f6a; --str: #0a4a2f; --num: #6f3b00;
    --com: #444; --fn: #08438f; }
  body { max-width: none; padding: 0; font-size: 10pt; } form, .skip, details:not(.x) { display: none !important; }
  details.x { content-visibility: visible; } details.x::details-content { content-visibility: visible; height: auto; }
  svg.flow { max-width: 100%; }
  summary { list-style: none; break-after: avoid; } summary::-webkit-details-marker { display: none; }
  h2, h3 { break-after: avoid; } tr { break-inside: avoid; }
  * { print-color-adjust: exact; }
}
@media (prefers-reduced-motion: no-preference) { :root { scroll-behavior: smooth; } }
`;
