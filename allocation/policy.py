"""The policy: what fair means in this run, chosen by a person and published with the result."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from allocation.errors import InputError

FAIRNESSES: Final = ("line", "basket")
RULES: Final = ("max_min", "proportional", "equal_losses", "talmud", "priority")
INSIDE_RULES: Final = ("max_min", "proportional", "equal_losses", "talmud")
ROUNDINGS: Final = ("none", "adams", "dean", "huntington_hill", "webster", "jefferson")
_SEED: Final = re.compile(r"[0-9a-fA-F]{64}")
_VERSIONS: Final = ("score_version", "forecast_version")
_VERSION: Final = re.compile(r"[0-9A-Za-z._:+-]{1,128}")


@dataclass(frozen=True)
class FirstCome:
    """Whoever asked first is served first: the baseline that comparisons show, and never a policy to allocate by."""

    def as_dict(self) -> dict[str, str]:
        """Return what stands in its policy file."""
        return {"fairness": "line", "rule": "first_come"}


@dataclass(frozen=True)
class Policy:
    """How supply is shared; checked when it is made.

    Parameters
    ----------
    fairness
        ``line``: the claimants are the order lines, but for SKUs with a label in the supply's column ``basket``;
        ``basket``: retailers with their whole order.
    rule
        One of ``max_min``, ``proportional``, ``equal_losses``, ``talmud``, ``priority``.
    rounding
        One of ``webster``, ``adams``, ``dean``, ``huntington_hill``, ``jefferson``, or ``none`` for exact fractions.
    seed
        64 hexadecimal digits, the lottery among equals; needed by :func:`allocation.solve` unless rounding is ``none``.
    inside
        The rule within a tier; only with ``priority``, ``max_min`` where absent.
    score_version, forecast_version
        Which scores and which forecast the weights come from. They decide nothing; the certificate repeats them.

    Raises
    ------
    InputError
        For a value that is not one of these.
    """

    fairness: str = "line"
    rule: str = "max_min"
    rounding: str = "webster"
    seed: str | None = None
    inside: str | None = None
    score_version: str | None = None
    forecast_version: str | None = None

    def __post_init__(self) -> None:
        """Check every value and write the seed in small letters."""
        self._check("fairness", self.fairness, FAIRNESSES)
        self._check("rule", self.rule, RULES)
        self._check("rounding", self.rounding, ROUNDINGS)
        if self.inside is not None:
            if self.rule != "priority":
                raise InputError(
                    "policy.toml", "only with rule = priority; take it out", column="inside", value=self.inside
                )
            self._check("inside", self.inside, INSIDE_RULES)
        if self.seed is not None:
            if not _SEED.fullmatch(self.seed):
                raise InputError("policy.toml", "a seed is 64 hexadecimal digits", column="seed", value=self.seed)
            object.__setattr__(self, "seed", self.seed.lower())
        for key in _VERSIONS:
            version = getattr(self, key)
            if version is not None and not _VERSION.fullmatch(version):
                what = "a version is up to 128 letters, digits or . _ : + -"
                raise InputError("policy.toml", what, column=key, value=version)

    @staticmethod
    def _check(key: str, value: str, allowed: tuple[str, ...]) -> None:
        if value not in allowed:
            hint = "is a baseline for comparisons only; " if value == "first_come" else ""
            raise InputError("policy.toml", f"{hint}use one of {', '.join(allowed)}", column=key, value=value)

    @property
    def rule_inside(self) -> str:
        """The rule that compares two lines of one tier."""
        return (self.inside or "max_min") if self.rule == "priority" else self.rule

    def with_seed(self, seed: str | None) -> "Policy":
        """Return this policy with another seed; itself where `seed` is None."""
        return self if seed is None else replace(self, seed=seed)

    def seed_bytes(self) -> bytes:
        """Return the 32 bytes of the seed.

        Raises
        ------
        InputError
            Where there is none.
        """
        if self.seed is None:
            raise InputError(
                "policy.toml", 'a seed is needed for whole packs: seed = "64 hexadecimal digits"', column="seed"
            )
        return bytes.fromhex(self.seed)

    def as_dict(self) -> dict[str, str]:
        """Return what stands in ``policy.toml`` and in the certificate: every key that has a value."""
        keys = ("fairness", "rule", "rounding", "inside", "seed", *_VERSIONS)
        return {key: value for key in keys if (value := getattr(self, key)) is not None}

    @classmethod
    def from_mapping(cls, keys: Mapping[str, Any], table: str = "policy.toml") -> "Policy":
        """Make a policy of the keys of a file; unknown keys and values that are no text are refused."""
        for key, value in keys.items():
            if key not in cls.__dataclass_fields__:
                known = ", ".join(cls.__dataclass_fields__)
                raise InputError(table, f"unknown key; known are {known}", column=key, value=str(value))
            if not isinstance(value, str):
                raise InputError(table, f'a text is needed: {key} = "…"', column=key, value=str(value))
        try:
            return cls(**keys)
        except InputError as error:
            error.table = table
            raise

    @classmethod
    def from_toml(cls, text: str, table: str = "policy.toml") -> "Policy":
        """Read the text of a policy file."""
        return cls.from_mapping(_keys(text, table), table)

    def to_toml(self) -> str:
        """Return the text of a policy file."""
        return "".join(f'{key} = "{value}"\n' for key, value in self.as_dict().items())


def compared_policy(text: str, table: str) -> Policy | FirstCome:
    """Read a policy file for a comparison, where ``first_come`` is known too; no other key matters to it."""
    keys = _keys(text, table)
    if keys.get("rule") != "first_come":
        return Policy.from_mapping(keys, table)
    Policy.from_mapping(keys | {"rule": "max_min"}, table)
    return FirstCome()


def _keys(text: str, table: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(table, f'not a policy: {error}; write one key a line, such as rule = "max_min"') from error
