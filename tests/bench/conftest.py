"""Which files of this folder are not modules of this environment."""

# They run in the peers' environment only; collecting their doctests would import the peers here.
collect_ignore = ["peer_hftbacktest.py", "peer_nautilus.py"]
