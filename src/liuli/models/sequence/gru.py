"""The gated recurrent unit: a memory that shows itself, with two gates in place of three.

One gate does what two do in an LSTM: as much as is let in, so much is let go, and the state stays between what it was
and the candidate. A second gate decides how much of the old state the candidate is made from.

    reset gate:   r = σ(Wᵣ xₜ + Uᵣ hₜ₋₁ + bᵣ)
    update gate:  z = σ(W_z xₜ + U_z hₜ₋₁ + b_z)
    candidate:    n = tanh(Wₙ xₜ + r ⊙ (Uₙ hₜ₋₁) + bₙ)
    state:        hₜ = z ⊙ hₜ₋₁ + (1 − z) ⊙ n

Paper: Cho, van Merriënboer, Gulcehre, Bahdanau, Bougares, Schwenk & Bengio, Learning phrase representations using RNN
encoder-decoder for statistical machine translation, 2014, section 2.3.

Shapes:
    B  batch, T words of the longest sentence, D features of a word, M units of the state, V words,
    K classes (with two, one output is enough); reset gate, update gate and candidate lie one under another in the
    weights, in that order

Departures:
    The reset gate acts after the product with Uₙ, as in the paper's first version, in PyTorch and in cuDNN; the version
    that was printed has Uₙ (r ⊙ hₜ₋₁). The gates have biases, which the paper leaves out. In training half of the
    features of the words are dropped out and some words are read as unknown ones, as in `rnn`.

Look at:
    The update gate along a message: where it is near 1 the state is only handed on. And the reset gate at the first
    word, where there is nothing to reset.
"""

import torch
from torch import Tensor
from torch.nn.functional import linear

from liuli.layers.recurrent import Recurrent, State
from liuli.models.sequence.rnn import RECIPE, RNN
from liuli.system import System, Target
from liuli.tasks.text_classification import TextClassification


class GRULayer(Recurrent):
    """Two gates and a candidate."""

    kernel = "gru"
    gates = 3

    def cell(self, x: Tensor, state: State) -> State:
        (h,) = state  # (B, M)
        of_input = linear(x, self.weight_input, self.bias)  # (B, 3M)
        of_state = linear(h, self.weight_state)  # (B, 3M)
        input_reset, input_update, input_candidate = of_input.chunk(3, dim=1)  # (B, M) each
        state_reset, state_update, state_candidate = of_state.chunk(3, dim=1)  # (B, M) each
        reset_gate = torch.sigmoid(input_reset + state_reset)
        update_gate = torch.sigmoid(input_update + state_update)
        candidate = torch.tanh(input_candidate + reset_gate * state_candidate)
        h = update_gate * h + (1 - update_gate) * candidate  # (B, M)
        return (h,)


class GRU(RNN):
    """The same network around it as around the simple layer: features of the words before, an output after."""

    layer = GRULayer


SYSTEM = System(
    name="gru",
    year=2014,
    paper="Cho et al., Learning phrase representations using RNN encoder-decoder",
    model=GRU,
    task=TextClassification(),
    data="sms-spam",
    recipe=RECIPE,
    target=Target("accuracy", at_least=0.985),
)
