// Rend leurs réglages aux images d'un notebook exécuté : chaque position montre une image dessinée d'avance.

for (const film of document.querySelectorAll(".film")) animate(film);

async function animate(film) {
  const { controls, presets, frames } = await unpacked(film.querySelector("script").textContent);
  const picture = film.querySelector(".picture");
  const rows = controls.map(control => row(control, show));

  function show() {
    // Le dernier réglage varie le plus vite.
    const index = rows.reduce((sum, { at }, k) => sum * controls[k].texts.length + at(), 0);
    picture.innerHTML = frames[index];
  }

  const panel = element("div", { className: "controls" });
  panel.append(...rows.flatMap(({ nodes }) => nodes));
  const buttons = element("div", { className: "presets" });
  for (const { text, at } of presets) {
    const button = element("button", { type: "button", textContent: text });
    button.addEventListener("click", () => {
      at.forEach((place, k) => place !== null && rows[k].move(place));
      show();
    });
    buttons.append(button);
  }
  film.prepend(panel, ...(presets.length ? [buttons] : []));
}

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

let controlCount = 0;

function row({ label, kind, texts, start }, changed) {
  const id = `reglage-${controlCount++}`;
  const name = element("label", { htmlFor: id, textContent: label });
  if (kind === "menu") {
    const menu = element("select", { id });
    menu.append(...texts.map(text => element("option", { textContent: text })));
    menu.selectedIndex = start;
    menu.addEventListener("change", changed);
    return { nodes: [name, menu, element("span")], at: () => menu.selectedIndex, move: k => (menu.selectedIndex = k) };
  }
  const slider = element("input", { id, type: "range", min: 0, max: texts.length - 1, value: start });
  const value = element("span", { className: "value", ariaHidden: "true" });  // le curseur la dit déjà
  const say = () => {
    value.textContent = texts[slider.value];
    slider.setAttribute("aria-valuetext", texts[slider.value]);
  };
  slider.addEventListener("input", () => (say(), changed()));
  say();
  const move = place => ((slider.value = place), say());
  return { nodes: [name, slider, value], at: () => Number(slider.value), move };
}

function element(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}
