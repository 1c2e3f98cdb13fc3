"""How many replicates a sweep takes: a number, or a design of planned looks."""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from rnnsweep.options import Count, Natural, Section, fault


class Design(Section):
    """Replicates in planned looks: who is settled at a look gets no more of them."""

    first: Count = Field(
        default=6, description="replicates of each architecture at the first look", examples=[6]
    )
    most: Count = Field(
        default=30, description="replicates of each that the last look may have", examples=[30]
    )
    looks: Count = Field(
        default=3,
        description="comparisons while replicates are trained; after each, undecided networks get more",
        examples=[3],
    )

    @model_validator(mode="after")
    def _check_order(self) -> "Design":
        if self.most < self.first + self.looks - 1:
            raise fault(
                f"most: {self.most}: must be at least {self.first + self.looks - 1}, first and looks - 1"
            )
        return self

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of replicates at the looks: rising by about the same factor."""
        if self.looks == 1:
            return (self.most,)
        factor = (self.most / self.first) ** (1 / (self.looks - 1))
        sizes = [self.first]
        for look in range(1, self.looks):
            sizes.append(max(sizes[-1] + 1, round(self.first * factor**look)))
        return (*sizes[:-1], self.most)


Replicates: TypeAlias = Annotated[
    Annotated[Natural, Tag("number")] | Annotated[Design, Tag("design")],
    Discriminator(lambda value: "design" if isinstance(value, Mapping | Design) else "number"),
]
