"""The Transformer in float64 NumPy, forward and backward by hand.

Each operation notes what it gives, and how a gradient goes back through it: a derivative written from the formula.
Going back is doing these notes in reverse. A value that several use (x goes through a part and around it) gathers what
each of them asks for. Shapes: B sentences, S words of a source, T of a target, D width, h heads of d, V words.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from liuli.oracles.loops import Array

LAYERS, HEADS, RATE, EPSILON, SMOOTHING = 3, 4, 0.1, 1e-5, 0.1

Words = NDArray[np.int64]
Seen = Callable[[int, int, int], bool]


class Pass:
    """One pass through a network: what was computed by name, and how to go back.

    Args:
        weights: every parameter and buffer by its PyTorch name.
        kept: by the path of a dropout, 1 where it keeps an element; None: dropout is off.
    """

    def __init__(self, weights: dict[str, Array], kept: dict[str, Array] | None) -> None:
        self.weights = weights
        self.kept = kept
        self.values: dict[str, Array] = {}
        self.slopes: dict[int, Array] = {}
        self.slopes_of_weights: dict[str, Array] = {}
        self.back: list[Callable[[], None]] = []

    def keep(self, name: str, value: Array) -> Array:
        """Note a module's output."""
        self.values[name] = value
        return value

    def d(self, value: Array) -> Array:
        """The gradient by a value, as far as it is known; what is added to it stays."""
        return self.slopes.setdefault(id(value), np.zeros_like(value))

    def d_weight(self, name: str) -> Array:
        """The same for a parameter."""
        return self.slopes_of_weights.setdefault(name, np.zeros_like(self.weights[name]))

    def found(self) -> dict[str, Array]:
        """Everything, when the gradient has gone all the way back."""
        for go in reversed(self.back):
            go()
        slopes = {f"gradient of {name}": self.d(value) for name, value in self.values.items()}
        return {**self.values, **slopes, **{f"gradient of {n}": one for n, one in self.slopes_of_weights.items()}}

    def look_up(self, name: str, words: Words) -> Array:
        """y[n,t] = E[words[n,t]]."""
        y = self.keep(name, np.array([[self.weights[f"{name}.weight"][word] for word in row] for row in words]))

        def go() -> None:
            for place in np.ndindex(words.shape):
                self.d_weight(f"{name}.weight")[words[place]] += self.d(y)[place]

        self.back.append(go)
        return y

    def dense(self, name: str, x: Array) -> Array:
        """y[n,t,o] = b[o] + Σ_i W[o,i] x[n,t,i]."""
        weight = self.weights[f"{name}.weight"]
        y = self.keep(name, x @ weight.T + self.weights[f"{name}.bias"])

        def go() -> None:
            self.d(x)[...] += self.d(y) @ weight
            self.d_weight(f"{name}.weight")[...] += np.tensordot(self.d(y), x, ((0, 1), (0, 1)))
            self.d_weight(f"{name}.bias")[...] += np.sum(self.d(y), (0, 1))

        self.back.append(go)
        return y

    def bent(self, x: Array, function: Callable[[Array], Array], derivative: Callable[[Array], Array]) -> Array:
        """A function of each number by itself."""
        y = function(x)

        def go() -> None:
            self.d(x)[...] += self.d(y) * derivative(x)

        self.back.append(go)
        return y

    def dropped(self, name: str, x: Array, rate: float = RATE) -> Array:
        """x where it is kept, grown by what is not."""
        scale = np.ones_like(x) if self.kept is None else self.kept[name] / (1 - rate)
        return self.keep(name, self.bent(x, lambda x: x * scale, lambda x: scale))

    def sum(self, one: Array, other: Array) -> Array:
        """one + other."""
        y = one + other

        def go() -> None:
            self.d(one)[...] += self.d(y)
            self.d(other)[...] += self.d(y)

        self.back.append(go)
        return y

    def norm(self, name: str, x: Array, epsilon: float = EPSILON) -> Array:
        """γ (x − μ) / √(σ² + ε) + β over the numbers of a word; μ and σ depend on every one of them."""
        gain = self.weights[f"{name}.weight"]
        deviation = np.sqrt(np.var(x, -1, keepdims=True) + epsilon)
        normed = (x - np.mean(x, -1, keepdims=True)) / deviation
        y = self.keep(name, gain * normed + self.weights[f"{name}.bias"])

        def go() -> None:
            asked = self.d(y) * gain
            common = np.mean(asked, -1, keepdims=True) + normed * np.mean(asked * normed, -1, keepdims=True)
            self.d(x)[...] += (asked - common) / deviation
            self.d_weight(f"{name}.weight")[...] += np.sum(self.d(y) * normed, (0, 1))
            self.d_weight(f"{name}.bias")[...] += np.sum(self.d(y), (0, 1))

        self.back.append(go)
        return y

    def attention(self, q: Array, k: Array, v: Array, heads: int, seen: Seen) -> Array:
        """Each head by itself: y[t] = Σ_s α[t,s] v[s] with α[t,s] = exp(q[t]·k[s] / √d) / Σ over what t may see.

        Args:
            q: (B, T, D).
            k: (B, S, D).
            v: (B, S, D).
            heads: h.
            seen: whether in sentence n the word t may see the word s.
        """
        y, width = np.zeros_like(q), q.shape[-1] // heads
        shares = np.zeros((len(q), heads, q.shape[1], k.shape[1]))
        for n, head, t in np.ndindex(shares.shape[:3]):
            part = slice(head * width, (head + 1) * width)
            there = [s for s in range(k.shape[1]) if seen(n, t, s)]
            grown = np.exp([q[n, t, part] @ k[n, s, part] / np.sqrt(width) for s in there])
            shares[n, head, t, there] = grown / np.sum(grown)
            y[n, t, part] = shares[n, head, t] @ v[n, :, part]

        def go() -> None:
            for n, head, t in np.ndindex(shares.shape[:3]):
                part, share = slice(head * width, (head + 1) * width), shares[n, head, t]
                asked = self.d(y)[n, t, part]
                d_share = v[n, :, part] @ asked
                d_score = share * (d_share - share @ d_share) / np.sqrt(width)
                self.d(v)[n, :, part] += np.outer(share, asked)
                self.d(q)[n, t, part] += d_score @ k[n, :, part]
                self.d(k)[n, :, part] += np.outer(d_score, q[n, t, part])

        self.back.append(go)
        return y

    def many_heads(
        self, name: str, x: Array, memory: Array, heads: int, seen: Callable[[int, int, int], bool]
    ) -> Array:
        """[head₁; …; head_h] W^O."""
        q, k, v = (
            self.dense(f"{name}.{part}", one) for part, one in (("query", x), ("key", memory), ("value", memory))
        )
        return self.keep(name, self.dense(f"{name}.output", self.attention(q, k, v, heads, seen)))

    def around(self, name: str, x: Array, found: Array) -> Array:
        """LayerNorm(x + Dropout(found))."""
        return self.keep(name, self.norm(f"{name}.norm", self.sum(x, self.dropped(f"{name}.dropout", found))))

    def feed_forward(self, name: str, x: Array) -> Array:
        """max(0, x W₁ + b₁) W₂ + b₂, and what is around it."""
        inner = self.dense(f"{name}.feed_forward.inner", x)
        bent = self.bent(inner, lambda z: np.maximum(z, 0), lambda z: np.where(z > 0, 1.0, 0.0))
        found = self.keep(f"{name}.feed_forward", self.dense(f"{name}.feed_forward.outer", bent))
        return self.keep(name, self.around(f"{name}.feed_forward_around", x, found))

    def read(self, name: str, words: Words) -> Array:
        """√D E[word] + PE[t], some of it dropped."""
        embedded = self.look_up(f"{name}_embedding", words)
        width = embedded.shape[-1]
        places = np.zeros(embedded.shape[1:])
        for t, i in np.ndindex(places.shape):
            angle = t / 10_000 ** ((i - i % 2) / width)
            places[t, i] = np.float32(np.cos(angle) if i % 2 else np.sin(angle))  # ours are kept in float32
        read = self.bent(embedded, lambda x: np.sqrt(width) * x + places, lambda x: np.full_like(x, np.sqrt(width)))
        return self.dropped(f"{name}_dropout", read)


def values(
    weights: dict[str, Array], source: Words, said: Words, target: Words, kept: dict[str, Array] | None = None
) -> dict[str, Array]:
    """Every layer's output, the loss, and every gradient; see `liuli.oracles`."""
    go = Pass(weights, kept)

    def there(n: int, t: int, s: int) -> bool:
        return bool(source[n, s] != 0)

    x = go.read("source", source)
    for number in range(LAYERS):
        name = f"encoder.layers.{number}"
        x = go.around(f"{name}.attention_around", x, go.many_heads(f"{name}.attention", x, x, HEADS, there))
        x = go.feed_forward(name, x)
    memory = go.keep("encoder", x)

    y = go.read("target", said)
    for number in range(LAYERS):
        name = f"decoder.{number}"
        found = go.many_heads(f"{name}.attention", y, y, HEADS, lambda n, t, s: s <= t)
        y = go.around(f"{name}.attention_around", y, found)
        found = go.many_heads(f"{name}.source_attention", y, memory, HEADS, there)
        y = go.around(f"{name}.source_around", y, found)
        y = go.feed_forward(name, y)

    table = weights["target_embedding.weight"]
    scores = go.keep("forward", y @ table.T)
    loss, d_scores = smoothed_cross_entropy(scores, target[:, 1:])
    go.d(scores)[...] = d_scores
    go.d(y)[...] += d_scores @ table
    go.d_weight("target_embedding.weight")[...] += np.tensordot(d_scores, y, ((0, 1), (0, 1)))
    return {**go.found(), "loss": loss}


def smoothed_cross_entropy(scores: Array, labels: Words) -> tuple[Array, Array]:
    """Mean over all words of −Σ_v q(v) ln softmax(scores)(v), q being 1 − ε at the word and ε / V at each; gradient."""
    loss, gradient = 0.0, np.zeros_like(scores)
    count = np.sum(labels != 0)
    for n, t in np.argwhere(labels != 0):
        wanted = np.full(scores.shape[-1], SMOOTHING / scores.shape[-1])
        wanted[labels[n, t]] += 1 - SMOOTHING
        shifted = scores[n, t] - np.max(scores[n, t])
        logarithms = shifted - np.log(np.sum(np.exp(shifted)))
        loss -= np.sum(wanted * logarithms) / count
        gradient[n, t] = (np.exp(logarithms) - wanted) / count
    return np.array(loss), gradient
