"""Which files of this folder are not tests' modules."""

# Runs in the peers' environment only; collecting its doctests would import hftbacktest here.
collect_ignore = ["peer_hftbacktest.py"]
