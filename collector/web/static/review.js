// Deciding by keys, without loading the page anew: a number decides the case that is marked, and the next one is marked.
let at = 0, busy = false;
const typed = []; // keys that came while the last decision was on its way

const cases = () => [...document.querySelectorAll("[data-case]")];

function mark(index, moving) {
  const all = cases();
  at = Math.min(Math.max(0, index), all.length - 1);
  all.forEach((one, place) => one.toggleAttribute("data-marked", place === at));
  if (moving) all[at]?.scrollIntoView({ block: "center" });
}

async function send(form, button) {
  busy = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, button)) });
    const main = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    if (!main) throw new Error(`no page: ${answer.status}`);
    document.querySelector("main").replaceWith(main);
    if (answer.ok) history.replaceState(null, "", answer.url);
    ready();
  } catch {
    typed.length = 0; // they were meant for photos that are not shown
    location.reload(); // what is true is in the collection
  } finally {
    busy = false;
  }
  while (!busy && typed.length) press(typed.shift());
}

function press(key) {
  if (key === "ArrowDown" || key === "ArrowUp") {
    mark(at + (key === "ArrowDown" ? 1 : -1), true);
    return true;
  }
  const button = key === "u" ? document.querySelector("[data-key=u]") : cases()[at]?.querySelector(`[data-number="${key}"]`);
  button?.click();
  return Boolean(button);
}

function ready() {
  const keys = document.querySelector("main .keys");
  if (keys) keys.hidden = false;
  mark(at, false);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat && !event.key.startsWith("Arrow")) return;
  if (event.target.matches("input, select, textarea")) return;
  if (!/^([1-9u]|ArrowUp|ArrowDown)$/.test(event.key)) return;
  event.preventDefault();
  if (busy) typed.push(event.key);
  else press(event.key);
});
document.addEventListener("submit", (event) => {
  if (!event.target.closest("main [data-case], main .said") || !event.submitter) return;
  event.preventDefault();
  if (!busy) send(event.target, event.submitter);
});
ready();
