"""A network that begins with what another has learnt: pieces, sizes and weights are taken over, or it says why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers.models.bert import BertConfig, BertForSequenceClassification, BertModel

import liuli
from liuli import cli
from liuli.catalog import find
from liuli.errors import UserError
from liuli.models.language import bert
from liuli.models.language.bert_classifier import SYSTEM, BERTClassifier
from liuli.runs import Run
from liuli.tasks import bert_checkpoints
from tests.planted import compared

SMALL: dict[str, object] = {"width": 16, "layers": 1, "heads": 2, "inner": 32, "batch_size": 16, "lr": 5e-3}
WORDS = ["sea", "hill", "lake", "town", "road", "tree", "bird", "rain"]


def sentences() -> list[tuple[str, str]]:
    """What is good and what is bad."""
    good = [(f"the {one} is good , and the {other} is fine", "pro") for one in WORDS for other in WORDS]
    return good + [(f"the {one} is bad , and the {other} is poor", "con") for one in WORDS for other in WORDS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text, sentences with classes, and a run on the text."""
    folder = tmp_path_factory.mktemp("classifier")
    (folder / "text.txt").write_text("\n".join(text for text, _ in sentences()))
    (folder / "mine.csv").write_text("text,label\n" + "\n".join(f'"{text}",{label}' for text, label in sentences()))
    liuli.train("bert", data=str(folder / "text.txt"), epochs=2, settings=SMALL, out=folder / "bert")
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    settings: dict[str, object] = {"pretrained": str(folder / "bert"), "lr": 5e-3, "batch_size": 16}
    return liuli.train(
        "bert-classifier", data=str(folder / "mine.csv"), epochs=6, settings=settings, out=folder / "run"
    )


def test_a_run_is_begun_from_and_learns(run: Run, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Run.open(folder / "bert")
    assert run.facts.learnt["tokenizer"] == before.facts.learnt["tokenizer"]
    assert {key: run.options[key] for key in ("width", "layers", "heads", "inner", "length", "vocabulary")} == {
        key: run.facts.learnt["sizes"][key] for key in ("width", "layers", "heads", "inner", "length", "vocabulary")
    }
    assert run.result is not None
    assert run.result["metrics"]["accuracy"] > 0.9
    capsys.readouterr()
    assert cli.run(["predict", str(run.folder), "The LAKE is poor", "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer["answer"] == "con"
    assert answer["read"] == "[CLS] the lake is poor [SEP]"


def test_body_is_taken_over_and_the_new_layer_is_drawn(folder: Path) -> None:
    sizes = Run.open(folder / "bert").options
    kept = {key: sizes[key] for key in ("vocabulary", "length", "width", "layers", "heads", "inner")}
    torch.manual_seed(0)
    network = BERTClassifier(**kept, pretrained=str(folder / "bert"))
    drawn = network.output.weight.clone()
    network.inherit()
    weights = load_file(folder / "bert" / "model.safetensors")
    for name, value in network.bert.state_dict().items():
        if name.removesuffix(".weight") not in ("words", "positions", "segments"):
            assert torch.equal(value, weights[f"bert.{name}"]), name
    assert torch.equal(network.output.weight, drawn)


def test_embeddings_are_as_small_as_drawn_ones_and_say_the_same(folder: Path) -> None:
    before = Run.open(folder / "bert")
    pretrained = before.network()
    assert isinstance(pretrained, bert.Pretraining)
    kept = {key: before.options[key] for key in ("vocabulary", "length", "width", "layers", "heads", "inner")}
    network = BERTClassifier(**kept, pretrained=str(folder / "bert")).eval()
    network.inherit()
    assert float(network.bert.words.weight.std()) == pytest.approx(0.02, rel=1e-5)
    assert float(pretrained.bert.words.weight.std()) > 0.025
    words = torch.tensor([[2, 9, 17, 11, 3, 0], [2, 30, 8, 3, 0, 0]], dtype=torch.int32)
    with torch.no_grad():
        expected = pretrained.eval().bert(words, torch.zeros_like(words))
        found = network.bert(words, torch.zeros_like(words))
    assert torch.allclose(found, expected, atol=1e-4)
    network.bert.words.weight.data *= 2  # one of the three alone changes what is said
    with torch.no_grad():
        assert not torch.allclose(network.bert(words, torch.zeros_like(words)), expected, atol=1e-2)


def test_without_a_run_it_begins_from_nothing(folder: Path) -> None:
    settings = {**SMALL, "pretrained": "none"}
    run = liuli.train("bert-classifier", data=str(folder / "mine.csv"), epochs=1, settings=settings, out=folder / "new")
    assert run.options["vocabulary"] == len(run.facts.learnt["counts"])


def test_a_run_that_is_missing_or_of_another_kind_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(UserError, match=r"^runs/bert: there is no such run; train it first with 'liuli train bert'"):
        liuli.train("bert-classifier", data="mine.csv", out="x")
    (folder / "runs" / "other").mkdir(parents=True, exist_ok=True)
    (folder / "runs" / "other" / "run.json").write_text('{"system": "lenet"}')
    (folder / "runs" / "other" / "learnt.json").write_text("{}")
    with pytest.raises(UserError, match="is a run of lenet, expected one of bert"):
        liuli.train("bert-classifier", data="mine.csv", settings={"pretrained": "runs/other"}, out="x")
    with pytest.raises(UserError, match="--set width: is decided by the data"):
        liuli.train("bert-classifier", data="mine.csv", settings={"pretrained": "bert", "width": 8}, out="x")
    assert not (folder / "x").exists()


def test_a_run_of_the_usual_size_need_not_say_it(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"system": "bert", "options": {"vocabulary": 8000, "length": 64}}')
    (tmp_path / "learnt.json").write_text("{}")
    with torch.device("meta"):
        network = SYSTEM.build(**bert_checkpoints.start(str(tmp_path)).sizes)
        assert {name: one.shape for name, one in network.bert.state_dict().items()} == {
            name: one.shape for name, one in find("bert").build(vocabulary=8000, length=64).bert.state_dict().items()
        }


def test_a_checkpoint_is_begun_from(folder: Path, tmp_path: Path) -> None:
    names = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "the",
        "is",
        "good",
        "bad",
        ",",
        "and",
        "fine",
        "poor",
        *WORDS,
    ]
    config = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    BertModel(BertConfig(vocab_size=len(names), max_position_embeddings=16, **config)).save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(names))
    settings: dict[str, object] = {"pretrained": str(tmp_path), "lr": 5e-3, "batch_size": 16}
    run = liuli.train(
        "bert-classifier", data=str(folder / "mine.csv"), epochs=2, settings=settings, out=tmp_path / "run"
    )
    assert (run.options["layers"], run.options["length"], run.options["vocabulary"]) == (2, 16, len(names))
    example = run.system.task.read("the sea " * 20, run.facts, "long")
    assert example.remark == "only the first 14 of its 40 pieces were read"


def test_a_fine_tuned_network_goes_to_transformers_and_comes_back() -> None:
    torch.manual_seed(0)
    ours, sizes = SYSTEM.build(), {"hidden_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4}
    assert isinstance(ours, BERTClassifier)
    config = BertConfig(vocab_size=100, max_position_embeddings=64, intermediate_size=512, **sizes)
    theirs = BertForSequenceClassification(config)
    theirs.load_state_dict(bert.published(ours))
    words = SYSTEM.task.draw(3)[0]
    with torch.no_grad():
        found = ours.eval()(words)
        expected = theirs.eval()(input_ids=words.long(), attention_mask=(words != 0).long()).logits
    assert torch.allclose(found, expected, atol=1e-5)
    again = SYSTEM.build()
    bert.load_published(again, theirs.state_dict())
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in again.state_dict().items())


@pytest.mark.parametrize(("text", "said"), [("", "is empty"), ("\u200b", "holds no word")])
def test_what_is_no_sentence_is_refused(run: Run, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        run.system.task.read(text, run.facts, "x")


def test_what_is_unknown_is_remarked(run: Run) -> None:
    assert run.system.task.read("雨 雪", run.facts, "x").remark.startswith("no word of it was learnt")


def test_a_sentence_is_put_together_again(run: Run) -> None:
    batch = run.system.task.tensors(run.data().test, run.facts)
    shown = [run.system.task.text(row, run.facts) for row in batch[0]]
    assert shown == [" ".join(text.split()) for text in run.data().test.inputs]


def test_a_wrong_rate_of_dropout_is_found() -> None:
    def more(model: BERTClassifier) -> None:
        model.bert.dropout.p = 0.2

    found = compared("bert-classifier", more)
    wrong = [one for one in found if one.verdict != "OK"]
    assert (wrong[0].name, wrong[0].dropout) == ("bert.dropout", True)
