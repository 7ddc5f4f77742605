"""Ce qu'axe-core trouve dans une page, et ce qu'il ne sait pas voir : le texte des images, et ce qui est coupé."""

from collections.abc import Sequence
from typing import NamedTuple

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SMALLEST_TEXT = 11  # pixels de l'écran : ce que l'on lit encore sans se pencher
ZOOM = 2  # 200 %


class Reading(NamedTuple):
    """Les fautes trouvées, une phrase chacune, et le nombre d'éléments dont le contraste a été calculé."""

    faults: list[str]
    contrasts: int


def read(page: Page, areas: Sequence[str], *, only: Sequence[str] = ()) -> Reading:
    """Toutes les règles d'axe-core sur ces parties de la page ; only : seulement celles-là.

    L'intérieur des images (`svg *`) est laissé de côté : axe ne sait pas sur quel fond s'y écrit un texte, le dit
    « indécidable » et y passe la moitié du temps. `faint_texts` le fait. L'image elle-même, et son texte de
    remplacement, sont vérifiés.
    """
    context = {"include": [[area] for area in areas], "exclude": [["svg *"]]}
    options = {"resultTypes": ["violations", "passes"], **({"runOnly": list(only)} if only else {})}
    found = Axe().run(page, context, options).response
    faults = [
        f"{rule['id']} ({rule['help']}) : {node['html'][:300]}\n    {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
    contrasts = sum(len(rule["nodes"]) for rule in found["passes"] if rule["id"] == "color-contrast")
    return Reading(faults, contrasts)


# Le fond d'un texte est la forme pleine, ou le pixel d'image, qu'il recouvre en son milieu ; sans eux, c'est le fond de
# la page, qui peut être sombre. Un halo (paint-order) entoure le texte de sa propre couleur : voilà son fond.
FAINT = """async ([areas, least]) => {
  const channels = color => color.match(/[\\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
  const luminance = color => {
    const [r, g, b] = channels(color).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const full = shape => {
    const {fill, fillOpacity, opacity} = getComputedStyle(shape);
    return shape.localName === 'image' || shape.localName !== 'text' && shape.localName !== 'tspan' && fill !== 'none'
      && shape instanceof SVGGeometryElement && Number(fillOpacity) * Number(opacity) === 1;
  };
  const decoded = new Map();
  const pixels = async image => {  // ses pixels, lus une fois
    const source = image.href.baseVal;
    if (!decoded.has(source)) {
      const picture = new Image();
      picture.src = source;
      await picture.decode();
      const canvas = new OffscreenCanvas(picture.naturalWidth, picture.naturalHeight), paint = canvas.getContext('2d');
      paint.drawImage(picture, 0, 0);
      decoded.set(source, paint.getImageData(0, 0, canvas.width, canvas.height));
    }
    return decoded.get(source);
  };
  const colour = async (shape, x, y) => {  // en ce point
    if (shape.localName !== 'image') return getComputedStyle(shape).fill;
    const {left, top, width, height} = shape.getBoundingClientRect(), drawn = await pixels(shape);
    const place = (share, count) => Math.min(count - 1, Math.floor(share * count));
    const row = place((y - top) / height, drawn.height), column = place((x - left) / width, drawn.width);
    const [r, g, b] = drawn.data.slice(4 * (row * drawn.width + column));
    return `rgb(${r}, ${g}, ${b})`;
  };
  const found = [];
  for (const text of document.querySelectorAll(areas.map(area => `${area} svg text`).join())) {
    if (!text.textContent.trim()) continue;
    const box = text.getBoundingClientRect(), style = getComputedStyle(text), picture = text.closest('svg[role=img]');
    const x = box.x + box.width / 2, y = box.y + box.height / 2;
    const under = document.elementsFromPoint(x, y).find(shape => picture.contains(shape) && full(shape));
    const halo = style.paintOrder.startsWith('stroke') && style.stroke !== 'none';
    const ground = halo ? style.stroke : under && await colour(under, x, y);
    const seen = ground ? contrast(style.fill, ground) : 0;
    if (seen < least) found.push(`${text.textContent} : contraste ${seen.toFixed(2)}, ${style.fill} sur ${ground}`);
  }
  return found;
}"""


def faint_texts(page: Page, areas: Sequence[str], least: float = 4.5) -> list[str]:
    """Les textes des images dont le contraste avec ce qu'ils recouvrent est trop faible (WCAG 1.4.3), ou sans fond."""
    return page.evaluate(FAINT, [list(areas), least])


# Un tableau large, un code ou une formule peuvent défiler dans leur propre cadre ; rien d'autre ne dépasse ni n'est
# coupé. Une case et un menu défilent d'eux-mêmes.
CUT = """areas => {
  const found = [];
  const frame = e => e.closest('table, pre, mjx-container, input, select, [hidden]');
  for (const area of document.querySelectorAll(areas.join())) {
    const edges = area.getBoundingClientRect();
    for (const e of area.querySelectorAll('*')) {
      if (e.ownerSVGElement || frame(e)) continue;
      const {left, right, width} = e.getBoundingClientRect(), {overflowX} = getComputedStyle(e);
      const outside = right > edges.right + 1 || left < edges.left - 1;
      const clipped = ['hidden', 'clip'].includes(overflowX) && e.scrollWidth > e.clientWidth + 1;
      if (width && (outside || clipped))
        found.push(`${e.localName}.${e.className} ${clipped ? 'coupé' : 'dépasse'} : ${e.textContent.slice(0, 80)}`);
    }
  }
  return found;
}"""


def cut(page: Page, areas: Sequence[str]) -> list[str]:
    """Ce qui dépasse de ces parties de la page, à gauche ou à droite, ou y est coupé."""
    return page.evaluate(CUT, list(areas))


SMALL = """([areas, least]) =>
  [...document.querySelectorAll(areas.map(area => `${area} svg text`).join())].map(text => {
    const {a, b} = text.getScreenCTM();
    return [parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b), text.textContent];
  }).filter(([size]) => size < least).map(([size, content]) => `${content} : ${size.toFixed(1)} pixels`)"""


def small_texts(page: Page, areas: Sequence[str], zoom: float = 1) -> list[str]:
    """Les textes des images plus petits à l'écran que SMALLEST_TEXT, quand la page est grossie `zoom` fois."""
    return page.evaluate(SMALL, [list(areas), SMALLEST_TEXT / zoom])
