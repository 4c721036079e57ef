"""A GPU's stand-in: tensors with values on the CPU that claim another device, and refuse what a GPU would refuse.

torch's own fake tensors have no values, so that nothing that asks for one (`.tolist()`, `if`) can be tried with them;
and without CUDA torch 2.13 makes no gradient of a tensor that claims to be on "cuda". So these claim "meta".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

GPU = torch.device("meta")
MIXING = ("copy_", "_to_copy", "index", "index_put", "index_put_", "_index_put_impl_", "_pack_padded_sequence")
"""Operations that take tensors of a GPU and of the CPU together."""
WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "equal")
"""Operations, beside copies to the CPU, for which the program waits until the GPU has done all that came before."""
waits: Counter[str] = Counter()


@contextmanager
def stand_in() -> Iterator[torch.device]:
    """A device like a GPU, without gradients in inference mode: that one hides operations from those who watch."""
    with pytest.MonkeyPatch.context() as patch, _Values(), _Operations():
        patch.setattr(torch.inference_mode, "__enter__", lambda self: None)
        patch.setattr(torch.inference_mode, "__exit__", lambda self, *error: None)
        waits.clear()
        yield GPU


class OnGpu(torch.Tensor):
    """A tensor of the CPU that says that it is on a GPU."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> OnGpu:
        layout: dict[str, Any] = {"strides": held.stride(), "storage_offset": held.storage_offset()}
        return torch.Tensor._make_wrapper_subclass(cls, held.shape, dtype=held.dtype, device=GPU, **layout)

    def __init__(self, held: torch.Tensor) -> None:
        self.held = held

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    name, leaves = func._schema.name.removeprefix("aten::"), tree_leaves((args, kwargs))
    tensors = [each for each in leaves if isinstance(each, torch.Tensor)]
    if any(each.is_meta and not isinstance(each, OnGpu) for each in tensors):
        raise RuntimeError(f"{name}: the stand-in has lost values; see _Values")
    if name == "_pack_padded_sequence" and isinstance(args[1], OnGpu):
        raise RuntimeError(f"{name}: lengths have to be on the CPU")
    is_there = any(isinstance(each, OnGpu) for each in tensors)
    # A number on the CPU may meet tensors of a GPU.
    others = [each for each in tensors if not isinstance(each, OnGpu) and (each.dim() or name in ("cat", "stack"))]
    if is_there and others and name not in MIXING:
        raise RuntimeError(f"{name}: tensors on two devices, {[each.device.type for each in tensors]}")
    goes_there = torch.device(kwargs["device"]) == GPU if kwargs.get("device") else is_there
    if name == "copy_":
        goes_there = isinstance(args[0], OnGpu)
    if goes_there and any(isinstance(each, torch.Generator) for each in leaves):
        raise RuntimeError(f"{name}: a generator of the CPU for a tensor of the GPU")
    if is_there and (name in WAITING or not goes_there):
        waits[name] += 1
    here = kwargs | ({"device": torch.device("cpu")} if kwargs.get("device") else {})
    inner_args, inner_kwargs = tree_map(lambda each: each.held if isinstance(each, OnGpu) else each, (args, here))
    out = func(*inner_args, **inner_kwargs)
    if func._schema.is_mutable:
        return kwargs.get("out", args[0]) if func._schema.returns else None
    if goes_there:
        out = tree_map(lambda each: OnGpu(each) if isinstance(each, torch.Tensor) else each, out)
    if name == "_pack_padded_sequence" and is_there:
        return out[0], out[1].held  # how many go on at each step stays on the CPU
    return return_and_correct_aliasing(func, args, kwargs, out) if is_there else out


class _Operations(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Values(TorchFunctionMode):
    """Takes the way through the CPU where torch would not ask a tensor of another class, or make one without values."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.tensor and kwargs.get("device") == GPU:
            return torch.tensor(*args, **kwargs | {"device": "cpu"}).to(GPU)
        if func is torch.Tensor.tolist and isinstance(args[0], OnGpu):
            return args[0].detach().cpu().tolist()
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__) and isinstance(args[0], OnGpu):
            args = (args[0], _without_lists(args[1]), *args[2:])
        return func(*args, **kwargs)


def _without_lists(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(map(_without_lists, index))
    return torch.tensor(index, dtype=None if index else torch.long) if isinstance(index, list) else index
