"""Counts in sentences."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """`1 run`, `2,000 runs`; the noun takes a plain s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
