"""Write torch_schedules.json: the rates PyTorch's schedules give, 4 steps an epoch, 6 epochs.

    python make_torch_schedules.py > torch_schedules.json

Needs PyTorch (made with 2.13.0+cpu), imported only when this runs; the tests need only the file.
"""

import json
import sys

N_PER_EPOCH, N_EPOCHS = 4, 6


def rates(torch, make, every_step: bool) -> list[float]:
    """Return the rate of each step of an optimizer whose own rate is 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(torch.optim.lr_scheduler, optimizer)
    found = []
    for step in range(1, N_EPOCHS * N_PER_EPOCH + 1):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if (every_step or step % N_PER_EPOCH == 0) and step < N_EPOCHS * N_PER_EPOCH:
            schedule.step()
    return found


def main() -> None:
    """Write the rates of each schedule to standard output."""
    import torch

    n = N_EPOCHS * N_PER_EPOCH
    found = {
        "constant": rates(torch, lambda s, o: s.ConstantLR(o, 1.0), True),
        "step_decay": rates(torch, lambda s, o: s.StepLR(o, 2, 0.3), False),
        "exponential_decay": rates(torch, lambda s, o: s.ExponentialLR(o, 0.7), False),
        "linear_decay": rates(torch, lambda s, o: s.LinearLR(o, 1.0, 0.1, n), True),
        "cosine": rates(torch, lambda s, o: s.CosineAnnealingLR(o, n, 0.1), True),
        "one_cycle": rates(torch, lambda s, o: s.OneCycleLR(o, 1.0, n, cycle_momentum=False), True),
        "one_cycle-options": rates(
            torch,
            lambda s, o: s.OneCycleLR(
                o, 1.0, n, pct_start=0.2, div_factor=10, final_div_factor=100, cycle_momentum=False
            ),
            True,
        ),
    }
    json.dump({"torch": torch.__version__, **found}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
