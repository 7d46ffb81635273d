"""Graph attention network (GAT): every node looks at its neighbours, and weighs whom to listen to.

What a node is can often be told from the nodes that it is tied to: a paper's field from the papers that it cites. A
layer gives every node a new description, the weighted mean of its neighbours' and its own. The weights are attention:
a small network scores each edge from the descriptions at its two ends, and a softmax over the edges into a node makes
shares of the scores. Several heads weigh independently, and their results are put side by side. Nothing is computed
where there is no edge.

    score:      eᵢⱼ = LeakyReLU(a_target · W hᵢ + a_source · W hⱼ)   for j with an edge into i, and i
    attention:  αᵢⱼ = exp(eᵢⱼ) / Σₖ exp(eᵢₖ)
    layer:      h′ᵢ = Σⱼ αᵢⱼ W hⱼ + b

Paper: Veličković, Cucurull, Casanova, Romero, Liò & Bengio, Graph attention networks, ICLR 2018, section 2.1
(equations 1 to 5) and section 3.3 for the recipe.

Shapes:
    B graphs of N nodes and E edges (among them one from each node to itself), F features, K classes, h heads, d width
    of a head; M = B·N and A = B·E: all graphs taken as one

Departures:
    The vector a of the paper, which meets both ends put side by side, is written as its two halves, a_target and
    a_source. Training stops by the validation loss alone; the paper watches the accuracy too.

Look at:
    The attention that one paper pays to its neighbours, in each of the eight heads: do they differ?
    A node with many neighbours: does it choose among them, or take the mean of all?
    The last hidden layer drawn in two dimensions: fields that cite each other lie side by side.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, leaky_relu

from liuli.layers.graphs import as_one, softmax_by_target
from liuli.system import Adam, Recipe, System, Target
from liuli.tasks.node_classification import NodeClassification


class GraphAttention(nn.Module):
    """One layer of `heads` heads, each of `width` numbers, side by side."""

    def __init__(self, inputs: int, heads: int, width: int, dropout: float = 0.6) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(inputs, heads * width, bias=False)  # W of every head
        self.a_target = nn.Parameter(torch.empty(heads, width))
        self.a_source = nn.Parameter(torch.empty(heads, width))
        self.silence = nn.Dropout(dropout)  # of attention: a node does not hear all its neighbours
        self.bias = nn.Parameter(torch.zeros(heads * width))
        for weight in (self.project.weight, self.a_target, self.a_source):
            nn.init.xavier_uniform_(weight)

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        projected = self.projected(nodes)  # (M, h, d)
        attention = self.silence(self.attention(projected, edges))  # (A, h)
        messages = attention.unsqueeze(-1) * projected.index_select(0, edges[0])  # (A, h, d)
        heard = torch.zeros_like(projected).index_add(0, edges[1], messages)  # (M, h, d)
        return heard.flatten(1) + self.bias  # (M, h·d)

    def projected(self, nodes: Tensor) -> Tensor:
        """W h of every node and head: (M, h, d)."""
        flat = self.project(self.dropout(nodes))  # (M, h·d)
        return flat.view(len(nodes), *self.a_source.shape)

    def attention(self, projected: Tensor, edges: Tensor) -> Tensor:
        """The share that each edge has in what its target hears: (A, h)."""
        source, target = edges  # (A,) each
        from_target = (projected * self.a_target).sum(-1)  # (M, h)
        from_source = (projected * self.a_source).sum(-1)  # (M, h)
        scores = from_target.index_select(0, target) + from_source.index_select(0, source)  # (A, h)
        return softmax_by_target(leaky_relu(scores, 0.2), target, len(projected))


class GAT(nn.Module):
    """Eight heads of eight, ELU, one head of K; returns scores (logits) of every node."""

    def __init__(self, features: int = 1433, classes: int = 7, heads: int = 8, width: int = 8) -> None:
        super().__init__()
        self.first = GraphAttention(features, heads, width)
        self.second = GraphAttention(heads * width, 1, classes)

    def forward(self, features: Tensor, edges: Tensor) -> Tensor:
        nodes, joined = as_one(features, edges)  # (M, F), (2, A)
        hidden = elu(self.first(nodes, joined))  # (M, 64)
        scores = self.second(hidden, joined)  # (M, K)
        return scores.view(*features.shape[:2], -1)  # (B, N, K)

    def hidden(self, features: Tensor, edges: Tensor) -> Tensor:
        """What the last layer reads: (B, N, 64)."""
        return elu(self.first(*as_one(features, edges))).view(*features.shape[:2], -1)

    def attention(self, features: Tensor, edges: Tensor) -> Tensor:
        """Of the last layer: the share of each edge in what its target hears, (B, E)."""
        hidden, joined = as_one(self.hidden(features, edges), edges)  # (M, 64), (2, A)
        shares = self.second.attention(self.second.projected(hidden), joined)  # (A, 1)
        return shares.view(len(edges), -1)


SYSTEM = System(
    name="gat",
    year=2018,
    paper="Veličković, Cucurull, Casanova, Romero, Liò & Bengio, Graph attention networks",
    after=("attention",),
    model=GAT,
    task=NodeClassification(),
    data="cora",
    recipe=Recipe(epochs=2000, batch_size=1, optimizer=Adam(lr=5e-3, weight_decay=5e-4, decoupled=False), patience=100),
    target=Target("accuracy", at_least=0.825, published=0.830),
)
