"""Models that are fitted at once: regressors on features, and the SVR of the first attempt on pixels.

scikit-learn takes a second to import, so only the functions that use it import it.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from trainer.dataset.rows import Rows
from trainer.models.features import pooled_neck
from trainer.models.first_attempt import KernelMachine
from trainer.models.heads import HIGH, LOW, UNKNOWN, Bins, Heads, Plain
from trainer.models.networks import Network, build
from trainer.models.regressors import RIDGE, Fitted
from trainer.models.ridge import FOLDS, Standardised, solve
from trainer.runs.config import RunConfig

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)  # on the weights of a head of bins, per example
STEPS = 100  # of L-BFGS


def fit_probe(
    network: Network, config: RunConfig, features: Rows, label: np.ndarray, horse: np.ndarray, weight: np.ndarray
) -> str:
    """Fit the heads of a network to features (n, p), each to its column of the labels (n, t), by the configuration's
    regressor; returns how, in words. The features are standardised before. A label that is missing has the weight 0,
    and its photo has no part in the fit of its head. A head without any photo answers UNKNOWN: a fold may leave a rare
    label none.

    Raises:
        UsageError: there is no such regressor, or it cannot be fitted.
    """
    data = _standardise(network, features)
    if config.regressor == RIDGE:
        strengths = [f"{its:g}" for its in _fit_ridge(network, features, data, label, horse, weight)]
        return f"Ridge of strength {', '.join(strengths)}, chosen by cross-validation over horses."
    whole = np.concatenate([block for _, block in data.blocks(np.arange(len(features)))])
    for place, head in enumerate(network.head):
        assert isinstance(head, Fitted)
        known = weight[:, place] > 0
        if not known.any():
            head.forget()
            continue
        head.fit(whole[known], label[known, place], horse[known], weight[known, place])
    return f"Fitted by {config.regressor}."


def _fit_ridge(
    network: Network, features: Rows, shared: Standardised, label: np.ndarray, horse: np.ndarray, weight: np.ndarray
) -> list[float]:
    """Fit plain heads by ridge regression, each to the photos that have its label, as if there were no other label;
    returns the strength that cross-validation over horses chose for each. Labels of the same photos are solved
    together."""
    strengths = np.full(label.shape[1], np.nan)
    for known, places in _labels_by_photos(weight):
        if not len(known):
            for place in places:
                network.head[place].start_at(UNKNOWN)  # pyright: ignore[reportCallIssue]
            continue
        own = shared if len(known) == len(features) else Standardised.of(features.part(known))
        some = np.ix_(known, places)
        lines = solve(own, label[some].astype(np.float64), horse[known], weight[some])
        slopes, level = lines.seen_as(own, shared)
        for output, place in enumerate(places):
            head = network.head[place]
            assert isinstance(head, Plain)
            with torch.no_grad():
                head.linear.weight.copy_((HIGH - LOW) * torch.from_numpy(slopes[:, output].copy()).float().view(1, -1))
                head.linear.bias.fill_(LOW + (HIGH - LOW) * float(level[output]))
        strengths[places] = lines.strength
    return strengths[~np.isnan(strengths)].tolist()


def _labels_by_photos(weight: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each set of photos that have some labels, (k,), and the places of those labels, (t,)."""
    groups: dict[bytes, list[int]] = {}
    for place in range(weight.shape[1]):
        groups.setdefault((weight[:, place] > 0).tobytes(), []).append(place)
    for places in groups.values():
        yield np.flatnonzero(weight[:, places[0]]), np.array(places)


def _standardise(network: Network, features: Rows) -> Standardised:
    neck, data = pooled_neck(network).cpu(), Standardised.of(features)
    neck.mean.copy_(torch.from_numpy(data.mean))
    neck.std.copy_(torch.from_numpy(data.deviation))
    return data


def fit_head(network: Network, features: Rows, label: np.ndarray, horse: np.ndarray, weight: np.ndarray) -> None:
    """Train the heads alone on fixed features, before the whole network is trained (LP-FT; Kumar et al. 2022).

    Plain heads are solved in closed form; heads of bins by L-BFGS, with a penalty chosen on a fifth of the horses.
    Others begin as they are. Labels and weights are (n, t), as for `fit_probe`.
    """
    data, heads = _standardise(network, features), list(network.head)
    if all(isinstance(head, Plain) for head in heads):
        _fit_ridge(network, features, data, label, horse, weight)
    if not all(isinstance(head, Bins) for head in heads):
        return
    standard = torch.from_numpy(np.concatenate([block for _, block in data.blocks(np.arange(len(features)))]))
    solved: list[Bins] = []
    for place, head in enumerate(heads):
        assert isinstance(head, Bins)
        known = np.flatnonzero(weight[:, place])
        if not len(known):
            solved.append(head)
            continue
        its = torch.from_numpy(label[known, place]), torch.from_numpy(weight[known, place])
        solved.append(_fit_bins(head, standard[torch.from_numpy(known)], *its, horse[known]))
    network.head = Heads(solved)


def _fit_bins(head: Bins, features: Tensor, label: Tensor, weight: Tensor, horse: np.ndarray) -> Bins:
    names = np.unique(horse)
    if len(names) < 2:  # nothing to choose by
        return _solve_bins(head, features, label, weight, PENALTIES[-1])
    outside = torch.from_numpy(np.isin(horse, names[:: min(FOLDS, max(2, len(names)))]))
    losses = []
    for penalty in PENALTIES:
        trial = _solve_bins(head, features[~outside], label[~outside], weight[~outside], penalty)
        with torch.inference_mode():
            losses.append(float(trial.loss(trial(features[outside]), label[outside]).mean()))
    return _solve_bins(head, features, label, weight, PENALTIES[int(np.argmin(losses))])


def _solve_bins(head: Bins, features: Tensor, label: Tensor, weight: Tensor, penalty: float) -> Bins:
    solved = Bins(features.shape[1], len(head.centres))
    solved.load_state_dict(head.state_dict())
    optimiser = torch.optim.LBFGS(solved.parameters(), max_iter=STEPS, line_search_fn="strong_wolfe")

    def step() -> float:
        optimiser.zero_grad()
        fit = (weight * solved.loss(solved(features), label)).sum() / weight.sum()
        loss = fit + penalty * solved.linear.weight.square().sum()
        loss.backward()
        return loss.item()

    optimiser.step(step)
    return solved


def fit_svr(config: RunConfig, pixels: np.ndarray, label: np.ndarray) -> Network:
    """Whitened PCA of the pixels and an SVR with a Gaussian kernel, as in the first attempt (2017)."""
    from sklearn.decomposition import PCA
    from sklearn.svm import SVR

    flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 255
    components = min(config.components, len(flat), flat.shape[1])
    solver = "full" if len(flat) < 1000 else "auto"
    pca = PCA(components, whiten=True, svd_solver=solver, random_state=config.random_seed)
    reduced = pca.fit_transform(flat)
    machine = SVR(C=config.svr_c, gamma=config.svr_gamma)  # pyright: ignore[reportArgumentType]
    machine.fit(reduced, LOW + (HIGH - LOW) * label)
    network = build(config)
    kernel: nn.Module = network.neck
    assert isinstance(kernel, KernelMachine)
    scale = np.sqrt(pca.explained_variance_)[:, None]
    kernel.centre = torch.from_numpy(pca.mean_).float()
    kernel.components = torch.from_numpy(pca.components_ / np.maximum(scale, np.finfo(np.float32).eps)).float()
    kernel.vectors = torch.from_numpy(machine.support_vectors_).float()
    kernel.weights = torch.from_numpy(machine.dual_coef_[0] / (HIGH - LOW)).float()
    kernel.bias = torch.tensor([(float(machine.intercept_[0]) - LOW) / (HIGH - LOW)])
    return network
