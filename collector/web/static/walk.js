// Naming a walk by keys, without loading the page anew. Each key presses a button that is there.
const DIGIT = /^(?:Digit|Numpad)([0-9])$/;

// 1 to 9, 0 for 10; with Shift, 11 to 18.
function numberOf(event) {
  const digit = DIGIT.exec(event.code);
  if (!digit) return null;
  return event.shiftKey ? String(10 + Number(digit[1])) : digit[1] === "0" ? "10" : digit[1];
}

function wanted(event) {
  const number = numberOf(event);
  if (number) return document.querySelector(`#decide .horse[value="${number}"]`);
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return document.querySelector(`main [data-key="${CSS.escape(key === " " ? "Enter" : key)}"]`);
}

let busy = false;
const typed = []; // keys that came while the last decision was on its way

async function show(request) {
  busy = true;
  try {
    const answer = await fetch(request);
    const text = await answer.text();
    const page = new DOMParser().parseFromString(text, "text/html");
    if (answer.ok) {
      document.querySelector("main").replaceWith(page.querySelector("main"));
      history.replaceState(null, "", answer.url);
      ready();
    } else warn(page.querySelector("main [role=alert]"));
  } catch {
    warn(null);
  } finally {
    busy = false;
  }
  while (!busy && typed.length) press(typed.shift());
}

// Say what went wrong, on the page that is there: what was typed stays.
function warn(alert) {
  typed.length = 0; // they were meant for photos that are not shown
  const main = document.querySelector("main");
  main.querySelector(":scope > [role=alert]")?.remove();
  const said = alert ?? document.createElement("p");
  said.role = "alert";
  if (!alert) said.textContent = main.querySelector("#decide").dataset.failed;
  main.prepend(said);
  said.scrollIntoView({ block: "nearest" });
}

function press(event) {
  const found = wanted(event);
  if (!found || found.disabled) return false;
  if (found.matches("textarea")) found.focus();
  else found.click();
  return true;
}

function ready() {
  const keys = document.querySelector("main .keys");
  if (keys) keys.hidden = false;
  const current = document.querySelector(".strip [aria-current]");
  const strip = current?.closest(".strip");
  if (strip && strip.scrollHeight > strip.clientHeight) strip.scrollTop = current.offsetTop - strip.clientHeight / 2;
  const next = current?.closest("li").nextElementSibling?.querySelector("img");
  if (next) new Image().src = next.src.replace("/160.jpg", "/640.jpg");
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing && event.target.matches("textarea")) event.target.blur();
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, select, textarea")) return;
  if (["Enter", " "].includes(event.key) && event.target.matches("a, button")) return; // it does that itself
  if (event.repeat && !event.key.startsWith("Arrow")) {
    event.preventDefault(); // a key that is held decides once: nobody has seen the next photos
  } else if (busy) {
    typed.push(event);
    event.preventDefault();
  } else if (press(event)) event.preventDefault();
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("#decide") || !event.submitter) return;
  event.preventDefault();
  if (busy) return; // a second click on the same button
  const body = new URLSearchParams(new FormData(event.target, event.submitter));
  show(new Request(event.target.action, { method: "POST", body }));
});
ready();
