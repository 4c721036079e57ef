"""CTC models: what they are made of (`model`), how they are kept (`store`), how they are named (`reference`).

This package imports nothing by itself, so that naming a model does not import torch.
"""
