"""The laboratory under attack: what must not come in does not, what is too much is held off, and it lives on."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from PIL import Image

from liuli.lab.guard import Guard
from liuli.lab.limits import LARGEST_BODY, MOST_WAITING
from tests.small_run import seven
from tests.visitor import OWN, Visitor, lives, run


def picture(size: tuple[int, int] = (28, 28)) -> bytes:
    file = io.BytesIO()
    Image.new("L", size, 255).save(file, "PNG")
    return file.getvalue()


def bomb() -> bytes:
    """A PNG of a few kilobytes that would be 3,600 megapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1 << 20), 9)) + chunk(b"IEND", b"")


def test_whoever_knows_the_token_comes_in_and_it_leaves_the_address(lab: Guard) -> None:
    stranger = Visitor(lab, token="")
    welcome = stranger.ask("GET", "/?token=secret")
    assert welcome.status_code == 303
    assert welcome.headers["location"] == "/"
    assert welcome.headers["set-cookie"] == "liuli=secret; HttpOnly; SameSite=Strict; Path=/"
    assert Visitor(lab).ask("GET", "/api/road").status_code == 200


def test_an_exhibit_answers_is_followed_and_stays_as_it_is(lab: Guard, tmp_path: Path) -> None:
    visitor, name = Visitor(lab), quote("exhibit:lenet")
    listed = {run["name"]: run["exhibit"] for run in visitor.ask("GET", "/api/runs").json()}
    assert (listed["lenet"], listed["exhibit:lenet"]) == (False, True)
    content = seven(tmp_path / "seven.png").read_bytes()
    assert visitor.ask("POST", f"/api/runs/{name}/answers", content=content, headers=OWN).json()["answer"] == "7"
    events = visitor.ask("GET", f"/api/runs/{name}/events").text
    assert events.count("event: epoch") == len(visitor.ask("GET", f"/api/runs/{name}").json()["epochs"]) > 0
    for verb in ("pause", "resume"):
        assert visitor.ask("POST", f"/api/runs/{name}/{verb}", headers=OWN).status_code == 422


def test_words_are_never_the_path_of_a_file(lab: Guard, tmp_path: Path) -> None:
    words = {**OWN, "content-type": "text/plain"}
    for asked in ("answers", "records"):
        path = f"/api/runs/{quote('exhibit:pca')}/{asked}"
        answer = Visitor(lab).ask("POST", path, content=str(seven(tmp_path / "seven.png")), headers=words)
        assert answer.status_code == 422
        assert "expected a picture of one of 0 … 9" in answer.json()["error"]


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=wrong", "/?token=secret&token=x", "/api/road", "/none"])
@pytest.mark.parametrize("token", ["", "wrong", "secre", "secret2", "sécret"])
def test_nobody_else_does(lab: Guard, path: str, token: str) -> None:
    headers = {"cookie": f"liuli={token}".encode()} if token else {}
    answer = Visitor(lab, token="").ask("GET", path, headers=headers)
    assert answer.status_code == 401
    assert "liuli lab" in answer.text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8017", "127.0.0.1.evil.example", "localhost.evil.example:80", "0.0.0.0", ""]
)
def test_a_name_of_another_machine_is_refused(lab: Guard, host: str) -> None:
    answer = Visitor(lab).ask("GET", "/api/road", headers={"host": host})
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8017", "localhost:1", "localhost", "[::1]:8017"])
def test_the_names_of_this_machine_are_not(lab: Guard, host: str) -> None:
    assert Visitor(lab).ask("GET", "/api/road", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://127.0.0.1:8018", "https://127.0.0.1:8017"]
)
def test_a_page_of_another_origin_changes_nothing(lab: Guard, origin: str | None) -> None:
    headers = {} if origin is None else {"origin": origin}
    answer = Visitor(lab).ask("POST", "/api/runs/lenet/records", content=picture(), headers=headers)
    assert answer.status_code == 403


def test_every_answer_keeps_the_page_to_itself(lab: Guard) -> None:
    for path in ("/api/road", "/api/systems/none", "/nowhere", "/?token=secret"):
        headers = Visitor(lab).ask("GET", path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../../pyproject.toml",
        "/assets/..%2f..%2fserver.py",
        "/assets/%2e%2e/lab.html",
        "/assets//etc/passwd",
    ],
)
def test_no_file_but_the_front_ends_is_given(lab: Guard, path: str) -> None:
    assert Visitor(lab).ask("GET", path).status_code == 404


@pytest.mark.parametrize("run", ["../lenet", "..%2flenet", "%2fetc", "lenet%2f..%2flenet", ".", "lenet%00", "runs"])
def test_a_run_goes_by_its_name_and_never_by_a_path(lab: Guard, run: str) -> None:
    answer = Visitor(lab).ask("POST", f"/api/runs/{run}/answers", content=picture(), headers=OWN)
    assert answer.status_code in (404, 405, 422)  # 405: "." was taken out of the address on the way
    assert "answer" not in answer.text.replace("answers", "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "nothing was sent"),
        (b"no picture at all", "expected a picture"),
        (bomb(), "too large"),
        (b"\x89PNG\r\n", ""),
    ],
)
def test_what_is_no_picture_is_one_sentence(lab: Guard, content: bytes, said: str) -> None:
    answer = Visitor(lab).ask("POST", "/api/runs/lenet/answers", content=content, headers=OWN)
    assert answer.status_code == 422
    assert said in answer.json()["error"]
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("way", ["answers", "records"])
@pytest.mark.parametrize(
    ("run", "made", "said"),
    [
        ("exhibit:gpt", "0", "0 tokens: expected from 1 to 1,000"),
        ("exhibit:gpt", "1001", "1,001 tokens: expected"),
        ("exhibit:gpt", "-5", "-5 tokens: expected"),
        ("exhibit:gpt", "many", "made"),
        ("exhibit:lenet", "5", "how long its answers are follows from the input"),
    ],
)
def test_an_answer_has_no_more_tokens_than_there_is_time_for(
    lab: Guard, way: str, run: str, made: str, said: str
) -> None:
    answer = Visitor(lab).ask(
        "POST", f"/api/runs/{run}/{way}?made={made}", content="To be", headers=OWN | {"content-type": "text/plain"}
    )
    assert answer.status_code == 422
    assert said in answer.text


def test_too_many_bytes_are_refused_however_they_come(lab: Guard) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(1 << 20)

    async def asynchronous() -> object:
        for part in endless():
            yield part

    whole = Visitor(lab).ask("POST", "/api/runs/lenet/answers", content=bytes(LARGEST_BODY + 1), headers=OWN)
    assert whole.status_code == 413
    drops = Visitor(lab).ask("POST", "/api/runs/lenet/answers", content=asynchronous(), headers=OWN)
    assert drops.status_code == 422
    assert "smaller" in drops.json()["error"]
    assert lives(lab)


@pytest.mark.parametrize(
    "question",
    [
        "numbers?address=none",
        "samples?address=none",
        "samples",
        "pictures?address=none&start=0&planes=1&height=9&width=9&rows=9&columns=9&low=0&high=1",
        "pictures?address=INPUT&start=0&planes=1&height=99&width=99&rows=9&columns=9&low=0&high=1",
        "numbers?address=INPUT&start=-1",
        "numbers?address=INPUT&start=0&count=99999999999",
        "numbers?address=INPUT&start=5&count=1000000",
        "explanations?address=INPUT&index=99999&direction=forward",
        "explanations?address=INPUT&index=-1&direction=forward",
        "explanations?address=INPUT&index=0&direction=sideways",
        "explanations?address=INPUT&index=many&direction=forward",
        "explanations",
    ],
)
def test_what_a_record_does_not_hold_is_one_sentence(lab: Guard, question: str, tmp_path: Path) -> None:
    async def both() -> httpx.Response:
        visitor = Visitor(lab)
        drawn = seven(tmp_path / "seven.png").read_bytes()
        made = await visitor.asked("POST", "/api/runs/lenet/records", content=drawn, headers=OWN)
        place = f"/api/records/{made.json()['record']}"
        manifest = (await visitor.asked("GET", place)).json()
        (address,) = manifest["inputs"]
        good = await visitor.asked("GET", f"{place}/numbers", params={"address": address})
        assert len(good.content) == 4 * 32 * 32
        small = await visitor.asked("GET", f"{place}/samples", params={"address": address})
        assert small.headers["liuli-shape"] == "1,32,32"
        low, high = (float(small.headers[f"liuli-{end}"]) for end in ("low", "high"))
        numbers = np.frombuffer(good.content, "<f4")
        steps = low + np.frombuffer(small.content, np.uint8) / 255 * (high - low)
        np.testing.assert_allclose(steps, numbers, atol=(high - low) / 255)
        return await visitor.asked("GET", f"{place}/{question.replace('INPUT', quote(address))}")

    answer = run(both())
    assert answer.status_code == 422
    assert "Traceback" not in answer.text


def test_a_thousand_at_once_are_held_off_and_it_lives_on(lab: Guard, tmp_path: Path) -> None:
    drawn = seven(tmp_path / "seven.png").read_bytes()

    async def crowd() -> list[int]:
        visitor = Visitor(lab)
        asked = (visitor.asked("POST", "/api/runs/lenet/answers", content=drawn, headers=OWN) for _ in range(1000))
        return [answer.status_code for answer in await asyncio.gather(*asked)]

    codes = run(crowd())
    assert set(codes) == {200, 503}
    assert codes.count(200) >= MOST_WAITING
    assert lives(lab)
