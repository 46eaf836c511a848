"use strict";

// On paper nobody can open anything: what is worth reading there is opened while it is printed.
function openForPrint(selector) {
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(selector)];
    for (const details of opened) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });
}
