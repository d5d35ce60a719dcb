// Photos for a form: what is chosen is seen at once, and photos can be dropped anywhere on the page. Without this the
// form's own field takes them.
export function choose(upload, refuse) {
  const file = upload.querySelector("input[type=file]"), drop = upload.querySelector(".drop");
  const preview = upload.querySelector(".preview"), invite = upload.querySelector(".invite");
  document.documentElement.classList.add("scripted");

  function show() {
    for (const shown of preview.children) URL.revokeObjectURL(shown.src);
    const chosen = [...file.files].slice(0, upload.dataset.most);
    preview.replaceChildren(...chosen.map(pictureOf));
    preview.hidden = !chosen.length;
    invite.hidden = Boolean(chosen.length);
  }

  file.addEventListener("change", show);
  show(); // what was chosen before this script was there, or before a page that one has come back from
  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  addEventListener("dragleave", () => drop.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const dropped = [...event.dataTransfer.files].filter((one) => one.type.startsWith("image/"));
    if (!dropped.length) return refuse(upload.dataset.noPhoto);
    const chosen = new DataTransfer();
    for (const photo of dropped) chosen.items.add(photo);
    file.files = chosen.files;
    show();
    upload.requestSubmit();
  });
  return show;
}

function pictureOf(photo) {
  const picture = new Image();
  picture.src = URL.createObjectURL(photo);
  picture.alt = photo.name;
  return picture;
}

// What the server would refuse is not sent first. Returns what is wrong with the chosen photos, if anything.
export function wrongWith(upload) {
  const { most, largest, tooMany, tooLarge } = upload.dataset;
  const chosen = [...upload.querySelector("input[type=file]").files];
  if (chosen.length > most) return tooMany;
  return chosen.reduce((sum, photo) => sum + photo.size, 0) > largest ? tooLarge : "";
}
