"""What measures other systems imports them: tools/bench.py runs it, and nobody collects it."""

collect_ignore_glob = ["nn_*.py"]
