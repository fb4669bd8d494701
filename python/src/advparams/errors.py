"""What can go wrong. Every error says in `hint` what to do about it."""

from __future__ import annotations


class AdvparamsError(Exception):
    """The base of all errors of this package."""

    hint = ""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.hint = hint or self.hint

    def __str__(self) -> str:
        problem = super().__str__()
        return f"{problem} ({self.hint})" if self.hint else problem


class WrongIdentity(AdvparamsError):
    """No identity, or not this passphrase, opens the key."""

    hint = "give the identity that belongs to a recipient of the key; a damaged header looks the same"


class TooMuchWork(WrongIdentity):
    """The key asks for more work to try a passphrase than is allowed."""

    hint = "make sure that you know who made this key, then raise max_work_factor"


class DamagedKey(AdvparamsError):
    """The file is no key, or no longer: truncated, altered, or in contradiction with itself."""

    hint = "get the key again from where it was written: a damaged key cannot be repaired"


class NewerKey(DamagedKey):
    """The key has a version, step or field that this package does not know."""

    hint = "a newer advparams may have written it: update this package"


class WrongModel(AdvparamsError):
    """A file is not the one that the key is for."""

    hint = "give the locked model and the key that were written together, as they were written"


class RuntimeTooOld(AdvparamsError):
    """This onnxruntime, or this system, cannot load the model without writing it to a disk."""

    hint = "update onnxruntime"
