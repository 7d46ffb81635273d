"""GPT beside what is published: parameter counts, checkpoints in and out, the numbers of `transformers`, its cache."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from liuli import checking
from liuli.errors import UserError
from liuli.models.language import gpt
from liuli.models.language.gpt import GPT, SYSTEM

COUNTS = {
    (768, 12, 12): 124_439_808,
    (1024, 24, 16): 354_823_168,
    (1280, 36, 20): 774_030_080,
    (1600, 48, 25): 1_557_611_200,
}
"""Of gpt2, gpt2-medium, gpt2-large and gpt2-xl on huggingface.co, by width, layers and heads."""


@pytest.mark.parametrize("shape", COUNTS)
def test_published_networks_have_as_many_parameters(shape: tuple[int, int, int]) -> None:
    with torch.device("meta"):
        network = GPT(50257, 1024, *shape)
    assert sum(one.numel() for one in network.parameters()) == COUNTS[shape]


def theirs(**changes: Any) -> Any:
    """A small model of `transformers` with drawn weights, no two layers alike."""
    config = GPT2Config(
        vocab_size=37, n_positions=20, n_embd=24, n_layer=2, n_head=3, bos_token_id=0, eos_token_id=0, **changes
    )
    torch.manual_seed(0)
    model: Any = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


TOKENS = torch.randint(37, (3, 20), generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("checkpoint")
    theirs().save_pretrained(found)
    return found


@torch.no_grad()
def test_a_checkpoint_of_transformers_gives_its_numbers(folder: Path) -> None:
    ours = gpt.load(folder)
    assert torch.allclose(ours(TOKENS), theirs()(TOKENS).logits, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_a_checkpoint_in_several_files_too(tmp_path: Path) -> None:
    theirs().save_pretrained(tmp_path, max_shard_size="20KB")
    assert (tmp_path / "model.safetensors.index.json").is_file()
    assert torch.allclose(gpt.load(tmp_path)(TOKENS), theirs()(TOKENS).logits, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_ours_is_loaded_by_transformers(tmp_path: Path) -> None:
    torch.manual_seed(2)
    ours = checking.perturbed(GPT(37, 20, 24, 2, 3)).eval()
    gpt.save(ours, tmp_path)
    model, about = GPT2LMHeadModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(about.values()), "nothing missing, nothing left over"
    assert torch.allclose(model.eval()(TOKENS).logits, ours(TOKENS), rtol=1e-5, atol=1e-5)
    again = gpt.load(tmp_path).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in ours.state_dict().items())


def test_names_are_those_of_transformers() -> None:
    with torch.device("meta"):
        ours, reference = GPT(50257, 1024, 768, 12, 12), GPT2LMHeadModel(GPT2Config())
    expected = {name: one.shape for name, one in reference.named_parameters()}
    assert {name: one.shape for name, one in gpt.published(ours).items()} == expected


def test_the_published_files_names_without_a_prefix_and_with_masks_are_taken(folder: Path) -> None:
    weights = {name.removeprefix("transformer."): one for name, one in load_file(folder / "model.safetensors").items()}
    weights["h.0.attn.bias"] = torch.ones(1, 1, 20, 20)
    weights["lm_head.weight"] = weights["wte.weight"].clone()
    ours = GPT(37, 20, 24, 2, 3)
    gpt.load_published(ours, weights)
    assert all(torch.equal(one, gpt.load(folder).state_dict()[name]) for name, one in ours.state_dict().items())


def test_weights_that_do_not_fit_are_refused_and_nothing_is_changed(folder: Path) -> None:
    weights, ours = load_file(folder / "model.safetensors"), GPT(37, 20, 24, 2, 3)
    before = {name: one.clone() for name, one in ours.state_dict().items()}
    lacking = {name: one for name, one in weights.items() if name != "transformer.h.1.ln_2.bias"}
    for wrong, said in [
        (lacking, r"^transformer.h.1.ln_2.bias: is not among the weights"),
        (weights | {"transformer.wpe.weight": torch.ones(9, 24)}, r"^transformer.wpe.weight: has shape \(9, 24\)"),
        (weights | {"transformer.h.2.ln_1.bias": torch.ones(24)}, r"^transformer.h.2.ln_1.bias: has no place"),
    ]:
        with pytest.raises(UserError, match=said):
            gpt.load_published(ours, wrong)
    assert all(torch.equal(one, before[name]) for name, one in ours.state_dict().items())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"activation_function": "relu"}, "activation_function relu, expected gelu_new"),
        ({"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon 1e-06, expected 1e-05"),
        ({"n_inner": 50}, "n_inner 50, expected 96"),
        ({"scale_attn_by_inverse_layer_idx": True}, "it is another network"),
        ({"n_embd": None}, "lacks a size"),
        ({"model_type": "bert"}, "of a model of type 'bert', expected 'gpt2'"),
    ],
)
def test_another_network_is_refused(changes: dict[str, Any], said: str, folder: Path, tmp_path: Path) -> None:
    values = json.loads((folder / "config.json").read_text()) | changes
    (tmp_path / "config.json").write_text(json.dumps(values))
    save_file({"a": torch.ones(1)}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=said):
        gpt.load(tmp_path)


@torch.no_grad()
@pytest.mark.parametrize("lengths", [(20,), (1,) * 20, (7, 1, 1, 5, 6)])
def test_the_cache_gives_what_the_whole_gives(lengths: tuple[int, ...]) -> None:
    torch.manual_seed(3)
    network = checking.perturbed(GPT(37, 20, 24, 2, 3)).double().eval()
    whole = network(TOKENS)  # (B, T, V)
    past, begin = None, 0
    for length in lengths:
        scores, past = network.step(TOKENS[:, begin : begin + length], past)
        begin += length
        assert torch.allclose(scores, whole[:, begin - 1], rtol=1e-10, atol=1e-12)


def test_the_future_changes_nothing() -> None:
    network = GPT(37, 20, 24, 2, 3).double().eval()
    changed = TOKENS.clone()
    changed[:, 11:] = (changed[:, 11:] + 1) % 37
    one, other = network(TOKENS), network(changed)
    assert torch.equal(one[:, :11], other[:, :11])
    assert not torch.allclose(one[:, 11:], other[:, 11:])


def let_it_look_ahead(network: nn.Module) -> None:
    attention = network.blocks[2].attention
    forward = attention.forward
    attention.forward = lambda x, allowed: forward(x)


def norm_after(network: nn.Module) -> None:
    network.blocks[1].norm2.eps = 1e-3


def exact_gelu(network: nn.Module) -> None:
    network.blocks[0].feed_forward.activation = nn.functional.gelu


def forget_the_root(network: nn.Module) -> None:
    def scaled(module: nn.Module, given: Any, output: Tensor) -> Tensor:
        return output * module.out_features**0.5

    network.blocks[3].attention.query.register_forward_hook(scaled)


@pytest.mark.parametrize(
    ("plant", "where"),
    [
        (let_it_look_ahead, "blocks.2.attention.output"),
        (norm_after, "blocks.1.norm2"),
        (exact_gelu, "blocks.0.feed_forward.outer"),
        (forget_the_root, "blocks.3.attention.query"),
    ],
)
def test_a_fault_is_found_where_it_is(plant: Any, where: str) -> None:
    torch.manual_seed(0)
    network = checking.perturbed(GPT()).double().eval()
    plant(network)
    found = checking.compare_pass(network, SYSTEM.task, SYSTEM.task.draw(2), checking.oracle("gpt"))
    assert next(one.name for one in found if one.verdict != "OK") == where


def test_what_is_dropped_agrees_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from liuli.oracles import gpt as oracle

    monkeypatch.setattr(oracle, "RATE", 0.25)
    torch.manual_seed(0)
    network = checking.perturbed(GPT(layers=2, dropout=0.25)).double().eval()
    silencers = {path: module.train() for path, module in network.named_modules() if isinstance(module, nn.Dropout)}
    assert len(silencers) == 5
    found = checking.compare_pass(network, SYSTEM.task, SYSTEM.task.draw(2), oracle.values, silencers)
    assert [one.name for one in found if one.verdict != "OK"] == []
    monkeypatch.setattr(oracle, "RATE", 0.2)
    found = checking.compare_pass(network, SYSTEM.task, SYSTEM.task.draw(2), oracle.values, silencers)
    assert next(one.name for one in found if one.verdict != "OK") == "dropout"


# Trained further


def tokenizer_files(folder: Path, words: str) -> None:
    """A byte-level tokenizer of no more pieces than the checkpoint has vectors, as transformers would leave it."""
    from tokenizers import ByteLevelBPETokenizer

    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator([words], vocab_size=280, show_progress=False)
    tokenizer.save_model(str(folder))


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint whose network reads pieces of bytes, and a text."""
    folder = tmp_path_factory.mktemp("started")
    torch.manual_seed(4)
    gpt.save(checking.perturbed(GPT(300, 24, 24, 2, 3)), folder / "checkpoint")
    text = "".join(f"{n} bottles of beer on the wall, 看得見 {n * 7919}\n" for n in range(300))
    tokenizer_files(folder / "checkpoint", text)
    (folder / "text.txt").write_text(text, encoding="utf-8")
    return folder


def test_training_begins_with_the_published_weights_shape_and_tokens(started: Path) -> None:
    from rich.console import Console

    import liuli

    settings = {"pretrained": str(started / "checkpoint"), "lr": 1e-12, "weight_decay": 0.0}
    run = liuli.train(
        "gpt", data=str(started / "text.txt"), epochs=1, settings=settings, out=started / "run",
        console=Console(quiet=True),
    )  # fmt: skip
    shape = {"vocabulary": 300, "context": 24, "width": 24, "layers": 2, "heads": 3}
    assert shape.items() <= run.options.items()
    ours, published = run.network().state_dict(), gpt.load(started / "checkpoint").state_dict()
    assert all(torch.allclose(value, published[name], atol=1e-6) for name, value in ours.items())
    example = SYSTEM.task.read("7 bottles 看", run.facts, "")
    answer = SYSTEM.task.answer(SYSTEM.task.respond(run.network(), example.batch)[0], run.facts)
    assert answer["prompt"] == "7 bottles 看"
    assert "\ufffd" not in str(answer["answer"])
    assert run.result is not None
    assert run.result["metrics"]["bits_per_character"] > 0


def test_a_shape_beside_a_published_one_is_refused(started: Path) -> None:
    import liuli

    settings = {"pretrained": str(started / "checkpoint"), "width": 48}
    with pytest.raises(UserError, match="--set width: is decided"):
        liuli.train("gpt", data=str(started / "text.txt"), settings=settings, out=started / "refused")


def test_a_checkpoint_without_a_tokenizer_is_refused(folder: Path, started: Path) -> None:
    import liuli

    with pytest.raises(UserError, match=r"holds no tokenizer.json, nor vocab.json and merges.txt"):
        liuli.train("gpt", data=str(started / "text.txt"), settings={"pretrained": str(folder)})
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match="its tokenizer is damaged"):
        liuli.train("gpt", data=str(started / "text.txt"), settings={"pretrained": str(folder)})
    with pytest.raises(UserError, match="there is no such folder"):
        liuli.train("gpt", data=str(started / "text.txt"), settings={"pretrained": "/no/such/folder"})
