"""Names have one key however they are mistyped. The keys are made by a later revision (0016), which knows more."""

revision: str = "0013"
down_revision: str | None = "0012"


def upgrade() -> None:
    """Nothing is left to do here."""


def downgrade() -> None:
    """The earlier keys differ for misprints alone; `collector reparse` of the earlier version makes them again."""
