"""Assertions about what the server does not do yet, each under a name of the check's table `KNOWN`.

An entry says what should be. While it is in the table its assertion must fail; once it holds, the check fails until the entry is
taken out of the table, and from then on the assertion counts as any other.
"""


class KnownDefects:
    """The table of one check."""

    def __init__(self, said):
        self.said, self.met = said, set()

    def claim(self, name, assertion, *expected):
        """Runs an assertion that counts, unless it is listed; a listed one must fail by one of the expected exceptions."""
        self.met.add(name)
        if name not in self.said:
            assertion()
            return
        try:
            assertion()
        except (AssertionError, *expected) as error:
            print(f"known defect {name}: {self.said[name]} (now: {str(error).splitlines()[0][:160]})", flush=True)
            return
        raise AssertionError(f"the known defect {name} is mended: take it out of KNOWN ({self.said[name]})")

    def end(self):
        """An entry that nothing asks for is of no use."""
        unmet = set(self.said) - self.met
        assert not unmet, f"nothing is claimed for {unmet}"
