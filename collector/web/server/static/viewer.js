// Photos large, one after the other: by keys, by swiping, by wheel and pinch. Without this the same links lead to a photo's
// page. A photo is never enlarged more than twice, and whole until somebody comes nearer.
const FAR = 50; // px that a finger moves until it is a swipe
const MOST = 2; // times a photo is enlarged
const NEAR = 2.5; // times nearer, by a double click
const SHOWN = 2500; // ms each photo is seen in a slideshow

const within = (value, low, high) => Math.min(high, Math.max(low, value));
const made = (name, kind = "") => Object.assign(document.createElement(name), { className: kind });

// A picture in a box, that can be brought nearer and moved.
class Glass {
  constructor(box) {
    this.box = box;
    this.image = Object.assign(made("img"), { draggable: false });
    box.append(this.image);
    this.image.addEventListener("load", () => this.fit());
    new ResizeObserver(() => this.fit()).observe(box);
    this.near = 1;
    this.at = [0, 0];
  }

  show(source, alt, width, whole) {
    Object.assign(this, { width, whole, near: 1, at: [0, 0] });
    this.image.alt = alt;
    this.image.src = source;
    this.fit();
  }

  fit() {
    const { naturalWidth: width, naturalHeight: height } = this.image;
    if (!width || !this.box.clientWidth) return;
    const full = Math.max(width, this.width || 0);
    this.size = Math.min(this.box.clientWidth / width, this.box.clientHeight / height, MOST * full / width);
    this.image.style.width = `${width * this.size}px`;
    this.image.style.height = `${height * this.size}px`;
    this.nearest = Math.max(1, MOST * full / (width * this.size));
    this.move(this.near, this.at);
  }

  move(near, [x, y]) {
    this.near = within(near, 1, this.nearest || 1);
    const free = (box, image) => Math.max(0, (image * this.near - box) / 2);
    const across = free(this.box.clientWidth, this.image.offsetWidth), down = free(this.box.clientHeight, this.image.offsetHeight);
    this.at = [within(x, -across, across), within(y, -down, down)];
    this.image.style.transform = `translate(${this.at[0]}px, ${this.at[1]}px) scale(${this.near})`;
    this.box.classList.toggle("near", this.near > 1);
    if (this.near > 1 && this.whole && this.width > this.image.naturalWidth) {
      this.image.src = this.whole; // what is looked at closely comes in its own size
      this.whole = null;
    }
  }

  // The point under the finger stays under it.
  zoom(factor, clientX, clientY) {
    const { left, top, width, height } = this.box.getBoundingClientRect();
    const [x, y] = [clientX - left - width / 2, clientY - top - height / 2];
    const near = within(this.near * factor, 1, this.nearest || 1), by = near / this.near;
    this.move(near, [x - (x - this.at[0]) * by, y - (y - this.at[1]) * by]);
  }

  step(factor) {
    const { left, top, width, height } = this.box.getBoundingClientRect();
    this.zoom(factor, left + width / 2, top + height / 2);
  }

  pan(across, down) {
    this.move(this.near, [this.at[0] + across, this.at[1] + down]);
  }
}

// Fingers, mouse and wheel on the glass; `swiped` gets -1 or 1.
function handle(glass, swiped) {
  const fingers = new Map();
  let begun = null;
  glass.box.addEventListener("wheel", (event) => {
    event.preventDefault();
    glass.zoom(Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
  }, { passive: false });
  glass.box.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    glass.box.setPointerCapture(event.pointerId);
    begun = fingers.size === 1 ? event : null;
  });
  glass.box.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
    if (other) {
      const far = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY);
      glass.zoom(far(event) / Math.max(1, far(before)), (event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2);
    } else if (glass.near > 1) glass.pan(event.clientX - before.clientX, event.clientY - before.clientY);
    fingers.set(event.pointerId, event);
  });
  const end = (event) => {
    fingers.delete(event.pointerId);
    if (!begun || begun.pointerId !== event.pointerId || event.type !== "pointerup") return;
    const moved = event.clientX - begun.clientX;
    if (glass.near === 1 && Math.abs(moved) > FAR) swiped(moved < 0 ? 1 : -1);
    begun = null;
  };
  glass.box.addEventListener("dblclick", (event) => glass.zoom(glass.near > 1 ? 0 : NEAR, event.clientX, event.clientY));
  glass.box.addEventListener("pointerup", end);
  glass.box.addEventListener("pointercancel", end);
}

// The links of a page that bear data-light open here, also those that come into it later.
export function view(help) {
  const words = document.body.dataset;
  const links = () => [...document.querySelectorAll("[data-light]")];
  const dialog = made("dialog", "light"), glass = new Glass(made("div", "glass")), facts = made("div", "beside-it");
  const count = made("strong"), said = made("p"), more = made("div"), page = made("a"), source = made("a"), buttons = made("p", "buttons");
  let shown = [], at = 0, playing = 0;
  dialog.setAttribute("aria-label", words.page);
  facts.setAttribute("aria-live", "polite");
  page.textContent = words.page;
  Object.assign(source, { rel: "noreferrer noopener", target: "_blank" });

  const go = (index) => {
    at = (index + shown.length) % shown.length;
    const link = shown[at], { light, width, whole, caption, site } = link.dataset;
    glass.show(light, link.querySelector("img").alt, Number(width), whole);
    count.textContent = shown.length > 1 ? `${at + 1}/${shown.length}` : "";
    said.textContent = caption;
    page.href = link.href;
    const known = link.closest("figure")?.querySelector("figcaption")?.cloneNode(true);
    more.replaceChildren(...(known ? [known] : []));
    source.hidden = Boolean(known);
    source.textContent = `${words.from} ${site}`;
    if (link.dataset.source) source.href = link.dataset.source;
    else source.removeAttribute("href");
    if (shown.length > 1) new Image().src = shown[(at + 1) % shown.length].dataset.light;
  };
  const play = (on) => {
    clearInterval(playing);
    playing = on ? setInterval(() => go(at + 1), SHOWN) : 0;
    run.setAttribute("aria-pressed", String(on));
    run.textContent = on ? "❚❚" : "▶";
  };
  const turn = (by) => { play(false); go(at + by); };
  const button = (sign, word, act) => {
    const one = Object.assign(made("button"), { type: "button", textContent: sign });
    one.setAttribute("aria-label", word);
    one.addEventListener("click", act);
    buttons.append(one);
    return one;
  };
  const back = button("‹", words.before, () => turn(-1)), on = button("›", words.after, () => turn(1));
  const run = button("▶", words.play, () => play(!playing));
  button("＋", words.nearer, () => glass.step(1.5));
  button("−", words.farther, () => glass.step(1 / 1.5));
  button("?", words.keys, help);
  const end = button("×", words.close, () => dialog.close());
  facts.append(count, said, more, page, source);
  dialog.append(glass.box, facts, buttons);
  document.body.append(dialog);
  handle(glass, turn);

  const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const acts = {
    ArrowLeft: () => turn(-1), ArrowRight: () => turn(1), Home: () => turn(-at), End: () => turn(-at - 1),
    "+": () => glass.step(1.25), "=": () => glass.step(1.25), "-": () => glass.step(0.8), 0: () => glass.move(1, [0, 0]),
    s: () => shown.length > 1 && play(!playing), "?": help,
  };
  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = glass.near > 1 && moves[event.key];
    if (by) glass.pan(80 * by[0], 80 * by[1]);
    else if (acts[event.key]) acts[event.key]();
    else return;
    event.preventDefault();
  });
  // Going back closes it, as people expect of what covers a page.
  addEventListener("popstate", () => { if (dialog.open) dialog.close(); });
  dialog.addEventListener("close", () => {
    play(false);
    glass.image.removeAttribute("src");
    shown[at].focus();
    if (history.state?.light) history.back();
  });
  const open = (index) => {
    shown = links();
    back.hidden = on.hidden = run.hidden = shown.length < 2;
    history.pushState({ light: true }, "");
    dialog.showModal();
    go(index);
    end.focus();
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-light]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return; // a new tab, as everywhere
    event.preventDefault();
    open(links().indexOf(link));
  });
  const growth = document.getElementById("growth");
  if (!growth) return;
  growth.hidden = links().length < 2;
  growth.addEventListener("click", () => { open(0); play(true); });
}
