
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const position = byId("position");
  const told = byId("told");
  const sound = byId("sound");
  const duration = Number(position.dataset.ms);
  const marks = all(".mark").map((element) => timed(element));

  function timed(element) {
    return { element, start: Number(element.dataset.s), end: Number(element.dataset.e) };
  }

  // What is longest before `ms` in a list that is sorted by start: its index, -1 before the first.
  function lastBefore(list, ms) {
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle].start <= ms) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  function at(list, ms) {
    const found = list[lastBefore(list, ms)];
    return found && ms < found.end ? found : null;
  }

  // Names of masked stretches are shown where there is room for them; the legend and the line above tell the rest.
  const names = marks.map(({ element }) => {
    const text = element.querySelector("text");
    return { element, text, choices: [text.textContent, text.dataset.short].filter(Boolean) };
  });
  function fit() {
    for (const { element, text, choices } of names) {
      element.classList.remove("narrow");
      const room = element.querySelector("rect").getBoundingClientRect().width - 9;
      const fits = choices.some((choice) => {
        text.textContent = choice;
        return text.getComputedTextLength() <= room;
      });
      element.classList.toggle("narrow", !fits);
    }
  }

  let pointed = null;
  let shown = null;
  function tell(ms) {
    const mark = pointed || at(marks, ms);
    if (mark === shown) return;
    if (shown) shown.element.classList.remove("here");
    if (mark) mark.element.classList.add("here");
    told.textContent = mark ? mark.element.dataset.told : "";
    shown = mark;
  }

  const msAt = (event) => {
    const box = position.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * duration;
  };
  const current = () => (sound ? sound.currentTime * 1000 : -1);
  position.addEventListener("pointermove", (event) => { pointed = at(marks, msAt(event)); tell(current()); });
  position.addEventListener("pointerleave", () => { pointed = null; tell(current()); });
  fit();
  addEventListener("resize", fit);
  if (!sound) return;

  document.body.classList.add("js");
  const player = byId("player");
  const play = byId("play");
  const follow = byId("follow");
  const now = byId("now");
  const head = byId("head");

  // A blob can be sought in by every browser; a data address can't.
  const bytes = Uint8Array.from(atob(sound.src.slice(sound.src.indexOf(",") + 1)), (character) => character.charCodeAt(0));
  sound.src = URL.createObjectURL(new Blob([bytes], { type: "audio/mpeg" }));
  sound.preload = "metadata";

  const words = all("#turns [data-s]").map((element) => ({ ...timed(element), turn: element.closest("li") }));
  const inOrder = [...words].sort((one, other) => one.start - other.start);
  const sides = [".c0", ".c1"].map((side) => inOrder.filter((word) => word.turn.matches(side)));
  const turns = all("#turns button.moment").map((element) => ({ element, start: Number(element.dataset.ms) }))
    .sort((one, other) => one.start - other.start);

  function clock(ms) {
    const seconds = Math.floor(ms / 1000);
    const two = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    return (hours ? `${hours}:${two(minutes)}` : `${minutes}`) + `:${two(seconds % 60)}`;
  }

  let lit = [];
  let turn = null;
  function show() {
    const ms = current();
    head.style.left = `${Math.min(100, (100 * ms) / duration)}%`;
    now.textContent = clock(ms);
    tell(ms);
    position.setAttribute("aria-valuenow", String(Math.round(ms / 1000)));
    const mark = at(marks, ms);
    position.setAttribute("aria-valuetext", mark ? `${clock(ms)}, ${mark.element.dataset.told}` : clock(ms));
    const spoken = sides.map((side) => at(side, ms)).filter(Boolean);
    if (spoken.length === lit.length && spoken.every((word, index) => word === lit[index])) return;
    for (const word of lit) word.element.classList.remove("now");
    for (const word of spoken) word.element.classList.add("now");
    lit = spoken;
    if (spoken.length && spoken[0].turn !== turn) {
      turn = spoken[0].turn;
      if (follow.checked && !sound.paused) bring(turn);
    }
  }

  // Scrolls only when the turn is out of sight, or under the player.
  function bring(element) {
    const box = element.getBoundingClientRect();
    const top = getComputedStyle(player).position === "sticky" ? player.getBoundingClientRect().bottom : 0;
    if (box.top >= top && box.bottom <= innerHeight - 40) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    scrollBy({ top: box.top - top - 24, behavior: calm ? "instant" : "smooth" });
  }

  function frame() {
    show();
    if (!sound.paused) requestAnimationFrame(frame);
  }

  function seek(ms) {
    sound.currentTime = Math.min(Math.max(ms, 0), duration) / 1000;
    show();
  }

  function toggle() {
    if (sound.paused) sound.play();
    else sound.pause();
  }

  // The next or the last start in a list; a little tolerance, so that "back" leaves the one that was just begun.
  function step(list, by) {
    const ms = current();
    const index = by > 0 ? lastBefore(list, ms + 30) + 1 : lastBefore(list, ms - 400);
    if (list[index]) seek(list[index].start);
    else if (by < 0) seek(0);
  }

  sound.addEventListener("play", () => {
    play.classList.add("playing");
    play.setAttribute("aria-label", play.dataset.pause);
    frame();
  });
  sound.addEventListener("pause", () => {
    play.classList.remove("playing");
    play.setAttribute("aria-label", play.dataset.play);
  });
  for (const event of ["seeked", "timeupdate", "loadedmetadata"]) sound.addEventListener(event, show);
  play.addEventListener("click", toggle);
  byId("speed").addEventListener("change", (event) => { sound.playbackRate = Number(event.target.value); });
  position.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    position.setPointerCapture(event.pointerId);
    seek(msAt(event));
  });
  position.addEventListener("pointermove", (event) => {
    if (event.buttons & 1) seek(msAt(event));
  });
  document.addEventListener("click", (event) => {
    const word = event.target.closest("#turns [data-s]");
    const moment = event.target.closest("button.moment");
    if (word && String(getSelection())) return;
    if (word) seek(Number(word.dataset.s));
    if (moment) {
      seek(Number(moment.dataset.ms));
      sound.play();
    }
  });

  for (const [name, value] of Object.entries({ role: "slider", tabindex: "0", "aria-valuemin": "0" })) {
    position.setAttribute(name, value);
  }
  position.setAttribute("aria-valuemax", String(Math.round(duration / 1000)));
  const anywhere = {
    " ": toggle,
    ArrowLeft: (event) => (event.shiftKey ? step(inOrder, -1) : seek(current() - 5000)),
    ArrowRight: (event) => (event.shiftKey ? step(inOrder, 1) : seek(current() + 5000)),
  };
  const onPosition = {
    ArrowUp: () => step(turns, -1),
    ArrowDown: () => step(turns, 1),
    PageUp: () => step(marks, -1),
    PageDown: () => step(marks, 1),
    Home: () => seek(0),
    End: () => seek(duration),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const here = event.target;
    if (here.matches("select, input") || (event.key === " " && here.matches("button, summary, a"))) return;
    const act = anywhere[event.key] || (here === position && onPosition[event.key]);
    if (!act) return;
    event.preventDefault();
    act(event);
  });
  new ResizeObserver(() => {
    const sticky = getComputedStyle(player).position === "sticky";
    document.documentElement.style.scrollPaddingTop = sticky ? `${player.offsetHeight + 16}px` : "";
  }).observe(player);
  show();
})();
