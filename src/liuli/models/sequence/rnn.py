"""The simple recurrent network, reading a message word by word to say whether it is spam.

A network that is given one word at a time and its own last state with it can read a sentence of any length: the state
is what it remembers. The same weights serve at every step, which is why so few suffice. After the last word the
state alone decides.

    state:        hₜ = tanh(W xₜ + U hₜ₋₁ + b),   h₀ = 0
    probability:  p = σ(v · h_T + v₀)

Sharing weights over time, for T = 100 steps of D = 10 features, M = 15 units and K = 1 output: a recurrent network has
M·D + M·M + M·K = 390 weights without biases. A fully connected layer from all T·D inputs to all T·M states has
1,500,000 in its place, and knows one length only.

Paper: Elman, Finding structure in time, Cognitive Science 14(2), 1990, figure 2.

Shapes:
    B  batch, T words of the longest sentence, D features of a word, M units of the state, V words,
    K classes (with two, one output is enough)

Departures:
    tanh instead of the logistic function. The gradient goes back through all time steps (Elman's stops after one). The
    network names the whole sentence; Elman's guesses the next word. Words have learnt features instead of one bit each.
    In training half of these, drawn anew each time, are dropped out (Zaremba, Sutskever & Vinyals, 2014), and one word
    in ten is read as an unknown one (Iyyer et al., 2015), since so few messages are soon learnt by heart. U begins as
    the identity, so that at first a state is handed on and fades slowly (Le, Jaitly & Hinton, 2015).

Look at:
    The state after each word: where in a message does the network make up its mind? And the gradient of the first
    word: how much of it is left, twenty steps back?
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from liuli.layers.recurrent import Recurrent, State
from liuli.system import Adam, Cosine, Recipe, System, Target
from liuli.tasks.text_classification import TextClassification
from liuli.tasks.words import PADDING


class ElmanLayer(Recurrent):
    """hₜ = tanh(W xₜ + U hₜ₋₁ + b)."""

    kernel = "rnn_tanh"

    def __init__(self, width: int, units: int) -> None:
        super().__init__(width, units)
        nn.init.eye_(self.weight_state)  # at first the state is handed on (Le, Jaitly & Hinton, 2015)

    def cell(self, x: Tensor, state: State) -> State:
        (h,) = state  # (B, M)
        h = torch.tanh(linear(x, self.weight_input, self.bias) + linear(h, self.weight_state))  # (B, M)
        return (h,)


class RNN(nn.Module):
    """Features of the words, one recurrent layer, and an output that sees the state after the last word.

    Args:
        vocabulary: V, of words with the unknown one; padding has a row of its own.
        classes: K.
        width: D.
        units: M.
        dropout: what share of the features is dropped in training.
    """

    layer: ClassVar[type[Recurrent]] = ElmanLayer

    def __init__(
        self, vocabulary: int = 50, classes: int = 2, width: int = 20, units: int = 15, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary + 1, width, padding_idx=PADDING)
        nn.init.normal_(self.embedding.weight[1:], std=0.05)
        self.dropout = nn.Dropout(dropout)
        self.recurrent = self.layer(width, units)
        self.output = nn.Linear(units, 1 if classes == 2 else classes)

    def forward(self, words: Tensor) -> Tensor:
        lengths = (words != PADDING).sum(1)  # (B,)
        x = self.dropout(self.embedding(words))  # (B, T, D)
        states = self.recurrent(x)  # (B, T, M)
        last = states[torch.arange(len(words), device=words.device), lengths - 1]  # (B, M)
        return self.output(last)  # (B, 1), or (B, K)


RECIPE = Recipe(
    epochs=12, batch_size=64, optimizer=Adam(lr=4e-3), schedule=Cosine(), validation=0.0, clip=1.0, augment=True
)
"""The same for every cell, so that nothing but the cell makes a difference."""

SYSTEM = System(
    name="rnn",
    year=1990,
    paper="Elman, Finding structure in time",
    after=("mlp",),
    model=RNN,
    task=TextClassification(),
    data="sms-spam",
    recipe=RECIPE,
    target=Target("accuracy", at_least=0.985),
)
