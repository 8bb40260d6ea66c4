// What moves on a page: live figures, parts that are drawn anew, choosing all rows. Every page reads and works without it.

const connection = document.getElementById("connection");

function show(texts) {
  for (const element of document.querySelectorAll("[data-live]")) {
    const text = texts[element.dataset.live];
    if (text !== undefined && element.textContent !== text) element.textContent = text;
  }
  for (const element of document.querySelectorAll("[data-live-width]")) {
    const width = texts[element.dataset.liveWidth];
    if (width !== undefined) element.setAttribute("width", width);
  }
}

function listen() {
  if (!document.querySelector("[data-live], [data-live-width]")) return;
  const source = new EventSource(document.body.dataset.liveFrom);
  source.onmessage = (event) => {
    show(JSON.parse(event.data));
    connection.textContent = "Figures are live.";
  };
  source.onerror = () => {
    connection.textContent = "The connection is lost; trying again.";
  };
}

// A part with data-refresh="seconds" is fetched anew, as the server draws it, unless somebody is about to use it.
function refresh(part) {
  const seconds = Number(part.dataset.refresh);
  if (!seconds) return;
  setTimeout(async () => {
    let next = part;
    if (!document.hidden && !part.contains(document.activeElement)) {
      try {
        const answer = await fetch(location.href, { headers: { accept: "text/html" } });
        const drawn = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
        if (answer.ok && drawn) {
          part.replaceWith(drawn);
          next = drawn;
        }
      } catch {
        // the next try may reach it
      }
    }
    refresh(next);
  }, seconds * 1000);
}

function choose() {
  const all = document.querySelector("[data-choose-all]");
  if (!all) return;
  const rows = [...document.querySelectorAll('input[type="checkbox"][name="job"]')];
  const chosen = document.querySelector("[data-chosen]");
  const count = () => {
    const number = rows.filter((row) => row.checked).length;
    all.checked = number === rows.length;
    all.indeterminate = number > 0 && number < rows.length;
    if (chosen) chosen.textContent = ` (${number})`;
  };
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const row of rows) row.checked = all.checked;
    count();
  });
  for (const row of rows) row.addEventListener("change", count);
  count();
}

for (const button of document.querySelectorAll("[data-confirm]")) {
  button.addEventListener("click", (event) => {
    if (!confirm(button.dataset.confirm)) event.preventDefault();
  });
}
for (const part of document.querySelectorAll("[data-refresh]")) refresh(part);
choose();
listen();
