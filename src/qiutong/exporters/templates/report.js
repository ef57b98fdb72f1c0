/* Opens folded parts that a link leads to; without it every word is still there to unfold. */
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let box = target; box; box = box.parentElement) if (box.tagName === "DETAILS") box.open = true;
  if (target) target.scrollIntoView();
}
const all = document.querySelector(".open-all");
all.hidden = false;
all.addEventListener("click", () => {
  const open = all.getAttribute("aria-pressed") !== "true";
  all.setAttribute("aria-pressed", open);
  for (const box of document.querySelectorAll("details")) box.open = open;
});
addEventListener("hashchange", reveal);
if (location.hash) reveal();
