"""What moves on the page. Without it the page is whole: links play, and every word can be read."""

SCRIPT = r"""
"use strict";
const all = (query, from = document) => [...from.querySelectorAll(query)];
const plain = text => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

// One sound at a time.
const player = new Audio();
let on = null;
const stop = () => {
  player.pause();
  if (on) { on.classList.remove("on"); on.setAttribute("aria-pressed", "false"); }
  on = null;
};
const needle = () => {
  if (!on) return;
  on.querySelector(".needle").style.left = 100 * player.currentTime / (player.duration || 1) + "%";
  requestAnimationFrame(needle);
};
const play = link => {
  const again = on === link;
  stop();
  if (again) return;
  on = link;
  on.classList.add("on");
  on.setAttribute("aria-pressed", "true");
  player.src = link.href;
  player.play().then(needle, error => { if (on === link && error.name !== "AbortError") stop(); });
};
player.addEventListener("ended", stop);
for (const link of all(".play")) {
  link.setAttribute("role", "button");
  link.setAttribute("aria-pressed", "false");
  link.addEventListener("click", event => { event.preventDefault(); play(link); });
  link.addEventListener("keydown", event => { if (event.key === " ") { event.preventDefault(); play(link); } });
}

// A prompt to copy; where a page may not reach the clipboard, it is selected for Ctrl-C.
for (const button of all(".copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const prompt = button.closest("li").querySelector(".prompt");
    try {
      await navigator.clipboard.writeText(prompt.textContent);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(prompt);
      button.textContent = "selected";
    }
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  });
}

// The search: a kind stays if each word that was typed is in its name, its words or its prompts.
const find = document.getElementById("find");
const count = document.getElementById("count");
const kinds = all("article").map(article => {
  const words = all(".word", article).map(element => ({ element, text: plain(element.textContent) }));
  const texts = [article.dataset.group, ...all("h3, .prompt", article).map(element => element.textContent)];
  return { article, words, text: plain(texts.join("\n")) + "\n" + words.map(word => word.text).join("\n") };
});
const search = () => {
  const asked = plain(find.value).split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const { article, words, text } of kinds) {
    article.hidden = !asked.every(part => text.includes(part));
    shown += !article.hidden;
    let hits = 0;
    for (const { element, text } of words) {
      const hit = asked.some(part => part.length > 1 && text.includes(part));
      element.classList.toggle("hit", hit);
      hits += hit;
    }
    const details = article.querySelector("details");
    if (details) details.open = hits > 0 && !article.hidden;
  }
  for (const section of all("main section")) section.hidden = all("article", section).every(each => each.hidden);
  count.textContent = asked.length ? `${shown} of ${kinds.length} kinds` : `${kinds.length} kinds`;
};
find.closest("form").hidden = false;
find.closest("form").addEventListener("submit", event => event.preventDefault());
find.addEventListener("input", search);
document.addEventListener("keydown", event => {
  if (event.key === "/" && document.activeElement !== find) { event.preventDefault(); find.focus(); find.select(); }
  if (event.key === "Escape") { stop(); if (find.value) { find.value = ""; search(); } }
});
search();
"""
