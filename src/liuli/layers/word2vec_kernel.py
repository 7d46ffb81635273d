# mypy: ignore-errors
"""word2vec's inner loop, compiled by Numba: `models.language.word2vec.read_row`, a thousand times faster.

It holds no lock while it runs, so that several threads may train the same weights at once without waiting for one
another (Niu, Recht, Ré & Wright, Hogwild!, 2011). One thread gives the same bits every time. Tested equal to the
readable version, which says what is computed and why.

Shapes:
    V words, D dimensions, R rows of T places, of which the first that is negative ends its row
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, uint64

GAMMA, MIX1, MIX2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
LEAST = 1e-300

# Sums in any order, so that they run in vector registers; infinities and NaN are kept, for the loop looks for them.
compiled = njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz", "arcp"})


@compiled
def mixed(state):
    """The random number of 64 bits that stands at `state` of the stream."""
    z = (state ^ (state >> uint64(30))) * MIX1
    z = (z ^ (z >> uint64(27))) * MIX2
    return z ^ (z >> uint64(31))


@compiled
def below(random, count):
    """A random number as one of 0 … count − 1."""
    return np.int64(((random >> uint64(32)) * uint64(count)) >> uint64(32))


@compiled
def drawn(random, noise):
    """The word of noise that a random number stands for."""
    word = below(random, len(noise.keep))
    return word if (random & uint64(0xFFFFFFFF)) < noise.keep[word] else noise.alias[word]


@compiled
def judged(word, state, negatives, noise, tree, targets, rights):
    """Write the rows of `outputs` that a prediction of `word` asks, each with what would be right: 1 or 0.

    Gives where the stream then stands, how many there are, and whether they are all different.
    """
    if not negatives:
        for node in range(tree.lengths[word]):
            targets[node], rights[node] = tree.nodes[word, node], 1 - tree.turns[word, node]
        return state, tree.lengths[word], True
    targets[0], rights[0] = word, 1
    asked, different = 1, True
    for _ in range(negatives):
        state += GAMMA
        other = drawn(mixed(state), noise)
        if other != word:
            for k in range(1, asked):
                different &= targets[k] != other
            targets[asked], rights[asked] = other, 0
            asked += 1
    return state, asked, different


@compiled
def score(hidden, u):
    """u · h."""
    total = np.float32(0)
    for d in range(len(hidden)):
        total += u[d] * hidden[d]
    return total


@compiled
def improve(hidden, targets, rights, different, outputs, rate, error, scores):
    """All scores of one prediction: moves the rows that gave them, adds to the error of h; the probability of all.

    The rows are read before the first is moved, since a processor that needs several at a time waits for them together;
    where one comes twice, it is read again after it has moved.
    """
    p = 1.0
    for k in range(len(targets)):
        scores[k] = score(hidden, outputs[targets[k]])
    for k in range(len(targets)):
        u = outputs[targets[k]]
        right = np.float32(1) / (np.float32(1) + math.exp(-(scores[k] if different else score(hidden, u))))
        step = (np.float32(rights[k]) - right) * rate
        for d in range(len(hidden)):
            error[d] += step * u[d]
            u[d] += step * hidden[d]
        p *= np.float64(right if rights[k] else np.float32(1) - right)
    return p


@compiled
def improve_together(around, targets, inputs, outputs, rate, change, error, scores):
    """Every word of `around` asks the same rows of `outputs`, the first of which is right: the sum of the losses.

    All scores are of the weights as they were before, so that each row is read and changed once.

    Args:
        around: int64 (C,), rows of `inputs`, changed in place.
        targets: int64 (R,), rows of `outputs`, changed in place.
        inputs: float32 (V, D).
        outputs: float32 (V, D).
        rate: float32.
        change: float32 (R, D) or more, for notes.
        error: float32 (C, D) or more, for notes.
        scores: float32 (R,) or more, for notes.
    """
    loss = 0.0
    change[: len(targets)] = 0
    for c in range(len(around)):
        hidden, wrong, p = inputs[around[c]], error[c], 1.0
        wrong[:] = 0
        for k in range(len(targets)):
            scores[k] = score(hidden, outputs[targets[k]])
        for k in range(len(targets)):
            u, moved = outputs[targets[k]], change[k]
            right = np.float32(1) / (np.float32(1) + math.exp(-scores[k]))
            step = (np.float32(k == 0) - right) * rate
            for d in range(len(hidden)):
                wrong[d] += step * u[d]
                moved[d] += step * hidden[d]
            p *= np.float64(right if k == 0 else np.float32(1) - right)
        loss -= math.log(max(p, LEAST))
    for k in range(len(targets)):
        outputs[targets[k]] += change[k]
    for c in range(len(around)):
        inputs[around[c]] += error[c]
    return loss


@compiled
def read_rows(rows, streams, inputs, outputs, rate, skip_gram, window, negatives, shared, kept, noise, tree):
    """Every row, place by place: the sum of the losses, and how many predictions were made.

    Args:
        rows: int32 (R, T).
        streams: uint64 (R,), where each row's stream of random numbers begins.
        inputs: float32 (V, D), changed in place.
        outputs: float32 (V, D), or (V − 1, D) for the inner nodes of a tree; changed in place.
        rate: float32.
        skip_gram: each word around predicts the one in the middle by itself; else their mean does.
        window: the farthest that a word looks to either side.
        negatives: words of noise to each prediction; 0: hierarchical softmax.
        shared: in skip-gram the words around one share its noise.
        kept: float64 (V,), see `word_counts.subsampling`.
        noise: see `word_counts.Noise`.
        tree: see `word_counts.Tree`.
    """
    loss, predictions = 0.0, 0
    hidden, error = np.zeros(inputs.shape[1], np.float32), np.zeros(inputs.shape[1], np.float32)
    sentence = np.zeros(rows.shape[1], np.int64)
    most = 1 + negatives if negatives else tree.nodes.shape[1]
    around, targets, rights = np.zeros(2 * window, np.int64), np.zeros(most, np.int64), np.zeros(most, np.int64)
    scores = np.zeros(most, np.float32)
    errors, change = (
        np.zeros((len(around), inputs.shape[1]), np.float32),
        np.zeros((len(targets), inputs.shape[1]), np.float32),
    )
    for r in range(len(rows)):
        state, length = streams[r], 0
        for t in range(rows.shape[1]):
            word = np.int64(rows[r, t])
            if word < 0:
                break
            state += GAMMA
            if (mixed(state) >> uint64(11)) * 2.0**-53 < kept[word]:
                sentence[length] = word
                length += 1
        for i in range(length):
            state += GAMMA
            reach = 1 + below(mixed(state), window)
            first, last = max(0, i - reach), min(length, i + reach + 1)
            word = sentence[i]
            if skip_gram and shared:
                count = 0
                for j in range(first, last):
                    if j != i:
                        around[count] = sentence[j]
                        count += 1
                if not count:
                    continue
                state, asked, _ = judged(word, state, negatives, noise, tree, targets, rights)
                loss += improve_together(around[:count], targets[:asked], inputs, outputs, rate, change, errors, scores)
                predictions += count
            elif skip_gram:
                for j in range(first, last):
                    if j != i:
                        error[:] = 0
                        hidden[:] = inputs[sentence[j]]
                        state, asked, different = judged(word, state, negatives, noise, tree, targets, rights)
                        p = improve(hidden, targets[:asked], rights, different, outputs, rate, error, scores)
                        inputs[sentence[j]] += error
                        loss -= math.log(max(p, LEAST))
                        predictions += 1
            elif last - first > 1:
                error[:] = 0
                hidden[:] = 0
                for j in range(first, last):
                    if j != i:
                        hidden += inputs[sentence[j]]
                hidden /= np.float32(last - first - 1)
                state, asked, different = judged(word, state, negatives, noise, tree, targets, rights)
                p = improve(hidden, targets[:asked], rights, different, outputs, rate, error, scores)
                for j in range(first, last):
                    if j != i:
                        inputs[sentence[j]] += error
                loss -= math.log(max(p, LEAST))
                predictions += 1
    return loss, predictions
