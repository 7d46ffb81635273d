"""Ratings in a browser: somebody's alone, anybody's, and that of a stranger nothing is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from liuli.catalog import find
from liuli.data import own
from liuli.files import write_json
from liuli.runs import Run
from tests.browser.conftest import laboratory
from tests.browser.reader import hindrances, texts
from tests.small_run import small_run

USERS, ITEMS = 12, 15


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A recommender that knows nothing but who has rated what; one user's ratings are all in the training part."""
    folder = tmp_path_factory.mktemp("ratings")
    dice = np.random.default_rng(0)
    pairs = [(user, item) for user in range(USERS) for item in range(ITEMS) if (user + item) % 3]
    rows = [f"{user},{item},Film {item},{dice.integers(1, 6)}" for user, item in pairs]
    (folder / "films.csv").write_text("\n".join(["user,item,title,rating", *rows, "lone,1,Film 1,3"]))
    data, task = own.load(folder / "films.csv", None, "ratings"), find("recommender").task
    facts = replace(data.facts, learnt=task.learn(data.train, data.facts))
    made = small_run(folder / "runs" / "films", "recommender", facts)
    write_json(made.learnt_file, dict(facts.learnt))
    return made


@pytest.fixture(scope="module")
def address(trained: Run) -> Iterator[str]:
    with laboratory(trained.folder.parents[1]) as served:
        yield served


def foretold(run: Run, user: int, items: list[int]) -> np.ndarray:
    """What the network foretells that a user would rate these items."""
    with torch.inference_mode():
        scores = run.network()(torch.full((len(items),), user), torch.tensor(items)).double().numpy()
    shares = np.exp(scores - scores.max(1, keepdims=True))
    return (shares / shares.sum(1, keepdims=True)) @ np.arange(1, 6)


@pytest.mark.parametrize("locale", ["en-US", "zh-TW"])
def test_the_ratings_of_one_user_are_shown_alone(enter: Callable[..., Page], trained: Run, locale: str) -> None:
    said, test = texts(locale), trained.data().test
    users = trained.facts.details["users"]
    who = int(np.bincount(test.inputs[:, 0]).argmax())
    mine = np.flatnonzero(test.inputs[:, 0] == who)
    off = np.abs(foretold(trained, who, test.inputs[mine, 1].tolist()) - test.targets[mine])

    page = enter("judging/films", locale=locale)
    field = page.get_by_label(said["judge.owner"], exact=True)
    field.fill(users[who])
    field.press("Enter")
    expect(page.locator(".tile")).to_have_count(len(mine))
    values = page.locator(".tile .value data").evaluate_all("all => all.map(one => Number(one.value))")
    assert values == pytest.approx(sorted(off, reverse=True), abs=1e-5)
    assert hindrances(page) == []
    page.locator(".tile").first.press("Enter")
    expect(page.locator(".answer strong")).to_be_visible()
    page.go_back()
    expect(page.locator(".tile")).to_have_count(len(mine))
    page.get_by_role("button", name=said["lab.anybody"]).click()
    expect(page.locator("ul[aria-busy=false] .tile").first).to_be_visible()
    another = users.index(field.input_value())
    expect(page.locator(".tile")).to_have_count(int((test.inputs[:, 0] == another).sum()))
    for name, key in (("lone", "judge.nothing"), ("stranger", "judge.cold")):
        field.fill(name)
        field.press("Enter")
        expect(page.locator(".gallery [role=status]")).to_have_text(said[key].replace("{owner}", name))
    page.get_by_role("button", name=said["judge.everybody"]).click()
    expect(page.locator(".tile")).to_have_count(min(12, len(test)))


@pytest.mark.parametrize(("locale", "width"), [("en-US", 1600), ("zh-TW", 390)])
def test_anybody_is_recommended_what_they_have_not_rated(
    enter: Callable[..., Page], trained: Run, locale: str, width: int
) -> None:
    said, details = texts(locale), trained.facts.details
    page = enter("system/recommender", locale=locale, viewport={"width": width, "height": 844})
    page.get_by_role("button", name=said["lab.anybody"]).click()
    expect(page.get_by_role("table").filter(has_text=said["answer.recommended"])).to_be_visible()
    who = details["users"].index(page.get_by_label(said["lab.user"], exact=True).input_value())
    unseen = [item for item in range(len(details["items"])) if str(item) not in details["rated"][who].split()]
    ratings = foretold(trained, who, unseen)
    table = page.locator(".said table")
    shown = table.locator("td:nth-child(2) data").evaluate_all("all => all.map(one => Number(one.value))")
    assert shown == pytest.approx(sorted(ratings, reverse=True)[:10], abs=1e-3)
    assert table.locator("tbody th").first.inner_text() == details["titles"][unseen[int(ratings.argmax())]]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert hindrances(page) == []

    page.get_by_label(said["lab.user"], exact=True).fill("stranger")
    page.get_by_role("button", name=said["lab.send"], exact=True).click()
    expect(page.get_by_role("table").filter(has_text=said["answer.popular"])).to_be_visible()
