"""What needs PyTorch is collected only when it is named: `tox -e peers` does."""

collect_ignore_glob = ["*.py"]
