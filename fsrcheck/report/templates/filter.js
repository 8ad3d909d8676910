"use strict";
(function () {
  const form = document.getElementById("filter");
  const rows = Array.from(document.querySelectorAll(".board tbody tr"));
  const output = form.querySelector("output");
  function apply() {
    const wanted = Array.from(new FormData(form)).filter((pair) => pair[1] !== "");
    let shown = 0;
    for (const row of rows) {
      row.hidden = !wanted.every(([name, value]) => row.dataset[name] === value);
      shown += row.hidden ? 0 : 1;
    }
    output.textContent = wanted.length ? shown + " of " + rows.length + " shown" : "";
  }
  form.addEventListener("change", apply);
  form.hidden = rows.length < 2;
  apply();
})();
