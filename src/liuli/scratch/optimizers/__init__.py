"""Optimizers: from the gradient of each parameter to its step."""

from liuli.scratch.optimizers.adagrad import AdaGrad
from liuli.scratch.optimizers.adam import Adam, AdamW
from liuli.scratch.optimizers.optimizer import Optimizer, clip_gradients
from liuli.scratch.optimizers.rmsprop import RMSProp
from liuli.scratch.optimizers.sgd import SGD

__all__ = ["SGD", "AdaGrad", "Adam", "AdamW", "Optimizer", "RMSProp", "clip_gradients"]
