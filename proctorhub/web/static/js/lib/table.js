// A sortable, filterable table that keeps its rows' elements, so focus and highlights survive updates.

import { $, $$, show } from "./dom.js";

/**
 * columns: [{cell(row) → Node|string, label, sort?(row) → comparable, end?}]
 * The <table> already has its head; `button.sort[data-column]` in it sorts by that column.
 */
export function table(element, { key, columns, empty, compare }) {
  const body = $("tbody", element);
  const rows = new Map();
  let filter = () => true;
  let order = { column: null, sign: 1 };

  function fill(tr, row) {
    columns.forEach((column, index) => {
      const td = tr.cells[index] ?? tr.insertCell();
      if (column.label) td.dataset.label = column.label;
      td.classList.toggle("end", Boolean(column.end));
      const content = [column.cell(row)].flat().filter((part) => part !== null && part !== undefined);
      // while somebody is on a control of this cell, its content stays if it reads the same
      const next = content.map((part) => part.outerHTML ?? String(part)).join("");
      if (td.dataset.was !== next) {
        const focused = td.contains(document.activeElement);
        td.replaceChildren(...content);
        td.dataset.was = next;
        if (focused) td.querySelector("a, button")?.focus();
      }
    });
  }

  function sorted() {
    const list = [...rows.values()];
    const by = order.column !== null && columns[order.column].sort;
    return list.sort((a, b) => {
      if (by) {
        const [x, y] = [by(a.row), by(b.row)];
        if (x !== y) return (x < y ? -1 : 1) * order.sign;
      }
      return compare ? compare(a.row, b.row) : 0;
    });
  }

  function place() {
    let shown = 0;
    const wanted = [];
    for (const item of sorted()) {
      const visible = filter(item.row);
      show(item.tr, visible);
      shown += visible ? 1 : 0;
      wanted.push(item.tr);
    }
    wanted.forEach((tr, index) => {
      if (body.rows[index] !== tr) body.insertBefore(tr, body.rows[index] ?? null);
    });
    show(empty, shown === 0);
    show(element, shown > 0);
    return shown;
  }

  for (const button of $$("button.sort", element)) {
    const column = Number(button.dataset.column);
    button.addEventListener("click", () => {
      order = { column, sign: order.column === column ? -order.sign : 1 };
      for (const th of $$("th[aria-sort]", element)) th.removeAttribute("aria-sort");
      button.closest("th").setAttribute("aria-sort", order.sign > 0 ? "ascending" : "descending");
      place();
    });
  }

  function put(row, { fresh = false } = {}) {
    const id = row[key];
    let item = rows.get(id);
    if (!item) {
      item = { tr: document.createElement("tr"), row };
      item.tr.dataset.id = id;
      rows.set(id, item);
      body.append(item.tr);
    }
    item.row = row;
    if (row.state) item.tr.dataset.state = row.state;
    fill(item.tr, row);
    if (fresh) {
      item.tr.classList.remove("fresh");
      void item.tr.offsetWidth; // restart the highlight
      item.tr.classList.add("fresh");
    }
  }

  return {
    put: (row, options) => (put(row, options), place()),
    remove(id) {
      rows.get(id)?.tr.remove();
      rows.delete(id);
      return place();
    },
    replace(list) {
      const ids = new Set(list.map((row) => row[key]));
      for (const id of rows.keys()) {
        if (!ids.has(id)) {
          rows.get(id).tr.remove();
          rows.delete(id);
        }
      }
      list.forEach((row) => put(row));
      return place();
    },
    filter(test) {
      filter = test;
      return place();
    },
    get: (id) => rows.get(id)?.row,
    all: () => [...rows.values()].map((item) => item.row),
  };
}
