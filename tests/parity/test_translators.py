"""Translators: word by word as all at once, padding without a trace, both kinds of attention, faults found; BLEU."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from liuli import catalog, checking
from liuli.models.sequence import attention
from liuli.models.sequence.attention import AdditiveDecoder, Attention, MultiplicativeDecoder
from liuli.models.sequence.seq2seq import Reader, Seq2Seq
from liuli.tasks.examples import Batch
from liuli.tasks.subwords import PADDING
from liuli.tasks.translation import Translation
from liuli.tracing import trace
from liuli.training import captured
from liuli.training.captured import CapturedEngine

MODELS: dict[str, Callable[[], nn.Module]] = {
    "seq2seq": partial(Seq2Seq, width=12, units=16),
    "additive": partial(Attention, width=12, units=16),
    "multiplicative": partial(Attention, width=12, units=16, attention="multiplicative"),
}
TASK = Translation(smoothing=0.1)
every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())


def made(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make().double().eval()


@every_model
def test_word_by_word_is_as_all_at_once(make: Callable[[], nn.Module]) -> None:
    model = made(make)
    source, target = TASK.inputs(TASK.draw(4))
    whole = model(source, target)
    state = model.begin(source)
    for place, word in enumerate(target.unbind(1)):
        scores, state = model.step(word, state)
        torch.testing.assert_close(scores, whole[:, place])


@every_model
def test_padding_changes_nothing(make: Callable[[], nn.Module]) -> None:
    model, batch = made(make), TASK.draw(4)
    results = []
    for given in (batch, tuple(nn.functional.pad(words, (0, 3)) for words in batch)):
        model.zero_grad()
        outcome = TASK.outcome(model, given)
        outcome.loss.backward()
        results.append([outcome.loss, outcome.output[:, :5], *(one.grad.clone() for one in model.parameters())])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)
    for row in range(4):
        alone = TASK.cut(tuple(words[row : row + 1] for words in batch), int(TASK.lengths(batch)[row]))
        source, target = TASK.inputs(alone)
        expected = model(*TASK.inputs(batch))[row, : target.size(1)]
        torch.testing.assert_close(model(source, target)[0], expected)
    assert not model.source_embedding.weight.grad[PADDING].any()


@every_model
def test_the_step_is_captured(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    engine = CapturedEngine(make(), TASK, catalog.find("attention").recipe)
    batch = TASK.draw(8)
    engine.prepare(batch)  # raises where a replay differs
    assert engine.replay(batch)[0]["loss"] > 0
    assert all(replay != engine.compute for replay in engine.replays.values())


@every_model
def test_a_shape_that_takes_too_much_memory_is_not_captured(
    make: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, batch = catalog.find("attention").recipe, TASK.draw(8)
    found = []
    for most in (captured.MOST, 1 << 17):  # all the values take more, but not those of the pass forward alone
        monkeypatch.setattr(captured, "MOST", most)
        torch.manual_seed(0)
        engine = CapturedEngine(make(), TASK, recipe)
        torch.manual_seed(1)
        engine.train_step(batch, 1e-3)
        assert [replay == engine.compute for replay in engine.replays.values()] == [most < 1 << 20]
        found.append(engine.weights())
    for name, value in found[0].items():
        torch.testing.assert_close(value, found[1][name], rtol=1e-4, atol=1e-5)


@every_model
def test_a_record_holds_every_step(make: Callable[[], nn.Module]) -> None:
    record = trace(made(make), *TASK.inputs(TASK.draw(1)), gradients=False)
    assert not any(operation.name in ("lstm", "gru") for operation in record.operations)
    assert record.residual < 1e-12


@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_attention_is_shared_out_among_the_words(kind: str) -> None:
    model = made(MODELS[kind])
    source, target = TASK.inputs(TASK.draw(4))
    alignment = model.alignment(source, target)
    assert alignment.shape == (4, target.size(1), source.size(1))
    torch.testing.assert_close(alignment.sum(2), torch.ones_like(alignment[..., 0]))
    assert not alignment.transpose(1, 2)[source == PADDING].any()


def test_multiplicative_attention_agrees_with_its_loops() -> None:
    system = replace(catalog.find("attention"), model=partial(Attention, attention="multiplicative"))
    found = checking.compare(system, partial(checking.oracle("attention"), multiplicative=True))
    assert [one.name for one in found if one.verdict != "OK"] == []


def test_no_other_attention_is_known() -> None:
    with pytest.raises(ValueError, match="expected additive or multiplicative"):
        Attention(attention="hard")


class Forgetful(Reader):
    """Goes on reading after the end."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x, torch.full_like(lengths, x.size(1)))


class Straight(AdditiveDecoder):
    """Asks with half of its state, and goes on from that."""

    def write(self, word: Tensor, state: Tensor, annotations: Tensor, keys: Tensor, lengths: Tensor) -> object:  # type: ignore[override]
        return super().write(word, state / 2, annotations, keys, lengths)


class Blind(MultiplicativeDecoder):
    """Attends to the padding as well."""

    def attend(self, states: Tensor, annotations: Tensor, keys: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return super().attend(states, annotations, keys, torch.full_like(lengths, annotations.size(1)))


def test_a_fault_is_found_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    system = catalog.find("seq2seq")

    def tampered() -> nn.Module:
        model = Seq2Seq()
        model.reader.__class__ = Forgetful
        return model

    assert first_fault(checking.compare(replace(system, model=tampered), checking.oracle("seq2seq"))) == "reader"

    oracle = checking.oracle("attention")
    for kind, decoder in (("additive", Straight), ("multiplicative", Blind)):
        monkeypatch.setitem(attention.DECODERS, kind, decoder)
        system = replace(catalog.find("attention"), model=partial(Attention, attention=kind))
        found = checking.compare(system, partial(oracle, multiplicative=kind == "multiplicative"))
        assert first_fault(found) == "decoder"


def first_fault(found: list[checking.Comparison]) -> str:
    return next(one.name for one in found if one.verdict != "OK")


def bleu(answers: list[str], right: list[str]) -> float:
    """Papineni et al. (2002) of words that blanks part: 100 · min(1, e^(1 − r/c)) · (p₁ p₂ p₃ p₄)^¼."""
    hits, all_ = Counter[int](), Counter[int]()
    for answer, other in zip(answers, right, strict=True):
        for n in range(1, 5):
            mine, theirs = (
                Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
                for words in (answer.split(), other.split())
            )
            hits[n] += sum((mine & theirs).values())
            all_[n] += sum(mine.values())
    c, r = (sum(len(one.split()) for one in side) for side in (answers, right))
    return 100 * min(1.0, math.exp(1 - r / c)) * math.prod(hits[n] / all_[n] for n in range(1, 5)) ** 0.25


def test_bleu_is_that_of_the_paper() -> None:
    facts = TASK.drawn_facts()
    _, target = TASK.draw(30, seed=1)
    target = torch.cat([target[:, :1], *[target[:, 1:2].clamp(min=4)] * 4, target[:, 1:]], dim=1)
    answers = target[:, 1:].clone()
    answers[::3, 2] = 5
    answers[::4, 4:] = torch.tensor([3, 0, 0, 0, 0, 0])[: answers.size(1) - 4]
    batch: Batch = (target, target)
    found = TASK.metrics(answers, batch, facts)
    from liuli.tasks import subwords

    words = facts.learnt["target"]
    expected = bleu(subwords.decode(answers, words), subwords.decode(target, words))
    assert 20 < expected < 95
    assert found["bleu"] == pytest.approx(expected, abs=1e-9)
    assert str(found["signature"]).startswith("BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert TASK.metrics(target[:, 1:], batch, facts)["bleu"] == pytest.approx(100)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_that_of_the_formula(smoothing: float) -> None:
    task = Translation(smoothing=smoothing)
    batch = task.draw(3)
    scores = torch.randn(3, 5, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    loss = task.outcome(lambda *given: scores, batch).loss  # type: ignore[arg-type]
    logs = scores.log_softmax(2)
    words = [
        -(1 - smoothing) * logs[n, t, word] - smoothing * logs[n, t].mean()
        for n, row in enumerate(batch[1][:, 1:].tolist())
        for t, word in enumerate(row)
        if word != PADDING
    ]
    torch.testing.assert_close(loss, torch.stack(words).mean())
    assert task.has_floor == (smoothing > 0)
