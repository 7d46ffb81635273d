"""Long short-term memory: a state that is kept as it is until a gate decides otherwise.

In a simple recurrent network what was read long ago is multiplied by the same weights at every step, and fades, and so
does its gradient. Here a memory c goes from step to step by addition alone. Three gates, each between 0 and 1, decide
from the new word and the last state what is let in, what is kept, and what is shown.

    input gate:   i = σ(Wᵢ xₜ + Uᵢ hₜ₋₁ + bᵢ)
    forget gate:  f = σ(W_f xₜ + U_f hₜ₋₁ + b_f)
    candidate:    g = tanh(W_g xₜ + U_g hₜ₋₁ + b_g)
    output gate:  o = σ(Wₒ xₜ + Uₒ hₜ₋₁ + bₒ)
    memory:       cₜ = f ⊙ cₜ₋₁ + i ⊙ g
    state:        hₜ = o ⊙ tanh(cₜ)

Paper: Hochreiter & Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997, section 4; the forget gate is
of Gers, Schmidhuber & Cummins, Learning to forget, Neural Computation 12(10), 2000.

Shapes:
    B  batch, T words of the longest sentence, D features of a word, M units of the state, V words,
    K classes (with two, one output is enough); the four gates lie one under another in the weights, in that order

Departures:
    One memory cell a block, and tanh for the paper's squashing functions. The gradient goes back through everything
    (the paper's is cut at the gates). Adam instead of gradient descent one example at a time. In training half of the
    features of the words are dropped out and some words are read as unknown ones, as in `rnn`.

Look at:
    The forget gate of each unit along a message: which words make it let go? Beside it the memory, which in the simple
    network has no counterpart.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from liuli.layers.recurrent import Recurrent, State
from liuli.models.sequence.rnn import RECIPE, RNN
from liuli.system import System, Target
from liuli.tasks.text_classification import TextClassification


class LSTMLayer(Recurrent):
    """Three gates and a candidate, each from the input and the state before it."""

    kernel = "lstm"
    gates = 4
    memory = True

    def __init__(self, width: int, units: int) -> None:
        super().__init__(width, units)
        nn.init.ones_(self.bias[units : 2 * units])  # at first nothing is forgotten (Gers et al., 2000)

    def cell(self, x: Tensor, state: State) -> State:
        h, c = state  # (B, M) each
        gates = linear(x, self.weight_input, self.bias) + linear(h, self.weight_state)  # (B, 4M)
        to_input, to_forget, to_candidate, to_output = gates.chunk(4, dim=1)  # (B, M) each
        input_gate = torch.sigmoid(to_input)
        forget_gate = torch.sigmoid(to_forget)
        candidate = torch.tanh(to_candidate)
        output_gate = torch.sigmoid(to_output)
        c = forget_gate * c + input_gate * candidate  # (B, M)
        h = output_gate * torch.tanh(c)  # (B, M)
        return h, c


class LSTM(RNN):
    """The same network around it as around the simple layer: features of the words before, an output after."""

    layer = LSTMLayer


SYSTEM = System(
    name="lstm",
    year=1997,
    paper="Hochreiter & Schmidhuber, Long short-term memory",
    model=LSTM,
    task=TextClassification(),
    data="sms-spam",
    recipe=RECIPE,
    target=Target("accuracy", at_least=0.985),
)
