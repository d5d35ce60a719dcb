// Keys: each presses what bears it on this page, and ? shows which there are. A walk and a decision have keys of their own.
const SIGNS = { ArrowLeft: "←", ArrowRight: "→", Enter: "⏎" };
const SLIDES = /^(Arrow|Page|Home|End|Enter)/; // what a slider does with a key itself
const nameOf = (one) => one.getAttribute("aria-label") || one.placeholder || one.textContent.trim() || one.querySelector("[alt]")?.alt;

export function help() {
  let box = document.getElementById("help");
  if (!box) {
    box = Object.assign(document.createElement("dialog"), { id: "help" });
    box.append(document.getElementById("keys").content.cloneNode(true));
    document.body.append(box);
  }
  box.querySelector("dl.here").replaceChildren(...[...document.querySelectorAll("[data-key]")].flatMap((one) => {
    const key = document.createElement("kbd"), term = document.createElement("dt"), said = document.createElement("dd");
    key.textContent = SIGNS[one.dataset.key] || one.dataset.key;
    term.append(key);
    said.textContent = nameOf(one);
    return [term, said];
  }));
  box.showModal();
}

export function listen() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (event.target.matches("input:not([type=radio], [type=checkbox], [type=range]), select, textarea")) return;
    if (document.querySelector("dialog[open]") || (event.target.matches("[type=range]") && SLIDES.test(event.key))) return;
    if (event.key === "?") help();
    else {
      const one = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (!one || one.disabled || document.querySelector("[data-keys=own]")) return;
      if (one.matches("input, textarea, summary")) one.focus();
      else one.click();
    }
    event.preventDefault();
  });
}
