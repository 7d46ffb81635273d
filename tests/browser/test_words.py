"""Words in the laboratory: on both sides of an attention, under the states of a recurrent layer, and as what if."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from liuli.lab.replies import named
from liuli.lab.subjects import of_run
from liuli.tasks.language_modelling import LOOKED
from liuli.tracing import Record
from tests.browser.conftest import laboratory
from tests.browser.reader import check, hindrances
from tests.browser.test_inside import number

TEXTS = {"translator": "a man rides a bike", "lstm": "win a free prize now", "gpt": "ROMEO: O night"}
PAINTED = """async (canvas) => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {willReadFrequently: true})
    const dots = () => {
        copy.drawImage(canvas, 0, 0)
        return copy.getImageData(0, 0, canvas.width, canvas.height).data
    }
    while (!dots().some(Boolean)) await new Promise(requestAnimationFrame)
    const [across, down] = [new Set(), new Set()]
    dots().forEach((one, i) => {
        if (i % 4 < 3 || !one) return
        across.add((i >> 2) % canvas.width)
        down.add(Math.floor((i >> 2) / canvas.width))
    })
    return [canvas.clientWidth, canvas.clientHeight, [across.size, down.size]]
}"""
ASK = """async ([run, text]) => (await (await fetch(`/api/runs/${encodeURIComponent(run)}/records`,
    {method: 'POST', headers: {'content-type': 'text/plain'}, body: text})).json()).record"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with laboratory(tmp_path_factory.mktemp("words")) as served:
        yield served


@pytest.fixture
def look(enter: Callable[..., Page]) -> Callable[..., Page]:
    """Inside the answer of an exhibit to a sentence, at the value whose row in the map is called so."""

    def looked(exhibit: str, modules: list[str], row: str, text: str = "", **settings: object) -> Page:
        page = enter(**settings)
        record = page.evaluate(ASK, [f"exhibit:{exhibit}", text or TEXTS[exhibit]])
        page.evaluate("place => { location.hash = place }", f"#/record/{record}/{exhibit}")
        page.wait_for_selector(".explanation .check", state="attached")
        for name in modules:
            item = page.get_by_role("treeitem", name=re.compile(f"^{name} ")).first
            if item.get_attribute("aria-expanded") == "false":
                item.get_by_role("button").click()
            item.focus()
        wanted = page.get_by_role("treeitem", name=re.compile(row)).first
        while not wanted.count():  # rows far from what is seen are not drawn
            page.keyboard.press("PageDown")
        wanted.click()
        return page

    return looked


def test_on_a_telephone_the_answer_has_room_before_what_was_given(look: Callable[..., Page]) -> None:
    text = "Congratulations! You have won a free prize, call now to claim"
    page = look("lstm", [], r"^input\[0\]", text, locale="zh-TW", viewport={"width": 390, "height": 844})
    said = page.locator(".answer strong")
    expect(said).to_have_text("垃圾訊息")
    assert said.evaluate("one => one.scrollWidth <= one.clientWidth")
    assert page.locator(".answer button.file").evaluate("one => one.clientWidth") > 50


def test_a_row_of_the_map_has_a_picture_that_can_be_read(look: Callable[..., Page]) -> None:
    """Of 9 words × 128 numbers a picture true to scale would be a line."""
    page = look("translator", [], r"^input\[0\]")
    glance = page.get_by_role("treeitem", name=re.compile("^source_embedding ")).first.locator("canvas")
    wide, high, drawn = glance.evaluate(PAINTED)
    assert (wide, high) == (92, 30)  # of the page; of 90 pixels without what parts it from the next
    assert drawn == [90, 15]


def test_bars_beside_words_begin_in_one_line(look: Callable[..., Page]) -> None:
    page = look("lstm", [], r"^input\[0\]")
    tracks = page.locator(".value .bars .track")
    expect(tracks).to_have_count(5)
    assert len(set(tracks.evaluate_all("all => all.map(one => one.getBoundingClientRect().x)"))) == 1


def test_a_sentence_leads_to_its_words(look: Callable[..., Page]) -> None:
    page = look("lstm", [], r"^embedding ")
    given = page.locator(".answer .given")
    expect(given.locator("canvas")).to_have_count(0)  # the numbers of words are no picture
    given.get_by_role("button", name=TEXTS["lstm"], exact=True).click()
    expect(page.locator(".value h2")).to_have_text("input[0]")


def truth(exhibit: str, text: str = "") -> Record:
    run = named(f"exhibit:{exhibit}")
    return of_run(run, run.system.task.read_all(text or TEXTS[exhibit], run.facts, "")[0])[0]


def to_attention(look: Callable[..., Page], **settings: object) -> Page:
    page = look("translator", ["encoder", "layers.0", "attention"], " weights · 4 × 6 × 6", **settings)
    expect(page.locator(".value h2")).to_have_text("weights")
    return page


def test_attention_is_read_word_by_word(look: Callable[..., Page]) -> None:
    page = to_attention(look)
    weights = truth("translator").find("weights")[0].tensor[0].numpy()  # (h, T, S)
    words = ["a", "man", "rides", "a", "bike", "[END]"]
    heads = page.get_by_role("toolbar", name="Heads").get_by_role("button")
    assert heads.count() == len(weights)
    large = page.locator(".value .room")
    for side in ("rows", "columns"):
        expect(large.locator(f".{side} span")).to_have_text(words)
        expect(page.locator(f".plane:nth-child(2) .{side} span")).to_have_text(words)
    labels = page.locator(".value .rows span")
    assert labels.evaluate_all("all => all.filter(one => one.scrollWidth > one.clientWidth).length") == 0  # none is cut
    heads.nth(3).click()
    expect(heads.nth(3)).to_have_attribute("aria-pressed", "true")
    grid = page.get_by_role("grid")
    grid.focus()
    for _ in range(len(words)):
        for key in ("ArrowUp", "ArrowLeft"):
            page.keyboard.press(key)
    found = np.zeros((len(words), len(words)))
    for row in range(len(words)):
        page.keyboard.press("Home")
        for column in range(len(words)):
            told = grid.get_by_role("gridcell").inner_text()
            assert told.startswith(f"{words[row]} → {words[column]}: "), told
            found[row, column] = number(told.rpartition(": ")[2])
            expect(page.locator(".value .readout")).to_contain_text(told)
            page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    assert np.allclose(found, weights[3], rtol=6e-4, atol=1e-7)
    page.keyboard.press("Enter")  # the last one
    expect(page.locator(".explanation h2")).to_contain_text("weights[3, 5, 5]")
    check(page)


def test_a_small_head_reads_out_the_words_of_the_text_that_was_made(look: Callable[..., Page]) -> None:
    size = LOOKED
    page = look("gpt", ["blocks", "blocks.0", "attention"], f" weights · 4 × {size} × {size}")
    network = named("exhibit:gpt").network()
    run = named("exhibit:gpt")
    with torch.inference_mode():
        example = run.system.task.read(TEXTS["gpt"], run.facts, "")
        text = run.system.task.complete(network, example.batch)[0].flatten().tolist()
    letters = [written(run.facts.learnt["characters"][one - 1]) for one in text]
    record = truth("gpt")
    weights = record.find("weights", module="blocks.0.attention")[0].tensor[0].numpy()

    strip, said = page.get_by_role("toolbar", name="Heads"), page.locator("p.pointed")
    canvas = strip.locator("canvas").nth(2)
    box = canvas.bounding_box()
    assert box is not None
    row, column = size - 2, 3
    page.mouse.move(box["x"] + (column + 0.5) / size * box["width"], box["y"] + (row + 0.5) / size * box["height"])
    expect(said).to_contain_text(f"{letters[row]} → {letters[column]}")
    assert float(said.locator("strong").inner_text()) == pytest.approx(weights[2, row, column], rel=1e-3)
    canvas.click(position={"x": (column + 0.5) / size * box["width"], "y": (row + 0.5) / size * box["height"]})
    expect(strip.locator("[aria-pressed=true]")).to_contain_text("2")

    page.mouse.move(0, 0)
    strip.locator("[aria-pressed=true]").focus()
    page.keyboard.press("ArrowRight")
    expect(strip.locator("[aria-pressed=true]")).to_contain_text("3")
    row, column = np.unravel_index(weights[3].argmax(), weights[3].shape)
    expect(said).to_contain_text(f"{letters[row]} → {letters[column]}")
    above = page.locator(".room .columns span").all_inner_texts()
    assert len(above) > len(TEXTS["gpt"]), "the head is read whole below, with what was made"
    assert hindrances(page) == []


def written(letter: str) -> str:
    """As the page writes what cannot be seen by itself."""
    return {" ": "␣", "\n": "↵"}.get(letter, letter)


def test_the_states_of_a_layer_stand_in_one_picture(look: Callable[..., Page]) -> None:
    page = look("lstm", ["recurrent"], " h · 15")
    series = page.get_by_test_id("series")
    record = truth("lstm")
    states, words = record.find("states")[0].tensor[0].T.numpy(), TEXTS["lstm"].split()  # (H, T)
    expect(series.locator(".columns span")).to_have_text(words)
    grid = series.get_by_role("grid")
    assert (grid.get_attribute("aria-rowcount"), grid.get_attribute("aria-colcount")) == ("15", "5")
    grid.focus()
    for _ in range(15):
        page.keyboard.press("ArrowUp")
    found = np.zeros_like(states)
    for unit in range(15):
        page.keyboard.press("Home")
        for step, word in enumerate(words):
            told = grid.get_by_role("gridcell").inner_text()
            assert f"“{word}”, {unit}: " in told
            found[unit, step] = number(told.rpartition(": ")[2])
            page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    assert np.allclose(found, states, rtol=6e-4, atol=1e-7)
    page.keyboard.press("Enter")  # the last unit after the last word
    captured = page.locator(".explanation h2 data")
    expect(page.locator(".explanation h2")).to_contain_text("h[14]")
    expect(captured).to_have_attribute("value", re.compile("."))
    assert float(captured.get_attribute("value") or "nan") == pytest.approx(float(states[14, 4]), rel=1e-6)
    check(page)
    series.get_by_role("button", name="forget_gate", exact=True).click()  # of the same step
    expect(page.locator(".value h2")).to_have_text("forget_gate")
    gate = record.find("forget_gate")[4].tensor[0, 0]
    expect(page.locator(".explanation h2")).to_contain_text("forget_gate[0]")
    assert float(captured.get_attribute("value") or "nan") == pytest.approx(float(gate), rel=1e-6)


@pytest.mark.parametrize("width", [390, 1600])
def test_a_long_sentence_is_read_word_by_word(look: Callable[..., Page], width: int) -> None:
    text = " ".join(
        f"win {word} free prize now"
        for word in ["a", "the", "your", "my", "this", "one", "that", "his", "our", "their"]
    )
    page = look("lstm", [], r"^input\[0\]", text, viewport={"width": width, "height": 844})
    numbers = truth("lstm", text).inputs[0].tensor[0].tolist()
    words = page.locator(".value .sentence button")
    expect(words).to_have_count(len(numbers))
    assert len(numbers) == 50
    assert [int(one) for one in words.locator("small").all_inner_texts()] == numbers
    assert " ".join(words.locator("span").all_inner_texts()) == text
    words.nth(46).click()
    expect(page.locator(".explanation h2")).to_contain_text("input[0][46]")
    if width < 760:
        page.locator(".tabs label").nth(1).click()
    words.nth(46).focus()
    page.keyboard.press("ArrowRight")
    expect(words.nth(47)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".explanation h2")).to_contain_text("input[0][47]")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert hindrances(page) == []


def test_scores_over_a_vocabulary_name_their_words(look: Callable[..., Page]) -> None:
    page = look("translator", [], r"^linear 7 × 4000")
    record, run = truth("translator"), named("exhibit:translator")
    scores = record.outputs[0].tensor[0].numpy()  # (T, V)
    names = run.system.task.columns(run.facts)
    bars = page.locator(".value .bars button")
    expect(bars).to_have_count(12)
    row = int(scores.argmax()) // len(names)  # where one begins
    for above in (row, row - 1):
        best = (-scores[above]).argsort(kind="stable")[:12]
        expect(bars.locator(".name")).to_have_text([names[one] for one in best])
        page.get_by_role("grid").focus()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")


def test_a_score_of_each_letter_stands_under_it(look: Callable[..., Page]) -> None:
    page = look("gpt", [], r"^linear \d+ × \d+$")
    letters = named("exhibit:gpt").facts.learnt["characters"]
    page.get_by_role("grid").focus()
    assert page.locator(".value .room .columns span").count() > 20
    scores = truth("gpt").outputs[0].tensor[0].numpy()  # (T, V)
    row = int(abs(scores).argmax()) // scores.shape[1]  # where one begins
    page.keyboard.press("Home")
    for column in range(1, 9):
        page.keyboard.press("ArrowRight")
        told = page.get_by_role("gridcell").inner_text()
        assert told.split(" → ")[1].partition(": ")[0] == written(letters[column - 1])
        assert number(told.rpartition(": ")[2]) == pytest.approx(scores[row, column], rel=6e-4)


def test_a_word_is_exchanged_by_typing_it(look: Callable[..., Page]) -> None:
    page = look("lstm", [], r"^input\[0\]")
    page.locator(".value .bars button", has_text="prize").click()
    expect(page.locator(".explanation h2")).to_contain_text("input[0][3]")
    page.locator(".whatif input").fill("zzzzzzz")
    page.keyboard.press("Enter")
    expect(page.locator(".whatif [role=alert]")).to_contain_text("knows no word")
    page.locator(".whatif input").fill("dinner")
    page.keyboard.press("Enter")
    expect(page.locator(".edits li")).to_contain_text("prize → dinner")
    run = named("exhibit:lstm")
    example = run.system.task.read_all("win a free dinner now", run.facts, "")[0]
    with torch.no_grad():
        chances = run.system.task.respond(run.network(), example.batch)[0]
    answer = run.system.task.answer(chances, run.facts)
    row = page.locator("[data-testid=whatif] tbody tr", has_text=str(answer["answer"]))
    assert float(row.locator("td").nth(1).inner_text().strip().rstrip("%")) == pytest.approx(
        100 * float(answer["probability"]),
        abs=0.06,  # type: ignore[arg-type]
    )
    expect(page.locator("[data-part=after] .bars .name").nth(3)).to_have_text("dinner")


@pytest.mark.parametrize(("width", "scheme", "locale"), [(390, "dark", "en-US"), (1600, "light", "zh-TW")])
def test_words_fit_and_are_reached(look: Callable[..., Page], width: int, scheme: str, locale: str) -> None:
    settings = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme, "locale": locale}
    pages = [to_attention(look, **settings), look("lstm", ["recurrent"], " h · 15", **settings)]
    for page in pages:
        expect(page.locator(".value .room").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for label in page.locator(".value .room .columns span").all():
            assert (label.bounding_box() or {"height": 0})["height"] > 0
        assert hindrances(page) == []
