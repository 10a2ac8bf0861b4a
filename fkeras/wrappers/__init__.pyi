"""`fk.wrappers`: models as estimators of scikit-learn."""

from ._classifier import SKLearnClassifier as SKLearnClassifier
from ._regressor import SKLearnRegressor as SKLearnRegressor
from ._transformer import SKLearnTransformer as SKLearnTransformer
