// What the page does in a browser: the timeline, its filters, its keys. It makes elements and text only, never markup, and
// rows as they are needed: a session of 10,000 records is on screen before most of them are.

export const SCRIPT: string = String.raw`'use strict';
(() => {
const CHUNK = 100;
const WORDS = { allow: 'Allowed', deny: 'Denied', audit: 'Let through', event: 'Event' };
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId('data').textContent);
const { rows, rules, reasons, surfaces, effects, start } = data;
const [body, count, query, filters, more, reset] = ['rows', 'count', 'query', 'filters', 'more', 'reset'].map(byId);
const number = (n) => n.toLocaleString('en-US');
let matches = [];
let shown = 0;
let lowered;

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function textOf(index) {
  lowered ??= new Array(rows.length);
  return (lowered[index] ??= (() => {
    const [, , , text, rule, reason] = rows[index];
    return [text, ...(rules[rule] ?? []).slice(0, 2), reasons[reason] ?? ''].join('\n').toLowerCase();
  })());
}

function chosen(name) {
  return new Set([...filters.querySelectorAll('input[name=' + name + ']')].map((box, i) => (box.checked ? i : -1)));
}

function filter() {
  const [isEffect, isSurface] = [chosen('effect'), chosen('surface')];
  const words = query.value.trim().toLowerCase();
  matches = [];
  for (let i = 0; i < rows.length; i += 1) {
    const row = rows[i];
    if (!isEffect.has(row[1]) || !isSurface.has(row[2])) continue;
    if (words === '' || textOf(i).includes(words)) matches.push(i);
  }
  body.replaceChildren();
  shown = 0;
  const isAll = matches.length === rows.length;
  count.textContent = isAll
    ? number(rows.length) + (rows.length === 1 ? ' record' : ' records')
    : number(matches.length) + ' of ' + number(rows.length) + ' records';
  reset.hidden = isAll;
  if (matches.length === 0)
    body.append(make('tr', { role: 'row' }, make('td', { role: 'cell', colspan: '4', class: 'empty' }, 'No record fits.')));
  showMore();
}

function showMore() {
  const part = document.createDocumentFragment();
  for (const index of matches.slice(shown, shown + CHUNK)) part.append(toRow(index));
  shown = Math.min(matches.length, shown + CHUNK);
  body.append(part);
  more.hidden = shown >= matches.length;
  if (!more.hidden) more.textContent = 'Show more (' + number(matches.length - shown) + ' left)';
}

function toRow(index) {
  const [time, effect, surface, text, , , times] = rows[index];
  const open = make('button', { type: 'button', class: 'open', 'aria-expanded': 'false', 'data-index': String(index) }, make('code', {}, text));
  if (times > 1) open.append(make('span', { class: 'by' }, ' × ' + number(times)));
  return make('tr', { role: 'row', class: 'record ' + effects[effect] },
    make('td', { role: 'cell', class: 'time' }, clock(time)),
    make('td', { role: 'cell' }, make('span', { class: 'badge' }, WORDS[effects[effect]] ?? '')),
    make('td', { role: 'cell', class: 'soft' }, surfaces[surface] === 'mcp' ? 'tools' : surfaces[surface]),
    make('td', { role: 'cell' }, open));
}

function clock(time) {
  const date = new Date(start + time);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(11, 23);
}

function toDetail(index, id) {
  const [time, , , text, rule, reason] = rows[index];
  const [name, place, remedy] = rules[rule] ?? ['', '', ''];
  const date = new Date(start + time);
  const list = make('dl');
  const add = (term, value, element = 'code') => {
    if (value) list.append(make('dt', {}, term), make('dd', {}, make(element, {}, value)));
  };
  add('Request', text);
  add('Rule', name);
  add('Place', place);
  add('Reason', reasons[reason], 'span');
  add('Time', Number.isNaN(date.getTime()) ? '' : date.toISOString());
  add('Remedy', remedy, 'pre');
  return make('tr', { role: 'row', class: 'detail', id }, make('td', { role: 'cell', colspan: '4' }, list));
}

function toggle(button) {
  const row = button.closest('tr');
  const isOpen = button.getAttribute('aria-expanded') === 'true';
  button.setAttribute('aria-expanded', String(!isOpen));
  if (isOpen) {
    row.nextElementSibling.remove();
    button.removeAttribute('aria-controls');
    return;
  }
  const id = 'detail-' + button.dataset.index;
  row.after(toDetail(Number(button.dataset.index), id));
  button.setAttribute('aria-controls', id);
}

function step(button, by) {
  const all = [...body.querySelectorAll('.open')];
  let at = all.indexOf(button) + by;
  if (at >= all.length && !more.hidden) {
    showMore();
    return step(button, by);
  }
  at = Math.max(0, Math.min(all.length - 1, at));
  all[at]?.focus();
}

body.addEventListener('click', (event) => {
  const button = event.target.closest('.open');
  if (button) toggle(button);
});
body.addEventListener('keydown', (event) => {
  const button = event.target.closest('.open');
  const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
  if (!button || by === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  step(button, by);
});
document.addEventListener('keydown', (event) => {
  const isTyping = event.target.closest('input[type=search],textarea');
  if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    query.focus();
  }
});
query.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || query.value === '') return;
  query.value = '';
  filter();
});
let waiting;
query.addEventListener('input', () => {
  clearTimeout(waiting);
  waiting = setTimeout(filter, 60);
});
filters.addEventListener('change', (event) => {
  if (event.target !== query) filter();
});
filters.addEventListener('submit', (event) => {
  event.preventDefault();
  filter();
});
reset.addEventListener('click', () => {
  query.value = '';
  for (const box of filters.querySelectorAll('input[type=checkbox]')) box.checked = true;
  filter();
  query.focus();
});
more.addEventListener('click', () => {
  const last = body.lastElementChild;
  showMore();
  last?.nextElementSibling?.querySelector('.open')?.focus();
});
new IntersectionObserver((seen) => {
  if (seen.some((one) => one.isIntersecting) && !more.hidden) showMore();
}, { rootMargin: '400px' }).observe(more);

for (const button of document.querySelectorAll('.find')) {
  button.hidden = false;
  button.addEventListener('click', () => {
    for (const box of filters.querySelectorAll('input[type=checkbox]')) box.checked = true;
    query.value = button.dataset.query;
    filter();
    byId('timeline').scrollIntoView();
    byId('timeline').focus({ preventScroll: true });
  });
}
for (const button of document.querySelectorAll('.copier')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const block = button.parentElement.querySelector('code');
    try {
      await navigator.clipboard.writeText(block.textContent);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(block);
      button.textContent = 'Selected';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  });
}
const theme = byId('theme');
theme.hidden = false;
theme.addEventListener('click', () => {
  const order = ['auto', 'light', 'dark'];
  const next = order[(order.indexOf(document.documentElement.dataset.theme ?? 'auto') + 1) % order.length];
  if (next === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  theme.textContent = 'Theme: ' + next;
});

function drawStrip() {
  const [bars, height] = [120, 52];
  const end = Math.max(1, rows.reduce((most, row) => Math.max(most, row[0]), 0));
  const sums = Array.from({ length: bars }, () => [0, 0, 0]);
  for (const [time, effect] of rows) {
    const bar = sums[Math.min(bars - 1, Math.max(0, Math.floor((time / end) * bars)))];
    if (effect < 3) bar[effect] += 1;
  }
  const most = Math.max(1, ...sums.map((sum) => Math.sqrt(sum[0] + sum[1] + sum[2])));
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 ' + bars * 10 + ' ' + height);
  svg.setAttribute('preserveAspectRatio', 'none');
  sums.forEach((sum, i) => {
    const all = sum[0] + sum[1] + sum[2];
    if (all === 0) return;
    const full = Math.max(3, (Math.sqrt(all) / most) * height);
    let top = height;
    [['d', sum[1]], ['u', sum[2]], ['a', sum[0]]].forEach(([tone, part]) => {
      if (part === 0) return;
      const high = Math.max(2, (part / all) * full);
      top -= high;
      const box = document.createElementNS(space, 'rect');
      for (const [key, value] of Object.entries({ class: tone, x: i * 10 + 1, y: Math.max(0, top), width: 8, height: high }))
        box.setAttribute(key, String(value));
      svg.append(box);
    });
  });
  byId('strip').append(svg);
}

filter();
drawStrip();
document.documentElement.dataset.ready = 'true';
})();
`;
