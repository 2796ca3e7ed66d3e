"""Proof that a strategy does not look ahead: with another future it must have sent the same."""

from experiments.lookahead.alter import Cut, Future
from experiments.lookahead.prove import POINTS, Offence, Proof, prove
from experiments.lookahead.specs import prove_spec

__all__ = ["POINTS", "Cut", "Future", "Offence", "Proof", "prove", "prove_spec"]
