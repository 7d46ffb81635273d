"""The ways to ask a network in a browser: pen and finger, a pasted picture, the camera, an example of the test part.

While one draws, what each layer makes of the drawing stands beside it, number for number what the network computes.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect

from docs.screenshots import draw_seven
from liuli.data.store import load
from liuli.runs import Run
from tests.browser.conftest import CHROMIUM, laboratory
from tests.browser.reader import hindrances
from tests.small_run import small_run

STROKES = [(0.3, 0.25), (0.7, 0.25), (0.55, 0.5), (0.42, 0.8)]


@pytest.fixture(scope="module")
def browser(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One whose camera sees a seven on a sheet of paper."""
    sheet = Image.new("RGB", (320, 240), (235, 232, 225))
    ImageDraw.Draw(sheet).line([(110, 50), (210, 52), (150, 200)], fill=(25, 25, 40), width=16, joint="curve")
    film = tmp_path_factory.mktemp("camera") / "seven.mjpeg"
    sheet.save(film, "JPEG", quality=95)
    flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    camera = f"--use-file-for-fake-video-capture={film}"
    found = browser.browser_type.launch(executable_path=CHROMIUM, args=["--no-sandbox", *flags, camera])
    yield found
    found.close()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A LeNet on scikit-learn's digits that knows nothing yet."""
    return small_run(tmp_path_factory.mktemp("asking") / "runs" / "knows-nothing")


@pytest.fixture(scope="module")
def address(trained: Run) -> Iterator[str]:
    with laboratory(trained.folder.parents[1]) as served:
        yield served


def asking(enter: Callable[..., Page], **settings: object) -> Page:
    page = enter("system/lenet", **settings)
    page.locator(".asking select").select_option("knows-nothing")
    return page


def said_of(page: Page) -> tuple[str, np.ndarray, list[str]]:
    """The answer, what the page says that the network was given, (32, 32), and what it says of each layer.

    All of one moment, for the page may go on to the next answer.
    """
    page.locator("[aria-busy=false] .said strong").wait_for()
    said, source, layers = page.evaluate(
        """() => [
          document.querySelector('.said strong').textContent,
          document.querySelector('.answered img').src,
          [...document.querySelectorAll('.drawing .layers [role=img]')].map((one) => one.getAttribute('aria-label')),
        ]"""
    )
    picture = Image.open(io.BytesIO(base64.b64decode(source.split(",")[1])))
    return said, np.asarray(picture)[::10, ::10], layers


def answer_to(run: Run, pixels: np.ndarray) -> tuple[str, torch.Tensor]:
    """What the network says to a picture (32, 32), and its first layer's values after the activation."""
    network = run.network()
    with torch.inference_mode():
        given = torch.from_numpy(pixels.astype("float32") / 255)[None, None]
        return run.facts.classes[int(network(given).argmax())], network.c1(given).relu()


@pytest.mark.parametrize("locale", ["en-US", "zh-TW"])
def test_while_one_draws_each_layer_is_shown(enter: Callable[..., Page], trained: Run, locale: str) -> None:
    page = asking(enter, locale=locale)
    with page.expect_response(lambda one: "/answers?layers=true" in one.url) as asked:
        draw_seven(page)
    assert asked.value.ok
    said, given, layers = said_of(page)
    expected, first = answer_to(trained, given)
    assert said == expected
    assert len(layers) == 7
    assert "c1" in layers[0]
    assert float(layers[0].split()[-1]) == pytest.approx(float(first.max()), rel=1e-3)  # "Colours from 0 to 1.008"
    page.get_by_role("button", name="Clear" if locale == "en-US" else "清除").click()
    expect(page.locator(".drawing .layers figure")).to_have_count(0)


@pytest.mark.parametrize("kind", ["touch", "pen"])
def test_a_finger_and_a_pen_draw_too(enter: Callable[..., Page], kind: str) -> None:
    page = asking(enter, has_touch=True, viewport={"width": 390, "height": 844})
    pad = page.locator(".pad canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    device = page.context.new_cdp_session(page)
    places = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in STROKES]
    if kind == "touch":
        for number, place in enumerate(places):
            device.send(
                "Input.dispatchTouchEvent", {"type": "touchMove" if number else "touchStart", "touchPoints": [place]}
            )
        device.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    else:
        pen = {"button": "left", "buttons": 1, "pointerType": "pen"}
        for number, place in enumerate(places):
            device.send(
                "Input.dispatchMouseEvent", {"type": "mouseMoved" if number else "mousePressed", **pen, **place}
            )
        device.send("Input.dispatchMouseEvent", {"type": "mouseReleased", **pen, **places[-1]})
    _, given, _ = said_of(page)
    assert given.max() > 200


def test_a_pasted_picture_is_answered(enter: Callable[..., Page], trained: Run) -> None:
    page = asking(enter)
    page.locator(".pad canvas").wait_for()
    page.evaluate(
        """async () => {
          const canvas = document.createElement('canvas')
          canvas.width = canvas.height = 100
          const pen = canvas.getContext('2d')
          pen.fillStyle = 'white'
          pen.fillRect(0, 0, 100, 100)
          pen.fillStyle = 'black'
          pen.fillRect(45, 15, 10, 70)
          const blob = await new Promise((done) => canvas.toBlob(done))
          const clipboardData = new DataTransfer()
          clipboardData.items.add(new File([blob], 'one.png', { type: 'image/png' }))
          window.dispatchEvent(new ClipboardEvent('paste', { clipboardData }))
        }"""
    )
    said, given, _ = said_of(page)
    assert said == answer_to(trained, given)[0]


def test_the_camera_takes_one_picture_and_is_off_again(enter: Callable[..., Page], trained: Run) -> None:
    page = asking(enter)
    page.evaluate(
        """() => {
          const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
          navigator.mediaDevices.getUserMedia = async (wanted) => (window.stream = await open(wanted))
        }"""
    )
    page.get_by_role("button", name="Camera").press("Enter")
    take = page.get_by_role("button", name="Take the picture")
    expect(take).to_be_enabled()  # as soon as the camera has shown something
    take.press("Enter")
    said, given, _ = said_of(page)
    assert given.max() > 200
    assert said == answer_to(trained, given)[0]
    assert page.evaluate("stream.getTracks().every((track) => track.readyState === 'ended')")
    assert page.locator("video").count() == 0
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("button", name="Close the camera").click()
    assert page.evaluate("stream.getTracks().every((track) => track.readyState === 'ended')")


@pytest.mark.parametrize(("name", "said"), [("NotAllowedError", "may not be used"), ("NotFoundError", "No camera")])
def test_a_camera_that_is_refused_is_said_in_a_sentence(enter: Callable[..., Page], name: str, said: str) -> None:
    page = asking(enter)
    page.evaluate(
        "name => (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', name)))", name
    )
    page.get_by_role("button", name="Camera").click()
    expect(page.get_by_role("alert")).to_contain_text(said)


def test_whoever_comes_back_from_inside_finds_what_was_drawn_and_answered(
    enter: Callable[..., Page], trained: Run
) -> None:
    page = asking(enter)
    draw_seven(page)
    page.locator("button.inside").click()
    page.wait_for_selector(".whole .answer strong")
    page.go_back()
    said, shown, _ = said_of(page)
    assert said == answer_to(trained, shown)[0]
    assert shown.max() > 200
    expect(page.locator(".asking select")).to_have_value("knows-nothing")
    numbers = "one => [...one.getContext('2d').getImageData(0, 0, 280, 280).data]"
    drawn = np.array(page.locator(".pad canvas").evaluate(numbers)).reshape(280, 280, 4)[..., 0] < 128
    assert 1000 < drawn.sum() < 20_000


def test_what_is_typed_is_asked_for_by_the_names_of_the_features(enter: Callable[..., Page]) -> None:
    run = Run.open("exhibit:perceptron")
    page = enter("system/perceptron")
    page.get_by_label(f"In this order: {', '.join(run.facts.details['columns'])}").fill("5.1, 3.5, 1.4, 0.2")
    page.keyboard.press("Enter")
    weights = {name: weight.detach().numpy() for name, weight in run.network().named_parameters()}
    score = float(weights["weight"].reshape(-1) @ [5.1, 3.5, 1.4, 0.2] + weights["bias"].item())
    expect(page.locator(".said strong")).to_have_text(run.facts.classes[int(score > 0)])


@pytest.mark.parametrize(
    ("name", "drawn", "typed"), [("pca", 1, 0), ("lstm", 0, 1), ("lenet", 1, 0), ("yolo-v1", 0, 0)]
)
def test_a_system_is_given_only_what_it_can_read(enter: Callable[..., Page], name: str, drawn: int, typed: int) -> None:
    page = enter(f"system/{name}")
    page.locator(".ways").wait_for()
    expect(page.locator(".pad")).to_have_count(drawn)
    expect(page.locator("form :is(textarea, input)")).to_have_count(typed)


def test_an_example_of_the_test_part_is_picked_mistakes_first(enter: Callable[..., Page], trained: Run) -> None:
    page = asking(enter)
    page.get_by_role("button", name="Pick from the test part").press("Enter")
    tile = page.locator(".picker .tile").first
    tile.wait_for()
    index = int(tile.get_attribute("data-index") or "-1")
    tile.press("Enter")
    said, shown, _ = said_of(page)
    task = trained.system.task
    pixels, label = task.tensors(load("digits").test.one(index), trained.facts)
    given = (task.inputs((pixels,))[0][0, 0] * 255).round().byte().numpy()
    np.testing.assert_array_equal(shown, given)
    assert said == answer_to(trained, given)[0]
    assert said != str(int(label))
    expect(page.locator(".said .right")).to_have_text(f"Right: {int(label)}")
    page.locator("button.inside").click()
    expect(page.locator(".whole .answer strong")).to_have_text(said)


@pytest.mark.parametrize("width", [390, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen_and_nothing_is_hard_to_reach(
    enter: Callable[..., Page], width: int, scheme: str
) -> None:
    page = asking(enter, viewport={"width": width, "height": 844}, color_scheme=scheme)
    draw_seven(page)
    page.locator(".drawing .layers canvas").first.wait_for()
    page.get_by_role("button", name="Pick from the test part").click()
    page.locator(".picker .tile").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert hindrances(page) == []
