"""Vectors of 16 floats, spelled out for LLVM where it does not find them in a scalar loop; arrays without owners.

Intrinsics work on bare addresses: no bounds, no reference counts, no tests whether two arrays overlap. Who calls one
answers for the places. They are portable: LLVM splits a vector where the machine's registers are narrower.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, types

LANES = 16
intrinsic: Any = extending.intrinsic  # its type knows of the typing context that every intrinsic is given by itself
FLOAT = ir.FloatType()
I32 = ir.IntType(32)
I64 = ir.IntType(64)
VECTOR = ir.VectorType(FLOAT, LANES)
QUAD = ir.VectorType(FLOAT, 4)
_FLAGS = ("contract", "reassoc", "nsz")


def data(context: Any, builder: Any, signature: Any, args: Any, number: int) -> Any:
    """Address of the first element of an array argument."""
    return context.make_array(signature.args[number])(context, builder, args[number]).data


def at(builder: Any, pointer: Any, offset: Any) -> Any:
    """The address ``offset`` elements on; an int or a value."""
    return builder.gep(pointer, [ir.Constant(I64, offset) if isinstance(offset, int) else offset])


def load(builder: Any, pointer: Any, kind: Any = VECTOR) -> Any:
    """A vector from an address of floats."""
    loaded = builder.load(builder.bitcast(pointer, kind.as_pointer()))
    loaded.align = 4
    return loaded


def store(builder: Any, vector: Any, pointer: Any) -> None:
    """A vector to an address of floats."""
    stored = builder.store(vector, builder.bitcast(pointer, vector.type.as_pointer()))
    stored.align = 4


def constant(value: float, kind: Any = VECTOR) -> Any:
    """The same number in every lane."""
    return ir.Constant(kind, [ir.Constant(FLOAT, float(np.float32(value)))] * kind.count)


def splat(builder: Any, value: Any) -> Any:
    """A float in every lane."""
    single = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), value, ir.Constant(I32, 0))
    return permute(builder, single, [0] * LANES)


def shuffle(builder: Any, a: Any, b: Any, lanes: Sequence[int]) -> Any:
    """Lanes of ``a`` and ``b`` (counted on after those of ``a``)."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, len(lanes)), list(lanes)))


def permute(builder: Any, vector: Any, lanes: Sequence[int]) -> Any:
    """Lanes of one vector."""
    return shuffle(builder, vector, ir.Constant(vector.type, ir.Undefined), lanes)


def add(builder: Any, a: Any, b: Any) -> Any:
    """``a + b``."""
    return builder.fadd(a, b, flags=_FLAGS)


def sub(builder: Any, a: Any, b: Any) -> Any:
    """``a - b``."""
    return builder.fsub(a, b, flags=_FLAGS)


def mul(builder: Any, a: Any, b: Any) -> Any:
    """``a * b``."""
    return builder.fmul(a, b, flags=_FLAGS)


def total(builder: Any, vector: Any) -> Any:
    """Sum of the lanes, always in the same order."""
    for step in (8, 4, 2, 1):
        vector = add(builder, vector, permute(builder, vector, [lane ^ step for lane in range(LANES)]))
    return builder.extract_element(vector, ir.Constant(I32, 0))


@intrinsic
def borrowed(typingctx: Any, value: Any) -> Any:
    """An array, or a (named) tuple with arrays in it, that does not count references.

    Each view of an array counts its owner up and down, and threads that share the array wait for each other to do
    so: in a kernel that takes a dozen views a track, a seventh of its time. The owner must outlive what is borrowed:
    arguments of a kernel do, its own arrays need :func:`hold` behind their last use.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _without_owner(context, builder, signature.args[0], args[0])

    return value(value), codegen


def _without_owner(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = ir.Constant(array.meminfo.type, None)
        array.parent = ir.Constant(array.parent.type, None)
        return array._getvalue()
    members_of: Any = kind
    if isinstance(kind, types.BaseTuple):
        members = [
            _without_owner(context, builder, member, builder.extract_value(value, number))
            for number, member in enumerate(members_of.types)
        ]
        return context.make_tuple(builder, kind, members)
    return value


@intrinsic
def hold(typingctx: Any, value: Any) -> Any:
    """Keep the owner of what is :func:`borrowed` up to here."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.get_dummy_value()

    return types.void(value), codegen
