"""BERT fine-tuned: what a network learnt by filling in blanks serves to say what a sentence is.

A few thousand sentences with a class are too few to learn a language from. The encoder therefore begins with the
weights of `bert`, which has read millions of words that nobody labelled; one new layer reads its vector for the whole
sentence, and all of it goes on learning, for a few epochs and in small steps.

    h = encoder([CLS] w₁ … w_n [SEP]),   p = softmax(W Dropout(tanh(W_p h_[CLS] + b_p)) + b)
    loss: −log p of the right class, mean over the batch

Paper: Devlin, Chang, Lee & Toutanova, BERT: pre-training of deep bidirectional transformers for language
understanding, NAACL 2019, section 4.1.

Shapes:
    B  batch, T pieces of the longest sentence with [CLS] and [SEP], D width, K classes

Departures:
    Sentences of film reviews instead of the tasks of GLUE, and the small `bert` of this house instead of BASE; the
    learning rate is larger than the paper's, for a network as narrow. The embeddings are taken over scaled down to the
    deviation of drawn ones, which leaves every output as it is and lets Adam change words as fast (see
    `shrink_embeddings`). The paper's gain is there only where both read the same pieces: with seed 0, of 1,056 test
    sentences 0.739 are right (0.715 without the scaling); 0.720 from drawn weights with the same pieces; 0.741 with
    '--set pretrained=none', which learns its pieces from the reviews (one run each, of a standard error of 0.014).

Look at:
    What [CLS] looks at in the last layer: which words does a review hang on? The same sentence in a network that has
    not been pretrained ('--set pretrained=none').
"""

import torch
from torch import Tensor, nn

from liuli.models.language.bert import BERT, draw_weights, inherit
from liuli.system import Adam, Linear, Recipe, System, Target
from liuli.tasks.bert_checkpoints import NONE, OURS
from liuli.tasks.piece_classification import PieceClassification


class BERTClassifier(nn.Module):
    """The body of BERT and one layer of scores (logits) on its vector for the whole sentence.

    Args:
        vocabulary: V.
        classes: K.
        length: places that have an embedding.
        width: D.
        layers: of the encoder.
        heads: of each of its layers.
        inner: width inside its feed-forward networks.
        dropout: what share is dropped in training.
        pretrained: what to begin from: the folder of a run of `bert`, or a checkpoint's folder or name; "none":
            weights are drawn.
    """

    def __init__(
        self,
        vocabulary: int = 100,
        classes: int = 2,
        length: int = 64,
        width: int = OURS["width"],
        layers: int = OURS["layers"],
        heads: int = OURS["heads"],
        inner: int = OURS["inner"],
        dropout: float = 0.1,
        pretrained: str = "runs/bert",
    ) -> None:
        super().__init__()
        self.pretrained = pretrained
        self.bert = BERT(vocabulary, length, width, layers, heads, inner, dropout)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, classes)
        self.apply(draw_weights)

    def forward(self, words: Tensor) -> Tensor:
        hidden = self.bert(words, torch.zeros_like(words))  # (B, T, D)
        return self.output(self.dropout(self.bert.pooled(hidden)))  # (B, K)

    def inherit(self) -> None:
        """Take over the weights that `pretrained` names, with embeddings that learn as fast as drawn ones.

        Raises:
            UserError: they are not to be had, or are of another shape.
        """
        inherit(self, self.pretrained)
        if self.pretrained != NONE:
            self.bert.shrink_embeddings()


SYSTEM = System(
    name="bert-classifier",
    year=2019,
    paper="Devlin, Chang, Lee & Toutanova, BERT: pre-training of deep bidirectional transformers",
    model=BERTClassifier,
    task=PieceClassification(length=64),
    data="rt-polarity",
    recipe=Recipe(
        epochs=3,
        batch_size=32,
        optimizer=Adam(lr=4e-4, weight_decay=0.01),
        schedule=Linear(warmup=0.1),
        clip=1.0,
    ),
    target=Target("accuracy", at_least=0.72),
)
