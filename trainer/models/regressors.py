"""Regressors of scikit-learn on the features of photos, as heads of networks.

They are kept with skops, which loads no code: only types of scikit-learn, numpy and scipy, and of the plug-in that
registered the regressor.
"""

from functools import partial
from importlib import import_module
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor, nn

from collector.errors import UsageError
from trainer.models.heads import UNKNOWN
from trainer.models.registry import REGRESSORS
from trainer.plugins import in_words, place_in_plugin
from trainer.runs.config import LIBRARY, RunConfig

RIDGE = "ridge"
TRUSTED = (LIBRARY, "numpy.", "scipy.")


class Fitted(nn.Module):
    """A fitted regressor as a head. It answers on the CPU, and has no gradient."""

    numbers = 1
    kept: Tensor  # uint8, as skops writes it

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self._config = config
        self._regressor: Any = None
        self.register_buffer("kept", torch.zeros(0, dtype=torch.uint8))
        self.register_load_state_dict_pre_hook(_take_size)

    def fit(self, features: np.ndarray, label: np.ndarray, horse: np.ndarray, weight: np.ndarray) -> None:
        """Fit it to features (n, k) and labels (n,); with weights and the groups of horses where it takes them.

        Raises:
            UsageError: it cannot be fitted, or cannot be kept.
        """
        import skops.io

        name, regressor = self._config.regressor, make_regressor(self._config)
        try:
            regressor.fit(features, label, **what_it_takes(regressor, horse, weight))
            kept = skops.io.dumps(regressor)
        except Exception as error:
            raise UsageError(f"The regressor {name} cannot be fitted or kept: {in_words(error)}") from error
        self.kept = torch.from_numpy(np.frombuffer(kept, np.uint8).copy())
        self._regressor = _load(self.kept, self._config)  # what could not be loaded later is refused now

    def forget(self) -> None:
        """Be as if it had never been fitted."""
        self._regressor, self.kept = None, torch.zeros(0, dtype=torch.uint8)

    def forward(self, features: Tensor) -> Tensor:
        if not len(self.kept):
            return torch.full((len(features), 1), UNKNOWN, device=features.device)
        if self._regressor is None:
            self._regressor = _load(self.kept, self._config)
        name = self._config.regressor
        try:
            found = np.asarray(self._regressor.predict(features.detach().float().cpu().numpy()), np.float32)
        except Exception as error:
            raise UsageError(f"The regressor {name} cannot answer: {in_words(error)}") from error
        if found.size != len(features) or not np.isfinite(found).all():
            raise UsageError(f"The regressor {name} does not answer each photo with a number.")
        return torch.as_tensor(found, device=features.device).reshape(-1, 1)

    def value(self, raw: Tensor) -> Tensor:
        return raw.squeeze(1).clamp(0, 1)

    def spread(self, raw: Tensor) -> Tensor | None:  # noqa: ARG002
        return None


def make_regressor(config: RunConfig) -> Any:
    """The regressor of a configuration, not yet fitted: one of scikit-learn by its path, or a registered one.

    Raises:
        UsageError: there is none of that name, or it does not take the options.
    """
    name = config.regressor
    if name.startswith(LIBRARY):
        make = partial(_of_library(name), **config.options)
    else:
        make = partial(REGRESSORS.find(name), config)
    try:
        made = make()
        made.get_params()  # its options are set, and not yet checked
    except UsageError:
        raise
    except Exception as error:
        words = f"The regressor {name} cannot be made with the options {config.options}"
        raise UsageError(f"{words}{place_in_plugin(error)}: {in_words(error)}") from error
    return made


def _of_library(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"scikit-learn has no regressor {path}; write it as sklearn.ensemble:RandomForestRegressor."
        ) from error
    from sklearn.base import is_regressor

    try:
        fits = isinstance(found, type) and is_regressor(found())
    except TypeError:  # it takes others, such as StackingRegressor
        fits = False
    if not fits:
        raise UsageError(
            f"{path} is not a regressor of scikit-learn that can be made without an argument; a function with "
            "@regressor can make any other."
        )
    return found


def what_it_takes(regressor: Any, horse: np.ndarray, weight: np.ndarray) -> dict[str, np.ndarray]:
    """Weights and groups under the names by which it takes them; nothing that it does not take."""
    from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import has_fit_parameter

    searches = isinstance(regressor, GridSearchCV | RandomizedSearchCV)
    last: Any = regressor.estimator if searches else regressor
    step = ""
    while isinstance(last, Pipeline):
        step, last = f"{step}{last.steps[-1][0]}__", last.steps[-1][1]
    found = {f"{step}sample_weight": weight} if has_fit_parameter(last, "sample_weight") else {}
    if searches or has_fit_parameter(regressor, "groups"):
        found["groups"] = horse
    return found


def _load(kept: Tensor, config: RunConfig) -> Any:
    import skops.io

    body = kept.cpu().numpy().tobytes()
    own = () if config.regressor.startswith(LIBRARY) else (REGRESSORS.find(config.regressor).__module__,)
    try:
        types = skops.io.get_untrusted_types(data=body)
        if strange := [each for each in types if not each.startswith(TRUSTED) and each.rpartition(".")[0] not in own]:
            raise UsageError(
                f"The model of {config.regressor} holds {strange[0]}, and loading that could run any code. Only what "
                "comes with scikit-learn, or is defined in the module that registers the regressor, is loaded."
            )
        return skops.io.loads(body, trusted=types)
    except (ValueError, TypeError, KeyError, OSError, BadZipFile) as error:
        raise UsageError(f"The model of {config.regressor} cannot be read: {error}; train again.") from error


def _take_size(head: Any, state: dict[str, Any], prefix: str, *_others: Any) -> None:
    if (kept := state.get(f"{prefix}kept")) is not None:
        head.kept = torch.zeros_like(kept)
