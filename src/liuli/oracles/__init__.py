"""Independent implementations of the systems, one file each, which `liuli check` compares ours with.

They are written in another library or as loops from the paper, and share no code with what they judge.
In a checkout they lie in `tests/oracles`; the wheel carries them here.

Each file has one function,

    values(weights, *inputs, *targets) -> dict of arrays, all float64

that takes every parameter and buffer of the network by its PyTorch name, what the network's `forward`
takes (pictures), and the rest of the batch (labels), and returns

    "c1"                       the output of the module c1
    "forward"                  the output of the whole network
    "loss"                     the mean loss over the batch
    "gradient of c1"           the gradient of the loss by that output
    "gradient of c1.weight"    the gradient of the loss by that parameter

A system with dropout has a further argument `kept`: by the path of each dropout module, 1 where the drawn
mask keeps an element and 0 where it silences one; None: dropout is off.
"""

from pathlib import Path

__path__.append(str(Path(__file__).parents[3] / "tests" / "oracles"))
