"""The order: a function of (seed, epoch), the same from any step and over any number of processes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from liuli.data import order as order_module
from liuli.data.dataset import Split
from liuli.data.order import ROUND, Batches, Pieces, hold_out, permutation
from liuli.errors import UserError

few = settings(max_examples=60, deadline=None)


def indexes(count: int, batch_size: int, rank: int = 0, world_size: int = 1) -> Batches:
    """Batches whose one tensor holds each example's own index."""
    return Batches((torch.arange(count),), batch_size, seed=7, rank=rank, world_size=world_size)


@given(count=st.integers(0, 300), seed=st.integers(0, 2**32 - 1), epoch=st.integers(0, 1000))
@few
def test_a_permutation_has_each_index_once_and_is_repeatable(count: int, seed: int, epoch: int) -> None:
    drawn = permutation(count, seed, epoch)
    assert drawn.dtype == torch.int64
    assert sorted(drawn.tolist()) == list(range(count))
    assert torch.equal(drawn, permutation(count, seed, epoch))


def test_a_permutation_is_pinned_for_good() -> None:
    # Published runs are repeated from their seed: this order may never change.
    assert permutation(10, 0, 0).tolist() == [3, 2, 1, 8, 6, 0, 7, 4, 5, 9]
    assert permutation(10, 0, 1).tolist() == [7, 4, 5, 1, 9, 8, 6, 2, 0, 3]


def test_neighbouring_seeds_and_epochs_have_nothing_in_common() -> None:
    drawn = [permutation(1000, seed, epoch) for seed, epoch in itertools.product(range(3), range(3))]
    for one, other in itertools.combinations(drawn, 2):
        assert (one == other).sum() < 12  # 1 expected by chance


@given(count=st.integers(1, 60), batch_size=st.integers(1, 20), epoch=st.integers(0, 5), data=st.data())
@few
def test_an_epoch_is_the_same_from_any_step(count: int, batch_size: int, epoch: int, data: st.DataObject) -> None:
    batches = indexes(count, batch_size)
    whole = [batch[0].tolist() for batch in batches.epoch(epoch)]
    assert len(whole) == batches.steps
    assert list(itertools.chain(*whole)) == permutation(count, 7, epoch).tolist()
    start = data.draw(st.integers(0, batches.steps))
    assert [batch[0].tolist() for batch in batches.epoch(epoch, start)] == whole[start:]


@given(count=st.integers(1, 60), world_size=st.integers(1, 5), extra=st.integers(0, 9))
@few
def test_shares_of_all_processes_make_the_global_batch(count: int, world_size: int, extra: int) -> None:
    batch_size = world_size + extra
    alone = [batch[0].tolist() for batch in indexes(count, batch_size).epoch(2)]
    ranks = [indexes(count, batch_size, rank, world_size) for rank in range(world_size)]
    shares = [[batch[0].tolist() for batch in one.epoch(2)] for one in ranks]
    for step, expected in enumerate(alone):
        union = [index for one, share in zip(ranks, shares, strict=True) for index in share[step][: one.examples(step)]]
        assert union == expected
        assert all(share[step] for share in shares), "every process has something to run, if only with weight 0"


@given(count=st.integers(1, 40), world_size=st.integers(1, 5), extra=st.integers(0, 5))
@few
def test_weighted_means_average_to_the_mean_of_the_global_batch(count: int, world_size: int, extra: int) -> None:
    values = torch.randn(count, dtype=torch.float64, generator=torch.Generator().manual_seed(count))
    alone = Batches((values,), world_size + extra, seed=1)
    ranks = [Batches((values,), world_size + extra, 1, rank, world_size) for rank in range(world_size)]
    for step, (batch,) in enumerate(alone.epoch(0)):
        means = [one.weight(step) * next(one.epoch(0, step))[0].mean() for one in ranks]
        assert sum(means) / world_size == pytest.approx(batch.mean().item(), abs=1e-12)


def test_weight_is_exactly_one_alone_and_where_shares_are_equal() -> None:
    assert [indexes(10, 4).weight(step) for step in range(3)] == [1.0, 1.0, 1.0]
    assert [indexes(10, 4, rank, 2).weight(step) for rank in range(2) for step in range(3)] == [1.0] * 6


def test_tensors_keep_together_over_many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_module, "CHUNK_BYTES", 200)
    pixels = torch.arange(500, dtype=torch.uint8)[:, None].repeat(1, 20)
    batches = Batches((pixels, torch.arange(500)), 7, seed=3)
    seen = list(batches.epoch(0))
    assert [len(labels) for _, labels in seen] == [7] * 71 + [3]
    assert all(torch.equal(rows[:, 0], labels.to(torch.uint8)) for rows, labels in seen)


def long(count: int, batch_size: int, rank: int = 0, world_size: int = 1) -> Batches:
    """Batches of examples that differ in length: each one's index, and as many ones as it is long."""
    lengths = torch.randint(1, 60, (count,), generator=torch.Generator().manual_seed(count))
    rows = (torch.arange(60) < lengths[:, None]).to(torch.uint8)

    def cut(batch: tuple[torch.Tensor, ...], length: int) -> tuple[torch.Tensor, ...]:
        return batch[0], batch[1][:, :length]

    return Batches((torch.arange(count), rows), batch_size, 7, rank, world_size, lengths, cut)


@given(count=st.integers(1, 120), batch_size=st.integers(1, 20), epoch=st.integers(0, 5), data=st.data())
@few
def test_batches_by_length_have_each_example_once_from_any_step(
    count: int, batch_size: int, epoch: int, data: st.DataObject
) -> None:
    batches = long(count, batch_size)
    whole = list(batches.epoch(epoch))
    assert [len(batch[0]) for batch in whole] == [batches.examples(step) for step in range(batches.steps)]
    assert sorted(itertools.chain(*(batch[0].tolist() for batch in whole))) == list(range(count))
    for indices, rows in whole:
        assert torch.equal(rows.sum(1), batches.lengths[indices]), "nothing of an example is cut"
        assert rows.size(1) == min(60, -(-int(batches.lengths[indices].max()) // ROUND) * ROUND)
    start = data.draw(st.integers(0, batches.steps))
    again = list(batches.epoch(epoch, start))
    assert [batch[0].tolist() for batch in again] == [batch[0].tolist() for batch in whole[start:]]


def test_batches_by_length_hold_examples_of_like_length_and_are_shuffled() -> None:
    batches = long(997, 20)
    first, second = ([batch[0].tolist() for batch in batches.epoch(epoch)] for epoch in (0, 1))
    spans = [max(held) - min(held) for held in (batches.lengths[batch].tolist() for batch in first)]
    assert np.mean(spans) < 3, "of 59"
    assert {frozenset(batch) for batch in first}.isdisjoint(frozenset(batch) for batch in second)
    means = [float(batches.lengths[batch].double().mean()) for batch in first[:-1]]
    assert means != sorted(means)
    assert len({int(batches.lengths[[*batches.epoch(epoch)][-1][0]].max()) // 10 for epoch in range(20)}) > 2


@given(count=st.integers(1, 60), world_size=st.integers(1, 4), extra=st.integers(0, 9))
@few
def test_shares_of_batches_by_length_make_the_global_batch(count: int, world_size: int, extra: int) -> None:
    alone = [batch[0].tolist() for batch in long(count, world_size + extra).epoch(2)]
    ranks = [long(count, world_size + extra, rank, world_size) for rank in range(world_size)]
    shares = [[batch[0].tolist() for batch in one.epoch(2)] for one in ranks]
    for step, expected in enumerate(alone):
        union = [index for one, share in zip(ranks, shares, strict=True) for index in share[step][: one.examples(step)]]
        assert union == expected


@given(count=st.integers(0, 80), size=st.integers(1, 30))
@few
def test_pieces_are_put_back_in_order(count: int, size: int) -> None:
    batches = long(max(count, 1), 5)
    part = tuple(tensor[:count] for tensor in batches.tensors)
    for lengths in (None, batches.lengths[:count]):
        pieces = Pieces(part, size, lengths, batches.cut)
        assert all(len(piece[0]) <= size for piece in pieces.batches)
        if count:
            assert torch.equal(pieces.joined([rows.sum(1) for _, rows in pieces.batches]), batches.lengths[:count])
            assert pieces.joined([indices for indices, _ in pieces.batches]).tolist() == list(range(count))


def test_more_processes_than_examples_in_a_batch_are_refused() -> None:
    with pytest.raises(UserError, match="batch_size is 3, expected at least one example for each of the 4 processes"):
        indexes(10, 3, 0, 4)


@given(
    targets=st.lists(st.integers(0, 4), min_size=2, max_size=200),
    share=st.floats(0.0, 0.9),
    seed=st.integers(0, 2**32 - 1),
)
@few
def test_what_is_held_out_is_a_stratified_part(targets: list[int], share: float, seed: int) -> None:
    whole = Split(np.arange(len(targets)), np.array(targets, dtype=np.int64))
    train, validation = hold_out(whole, share, seed)
    assert sorted([*train.inputs, *validation.inputs]) == list(range(len(targets)))
    assert len(validation) == (min(max(1, round(share * len(targets))), len(targets) - 1) if share else 0)
    assert np.all(np.diff(train.inputs) > 0), "published order is kept"
    assert np.array_equal(whole.targets[validation.inputs], validation.targets)
    rate = len(validation) / len(targets)
    for label in set(targets):
        assert abs((validation.targets == label).sum() - rate * targets.count(label)) <= 1 + 1e-9
    again, _ = hold_out(whole, share, seed)
    assert np.array_equal(train.inputs, again.inputs)


def test_another_seed_holds_out_others() -> None:
    whole = Split(np.arange(1000), np.arange(1000) % 10)
    first, second = (hold_out(whole, 0.1, seed)[1].inputs for seed in (0, 1))
    assert len(np.intersect1d(first, second)) < 30  # 10 expected by chance


def test_holding_out_needs_two_examples() -> None:
    with pytest.raises(UserError, match=r"validation is 0\.1, but the training part has only 1 example; "):
        hold_out(Split(np.zeros(1), np.zeros(1, dtype=np.int64)), 0.1, 0)
