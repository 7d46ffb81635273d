"""Modules that are not ours: tiny configurations of `transformers`, with random weights, and PyTorch's own blocks.

Each entry gives a module in evaluation mode and the keyword arguments of one call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

Example = tuple[nn.Module, dict[str, Any]]


def _words(vocabulary: int = 50, length: int = 7, batch: int = 2) -> torch.Tensor:
    return torch.randint(1, vocabulary, (batch, length))


def resnet() -> Example:
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=3)
    return ResNetForImageClassification(config), {"pixel_values": torch.randn(2, 3, 32, 32)}


def convnext() -> Example:
    from transformers import ConvNextConfig, ConvNextForImageClassification

    config = ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 2], num_stages=2, num_labels=3)
    return ConvNextForImageClassification(config), {"pixel_values": torch.randn(2, 3, 32, 32)}


def vit() -> Example:
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=16, patch_size=4
    )
    return ViTForImageClassification(config), {"pixel_values": torch.randn(2, 3, 16, 16)}


def swin() -> Example:
    from transformers import SwinConfig, SwinForImageClassification

    config = SwinConfig(image_size=32, patch_size=2, embed_dim=8, depths=[2, 2], num_heads=[2, 2], window_size=4)
    return SwinForImageClassification(config), {"pixel_values": torch.randn(1, 3, 32, 32)}


def bert() -> Example:
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=16,
    )  # fmt: skip
    mask = torch.tensor([[1] * 7, [1] * 5 + [0] * 2])
    return BertForSequenceClassification(config), {"input_ids": _words(), "attention_mask": mask}


def gpt2() -> Example:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    words = _words()
    return GPT2LMHeadModel(config), {"input_ids": words, "labels": words}


def t5() -> Example:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(vocab_size=50, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=0)
    return T5ForConditionalGeneration(config), {"input_ids": _words(), "labels": _words(length=5)}


def llama() -> Example:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=16,
    )  # fmt: skip
    return LlamaForCausalLM(config), {"input_ids": _words()}


def detr() -> Example:
    from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig

    backbone = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 8, 16], depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage4"],
    )  # fmt: skip
    config = DetrConfig(
        use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, backbone_config=backbone, num_queries=4,
        d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=16, decoder_ffn_dim=16,
    )  # fmt: skip
    mask = torch.ones(1, 64, 64, dtype=torch.long)
    mask[:, :, 48:] = 0
    return DetrForObjectDetection(config), {"pixel_values": torch.randn(1, 3, 64, 64), "pixel_mask": mask}


def wav2vec2() -> Example:
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    config = Wav2Vec2Config(
        vocab_size=10, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        conv_dim=(8, 8), conv_stride=(5, 2), conv_kernel=(10, 3), num_feat_extract_layers=2,
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, mask_time_prob=0.0,
    )  # fmt: skip
    return Wav2Vec2ForCTC(config), {"input_values": torch.randn(1, 200)}


def clip() -> Example:
    from transformers import CLIPConfig, CLIPModel

    text = {
        "vocab_size": 50, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
        "max_position_embeddings": 16, "eos_token_id": 49,
    }  # fmt: skip
    image = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 16,
        "patch_size": 8,
    }  # fmt: skip
    config = CLIPConfig(text_config=text, vision_config=image, projection_dim=8)
    return CLIPModel(config), {"input_ids": _words(), "pixel_values": torch.randn(2, 3, 16, 16), "return_loss": True}


TRANSFORMERS: dict[str, Callable[[], Example]] = {
    build.__name__: build for build in (resnet, convnext, vit, swin, bert, gpt2, t5, llama, detr, wav2vec2, clip)
}


def lstm() -> Example:
    return nn.LSTM(3, 4, num_layers=2, bidirectional=True), {"input": torch.randn(5, 2, 3)}


def gru() -> Example:
    return nn.GRU(3, 4, batch_first=True), {"input": torch.randn(2, 5, 3)}


def rnn() -> Example:
    return nn.RNN(3, 4, nonlinearity="relu"), {"input": torch.randn(5, 2, 3)}


def transformer_encoder() -> Example:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return nn.TransformerEncoder(layer, 2), {"src": torch.randn(2, 5, 8)}


def multihead_attention() -> Example:
    x = torch.randn(2, 5, 8)
    return nn.MultiheadAttention(8, 2, batch_first=True), {"query": x, "key": x, "value": x}


BLOCKS: dict[str, Callable[[], Example]] = {
    build.__name__: build for build in (lstm, gru, rnn, transformer_encoder, multihead_attention)
}


def example(name: str) -> Example:
    """The module called `name`, the same each time, in evaluation mode."""
    torch.manual_seed(0)
    module, kwargs = {**TRANSFORMERS, **BLOCKS}[name]()
    return module.eval(), kwargs
