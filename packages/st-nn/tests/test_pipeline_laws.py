"""A description survives the way to plain values and back, whatever it describes."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as draw

from st.core import Registry
from st.nn import modules as m
from st.nn.discovery import MODULE_REGISTRY
from st.nn.init import Start
from st.nn.modules import Module, Named
from st.nn.pipeline import ModulePipelineBuilder
from st.nn.zspace_coherence import ZSpaceSequencer

names = draw.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True).filter("input".__ne__)
sizes = draw.integers(1, 50)
shares = draw.floats(0, 0.99)
positive = draw.floats(1e-9, 1)
yes_or_no = draw.booleans()
hows = draw.sampled_from(["concat", "add", "multiply"])
formulas = draw.sampled_from(["none", "tanh"])
starts = draw.none() | draw.sampled_from(get_args(Start))
window = {"kernel": sizes, "stride": sizes, "padding": sizes, "dilation": sizes, "groups": sizes}
pool = {"size": sizes, "stride": draw.none() | sizes, "padding": sizes}

FIELDS: dict[type[Module], dict[str, draw.SearchStrategy[object]]] = {
    m.Linear: {
        "out_features": sizes,
        "in_features": draw.none() | sizes,
        "bias": yes_or_no,
        "init": starts,
    },
    m.Flatten: {},
    m.Reshape: {"shape": draw.lists(draw.integers(1, 9), max_size=3).map(tuple)},
    m.Merge: {"how": hows},
    m.Affine: {"factor": shares, "offset": shares},
    m.Dropout: {"rate": shares},
    m.Relu: {},
    m.Tanh: {},
    m.Sigmoid: {},
    m.Silu: {},
    m.Softplus: {},
    m.Softmax: {},
    m.Gelu: {"approximate": formulas},
    m.LeakyRelu: {"slope": shares},
    m.LayerNorm: {"eps": positive},
    m.RmsNorm: {"eps": positive},
    m.BatchNorm: {"momentum": shares, "eps": positive},
    m.Embedding: {"n_rows": sizes, "width": sizes},
    m.Conv1d: {"out_channels": sizes, "bias": yes_or_no, "init": starts, **window},
    m.Conv2d: {"out_channels": sizes, "bias": yes_or_no, "init": starts, **window},
    m.MaxPool1d: pool,
    m.MaxPool2d: pool,
    m.AvgPool1d: pool,
    m.AvgPool2d: pool,
    m.GlobalAvgPool: {},
    m.LastStep: {},
    m.Lstm: {"hidden": sizes},
    m.Gru: {"hidden": sizes},
    m.Positions: {},
    m.LearnedPositions: {},
    m.MultiHeadAttention: {"heads": sizes, "causal": yes_or_no},
    m.TransformerBlock: {
        "heads": sizes,
        "expansion": sizes,
        "causal": yes_or_no,
        "approximate": formulas,
        "dropout": shares,
    },
    ZSpaceSequencer: {
        "heads": sizes,
        "bands": sizes,
        "taps": draw.none() | draw.integers(16, 64),
        "orders": draw.permutations([0.0, 1.0, -0.5]).map(tuple),
        "resonators": draw.integers(0, 8),
        "resonator_init": shares,
        "curvature": shares,
        "learn_curvature": yes_or_no,
        "radius": positive,
        "horizon": draw.integers(2, 600),
        "chunk": draw.integers(8, 256),
        "causal": yes_or_no,
    },
}
"""What to draw for the fields of each module that holds no other."""

CONTAINERS = {m.Sequential, m.Residual, m.Parallel}

leaves = draw.one_of(draw.builds(of, **fields) for of, fields in FIELDS.items())


@draw.composite
def linked(draw_value: draw.DrawFn, module: draw.SearchStrategy[Module]) -> tuple[Module, ...]:
    """Draw modules, some with names, some fed by names before them."""
    known = ["input"]
    made: list[Module] = []
    for inner in draw_value(draw.lists(module, min_size=1, max_size=4)):
        name = draw_value(
            draw.just("") | names.filter(lambda name, known=tuple(known): name not in known)
        )
        inputs = draw_value(draw.lists(draw.sampled_from(known), max_size=2))
        known += [name] * bool(name)
        is_plain = not name and not inputs
        made.append(inner if is_plain else Named(module=inner, name=name, inputs=tuple(inputs)))
    return tuple(made)


nested = draw.recursive(
    leaves,
    lambda inner: draw.one_of(
        draw.builds(m.Sequential, modules=linked(inner)),
        draw.builds(m.Residual, modules=linked(inner)),
        draw.builds(m.Parallel, modules=linked(inner), how=hows),
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(draw.text(max_size=9), draw.lists(draw.integers(1, 9), max_size=3), linked(nested))
def test_description_survives_the_way_there_and_back(
    name: str, shape: list[int], described: tuple[Module, ...]
) -> None:
    with Registry(environ={}, allow=["st-nn"]) as registry:
        registry.discover()
        known = registry.get_service(MODULE_REGISTRY)
        builder = ModulePipelineBuilder(known).with_name(name).input(*shape)
        for module in described:
            builder.add(module)

        assert ModulePipelineBuilder.from_config(builder.to_config(), known) == builder
        assert ModulePipelineBuilder.from_toml(builder.to_toml(), known) == builder
        assert ModulePipelineBuilder.from_json(builder.to_json(), known) == builder


def test_every_module_and_every_field_is_drawn(registry: Registry) -> None:
    known = registry.get_service(MODULE_REGISTRY)
    metadata = [known.get_metadata(name) for name in known.list_modules()]
    offered = {
        known.schema_of(found.module_type)
        for found in metadata
        if found.category.is_part_of_a_pipeline
    }

    assert {*FIELDS, *CONTAINERS} == offered
    for of, fields in FIELDS.items():
        assert set(fields) == set(of.__struct_fields__)


@pytest.mark.parametrize("of", FIELDS, ids=lambda of: of.__name__)
@settings(max_examples=5, deadline=None)
@given(data=draw.data())
def test_module_alone_survives(of: type[Module], data: draw.DataObject) -> None:
    module = data.draw(draw.builds(of, **FIELDS[of]))
    with Registry(environ={}, allow=["st-nn"]) as registry:
        registry.discover()
        known = registry.get_service(MODULE_REGISTRY)

        made, faults = known.make(known.describe(module))

        assert (made, faults) == (module, ())
