"""Run any `torch.nn.Module` and keep every value: the record."""

from liuli.tracing.memory import Place
from liuli.tracing.parts import Address, Kernel, Line, ModuleCall, Opened, Operation, Value
from liuli.tracing.record import Record
from liuli.tracing.statistics import Histogram, Statistics
from liuli.tracing.tracer import trace

__all__ = [
    "Address",
    "Histogram",
    "Kernel",
    "Line",
    "ModuleCall",
    "Opened",
    "Operation",
    "Place",
    "Record",
    "Statistics",
    "Value",
    "trace",
]
