// Two photos over one another with a seam between them; of more than two, which ones is chosen. And not more ticked on a
// horse's page than can be compared.
export function slide(stage, sides) {
  const made = (name, kind) => Object.assign(document.createElement(name), { className: kind });
  const frame = made("div", "frame"), edge = made("div", "edge");
  const slider = Object.assign(made("input", ""), { type: "range", min: "0", max: "100", step: "1", value: "50" });
  const tags = [made("span", "tag left"), made("span", "tag right")];
  const images = sides.map((side) => Object.assign(made("img", ""), { src: side.dataset.large, alt: "", draggable: false }));
  const shown = [0, sides.length - 1]; // the oldest and the newest
  slider.setAttribute("aria-label", stage.dataset.label);
  frame.append(...images, edge, ...tags);

  const show = () => {
    const seam = Number(slider.value), [left, right] = shown;
    images.forEach((image, index) => {
      image.hidden = !shown.includes(index);
      image.style.zIndex = index === right ? 1 : 0;
      image.style.clipPath = index === right && left !== right ? `inset(0 0 0 ${seam}%)` : "";
    });
    edge.style.left = `${seam}%`;
    tags.forEach((tag, index) => { tag.textContent = sides[shown[index]].dataset.when; });
    tags[0].hidden = seam < 3;
    tags[1].hidden = seam > 97;
    slider.setAttribute("aria-valuetext", `${tags[0].textContent} ${seam} %, ${tags[1].textContent} ${100 - seam} %`);
  };
  const drag = (event) => {
    const { left, width } = frame.getBoundingClientRect();
    slider.value = String(Math.round(100 * (event.clientX - left) / width));
    show();
  };
  const choice = (index, word) => {
    const label = made("label", ""), list = made("select", "");
    sides.forEach((side, at) => list.add(new Option(side.dataset.when, String(at), false, at === shown[index])));
    list.addEventListener("change", () => { shown[index] = Number(list.value); show(); });
    label.append(word, list);
    return label;
  };
  frame.addEventListener("pointerdown", (event) => { frame.setPointerCapture(event.pointerId); drag(event); });
  frame.addEventListener("pointermove", (event) => { if (frame.hasPointerCapture(event.pointerId)) drag(event); });
  slider.addEventListener("input", show);
  stage.append(frame, slider);
  if (sides.length > 2) {
    const choices = made("div", "choices");
    choices.append(choice(0, stage.dataset.left), choice(1, stage.dataset.right));
    stage.append(choices);
  }
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
