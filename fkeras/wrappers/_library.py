"""What the estimators take of scikit-learn, and what is said where it is not installed."""

from ..core import explain

try:
    from sklearn.base import BaseEstimator as BaseEstimator
    from sklearn.base import ClassifierMixin as ClassifierMixin
    from sklearn.base import ClassNamePrefixFeaturesOutMixin as ClassNamePrefixFeaturesOutMixin
    from sklearn.base import RegressorMixin as RegressorMixin
    from sklearn.base import TransformerMixin as TransformerMixin
    from sklearn.preprocessing import LabelEncoder as LabelEncoder
    from sklearn.utils import Tags as Tags
    from sklearn.utils import check_array as check_array
    from sklearn.utils import check_random_state as check_random_state
    from sklearn.utils.multiclass import type_of_target as type_of_target
    from sklearn.utils.validation import check_is_fitted as check_is_fitted
    from sklearn.utils.validation import validate_data as validate_data
except ImportError:
    raise ImportError(
        explain(
            "A model as an estimator needs scikit-learn, 1.6 or newer.",
            usually="it is an optional dependency.",
            write="pip install 'fkeras[sklearn]'",
        )
    ) from None
