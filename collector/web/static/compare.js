// A comparison by hand: the seam, the upper photo's strength and the lines move without loading the page anew; what is
// seen stays in the address. Without this the form does the same.
const within = (value, low, high) => Math.min(high, Math.max(low, value));
const BEGIN = { withers: [36, 32], buttock: [76, 42] }; // per cent, where a horse usually has them that looks to the left
const TURN = 600; // ms each photo is seen, in turn: fewer than three changes a second harm nobody

export function compare(stage) {
  const form = document.getElementById("how"), laid = stage.querySelector("svg.laid");
  const frame = laid?.viewBox.baseVal, above = document.getElementById("above");
  const edge = document.getElementById("edge"), right = document.querySelector("#right rect");
  const slider = (name) => form.elements[name];

  const moved = {
    seam(value) {
      const x = frame.x + frame.width * value / 100;
      edge.setAttribute("x1", x);
      edge.setAttribute("x2", x);
      right.setAttribute("x", x);
      right.setAttribute("width", frame.x + frame.width - x);
    },
    opacity(value) { above.setAttribute("opacity", value / 100); },
    girth(value, before) { shift("girth", value - before); },
    hocks(value, before) { shift("hocks", value - before); },
  };
  // A line stands below the withers by hundredths of the marks' distance, which a line of known height gives.
  const heightOf = (name) => stage.querySelector(`[data-guide=${name}]`).transform.baseVal[0].matrix.f;
  const [girth, hocks] = [slider("girth"), slider("hocks")].map((input) => input && Number(input.value));
  const unit = girth ? (heightOf("girth") - heightOf("withers")) / girth : hocks ? (heightOf("hocks") - heightOf("withers")) / hocks : 0;
  function shift(name, by) {
    for (const guide of stage.querySelectorAll(`[data-guide=${name}]`)) {
      const matrix = guide.transform.baseVal[0].matrix;
      guide.transform.baseVal[0].setTranslate(0, matrix.f + by * unit);
    }
  }

  const address = () => {
    const words = new URLSearchParams(new FormData(form));
    if (words.getAll("align").length > 1) words.delete("align"); // ticked, as usual
    const there = new URL(form.action);
    there.search = words;
    return there;
  };
  const known = new Map([...form.elements].map((input) => [input, Number(input.value)]));
  form.addEventListener("input", (event) => {
    const change = moved[event.target.dataset.changes];
    if (!change) return;
    change(Number(event.target.value), known.get(event.target));
    known.set(event.target, Number(event.target.value));
    remember();
  });
  let soon;
  const remember = () => {
    clearTimeout(soon); // browsers refuse an address that changes too often
    soon = setTimeout(() => {
      history.replaceState(null, "", address());
      for (const link of document.querySelectorAll("#keep")) link.search = address().search;
    }, 200);
  };
  form.addEventListener("change", (event) => {
    if (!event.target.dataset.changes) location.replace(address());
  });
  form.querySelector("button.plain").hidden = true;

  if (edge) drag(laid, frame, (share) => {
    const input = slider("seam");
    input.value = Math.round(100 * share);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  inTurn(above);
  whole(stage);
  keep(document.getElementById("keep"));
}

function drag(laid, frame, move) {
  const at = (event) => {
    const { left, width } = laid.getBoundingClientRect();
    move(within((event.clientX - left) / width, 0, 1));
  };
  laid.addEventListener("pointerdown", (event) => { laid.setPointerCapture(event.pointerId); at(event); });
  laid.addEventListener("pointermove", (event) => { if (laid.hasPointerCapture(event.pointerId)) at(event); });
}

function inTurn(above) {
  const button = document.getElementById("flicker");
  if (!button) return;
  let timer = 0;
  const show = (on) => {
    clearInterval(timer);
    timer = on ? setInterval(() => above.toggleAttribute("hidden"), TURN) : 0;
    if (!on) above.removeAttribute("hidden");
    button.textContent = on ? button.dataset.pause : button.dataset.go;
  };
  button.hidden = false;
  button.addEventListener("click", () => show(!timer));
  show(!matchMedia("(prefers-reduced-motion: reduce)").matches);
}

function whole(stage) {
  const button = document.getElementById("whole");
  if (!document.fullscreenEnabled) return;
  button.hidden = false;
  button.addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen()));
}

// The server writes the picture as SVG; most programs want pixels, which the browser makes of it.
function keep(link) {
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    const drawn = new Image();
    drawn.src = link.href;
    try {
      await drawn.decode();
    } catch {
      location.assign(link.href);
      return;
    }
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [drawn.naturalWidth, drawn.naturalHeight];
    canvas.getContext("2d").drawImage(drawn, 0, 0);
    const pixels = await new Promise((done) => canvas.toBlob(done, "image/png"));
    const kept = Object.assign(document.createElement("a"), { href: URL.createObjectURL(pixels), download: "paddock.png" });
    kept.click();
    URL.revokeObjectURL(kept.href);
  });
}

// Two handles on a photo, which write into the fields of the form.
export function mark(form) {
  const touched = document.getElementById("touched"), step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  touched.hidden = false;
  for (const handle of touched.querySelectorAll(".handle")) {
    const [left, top] = BEGIN[handle.dataset.mark];
    const [x, y] = ["x", "y"].map((side) => form.elements[`${handle.dataset.mark}_${side}`]);
    const place = () => {
      handle.style.left = `${x.value || left}%`;
      handle.style.top = `${y.value || top}%`;
    };
    const put = (across, down) => {
      x.value = within(across, 0, 100).toFixed(1);
      y.value = within(down, 0, 100).toFixed(1);
      place();
    };
    let grip = null; // where the finger holds it, so that it does not jump under the finger
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // else the browser takes it for a picture that is dragged away
      handle.focus();
      const box = handle.getBoundingClientRect();
      grip = [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointermove", (event) => {
      if (!grip) return;
      const box = touched.getBoundingClientRect();
      put(100 * (event.clientX - grip[0] - box.left) / box.width, 100 * (event.clientY - grip[1] - box.top) / box.height);
    });
    for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => { grip = null; });
    handle.addEventListener("keydown", (event) => {
      if (!step[event.key]) return;
      event.preventDefault();
      const by = event.shiftKey ? 2 : 0.2, [right, down] = step[event.key];
      put(Number(x.value || left) + by * right, Number(y.value || top) + by * down);
    });
    for (const input of [x, y]) input.addEventListener("input", place);
    place();
  }
}
