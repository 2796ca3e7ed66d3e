"""The one place that touches numba: decorator, disk cache, and the intrinsics kernels need."""

from framework._jit.cache import CACHE_DIR, is_cached, kernel_sources
from framework._jit.intrinsics import call_entry, call_python, cold, hot, leading_zeros
from framework._jit.kernels import CompilationError, entry, kernel
from framework._jit.lent import array_at

__all__ = [
    "CACHE_DIR",
    "CompilationError",
    "array_at",
    "call_entry",
    "call_python",
    "cold",
    "entry",
    "hot",
    "is_cached",
    "kernel",
    "kernel_sources",
    "leading_zeros",
]
