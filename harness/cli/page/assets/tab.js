// Puts a tab on Locust's own page that leads to ours; Locust draws its tabs anew whenever it likes.
"use strict";

const MARK = "harness-chaos";

function link() {
  const found = document.createElement("a");
  found.id = MARK;
  found.href = "/chaos";
  found.textContent = "Chaos";
  return found;
}

function place() {
  const tabs = document.querySelector('[role="tablist"]');
  const there = document.getElementById(MARK);
  if (tabs) {
    const like = tabs.querySelector(`[role="tab"]:not(.Mui-selected):not(#${MARK})`) || tabs.querySelector('[role="tab"]');
    const colour = like ? getComputedStyle(like).color : "inherit"; // it changes between light and dark
    if (there && there.parentElement === tabs) {
      if (there.style.color !== colour) there.style.color = colour;
      return;
    }
    if (there) there.remove();
    const tab = link();
    if (like) tab.className = like.className;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-selected", "false");
    tab.style.color = colour;
    tabs.append(tab);
  } else if (!there && document.body) {
    const alone = link(); // before there is load, and after it, Locust shows no tabs
    alone.style.cssText =
      "position:fixed;right:1rem;bottom:1rem;padding:.6rem 1.1rem;background:#15803d;color:#fff;border-radius:6px;z-index:9";
    document.body.append(alone);
  }
}

place();
new MutationObserver(place).observe(document.documentElement, { childList: true, subtree: true });
