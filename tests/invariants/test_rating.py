"""Ratings: what is foretold, what is recommended, and what is said where nothing is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from liuli.data import ml_100k, own
from liuli.data.dataset import Facts, Split
from liuli.errors import UserError
from liuli.models.decisions.recommender import Recommender
from liuli.tasks.rating import DAMPED_ITEM, DAMPED_USER, Rating, biases
from tests.tiny_data import put

TASK = Rating(scored=True)
USERS, FILMS, COUNT = 8, 12, 60


def tiny_files() -> dict[str, bytes]:
    """Sixty ratings in MovieLens' files; the titles are Latin-1."""
    random = np.random.default_rng(0)
    cells = random.choice(USERS * FILMS, COUNT, replace=False)
    rows = [f"{1 + c // FILMS}\t{1 + c % FILMS}\t{random.integers(1, 6)}\t{880_000_000 + c}" for c in cells]
    films = [f"{number}|Misérables, Les {number} (1995)|01-Jan-1995||http://|0|1" for number in range(1, 13)]
    return {"u.data": "\n".join(rows).encode(), "u.item": "\n".join(films).encode("latin-1")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return put(tiny_files(), tmp_path / "ml-100k")


@pytest.fixture
def known(folder: Path) -> tuple[Facts, Split, Split]:
    data = ml_100k.load(folder)
    return replace(data.facts, learnt=TASK.learn(data.train, data.facts)), data.train, data.test


def test_every_rating_is_in_one_part(folder: Path) -> None:
    data = ml_100k.load(folder)
    assert (len(data.train), len(data.test)) == (48, 12)
    found = {
        (int(data.facts.details["users"][user]), int(data.facts.details["items"][item]), int(rating))
        for split in (data.train, data.test)
        for (user, item), rating in zip(split.inputs, split.targets, strict=True)
    }
    assert found == {tuple(map(int, row.split("\t")[:3])) for row in tiny_files()["u.data"].decode().splitlines()}
    assert data.facts.details["titles"][3] == "Misérables, Les 4 (1995)"
    assert [pair.tolist() for pair in ml_100k.load(folder).test.inputs] == data.test.inputs.tolist(), (
        "the same each time"
    )


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("u.data", b"1\t1\tfive\t0", "cannot be read as ratings"),
        ("u.data", b"1\t1\t6\t0", "a rating from 1 to 5"),
        ("u.data", b"1\t1\t3", "expected user, film, a rating"),
        ("u.data", b"1\t99\t3\t0", "rates a film that u.item does not name"),
        ("u.item", b"1|One\n???", r"u.item, line 2: begins with '\?\?\?', expected a number, a bar and a title"),
    ],
)
def test_files_that_are_damaged(file: str, content: bytes, says: str, folder: Path) -> None:
    (folder / file).write_bytes(content)
    with pytest.raises(UserError, match=says) as caught:
        ml_100k.load(folder)
    assert str(folder) in str(caught.value)


def test_biases_solve_their_equations() -> None:
    random = np.random.default_rng(1)
    pairs = np.stack([random.integers(6, size=200), random.integers(9, size=200)], 1)
    ratings = random.integers(1, 6, size=200).astype(float)
    mean, of_user, of_item = biases(pairs, ratings, 7, 9)
    # the minimum of Σ (r − μ − bᵤ − bᵢ)² + 10 Σ bᵢ² + 15 Σ bᵤ², as one least-squares problem
    design = np.zeros((200 + 16, 16))
    design[np.arange(200), pairs[:, 0]] = design[np.arange(200), 7 + pairs[:, 1]] = 1
    design[200 + np.arange(16), np.arange(16)] = np.sqrt([DAMPED_USER] * 7 + [DAMPED_ITEM] * 9)
    expected = np.linalg.lstsq(design, np.concatenate([ratings - ratings.mean(), np.zeros(16)]), rcond=None)[0]
    assert mean == pytest.approx(ratings.mean())
    assert np.concatenate([of_user, of_item]) == pytest.approx(expected, abs=1e-3)
    assert of_user[6] == 0, "who rated nothing adds nothing"


def test_figures_equal_those_of_scikit_learn(known: tuple[Facts, Split, Split], tmp_path: Path) -> None:
    facts, train, test = known
    batch = TASK.tensors(test, facts)
    output = torch.cat([batch[0].float(), torch.linspace(0, 6, len(test))[:, None]], 1)
    metrics = TASK.metrics(output, batch, facts)
    foretold = np.clip(np.linspace(0, 6, len(test)), 1, 5)
    assert metrics["rmse"] == pytest.approx(root_mean_squared_error(test.targets, foretold), rel=1e-6)
    assert metrics["mae"] == pytest.approx(mean_absolute_error(test.targets, foretold), rel=1e-6)
    mean = np.full(len(test), train.targets.mean())
    assert metrics["rmse_mean"] == pytest.approx(root_mean_squared_error(test.targets, mean))
    mean, of_user, of_item = biases(train.inputs, train.targets.astype(float), USERS, FILMS)
    simple = np.clip(mean + of_user[test.inputs[:, 0]] + of_item[test.inputs[:, 1]], 1, 5)
    assert metrics["rmse_biases"] == pytest.approx(root_mean_squared_error(test.targets, simple))
    files = TASK.figures(output, batch, facts, tmp_path)
    assert [file.stem for file in files] == ["ratings", "counts"]


@pytest.mark.parametrize("form", ["mlp", "towers"])
def test_recommended_are_the_best_of_what_is_unseen(form: str, known: tuple[Facts, Split, Split]) -> None:
    facts, train, test = known
    torch.manual_seed(0)
    model = Recommender(USERS, FILMS, 8, form).eval()
    example = TASK.read("user 3", facts, "3")
    answer = TASK.answer(TASK.respond(model, example.batch)[0], facts)
    both = np.concatenate([train.inputs, test.inputs])
    seen = {facts.details["titles"][item] for user, item in both if facts.details["users"][user] == "3"}
    titles = [row["title"] for row in answer["recommended"]]
    assert seen
    assert not seen & set(titles)
    assert answer["answer"] == titles[0]
    ratings = [row["rating"] for row in answer["recommended"]]
    assert ratings == sorted(ratings, reverse=True)
    user = facts.details["users"].index("3")
    item = facts.details["titles"].index(titles[0])
    shares = model(torch.tensor([user]), torch.tensor([item])).softmax(-1)[0].tolist()
    assert ratings[0] == pytest.approx(sum(k * share for k, share in enumerate(shares, 1)), abs=1e-3)
    assert len(titles) == min(10, FILMS - len(seen))
    assert not example.remark


def test_one_pair(known: tuple[Facts, Split, Split]) -> None:
    facts, _, _ = known
    model = Recommender(USERS, FILMS, 8).eval()
    answer = TASK.answer(TASK.respond(model, TASK.read("3 4", facts, "it").batch)[0], facts)
    assert answer["answer"].endswith("for Misérables, Les 4 (1995)")
    assert 1 <= answer["rating"] <= 5


def test_for_whom_nobody_knows_there_is_what_most_like(known: tuple[Facts, Split, Split]) -> None:
    facts, _, _ = known
    example = TASK.read("9999", facts, "9999")
    assert example.remark == "nothing is known of user 9999 (a cold start), so this is what most people like"
    answer = TASK.answer(TASK.respond(Recommender(USERS, FILMS, 8).eval(), example.batch)[0], facts)
    assert answer["known user"] is False
    order = np.argsort(facts.learnt["item_biases"])[::-1][:10]
    assert [row["title"] for row in answer["popular"]] == [facts.details["titles"][item] for item in order]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a user"),
        ("1 2 3", "has no item 2 3"),
        ("Ann of nowhere", "expected a user"),
        ("3 99", "has no item 99"),
        (b"\xff", "it, line 1: is no text in UTF-8"),
    ],
)
def test_what_is_no_question(text: str | bytes, says: str, known: tuple[Facts, Split, Split]) -> None:
    with pytest.raises(UserError, match=says):
        TASK.read(text, known[0], "it")


def test_the_towers_are_one_product() -> None:
    torch.manual_seed(0)
    model = Recommender(5, 6, 4, "towers").double().eval()
    users, items = torch.tensor([0, 3]), torch.tensor([5, 1])
    weights = {name: value.detach().numpy() for name, value in model.named_parameters()}

    def tower(x: np.ndarray, name: str) -> np.ndarray:
        hidden = np.maximum(x @ weights[f"join.{name}.0.weight"].T + weights[f"join.{name}.0.bias"], 0)
        return hidden @ weights[f"join.{name}.2.weight"].T + weights[f"join.{name}.2.bias"]

    products = tower(weights["user.weight"][users], "of_user") * tower(weights["item.weight"][items], "of_item")
    expected = products.sum(1, keepdims=True) @ weights["join.output.weight"].T + weights["join.output.bias"]
    assert model(users, items).detach().numpy() == pytest.approx(expected, abs=1e-14)
    with pytest.raises(ValueError, match="expected mlp or towers"):
        Recommender(form="tower")


def test_ratings_foretold_directly_have_a_squared_error() -> None:
    batch = (torch.tensor([[0, 1], [2, 3]]), torch.tensor([2.0, 5.0]))
    loss, output = Rating().outcome(lambda users, items: (users + items).float(), batch)
    assert output.tolist() == [1.0, 5.0]
    assert float(loss) == pytest.approx(0.5)


def table(folder: Path, *extra: str) -> Path:
    """Ratings of a user's own in a CSV file."""
    random = np.random.default_rng(0)
    cells = random.choice(USERS * FILMS, COUNT, replace=False)
    rows = [f"ann{c // FILMS},b{c % FILMS},{random.integers(1, 6)},Book {c % FILMS}" for c in cells]
    (folder / "mine.csv").write_text("\n".join(["userId,book,rating,title", *rows, *extra]) + "\n")
    return folder / "mine.csv"


def test_ratings_of_a_users_own(tmp_path: Path) -> None:
    data = own.load(table(tmp_path), None, "ratings")
    facts = replace(data.facts, learnt=TASK.learn(data.train, data.facts))
    assert (len(data.train), len(data.test)) == (48, 12)
    assert facts.details["users"][:2] == ["ann0", "ann1"]
    assert facts.details["titles"][facts.details["items"].index("b7")] == "Book 7"
    model = Recommender(**TASK.options(facts), width=4).eval()
    answer = TASK.answer(TASK.respond(model, TASK.read("ann3", facts, "it").batch)[0], facts)
    assert answer["recommended"][0]["title"].startswith("Book ")


@pytest.mark.parametrize(
    ("given", "user", "item"),
    [
        ("Ann Lee", "Ann Lee", None),
        ("user Ann Lee", "Ann Lee", None),
        ("Ann Lee M 3", "Ann Lee", "M 3"),
        ("Ann Lee The Third Man", "Ann Lee", "M 3"),
        ("Ann M 3", "Ann", "M 3"),
        ("user 7", "user 7", None),
        ("Bo M 3", None, "M 3"),
        ("Bo Lee The Third Man", None, "M 3"),
    ],
)
def test_users_and_items_may_have_names_of_several_words(
    given: str, user: str | None, item: str | None, tmp_path: Path
) -> None:
    rows = [f"{user},M {item},3,{'The Third Man' if item == 3 else ''}" for user in ("Ann", "Ann Lee", "user 7")
            for item in range(8)]  # fmt: skip
    (tmp_path / "mine.csv").write_text("\n".join(["user,item,rating,title", *rows]) + "\n")
    facts = own.load(tmp_path / "mine.csv", None, "ratings").facts
    facts = replace(facts, details={**facts.details, "rated": [""] * 3})
    example = TASK.read(given, facts, "it")
    pairs = example.batch[0].view(-1, 2)
    number = facts.details["users"].index(user) if user else -1
    assert pairs[:, 0].unique().tolist() == [number]
    assert pairs[:, 1].tolist() == ([facts.details["items"].index(item)] if item else list(range(8)))
    assert ("cold start" in example.remark) == (user is None)
    with pytest.raises(UserError, match="has no item M 9"):
        TASK.read("Ann Lee M 9", facts, "it")


def half_stars(folder: Path) -> Path:
    """The same ratings, each lowered by half a star."""
    header, *rows = table(folder).read_text().splitlines()
    cells = [row.split(",") for row in rows]
    lowered = [",".join([user, book, str(int(rating) - 0.5), title]) for user, book, rating, title in cells]
    (folder / "half.csv").write_text("\n".join([header, *lowered]) + "\n")
    return folder / "half.csv"


def test_half_stars(tmp_path: Path) -> None:
    whole, half = (own.load(file, None, "ratings") for file in (table(tmp_path), half_stars(tmp_path)))
    for one, other in ((whole.train, half.train), (whole.test, half.test)):
        assert np.array_equal(one.inputs, other.inputs)
        assert np.array_equal(one.targets - 0.5, other.targets)
    assert (whole.facts.details["scale"], half.facts.details["scale"]) == ([1, 5], [0.5, 5])
    assert whole.train.targets.dtype == np.int64
    assert (TASK.options(whole.facts)["ratings"], TASK.options(half.facts)["ratings"]) == (5, 10)
    facts = replace(half.facts, learnt=TASK.learn(half.train, half.facts))
    model, batch = Recommender(**TASK.options(facts), width=4).eval(), TASK.tensors(half.test, facts)
    loss, output = TASK.outcome(model, batch)
    shares = output.softmax(-1).detach().numpy()
    steps = np.arange(0.5, 5.5, 0.5)
    place = [steps.tolist().index(rating) for rating in half.test.targets]
    assert float(loss) == pytest.approx(-np.log(shares[np.arange(len(place)), place]).mean(), rel=1e-5)
    assert TASK.foretold(output).tolist() == pytest.approx((shares @ steps).tolist(), rel=1e-5)
    answer = TASK.answer(torch.tensor([0.0, 0.0, 0.2]), facts)
    assert answer["rating"] == 0.5
    assert TASK.figures(TASK.respond(model, batch).detach(), batch, facts, tmp_path)


def test_one_half_star_makes_all_of_them_half_stars(tmp_path: Path) -> None:
    data = own.load(table(tmp_path, "zed,b1,0.5,Book 1"), None, "ratings")
    assert data.facts.details["scale"] == [0.5, 5]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("zed,b1,4.25,Book 1", "mine.csv, line 62: the rating is '4.25', expected stars from 1 to 5, or half stars"),
        ("zed,b1,5.5,Book 1", "the rating is '5.5'"),
        ("zed,b1,1e400,Book 1", "the rating is '1e400'"),
        ("zed,b1,nan,Book 1", "the rating is 'nan'"),
        ("zed,b1,0,Book 1", "the rating is '0'"),
        ("zed,,3,Book 1", "line 62: names no item"),
        (",b1,3,Book 1", "line 62: names no user"),
        ("zed,b1", "line 62: has 2 cells, expected 4"),
        ("zed,b1,3,Book 1\nzed,b1,4,Book 1", "line 63: user zed has rated b1 in line 62 already"),
    ],
)
def test_a_table_with_a_fault_in_a_line(row: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=says):
        own.load(table(tmp_path, row), None, "ratings")


def test_a_table_that_is_none_of_ratings(tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text("user,thing,rating\n1,2,3\n")
    with pytest.raises(UserError, match="has no column for the item, expected one whose name begins"):
        own.load(tmp_path / "some.csv", None, "ratings")
    (tmp_path / "some.csv").write_text("user,item,rating\n1,2,3\n")
    with pytest.raises(UserError, match="holds 1 ratings, expected 20 at least"):
        own.load(tmp_path / "some.csv", None, "ratings")
