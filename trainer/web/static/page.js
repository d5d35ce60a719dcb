// Drag and drop, preview, progress, answers in place, large photos, keys. Without JavaScript the forms work by themselves.
import { help, listen } from "/static/look/keys.js";
import { choose, wrongWith } from "/static/look/upload.js";
import { view } from "/static/look/viewer.js";

const body = document.body;
const result = document.querySelector("#result");
const upload = document.querySelector("#upload");
const progress = document.querySelector("#progress");
let here = location.pathname, showPreview;

// Send a request; resolves to the page of the answer, and reports the share that was sent.
function send(method, url, form, report) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.responseType = "document";
    request.upload.onprogress = (event) => report(event.total ? event.loaded / event.total : 0);
    request.upload.onload = () => report(1);
    request.onload = () => resolve({ page: request.response, url: request.responseURL });
    request.onerror = request.onabort = () => reject(new Error(body.dataset.lost));
    request.send(form);
  });
}

function showProblem(words) {
  const box = document.createElement("div");
  box.className = "problem";
  box.id = "problem";
  box.setAttribute("role", "alert");
  const head = document.createElement("h2");
  head.textContent = body.dataset.problem;
  const line = document.createElement("p");
  line.textContent = words;
  box.append(head, line);
  result.replaceChildren(box);
  box.scrollIntoView({ block: "nearest" });
}

// Replace the content of the element with this id by that of the given page.
function take(page, id) {
  const theirs = page?.querySelector(id);
  if (theirs) document.querySelector(id).replaceChildren(...theirs.childNodes);
  return theirs;
}

async function ask(form, submitter) {
  const data = new FormData(form, submitter);
  const words = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
  await work(form, () => send("POST", form.action, words, showProgress), ({ page, url }) => {
    if (!take(page, "#result")) return showProblem(body.dataset.lost);
    const answer = document.querySelector("#answer");
    if (!answer) return;
    upload.reset();
    showPreview();
    history.pushState({}, "", url);
    here = location.pathname;
    document.title = answer.dataset.title;
    document.querySelector("#switch").href = answer.dataset.switch;
    document.querySelector(".opening")?.setAttribute("hidden", "");
    document.querySelector(".top [aria-current]")?.removeAttribute("aria-current");
    answer.querySelector("h1").focus({ preventScroll: true });
    answer.scrollIntoView({ block: "start" });
  });
}

async function find(form) {
  const url = `${form.action}?${new URLSearchParams(new FormData(form))}`;
  await work(form, () => send("GET", url, null, () => {}), ({ page }) => {
    if (page?.querySelector("#problem")) take(page, "#result");
    else result.querySelector("#problem")?.remove();
    if (take(page, "#results")) document.querySelector("#results").scrollIntoView({ block: "nearest" });
    bind();
  });
}

async function work(form, request, done) {
  const buttons = form.querySelectorAll("button");
  buttons.forEach((button) => (button.disabled = true));
  try {
    done(await request());
  } catch (error) {
    showProblem(error.message);
  }
  buttons.forEach((button) => (button.disabled = false));
  progress.hidden = true;
}

function showProgress(share) {
  progress.hidden = false;
  if (share < 1) progress.value = share;
  else progress.removeAttribute("value"); // all is sent; the time until the answer is not known
  progress.setAttribute("aria-label", share < 1 ? body.dataset.sending : body.dataset.working);
}

function bind() {
  for (const form of document.querySelectorAll("form[data-in-place]:not([data-bound])")) {
    form.dataset.bound = "";
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(form, event.submitter);
    });
  }
}

view(help);
listen();
if (upload) {
  bind();
  showPreview = choose(upload, showProblem);
  upload.addEventListener("submit", (event) => {
    event.preventDefault();
    const wrong = wrongWith(upload);
    if (wrong) return showProblem(wrong);
    ask(upload, event.submitter);
  });
  document.querySelector("#search").addEventListener("submit", (event) => {
    event.preventDefault();
    find(event.target);
  });
  // Each answer has its own page, so back and forward load that page; a photo that was large has none.
  addEventListener("popstate", () => { if (location.pathname !== here) location.reload(); });
}
