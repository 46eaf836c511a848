"use strict";
// The page is complete without this script: it only lets people sort the table and prints what is folded.

for (const table of document.querySelectorAll(".everybody")) {
  makeSortable(table);
}
openForPrint("details.to-read:not([open])");

function makeSortable(table) {
  const heads = [...table.querySelectorAll("thead th")];
  const body = table.tBodies[0];
  const status = document.querySelector("[role=status]");
  for (const hint of document.querySelectorAll(".sorting")) hint.hidden = false;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const isDown = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      body.append(...sorted([...body.rows], column, head.dataset.sort, isDown));
      status.textContent = `Sorted by ${button.textContent}, ${isDown ? "descending" : "ascending"}.`;
    });
  });
}

function sorted(rows, column, kind, isDown) {
  const key = (row) => row.cells[column].dataset.key;
  const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const compare = kind === "number" ? (a, b) => key(a) - key(b) : (a, b) => words.compare(key(a), key(b));
  return rows.sort((a, b) => (isDown ? compare(b, a) : compare(a, b)));
}
