"""What is linked into what: parts, as the front end left them, into wholes, optimised once.

numba optimises and emits every function on its own, and again inside each of its callers. Here a
kernel that others call stays as the front end left it, a *part*. Only what Python or a strategy
enters becomes machine code, linked with all its parts and optimised once.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from numba.core import environment
from numba.core.codegen import JITCodeLibrary


class Part(JITCodeLibrary):  # type: ignore[misc]
    """Code that is only ever called by other code: never optimised nor emitted on its own."""

    _shared_module: Any = None

    @property
    def codegen(self) -> Any:
        return self

    def set_env(self, name: str, env: Any) -> None:
        """Do nothing: there is no code yet to tell of its environment."""

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0, as for any function without machine code."""
        return 0

    def add_linking_library(self, library: Any) -> None:
        """Note a library that this one calls."""
        self._linking_libraries.append(library)

    def add_ir_module(self, ir_module: Any) -> None:
        """Take a module, unless it only lets Python or C call this code."""
        if ir_module.name not in ("wrapper", "cfunc_wrapper"):
            super().add_ir_module(ir_module)

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Let other libraries link this one."""
        self._finalized = True

    def own_module(self) -> Any:
        """Return this part's code alone, to be dropped where every call of it is inlined."""
        module = self._final_module
        for group in (module.functions, module.global_variables):
            for value in group:
                shared = value.linkage in (llvm.Linkage.external, llvm.Linkage.common)
                if shared and not value.is_declaration:
                    value.linkage = "linkonce_odr"
        return module

    def _get_module_for_linking(self) -> Any:
        """Return this part's code with all it calls, for a function compiled by numba itself."""
        if self._shared_module is None:
            self._shared_module = self.own_module().clone()
            _link(self._shared_module, self._linking_libraries)
        return self._shared_module


class Whole(JITCodeLibrary):  # type: ignore[misc]
    """Code that Python or a strategy enters, with every part it calls, optimised together."""

    def add_linking_library(self, library: Any) -> None:
        """Note a library that this one calls."""
        self._linking_libraries.append(library)

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Link all parts, optimise and make machine code."""
        self._codegen._check_llvm_bugs()
        _link(self._final_module, self._linking_libraries)
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)
        self._final_module.verify()
        self._finalize_final_module()
        for variable in self._final_module.global_variables:
            env = environment.lookup_environment(variable.name)
            if env is not None:
                self._codegen.set_env(variable.name, env)

    def serialize_using_object_code(self) -> Any:
        """Keep the machine code and the names it defines: nothing is ever linked with it again."""
        module = self._final_module
        defined = [value.name for value in module.functions if not value.is_declaration]
        stubs = "".join(f'define void @"{name}"() {{ ret void }}\n' for name in defined)
        names = llvm.parse_assembly(f'target triple = "{module.triple}"\n{stubs}')
        return self.name, "object", (self._get_compiled_object(), names.as_bitcode())


def _link(module: Any, libraries: list[Any]) -> None:
    """Link libraries and all they call into a module, each once."""
    seen: set[Any] = set()
    waiting = list(reversed(libraries))
    while waiting:
        library = waiting.pop()
        if library in seen:
            continue
        seen.add(library)
        if isinstance(library, Part):
            module.link_in(library.own_module(), preserve=True)
            waiting += reversed(library._linking_libraries)
        else:
            library._ensure_finalized()
            module.link_in(library._get_module_for_linking(), preserve=True)
