"use strict";
// Filters and sorts the scoreboard, keeps what is chosen in the address, makes other tables sortable and unpacks files.
(function () {
  const form = document.getElementById("filter");
  const board = document.querySelector(".board");
  const rows = Array.from(board.tBodies[0].rows);
  const output = form.querySelector("output");
  let sorted = false;
  const order = new Intl.Collator("en", { numeric: true });

  function key(row, column) {
    const cell = row.cells[column];
    return cell.dataset.sort ?? cell.textContent.trim();
  }

  function compare(a, b) {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? order.compare(a, b) : x - y;
  }

  function sort(table, column, down) {
    const body = table.tBodies[0];
    const sums = Array.from(body.querySelectorAll("tr.sum"));
    const found = Array.from(body.rows).filter((row) => !sums.includes(row));
    found.forEach((row, index) => (row.dataset.order ??= index));
    found.sort((a, b) => {
      const [x, y] = [key(a, column), key(b, column)];
      const unknown = (x === "") - (y === ""); // what is not known comes last, either way
      return unknown || (down ? -1 : 1) * compare(x, y) || a.dataset.order - b.dataset.order;
    });
    body.append(...found, ...sums);
    Array.from(table.tHead.rows[0].cells).forEach((head, index) => {
      if (index === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  function makeSortable(table, chosen) {
    Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        chosen ? chosen(column, down) : sort(table, column, down);
      });
    });
  }

  function apply() {
    const wanted = new URLSearchParams(Array.from(new FormData(form)).filter((pair) => pair[1] !== ""));
    let shown = 0;
    for (const row of rows) {
      row.hidden = !Array.from(wanted).every(([name, value]) => name === "sort" || row.dataset[name] === value);
      shown += row.hidden ? 0 : 1;
    }
    output.textContent = shown < rows.length ? shown + " of " + rows.length + " shown" : "";
    const [column, down] = (wanted.get("sort") ?? "0").split("-");
    if (wanted.has("sort") || sorted) sort(board, Number(column), down === "down");
    sorted = wanted.has("sort");
    remember(wanted.toString());
  }

  function remember(query) {
    try {
      history.replaceState(null, "", location.pathname + (query && "?" + query) + location.hash);
    } catch { /* a page that is shown from a string has no address */ }
  }

  function offer(head, column) {
    for (const [way, words] of [["", ""], ["-down", ", downwards"]]) {
      if (column || way) form.elements.sort.add(new Option(head.textContent + words, column + way));
    }
  }

  async function unpack(link) {
    const bytes = Uint8Array.from(atob(link.href.split(",")[1]), (letter) => letter.charCodeAt(0));
    const text = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const plain = document.createElement("a");
    plain.href = URL.createObjectURL(new Blob([await new Response(text).blob()], { type: "text/csv" }));
    plain.download = link.download.replace(/\.gz$/, "");
    plain.click();
    setTimeout(() => URL.revokeObjectURL(plain.href), 1000);
  }

  if (window.DecompressionStream) {
    document.querySelectorAll("a.packed").forEach((link) => {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        unpack(link);
      });
    });
  }

  Array.from(board.tHead.rows[0].cells).forEach(offer);
  for (const [name, value] of new URLSearchParams(location.search)) {
    const field = form.elements.namedItem(name);
    if (field && Array.from(field.options).some((option) => option.value === value)) field.value = value;
  }
  makeSortable(board, (column, down) => {
    form.elements.sort.value = column || down ? column + (down ? "-down" : "") : "";
    apply();
  });
  document.querySelectorAll("table.sortable").forEach((table) => makeSortable(table));
  form.addEventListener("change", apply);
  form.hidden = rows.length < 2;
  apply();
})();
