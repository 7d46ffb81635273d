"""Every operation that can stand on the tape, besides the arithmetic of `Tensor` itself."""

from liuli.scratch.operations.convolution import convolution, convolution_loops
from liuli.scratch.operations.dense import dense
from liuli.scratch.operations.dropout import dropout
from liuli.scratch.operations.functions import exp, log, relu, sigmoid, tanh
from liuli.scratch.operations.pooling import average_pool, max_pool
from liuli.scratch.operations.reductions import mean, sum
from liuli.scratch.operations.shapes import pad, reshape, transpose

__all__ = [
    "average_pool",
    "convolution",
    "convolution_loops",
    "dense",
    "dropout",
    "exp",
    "log",
    "max_pool",
    "mean",
    "pad",
    "relu",
    "reshape",
    "sigmoid",
    "sum",
    "tanh",
    "transpose",
]
