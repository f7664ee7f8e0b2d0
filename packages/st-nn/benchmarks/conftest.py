"""What measures other systems imports them: it is run by tools/bench.py, and collected by nobody."""

collect_ignore_glob = ["nn_*.py"]
