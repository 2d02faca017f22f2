"""What stands for a value in the output: surrogates of the same kind, or placeholders. ``Operators`` is the way in."""

from components.anonymize.operators.ages import is_kept_age
from components.anonymize.operators.dates import is_birth
from components.anonymize.operators.mention import Mention
from components.anonymize.operators.name_pools import full_given_name
from components.anonymize.operators.placeholder import PLACEHOLDER, PlaceholderOperator, numbers_in_use
from components.anonymize.operators.surrogates import REDACTED, Operators

__all__ = [
    "PLACEHOLDER",
    "REDACTED",
    "Mention",
    "Operators",
    "PlaceholderOperator",
    "full_given_name",
    "is_birth",
    "is_kept_age",
    "numbers_in_use",
]
