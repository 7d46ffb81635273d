"""Checkpoints that are not there, not whole, or not to be opened: one sentence each."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from liuli import pretrained
from liuli.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pretrained.save(tmp_path / "whole", {"model_type": "gpt2"}, {"a": torch.arange(3.0), "b": torch.ones(2, 2)})
    return tmp_path / "whole"


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in found)


def test_a_folder_is_read_as_it_was_written(folder: Path) -> None:
    assert pretrained.checkpoint(folder) == pretrained.checkpoint(str(folder)) == folder
    assert pretrained.configuration(folder, "gpt2") == {"model_type": "gpt2"}
    assert same(pretrained.weights(folder), {"a": torch.arange(3.0), "b": torch.ones(2, 2)})


def test_weights_in_several_files_are_one(folder: Path, tmp_path: Path) -> None:
    parts = {"model-00001-of-00002.safetensors": {"a": torch.ones(2)}, "model-00002-of-00002.safetensors": {}}
    parts["model-00002-of-00002.safetensors"] = {"b": torch.zeros(3)}
    for number, (name, tensors) in enumerate(parts.items()):
        pretrained.save(tmp_path / str(number), {}, tensors)
        (tmp_path / str(number) / "model.safetensors").rename(folder / name)
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {tensor: name for name, tensors in parts.items() for tensor in tensors}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert pretrained.checkpoint(folder) == folder
    assert same(pretrained.weights(folder), {"a": torch.ones(2), "b": torch.zeros(3)})
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(UserError, match=r"model-00002-of-00002.safetensors: is missing"):
        pretrained.weights(folder)
    index["weight_map"]["a"] = "../secret.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"names '\.\./secret.safetensors', expected the name of a file beside it"):
        pretrained.weights(folder)


def test_pickled_weights_are_not_opened(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"holds no model.safetensors; weights in other files .* 'save_pretrained'"):
        pretrained.checkpoint(folder)


def test_what_is_damaged_is_named(folder: Path) -> None:
    with pytest.raises(UserError, match="of a model of type 'gpt2', expected 'bert'"):
        pretrained.configuration(folder, "bert")
    for content in ("{", "[]"):
        (folder / "config.json").write_text(content)
        with pytest.raises(UserError, match=r"config.json: cannot be read"):
            pretrained.configuration(folder, "gpt2")
    (folder / "config.json").unlink()
    with pytest.raises(UserError, match=r"holds no config.json"):
        pretrained.checkpoint(folder)
    (folder / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(UserError, match=r"model.safetensors: is damaged"):
        pretrained.weights(folder)


def test_what_is_no_name_is_not_looked_for() -> None:
    for source in ("/no/such/folder", "../there", "https://host/x", "a/b/c", "", "-x"):
        with pytest.raises(UserError, match="there is no such folder"):
            pretrained.checkpoint(source)


def test_a_name_is_fetched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    asked = []

    def fetch(name: str, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        return str(folder)

    monkeypatch.setattr(hub, "snapshot_download", fetch)
    assert pretrained.checkpoint("org/name") == folder
    assert asked == [("org/name", ["*.json", "*.txt", "model*.safetensors"])]


@pytest.mark.parametrize(
    ("error", "said"),
    [("RepositoryNotFoundError", "no model of this name"), ("GatedRepoError", "accept its terms"),
     ("LocalEntryNotFoundError", "out of reach"), ("OfflineModeIsEnabled", "out of reach"),
     ("HFValidationError", "no model of this name")],
)  # fmt: skip
def test_what_the_hub_refuses_is_one_sentence(error: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    kind = getattr(pytest.importorskip("huggingface_hub.errors"), error)

    def fetch(name: str, allow_patterns: list[str]) -> str:
        raise kind.__new__(kind, "no")

    monkeypatch.setattr(hub, "snapshot_download", fetch)
    with pytest.raises(UserError, match=said):
        pretrained.checkpoint("no-such-model")


def test_only_fitting_weights_are_taken() -> None:
    ours = {"a": torch.zeros(2, dtype=torch.float64), "b": torch.zeros(3)}
    theirs = {"a": torch.ones(2), "b": torch.ones(3), "old.mask": torch.ones(1)}
    taken = pretrained.fitting(ours, theirs, needless=[r"old\..*"])
    assert same(taken, {"a": torch.ones(2, dtype=torch.float64), "b": torch.ones(3)})
    assert taken["a"].dtype == torch.float64
    with pytest.raises(UserError, match=r"old.mask: has no place"):
        pretrained.fitting(ours, theirs)
    with pytest.raises(UserError, match=r"b: is not among the weights"):
        pretrained.fitting(ours, {"a": torch.ones(2)})
    with pytest.raises(UserError, match=r"a: has shape \(3,\), expected \(2,\)"):
        pretrained.fitting(ours, {"a": torch.ones(3), "b": torch.ones(3)})
