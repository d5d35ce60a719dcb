// What makes the pages better where there is a script: suggestions, large photos, keys, comparisons. Nothing needs it.
import { suggest } from "/static/suggest.js";
import { help, listen } from "/static/look/keys.js";
import { view } from "/static/look/viewer.js";
import { choose, wrongWith } from "/static/look/upload.js";
import { compare, mark } from "/static/compare.js";

const field = document.querySelector("[data-suggest]");
if (field) suggest(field);
view(help);
listen();
const stage = document.getElementById("stage");
if (stage) compare(stage);
const marking = document.getElementById("marking");
if (marking) mark(marking);
const upload = document.getElementById("upload");
if (upload) {
  const say = (words) => {
    const line = document.getElementById("wrong");
    line.textContent = words;
    line.hidden = !words;
  };
  choose(upload, say);
  upload.addEventListener("submit", (event) => {
    say(wrongWith(upload));
    if (wrongWith(upload)) event.preventDefault();
  });
}
// An empty field asks for nothing, so it does not belong into the address.
for (const asking of document.querySelectorAll("form.ask")) {
  asking.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
}
