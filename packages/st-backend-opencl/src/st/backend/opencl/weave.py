"""The text of a kernel for several calls: each element is read once, and written once at the end.

A group without rows is one loop. One that reduces rows is a loop over the rows with several loops
over the columns of a row in it: what comes after a sum of the row belongs to the next loop. What
one loop hands to the next lies in a scratch row, or in memory where it has to go anyway.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from st.backend.opencl import elementwise, expression
from st.backend.opencl.groups import columns_beside, is_reduction, walked
from st.backend.opencl.reduce import STARTS
from st.backend.opencl.source import CTYPES, KernelSource, Parameter
from st.backend.opencl.space import Place, Shape, place_of
from st.backend.opencl.steps import carried, repeatable, steps
from st.core.backend import Call, Const, Storage, View, kernels

LONGEST_NAME = 60

Key = tuple[Storage, Place]


@dataclass
class Woven:
    """A kernel of several calls, and what it is to be called with."""

    space: Shape
    n_columns: int
    """Length of the rows that are reduced; 1 when none is."""
    inner: set[Storage]
    """Temporaries that need no memory outside the group."""
    backend: str
    """Name under which plugins register expressions."""
    operands: dict[Key, View] = field(default_factory=dict)
    """Views that come from memory or go there: parameters p0, p1, …"""
    tables: dict[int, View] = field(default_factory=dict)
    """Operands whose rows are picked by index, as the calls have them, by their number."""
    scratch: dict[Storage, str] = field(default_factory=dict)
    """Storages with a row of memory for each share of rows, and their dtypes: q0, q1, …"""
    constants: list[Const] = field(default_factory=list)
    """c0, c1, …: they may differ between batch sizes, so the text does not hold them."""
    source: KernelSource = field(init=False)
    _late: set[Storage] = field(default_factory=set)
    """Storages that one loop hands to a later one."""
    _again: dict[Storage, Call] = field(default_factory=dict)
    """Those that each loop works out for itself, and how."""
    _functions: dict[str, None] = field(default_factory=dict)
    """Definitions of the functions the text uses, in order."""
    _rows: dict[Storage, str] = field(default_factory=dict)
    """Variables that hold one number for each row."""
    _vectors: dict[Key, str] = field(default_factory=dict)
    """Variables that hold a vector of the loop being written."""
    _even: dict[str, None] = field(default_factory=dict)
    """What holds of the distances of columns where whole vectors may be taken."""
    _n_variables: int = 0

    # -- loops ------------------------------------------------------------------------------

    def write(self, calls: Sequence[Call]) -> None:
        """Write the kernel that does `calls`, a group in order."""
        found = steps(calls, self.space, self.n_columns)
        late = carried(found)
        self._again = repeatable(found, late & self.inner)
        self._late = late - self._again.keys()
        lines: list[str] = []
        for phase in range(-1, max(step.phase for step in found) + 1):
            at = [step for step in found if step.phase == phase]
            if looped := [step.call for step in at if not step.is_row]:
                lines += self._loop(looped)
            lines += self._between([step.call for step in at if step.is_row])
        self.source = self._kernel(calls, lines)

    def _loop(self, calls: Sequence[Call]) -> list[str]:
        """Return a loop over the columns of a row, with what its reductions leave behind it."""
        self._vectors = {}
        before: list[str] = []
        body: list[str] = []
        after: list[str] = []
        written: dict[Key, tuple[View, str]] = {}
        for call in calls:
            (out,) = call.outputs
            made = self._made(call, body, is_row=False)
            if is_reduction(call):
                start, line, total = self._total(call, made)
                before.append(start)
                body.append(line)
                after.append(total)
            else:
                name = self._variable("t")
                body.append(f"const v_{_ctype(out)} {name} = {made};  // {call.op}")
                key = self._key(out)
                self._vectors[key] = name
                written[key] = out, name
        for key, (view, name) in written.items():
            if view.storage not in self.inner or view.storage in self._late:
                pointer, stride = self._address(key, view)
                body.append(f"STORE({_ctype(view)}, {pointer}, {stride}, {name});")
                self._even[f"{stride} == 1"] = None
        return [
            *before,
            "{",
            "  long column = columns.begin;",
            "  for (; W > 1 && is_even && column + W <= columns.end; column += W) {",
            *(f"    {_with(line, 'FULL')}" for line in body),
            "  }",
            "  for (; column < columns.end; column += columns.step) {",
            "    const int n = lanes_left(columns.end - column);",
            *(f"    {_with(line, 'PART')}" for line in body),
            "  }",
            "}",
            *after,
            *self._stored([call for call in calls if is_reduction(call)]),
        ]

    def _between(self, calls: Sequence[Call]) -> list[str]:
        """Return what is done once for each row; every lane holds the same number."""
        lines: list[str] = []
        for call in calls:
            (out,) = call.outputs
            made = self._made(call, lines, is_row=True)
            name = self._rows[out.storage] = self._variable("r")
            lines.append(f"const v_{_ctype(out)} {name} = {made};  // {call.op}")
        return lines + self._stored(calls)

    def _total(self, call: Call, made: str) -> tuple[str, str, str]:
        """Return the lines of a reduction of `made`: before, in and after the loop."""
        (out,) = call.outputs
        ctype = _ctype(out)
        is_sum = call.op == "sum"
        start = "0" if is_sum else STARTS[out.spec.dtype]
        combine = "ADD" if is_sum else "MAXIMUM"
        self._functions[f"DEFINE_KEEP({ctype})"] = None
        self._functions[f"DEFINE_TOTAL({call.op}_{ctype}, {ctype}, {combine})"] = None
        part, kept = self._variable("part"), self._variable("k")
        name = self._rows[out.storage] = self._variable("r")
        return (
            f"v_{ctype} {part} = (v_{ctype})({start});",
            f"const v_{ctype} {kept} = KEEP({ctype}, {made}, {start}); "
            f"{part} = {combine}({part}, {kept});  // {call.op}",
            f"const v_{ctype} {name} = TOTAL({call.op}_{ctype}, {ctype}, {part});",
        )

    def _stored(self, calls: Sequence[Call]) -> list[str]:
        """Return the lines that bring results for rows to memory, where somebody wants them."""
        lines = []
        for view in {call.outputs[0].storage: call.outputs[0] for call in calls}.values():
            if view.storage not in self.inner:
                pointer = f"a{self._operand(self._key(view), view)}"
                name = self._rows[view.storage]
                lines.append(f"  store_{_ctype(view)}({pointer}, 1, 1, {name});")
        return ["ONCE {", *lines, "}"] if lines else []

    # -- operands ---------------------------------------------------------------------------

    def _made(self, call: Call, lines: list[str], *, is_row: bool) -> str:
        """Return what a call computes (a reduction: of what), after the lines that load it."""
        if call.op == "take":
            return self._picked(call, lines, is_row=is_row)
        names = [self._read(x, lines, is_row=is_row) for x in call.inputs]
        return names[0] if is_reduction(call) else self._expression(call, names)

    def _picked(self, call: Call, lines: list[str], *, is_row: bool) -> str:
        """Return rows of a table, picked by index."""
        table, indices = (each.view for each in walked(call)[:2])
        rows = self._read(indices, lines, is_row=is_row)
        n = self._operand(self._key(table), table)
        whole = call.inputs[0]
        assert isinstance(whole, View)
        self.tables[n] = whole
        name = f"{_ctype(table)}, {_ctype(indices)}"
        self._functions[f"DEFINE_PICK({name})"] = None
        at = f"a{n}, 0" if is_row else f"a{n} + column * s{n}.s7, s{n}.s7"
        what = f"{name.replace(', ', '_')}, {at}, m{n}, l{n}, {rows}"
        return f"FULL_PICK({what})" if is_row else f"PICK({what})"

    def _read(self, x: View | Const, lines: list[str], *, is_row: bool) -> str:
        """Return the variable that holds an operand, loading it first where there is none."""
        if isinstance(x, Const):
            self.constants.append(x)
            return f"(v_{CTYPES[x.spec.dtype]})(c{len(self.constants) - 1})"
        if x.storage in self._rows:
            return self._rows[x.storage]
        key = self._key(x)
        if not is_row and key in self._vectors:
            return self._vectors[key]
        if x.storage in self._again:
            made = self._made(self._again[x.storage], lines, is_row=False)
            name = self._vectors[key] = self._variable("t")
            lines.append(f"const v_{_ctype(x)} {name} = {made};  // again")
            return name
        name, ctype = self._variable("x"), _ctype(x)
        if is_row:
            lines.append(f"const v_{ctype} {name} = load_{ctype}(a{self._operand(key, x)}, 0, W);")
            return name
        pointer, stride = self._address(key, x)
        # A guess from the axis that is last now; where it fails, the slower loop does all.
        is_same = bool(key[1][1]) and key[1][1][-1] == 0
        load = "SAME" if is_same else "LOAD"
        lines.append(f"const v_{ctype} {name} = {load}({ctype}, {pointer}, {stride});")
        self._even[f"{stride} == {0 if is_same else 1}"] = None
        self._vectors[key] = name
        return name

    def _address(self, key: Key, view: View) -> tuple[str, str]:
        """Return where the vector at this column begins, and how far apart its elements lie."""
        if view.storage in self.inner:
            self.scratch.setdefault(view.storage, view.spec.dtype)
            return f"b{list(self.scratch).index(view.storage)} + column", "1"
        n = self._operand(key, view)
        return f"a{n} + column * s{n}.s7", f"s{n}.s7"

    def _operand(self, key: Key, view: View) -> int:
        self.operands.setdefault(key, view)
        return list(self.operands).index(key)

    def _key(self, view: View) -> Key:
        beside = columns_beside(view, self.space, self.n_columns)
        return view.storage, place_of(self.space, view, beside)

    def _variable(self, letter: str) -> str:
        self._n_variables += 1
        return f"{letter}{self._n_variables}"

    # -- text -------------------------------------------------------------------------------

    def _expression(self, call: Call, names: Sequence[str]) -> str:
        """Return what an elementwise call computes, over the names of variables."""
        (out,) = call.outputs
        added = kernels.get(call.op, self.backend)
        if isinstance(added, str):
            template = expression.with_attributes(added, call)
        else:
            op = call.attr("relation") if call.op == "compare" else call.op
            dtypes = [x.spec.dtype for x in call.inputs]
            template = elementwise.expression(op, dtypes, out.spec.dtype)
        given = dict(zip("xyz", names, strict=False))
        return re.sub(
            r"\b[xyz]\b", lambda found: given[found[0]], template.replace("TYPE", _ctype(out))
        )

    def _kernel(self, calls: Sequence[Call], lines: Sequence[str]) -> KernelSource:
        """Return the whole kernel around the lines for one row."""
        ops = dict.fromkeys(re.sub(r"\W", "_", call.op) for call in calls)
        name = "_".join(["fused", *ops])[:LONGEST_NAME]
        parameters, takes, pointers = ["const long8 shape"], ["long8"], []
        for n, view in enumerate(self.operands.values()):
            parameters.append(f"__global {_ctype(view)} *p{n}, const long o{n}, const long8 s{n}")
            takes += ["buffer", "long", "long8"]
            pointers.append(f"__global {_ctype(view)} *a{n} = p{n} + o{n} + along(index, s{n});")
            if n in self.tables:
                parameters.append(f"const long m{n}, const long l{n}")
                takes += ["long", "long"]
        for n, ctype in enumerate(CTYPES[dtype] for dtype in self.scratch.values()):
            parameters.append(f"__global {ctype} *q{n}")
            takes.append("buffer")
            pointers.append(f"__global {ctype} *b{n} = q{n} + get_global_id(1) * columns.end;")
        for n, constant in enumerate(self.constants):
            parameters.append(f"const {CTYPES[constant.spec.dtype]} c{n}")
            takes.append(constant.spec.dtype)
        has_totals = any(each.startswith("DEFINE_TOTAL") for each in self._functions)
        even = [each for each in self._even if not each.startswith("1 ")]
        text = [
            *self._functions,
            f"WORK_GROUP __kernel void {name}(",
            ",\n".join(f"    {each}" for each in parameters) + ") {",
            *(["  SHARED;"] if has_totals else []),
            f"  const int is_even = {' && '.join(even) or '1'};",
            "  const Share rows = share(count_rows(shape), 1, 1), columns = share(shape.s7, W, 0);",
            "  for (long row = rows.begin; row < rows.end; row += rows.step) {",
            "    const long8 index = position(row, shape);",
            *(f"    {line}" for line in [*pointers, *lines]),
            "  }",
            "}\n",
        ]
        generated = "\n".join(text)
        needs_math = ["math"] if "st_" in generated else []
        files = (*needs_math, *(["total"] if has_totals else []), "fused")
        kinds: tuple[Parameter, ...] = tuple(takes)  # type: ignore[arg-type]  # dtypes are kinds
        return KernelSource(name, files, (), kinds, generated)


def weave(
    calls: Sequence[Call], space: Shape, n_columns: int, inner: set[Storage], backend: str
) -> Woven:
    """Return the kernel that does `calls`, a group in order, in one go; see `Woven`."""
    made = Woven(space, n_columns, inner, backend)
    made.write(calls)
    return made


def _ctype(view: View) -> str:
    return CTYPES[view.spec.dtype]


def _with(line: str, lanes: Literal["FULL", "PART"]) -> str:
    """Return a line of a loop for whole vectors of even operands, or for what is left."""
    return re.sub(r"\b(LOAD|SAME|STORE|KEEP|PICK)\(", rf"{lanes}_\1(", line)
