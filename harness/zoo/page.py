"""The survey as one HTML page: no other file, no network, every text escaped, columns sorted by a click."""

from collections.abc import Iterable, Sequence
from html import escape

from harness.zoo.survey import Sight, Survey

COLUMNS = ("README", "owner", "promises", "uncertain", "ATC", "cards", "gated", "drifted", "implausible", "problems")
# What a column holds is compared as a number where it is one.
NUMBERS = ("promises", "uncertain", "ATC", "drifted", "implausible")
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c62828; --odd: #b26a00; --good: #2e7d32 }
body { font: 14px/1.45 system-ui, sans-serif; margin: 1.5rem }
h1 { font-size: 1.3rem; margin: 0 0 .2rem }
ul.totals { display: flex; flex-wrap: wrap; gap: .5rem; list-style: none; padding: 0 }
ul.totals li { border: 1px solid var(--line); border-radius: .4rem; padding: .3rem .7rem }
ul.totals b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums }
input { font: inherit; padding: .3rem .5rem; width: min(30rem, 90%); margin: .5rem 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .5rem; text-align: left; vertical-align: top }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
th { position: sticky; top: 0; background: Canvas }
th button { all: unset; cursor: pointer; font-weight: 600 }
th button:focus-visible { outline: 2px solid currentColor }
th[aria-sort=ascending] button::after { content: " ▲" }
th[aria-sort=descending] button::after { content: " ▼" }
td.path, td.owner { overflow-wrap: anywhere }
td.owner { min-width: 8rem }
.bad { color: var(--bad) } .odd { color: var(--odd) } .good { color: var(--good) }
details ul { margin: .2rem 0; padding-left: 1.1rem; text-align: left }
"""
_SCRIPT = """
const body = document.querySelector("tbody");
const key = (row, column) => row.children[column].dataset.key;
function sort(head, column) {
  const down = head.getAttribute("aria-sort") === "ascending";
  document.querySelectorAll("th").forEach(one => one.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const compare = head.classList.contains("number")
    ? (a, b) => key(a, column) - key(b, column)
    : (a, b) => key(a, column).localeCompare(key(b, column));
  body.append(...[...body.rows].sort((a, b) => (down ? -1 : 1) * compare(a, b)));
}
document.querySelectorAll("th").forEach((head, column) =>
  head.querySelector("button").addEventListener("click", () => sort(head, column)));
document.querySelector("input").addEventListener("input", event => {
  const wanted = event.target.value.toLowerCase();
  for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
});
"""
# Nothing may be loaded from anywhere, whatever a README smuggles in.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def html(found: Survey) -> str:
    """Return the page."""
    heads = "".join(_head(name) for name in COLUMNS)
    rows = "\n".join(_row(one) for one in found.sights)
    totals = "".join(f"<li><b>{count}</b>{escape(name)}</li>" for name, count in found.totals.items())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Promises of {escape(found.root)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Promises of {escape(found.root)}</h1>
<ul class="totals">{totals}</ul>
{_list(found.problems, "bad")}
<input type="search" placeholder="Only READMEs with …" aria-label="Only READMEs with this text">
<table>
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
<script>{_SCRIPT}</script>
</body>
</html>"""


def _head(name: str) -> str:
    kind = ' class="number"' if name in NUMBERS else ""
    return f'<th scope="col"{kind}><button type="button">{escape(name)}</button></th>'


def _row(one: Sight) -> str:
    gated = " ".join(f"{count} {outcome}" for outcome, count in one.gated.items())
    cells = [
        _cell(one.path, "path"),
        _cell(one.owner, "owner"),
        _count(one.promises),
        _count(one.uncertain, "odd"),
        _count(one.atc),
        _cell(", ".join(one.cards)),
        _cell(gated, "bad" if one.gated.get("FAIL") else "good"),
        _listing(one.drifted, "bad"),
        _listing(one.implausible, "odd"),
        _cell("; ".join(one.problems), "bad"),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _cell(text: str, kind: str = "") -> str:
    return f'<td class="{kind}" data-key="{escape(text)}">{escape(text)}</td>'


def _count(count: int, kind: str = "") -> str:
    return f'<td class="number {kind if count else ""}" data-key="{count}">{count or ""}</td>'


def _listing(texts: Sequence[str], kind: str) -> str:
    if not texts:
        return _count(0)
    listed = f'<details><summary class="{kind}">{len(texts)}</summary>{_list(texts, "")}</details>'
    return f'<td class="number" data-key="{len(texts)}">{listed}</td>'


def _list(texts: Iterable[str], kind: str) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f'<ul class="{kind}">{items}</ul>' if items else ""
