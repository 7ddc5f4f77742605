"""La typographie française, vérifiée par la machine : `faults(texte)` rend les endroits fautifs d'une prose.

Fine insécable (U+202F) avant ; ! ?, insécable (U+00A0) avant : et à l'intérieur des guillemets « ». Le code,
les formules, les adresses et les balises ne sont pas de la prose : une lettre les remplace.
"""

import ast
import io
import re
import tokenize

NOT_PROSE = re.compile(
    r"```.*?```|`[^`\n]*`"  # code
    r"|\$\$.*?\$\$|\$[^$\n]+\$|\\\[.*?\\\]|\\\(.*?\\\)"  # formules
    r"|https?://\S+|(?<=\])\([^)\n]*\)"  # adresses
    r"|\w\[[^\]\n]*\]"  # indices d'un tableau
    r"|<style.*?</style>|<!--.*?-->|<[^<>]+>|&#?\w+;",  # HTML
    re.S,
)
END = r"(?=\s|$|[)»*_\"'’.,…<\\])"  # ce qui suit une ponctuation qui termine un groupe de mots
RULES = {
    "fine insécable (U+202F) attendue avant ; ! ?": re.compile(r"(?<=[^\u202f(;!?…|\\])[;!?]+" + END),
    "insécable (U+00A0) attendue avant le deux-points": re.compile(r"(?<=[^\u00a0:|\-(\\\x22]):" + END),
    "insécable (U+00A0) attendue après «": re.compile(r"«(?!\u00a0)"),
    "insécable (U+00A0) attendue avant »": re.compile(r"(?<!\u00a0)»"),
    "insécable (U+00A0) attendue avant %": re.compile(r"\d ?%"),
    "espace ordinaire dans un nombre": re.compile(r"\d \d{3}(?!\d)"),
}
MARKDOWN_RULES = RULES | {
    "guillemets droits dans la prose": re.compile(r'"'),
    "points de suspension en trois points": re.compile(r"\.\.\."),
    "point décimal dans la prose": re.compile(r"(?<![\w.])0\.\d|\d\.\d+\s?%"),
}

# Ce qu'affichent les cellules. Entre parenthèses, quatre chiffres sont une année.
SHOWN_RULES = RULES | {
    "nombre sans espace entre les milliers": re.compile(r"(?<![\d,.\w/#(-])\d{4,}(?![\d\w])"),
    "point décimal": re.compile(r"(?<![\w.,])\d+\.\d+(?![\d.+])"),  # ni une version, ni une ligne de CSV
}


def _search(text: str, rules: dict[str, re.Pattern[str]]) -> list[str]:
    prose = NOT_PROSE.sub("X", text)
    found = [(rule, match) for rule, pattern in rules.items() for match in pattern.finditer(prose)]
    return [f"{rule} : …{_around(prose, match)!r}…" for rule, match in found]


def _around(prose: str, match: re.Match[str]) -> str:
    return prose[max(0, match.start() - 30) : match.end() + 15]


def faults(text: str) -> list[str]:
    """Les fautes d'un texte Markdown."""
    return _search(text, MARKDOWN_RULES)


def shown_faults(text: str) -> list[str]:
    """Les fautes de ce qu'affiche une cellule exécutée."""
    return _search(text, SHOWN_RULES)


def sentences(source: str) -> list[str]:
    """Ce qu'on lit dans un code Python : chaînes (X remplace les champs des f-strings) et commentaires."""
    source = re.sub(r"^\s*[%!].*$", "", source, flags=re.M)  # commandes d'IPython
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    inside = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    texts = []
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            texts.append("".join(p.value if isinstance(p, ast.Constant) else "X" for p in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            texts.append(node.value)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not re.match(r"#\s*(?:type:|fmt:|noqa|NBVAL|%)", token.string):
            texts.append(token.string)
    return [text for text in texts if re.search(r"\w\s+\w|\w\s[;!?:]|[;!?:]\s", text)]


def code_faults(source: str) -> list[str]:
    """Les fautes des chaînes et des commentaires d'un code Python."""
    return [fault for text in sentences(source) for fault in _search(text, RULES)]


def plain(text: str) -> str:
    """Le texte avec des espaces ordinaires."""
    return re.sub("[\u00a0\u202f]", " ", text)
