/** The page's own script: filters, opens and closes, and prepares for printing. It loads and sends nothing. */
export const PAGE_SCRIPT = `(() => {
  'use strict';
  const all = [...document.querySelectorAll('details.x')];
  const days = [...document.querySelectorAll('section.day')];
  const form = document.getElementById('filter');
  const count = document.getElementById('count');
  const texts = new Map();
  const textOf = (item) => {
    let text = texts.get(item);
    if (text === undefined) {
      text = item.textContent.toLowerCase();
      texts.set(item, text);
    }
    return text;
  };
  const apply = () => {
    const { q, t, w, p } = form.elements;
    const words = q.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const item of all) {
      const { t: type, w: what, p: person } = item.dataset;
      const fits =
        (t.value === '' || t.value === type) &&
        (w.value === '' || w.value === what) &&
        (p.value === '' || p.value === person) &&
        words.every((word) => textOf(item).includes(word));
      item.hidden = !fits;
      if (fits) shown += 1;
    }
    for (const day of days) day.hidden = !day.querySelector('details.x:not([hidden])');
    count.textContent = shown === all.length ? all.length + ' changes' : shown + ' of ' + all.length + ' changes';
  };
  let timer;
  form.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(apply, all.length > 2000 ? 200 : 0);
  });
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', () => setTimeout(apply));
  const setOpen = (open) => {
    for (const item of all) if (!item.hidden) item.open = open;
  };
  document.getElementById('open').addEventListener('click', () => setOpen(true));
  document.getElementById('close').addEventListener('click', () => setOpen(false));
  let closed = [];
  addEventListener('beforeprint', () => {
    closed = all.filter((item) => !item.hidden && !item.open);
    for (const item of closed) item.open = true;
  });
  addEventListener('afterprint', () => {
    for (const item of closed) item.open = false;
    closed = [];
  });
  form.hidden = false;
  apply();
})();`;
