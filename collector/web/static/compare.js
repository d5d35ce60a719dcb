// Photos over one another with a slider, from the oldest to the newest; and not more chosen than can be compared.
export function slide(stage, sides) {
  const frame = document.createElement("div"), edge = document.createElement("div"), slider = document.createElement("input");
  const older = document.createElement("span"), newer = document.createElement("span");
  frame.className = "frame";
  edge.className = "edge";
  older.className = "tag left";
  newer.className = "tag right";
  const images = sides.map((side) => {
    const image = document.createElement("img");
    image.src = side.dataset.large;
    image.alt = "";
    image.draggable = false;
    frame.append(image);
    return image;
  });
  frame.append(edge, older, newer);
  Object.assign(slider, { type: "range", min: "0", max: String(images.length - 1), step: "0.01", value: "0.5" });
  slider.setAttribute("aria-label", stage.dataset.label);

  const show = () => {
    const at = Number(slider.value), left = Math.min(Math.floor(at), images.length - 2), share = at - left;
    images.forEach((image, place) => {
      image.hidden = place !== left && place !== left + 1;
      image.style.clipPath = place === left + 1 ? `inset(0 0 0 ${100 * (1 - share)}%)` : "";
    });
    edge.style.left = `${100 * (1 - share)}%`;
    older.textContent = sides[left].dataset.when;
    newer.textContent = sides[left + 1].dataset.when;
    older.hidden = share > 0.97;
    newer.hidden = share < 0.03;
    slider.setAttribute("aria-valuetext", `${sides[left].dataset.when} – ${sides[left + 1].dataset.when}`);
  };
  const drag = (event) => {
    const { left, width } = frame.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, 1 - (event.clientX - left) / width));
    slider.value = String(Math.min(Math.floor(Number(slider.value)), images.length - 2) + share * 0.999);
    show();
  };
  frame.addEventListener("pointerdown", (event) => { frame.setPointerCapture(event.pointerId); drag(event); });
  frame.addEventListener("pointermove", (event) => { if (frame.hasPointerCapture(event.pointerId)) drag(event); });
  slider.addEventListener("input", show);
  stage.append(frame, slider);
  stage.hidden = false;
  show();
}

export function pick(form, most) {
  const boxes = [...form.querySelectorAll("input[type=checkbox]")], button = form.querySelector("button");
  if (!button) return;
  const look = () => {
    const picked = boxes.filter((box) => box.checked).length;
    button.disabled = picked < 2;
    for (const box of boxes) box.disabled = picked >= most && !box.checked;
  };
  form.addEventListener("change", look);
  window.addEventListener("pageshow", look); // boxes stay ticked when somebody comes back
  look();
}
