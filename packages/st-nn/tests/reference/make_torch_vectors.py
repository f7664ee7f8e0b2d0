"""Write torch_vectors.npz: what PyTorch's modules give, and their gradients, one by one.

    python make_torch_vectors.py torch_vectors.npz

Needs PyTorch (made with 2.13.0+cpu), imported only when this runs; the tests need only the file.
Everything is computed in float64 from float32 numbers, and stored as float32. Names in the file are
`case/x`, `case/dy`, `case/y`, `case/dx`, and `case/value.NAME`, `case/gradient.NAME` for each
parameter, all in our layouts: channels last, weights `(in, out)`.
"""

import sys

import numpy as np


def cases(torch):
    """Return for each case the input's shape, our parameters, and the forward in PyTorch."""
    from torch.nn import functional as f

    def filtered(x, p, **options):
        x = x if x.ndim == 4 else x[..., None]
        kernel = p["weight"].permute(3, 2, 0, 1)
        return f.conv2d(x.movedim(3, 1), kernel, p.get("bias"), **options).movedim(1, 3)

    def pooled(function):
        return lambda x, p: function(x.movedim(3, 1), 2).movedim(1, 3)

    def windows(function, size, stride, padding=0):
        return lambda x, p: function(x.movedim(-1, 1), size, stride, padding).movedim(1, -1)

    def filtered_rows(x, p, **options):
        kernel = p["weight"].permute(2, 1, 0)
        return f.conv1d(x.mT, kernel, p.get("bias"), **options).mT

    def recurrent(of, n_gates):
        def forward(x, p):
            cell = of(x.shape[2], 4, batch_first=True, dtype=x.dtype)
            given = {
                "weight_ih_l0": p["input_weight"].T,
                "weight_hh_l0": p["hidden_weight"].T,
                "bias_ih_l0": p["input_bias"],
                "bias_hh_l0": p["hidden_bias"],
            }
            return torch.func.functional_call(cell, given, x)[0]

        shapes = {
            "input_weight": (6, 4 * n_gates),
            "hidden_weight": (4, 4 * n_gates),
            "input_bias": (4 * n_gates,),
            "hidden_bias": (4 * n_gates,),
        }
        return (3, 7, 6), shapes, forward

    def waves(x, p):
        # Element by element, as Vaswani et al. 2017, section 3.5, write it.
        made = torch.zeros(x.shape[1:], dtype=x.dtype)
        for place in range(x.shape[1]):
            for i in range(0, x.shape[2], 2):
                angle = torch.tensor(place / 10000 ** (i / x.shape[2]), dtype=x.dtype)
                made[place, i], made[place, i + 1] = angle.sin(), angle.cos()
        return x + made

    def attended(x, p, causal, prefix=""):
        def part(name, x):
            return x @ p[f"{prefix}{name}.weight"] + p[f"{prefix}{name}.bias"]

        q, k, v = (
            part(name, x).unflatten(-1, (2, -1)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        y = f.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return part("output", y.transpose(1, 2).flatten(2))

    def block(x, p):
        def norm(name, x):
            return f.layer_norm(x, (6,), p[f"{name}.scale"], p[f"{name}.shift"])

        x = x + attended(norm("first_norm", x), p, True, "attention.")
        y = norm("second_norm", x) @ p["wide.weight"] + p["wide.bias"]
        y = f.gelu(y)
        return x + y @ p["narrow.weight"] + p["narrow.bias"]

    heads = {
        f"{name}.{kind}": shape
        for name in ("query", "key", "value", "output")
        for kind, shape in (("weight", (6, 6)), ("bias", (6,)))
    }
    norms = {
        f"{name}.{kind}": (6,)
        for name in ("first_norm", "second_norm")
        for kind in ("scale", "shift")
    }
    mlp = {
        "wide.weight": (6, 12),
        "wide.bias": (12,),
        "narrow.weight": (12, 6),
        "narrow.bias": (6,),
    }
    rows = (4, 5, 6)
    return {
        "linear": (
            rows,
            {"weight": (6, 3), "bias": (3,)},
            lambda x, p: x @ p["weight"] + p["bias"],
        ),
        "flatten": (rows, {}, lambda x, p: x.flatten(1)),
        "reshape": (rows, {}, lambda x, p: x.reshape(4, 2, 15)),
        "affine": (rows, {}, lambda x, p: x * 2.5 - 0.5),
        "merge": (rows, {}, lambda x, p: x * 1),
        "dropout": (rows, {}, lambda x, p: f.dropout(x, 0.0)),
        "sequential": (
            rows,
            {"0.weight": (6, 4), "0.bias": (4,)},
            lambda x, p: torch.tanh(x @ p["0.weight"] + p["0.bias"]),
        ),
        "positions": (rows, {}, waves),
        "relu": (rows, {}, lambda x, p: f.relu(x)),
        "tanh": (rows, {}, lambda x, p: torch.tanh(x)),
        "sigmoid": (rows, {}, lambda x, p: torch.sigmoid(x)),
        "gelu": (rows, {}, lambda x, p: f.gelu(x)),
        "gelu-tanh": (rows, {}, lambda x, p: f.gelu(x, approximate="tanh")),
        "silu": (rows, {}, lambda x, p: f.silu(x)),
        "softplus": (rows, {}, lambda x, p: f.softplus(x)),
        "leaky_relu": (rows, {}, lambda x, p: f.leaky_relu(x, 0.1)),
        "softmax": (rows, {}, lambda x, p: f.softmax(x, -1)),
        "layer_norm": (
            rows,
            {"scale": (6,), "shift": (6,)},
            lambda x, p: f.layer_norm(x, (6,), p["scale"], p["shift"]),
        ),
        "rms_norm": (rows, {"scale": (6,)}, lambda x, p: f.rms_norm(x, (6,), p["scale"], 1e-5)),
        "embedding": ((4, 5), {"weight": (7, 3)}, lambda x, p: f.embedding(x.long(), p["weight"])),
        "conv2d": ((2, 6, 7, 3), {"weight": (3, 3, 3, 4), "bias": (4,)}, filtered),
        "conv2d-grey": ((2, 6, 7), {"weight": (3, 3, 1, 4), "bias": (4,)}, filtered),
        "conv2d-options": (
            (2, 9, 8, 4),
            {"weight": (3, 3, 2, 6)},
            lambda x, p: filtered(x, p, stride=2, padding=2, dilation=2, groups=2),
        ),
        "maxpool": ((2, 6, 8, 3), {}, pooled(f.max_pool2d)),
        "maxpool-overlapping": ((2, 7, 8, 3), {}, windows(f.max_pool2d, 3, 2)),
        "avgpool": ((2, 6, 8, 3), {}, pooled(f.avg_pool2d)),
        "avgpool-overlapping": ((2, 7, 8, 3), {}, windows(f.avg_pool2d, 3, 1)),
        "maxpool-padded": ((2, 6, 8, 3), {}, windows(f.max_pool2d, 3, 2, 1)),
        "avgpool-padded": ((2, 6, 8, 3), {}, windows(f.avg_pool2d, 3, 2, 1)),
        "maxpool1d-padded": ((2, 6, 3), {}, windows(f.max_pool1d, 3, 2, 1)),
        "avgpool1d-padded": ((2, 6, 3), {}, windows(f.avg_pool1d, 3, 2, 1)),
        "conv1d": ((2, 7, 3), {"weight": (3, 3, 4), "bias": (4,)}, filtered_rows),
        "conv1d-options": (
            (2, 12, 4),
            {"weight": (3, 2, 6)},
            lambda x, p: filtered_rows(x, p, stride=2, padding=2, dilation=2, groups=2),
        ),
        "maxpool1d": ((2, 6, 3), {}, lambda x, p: f.max_pool1d(x.mT, 2).mT),
        "maxpool1d-overlapping": ((2, 7, 3), {}, lambda x, p: f.max_pool1d(x.mT, 3, 2).mT),
        "avgpool1d": ((2, 6, 3), {}, lambda x, p: f.avg_pool1d(x.mT, 2).mT),
        "avgpool1d-overlapping": ((2, 7, 3), {}, lambda x, p: f.avg_pool1d(x.mT, 3, 1).mT),
        "global_avgpool": (rows, {}, lambda x, p: x.mean(1)),
        "global_avgpool-images": ((2, 4, 5, 3), {}, lambda x, p: x.mean((1, 2))),
        "last_step": (rows, {}, lambda x, p: x[:, -1]),
        "lstm": recurrent(torch.nn.LSTM, 4),
        "gru": recurrent(torch.nn.GRU, 3),
        "learned_positions": (rows, {"weight": (5, 6)}, lambda x, p: x + p["weight"]),
        "attention": (rows, heads, lambda x, p: attended(x, p, False)),
        "attention-causal": (rows, heads, lambda x, p: attended(x, p, True)),
        "transformer_block": (
            rows,
            {f"attention.{name}": shape for name, shape in heads.items()} | norms | mlp,
            block,
        ),
        "residual": (
            rows,
            {"0.weight": (6, 6), "0.bias": (6,)},
            lambda x, p: x + torch.tanh(x @ p["0.weight"] + p["0.bias"]),
        ),
        "parallel": (
            rows,
            {"0.weight": (6, 2)},
            lambda x, p: torch.cat([x @ p["0.weight"], torch.tanh(x)], -1),
        ),
    }


def main() -> None:
    """Write the file named on the command line."""
    import torch

    generator = np.random.default_rng(11)
    found = {}
    for name, (shape, parameters, forward) in cases(torch).items():
        drawn = generator.normal(0, 1.5, shape)
        if name == "embedding":
            drawn = generator.integers(0, 7, shape).astype(float)
        x = torch.tensor(drawn.astype(np.float32).astype(float), requires_grad=True)
        p = {
            key: torch.tensor(
                generator.normal(0, 0.5, size).astype(np.float32).astype(float), requires_grad=True
            )
            for key, size in parameters.items()
        }
        y = forward(x, p)
        dy = torch.tensor(generator.normal(size=tuple(y.shape)).astype(np.float32).astype(float))
        y.backward(dy)
        found |= {f"{name}/x": x, f"{name}/dy": dy, f"{name}/y": y}
        if x.grad is not None:
            found[f"{name}/dx"] = x.grad
        for key, value in p.items():
            found |= {f"{name}/value.{key}": value, f"{name}/gradient.{key}": value.grad}
    arrays = {key: value.detach().numpy().astype(np.float32) for key, value in found.items()}
    np.savez_compressed(sys.argv[1], **arrays)


if __name__ == "__main__":
    main()
