"""BERT beside what is published: parameter counts, names of weights, checkpoints of `transformers` in and out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn
from transformers.models.bert import BertConfig, BertForPreTraining, BertModel

from liuli.errors import UserError
from liuli.models.language import bert
from liuli.models.language.bert import BASE, LARGE, SYSTEM, Pretraining
from liuli.tasks import bert_checkpoints, pieces
from tests.planted import first_wrong

SPECIAL = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "the", "capital", "of", "france", "is", "paris", ".", "我", "喜", "##s"]
TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 24}


@pytest.mark.parametrize(("sizes", "count"), [(BASE, 109_482_240), (LARGE, 335_141_888)], ids=["base", "large"])
def test_body_has_the_published_number_of_parameters(sizes: dict[str, int], count: int) -> None:
    with torch.device("meta"):
        network = Pretraining(30_522, 512, **sizes)
    assert sum(one.numel() for one in network.bert.parameters()) == count


def test_base_and_large_are_the_papers() -> None:
    assert BASE == {"layers": 12, "width": 768, "heads": 12, "inner": 3072}
    assert LARGE == {"layers": 24, "width": 1024, "heads": 16, "inner": 4096}


def test_whole_network_has_as_many_parameters_as_transformers() -> None:
    with torch.device("meta"):
        ours, theirs = Pretraining(30_522, 512, **BASE), BertForPreTraining(BertConfig())
    assert sum(one.numel() for one in ours.parameters()) == sum(one.numel() for one in theirs.parameters())
    expected = {name: value.shape for name, value in theirs.state_dict().items() if ".decoder." not in name}
    assert {name: value.shape for name, value in bert.published(ours).items()} == expected


def saved(folder: Path, kind: Any = BertForPreTraining, **more: Any) -> Any:
    """A tiny model of `transformers` with drawn weights, in a folder with its vocabulary."""
    torch.manual_seed(0)
    model = kind(BertConfig(vocab_size=len(WORDS), max_position_embeddings=20, **TINY, **more))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return model.eval()


def begun(folder: Path) -> Pretraining:
    network = SYSTEM.build(**bert_checkpoints.start(str(folder)).sizes, pretrained=str(folder))
    assert isinstance(network, Pretraining)
    network.inherit()
    return network.eval()


def asked() -> tuple[Tensor, Tensor, Tensor]:
    words = torch.tensor([[3, 6, 7, 8, 9, 4, 10, 5, 12, 4], [3, 6, 5, 12, 4, 9, 4, 0, 0, 0]])
    return words, torch.tensor([[0] * 6 + [1] * 4, [0] * 5 + [1] * 2 + [0] * 3]), torch.arange(10).expand(2, 10)


def theirs_of(model: Any) -> Tensor:
    words, segments, _ = asked()
    with torch.no_grad():
        found = model(input_ids=words, token_type_ids=segments, attention_mask=(words != 0).long())
    last = torch.zeros(2, 1, len(WORDS))
    last[:, 0, :2] = found.seq_relationship_logits
    return torch.cat([found.prediction_logits, last], 1)


def test_a_checkpoint_of_transformers_gives_the_same_numbers(tmp_path: Path) -> None:
    model = saved(tmp_path)
    with torch.no_grad():
        found = begun(tmp_path)(*asked())
    real = asked()[0] != 0
    expected = theirs_of(model)
    assert torch.allclose(found[:, :-1][real], expected[:, :-1][real], atol=1e-5)
    assert torch.allclose(found[:, -1], expected[:, -1], atol=1e-5)


@pytest.mark.parametrize("kind", [BertModel, transformers.BertForMaskedLM])
def test_a_checkpoint_without_our_heads_gives_the_same_body(tmp_path: Path, kind: Any) -> None:
    model = saved(tmp_path, kind)
    words, segments, _ = asked()
    with torch.no_grad():
        found = begun(tmp_path).bert(words, segments)
        body = model if kind is BertModel else model.bert
        expected = body(input_ids=words, token_type_ids=segments, attention_mask=(words != 0).long())
    assert torch.allclose(found[words != 0], expected.last_hidden_state[words != 0], atol=1e-5)


def test_the_oldest_names_are_known(tmp_path: Path) -> None:
    weights = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in saved(tmp_path).state_dict().items()
    }
    network = Pretraining(len(WORDS), 20, width=16, layers=2, heads=4, inner=24)
    bert.load_published(network, weights)
    assert all(torch.equal(value, begun(tmp_path).state_dict()[name]) for name, value in network.state_dict().items())


def test_what_is_saved_is_loaded_by_transformers(tmp_path: Path) -> None:
    saved(tmp_path / "first")
    ours = begun(tmp_path / "first")
    start = bert_checkpoints.start(str(tmp_path / "first"))
    bert.save_published(tmp_path / "second", ours, start.sizes, start.learnt)
    model, said = BertForPreTraining.from_pretrained(tmp_path / "second", output_loading_info=True)
    assert not any(said[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    with torch.no_grad():
        found = ours(*asked())
    real = asked()[0] != 0
    assert torch.allclose(found[:, :-1][real], theirs_of(model.eval())[:, :-1][real], atol=1e-5)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "second")
    text = "The capital of France is [MASK]. 我喜 Thés"
    assert tokenizer(text)["input_ids"] == [3, *pieces.encode([text], start.learnt)[0], 4]


@pytest.mark.parametrize(
    "said", [{}, {"do_lower_case": False}, {"strip_accents": False}, {"tokenize_chinese_chars": False}]
)
def test_a_vocabulary_is_read_as_transformers_reads_it(tmp_path: Path, said: dict[str, bool]) -> None:
    saved(tmp_path)
    if said:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(said))
    reader = transformers.BertTokenizer.from_pretrained(tmp_path, **said)
    learnt = pieces.from_folder(tmp_path)
    for text in ("The capital of France is [MASK].", "Thé the我喜 paris\u00a0.", "PARIS  thes\tparis!", "[UNK] 喜s"):
        assert pieces.encode([text], learnt)[0] == reader(text, add_special_tokens=False)["input_ids"], text


def test_a_tokenizer_json_is_read(tmp_path: Path) -> None:
    saved(tmp_path)
    first = pieces.from_folder(tmp_path)
    (tmp_path / "vocab.txt").unlink()
    (tmp_path / "tokenizer.json").write_text(json.dumps(first["tokenizer"]))
    assert pieces.from_folder(tmp_path) == first


def broken(path: Path, **changes: Any) -> None:
    config = json.loads((path / "config.json").read_text()) | changes
    (path / "config.json").write_text(json.dumps(config))


def lose_a_piece(path: Path) -> None:
    (path / "vocab.txt").write_text("\n".join(WORDS).replace("[MASK]", "[mask]"))


def lose_the_words(path: Path) -> None:
    (path / "vocab.txt").unlink()


def shift_padding(path: Path) -> None:
    (path / "vocab.txt").write_text("\n".join([WORDS[1], WORDS[0], *WORDS[2:]]))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lose_a_piece, r"vocab.txt: lacks the piece \[MASK\]"),
        (lose_the_words, r"has neither a sound tokenizer.json nor vocab.txt"),
        (shift_padding, r"its \[PAD\] has the number 1, expected 0"),
        (lambda path: broken(path, model_type="gpt2"), r"is of a model of type 'gpt2', expected 'bert'"),
        (lambda path: broken(path, hidden_act="relu"), r"hidden_act is relu, expected gelu"),
        (lambda path: broken(path, vocab_size=None), r"lacks vocab_size, expected a whole number"),
        (lambda path: broken(path, hidden_size=8), r"has shape \(16, 16\)|has shape \(\d+, 16\), expected"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_in_one_sentence(
    tmp_path: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    saved(tmp_path)
    spoil(tmp_path)
    with pytest.raises(UserError, match=sentence):
        begun(tmp_path)


def test_a_run_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"^runs/nowhere: there is no such run; train it first with 'liuli train bert'"):
        bert_checkpoints.start("runs/nowhere")


def forget_segments(model: nn.Module) -> None:
    model.bert.segments.forward = lambda segments: 0 * model.bert.segments.weight[segments]


def bend_otherwise(model: nn.Module) -> None:
    model.bert.encoder.layers[1].feed_forward.activation = lambda x: nn.functional.gelu(x, approximate="tanh")


def larger_epsilon(model: nn.Module) -> None:
    model.bert.norm.eps = 1e-5


@pytest.mark.parametrize(
    ("plant", "first"),
    [
        (forget_segments, "bert.segments"),
        (bend_otherwise, "bert.encoder.layers.1.feed_forward.outer"),
        (larger_epsilon, "bert.norm"),
    ],
)
def test_a_fault_is_found_where_it_is(plant: Callable[[nn.Module], None], first: str) -> None:
    assert first_wrong("bert", plant) == first
