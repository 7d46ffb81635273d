"""Reading an explanation off the page, and computing it again, in float64, from the operands that are read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

WEB = Path(__file__).parents[2] / "web"
AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
Json = Any
Tree = Any

# What stands in the explanation, taken in one go: everything is text or an attribute that is there to see.
READ = """() => {
  const number = (data) => Number(data.getAttribute('value'))
  const formula = (place) => JSON.parse(place.querySelector('annotation').textContent)
  const letters = (place) => Object.fromEntries(
    [...place.querySelectorAll('button.operand')].map((one) => [one.dataset.letter, number(one.querySelector('data'))]))
  const factor = (one) => {
    if (!one.matches('.computed')) return { value: number(one.matches('data') ? one : one.querySelector('data')) }
    const candidates = [...one.querySelectorAll('button.operand')]
    return {
      value: number(one.querySelector('.inner > data')), tree: formula(one), letters: letters(one),
      candidates: candidates.map((each) => number(each.querySelector('data'))),
      own: candidates.findIndex((each) => each.matches('.own')),
    }
  }
  const row = (one) => ({
    value: number(one.querySelector('td.right data')),
    factors: [...one.querySelectorAll('.factors > :is(button.operand, data, .computed)')].map(factor),
  })
  const line = (one) => ({
    name: one.dataset.line, value: Number(one.dataset.value), tree: formula(one),
    letters: one.querySelector('.operands') ? letters(one.querySelector('.operands')) : {},
    tables: [...one.querySelectorAll('table')].map((table) => [...table.querySelectorAll('tr[data-term]')].map(row)),
  })
  const part = (one) => [...one.querySelectorAll('.line')].map(line)
  const shown = (name) => number(document.querySelector(`[data-testid=${name}] data`))
  return {
    parts: [...document.querySelectorAll('.explanation .part:not(.step *)')].map(part),
    step: [...document.querySelectorAll('.step .part')].map(part),
    captured: shown('captured'), computed: shown('computed'), residual: shown('residual'),
  }
}"""

FUNCTIONS = {
    "exp": math.exp,
    "tanh": math.tanh,
    "log": math.log,
    "gt": lambda a, b: float(a > b),
    "eq": lambda a, b: float(a == b),
}


def unfold(page: Page) -> None:
    """Show every term."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    more = page.locator(".explanation tr.rest button")
    while more.count():
        more.first.click()


def check(page: Page) -> float:
    """Compute every formula of the explanation again; return the number that it explains, as the network had it."""
    unfold(page)
    read = page.evaluate(READ)
    known: dict[str, float] = {}
    result = terms = 0.0
    for part in read["parts"]:
        for line in [*part[1:], part[0]]:  # what defines a letter before what uses it
            known |= line["letters"]
            for table in line["tables"]:
                for row in table:
                    check_row(row, known)
            again = recomputed(line, known)
            assert again == near(line["value"], size(line)), line["name"]
            known[line["name"]] = line["value"]
        result += recomputed(part[0], known)
        terms += size(part[0]) or abs(part[0]["value"])
    assert read["computed"] == near(result, terms)
    assert read["residual"] == pytest.approx(read["computed"] - read["captured"], rel=1e-6, abs=1e-15)
    assert result == pytest.approx(read["captured"], rel=1e-5, abs=1e-5 * terms)
    return float(read["captured"])


def check_row(row: Json, known: dict[str, float]) -> None:
    """A term is the product of its factors; one that is computed itself is computed again from its operands."""
    for factor in row["factors"]:
        if "tree" in factor:
            again = evaluate(factor["tree"], known | factor["letters"], [], factor)
            assert factor["value"] == near(again, 0), factor["tree"]
    assert row["value"] == near(math.prod(factor["value"] for factor in row["factors"]), 0)


def near(value: float, scale: float) -> Any:
    """Equal but for the order in which terms are added."""
    return pytest.approx(value, rel=1e-9, abs=max(1e-12 * scale, 1e-300))


def recomputed(line: Json, known: dict[str, float]) -> float:
    """The line's number from its formula; where something stands beside a sum, all terms stand in one table."""
    if isinstance(line["tree"], list) and line["tree"][0] == "+" and len(line["tables"]) == 1:
        return math.fsum(row["value"] for row in line["tables"][0])
    return evaluate(line["tree"], known, list(line["tables"]))


def size(line: Json) -> float:
    """The sum of the absolute terms."""
    return math.fsum(abs(row["value"]) for table in line["tables"] for row in table)


def evaluate(tree: Tree, letters: dict[str, float], tables: list[Json], factor: Json = None) -> float:
    """The number of a formula; what a sum or a maximum runs over stands in the next table."""
    if isinstance(tree, int | float):
        return float(tree)
    if isinstance(tree, str):
        return letters[tree]
    sign, *parts = tree
    if sign == "fold":
        values = [row["value"] for row in tables.pop(0)]
        return {"sum": math.fsum, "max": max, "min": min}[parts[0]](values)
    if sign == "chosen":  # 1 where the number is the largest of the candidates, and the first such
        candidates = factor["candidates"]
        return float(candidates.index(max(candidates)) == factor["own"])
    if sign == "where":
        *pairs, otherwise = parts
        for condition, yes in zip(pairs[::2], pairs[1::2], strict=True):
            if evaluate(condition, letters, tables):
                return evaluate(yes, letters, tables)
        return evaluate(otherwise, letters, tables)
    values = [evaluate(part, letters, tables) for part in parts]
    if sign in FUNCTIONS:
        return FUNCTIONS[sign](*values)
    return {"+": math.fsum, "*": math.prod, "/": lambda v: v[0] / v[1], "^": lambda v: v[0] ** v[1]}[sign](values)


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until what the selector names has the focus."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never reaches {selector}")


def hindrances(page: Page) -> list[tuple[str, list[str]]]:
    """What on the page seriously hinders someone, as axe-core sees it: each rule, and where it is broken."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed; run npm ci in web/")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in serious]


def texts(locale: str) -> dict[str, str]:
    """What the pages say in the language of a locale ("zh-TW"; any other: English), by key."""
    file = WEB / "src" / "i18n" / f"{'zh-TW' if locale == 'zh-TW' else 'en'}.json"
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return found
