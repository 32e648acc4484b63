const rows = [...document.querySelectorAll('.row')];
const search = document.querySelector('input');
const nothing = document.querySelector('.nothing');
const boxOf = row => row.localName === 'summary' ? row.parentElement : row;

function show() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const boxes = new Map(rows.map(row => [boxOf(row), row]));
  const shown = new Set();
  for (const [box, row] of boxes) {
    const text = row.textContent.toLowerCase();
    const hit = words.every(word => text.includes(word));
    row.classList.toggle('hit', hit && words.length > 0);
    if (!hit) continue;
    for (let up = box; up && !shown.has(up); up = up.parentElement.closest('details')) {
      shown.add(up);
      if (words.length && up !== box) up.open = true;
    }
  }
  for (const box of boxes.keys()) box.hidden = !shown.has(box);
  nothing.hidden = shown.size > 0;
}

search.addEventListener('input', show);
for (const button of document.querySelectorAll('button')) {
  button.addEventListener('click', () => {
    for (const box of document.querySelectorAll('details')) box.open = button.value === 'open';
  });
}
for (const link of document.querySelectorAll('a[href]')) {
  link.addEventListener('click', () => {
    search.value = '';
    show();
    const target = document.getElementById(link.hash.slice(1));
    for (let up = target && target.closest('details'); up; up = up.parentElement.closest('details')) up.open = true;
  });
}
