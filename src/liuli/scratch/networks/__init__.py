"""Networks by the names of their systems: what `liuli train NAME --engine scratch` trains."""

from liuli.scratch.networks.lenet import LeNet
from liuli.scratch.networks.mlp import MLP
from liuli.scratch.networks.network import Network

NETWORKS: dict[str, type[Network]] = {"mlp": MLP, "lenet": LeNet}

__all__ = ["MLP", "NETWORKS", "LeNet", "Network"]
