// Photos large, one after the other: by keys, by swiping, by buttons. Without this the same links lead to a photo's page.
const FAR = 50; // px that a finger moves until it is a swipe

export function light(links) {
  if (!links.length) return;
  const shown = [...links];
  const words = document.body.dataset;
  const box = document.createElement("dialog");
  const image = document.createElement("img"), line = document.createElement("p");
  const said = document.createElement("span"), page = document.createElement("a"), source = document.createElement("a");
  const buttons = document.createElement("span");
  let at = 0, from = null;
  box.className = "light";
  box.setAttribute("aria-label", words.page);
  said.setAttribute("aria-live", "polite");
  page.textContent = words.page;
  source.rel = "noreferrer noopener";
  source.target = "_blank";
  buttons.className = "buttons";

  const go = (index) => {
    at = (index + shown.length) % shown.length;
    const link = shown[at];
    image.src = link.dataset.light;
    image.alt = link.querySelector("img").alt;
    said.textContent = `${link.dataset.caption} (${at + 1}/${shown.length})`;
    page.href = link.href;
    if (link.dataset.source) source.href = link.dataset.source;
    else source.removeAttribute("href");
    source.textContent = `${words.from} ${link.dataset.site}`;
  };
  const button = (sign, word, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = sign;
    made.setAttribute("aria-label", word);
    made.addEventListener("click", act);
    buttons.append(made);
    return made;
  };
  const back = button("‹", words.before, () => go(at - 1)), on = button("›", words.after, () => go(at + 1));
  const end = button("×", words.close, () => box.close());
  back.hidden = on.hidden = shown.length < 2;
  line.append(said, source, page, buttons);
  box.append(image, line);
  document.body.append(box);

  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") go(at - 1);
    else if (event.key === "ArrowRight") go(at + 1);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(shown.length - 1);
    else return;
    event.preventDefault();
  });
  image.addEventListener("pointerdown", (event) => { from = event.clientX; });
  image.addEventListener("pointerup", (event) => {
    const moved = from === null ? 0 : event.clientX - from;
    from = null;
    if (Math.abs(moved) > FAR) go(moved < 0 ? at + 1 : at - 1);
  });
  image.addEventListener("pointercancel", () => { from = null; });
  image.draggable = false;
  // Going back closes it, as people expect of what covers a page.
  addEventListener("popstate", () => { if (box.open) box.close(); });
  box.addEventListener("close", () => {
    image.removeAttribute("src");
    shown[at].focus();
    if (history.state?.light) history.back();
  });
  shown.forEach((link, index) => link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return; // a new tab, as everywhere
    event.preventDefault();
    go(index);
    history.pushState({ light: true }, "");
    box.showModal();
    end.focus();
  }));
}
