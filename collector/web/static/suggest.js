// Names while somebody types: a combobox as the ARIA authoring practices have it, a list below and keys to walk it.
const PAUSE = 120; // milliseconds without a key until the server is asked

export function suggest(field) {
  const list = document.createElement("ul");
  const status = document.createElement("span");
  let rows = [], chosen = -1, timer = 0, asked = 0;
  list.className = "suggestions";
  list.id = "suggestions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", field.dataset.list);
  list.hidden = true;
  status.className = "hidden";
  status.setAttribute("role", "status");
  field.after(list, status);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id,
  })) field.setAttribute(name, value);

  const close = () => {
    list.hidden = true;
    chosen = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  const choose = (index) => {
    chosen = index;
    list.querySelectorAll("li").forEach((row, at) => row.setAttribute("aria-selected", String(at === index)));
    if (index < 0) return field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-activedescendant", `name-${index}`);
    list.children[index].scrollIntoView({ block: "nearest" });
  };
  const open = (index) => {
    const to = new URL(`/horses/${encodeURIComponent(rows[index].shows)}`, location.href);
    const language = new URL(location.href).searchParams.get("lang");
    if (language) to.searchParams.set("lang", language);
    location.assign(to);
  };
  const counted = (words, count) =>
    (field.dataset[count === 1 ? `${words}One` : words] ?? "").replace("{count}", count);
  const show = (found) => {
    rows = found;
    list.replaceChildren(...found.map((row, at) => {
      const line = document.createElement("li");
      const name = document.createElement("span"), more = document.createElement("small");
      name.textContent = row.name;
      name.lang = "ja";
      const photos = counted("photos", row.photos);
      const born = row.born_year ? field.dataset.born.replace("{year}", row.born_year) : "";
      more.textContent = [born, photos].filter(Boolean).join(" · ");
      line.id = `name-${at}`;
      line.setAttribute("role", "option");
      line.setAttribute("aria-selected", "false");
      line.append(name, more);
      line.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
      line.addEventListener("click", () => open(at));
      return line;
    }));
    chosen = -1;
    list.hidden = !found.length;
    field.setAttribute("aria-expanded", String(!list.hidden));
    status.textContent = counted("suggested", found.length);
  };
  const ask = async () => {
    const name = field.value.trim(), mine = ++asked;
    if (!name) return close();
    try {
      const answer = await fetch(`${field.dataset.suggest}?${new URLSearchParams({ name })}`);
      const found = answer.ok ? await answer.json() : [];
      if (mine === asked && document.activeElement === field) show(found);
    } catch {
      close(); // the search itself will say what is wrong
    }
  };

  field.addEventListener("input", (event) => {
    if (event.isComposing) return; // half a character of an input method
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });
  field.addEventListener("compositionend", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });
  field.addEventListener("blur", () => { asked++; close(); });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || list.hidden) return;
    const last = rows.length - 1;
    if (event.key === "ArrowDown") choose(chosen < last ? chosen + 1 : -1);
    else if (event.key === "ArrowUp") choose(chosen < 0 ? last : chosen - 1);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" && chosen >= 0) open(chosen);
    else return;
    event.preventDefault();
  });
}
