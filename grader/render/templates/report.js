"use strict";
// The page is complete without this script: it only lets people step through what stands in the list of steps.

document.documentElement.classList.add("js");

for (const walk of document.querySelectorAll(".walk")) {
  stepThrough(walk);
}
for (const scroll of document.querySelectorAll(".scroll")) {
  keepNamesInView(scroll);
}
openForPrint(".check[open] details.steps:not([open]), details.to-read:not([open])");

function stepThrough(walk) {
  const list = walk.querySelector("details.steps");
  const steps = [...list.querySelectorAll(".moments > li")];
  const before = [...list.querySelectorAll(".before li")];
  const stepper = walk.querySelector(".stepper");
  const slider = stepper.querySelector("input");
  let current = 0;

  stepper.hidden = false;
  list.open = false;

  function go(number) {
    current = Math.max(0, Math.min(number, steps.length - 1));
    slider.value = current + 1;
    const step = steps[current];
    const said = `Step ${current + 1} of ${steps.length}: ${step.dataset.thread} is about to run line ${step.dataset.line}.`;
    slider.setAttribute("aria-valuetext", said);
    walk.querySelector(".now").textContent = said;
    steps.forEach((other, place) => {
      if (place === current) other.setAttribute("aria-current", "step");
      else other.removeAttribute("aria-current");
    });
    showSource(walk.querySelector(".listing"), steps, current);
    showVariables(walk.querySelector(".variables"), [...before, ...steps.slice(0, current + 1)], step);
    showLocks(walk.querySelector(".locks"), step);
    showCursor(walk.querySelector(".scroll"), current);
  }

  const ways = { first: () => 0, back: () => current - 1, next: () => current + 1, last: () => steps.length - 1 };
  const keys = { ArrowLeft: "back", ArrowRight: "next", Home: "first", End: "last" };
  for (const button of stepper.querySelectorAll("[data-go]")) {
    button.addEventListener("click", () => go(ways[button.dataset.go]()));
  }
  slider.addEventListener("input", () => go(Number(slider.value) - 1));
  walk.addEventListener("keydown", (event) => {
    const own = event.target === slider || event.target.closest(".listing, details.steps");
    if (own || event.ctrlKey || event.altKey || event.metaKey || !(event.key in keys)) return;
    event.preventDefault();
    go(ways[keys[event.key]]());
  });
  const picture = walk.querySelector("svg.lanes");
  picture.addEventListener("click", (event) => {
    const { left, step } = picture.dataset;
    const x = event.clientX - picture.getBoundingClientRect().left;
    if (x > Number(left)) go(Math.floor((x - Number(left)) / Number(step)));
  });
  go(0);
}

function showSource(listing, steps, current) {
  const places = new Map(); // thread -> its last step so far: the line where it stands
  for (const step of steps.slice(0, current + 1)) places.set(step.dataset.thread, step);
  for (const line of listing.querySelectorAll(".line")) {
    const here = [...places.values()].filter(
      (step) => step.dataset.line === line.dataset.line && step.dataset.file === listing.dataset.file,
    );
    const runs = here.includes(steps[current]);
    line.classList.toggle("runs", runs);
    line.classList.toggle("stands", here.length > 0 && !runs);
    const names = here.sort((step) => (step === steps[current] ? -1 : 1)).map((step) => step.dataset.thread);
    line.querySelector(".here").textContent = names.length > 1 ? `${names[0]} +${names.length - 1}` : names.join();
    line.querySelector(".here").title = names.join(", ");
    if (runs) intoView(listing, line);
  }
}

function intoView(box, line) {
  const top = line.offsetTop - box.offsetTop;
  if (top < box.scrollTop || top + line.offsetHeight > box.scrollTop + box.clientHeight) {
    box.scrollTop = top - box.clientHeight / 2;
  }
}

function showVariables(place, steps, now) {
  const known = new Map(); // attributes belong to everybody, locals to their thread
  for (const step of steps) {
    for (const { dataset } of step.querySelectorAll("[data-variable]")) {
      const shared = dataset.variable.startsWith("self.");
      if (!shared && step.dataset.thread !== now.dataset.thread) continue;
      known.set(dataset.variable, { value: dataset.value, changed: step === now });
    }
  }
  place.replaceChildren(
    ...[...known].map(([name, { value, changed }]) => {
      const row = element("div", "", element("dt", name), element("dd", value));
      row.classList.toggle("changed", changed);
      return row;
    }),
  );
}

function showLocks(place, step) {
  const held = step.dataset.held.split("\n").filter(Boolean);
  place.replaceChildren(...(held.length ? held : ["none"]).map((text) => element("li", text)));
}

function showCursor(scroll, current) {
  const picture = scroll.querySelector("svg");
  const step = Number(picture.dataset.step);
  const left = Number(picture.dataset.left);
  const x = left + step * current;
  picture.querySelector(".cursor").setAttribute("x", x);
  if (x - left < scroll.scrollLeft || x + step > scroll.scrollLeft + scroll.clientWidth) {
    scroll.scrollLeft = x - left - (scroll.clientWidth - left) / 3;
  }
}

function keepNamesInView(scroll) {
  const names = scroll.querySelector(".gutter");
  if (!names) return;
  scroll.addEventListener("scroll", () => names.setAttribute("transform", `translate(${scroll.scrollLeft} 0)`));
}

function element(name, text, ...children) {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...children);
  return made;
}
